"""What grading costs: every contender on the same files, in turns, and the answers compared."""
