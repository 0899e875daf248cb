"""What a recording says, found without asking the program that made it."""
