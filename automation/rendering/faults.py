"""Why one rendering failed, in words without any value: this person gets no message, the others are not touched."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Stable codes; kept with the message as the reason why it was not sent."""

    NO_TEXT = "no_text"  # the text has no file for this kind of channel, or is disabled by a problem in its files
    MISSING_VALUE = "missing_value"  # a value the text needs is not there for this person
    BAD_VALUE = "bad_value"  # a value of another kind than the filter or operator takes
    TOO_LONG = "too_long"  # the output passes the cap of its kind
    TOO_MUCH_WORK = "too_much_work"  # loops pass their cap, or the deadline has passed
    TOO_BIG = "too_big"  # it takes more memory than a text may
    TOO_SLOW = "too_slow"  # it was stopped after its time
    KILLED = "killed"  # the process that rendered it ended in it


class RenderFault(Exception):
    """Raised inside a rendering and turned into a value at its edge. `path` names a variable, never its value."""

    def __init__(self, code: Fault, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.path = path


def bad_value(message: str) -> RenderFault:
    return RenderFault(Fault.BAD_VALUE, message)
