"""An engine that is killed at one named place, and what must be true after the next one has finished its work.

The names C1 to C12, C29 and C30 are those of docs/survival.md.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from automation.store import backup
from automation.store.database import Store
from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop
from tests.processes.harness.forks import ROOT

pytestmark = pytest.mark.processes
Make = Callable[..., Bench]
PEOPLE = 6

# point of the harness -> what becomes of the un-keyed message it hit: unclear or not, delivered or not
POINTS = {
    "C1 the events are read": ("events.inside", 0, 1),
    "C2 before the commit that makes runs": ("run.before", 0, 1),
    "C3 after the commit that makes runs": ("run.after", 0, 1),
    "C4 before a step": ("advance.inside", 0, 1),
    "C5 inside a step": ("queue.inside:2", 0, 1),
    "C5 before the commit of a step": ("move.before", 0, 1),
    "C6 after the commit of a step": ("move.after", 0, 1),
    "C7 claimed": ("claim.after", 0, 1),
    "C7 before the commit of the claim": ("claim.before", 0, 1),
    "C8 intent told to the spool": ("spool.intended:3", 0, 1),
    "C8 before the commit of the intent": ("dispatch.before:3", 0, 1),
    "C8 after the commit of the intent": ("dispatch.after:3", 0, 1),
    "C8 start told to the spool": ("spool.started:3", 1, 0),
    "C8 before the first byte": ("send.before:3", 1, 0),
    "C9 half a request": ("send.half:3", 1, 0),
    "C10 taken, not answered": ("send.taken:1", 1, 1),
    "C11 answered, not told to the spool": ("send.after:3", 1, 1),
    "C11 answer told to the spool": ("spool.answered:3", 0, 1),
    "C11 before the commit of the record": ("accept.before:3", 0, 1),
    "C12 after the commit of the record": ("accept.after:3", 0, 1),
    "C12 recorded and told to the spool": ("spool.recorded:4", 0, 1),
}

BESIDE = ("C1 ", "C2", "C3", "C7")  # places beside the sending, which goes on meanwhile


@pytest.mark.parametrize("channel", ["keyed", "plain"])
@pytest.mark.parametrize("name", POINTS)
def test_a_kill_loses_nothing_and_doubles_nothing(either: Make, name: str, channel: str) -> None:
    point, unclear, delivered = POINTS[name]
    one = either(people=PEOPLE, in_flight=1, channels=(channel,), entries=(shop.SHORT,))
    at_a_step = name.startswith(("C4", "C5", "C6"))
    if at_a_step:
        one.shop.stand_still()  # before the orders: on a slow machine their wait might be over when it starts
    one.order(*range(1, PEOPLE + 1))
    if at_a_step:
        _dies_at_a_step(one, point)
    else:
        _dies(one, point, channel)
    one.drains()
    found = one.check()
    assert found.runs == PEOPLE
    if channel == "keyed":
        unclear, delivered = 0, 1
    if channel == "plain" and name.startswith(BESIDE):
        # The thread that dies is not the one that sends: its one request may be on its way at that moment.
        assert found.ambiguous <= 1
        assert 2 * PEOPLE - found.ambiguous <= found.delivered[channel] <= 2 * PEOPLE
        return
    assert found.ambiguous == unclear
    assert found.delivered[channel] == 2 * PEOPLE - 1 + delivered


def _dies(one: Bench, point: str, channel: str) -> None:
    """Where it dies because the provider took something, the provider is silent: its answer might come before."""
    if "taken" in point:
        one.fault(mode="accept_then_timeout", channel=channel, times=1, seconds=10)
    one.dies(point)


def _dies_at_a_step(one: Bench, point: str) -> None:
    """The clock stands until the first messages are recorded, so that none is on its way when the wait is over."""
    life = one.start(wound=point)
    one.until("SELECT count(*) FROM message WHERE state = 3", lambda count: count == PEOPLE)
    one.shop.jump(2)
    assert one.forks.wait(life).code == -9, one.shop.log.read_text()[-2000:]


@pytest.mark.parametrize("channel", ["keyed", "plain"])
@pytest.mark.parametrize(
    "name", [name for name in POINTS if name.startswith(("C8 after", "C8 before the f", "C10", "C12 a"))]
)
def test_a_kill_and_then_a_provider_that_takes_and_does_not_answer(bench: Make, name: str, channel: str) -> None:
    point, unclear, delivered = POINTS[name]
    # A machine that is slow for seconds must not look like a provider that does not answer.
    one = bench(people=PEOPLE, in_flight=1, channels=(channel,), entries=(shop.SHORT,), timeout="5s")
    one.order(*range(1, PEOPLE + 1))
    _dies(one, point, channel)
    one.fault(mode="accept_then_timeout", channel=channel, times=1, seconds=9)
    one.drains()
    found = one.check()
    if channel == "keyed":
        unclear, delivered = -1, 1
    assert found.ambiguous == unclear + 1, "the time-out makes one more unclear, where the provider drops no repeats"
    assert found.delivered[channel] == 2 * PEOPLE - 1 + delivered
    if channel == "keyed":
        assert any(entry.repeat for entry in one.ledger.entries()), "the time-out was asked about again"


def test_within_the_second_of_a_kill_nothing_is_sent_again_without_a_key(bench: Make) -> None:
    one = bench(people=PEOPLE, in_flight=1, channels=("plain",), entries=(shop.SINGLE,))
    one.shop.stand_still()
    one.order(*range(1, PEOPLE + 1))
    one.dies("send.after:3")
    one.drains()
    found = one.check()
    assert (found.ambiguous, found.delivered["plain"]) == (1, PEOPLE)


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_c29_a_kill_around_a_checkpoint_leaves_the_file_whole(bench: Make, moment: str) -> None:
    one = bench(people=PEOPLE, channels=("keyed",), entries=(shop.SHORT,))
    one.order(*range(1, PEOPLE + 1))
    one.dies(f"checkpoint.{moment}:2", pages=4)
    assert one.store.value("PRAGMA integrity_check") == "ok"
    one.drains(pages=4)
    assert one.check().delivered["keyed"] == 2 * PEOPLE


COPYING = """
import os, signal, sys
from pathlib import Path
from automation.store import backup
from automation.store.database import Store
url, target, victim, moment = sys.argv[1:]
strike = lambda *_: os.kill(int(victim) or os.getpid(), signal.SIGKILL)
strikes = {"progress": lambda *_: None, "finish": lambda _: None} | {moment: strike}
backup.save(Store(url), Path(target), force=False, **strikes)
"""


@pytest.mark.parametrize("moment", ["progress", "finish"])
@pytest.mark.parametrize("victim", ["backup", "engine"])
def test_c29_a_kill_during_a_backup_leaves_the_file_whole_and_no_half_a_copy(
    bench: Make, victim: str, moment: str
) -> None:
    one = bench(people=PEOPLE, channels=("keyed",), entries=(shop.SHORT,))
    one.order(*range(1, PEOPLE + 1))
    life = one.start(ready="sending")
    copy = one.shop.folder / "copy.db"
    words = [f"sqlite:{one.shop.database}", str(copy), str(life.pid if victim == "engine" else 0), moment]
    done = subprocess.run([sys.executable, "-c", COPYING, *words], cwd=ROOT, timeout=120, check=False)
    assert one.store.value("PRAGMA integrity_check") == "ok"
    if victim == "engine":
        assert one.forks.wait(life).code == -9
        assert done.returncode == 0
        copied = Store(f"sqlite:{copy}")
        assert not backup.damage(copied)
        copied.close()
    else:
        assert (done.returncode, copy.exists()) == (-9, False)
        assert one.forks.stop(life).code == 0
    one.drains()
    assert one.check().delivered["keyed"] == 2 * PEOPLE
    one.command("backup", str(one.shop.folder / "second.db"))


@pytest.mark.parametrize("channel", ["keyed", "plain"])
def test_c30_a_kill_while_it_drains_leaves_at_most_in_flight_unclear(bench: Make, channel: str) -> None:
    one = bench(people=PEOPLE, in_flight=2, channels=(channel,), entries=(shop.SHORT,))
    one.fault(mode="slow", channel=channel, seconds=4)
    one.order(*range(1, PEOPLE + 1))
    life = one.start(ready="sending")
    one.forks.signal(life, signal.SIGTERM)
    time.sleep(0.2)
    assert one.forks.kill(life).code == -9, "it waited for the answers and was not over yet"
    killed = time.monotonic()
    assert checker.on_the_way(one.store, channel) <= 2
    one.fault(mode="ok")
    one.drains()
    time.sleep(max(0.0, killed + 6 - time.monotonic()))  # the provider takes what was on its way, in this test
    found = one.check()
    assert found.ambiguous <= (0 if channel == "keyed" else 2)
    # Of an unclear one only the provider knows whether it was taken.
    assert 2 * PEOPLE - found.ambiguous <= found.delivered[channel] <= 2 * PEOPLE


def test_c30_without_a_kill_the_drain_records_what_is_on_its_way(bench: Make) -> None:
    one = bench(people=PEOPLE, in_flight=2, channels=("plain",), entries=(shop.SHORT,))
    one.fault(mode="slow", channel="plain", seconds=0.5)
    one.order(*range(1, PEOPLE + 1))
    life = one.start(ready="sending")
    assert one.forks.stop(life).code == 0
    one.fault(mode="ok")
    assert checker.on_the_way(one.store, "plain") == 0
    one.drains()
    assert one.check().ambiguous == 0


def test_c30_a_provider_that_never_answers_holds_up_neither_the_other_channel_nor_the_end(bench: Make) -> None:
    """Also where the request is one that an engine before it left behind."""
    one = bench(people=PEOPLE, in_flight=2, entries=(shop.SINGLE,), timeout="120s")
    one.shop.config.write_text(one.shop.config.read_text().replace("drain: 5s", "drain: 1s"))
    one.order(1, 2)
    one.dies("dispatch.after:1")
    one.fault(mode="hang", channel="keyed")
    one.order(*range(3, PEOPLE + 1))
    life = one.start()
    one.until("SELECT count(*) FROM message WHERE state = 3 AND channel = 'plain'", lambda count: count >= PEOPLE - 2)
    assert checker.on_the_way(one.store, "keyed")
    assert one.forks.stop(life, 30).code == 0, one.shop.log.read_text()[-2000:]
    assert "still on their way" in one.shop.log.read_text()
    one.fault(mode="ok")
    one.drains()
    found = one.check()
    assert found.delivered["keyed"] == PEOPLE
