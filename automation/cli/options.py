"""Options that many commands share."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

from automation.kernel import errors

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

MOST_SHOWN = 100_000
NUMBER = click.IntRange(1, 2**63 - 1)
"""Of something in the database."""


def operator() -> str:
    """Who sits at the keyboard, for the audit: the user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for the user
        return "unknown"


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
who = click.option("--who", default=operator, show_default="your user name", help="Who acts, for the audit.")


def _reason(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise errors.UsageError("--unmask needs a reason, which is kept in the audit: why are you looking?")
    return value


unmask = click.option(
    "--unmask", metavar="REASON", callback=_reason,
    help="Show personal data in clear. The reason is kept in the audit.",
)  # fmt: skip
yes = click.option("--yes", is_flag=True, help="Do not ask.")


def limit(default: int) -> Callable[[Command], Command]:
    """--limit, how many rows at most."""
    return click.option(
        "--limit", type=click.IntRange(1, MOST_SHOWN), default=default, show_default=True, help="Rows at most."
    )


def example(*lines: str) -> str:
    """The last lines of a command's help. Every command has one; a test looks for it."""
    listed = "\n".join(f"  {line}" for line in lines)
    return f"\b\n{'Example' if len(lines) == 1 else 'Examples'}:\n{listed}"
