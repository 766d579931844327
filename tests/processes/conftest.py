"""One fork server and one sandbox a test process; each test looks only at what the sandbox took since it began."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from automation.people import keyring
from automation.store.database import Store
from automation.web import addresses
from bots.sandbox import process
from tests import postgres
from tests.processes.harness import accounts, checker
from tests.processes.harness import shop as shops
from tests.processes.harness.checker import Found, Ledger
from tests.processes.harness.forks import ROOT, Forks, Life
from tests.processes.harness.shop import Shop


@dataclass(frozen=True, slots=True)
class Bench:
    """A shop, the ledger of what its channels took, and engines to run on it."""

    shop: Shop
    store: Store
    forks: Forks
    ledger: Ledger
    url: str

    def start(self, **orders: Any) -> Life:
        return self.forks.start(self.shop.folder, ledger=str(self.ledger.path), **orders)

    def dies(self, wound: str, seconds: float = 60, **orders: Any) -> None:
        """An engine that kills itself at this point; fails where it never comes there."""
        life = self.forks.wait(self.start(wound=wound, **orders), seconds)
        assert life.code == -9, f"it did not come to {wound} ({life}): {self.shop.log.read_text()[-2000:]}"

    def drains(self, *, jumps: bool = True, **orders: Any) -> None:
        """A last engine brings everything to its end and stops when asked. `jumps`: over waits."""
        life = self.start(**orders)
        checker.drain(self.shop, self.store, jumps=jumps)
        life = self.forks.stop(life)
        assert life.code == 0, self.shop.log.read_text()[-2000:]

    def check(self, *, over: bool = True, window: bool = True) -> Found:
        found = checker.check(self.shop, self.store, self.ledger, over=over, window=window)
        assert not found.wrong, "\n".join(found.wrong[:20])
        return found

    def order(self, *people: int, name: str = "D") -> None:
        """One order of each of these people."""
        shops.happen(self.shop, [(person, "order.paid", f"{name}{person}") for person in people])

    def hooked(self, channel: str, platform: str) -> None:
        """The platform is told where an engine started with `web` takes its callbacks."""
        link = keyring.load(self.shop.folder / "lucheng.key").link
        edge = (self.shop.folder / "edge").read_text()
        accounts.ask(self.url, f"{platform}/_callback", url=f"{edge}{addresses.hook_path(link, channel)}")

    def command(self, *words: str, code: int = 0) -> str:
        """A command of the product on this shop, in a process of its own; what it said."""
        said = subprocess.run(
            [sys.executable, "run.py", "--config", str(self.shop.config), *words],
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert said.returncode == code, f"{words} ended with {said.returncode}: {said.stdout}{said.stderr}"
        return said.stdout + said.stderr

    def until(self, sql: str, wanted: Callable[[int], bool], seconds: float = 60) -> int:
        """Waits until a number of the database is as wanted."""
        end = time.monotonic() + seconds
        while not wanted(found := int(self.store.value(sql) or 0)):
            assert time.monotonic() < end, f"{sql} is {found}; {self.shop.log.read_text()[-2000:]}"
            time.sleep(0.01)
        return found

    def logs(self, text: str, seconds: float = 60) -> None:
        """Waits until the engine's log says this."""
        end = time.monotonic() + seconds
        while text not in self.shop.log.read_text():
            assert time.monotonic() < end, f"{text!r} is not in the log: {self.shop.log.read_text()[-2000:]}"
            time.sleep(0.02)

    def fault(self, **fault: object) -> None:
        shops.order(fault, self.url)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with Forks() as server:
        yield server


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("sandbox") / "ledger") as running:
        yield running


@pytest.fixture
def bench(tmp_path: Path, forks: Forks, sandbox: process.Sandbox) -> Iterator[Callable[..., Bench]]:
    """Makes a bench; arguments as `shop.make`. `real`: its channels speak the platforms' own interfaces."""
    opened: list[Bench] = []

    def make(*, real: bool = False, **how: Any) -> Bench:
        folder = tmp_path / f"shop{len(opened)}"
        if real:
            how["kit"] = accounts.kit(folder, sandbox.smtp_port)
        shop = shops.make(folder, sandbox.url, **how)
        before, names = Ledger(sandbox.ledger), accounts.names(folder) if real else {}
        taken = Ledger(sandbox.ledger, len(before.entries()), names)
        one = Bench(shop, checker.opened(shop), forks, taken, sandbox.url)
        opened.append(one)
        if real:
            accounts.set_stage(folder, sandbox.url, one.store)
        return one

    yield make
    for protocol in ("http", "smtp"):
        shops.order({"mode": "ok", "on": protocol}, sandbox.url)
    forks.kill_all()
    for one in opened:
        one.store.close()


@pytest.fixture
def bench_on_postgres(postgres_url: str, bench: Callable[..., Bench]) -> Callable[..., Bench]:
    """The same, of a shop that keeps its data on PostgreSQL."""
    kit = replace(shops.SANDBOX, config=shops.CONFIG.replace("sqlite:lucheng.db", postgres_url))
    return lambda **how: bench(kit=kit, **how)


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """Requested before the bench, so that it goes when no engine is connected any more."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Callable[..., Bench]:
    """A bench on each of the two databases in turn."""
    name = "bench" if request.param == "sqlite" else "bench_on_postgres"
    made: Callable[..., Bench] = request.getfixturevalue(name)
    return made
