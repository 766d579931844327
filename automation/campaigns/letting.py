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
from dataclasses import dataclass, field
from typing import Final

from automation.engine.delivery import gathered, marks
from automation.engine.delivery.gathered import Group, Recipient
from automation.engine.parts import Parts
from automation.festivals import quiet
from automation.kernel import errors
from automation.kernel.ports import Accepted, Channel, Denied, Gathers
from automation.people.sealing import Vault
from automation.policy import stop
from automation.policy.verdicts import Word
from automation.store import audit
from automation.store.states import MessageState

log = logging.getLogger(__name__)
NOT_TAKEN: Final = "not taken by the provider"
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


def release(parts: Parts, vault: Vault, channel: Gathers, group: Group, who: str, now: int) -> Released:
    """Raises Refused, with nothing sent, and ServiceAway where that is unclear: the same again is then safe."""
    if stop.is_on(parts.store):
        raise errors.Refused("everything is stopped: `run.py resume-all` first")
    if opens_at(parts, group, now) is not None:
        raise errors.Refused("it is quiet time for this purpose")
    marks.prepare(parts)
    group = _begun(parts, vault, group, who, now)
    name = list_name(group)
    kept, people = _listed(parts, vault, channel, (group, name), now)
    if not people:
        channel.dissolve(name)
        _forget(parts, group.channel, name)
        return Released(0, "", kept)
    outcome = channel.release(name, gathered.body(parts.store, vault, group), group.known)
    if isinstance(outcome, Denied):
        gathered.withdraw(parts.store, group, f"held-{group.known}")
        raise errors.Refused(f"the provider refused the mass message: {outcome.reason} {outcome.code}; nobody got it")
    if not isinstance(outcome, Accepted):
        raise errors.ServiceAway(
            f"the provider did not answer ({outcome.code}): the same command again, within 20 hours, goes on and"
            " sends nothing twice"
        )
    sent_as = outcome.provider_id or group.known
    with parts.store.write() as tx:
        tx.run("UPDATE control SET value = :id WHERE name = :name", id=sent_as, name=f"{LISTS}{group.channel} {name}")
        audit.record(tx, now, who, "mass message sent", journey=group.journey, channel=group.channel,
                     people=len(people), provider_id=sent_as)  # fmt: skip
    gathered.sent(parts, people, sent_as, now)
    return Released(len(people), sent_as, kept)


def call_off(parts: Parts, vault: Vault, group: Group, who: str, now: int) -> int:
    """Nobody gets it; how many that are. Refused where a request was begun whose outcome is unclear."""
    if group.begun_at is not None:
        raise errors.Refused("it was begun and may have left: let it go again, which sends nothing twice")
    people = gathered.recipients(parts.store, vault, group)
    gathered.call_off(parts.store, people, f"{Word.OPERATOR}: the mass message was called off", now)
    with parts.store.write() as tx:
        audit.record(tx, now, who, "mass message called off", journey=group.journey, channel=group.channel,
                     people=len(people))  # fmt: skip
    return len(people)


def tidy(parts: Parts, channels: Mapping[str, Channel], now: int) -> int:
    """Dissolves the lists that nobody needs any more; how many. One whose provider is away stays for the next time."""
    rows = parts.store.rows("SELECT name, value, at FROM control WHERE name LIKE :like", like=f"{LISTS}%")
    count = 0
    for row, value, at in rows:
        name, _, known = str(row).removeprefix(LISTS).partition(" ")
        channel = channels.get(name)
        done = now - at > LISTS_KEPT or parts.store.row(REPORTED, channel=name, id=value) is not None
        if not done or channel is None or not hasattr(channel, "dissolve"):
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


def _begun(parts: Parts, vault: Vault, group: Group, who: str, now: int) -> Group:
    """With its key, which is on disk before anything leaves, and its list noted, so that it is dissolved one day."""
    if group.begun_at is None:
        group = gathered.begin(parts.store, group, now)
    elif now - group.begun_at > gathered.TRUSTED:
        gathered.unclear(parts.store, gathered.recipients(parts.store, vault, group))
        raise errors.Refused(
            "nobody knows whether it left, and the provider no longer drops a repeat: its messages are held;"
            " `run.py messages list --state ambiguous` shows them"
        )
    with parts.store.write() as tx:
        tx.run(
            "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, :who) ON CONFLICT DO NOTHING",
            name=f"{LISTS}{group.channel} {list_name(group)}", value=group.known, now=now, who=who,
        )  # fmt: skip
    return group


def _listed(
    parts: Parts, vault: Vault, channel: Gathers, what: tuple[Group, str], now: int
) -> tuple[Counter[str], list[Recipient]]:
    """The provider's list made of those who may be written to at its end; who was kept back, and who is on it."""
    group, name = what
    kept = gathered.keep_back(parts, group, now)
    for _ in range(ROUNDS):
        people = gathered.recipients(parts.store, vault, group)
        refused = set(channel.gather(name, [one.address for one in people]))
        out = [one for one in people if one.address in refused]
        gathered.not_taken(parts.store, out, NOT_TAKEN, now)
        kept.update({NOT_TAKEN: len(out)} if out else {})
        since = gathered.keep_back(parts, group, now)
        if not since:
            return kept, [one for one in people if one.address not in refused]
        kept += since
    raise errors.Busy("people opt out faster than the list is made: try again")


def _forget(parts: Parts, channel: str, name: str) -> None:
    with parts.store.write() as tx:
        tx.run("DELETE FROM control WHERE name = :name", name=f"{LISTS}{channel} {name}")
