from __future__ import annotations

import threading
from pathlib import Path

import peewee
import pytest

from automation.kernel import errors
from automation.store import database
from automation.store.database import Store
from automation.store.faults import BadStatement
from tests.store import script


class Cancel(Exception):
    pass


def zones(store: Store) -> list[str]:
    return [row[0] for row in store.rows("SELECT name FROM zone ORDER BY name")]


def test_everything_in_a_transaction_happens_or_nothing_does(store: Store) -> None:
    with store.write() as tx:
        assert tx.run("INSERT INTO zone (name) VALUES (:a), (:b)", a="A", b="B") == 2
    with pytest.raises(Cancel), store.write() as tx:
        tx.run("DELETE FROM zone")
        tx.run("INSERT INTO zone (name) VALUES ('C')")
        raise Cancel
    assert zones(store) == ["A", "B"]


def test_a_failed_statement_takes_the_transaction_with_it_and_the_store_goes_on(store: Store) -> None:
    with pytest.raises(BadStatement), store.write() as tx:
        tx.run("INSERT INTO zone (name) VALUES ('A')")
        tx.run("INSERT INTO zone (name) VALUES ('A')")
    assert zones(store) == []
    with store.write() as tx:
        tx.run("INSERT INTO zone (name) VALUES ('A')")
    assert zones(store) == ["A"]


def test_a_savepoint_gives_back_only_its_own(store: Store) -> None:
    with store.write() as tx:
        tx.run("INSERT INTO zone (name) VALUES ('A')")
        with pytest.raises(peewee.IntegrityError), tx.savepoint():
            tx.run("INSERT INTO zone (name) VALUES ('A')")
        tx.run("INSERT INTO zone (name) VALUES ('B')")
    assert zones(store) == ["A", "B"]


def test_rows_affected_are_counted(store: Store) -> None:
    with store.write() as tx:
        tx.many("INSERT INTO zone (name) VALUES (:name)", [{"name": name} for name in "ABC"])
        assert tx.run("UPDATE zone SET name = name || '1' WHERE name <> :not", **{"not": "A"}) == 2
        assert tx.run("INSERT INTO zone (name) VALUES ('A') ON CONFLICT DO NOTHING") == 0
        assert tx.run("DELETE FROM zone WHERE name = 'nobody'") == 0


@pytest.mark.parametrize("count", [0, 1, database.ROWS - 1, database.ROWS, 2 * database.ROWS + 7])
def test_inserted_rows_are_all_there_and_in_order_however_many_a_statement_takes(store: Store, count: int) -> None:
    given = [(f"Z{number:04d}", number * 2**40) for number in range(count)]
    with store.write() as tx:
        tx.temporary("given", "name TEXT, number BIGINT")
        tx.insert("given", ("name", "number"), (row for row in given))
        assert tx.rows("SELECT name, number FROM given ORDER BY name") == given


def test_what_an_insert_finds_there_is_left_to_its_conflict_clause(store: Store) -> None:
    names = [(f"Z{number:04d}",) for number in range(2 * database.ROWS + 1)]
    with store.write() as tx:
        tx.insert("zone", ("name",), names[::2])
        tx.insert("zone", ("name",), names, "ON CONFLICT DO NOTHING")
    assert zones(store) == [name for (name,) in names]


def test_a_temporary_table_begins_empty_and_is_nobody_elses(store: Store) -> None:
    for _ in range(2):
        with store.write() as tx:
            tx.temporary("plan", "run_id BIGINT")
            tx.run("INSERT INTO plan VALUES (1)")
            assert tx.value("SELECT count(*) FROM plan") == 1
    seen: list[object] = []

    def other() -> None:
        with store.write() as tx:
            tx.temporary("plan", "run_id BIGINT")
            seen.append(tx.value("SELECT count(*) FROM plan"))
        store.close()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [0]


def test_a_temporary_table_survives_the_rollback_of_the_transaction_that_made_it(store: Store) -> None:
    with pytest.raises(Cancel), store.write() as tx:
        tx.temporary("plan", "run_id BIGINT")
        raise Cancel
    with store.write() as tx:
        tx.temporary("plan", "run_id BIGINT")
        tx.run("INSERT INTO plan VALUES (1)")
    with store.write() as tx:
        tx.temporary("plan", "run_id BIGINT")
        assert tx.value("SELECT count(*) FROM plan") == 0


def test_percent_is_modulo_with_and_without_parameters(store: Store) -> None:
    assert store.value("SELECT 7 % 4") == 3
    assert store.value("SELECT :n % 4", n=7) == 3
    assert store.value("SELECT '100%' || :x", x="!") == "100%!"


def test_a_number_larger_than_32_bits_and_bytes_and_nothing_come_back_as_they_went(store: Store) -> None:
    with store.write() as tx:
        tx.run(
            "INSERT INTO identity (kind, lookup, person_id, sealed, key_id, verified_at)"
            " VALUES ('phone', :l, :p, :s, 1, :t)",
            l=b"\x00\xff", p=2**40, s=b"", t=None,
        )  # fmt: skip
    row = store.row("SELECT lookup, person_id, sealed, verified_at FROM identity")
    assert row is not None
    assert (bytes(row[0]), row[1], bytes(row[2]), row[3]) == (b"\x00\xff", 2**40, b"", None)


def test_a_snapshot_sees_one_state(store: Store) -> None:
    def write() -> None:
        with store.write() as tx:
            tx.run("INSERT INTO zone (name) VALUES ('A')")
        store.close()

    with store.snapshot() as reads:
        assert reads.value("SELECT count(*) FROM zone") == 0
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert reads.value("SELECT count(*) FROM zone") == 0
    assert store.value("SELECT count(*) FROM zone") == 1


def test_reading_and_then_writing_loses_no_update_between_threads(store: Store) -> None:
    with store.write() as tx:
        tx.run("INSERT INTO coupon_pool (id, name) VALUES (1, '0')")

    def count() -> None:
        for _ in range(20):
            with store.write() as tx:
                # PostgreSQL lets two transactions read at once: who reads to write says so.
                number = int(tx.value(f"SELECT name FROM coupon_pool{'' if store.path else ' FOR UPDATE'}"))
                tx.run("UPDATE coupon_pool SET name = :name", name=str(number + 1))
        store.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.value("SELECT name FROM coupon_pool") == "80"


@pytest.mark.processes
def test_reading_and_then_writing_loses_no_update_between_processes(sqlite_store: Store) -> None:
    with sqlite_store.write() as tx:
        tx.run("INSERT INTO coupon_pool (id, name) VALUES (1, '0')")
    code = """
        import sys
        from automation.store.database import Store
        store = Store(sys.argv[1])
        for _ in range(50):
            with store.write() as tx:
                number = int(tx.value("SELECT name FROM coupon_pool"))
                tx.run("UPDATE coupon_pool SET name = :name", name=str(number + 1))
        store.close()
    """
    for process in [script.start(code, sqlite_store.url) for _ in range(3)]:
        script.finish(process)
    assert sqlite_store.value("SELECT name FROM coupon_pool") == "150"


@pytest.mark.processes
def test_what_a_killed_process_had_not_committed_never_happened(store: Store) -> None:
    code = """
        import os, signal, sys
        from automation.store.database import Store
        store = Store(sys.argv[1])
        with store.write() as tx:
            tx.run("INSERT INTO zone (name) VALUES ('kept')")
        with store.write() as tx:
            tx.run("INSERT INTO zone (name) VALUES ('lost')")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    process = script.start(code, store.url)
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert zones(store) == ["kept"]
    with store.write() as tx:
        tx.run("INSERT INTO zone (name) VALUES ('next')")


def test_an_address_that_is_none_and_a_database_that_is_away_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(errors.Refused):
        Store("mysql://host/database")
    with pytest.raises(errors.ServiceAway):
        Store(f"postgresql://postgres@/nowhere?host={tmp_path}")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(errors.ServiceAway):
        Store(f"sqlite:{tmp_path / 'folder.db'}")


def test_the_log_is_copied_into_the_file_only_when_told(sqlite_store: Store) -> None:
    assert sqlite_store.path is not None
    wal = Path(f"{sqlite_store.path}-wal")
    with sqlite_store.write() as tx:
        tx.many("INSERT INTO zone (name) VALUES (:name)", [{"name": "x" * 500 + str(n)} for n in range(2000)])
    assert sqlite_store.wal_pages > 100
    size = wal.stat().st_size
    sqlite_store.checkpoint("PASSIVE")
    assert wal.stat().st_size == size
    sqlite_store.checkpoint("TRUNCATE")
    assert wal.stat().st_size == 0
    assert sqlite_store.value("SELECT count(*) FROM zone") == 2000
