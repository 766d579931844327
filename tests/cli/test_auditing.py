"""The invariants find what was broken on purpose, one by one, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from automation.engine import invariants
from automation.store import audit
from automation.store.database import Store

PERSON = "INSERT INTO person (uid, seed, points, created_at, changed_at) VALUES ('u', 1, {points}, 1, 1)"
RUN = (
    "INSERT INTO run (journey_id, version_id, node, person_id, due, clock, node_at, entered_at, state, episode, reason)"
    " VALUES ({journey}, 1, {node}, 1, {due}, 1, 1, 1, {state}, '{episode}', {reason})"
)
MESSAGE = (
    "INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, state, due, scheduled_at,"
    " expires_at) VALUES (1, 1, 0, {person}, 1, 1, 1, {state}, {due}, 1, 9)"
)
BASE = (
    "INSERT INTO journey (name, status, paused) VALUES ('j', 'live', 0)",
    "INSERT INTO version (journey_id, hash, source, at) VALUES (1, 'h', '', 1)",
    "INSERT INTO step (journey_id, key) VALUES (1, 'start')",
    PERSON.format(points=0),
    RUN.format(journey=1, node=1, due=5, state=0, episode="", reason="NULL"),
)
BROKEN = {
    "I1.run": ("UPDATE run SET due = NULL",),
    "I1.queued": (MESSAGE.format(person=1, state=0, due="NULL"),),
    "I1.lease": (MESSAGE.format(person=1, state=2, due="NULL"),),
    "I1.over": (MESSAGE.format(person=1, state=5, due="5"),),
    "I1.events": ("INSERT INTO event_queue (event_id, person_id, name_id, at) VALUES (77, 1, 1, 1)",),
    "I2.proof": (MESSAGE.format(person=1, state=3, due="NULL"),),
    "I3.ambiguous": (MESSAGE.format(person=1, state=4, due="NULL"),),
    "I1.awaiting": (MESSAGE.format(person=1, state=9, due="NULL"),),
    "I3.task": (MESSAGE.format(person=1, state=9, due="NULL"), "UPDATE message SET lease_until = 5"),
    "I5.windows": ("INSERT INTO reply_window (channel, identity_id, until, messages) VALUES ('a', 1, 9, -1)",),
    "I2.accepted": (
        MESSAGE.format(person=1, state=3, due="NULL"),
        "INSERT INTO attempt (message_id, n, channel, lane, idem_key, state, at) VALUES (1, 1, 'a', 'l', 'k1', 2, 1)",
        "INSERT INTO attempt (message_id, n, channel, lane, idem_key, state, at) VALUES (1, 2, 'b', 'l', 'k2', 2, 1)",
    ),
    "I4.place": ("UPDATE run SET node = 99",),
    "I4.version": ("UPDATE version SET retired_at = 2",),
    "I4.step": (MESSAGE.format(person=2, state=0, due="5"),),
    "I4.ended": ("UPDATE run SET state = 1",),
    "I8.points": ("UPDATE person SET points = 5",),
    "I8.given": ("INSERT INTO coupon (pool_id, code, redeemed_at) VALUES (1, 'A', 5)",),
    "I9.merged": ("UPDATE person SET merged_into = id",),
    "I10.paused": ("UPDATE journey SET paused = 1",),
}


def offended(store: Store) -> dict[str, tuple[int, ...]]:
    return {one.invariant.id: one.examples for one in invariants.check(store) if one.count}


def base(store: Store) -> None:
    with store.write() as tx:
        for sql in BASE:
            tx.run(sql)


def test_a_sound_database_offends_nothing(store: Store) -> None:
    assert offended(store) == {}
    base(store)
    assert offended(store) == {}


def test_each_invariant_finds_what_breaks_it_and_names_the_row(store: Store) -> None:
    base(store)
    for number, statements in BROKEN.items():

        class Undo(Exception):
            pass

        with pytest.raises(Undo), store.write() as tx:
            for sql in statements:
                # ids go on counting after a rollback: what was meant by 1 is the newest
                newest = "(SELECT max(id) FROM message)" if sql.startswith("INSERT INTO attempt") else "1"
                tx.run(sql.replace("VALUES (1, 1, 'a'", f"VALUES ({newest}, 1, 'a'").replace(
                    "VALUES (1, 2, 'b'", f"VALUES ({newest}, 2, 'b'"))  # fmt: skip
            found = offended(store)
            assert number in found, f"{number} found nothing"
            assert found[number], f"{number} names no row"
            raise Undo


def test_what_a_unique_index_forbids_is_not_in_the_list_above_and_all_else_is() -> None:
    by_index = {"I2.once", "I2.key", "I4.one", "I8.step", "I8.code"}
    assert {one.id for one in invariants.INVARIANTS} == set(BROKEN) | by_index


def test_a_changed_row_of_the_audit_breaks_its_chain(sqlite_store: Store) -> None:
    with sqlite_store.write() as tx:
        audit.record(tx, 1, "anna", "first")
        audit.record(tx, 2, "anna", "second")
        tx.run("DROP TRIGGER audit_keep")
        tx.run("UPDATE audit SET who = 'eve' WHERE id = 1")
    assert offended(sqlite_store) == {"I10.chain": (1,)}


def test_the_command_ends_with_one_where_something_does_not_hold(shop: Any) -> None:
    assert shop.fine("audit").out.strip().endswith("invariants hold")
    store = Store(f"sqlite:{shop.folder}/var/lucheng.db")
    with store.write() as tx:
        tx.run("UPDATE person SET points = 5 WHERE id = 1")
    store.checkpoint("TRUNCATE")
    store.close()
    done = shop("audit")
    assert done.code == 1
    assert "I8.points" in done.out
