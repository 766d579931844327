from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from automation.kernel import errors
from automation.people.importing.ahead import Ahead

ALONE = pytest.mark.skipif("threading.active_count() > 1", reason="a process with threads does not fork")


def numbers(count: int) -> Iterator[tuple[int, bytes]]:
    for number in range(count):
        yield number, bytes(200_000)


def test_the_same_values_come_in_the_same_order() -> None:
    with closing(Ahead(numbers(50), apart=True)) as values:
        assert [number for number, _ in values] == list(range(50))
        assert next(values, None) is None


@pytest.mark.parametrize("apart", [True, False])
def test_an_error_of_the_iterator_is_raised_where_it_is_read(apart: bool) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise errors.Refused("damaged after row 1")

    with closing(Ahead(failing(), apart)) as values:
        assert next(values) == 1
        assert values.wait(None)
        assert values.peek() is None
        with pytest.raises(errors.Refused, match="after row 1"):
            next(values)


@ALONE
def test_values_are_made_in_another_process_which_ends_with_its_reader() -> None:
    def pids() -> Iterator[int]:
        while True:
            yield os.getpid()

    values = Ahead(pids(), apart=True)
    child = next(values)
    assert child != os.getpid()
    values.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@ALONE
def test_a_value_can_be_waited_for_and_looked_at_before_it_is_taken() -> None:
    reading, writing = os.pipe()

    def slow() -> Iterator[int]:
        os.read(reading, 1)
        yield 7

    with closing(Ahead(slow(), apart=True)) as values:
        assert not values.wait(0)
        assert values.peek() is None
        os.write(writing, b"x")
        assert values.wait(None)
        assert values.peek() == 7
        assert list(values) == [7]
    os.close(reading)
    os.close(writing)


@ALONE
def test_a_killed_process_is_no_end_of_the_file() -> None:
    def dying() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    with closing(Ahead(dying(), apart=True)) as values:
        assert next(values) == 1
        with pytest.raises(ChildProcessError):
            next(values)


def test_a_process_with_threads_does_not_fork() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with closing(Ahead((os.getpid() for _ in range(3)), apart=True)) as values:
            assert list(values) == [os.getpid()] * 3
    finally:
        stop.set()
        thread.join()
