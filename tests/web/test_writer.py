"""The one thread that writes: together, in order, each answered after its commit, one bad item alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from automation.store.database import Store, Transaction
from automation.web import writer
from automation.web.writer import Full, Unwritable, Write, Writer


class Notes:
    """Writes numbers into `control`; refuses what is negative, in the way a database does."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def prepare(self, now: int, items: Sequence[int]) -> Write:
        def write(tx: Transaction) -> list[int]:
            self.batches.append(len(items))
            for item in items:
                value = None if item < 0 else "x"
                tx.run("INSERT INTO control (name, value, at, who) VALUES (:name, :value, 0, '')", name=f"n{item}",
                       value=value)  # fmt: skip
            return [item * 10 for item in items]

        return write


@pytest.fixture
def make(store: Store) -> Iterator[Callable[[], Writer]]:
    made = Writer(store, lambda: 0)
    yield lambda: made
    if made._thread.is_alive():
        made.stop()


def written(store: Store) -> set[str]:
    return {row[0] for row in store.rows("SELECT name FROM control WHERE name LIKE 'n%'")}


def run(one: Writer, items: Sequence[int], kind: Notes) -> list[Any]:
    """The items submitted while the thread does not yet run, so that they lie together."""

    async def all_of_them() -> list[Any]:
        waiting = [one.submit(kind, item, 1) for item in items]
        one.start()
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_what_lies_together_is_committed_together(make: Callable[[], Writer], store: Store) -> None:
    kind = Notes()
    assert run(make(), range(500), kind) == [number * 10 for number in range(500)]
    assert kind.batches == [200, 200, 100]
    assert len(written(store)) == 500


def test_one_bad_item_is_alone_with_its_fault(make: Callable[[], Writer], store: Store) -> None:
    found = run(make(), [*range(50), -1, *range(50, 99), -2], Notes())
    assert [type(one) for one in found if not isinstance(one, int)] == [Unwritable, Unwritable]
    assert [one for one in found if isinstance(one, int)] == [number * 10 for number in range(99)]
    assert len(written(store)) == 99


def test_nothing_is_answered_before_it_is_committed(make: Callable[[], Writer], store: Store) -> None:
    seen: list[int] = []

    async def look() -> None:
        one = make()
        one.start()
        for number in range(20):
            await one.submit(Notes(), number, 1)
            reader = threading.Thread(target=lambda: (seen.append(len(written(store))), store.close()))
            reader.start()
            reader.join()

    asyncio.run(look())
    assert seen == list(range(1, 21))


def test_what_would_need_too_much_memory_is_not_taken(
    make: Callable[[], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST", 10)
    monkeypatch.setattr(writer, "MOST_BYTES", 100)

    async def press() -> None:
        one = make()
        with pytest.raises(Full):
            one.submit(Notes(), 1, 101)
        taken = [one.submit(Notes(), number, 1) for number in range(10)]
        with pytest.raises(Full):
            one.submit(Notes(), 99, 1)
        one.start()
        await asyncio.gather(*taken)
        assert await one.submit(Notes(), 99, 100) == 990

    asyncio.run(press())


def test_a_database_that_is_away_is_said_to_all_of_them(
    make: Callable[[], Writer], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(Notes):
        def prepare(self, now: int, items: Sequence[int]) -> Write:
            import peewee

            raise peewee.OperationalError("database or disk is full")

    found = run(make(), range(30), Away())
    assert {type(one) for one in found} == {Full}
    assert written(store) == set()


def test_stopping_writes_what_waits_and_takes_nothing_more(make: Callable[[], Writer], store: Store) -> None:
    async def press() -> None:
        one = make()
        waiting = [one.submit(Notes(), number, 1) for number in range(450)]
        one.start()
        await asyncio.to_thread(one.stop)
        assert len(await asyncio.gather(*waiting)) == 450
        with pytest.raises(Full):
            one.submit(Notes(), 999, 1)

    asyncio.run(press())
    assert len(written(store)) == 450
