"""Measurements of one machine, each a program: `python -m bench.importing`. Read ratios, not digits."""
