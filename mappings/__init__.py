"""What may be moved and by what: parameters, the catalogue, controller maps, presets.

This package imports no other package of the project, opens no port and starts no thread.
"""
