"""What shares a transaction, and what ends one."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from automation.people.importing import Options, Watch, customers, jobs, pipeline
from automation.people.importing.ahead import Ahead
from automation.people.importing.customers import _Customers
from automation.people.importing.pace import Pace
from automation.people.importing.rejects import RejectsFile
from automation.people.importing.steps import TOGETHER, Steps
from automation.people.importing.text_files import Row
from automation.people.registry import Registry
from automation.store.database import Transaction

NOW = 1_767_225_600
PATIENCE = 20  # seconds until a test that fails goes on


def phones(*numbers: int) -> list[Row]:
    return [(2 + number, [f"138{number:08d}"], None) for number in numbers]


@pytest.mark.skipif("threading.active_count() > 1", reason="a process with threads does not fork")
def test_whoever_wants_to_write_does_not_wait_for_the_process_that_reads(shop: Registry, tmp_path: Path) -> None:
    if not shop.store.path:
        pytest.skip("PostgreSQL lets several write at once")
    reading, writing = os.pipe()

    def slow() -> Iterator[Row]:
        yield from phones(1, 2)
        select.select([reading], [], [], PATIENCE)
        yield from phones(3, 4)

    seen: list[int] = []

    def other() -> None:
        with shop.store.write() as tx:
            seen.append(tx.value("SELECT count(*) FROM person"))
        shop.store.close()
        os.write(writing, b"x")

    thread = threading.Thread(target=other)

    def begin(tx: Transaction) -> None:
        if thread.ident is None:
            thread.start()

    worker = _Customers(shop, Options(), NOW)
    worker.settle(["手机号"])
    job = jobs.begin(shop.store, NOW, "customers", "hash", "x.csv")
    pace = Pace(2)
    rejects = RejectsFile(tmp_path / "rejects.csv", ["手机号"])
    steps = Steps(shop.store, worker, job, rejects, NOW, Watch(after_chunk=begin), pace)
    with closing(Ahead(pipeline._ready(worker, slow(), pace), apart=True)) as chunks:
        first = steps.take(chunks, job.tally)
        assert first is not None
        assert first.rows == 2
        thread.join()
        second = steps.take(chunks, first)
        assert second is not None
        assert second.rows == 4
        assert steps.take(chunks, second) is None
    assert seen == [2]
    os.close(reading)
    os.close(writing)


def test_so_many_chunks_share_a_transaction(shop: Registry, table: Callable[..., Path]) -> None:
    done: list[int] = []
    path = table("手机号", *(f"138{n:08d}" for n in range(3 * TOGETHER + 1)))
    customers(shop, path, Options(chunk=1), NOW, Watch(lambda rows, total: done.append(rows)))
    assert done == [0, TOGETHER, 2 * TOGETHER, 3 * TOGETHER, 3 * TOGETHER + 1, 3 * TOGETHER + 1]


def test_words_nobody_has_numbered_begin_a_transaction(shop: Registry, table: Callable[..., Path]) -> None:
    done: list[int] = []
    path = table("手机号,标签", *(f"138{n:08d},{'b' if n > 2 else 'a'}" for n in range(6)))
    customers(shop, path, Options(chunk=1), NOW, Watch(lambda rows, total: done.append(rows)))
    assert done == [0, 3, 6, 6]
    found = shop.store.rows(
        "SELECT n.name, count(*) FROM person_tag t JOIN name n ON n.id = t.tag_id GROUP BY n.name ORDER BY n.name"
    )
    assert found == [("a", 3), ("b", 3)]
