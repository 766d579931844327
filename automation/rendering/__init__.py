"""What a message says: text files checked when loaded, and a sandboxed renderer from plain values to bodies."""
