"""Which names a shop may give to its fields, events, properties, segments and pools."""

from __future__ import annotations

import re
from typing import Final

from automation.conditions import parse
from automation.conditions.findings import Findings, short
from automation.festivals import moment_text
from automation.kernel.document import Loc

_PLAIN = re.compile(r"[^\W\d]\w{0,63}")
_DOTTED = re.compile(r"[^\W\d]\w{0,31}(\.[^\W\d]\w{0,31}){0,3}")
_PREFIXES: Final = frozenset({"customer", "entry", "group", "from", "links", "repeat"})
_DAYS: Final = frozenset(moment_text.KEYWORDS)
_JOINS: Final = frozenset({"all", "any", "not"})
_EVENT_OWN: Final = frozenset({"at"})  # the time of the event itself


def plain(findings: Findings, name: str, loc: Loc) -> bool:
    """Letters, digits and underscores, not beginning with a digit; Chinese is fine."""
    if _PLAIN.fullmatch(name):
        return True
    hint = "letters, digits and _, the first one no digit"
    findings.wrong(loc, "K001", f"'{short(name)}' is not possible as a name", hint, key=True)
    return False


def field(findings: Findings, name: str, loc: Loc) -> bool:
    """A plain name that is no word of conditions, moments or paths."""
    if not plain(findings, name, loc):
        return False
    if name not in parse.WORDS | _PREFIXES | _DAYS:
        return True
    findings.wrong(loc, "K002", f"'{name}' is a word of the language", "give the field another name", key=True)
    return False


def prop(findings: Findings, name: str, loc: Loc) -> bool:
    """A plain name that is no joining word of conditions and not the event's own time."""
    if not plain(findings, name, loc):
        return False
    if name not in _JOINS and name not in _EVENT_OWN:
        return True
    findings.wrong(loc, "K002", f"'{name}' is a word of the language", "give the property another name", key=True)
    return False


def event(findings: Findings, name: str, loc: Loc) -> bool:
    """Up to four plain words joined by dots, such as order.paid."""
    if _DOTTED.fullmatch(name):
        return True
    findings.wrong(loc, "K001", f"'{short(name)}' is not possible as an event", "such as order.paid", key=True)
    return False
