"""The options that say what shows a consent: of one customer by hand, or of all in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from automation.kernel import errors
from automation.people import dates
from automation.people.consents import Proof
from automation.people.normalise import Unusable

from .options import Command
from .session import Session

NAMES = {
    "at": ("TIME", "When it was given, such as 2026-11-05 10:00."),
    "source": ("TEXT", "Where it was given: a shop, a form, a campaign."),
    "text_version": ("TEXT", "Which version of the shop's text it was given to."),
    "evidence": ("TEXT", "Where it can be proved: a form's number, a call's record."),
}


def options(prefix: str = "", says: str = "") -> Callable[[Command], Command]:
    """--at, --source, --text-version and --evidence. `says`: what each help ends with."""

    def add(command: Any) -> Any:
        for name, (metavar, text) in reversed(NAMES.items()):
            word = f"--{prefix}{name}".replace("_", "-")
            command = click.option(word, f"proof_{name}", metavar=metavar, help=text + says)(command)
        return command

    return add


def proof(session: Session, given: Mapping[str, Any]) -> Proof:
    """What the options say. UsageError where the time is none, or not yet."""
    said = {name: given[f"proof_{name}"] for name in NAMES}
    if said["at"] is not None:
        said["at"] = _past(session, said["at"])
    return Proof(**said)


def _past(session: Session, text: str) -> int:
    try:
        at = dates.moment(text, session.settings.shop.zone)
    except Unusable as mistake:
        raise errors.UsageError(f"the time of a consent: {mistake}") from None
    if at > session.now:
        raise errors.UsageError("the time of a consent lies in the future")
    return at
