"""Lucheng: customer journeys as code. Floors and their order are drawn in docs/architecture.md."""
