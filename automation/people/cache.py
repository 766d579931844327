"""Small secrets that the processes of a shop share, such as access tokens: sealed in the database, with an end."""

from __future__ import annotations

from collections.abc import Callable

from automation.kernel import errors
from automation.kernel.clock import Clock
from automation.store.database import Store

from .sealing import Vault


class SharedCache:
    """The Cache port over the store. Serves many threads; the last one to put wins."""

    def __init__(self, store: Callable[[], Store], vault: Callable[[], Vault], clock: Clock) -> None:
        """`store` and `vault` are asked for when the first value is put or looked for."""
        self._store, self._vault, self._clock = store, vault, clock

    def get(self, name: str) -> str | None:
        """The value, None where there is none, its time is over, or another key sealed it."""
        sql = "SELECT sealed FROM cache WHERE name = :name AND until > :now"
        sealed = self._store().value(sql, name=name, now=self._clock.now())
        if sealed is None:
            return None
        try:
            return self._vault().open(bytes(sealed), context(name))
        except errors.Refused:
            return None

    def put(self, name: str, value: str, seconds: int) -> None:
        sealed = self._vault().seal(value, context(name))
        with self._store().write() as tx:
            tx.run(
                "INSERT INTO cache (name, sealed, until) VALUES (:name, :sealed, :until) ON CONFLICT (name) DO UPDATE"
                " SET sealed = excluded.sealed, until = excluded.until",
                name=name, sealed=sealed, until=self._clock.now() + seconds,
            )  # fmt: skip


def context(name: str) -> bytes:
    """What a value of the cache is bound to."""
    return b"cache" + name.encode()
