"""What rows of customers and of events have in common: their wrappings, their width, and who it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from automation.people.exporting import unsafe
from automation.people.normalise import KINDS, Unusable
from automation.store.database import Transaction

NOTHING = frozenset(("-", "--", "—", "null", "NULL", "None", "\\N", "#N/A", "N/A"))

NOBODY = "no phone, email or other identity: nobody could tell whose row this is"


@dataclass(frozen=True, slots=True)
class IdentityColumn:
    place: int
    kind: str
    account: str
    normalise: Callable[[str], str]


def identity_columns(targets: Sequence[str | None], accounts: Mapping[str, str]) -> tuple[IdentityColumn, ...]:
    return tuple(
        IdentityColumn(place, kind, accounts.get(kind, ""), KINDS[kind])
        for place, kind in enumerate(targets)
        if kind is not None and kind in KINDS
    )


def identities(columns: Sequence[IdentityColumn], cells: list[str]) -> list[tuple[str, str, str]]:
    """(kind, account, normalised) of every column that is not empty; Unusable where one is bad or all are empty."""
    found = []
    for column in columns:
        cell = cells[column.place]
        if cell:
            try:
                found.append((column.kind, column.account, column.normalise(cell)))
            except Unusable as error:
                raise Unusable(f"{column.kind}: {error}") from None
    if not found:
        raise Unusable(NOBODY)
    return found


def fitted(cells: list[str], width: int) -> list[str]:
    """As many cells as there are headings; Unusable where there are more that are not empty."""
    found = len(cells)
    if found == width:
        return cells
    if found > width and any(cells[width:]):
        raise Unusable(f"{found} cells where the headings are {width}: a separator inside a cell needs quotes")
    return cells[:width] + [""] * (width - found)


def owners(tx: Transaction, lookups: Sequence[bytes]) -> dict[bytes, int]:
    """Who has the identities that are known; `lookups` sorted."""
    given, join = tx.dialect.blobs("lookups"), tx.dialect.join_in_order
    found = tx.rows(
        f"SELECT i.lookup, i.person_id FROM {given} l {join} identity i ON i.lookup = l.value",
        lookups=tx.dialect.blob_array(lookups),
    )
    return {bytes(lookup): person for lookup, person in found}


def cleaned(cells: Sequence[str]) -> list[str]:
    """Cells of a row or a column without what spreadsheets put around them: spaces, words for nothing, =".." and '."""
    clean = list(map(str.strip, cells))
    if not NOTHING.isdisjoint(clean):
        clean = ["" if cell in NOTHING else cell for cell in clean]
    joined = "".join(clean)
    if "'" in joined or "=" in joined or "`" in joined:
        clean = [_bare(cell) if cell[:1] in ("=", "'", "`") else cell for cell in clean]
    return clean


def _bare(cell: str) -> str:
    if cell.startswith('="') and cell.endswith('"'):
        return cell[2:-1]
    if cell[0] in "'`" and cell[1:2].isdigit():
        return cell[1:]
    return unsafe(cell)
