"""How results look: tables with right-aligned numbers and local times for people, one JSON document for programs.

One list of columns describes both, so that they cannot tell different things.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from rich.console import JustifyMethod

PLAIN_WIDTH = 200  # of a table that goes into a file or pipe
Row = Mapping[str, Any]


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"  # UTC seconds; shown in the shop's zone, in JSON as ISO 8601 with offset


@dataclass(frozen=True, slots=True)
class Column:
    """`key`: of the row, and of the JSON object. `title`: above the column, the key where there is none."""

    key: str
    kind: Kind = Kind.TEXT
    title: str = ""
    hidden: bool = False  # in JSON only


def text(key: str, title: str = "") -> Column:
    return Column(key, Kind.TEXT, title)


def number(key: str, title: str = "") -> Column:
    return Column(key, Kind.NUMBER, title)


def time(key: str, title: str = "") -> Column:
    return Column(key, Kind.TIME, title)


def unseen(key: str) -> Column:
    """A value that only the JSON document has."""
    return Column(key, hidden=True)


def counted(number: int, noun: str) -> str:
    """`no problems`, `1 problem`, `2 problems`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def moment(at: int | None, zone: ZoneInfo) -> str:
    """2026-11-22 15:57 in the zone; "" for none."""
    return "" if at is None else f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"


def iso(at: int | None, zone: ZoneInfo) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat()


def document(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def plain(columns: Sequence[Column], rows: Sequence[Row], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows as JSON has them."""
    return [
        {one.key: iso(row[one.key], zone) if one.kind is Kind.TIME else row[one.key] for one in columns} for row in rows
    ]


def table(columns: Sequence[Column], rows: Sequence[Row], zone: ZoneInfo, *, title: str = "", note: str = "") -> None:
    """A table on stdout, its zone below it where it has times."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [one for one in columns if not one.hidden]
    caption = f"times in {zone.key}" if any(one.kind is Kind.TIME for one in shown) else ""
    drawn = Table(title=title or None, title_justify="left", caption_justify="left", box=None, pad_edge=False)
    drawn.caption = caption or None
    for one in shown:
        side: JustifyMethod = "right" if one.kind is Kind.NUMBER else "left"
        drawn.add_column(one.title or one.key.replace("_", " "), justify=side, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_cell(one, row[one.key], zone)) for one in shown))
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    if rows:
        console.print(drawn)
    else:
        click.echo(f"{title}: none" if title else "none")
    if note:
        click.echo(note)


def listing(
    noun: str, columns: Sequence[Column], rows: Sequence[Row], zone: ZoneInfo, as_json: bool, note: str = ""
) -> None:
    """A whole listing: `{noun: [...]}` as JSON, or a table."""
    if as_json:
        document({noun: plain(columns, rows, zone)})
    else:
        table(columns, rows, zone, note=note)


def _cell(column: Column, value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if column.kind is Kind.TIME:
        return moment(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.kind is Kind.NUMBER:
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
