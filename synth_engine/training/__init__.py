"""Data sets, training recipes and evaluation. Nothing here is imported at play time."""
