"""How good a model is: judges that never saw our data, distances to real notes, measures of sound.

Nothing here is imported at play time.
"""
