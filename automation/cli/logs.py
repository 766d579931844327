"""The log on stderr: lines for people, or one JSON object a line. No personal data: of errors only types and places."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from automation.settings.sections import Log

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
SHORT = "%(levelname)s %(name)s: %(message)s"


def places(error: BaseException | None) -> str:
    """An error and what caused it, as types and places in the code: a message might hold a customer's data."""
    lines: list[str] = []
    while error is not None:
        lines += [type(error).__qualname__, "".join(traceback.format_tb(error.__traceback__)).rstrip()]
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


class Lines(logging.Formatter):
    """Lines for people, with times in `zone` as tables have them. `debug`: tracebacks are whole, messages of errors
    included."""

    def __init__(self, form: str, debug: bool, zone: ZoneInfo | None = None) -> None:
        super().__init__(form)
        self._debug, self._zone = debug, zone

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, self._zone or UTC).isoformat(" ", "milliseconds")

    def formatException(self, ei: Any) -> str:
        return super().formatException(ei) if self._debug else places(ei[1])


class Json(Lines):
    """One object a line: at (UTC), level, name, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "name": record.name, "message": record.getMessage(),
        }  # fmt: skip
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def begin(debug: bool) -> None:
    """The quiet log of short commands: warnings only, unless somebody looks for a fault."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(SHORT, debug))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler])
    logging.getLogger("peewee").setLevel(logging.INFO)  # its debug log is every statement with its values


def set_up(log: Log, zone: ZoneInfo, debug: bool) -> None:
    """Replaces the quiet log by what the settings say, for a command that runs long."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json(TEXT, debug) if log.format == "json" else Lines(TEXT, debug, zone))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else log.level.upper())
