"""A pretend provider for demos and tests: a server process with its own ledger, and the channel that talks to it."""
