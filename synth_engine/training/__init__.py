"""Training recipes. Nothing here is imported at play time."""
