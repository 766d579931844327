"""The engine killed at named places while its data is on PostgreSQL: its statements and locks end with its connections.

The places are those of the same test on SQLite; the names are those of docs/survival.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bots.sandbox import process
from tests import postgres
from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop
from tests.processes.harness.checker import Ledger
from tests.processes.harness.forks import Forks

pytestmark = pytest.mark.processes
PEOPLE = 4

# point of the harness -> what becomes of the message on the channel without keys: unclear, delivered
POINTS = {
    "C1 the events are read": ("events.inside", 0, 1),
    "C2 before the commit that makes runs": ("run.before", 0, 1),
    "C3 after the commit that makes runs": ("run.after", 0, 1),
    "C7 before the commit of the claim": ("claim.before", 0, 1),
    "C7 claimed": ("claim.after", 0, 1),
    "C8 before the commit of the intent": ("dispatch.before:3", 0, 1),
    "C8 after the commit of the intent": ("dispatch.after:3", 0, 1),
    "C8 before the first byte": ("send.before:3", 1, 0),
    "C10 taken, not answered": ("send.taken:1", 1, 1),
    "C11 answered, not told to the spool": ("send.after:3", 1, 1),
    "C11 before the commit of the record": ("accept.before:3", 0, 1),
    "C12 after the commit of the record": ("accept.after:3", 0, 1),
}
BESIDE = ("C1 ", "C2", "C3", "C7")  # places beside the sending, whose one request may be on its way at that moment
KEYED = [name for name in POINTS if name.startswith(("C8 after", "C10", "C11 answered"))]
CASES = [*[(name, "plain") for name in POINTS], *[(name, "keyed") for name in KEYED]]


@pytest.mark.parametrize(("name", "channel"), CASES)
def test_a_kill_on_postgresql_loses_nothing_and_doubles_nothing(
    postgres_server: postgres.Server, tmp_path: Path, forks: Forks, sandbox: process.Sandbox, name: str, channel: str
) -> None:
    point, unclear, delivered = POINTS[name]
    with running(postgres_server, tmp_path, (forks, sandbox), channel) as one:
        one.order(*range(1, PEOPLE + 1))
        if "taken" in point:  # the provider is silent: its answer might come before the kill
            one.fault(mode="accept_then_timeout", channel=channel, times=1, seconds=10)
        one.dies(point)
        one.drains()
        found = one.check()
    assert found.runs == PEOPLE
    if channel == "keyed":
        assert (found.ambiguous, found.delivered[channel]) == (0, 2 * PEOPLE)
    elif name.startswith(BESIDE):
        assert found.ambiguous <= 1
        assert 2 * PEOPLE - found.ambiguous <= found.delivered[channel] <= 2 * PEOPLE
    else:
        assert (found.ambiguous, found.delivered[channel]) == (unclear, 2 * PEOPLE - 1 + delivered)


@contextmanager
def running(
    server: postgres.Server, folder: Path, tools: tuple[Forks, process.Sandbox], channel: str
) -> Iterator[Bench]:
    """A bench whose shop keeps its data in a database of the server."""
    forks, sandbox = tools
    with server.database() as url:
        kit = replace(shop.SANDBOX, config=shop.CONFIG.replace("sqlite:lucheng.db", url))
        made = shop.make(
            folder / "shop",
            sandbox.url,
            people=PEOPLE,
            entries=(shop.SHORT,),
            channels=(channel,),
            in_flight=1,
            kit=kit,
        )
        taken = Ledger(sandbox.ledger, len(Ledger(sandbox.ledger).entries()))
        one = Bench(made, checker.opened(made), forks, taken, sandbox.url)
        try:
            yield one
        finally:
            one.fault(mode="ok")
            forks.kill_all()
            one.store.close()
