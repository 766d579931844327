"""Friends that a company's employees have, page by page: who they are, what is known of them, and their company tags.

As with followers nobody is greeted and no journey hears of it: a list says nothing of when. A page and the place behind
it are one transaction, so that who is interrupted goes on there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from automation.audience.computed import ComputedValues
from automation.kernel import errors
from automation.people import fields, tags
from automation.people.normalise import Unusable
from automation.people.registry import Registry
from automation.people.sealing import identity_context
from automation.store.database import Statements, Transaction

from . import followers

KIND: Final = "wecom_id"
FOLLOWS: Final = frozenset({"remark"})  # what is always as the employee has it; all else fills what is empty
EMPLOYEE: Final = "employee"  # follows, too, but a page knows of some of a customer's friendships only
PLACE: Final = "friends of "  # a row of `control`: where a pull that was interrupted goes on
LOST: Final = """
    DELETE FROM person_tag WHERE source = :source AND tag_id = :tag
    AND person_id NOT IN (SELECT t.person_id FROM tagged_there t WHERE t.tag_id = :tag)"""


@dataclass(frozen=True, slots=True)
class Friend:
    """A customer as one employee knows them. `words`: what is told of them, by WeCom's word; `tags`: names."""

    id: str = field(repr=False)
    unionid: str | None = field(repr=False)
    since: int
    words: Mapping[str, str] = field(default_factory=dict, repr=False)
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull of a channel. `homes`: WeCom's word -> field of the catalog; `tags`: name -> number of the tags that
    are kept the same."""

    registry: Registry
    computed: ComputedValues
    channel: str
    homes: Mapping[str, str]
    tags: Mapping[str, int]
    people: set[int] = field(default_factory=set)
    having: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    oldest: dict[int, tuple[int, str]] = field(default_factory=dict)  # person: since when a friend, and whose

    def check(self) -> None:
        """Refused for a field that is none, or is no text of a person's."""
        try:
            for home in self.homes.values():
                fields.drafted(self.registry, {home: "1"})
        except Unusable as wrong:
            raise errors.Refused(f"contacts of {self.channel} in config.yaml: {wrong}") from None

    def take(self, tx: Transaction, page: Sequence[Friend], after: str | None, now: int) -> None:
        """One page, at most some hundred; `after`: the place behind it, None behind the last."""
        known = list({one.id: followers.Known(one.id, one.unionid) for one in page}.values())
        owners = followers.take(self.registry, self.computed, tx, self.channel, known, now, KIND)
        friends = [(owners[one.id], one) for one in page if one.id in owners]
        self._fill(tx, friends, now)
        self._tag(tx, friends, now)
        for person, one in friends:
            friendship = one.since, one.words.get(EMPLOYEE, "").strip()
            if friendship[1]:
                self.oldest[person] = min(self.oldest.get(person, friendship), friendship)
        self.people.update(owners.values())
        _go_on_at(tx, self.channel, after, now)

    def untag(self, tx: Transaction) -> None:
        """After a pull of all pages: takes away what came from this channel and is gone there."""
        tx.temporary("tagged_there", "tag_id BIGINT, person_id BIGINT")
        rows = [{"tag": tag, "person": person} for tag, people in self.having.items() for person in sorted(people)]
        tx.many("INSERT INTO tagged_there VALUES (:tag, :person)", rows)
        source = followers.source_of(self.channel)
        tx.many(LOST, [{"source": source, "tag": number} for number in self.tags.values()])

    def follow(self, now: int) -> None:
        """After a pull of all pages: the field for the employee is as WeCom has it now, some hundreds of people a
        transaction. Of several employees the one whose friendship is the oldest."""
        home = self.homes.get(EMPLOYEE)
        everybody = sorted(self.oldest) if home else []
        for start in range(0, len(everybody), followers.AT_ONCE):
            some = everybody[start : start + followers.AT_ONCE]
            with self.registry.store.write() as tx:
                self._write(tx, {one: {str(home): self.oldest[one][1]} for one in some}, {str(home)}, now)

    def _fill(self, tx: Transaction, friends: Sequence[tuple[int, Friend]], now: int) -> None:
        """Fields: one reading and one writing for the page. Of several friendships the oldest tells how it began."""
        told: dict[int, dict[str, str]] = {}
        for person, one in sorted(friends, key=lambda pair: pair[1].since):
            words = told.setdefault(person, {})
            for word, home in self.homes.items():
                value = one.words.get(word, "").strip()
                if value and (word in FOLLOWS or home not in words):
                    words[home] = value
        self._write(tx, told, {home for word, home in self.homes.items() if word in FOLLOWS}, now)

    def _write(self, tx: Transaction, told: Mapping[int, Mapping[str, str]], latest: Collection[str], now: int) -> None:
        """Person -> field -> value: those of `latest` replace what is there, all others fill what is empty."""
        present = {row[0]: row[1:] for row in _present(tx, [person for person, words in told.items() if words])}
        rows = []
        for person, (name, text) in present.items():
            attrs = json.loads(text) if text else {}
            draft = self._draft(told[person])
            changed = {home: value for home, value in draft.attrs.items()
                       if (home in latest and attrs.get(home) != value) or home not in attrs}  # fmt: skip
            called = name or draft.columns.get("name")
            if changed or called != name:
                merged = json.dumps(attrs | changed, ensure_ascii=False) if attrs or changed else None
                rows.append({"person": person, "name": called, "attrs": merged})
        if rows:
            tx.temporary("friend", "person_id BIGINT, name TEXT, attrs TEXT")
            tx.many("INSERT INTO friend VALUES (:person, :name, :attrs)", rows)
            tx.run("UPDATE person SET name = friend.name, attrs = friend.attrs, changed_at = :now FROM friend"
                   " WHERE person.id = friend.person_id", now=now)  # fmt: skip

    def _draft(self, told: Mapping[str, str]) -> fields.Draft:
        """What of it can be stored: a name that is too long, or no choice of a field, is left out alone."""
        draft = fields.Draft()
        for home, value in told.items():
            try:
                one = fields.drafted(self.registry, {home: value})
            except Unusable:
                continue
            draft.columns |= one.columns
            draft.attrs |= one.attrs
        return draft

    def _tag(self, tx: Transaction, friends: Sequence[tuple[int, Friend]], now: int) -> None:
        rows: list[dict[str, Any]] = []
        for person, one in friends:
            for tag in one.tags:
                if tag in self.tags:
                    self.having[self.tags[tag]].add(person)
                    rows.append({"tag": self.tags[tag], "person": person, "until": None, "now": now,
                                 "source": followers.source_of(self.channel)})  # fmt: skip
        tags.add_rows(tx, rows)


def having(registry: Registry, channel: str, tag: str, now: int) -> frozenset[str]:
    """The ids at WeCom of everybody with a tag. Refused for a tag that nobody has."""
    number = registry.names.find("tag", tag)
    rows = registry.store.rows(
        followers.HAVING, kind=KIND, channel=channel, tag=number if number is not None else -1, now=now
    )
    if not rows:
        raise errors.Refused(f"no customer has the tag {tag[:40]!r} and an id at WeCom")
    return frozenset(registry.vault.open(bytes(row[3]), identity_context(bytes(row[2]))) for row in rows)


def place(statements: Statements, channel: str) -> str:
    """Where an interrupted pull goes on; "" at the beginning."""
    return str(statements.value("SELECT value FROM control WHERE name = :name", name=PLACE + channel) or "")


def _go_on_at(tx: Transaction, channel: str, after: str | None, now: int) -> None:
    if after is None:
        tx.run("DELETE FROM control WHERE name = :name", name=PLACE + channel)
        return
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, 'engine') ON CONFLICT (name) DO UPDATE"
        " SET value = excluded.value, at = excluded.at",
        name=PLACE + channel, value=after, now=now,
    )  # fmt: skip


def _present(tx: Transaction, people: Sequence[int]) -> list[tuple[int, str | None, str | None]]:
    if not people:
        return []
    rows = tx.rows(
        f"SELECT p.id, p.name, p.attrs FROM {tx.dialect.ids('people')} g {tx.dialect.join_in_order} person p"
        " ON p.id = g.id",
        people=tx.dialect.array(people),
    )
    return [tuple(row) for row in rows]
