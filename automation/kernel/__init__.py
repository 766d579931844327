"""The ground floor, which imports nothing of ours: errors, clock, positions in source files, the ports of channels."""
