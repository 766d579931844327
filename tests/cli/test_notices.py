"""Notices to staff and web hooks: what was given up is listed, and tried again by order."""

from __future__ import annotations

from typing import Any

import pytest

from automation.store.database import Store
from automation.store.states import EffectState
from tests.cli.conftest import NOW

EFFECT = (
    "INSERT INTO effect (kind, ref, run_id, step, visit, person_id, at, due, state, attempts, error, payload)"
    ' SELECT :kind, :ref, :run, s.id, 0, 1, :now, :due, :state, 3, :error, \'{"text": "secret"}\' FROM step s'
    " WHERE s.key = 'rest'"
)


@pytest.fixture
def told(shop: Any) -> Any:
    """A shop with one notice that left, one that waits, and a notice and a call that were given up."""
    store = Store(f"sqlite:{shop.folder}/var/lucheng.db")
    rows = (
        ("notify", "nurse", EffectState.DONE, None),
        ("notify", "nurse", EffectState.WAITING, None),
        ("notify", "nurse", EffectState.FAILED, "nobody in the settings has the role nurse"),
        ("webhook", "crm", EffectState.FAILED, "unavailable 500"),
    )
    with store.write() as tx:
        for run, (kind, ref, state, error) in enumerate(rows, 1):
            due = NOW + 60 if state == EffectState.WAITING else None
            tx.run(EFFECT, kind=kind, ref=ref, run=run, now=NOW, due=due, state=int(state), error=error)
    store.checkpoint("TRUNCATE")
    store.close()
    return shop


def listed(shop: Any, *words: str) -> list[tuple[str, str, str]]:
    rows = shop.fine("notices", "list", "--json", *words).json["notices"]
    return [(row["kind"], row["to"], row["state"]) for row in rows]


def test_the_newest_come_first_without_what_they_say(told: Any) -> None:
    assert listed(told) == [
        ("webhook", "crm", "failed"), ("notify", "nurse", "failed"), ("notify", "nurse", "waiting"),
        ("notify", "nurse", "done"),
    ]  # fmt: skip
    assert listed(told, "--state", "failed", "--limit", "1") == [("webhook", "crm", "failed")]
    assert "unavailable 500" in told.fine("notices", "list").out
    assert "secret" not in told.fine("notices", "list", "--json").out


def test_what_was_given_up_is_tried_again_and_all_else_stays(told: Any) -> None:
    last = told.fine("notices", "list", "--json").json["notices"][0]["id"]
    assert told.fine("notices", "retry", str(last)).out == "1 notice is tried again\n"
    assert [state for *_, state in listed(told)] == ["waiting", "failed", "waiting", "done"]
    assert told.fine("notices", "retry", "--all").out == "1 notice is tried again\n"
    rows = told.fine("notices", "list", "--json").json["notices"]
    assert [(row["state"], row["attempts"], row["error"]) for row in rows[:2]] == [("waiting", 0, None)] * 2
    assert rows[0]["due"] is not None
    assert "notices retried" in told.fine("audit", "list").out


def test_there_is_nothing_to_retry_twice(told: Any) -> None:
    told.fine("notices", "retry", "--all")
    again = told("notices", "retry", "--all")
    assert (again.code, "none was given up" in again.err) == (1, True)
    for words in ((), ("1", "--all")):
        assert told("notices", "retry", *words).code == 2


def test_it_is_seen_who_was_told_and_not_who_the_customer_is(told: Any) -> None:
    marked = (
        ("notify", 3, '{"text": "secret", "marks": {"told": ["wang", ""]}}'),
        ("notify", 1, '{"text": "secret", "marks": {"told": ["nurse", "zhaomin"]}}'),
        ("notify", 0, '{"text": "secret", "marks": {"told": ["nurse", ""]}}'),
        ("webhook", 1, '{"marks": {"told": ["of", "the shop"]}}'),
    )
    store = Store(f"sqlite:{told.folder}/var/lucheng.db")
    with store.write() as tx:
        for number, (kind, attempts, payload) in zip((1, 2, 3, 4), marked, strict=True):
            tx.run(
                "UPDATE effect SET kind = :kind, attempts = :attempts, payload = :payload WHERE run_id = :number",
                kind=kind, attempts=attempts, payload=payload, number=number,
            )  # fmt: skip
    store.checkpoint("TRUNCATE")
    store.close()
    rows = told.fine("notices", "list", "--json").json["notices"]
    assert [(row["to"], row["told"]) for row in rows] == [
        ("crm", None), ("nurse", None), ("nurse", "zhaomin"), ("nurse", "wang"),
    ]  # fmt: skip
    assert all(word in told.fine("notices", "list").out for word in ("wang", "zhaomin"))
