"""The engine: finds the customers of each journey, moves them in sets, and keeps the messages they are owed."""
