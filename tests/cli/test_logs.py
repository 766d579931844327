from __future__ import annotations

import json
import logging
import sys
from zoneinfo import ZoneInfo

from automation.cli import logs

PHONE, MAIL = "13800000001", "a@example.com"  # by name where they are raised: a traceback shows the code


def failed() -> logging.LogRecord:
    """The record of an error whose message, like a database's, quotes a value."""
    try:
        try:
            raise ValueError(PHONE)
        except ValueError as cause:
            raise RuntimeError(MAIL) from cause
    except RuntimeError:
        return logging.LogRecord("work", logging.ERROR, "here", 1, "tick failed", (), sys.exc_info())


def test_a_logged_error_keeps_types_and_places_and_no_message() -> None:
    told = logs.Lines(logs.SHORT, debug=False).format(failed())
    assert "RuntimeError" in told
    assert "ValueError" in told
    assert "in failed" in told
    assert PHONE not in told
    assert MAIL not in told


def test_with_debug_the_message_is_there_too() -> None:
    assert PHONE in logs.Lines(logs.SHORT, debug=True).format(failed())


def test_a_line_tells_the_time_of_the_shop_as_tables_do_and_its_distance_to_utc() -> None:
    record = failed()
    record.created = 1_795_330_800.25
    told = logs.Lines(logs.TEXT, debug=False, zone=ZoneInfo("Asia/Shanghai")).format(record)
    assert told.startswith("2026-11-22 15:00:00.250+08:00 ERROR work: tick failed")
    assert json.loads(logs.Json(logs.TEXT, debug=False).format(record))["at"] == "2026-11-22T07:00:00.250+00:00"


def test_a_line_of_json_says_the_same() -> None:
    told = json.loads(logs.Json(logs.TEXT, debug=False).format(failed()))
    assert (told["level"], told["name"], told["message"]) == ("error", "work", "tick failed")
    assert "in failed" in told["traceback"]
    assert PHONE not in told["traceback"]
