"""Reports, comings and goings in any order, repeated and split over requests: one end (I7)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from automation.inbound.values import Arrival
from automation.kernel.hooks import Happening, Receipt
from automation.kernel.ports import Accepted
from automation.store.database import Store
from tests.inbound.desk import NOON, WECHAT, Desk, Making, fan

RECEIPTS = (
    ("sent", 1, {}), ("delivered", 10, {}), ("delivered", 12, {}), ("opened", 20, {}), ("clicked", 30, {}),
    ("failed", 15, {"code": "550"}), ("failed", 16, {"code": "550 5.1.1", "dead": True}),
    ("opened", 25, {"complaint": True}),
)  # fmt: skip
TABLES = (
    "message", "attempt", "receipt", "event", "event_queue", "entrant", "run", "inbound", "consent", "consent_log",
    "suppression", "reply_window", "send_grant", "identity", "person",
)  # fmt: skip
RULES = settings(
    max_examples=30, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)  # each example writes a database: shrinking would take minutes


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path) -> Desk:
    return Desk(sqlite_store, tmp_path).ready(j="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")


def clean(desk: Desk) -> None:
    with desk.store.write() as tx:
        for table in TABLES:
            tx.run(f"DELETE FROM {table}")


def told(desk: Desk, happened: Sequence[Happening], cuts: Sequence[int]) -> None:
    """In requests as long as the cuts say, all at one later moment."""
    at = 0
    for size in [*cuts, len(happened)]:
        if happened[at : at + size]:
            desk.inbox.record([Arrival(WECHAT, happened[at : at + size])], desk.noon + 100)
        at += size


def outcome_of_message(desk: Desk) -> tuple[Any, ...]:
    row = desk.store.row("SELECT state, delivered_at, opened_at, clicked_at FROM message")
    events = desk.store.rows("SELECT DISTINCT n.name FROM event e JOIN name n ON n.id = e.name_id ORDER BY n.name")
    seen = [name for (name,) in events if name not in ("message.failed", "message.sent")]
    # Of two reasons to block an address the first one told stays: blocked is blocked.
    return (row, tuple(seen), len(desk.suppressed()), tuple(desk.consents()))


@given(data=st.data())
@RULES
def test_reports_end_alike_in_any_order(desk: Desk, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(range(len(RECEIPTS))), unique=True, min_size=1))
    ends = set()
    for _ in range(2):
        order = data.draw(st.permutations(chosen + chosen[:2]))
        early = data.draw(st.integers(0, len(order)))
        cuts = data.draw(st.lists(st.integers(1, 4), max_size=4))
        clean(desk)
        desk.wechat.answer = lambda _: Accepted("pid")
        desk.enter("j", desk.reachable(), NOON)
        desk.tick(NOON)
        reports = [
            Receipt("pid", kind, desk.noon + at, **more)  # type: ignore[arg-type]
            for kind, at, more in (RECEIPTS[number] for number in order)
        ]
        told(desk, reports[:early], cuts)
        desk.deliver(NOON)
        told(desk, reports[early:], cuts)
        assert desk.count("receipt") == 0
        ends.add(outcome_of_message(desk))
    assert len(ends) == 1


@given(data=st.data())
@RULES
def test_comings_and_goings_end_alike_in_any_order(desk: Desk, data: st.DataObject) -> None:
    """Whatever happened last is what holds, however it was told; at one moment two things do not happen."""
    times = data.draw(st.lists(st.integers(1, 90), unique=True, min_size=1, max_size=6))
    kinds = data.draw(st.lists(st.sampled_from(["followed", "left", "said"]), min_size=len(times), max_size=len(times)))
    ends = set()
    for _ in range(2):
        clean(desk)
        make = Making(desk.noon)
        happened = [_made(make, kind, at) for kind, at in zip(kinds, times, strict=True)]
        order = data.draw(st.permutations(happened + happened[:1]))
        told(desk, order, data.draw(st.lists(st.integers(1, 3), max_size=4)))
        gone = desk.suppressed() == [("openid", "gone")]
        ends.add((gone, bool(desk.windows()) and gone, desk.count("inbound"), len(desk.events())))
    last = max(zip(times, kinds, strict=True))[1]
    assert ends == {(last == "left", False, len(times), len(times))}
    assert desk.person_of("openid", fan().value, WECHAT) is not None


def _made(make: Making, kind: str, at: int) -> Happening:
    if kind == "said":
        return make.said("hallo", at, dedupe=f"said {at}")
    return (make.followed if kind == "followed" else make.left)(at, dedupe=f"{kind} {at}")
