"""Notices to staff and calls of web hooks as operators see them, and the order to try again what was given up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from automation.kernel import errors
from automation.store import audit
from automation.store.database import Statements, Transaction
from automation.store.states import EffectState

from .digests import MARKS
from .staff import Told

COLUMNS = ("id", "kind", "to", "told", "journey", "step", "person", "state", "attempts", "at", "due", "error")
LIST = (
    "SELECT e.id, e.kind, e.ref, e.payload, j.name, s.key, e.person_id, e.state, e.attempts, e.at, e.due, e.error"
    " FROM effect e JOIN step s ON s.id = e.step JOIN journey j ON j.id = s.journey_id"
)


def listed(statements: Statements, state: EffectState | None, limit: int) -> list[dict[str, Any]]:
    """The newest first. `kind`: notify or webhook; `to`: the role or the web hook; `told`: the entry of `staff`, or the
    user id of a colleague, None until somebody is told; `state` by its name. No text and nothing of what is handed over
    is in it."""
    test = "1 = 1" if state is None else f"e.state = {int(state)}"
    rows = statements.rows(f"{LIST} WHERE {test} ORDER BY e.id DESC LIMIT :limit", limit=limit)
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return [one | {"state": EffectState(one["state"]).name.lower(), "told": _told(one)} for one in found]


def _told(one: dict[str, Any]) -> str | None:
    if one["kind"] != "notify" or not one["attempts"]:
        return None
    told = json.loads(one["told"] or "{}").get(MARKS, {}).get("told")
    return (Told(*told).user or Told(*told).entry) if told else None


def retry(tx: Transaction, numbers: Sequence[int] | None, who: str, now: int) -> int:
    """Lets those that were given up leave again at once; None means all of them. Returns how many. A web hook keeps its
    key, so that a receiver who had it before all the same does the work once.

    Refused where none was given up.
    """
    chosen, ids = "", None
    if numbers is not None:
        chosen, ids = f" AND id IN (SELECT id FROM {tx.dialect.ids('ids')} g)", tx.dialect.array(list(numbers))
    count = tx.run(
        f"UPDATE effect SET state = {EffectState.WAITING}, due = :now, attempts = 0, error = NULL"
        f" WHERE state = {EffectState.FAILED}{chosen}",
        now=now, ids=ids,
    )  # fmt: skip
    if not count:
        raise errors.Refused("none was given up; `run.py notices list --state failed` shows those that were")
    audit.record(tx, now, who, "notices retried", notices=list(numbers or [])[:100], count=count)
    return count
