"""What is kept of the words of customers: only those that a journey or segment in use asks for.

What people write is personal, and nobody asked for an archive. A condition on the `text` of message.received names the
words it looks for; a message is compared with them here, and the event holds the journey's own words and nothing else.
A whole message that is such a word is kept as that word, in the spelling of the file; of a longer one the words that it
contains. So every condition that holds of the message holds of the event, but for those that say `not` or
name their word only by a reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from automation.conditions import tree
from automation.engine.parts import Parts

from .words import folded

EVENT: Final = "message.received"
PROPERTY: Final = "text"
INSIDE: Final = frozenset({tree.Op.CONTAINS, tree.Op.STARTS_WITH})
MOST_TEXT: Final = 10_000  # characters of a message that are looked at


class Keywords:
    """Reads the conditions again only when journeys change. Serves many threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._of: tuple[object, object] = (None, None)
        self._whole: Mapping[str, str] = {}
        self._inside: tuple[str, ...] = ()

    def kept(self, text: str) -> str:
        """The words of the files that this message is or contains, "" for none."""
        whole, inside = self._words()
        plain = text.strip()[:MOST_TEXT]
        if not plain:
            return ""
        same = whole.get(folded(plain))
        if same is not None:
            return same
        return " ".join(word for word in inside if word in plain)

    def _words(self) -> tuple[Mapping[str, str], tuple[str, ...]]:
        of = (self._parts.project, self._parts.registry)
        if self._of[0] is not of[0] or self._of[1] is not of[1]:
            whole: dict[str, str] = {}
            inside: dict[str, None] = {}
            for compared in _compared([*of[0].segments.values(), *(one.journey for one in of[1].versions.values())]):
                given = compared.value if isinstance(compared.value, tuple) else (compared.value,)
                for word in (str(value) for value in given if isinstance(value, str) and value.strip()):
                    whole.setdefault(folded(word) or word, word)
                    if compared.op in INSIDE:
                        inside.setdefault(word)
            # Longer words first: what begins with one of them then also stands first in what is kept.
            self._whole, self._inside = whole, tuple(sorted(inside, key=lambda word: (-len(word), word)))
            self._of = of
        return self._whole, self._inside


def _compared(nests: Iterable[Any]) -> Iterator[tree.Compare]:
    """Comparisons with a `text` in the journeys and segments that speak of messages: within `where` by its bare name,
    elsewhere as `entry.text`, or under the name a wait gave it."""
    for nest in nests:
        if any(EVENT in happened.names for happened in _found(nest, tree.Happened, set())):
            for compared in _found(nest, tree.Compare, set()):
                if compared.path.rpartition(".")[2] == PROPERTY:
                    yield compared


def _found(value: Any, kind: type, seen: set[int]) -> Iterator[Any]:
    """Every value of a kind in a nest of frozen values, each object looked into once."""
    if isinstance(value, str | int | float | None) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, kind):
        yield value
    for part in _parts(value):
        yield from _found(part, kind, seen)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif is_dataclass(value):
        for known in fields(value):
            yield getattr(value, known.name)
