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

PLAIN_WIDTH = 200  # of a table that goes into a file or pipe, at least: there it leaves nothing out
WRAPPED = 18  # a column of sentences is never narrower
LONG_WORD = 40  # characters; what is longer is broken, as Chinese has no spaces
GAP = 2  # between columns
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
    """`no problems`, `1 problem`, `2,000 problems`."""
    return f"{format(number, ',') if number else 'no'} {noun}{'' if number == 1 else 's'}"


def told(number: int, noun: str, one: str, many: str) -> str:
    """With its verb: `no messages are`, `1 message is`, `2,000 messages are`."""
    return f"{counted(number, noun)} {one if number == 1 else many}"


def people(number: int) -> str:
    """`nobody`, `1 person`, `2,000 people`."""
    return "nobody" if not number else "1 person" if number == 1 else f"{number:,} people"


def people_do(number: int, one: str, many: str) -> str:
    """With their verb: `nobody is`, `1 person is`, `2,000 people are`."""
    return f"{people(number)} {one if number < 2 else many}"


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
    """A table on stdout, its zone below it where it has times. A column that is empty in every row is left out."""
    if rows:
        _draw(_filled(columns, rows, zone), zone, title)
    else:
        click.echo(f"{title}: none" if title else "none")
    if note:
        click.echo(note)


def _draw(columns: Sequence[_Filled], zone: ZoneInfo, title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, highlight=False, width=None if terminal else max(PLAIN_WIDTH, _width(columns)))
    shown = _fitting(columns, console.width)
    if title:
        console.print(Text(title, style="italic"), soft_wrap=True)
    drawn = Table(caption_justify="left", box=None, pad_edge=False)
    drawn.caption = f"times in {zone.key}" if any(one.kind is Kind.TIME for one in shown) else None
    for one in shown:
        side: JustifyMethod = "right" if one.kind is Kind.NUMBER else "left"
        drawn.add_column(one.title, justify=side, overflow="fold", no_wrap=not one.wraps)
    for cells in zip(*(one.cells for one in shown), strict=True):
        drawn.add_row(*map(Text, cells))
    console.print(drawn)
    left = [one.title for one in columns if one not in shown]
    if left:
        click.echo(f"no room for: {', '.join(left)} (a wider terminal, `| less -S` or --json shows them)")


@dataclass(frozen=True, slots=True)
class _Filled:
    """A column with the text of its cells. `wraps`: it holds sentences; ids, names, states and times stay whole."""

    title: str
    kind: Kind
    cells: tuple[str, ...]

    @property
    def wraps(self) -> bool:
        return self.kind is Kind.TEXT and any(" " in cell or len(cell) > LONG_WORD for cell in self.cells)

    @property
    def width(self) -> int:
        """On the screen; at least, of one that wraps."""
        from rich.cells import cell_len

        title, widest = cell_len(self.title), max(map(cell_len, self.cells))
        return max(title, min(widest, WRAPPED) if self.wraps else widest)


def _filled(columns: Sequence[Column], rows: Sequence[Row], zone: ZoneInfo) -> list[_Filled]:
    made = [
        _Filled(one.title or one.key.replace("_", " "), one.kind, tuple(_cell(one, row[one.key], zone) for row in rows))
        for one in columns
        if not one.hidden
    ]
    return [one for one in made if any(one.cells)] or made[:1]


def _fitting(columns: Sequence[_Filled], width: int) -> list[_Filled]:
    """Where the terminal is narrow, the last columns give way; not the first one, nor those that wrap."""
    shown = list(columns)
    while _width(shown) > width:
        spare = [one for one in shown[1:] if not one.wraps]
        if not spare:
            break
        shown.remove(spare[-1])
    return shown


def _width(columns: Sequence[_Filled]) -> int:
    return sum(one.width for one in columns) + GAP * (len(columns) - 1)


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
