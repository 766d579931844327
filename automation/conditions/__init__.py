"""What may be asked of a person or an event: frozen values, read from YAML, compiled to SQL by automation.audience."""
