from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from automation.store.turnstile import Turnstile
from tests.store import script

GREEDY = """
    import sys, time
    from pathlib import Path
    from automation.store.turnstile import Turnstile
    turnstile, log = Turnstile(Path(sys.argv[1])), open(sys.argv[2], "ab", buffering=0)
    print("ready", flush=True)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with turnstile:
            log.write(b".")
            time.sleep(0.002)
"""


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    process = script.start(code, *arguments)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_threads_enter_one_at_a_time(tmp_path: Path) -> None:
    turnstile, inside, most = Turnstile(tmp_path / "db"), [0], [0]

    def work() -> None:
        for _ in range(30):
            with turnstile:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0002)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert turnstile.waiting == 0


@pytest.mark.processes
def test_who_waits_is_next_even_beside_a_process_that_begins_again_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    greedy = started(GREEDY, str(tmp_path / "db"), str(log))
    try:
        turnstile, overtaken = Turnstile(tmp_path / "db"), []
        for _ in range(40):
            before = log.stat().st_size
            with turnstile:
                overtaken.append(log.stat().st_size - before)
            time.sleep(0.003)
    finally:
        greedy.kill()
        greedy.communicate()
    # Who is inside when we come to the gate has to stop at it next time; without the gate it is first nearly always.
    assert sorted(overtaken)[len(overtaken) // 2] <= 1
    assert log.stat().st_size > 40


@dataclass
class Race:
    """One waits at the write lock and is held there; then a greedy one comes, who finds the gate shut or gets in."""

    asks: threading.Event = field(default_factory=threading.Event)
    goes: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)
    order: list[str] = field(default_factory=list)

    def at_gate(self, lock: Callable[[bool], bool]) -> None:
        """`lock`: takes the gate, and says whether it did; whether it should wait for it."""
        if threading.current_thread().name != "greedy":
            lock(True)
        elif not lock(False):
            self.came.set()
            lock(True)

    def at_write(self) -> None:
        if threading.current_thread().name == "waiting":
            self.asks.set()
            assert self.goes.wait(30)

    def run(self, holder: Turnstile, waiting: Turnstile, greedy: Turnstile) -> list[str]:
        """Who got in, in order, once the holder had left."""

        def enter(turnstile: Turnstile) -> None:
            name = threading.current_thread().name
            with turnstile:
                self.order.append(name)
                if name == "greedy":
                    self.came.set()

        threads = [
            threading.Thread(target=enter, args=(one,), name=name)
            for name, one in (("waiting", waiting), ("greedy", greedy))
        ]
        with holder:
            threads[0].start()
            assert self.asks.wait(30)
        threads[1].start()
        assert self.came.wait(30)
        self.goes.set()
        for thread in threads:
            thread.join()
        return self.order


def test_of_threads_the_one_that_waits_is_next_whoever_comes_when_the_lock_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    race, turnstile = Race(), Turnstile(tmp_path / "db")

    class Gate:
        lock = threading.Lock()

        def __enter__(self) -> None:
            race.at_gate(lambda waits: self.lock.acquire(blocking=waits))

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    class Write:
        lock = threading.Lock()
        release = lock.release

        def acquire(self) -> None:
            race.at_write()
            self.lock.acquire()

    monkeypatch.setattr(turnstile, "_thread_gate", Gate())
    monkeypatch.setattr(turnstile, "_thread_write", Write())
    assert race.run(turnstile, turnstile, turnstile) == ["waiting", "greedy"]


def test_of_processes_the_one_that_waits_is_next_whoever_comes_when_the_lock_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    race, flock = Race(), fcntl.flock
    turnstiles = [Turnstile(tmp_path / "db") for _ in range(3)]  # each with files of its own, as processes have

    def take(file: int, waits: bool) -> bool:
        try:
            flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def watched(file: int, how: int) -> None:
        gates = [one._files[0] for one in turnstiles if one._files]
        if how == fcntl.LOCK_EX and file in gates:
            race.at_gate(lambda waits: take(file, waits))
            return
        if how == fcntl.LOCK_EX:
            race.at_write()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", watched)
    assert race.run(*turnstiles) == ["waiting", "greedy"]


@pytest.mark.processes
def test_two_processes_are_never_inside_together(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from automation.store.turnstile import Turnstile
        turnstile, busy = Turnstile(Path(sys.argv[1])), Path(sys.argv[2])
        for _ in range(100):
            with turnstile:
                busy.touch(exist_ok=False)
                busy.unlink()
    """
    for process in [script.start(code, str(tmp_path / "db"), str(tmp_path / "busy")) for _ in range(2)]:
        script.finish(process)


@pytest.mark.processes
def test_a_killed_process_gives_its_place_back(tmp_path: Path) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from automation.store.turnstile import Turnstile
        with Turnstile(Path(sys.argv[1])):
            print("ready", flush=True)
            time.sleep(60)
    """
    holder = started(code, str(tmp_path / "db"))
    entered = threading.Event()

    def enter() -> None:
        with Turnstile(tmp_path / "db"):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.2)
    holder.kill()
    holder.communicate()
    assert entered.wait(30)
    waiting.join()


@pytest.mark.processes
def test_a_forked_process_waits_for_its_parent(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "db")
    with turnstile:
        pass  # the files are open now, and a fork shares them
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with turnstile:
            os.write(writer, b"in")
            time.sleep(0.3)
            os.write(writer, b"out")
        os._exit(0)
    assert os.read(reader, 2) == b"in"
    os.set_blocking(reader, False)
    with turnstile:
        assert os.read(reader, 3) == b"out", "it was still inside"
    assert os.waitpid(child, 0)[1] == 0
    os.close(reader)
    os.close(writer)


def test_an_exception_inside_gives_the_place_back(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "db")
    with pytest.raises(ValueError, match="inside"), turnstile:
        raise ValueError("inside")
    with turnstile, Path(f"{tmp_path / 'db'}.write").open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
