"""The log of a long-running command, on stderr: lines for people, or one JSON object a line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from automation.settings.sections import Log

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Json(logging.Formatter):
    """One object a line: at (UTC), level, name, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "name": record.name, "message": record.getMessage(),
        }  # fmt: skip
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def set_up(log: Log, debug: bool) -> None:
    """Replaces the quiet log of short commands by what the settings say."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if log.format == "json" else logging.Formatter(TEXT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else log.level.upper())
    logging.getLogger("peewee").setLevel(logging.INFO)  # its debug log is every statement with its values
