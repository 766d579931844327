"""Rows of a chunk that prove people of rows before them to be one: they wait until those people are written.

Then they are merged as people known before the import are: recorded, and to be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def steps(told: Iterable[tuple[bytes, int]], groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """The rows of all groups that are written after the others, in steps: of a group, up to the next row that proves.

    `told`: identities and their rows. `groups`: rows that speak of one person in the end, in the order of the file.
    """
    large = [rows for rows in groups if len(rows) > 2]  # two people and a row that names both
    lookups: dict[int, list[bytes]] = {row: [] for rows in large for row in rows}
    for lookup, row in told if large else ():
        if row in lookups:
            lookups[row].append(lookup)
    found: list[list[int]] = []
    for rows in large:
        for step, row in _waiting(rows, lookups):
            if step == len(found):
                found.append([])
            found[step].append(row)
    return [sorted(rows) for rows in found]


def _waiting(rows: Sequence[int], lookups: dict[int, list[bytes]]) -> Iterable[tuple[int, int]]:
    """Of one group, from the first row that proves: (how many did so before, row)."""
    later: dict[int, int] = {}  # row -> one after it of the same person
    owners: dict[bytes, int] = {}
    proofs = 0
    for row in rows:
        known = {_last(later, owners[lookup]) for lookup in lookups[row] if lookup in owners}
        proofs += len(known) > 1
        later.update(dict.fromkeys(known, row))
        owners.update(dict.fromkeys(lookups[row], row))
        if proofs:
            yield proofs - 1, row


def _last(later: dict[int, int], row: int) -> int:
    while row in later:
        row = later[row]
    return row
