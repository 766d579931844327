"""Options that many commands share."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from automation.kernel import errors

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

MOST_SHOWN = 100_000
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)


def without_commas(text: str) -> str:
    """A number as tables show it, in digits alone; anything else as it is."""
    return text.replace(",", "") if THOUSANDS.fullmatch(text) else text


class Whole(click.IntRange):
    """A whole number, also as tables show it: 13,787."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = int(without_commas(str(value)))
        except ValueError:
            self.fail(f"'{value}' is no whole number.", param, ctx)
        return super().convert(number, param, ctx)


class Decimal(click.FloatRange):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = float(value)
        except ValueError:
            self.fail(f"'{value}' is no number.", param, ctx)
        return super().convert(number, param, ctx)


NUMBER = Whole(1, 2**63 - 1)
"""Of something in the database."""


def operator() -> str:
    """Who sits at the keyboard, for the audit: the user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for the user
        return "unknown"


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
who = click.option("--who", default=operator, show_default="your user name", help="Who acts, for the audit.")


def reason(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """A callback: what is kept in the audit says something."""
    if value is not None and not value.strip():
        raise errors.UsageError(f"{option.opts[0]} is empty: say why, it is kept in the audit")
    return value


unmask = click.option(
    "--unmask", metavar="REASON", callback=reason,
    help="Show personal data in clear. The reason is kept in the audit.",
)  # fmt: skip
yes = click.option("--yes", is_flag=True, help="Do not ask.")


def limit(default: int) -> Callable[[Command], Command]:
    """--limit, how many rows at most."""
    return click.option("--limit", type=Whole(1, MOST_SHOWN), default=default, show_default=True, help="Rows at most.")


def example(*lines: str) -> str:
    """The last lines of a command's help. Every command has one; a test looks for it."""
    listed = "\n".join(f"  {line}" for line in lines)
    return f"\b\n{'Example' if len(lines) == 1 else 'Examples'}:\n{listed}"
