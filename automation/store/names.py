"""Small numbers for the words that stand in millions of rows: events, tags, computed fields, purposes, zones."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from .database import Statements, Store


class Names:
    """Words and their ids. Ids never change, so both directions are cached for the life of the process.

    Kinds in use: event, tag, computed, purpose. Words are made in a transaction of their own: an id from a transaction
    that is rolled back later must not stay in the cache.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[tuple[str, str], int] = {}
        self._words: dict[int, str] = {}
        self._lock = Lock()

    def ensure(self, kind: str, words: Iterable[str]) -> dict[str, int]:
        """The ids of all words, made where they are new. Must not be called inside a write transaction."""
        wanted = list(dict.fromkeys(words))
        missing = [word for word in wanted if self.find(kind, word) is None]
        if missing:
            with self._store.write() as tx:
                for word in missing:
                    tx.run(
                        "INSERT INTO name (kind, name) VALUES (:kind, :word) ON CONFLICT DO NOTHING",
                        kind=kind,
                        word=word,
                    )
            for word in missing:
                self.find(kind, word)
        return {word: self._ids[kind, word] for word in wanted}

    def find(self, kind: str, word: str) -> int | None:
        """The id, None where the word was never used: then nothing can have it."""
        known = self._ids.get((kind, word))
        if known is None:
            known = self._store.value("SELECT id FROM name WHERE kind = :kind AND name = :word", kind=kind, word=word)
            if known is not None:
                self._remember(kind, word, known)
        return known

    def word(self, number: int) -> str:
        """The word of an id; raises KeyError for an id nobody made."""
        if number not in self._words:
            found = self._store.row("SELECT kind, name FROM name WHERE id = :number", number=number)
            if found is None:
                raise KeyError(number)
            self._remember(found[0], found[1], number)
        return self._words[number]

    def _remember(self, kind: str, word: str, number: int) -> None:
        with self._lock:
            self._ids[kind, word] = number
            self._words[number] = word


def zone_id(statements: Statements, name: str) -> int | None:
    """The id of a time zone a person lives in; None where nobody does."""
    found = statements.value("SELECT id FROM zone WHERE name = :name", name=name)
    return None if found is None else int(found)
