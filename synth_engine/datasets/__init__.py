"""Data sets of labelled 4 s notes: their format, what makes them, and what tells of them."""
