from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from automation.kernel import errors
from automation.people.importing.ahead import ahead

ALONE = pytest.mark.skipif("threading.active_count() > 1", reason="a process with threads does not fork")


def numbers(count: int) -> Iterator[tuple[int, bytes]]:
    for number in range(count):
        yield number, bytes(200_000)


def test_the_same_values_come_in_the_same_order() -> None:
    assert [number for number, _ in ahead(numbers(50))] == list(range(50))


def test_an_error_of_the_iterator_is_raised_where_it_is_read() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise errors.Refused("damaged after row 1")

    values = ahead(failing())
    assert next(values) == 1
    with pytest.raises(errors.Refused, match="after row 1"):
        next(values)


@ALONE
def test_values_are_made_in_another_process_which_ends_with_its_reader() -> None:
    def pids() -> Iterator[int]:
        while True:
            yield os.getpid()

    values = ahead(pids())
    child = next(values)
    assert child != os.getpid()
    values.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@ALONE
def test_a_killed_process_is_no_end_of_the_file() -> None:
    def dying() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    values = ahead(dying())
    assert next(values) == 1
    with pytest.raises(ChildProcessError):
        next(values)


def test_a_process_with_threads_does_not_fork() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert next(ahead(iter([os.getpid()]))) == os.getpid()
        assert list(ahead(os.getpid() for _ in range(2))) == [os.getpid()] * 2
    finally:
        stop.set()
        thread.join()
