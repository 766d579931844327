"""What may leave now: consent, quiet hours, frequency and reach, one rule a file, each over the whole claimed set."""
