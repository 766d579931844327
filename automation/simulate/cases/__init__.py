"""Tests of journeys: one customer, a clock that jumps, and what has to come of it. Nothing leaves."""
