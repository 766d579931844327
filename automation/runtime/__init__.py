"""The live engine: the lock that makes it one, the scheduler that ticks, and the way it stops."""
