"""Letting a gathered mass message go: the provider's list made of exactly those who may still be written to, one
request, and what became of it.

The list outlives the request, because the provider may read it later (WeChat asks an administrator first); it is
dissolved when the provider reported, or after three days.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from automation.engine.delivery import gathered, marks
from automation.engine.delivery.gathered import Group, Recipient
from automation.engine.parts import Parts
from automation.festivals import quiet
from automation.kernel import errors
from automation.kernel.clock import Clock
from automation.kernel.ports import Accepted, Channel, Denied, Gathers, Outcome
from automation.people.sealing import Vault
from automation.policy import stop
from automation.policy.verdicts import Word
from automation.store import audit
from automation.store.states import MessageState

log = logging.getLogger(__name__)
NOT_TAKEN: Final = "not taken by the provider"
SEALED: Final = "the address does not open"
AGAIN: Final = "it may have left. The same command again, within 20 hours of the first, goes on and sends nothing twice"
ROUNDS: Final = 3  # of somebody opting out while the list is made
LISTS: Final = "gathered list "  # rows of `control`: channel and list; the value names the mass message
LISTS_KEPT: Final = 3 * 86_400  # seconds
REPORTED: Final = (
    "SELECT 1 FROM attempt a JOIN message m ON m.id = a.message_id WHERE a.channel = :channel AND a.provider_id = :id"
    f" AND (m.delivered_at IS NOT NULL OR m.state = {MessageState.FAILED}) LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Released:
    """`provider_id`: of the mass message, "" where nobody was left. `kept_back`: reason -> people since gathering."""

    sent: int
    provider_id: str
    kept_back: Mapping[str, int] = field(default_factory=dict)


def opens_at(parts: Parts, group: Group, now: int) -> int | None:
    """When quiet hours end in the shop's zone, None where they do not hold now."""
    purpose = parts.project.policy.purposes.get(parts.names.word(group.purpose))
    if purpose is None or purpose.quiet is None:
        return None
    opens = quiet.open_at(purpose.quiet, now, parts.zones.shop)
    return opens if opens > now else None


def release(parts: Parts, vault: Vault, channel: Gathers, group: Group, who: str, clock: Clock) -> Released:
    """Raises Refused, with nothing sent, and ServiceAway where that is unclear: the same again is then safe.

    `clock`: making the list takes its time, after which stop switch and quiet hours are asked once more."""
    marks.prepare(parts)
    taken = gathered.taken(parts.store, group)
    if taken:  # killed while it wrote down who got it: the provider is not asked again
        return Released(gathered.sent(parts, group, taken, clock.now()), taken)
    _refuse(parts, group, clock.now())
    begins = group.begun_at is None
    group = _begun(parts, group, who, clock.now())
    name = list_name(group)
    try:
        kept, people = _listed(parts, vault, channel, (group, name), clock)
        said = gathered.body(parts.store, vault, group)
        _refuse(parts, group, clock.now())
    except BaseException:
        _undo(parts, group, begins)
        raise
    if not people:
        channel.dissolve(name)
        _forget(parts, group.channel, name)
        return Released(0, "", kept)
    try:
        outcome = channel.release(name, said, group.known)
    except errors.LuchengError:
        _undo(parts, group, begins)
        raise
    group = replace(group, messages=len(people))
    return Released(len(people), _heard(parts, (group, begins), outcome, who, clock.now()), kept)


def call_off(parts: Parts, group: Group, who: str, now: int) -> int:
    """Nobody gets it; how many that are. Refused where a request was begun whose outcome is unclear."""
    if group.begun_at is not None:
        raise errors.Refused("it was begun and may have left: let it go again, which sends nothing twice")
    count = gathered.call_off(parts.store, group, f"{Word.OPERATOR}: the mass message was called off", now)
    with parts.store.write() as tx:
        audit.record(tx, now, who, "mass message called off", journey=group.journey, channel=group.channel,
                     people=count)  # fmt: skip
    return count


def tidy(parts: Parts, channels: Mapping[str, Channel], now: int) -> int:
    """Dissolves the lists that nobody needs any more; how many. One whose provider is away stays for the next time."""
    rows = parts.store.rows("SELECT name, value, at FROM control WHERE name LIKE :like", like=f"{LISTS}%")
    count = 0
    for row, value, at in rows:
        name, _, known = str(row).removeprefix(LISTS).partition(" ")
        channel = channels.get(name)
        done = now - at > LISTS_KEPT or parts.store.row(REPORTED, channel=name, id=value) is not None
        if not done or not isinstance(channel, Gathers):
            continue
        try:
            channel.dissolve(known)
        except errors.LuchengError as error:
            log.warning("the list %s of %s could not be taken away: %s", known, name, error)
            continue
        _forget(parts, name, known)
        count += 1
    return count


def list_name(group: Group) -> str:
    return "lucheng_" + hashlib.sha256(f"{group.channel} {group.known}".encode()).hexdigest()[:16]


def _refuse(parts: Parts, group: Group, now: int) -> None:
    if stop.is_on(parts.store):
        raise errors.Refused("everything is stopped: `run.py resume-all` first")
    if opens_at(parts, group, now) is not None:
        raise errors.Refused("it is quiet time for this purpose")


def _begun(parts: Parts, group: Group, who: str, now: int) -> Group:
    """With its key, which is on disk before anything leaves, and its list noted, so that it is dissolved one day."""
    if group.begun_at is not None and now - group.begun_at > gathered.TRUSTED:
        gathered.unclear(parts.store, group)
        raise errors.Refused(
            "nobody knows whether it left, and the provider no longer drops a repeat: its messages are held;"
            " `run.py messages list --state ambiguous` shows them"
        )
    key = group.known if group.begun_at is not None else gathered.key(parts.store, group, now)
    begun = replace(group, known=key)
    with parts.store.write() as tx:
        noted = tx.run(
            "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, :who) ON CONFLICT DO NOTHING",
            name=f"{LISTS}{group.channel} {list_name(begun)}", value=key, now=now, who=who,
        )  # fmt: skip
    if group.begun_at is None and not noted:
        raise errors.Busy("somebody else lets it go at this moment")
    return gathered.rename(parts.store, group, key)


def _undo(parts: Parts, group: Group, begins: bool) -> None:
    """Nothing left by this call. Where it is the first, none did: the group may be called off, or begin anew with
    another key. Where it is not, an earlier one may have left, and the key is what the provider knows it by."""
    if not begins:
        return
    gathered.rename(parts.store, group, f"held-{group.known}")
    with parts.store.write() as tx:  # `tidy` takes its list away next time
        tx.run("UPDATE control SET at = 0 WHERE name = :name", name=f"{LISTS}{group.channel} {list_name(group)}")


def _listed(
    parts: Parts, vault: Vault, channel: Gathers, what: tuple[Group, str], clock: Clock
) -> tuple[Counter[str], list[Recipient]]:
    """The provider's list made of those who may be written to at its end; who was kept back, and who is on it."""
    group, name = what
    kept = gathered.keep_back(parts, group, clock.now())
    for _ in range(ROUNDS):
        people = gathered.recipients(parts.store, vault, group)
        known = [one for one in people if one.address]
        refused = set(channel.gather(name, [one.address for one in known]))
        strangers = [one for one in known if one.address in refused]
        sealed = [one for one in people if not one.address]
        for code, out in ((NOT_TAKEN, strangers), (SEALED, sealed)):
            gathered.not_taken(parts.store, out, code, clock.now())
            kept.update({code: len(out)} if out else {})
        kept += gathered.keep_back(parts, group, clock.now())
        on_it = [one for one in known if one.address not in refused]
        # Whoever is kept back or called off by somebody else meanwhile must not be on the list either.
        if {one.message for one in gathered.recipients(parts.store, vault, group)} == {one.message for one in on_it}:
            return kept, on_it
    raise errors.Busy("people opt out faster than the list is made: try again")


def _heard(parts: Parts, what: tuple[Group, bool], outcome: Outcome, who: str, now: int) -> str:
    """What the provider said, written down; its id of the mass message."""
    group, begins = what
    if isinstance(outcome, Denied) and begins:
        _undo(parts, group, begins)
        raise errors.Refused(f"the provider refused the mass message: {outcome.reason} {outcome.code}; nobody got it")
    if isinstance(outcome, Denied):
        raise errors.ServiceAway(f"the provider refused the repeat ({outcome.reason} {outcome.code}): {AGAIN}")
    if not isinstance(outcome, Accepted):
        raise errors.ServiceAway(f"the provider did not answer ({outcome.code}): {AGAIN}")
    sent_as = outcome.provider_id or group.known
    with parts.store.write() as tx:
        tx.run("UPDATE control SET value = :id WHERE name = :name", id=sent_as,
               name=f"{LISTS}{group.channel} {list_name(group)}")  # fmt: skip
        gathered.take(tx, group, sent_as, who, now)
        audit.record(tx, now, who, "mass message sent", journey=group.journey, channel=group.channel,
                     people=group.messages, provider_id=sent_as)  # fmt: skip
    gathered.sent(parts, group, sent_as, now)
    return sent_as


def _forget(parts: Parts, channel: str, name: str) -> None:
    with parts.store.write() as tx:
        tx.run("DELETE FROM control WHERE name = :name", name=f"{LISTS}{channel} {name}")
