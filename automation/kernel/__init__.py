"""The ground floor: errors, clock, positions in source files and the ports that channels implement. Imports nothing of ours."""
