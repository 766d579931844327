"""PostgreSQL that is taken away under a running engine: nothing is lost, nothing doubled, and it says what happened."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from bots.sandbox import process
from tests import postgres
from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop
from tests.processes.harness.checker import Ledger
from tests.processes.harness.forks import Forks, Life

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
PEOPLE = 60
SENT = "SELECT count(*) FROM message WHERE state = 3"
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@pytest.fixture
def url() -> Iterator[str]:
    """A server of our own: others must not lose theirs. Unlike theirs it keeps what it has confirmed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TEST_DATABASE_URL", raising=False)
        with postgres.serving() as server, server.database() as url:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {urlsplit(url).path[1:]} SET synchronous_commit = on")
            yield url


@pytest.fixture
def one(url: str, tmp_path: Path, forks: Forks, sandbox: process.Sandbox) -> Iterator[Bench]:
    config = shop.CONFIG.replace("sqlite:lucheng.db", url)
    kit = replace(shop.SANDBOX, config=config)
    made = shop.make(
        tmp_path / "shop", sandbox.url, people=PEOPLE, entries=(shop.SHORT,), batch=20, in_flight=4, kit=kit
    )
    taken = Ledger(sandbox.ledger, len(Ledger(sandbox.ledger).entries()))
    bench = Bench(made, checker.opened(made), forks, taken, sandbox.url)
    yield bench
    forks.kill_all()
    bench.store.close()


def until_sent(one: Bench, count: int) -> None:
    one.until(SENT, lambda sent: sent >= count, seconds=60)


def kill_server(url: str) -> None:
    """A backend dies by SIGKILL: the server ends all others at once, recovers from its log, and answers again."""
    home = Path(parse_qs(urlsplit(url).query)["host"][0])
    with psycopg.connect(url, autocommit=True) as looking:
        pids = [row[0] for row in looking.execute(BACKENDS)]
        assert pids
        os.kill(pids[0], signal.SIGKILL)
    end = time.monotonic() + 30  # the server may answer once more before it sees who died
    while "all server processes terminated; reinitializing" not in (home / "log").read_text():
        assert time.monotonic() < end, "the server did not notice"
        time.sleep(0.05)
    postgres.answers(url)


def ends(one: Bench, life: Life) -> None:
    """The engine ends by itself and says why, as a command would with exit code 3."""
    ended = one.forks.wait(life, 60)
    assert ended.code == 3, f"{ended}: {one.shop.log.read_text()[-3000:]}"
    assert "which engine leads" in one.shop.log.read_text()


def goes_on(one: Bench) -> None:
    """The next engine brings everything to its end."""
    life = one.start()
    checker.drain(one.shop, one.store, 90)
    assert one.forks.stop(life).code == 0
    found = one.check()
    assert found.delivered["keyed"] == 2 * PEOPLE, "each once"
    assert found.delivered["plain"] + found.ambiguous >= 2 * PEOPLE
    assert found.ambiguous <= 3 * 4, "at most in_flight each time"


def test_a_server_that_crashes_under_a_sending_engine_loses_and_doubles_nothing(one: Bench, url: str) -> None:
    one.order(*range(1, PEOPLE + 1))
    for sent in (10, 40, 80):
        life = one.start(ready="sending")
        until_sent(one, sent)
        kill_server(url)
        one.store.close()
        ends(one, life)
    goes_on(one)


def test_an_engine_whose_connections_are_broken_off_goes_on_or_gives_up_its_lead(one: Bench, url: str) -> None:
    """One connection after the other is ended by the server, as a proxy or an administrator would."""
    one.order(*range(1, PEOPLE + 1))
    life = one.start(ready="sending")
    until_sent(one, 10)
    with psycopg.connect(url, autocommit=True) as looking:
        mine = one.store.value("SELECT pg_backend_pid()")
        led = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        leader = {row[0] for row in looking.execute(led)}
        others = {row[0] for row in looking.execute(BACKENDS)} - leader - {mine}
        assert len(leader) == 1 and others
        for pid in others:
            looking.execute("SELECT pg_terminate_backend(%s)", (pid,))
        checker.drain(one.shop, one.store, 90)
        assert one.forks.wait(life, 0).code is None, "every thread made itself a new connection"
        looking.execute("SELECT pg_terminate_backend(%s)", (leader.pop(),))
    ends(one, life)
    goes_on(one)
