from __future__ import annotations

import threading

import pytest

from automation.store import audit, schema
from automation.store.database import Store
from automation.store.faults import BadStatement


def note(store: Store, now: int, what: str) -> None:
    with store.write() as tx:
        audit.record(tx, now, "staff_01", what, journey="welcome")


def test_rows_are_listed_newest_first_and_the_chain_holds(store: Store) -> None:
    note(store, 1, "journeys.pause")
    note(store, 2, "journeys.resume")
    listed = audit.listed(store, 10)
    assert [row["what"] for row in listed] == ["journeys.resume", "journeys.pause"]
    assert listed[0]["detail"] == {"journey": "welcome"}
    assert audit.first_broken(store) is None


def test_an_action_that_is_rolled_back_leaves_no_row(store: Store) -> None:
    with pytest.raises(ValueError, match="no"), store.write() as tx:
        audit.record(tx, 1, "staff_01", "erase")
        raise ValueError("no")
    assert audit.listed(store, 10) == []


def test_rows_neither_change_nor_go(store: Store) -> None:
    note(store, 1, "journeys.pause")
    for sql in ("UPDATE audit SET who = 'nobody'", "DELETE FROM audit"):
        try:
            with store.write() as tx:
                tx.run(sql)
        except BadStatement:
            pass  # SQLite says so; PostgreSQL does nothing
    assert [row["who"] for row in audit.listed(store, 10)] == ["staff_01"]


@pytest.mark.parametrize("sql", ["UPDATE audit SET who = 'nobody' WHERE id = 2", "DELETE FROM audit WHERE id = 2"])
def test_who_goes_round_the_lock_is_found_out(bare_url: str, sql: str) -> None:
    store = Store(bare_url)
    schema.migrate(store)
    for now in (1, 2, 3):
        note(store, now, "journeys.pause")
    with store.write() as tx:
        for name in ("audit_keep", "audit_stay"):
            tx.run(f"DROP TRIGGER {name}" if store.path else f"DROP RULE {name} ON audit")
        tx.run(sql)
    assert audit.first_broken(store) == (2 if "UPDATE" in sql else 3)
    store.close()


def test_operators_at_the_same_time_make_one_chain(store: Store) -> None:
    def work(who: int) -> None:
        for now in range(10):
            note(store, now, f"act.{who}")
        store.close()

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(audit.listed(store, 100)) == 40
    assert audit.first_broken(store) is None
