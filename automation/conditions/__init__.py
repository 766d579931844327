"""What may be asked about a person or an event: frozen values, parsed from YAML, compiled to SQL by automation.audience."""
