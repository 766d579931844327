"""Recency, frequency and money of each buyer, scored 1 to 5 by the shop's cuts. Who never bought has no scores.

The columns are the built-in fields of the same names, which conditions and texts use.
"""

from __future__ import annotations

from collections.abc import Sequence

from automation.settings.sections import Lifecycle, Rfm
from automation.store.database import Store
from automation.store.names import Names

from . import slices

DAY = 86_400
COLUMNS = dict.fromkeys(("recency", "frequency", "monetary"), "SMALLINT")


def refresh(
    store: Store, names: Names, rules: tuple[Lifecycle, Rfm], now: int, progress: slices.Progress = lambda done: None
) -> int:
    """Recomputes everybody's scores; returns how many people changed. The event and its amount are the lifecycle's.

    Recency 5 is a last purchase at most the first cut ago; frequency and money 5 are above the last cut.
    """
    lifecycle, cuts = rules
    sql, changed = _changed(store, lifecycle, cuts, now), 0
    event = names.find("event", lifecycle.event) or -1
    for done, (low, high) in enumerate(slices.id_ranges(store), 1):
        rows = store.rows(sql, low=low, high=high, event=event)
        slices.update_people(store, COLUMNS, rows)
        changed += len(rows)
        progress(done * slices.SIZE)
    return changed


def _changed(store: Store, lifecycle: Lifecycle, cuts: Rfm, now: int) -> str:
    recency = _score("bought.last", [now - days * DAY for days in cuts.recency_days], ">=", 5)
    frequency = _score("bought.orders", cuts.frequency, "<=", 1)
    money = _score("bought.fen", cuts.monetary_fen, "<=", 1)
    amount = store.dialect.json_number("e.props", [lifecycle.amount])
    return f"""
        SELECT id, r, f, m FROM (
            SELECT p.id, p.recency, p.frequency, p.monetary, {recency} AS r, {frequency} AS f, {money} AS m
            FROM person p LEFT JOIN (
                SELECT e.person_id, max(e.at) AS last, count(*) AS orders, coalesce(sum({amount}), 0) AS fen
                FROM event e
                WHERE e.person_id > :low AND e.person_id <= :high AND e.name_id = :event GROUP BY e.person_id
            ) AS bought ON bought.person_id = p.id
            WHERE p.id > :low AND p.id <= :high AND p.merged_into IS NULL) AS scored
        WHERE r IS DISTINCT FROM recency OR f IS DISTINCT FROM frequency OR m IS DISTINCT FROM monetary"""


def _score(value: str, cuts: Sequence[int | float], sign: str, first: int) -> str:
    """The first cut that holds gives `first`, the next one nearer to 3, and beyond all of them the other end."""
    step = -1 if first == 5 else 1
    whens = " ".join(f"WHEN {value} {sign} {cut} THEN {first + step * n}" for n, cut in enumerate(cuts))
    return f"CASE WHEN bought.person_id IS NULL THEN NULL {whens} ELSE {6 - first} END"
