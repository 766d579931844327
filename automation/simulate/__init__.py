"""The engine on a database and a clock of its own: made-up customers live through a year, and the demo shows it."""
