"""Mass messages that a channel gathers: taken by it, not sent, until an operator lets all of them leave in one request.

Each was claimed under every rule of policy, so who is gathered may be written to; whoever opted out since, or whose
message ran out, is taken off the list in the transaction before the request. An attempt's provider id tells how far it
is: what the channel called it, then our key for the request, then the provider's id of the mass message. So a killed
command goes on with the same key, and the provider drops the repeat.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from automation.engine.parts import Parts
from automation.kernel import errors
from automation.kernel.ports import Body, Channel
from automation.people.sealing import Vault, identity_context
from automation.policy import consent, reach
from automation.policy.verdicts import Word
from automation.store.database import Store, Transaction
from automation.store.states import AttemptState, MessageState

from . import arrivals, awaiting, receipts
from .prepared import body_context

SLICE: Final = 1_000
KEY: Final = "let-"  # begins our key; the seconds of its making in hexadecimal digits follow
TRUSTED: Final = 20 * 3600  # seconds: providers drop repeats for 24 hours (WeChat, clientmsgid)
OF_GROUP: Final = (
    f"FROM message m JOIN attempt a ON a.message_id = m.id AND a.channel = m.channel AND a.lane = m.lane"
    f" AND a.state = {AttemptState.ACCEPTED} JOIN run r ON r.id = m.run_id JOIN journey j ON j.id = r.journey_id"
    f" WHERE m.lease_until IS NOT NULL AND m.state = {MessageState.AWAITING} AND m.reason IS NULL"
)
THESE: Final = (
    " AND a.channel = :channel AND a.lane = :lane AND j.name = :journey AND a.provider_id = :known"
    " AND m.purpose = :purpose"
)
GROUPS: Final = (
    "SELECT j.name, a.channel, a.lane, a.provider_id, m.purpose, count(*), min(a.at), max(m.expires_at)"
    f" {OF_GROUP} GROUP BY j.name, a.channel, a.lane, a.provider_id, m.purpose ORDER BY min(a.at), j.name"
)
FILL: Final = (
    "INSERT INTO gathered SELECT m.id, a.id, m.person_id, a.identity_id, m.expires_at"
    f" {OF_GROUP}{THESE} AND m.id > :after ORDER BY m.id LIMIT {SLICE}"
)
ENDED: Final = f"{MessageState.EXPIRED}, {MessageState.SUPPRESSED}, {MessageState.CANCELLED}"
GATHERED: Final = "id BIGINT, attempt BIGINT, person_id BIGINT, identity_id BIGINT, expires_at BIGINT"


@dataclass(frozen=True, slots=True)
class Group:
    """What one request would carry: the same words of one journey, on one lane. `known`: its provider id now."""

    journey: str
    channel: str
    lane: str
    known: str
    purpose: int
    messages: int
    since: int
    expires_at: int

    @property
    def begun_at(self) -> int | None:
        """UTC seconds at which it was first let go, None where it was not."""
        return int(self.known[len(KEY) :].partition("-")[0], 16) if self.known.startswith(KEY) else None


@dataclass(frozen=True, slots=True)
class Recipient:
    message: int
    attempt: int
    address: str


class _Refusal(NamedTuple):
    """`test`: SQL about a row of `gathered`; what such a message ends in, and why."""

    test: str
    state: int
    reason: str
    bound: Mapping[str, Any]


def groups(parts: Parts, channels: Mapping[str, Channel]) -> list[Group]:
    """What is gathered, the oldest first. `channels`: by name."""
    known = gathering(channels)
    found = [Group(*row) for row in parts.store.rows(GROUPS)] if known else []
    return [group for group in found if (group.channel, group.lane) in known]


def gathering(channels: Mapping[str, Channel]) -> set[tuple[str, str]]:
    """Channel and lane of what gathers. `channels`: by name."""
    return {(name, lane.name) for name, known in channels.items() for lane in known.lanes if lane.gathers}


def key(store: Store, group: Group, now: int) -> str:
    """For the request of a group that has none. Later messages of the journey are another group."""
    first = store.value(f"SELECT min(m.id) {OF_GROUP}{THESE}", **_bound(group))
    digest = hashlib.sha256(f"{group.journey} {group.known} {first}".encode()).hexdigest()[:16]
    return f"{KEY}{now:x}-{digest}"


def rename(store: Store, group: Group, known: str) -> Group:
    if known != group.known:
        _in_slices(store, group, lambda tx: _name(tx, group, known))
    return replace(group, known=known)


def keep_back(parts: Parts, group: Group, now: int) -> Counter[str]:
    """Ends the messages of those who may not be written to any more; how many, by reason."""
    return _end(parts.store, group, list(_refusals(parts, group, now)), now)


def call_off(store: Store, group: Group, reason: str, now: int) -> int:
    """An operator wants nobody to get it; how many that are."""
    return _end(store, group, [_Refusal("1 = 1", MessageState.CANCELLED, reason, {})], now).total()


def recipients(store: Store, vault: Vault, group: Group) -> list[Recipient]:
    """Everybody of the group, with the address in clear, "" where it does not open. Raises Refused where none does:
    then the key is another one."""
    found: list[Recipient] = []
    wrong: errors.Refused | None = None
    for rows in _pages(store, "m.id, a.id, i.lookup, i.sealed", " JOIN identity i ON i.id = a.identity_id", group):
        for message, attempt, lookup, sealed in rows:
            try:
                address = vault.open(bytes(sealed), identity_context(bytes(lookup)))
            except errors.Refused as error:
                address, wrong = "", error
            found.append(Recipient(message, attempt, address))
    if wrong is not None and not any(one.address for one in found):
        raise wrong
    return found


def body(store: Store, vault: Vault, group: Group) -> Body:
    """What all of them say."""
    row = store.row(f"SELECT a.idem_key, a.body {OF_GROUP}{THESE} ORDER BY m.id LIMIT 1", **_bound(group))
    if row is None or row[1] is None:
        return {}
    found: Any = json.loads(vault.open(bytes(row[1]), body_context(row[0])))
    return found if isinstance(found, dict) else {}


def not_taken(store: Store, who: Sequence[Recipient], code: str, now: int) -> None:
    """Those who could not get on the provider's list: they take the next way of their `via`, or fail."""
    for start in range(0, len(who), SLICE):
        with store.write() as tx:
            tx.temporary("returned", "id BIGINT, attempt BIGINT, code TEXT")
            piece = who[start : start + SLICE]
            rows = [{"id": one.message, "attempt": one.attempt, "code": f": {code}"} for one in piece]
            tx.many("INSERT INTO returned VALUES (:id, :attempt, :code)", rows)
            awaiting.refused(tx, "returned", "1 = 1", now)


def take(tx: Transaction, group: Group, provider_id: str, who: str, now: int) -> None:
    """The provider took the mass message. Kept until all of the group have its id: a killed command goes on from here,
    and reports wait, because they are about all of them."""
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :id, :now, :who) ON CONFLICT DO NOTHING",
        name=_taken_name(group), id=provider_id, now=now, who=who,
    )  # fmt: skip


def taken(store: Store, group: Group) -> str:
    """The provider's id of a mass message that was taken and not written down whole, "" for any other."""
    return store.value("SELECT value FROM control WHERE name = :name", name=_taken_name(group)) or ""


def sent(parts: Parts, group: Group, provider_id: str, now: int) -> int:
    """All of the group got it, after `take`; how many. Its reports name `provider_id`: those that came are read."""
    count = 0

    def work(tx: Transaction) -> None:
        nonlocal count
        rows = tx.rows("SELECT id, attempt FROM gathered")
        _name(tx, group, provider_id)
        arrivals.sent(parts, tx, [(message, attempt, now) for message, attempt in rows], now)
        count += len(rows)

    _in_slices(parts.store, group, work)
    with parts.store.write() as tx:
        tx.run("DELETE FROM control WHERE name = :name", name=_taken_name(group))
        tx.temporary("taken", "channel TEXT, provider_id TEXT")
        tx.run("INSERT INTO taken VALUES (:channel, :id)", channel=group.channel, id=provider_id)
        receipts.catch_up(parts, tx, "taken", now)
    return count


def unclear(store: Store, group: Group) -> None:
    """Nobody knows whether they got it, and no repeat would be dropped any more: an operator decides."""
    _in_slices(store, group, lambda tx: tx.run(
        f"UPDATE message SET state = {MessageState.AMBIGUOUS}, reason = '{Word.UNKNOWN}: mass message',"
        " lease_until = NULL FROM gathered WHERE message.id = gathered.id"
        f" AND message.state = {MessageState.AWAITING}"
    ))  # fmt: skip


def _refusals(parts: Parts, group: Group, now: int) -> Iterator[_Refusal]:
    known = parts.project.policy.purposes.get(parts.names.word(group.purpose))
    marketing = "1 = 1" if known is None or known.kind == consent.MARKETING else "1 = 0"
    gone = (
        "NOT EXISTS (SELECT 1 FROM identity i WHERE i.id = gathered.identity_id AND i.person_id = gathered.person_id"
        f" AND NOT EXISTS ({reach.suppressed(marketing)}))"
    )
    kind = parts.project.shop.channels.get(group.channel, group.channel)
    yield _Refusal("gathered.expires_at <= :now", MessageState.EXPIRED, Word.EXPIRED, {"now": now})
    refused = consent.refused("gathered.person_id", ":kind", marketing)
    yield _Refusal(refused, MessageState.SUPPRESSED, Word.NO_CONSENT, {"kind": kind})
    yield _Refusal(gone, MessageState.SUPPRESSED, Word.SUPPRESSED, {})


def _in_slices(store: Store, group: Group, work: Callable[[Transaction], object]) -> None:
    """A transaction for each thousand of the group, with them in the temporary table `gathered`."""
    last: int | None = 0
    while last is not None:
        with store.write() as tx:
            tx.temporary("gathered", GATHERED)
            tx.run(FILL, **_bound(group), after=last)
            last = tx.value("SELECT max(id) FROM gathered")
            if last is not None:
                work(tx)


def _end(store: Store, group: Group, refusals: Sequence[_Refusal], now: int) -> Counter[str]:
    """Ends the messages of a group that a refusal fits, and takes back their attempts; how many, by reason."""
    kept: Counter[str] = Counter()

    def work(tx: Transaction) -> None:
        for one in refusals:
            kept[one.reason] += tx.run(
                "UPDATE message SET state = :state, reason = :reason, done_at = :now, lease_until = NULL,"
                f" counted_at = NULL FROM gathered WHERE message.id = gathered.id AND {one.test}"
                f" AND message.state = {MessageState.AWAITING}",
                **{"state": one.state, "reason": one.reason, "now": now, **one.bound},
            )
        tx.run(
            f"UPDATE attempt SET state = {AttemptState.DENIED}, code = 'withdrawn' FROM gathered WHERE attempt.id ="
            f" gathered.attempt AND EXISTS (SELECT 1 FROM message m WHERE m.id = gathered.id AND m.state IN ({ENDED}))"
        )

    _in_slices(store, group, work)
    return +kept


def _name(tx: Transaction, group: Group, known: str) -> None:
    """A slice. Only what still has the name of the group: two commands at once never share a message."""
    tx.run(
        "UPDATE attempt SET provider_id = :known FROM gathered WHERE attempt.id = gathered.attempt"
        " AND attempt.provider_id = :was",
        known=known, was=group.known,
    )  # fmt: skip


def _taken_name(group: Group) -> str:
    return f"{receipts.TAKEN}{group.channel} {group.known}"


def _pages(store: Store, columns: str, more: str, group: Group) -> Iterator[Sequence[Any]]:
    """Rows of the group, a slice at a time; the first column is the message's id."""
    source = OF_GROUP.replace(" WHERE ", f"{more} WHERE ", 1)
    after = 0
    while True:
        rows = store.rows(
            f"SELECT {columns} {source}{THESE} AND m.id > :after ORDER BY m.id LIMIT {SLICE}",
            **_bound(group), after=after,
        )  # fmt: skip
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _bound(group: Group) -> dict[str, Any]:
    return {"channel": group.channel, "lane": group.lane, "journey": group.journey, "known": group.known,
            "purpose": group.purpose}  # fmt: skip
