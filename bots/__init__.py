"""Adapters to the outside world, one folder a channel. They import automation.kernel and nothing else of ours."""
