"""Sound without hurry: notes, songs and journeys rendered to files."""
