"""A change of keys that is killed again and again, and one under a running engine: every value opens all the time."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from automation.journey import built_in
from automation.journey.catalog import Catalog
from automation.people import identities, keyring, profiles, registry, resealing
from automation.people.identities import Identity
from automation.people.sealing import Vault, identity_context
from automation.runtime import sealed
from automation.store.database import Store
from tests.processes.conftest import Bench
from tests.processes.harness import checker, shop

pytestmark = pytest.mark.processes
NOW = 1_767_225_600
PEOPLE = 4000
KILLS = 15
CATALOG = Catalog(built_in.FIELDS, built_in.EVENTS, {})


def phone(number: int) -> str:
    return f"+86138{number:08d}"


def reseal_in_child(database: Path, key: Path, patience: float) -> bool:
    """Seals anew in a process that is killed after `patience` seconds; whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            store = Store(f"sqlite:{database}")
            resealing.reseal(store, Vault(keyring.load(key)), sealed.PLACES)
            os._exit(0)
        finally:
            os._exit(1)
    time.sleep(patience)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


class Looker(threading.Thread):
    """Looks people up and opens what it finds, all the time, as an engine does that began before the new key."""

    def __init__(self, database: Path, vault: Vault) -> None:
        super().__init__(daemon=True)
        self._database, self._vault = database, vault
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.looks = 0

    def run(self) -> None:
        store, chance = Store(f"sqlite:{self._database}"), random.Random(3)
        try:
            while not self.over.is_set():
                text = phone(chance.randrange(PEOPLE))
                lookup = self._vault.lookup("phone", "", text)
                box = store.value("SELECT sealed FROM identity WHERE lookup = :lookup", lookup=lookup)
                if self._vault.open(box, identity_context(lookup)) != text:
                    self.wrong.append(text)
                self.looks += 1
        except Exception as error:
            self.wrong.append(repr(error))
        finally:
            store.close()


def test_a_killed_change_of_keys_goes_on_and_everybody_is_found_meanwhile(
    tmp_path: Path, sqlite_template: bytes
) -> None:
    database, key = tmp_path / "lucheng.db", tmp_path / "key"
    database.write_bytes(sqlite_template)
    keyring.create(key)
    store = Store(f"sqlite:{database}")
    people = registry.opened(store, Vault(keyring.load(key)), CATALOG)
    with store.write() as tx:
        for number in range(PEOPLE):
            profiles.create(people, tx, NOW, [Identity("phone", phone(number))])
    looker = Looker(database, people.vault)
    store.close()
    looker.start()
    chance, kills, rounds = random.Random(11), 0, 0
    while kills < KILLS:
        keyring.add(key)
        rounds += 1
        while reseal_in_child(database, key, chance.uniform(0, 0.06)):
            kills += 1
            assert not looker.wrong, looker.wrong
    looker.over.set()
    looker.join(30)
    assert not looker.wrong and looker.looks > 100
    newest = rounds + 1
    assert resealing.keys_of(store, sealed.PLACES) == {newest: PEOPLE}
    for number in range(1, newest):
        keyring.retire(key, number)
    vault = Vault(keyring.load(key))
    for box, lookup in store.rows("SELECT sealed, lookup FROM identity"):
        assert vault.lookup("phone", "", vault.open(box, identity_context(lookup))) == lookup
    assert identities.owner(store, "phone", "", vault.lookup("phone", "", phone(7))) is not None
    assert store.value("PRAGMA integrity_check") == "ok"
    store.close()


def test_keys_change_under_a_running_engine_and_every_message_arrives(bench: Callable[..., Bench]) -> None:
    one = bench(people=60, in_flight=4, channels=("keyed", "plain"), entries=(shop.SHORT,), batch=20)
    one.order(*range(1, 31))
    life = one.start(ready="sending")
    one.command("keys", "add")
    one.order(*range(31, 61))
    one.command("keys", "reseal")
    checker.drain(one.shop, one.store)
    one.command("keys", "reseal")  # what was on its way while the first one looked
    assert resealing.keys_of(one.store, sealed.PLACES).keys() == {2}
    assert "wait until" in one.command("keys", "retire", "1", code=1)
    keyring.retire(one.shop.folder / "lucheng.key", 1)  # as the command does an hour later
    one.order(*range(1, 61), name="E")
    checker.drain(one.shop, one.store)
    assert one.forks.stop(life).code == 0
    found = one.check()
    assert found.ambiguous == 0
    assert found.delivered == {"keyed": 240, "plain": 240}
