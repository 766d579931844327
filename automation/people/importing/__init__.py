"""Imports of customers and of past events from CSV and XLSX, resumable, with a rejects file."""

from .customers import customers
from .events import events
from .options import Limits, Options, Report, Watch

__all__ = ["Limits", "Options", "Report", "Watch", "customers", "events"]
