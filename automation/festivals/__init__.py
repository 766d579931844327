"""Calendars and clocks as pure values: durations, moments, schedules, quiet hours, workdays, lunar days, festivals."""
