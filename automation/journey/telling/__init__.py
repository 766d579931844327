"""A journey read back as Chinese sentences."""
