from __future__ import annotations

import base64
import threading

from automation.kernel.clock import FixedClock
from automation.people import keyring
from automation.people.cache import SharedCache
from automation.people.sealing import Vault
from automation.store.database import Store

NOW = 1_795_330_800
OTHER = f"2:{base64.b64encode(b'o' * 32).decode()}"


def opened(store: Store, vault: Vault, clock: FixedClock | None = None) -> SharedCache:
    return SharedCache(lambda: store, lambda: vault, clock or FixedClock(NOW))


def test_a_value_is_there_for_every_process_until_its_time_is_over(store: Store, vault: Vault) -> None:
    clock = FixedClock(NOW)
    opened(store, vault, clock).put("token", "abc", 60)
    other = opened(store, vault, clock)
    assert other.get("token") == "abc"
    assert other.get("another") is None
    clock.set(NOW + 60)
    assert other.get("token") is None


def test_the_last_value_wins(store: Store, vault: Vault) -> None:
    cache = opened(store, vault)
    for value in ("first", "second"):
        cache.put("token", value, 60)
    assert cache.get("token") == "second"


def test_the_database_holds_no_value_in_clear(store: Store, vault: Vault) -> None:
    opened(store, vault).put("token", "S3CRET-TOKEN", 60)
    (row,) = store.rows("SELECT name, sealed, until FROM cache")
    assert b"S3CRET" not in bytes(row[1])


def test_a_value_put_in_another_place_or_sealed_by_another_key_is_none(store: Store, vault: Vault) -> None:
    cache = opened(store, vault)
    cache.put("one", "abc", 60)
    with store.write() as tx:
        tx.run("INSERT INTO cache (name, sealed, until) SELECT 'two', sealed, until FROM cache")
    assert cache.get("two") is None
    assert opened(store, Vault(keyring.read(OTHER, "the test"))).get("one") is None
    assert cache.get("one") == "abc"


def test_the_key_is_not_asked_for_before_something_is_kept(store: Store) -> None:
    def no_key() -> Vault:
        raise AssertionError("asked for the key")

    assert SharedCache(lambda: store, no_key, FixedClock(NOW)).get("token") is None


def test_eight_threads_put_and_get(store: Store, vault: Vault) -> None:
    cache, wrong = opened(store, vault), []

    def work(number: int) -> None:
        for turn in range(5):
            cache.put(f"token {number}", str(turn), 60)
            if cache.get(f"token {number}") != str(turn):
                wrong.append(number)
        store.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
