"""The language of journeys: files in, frozen values out. No I/O but reading files."""
