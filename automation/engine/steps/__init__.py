"""What happens on the way: one kind of effect a file, each over all runs of a plan at once."""
