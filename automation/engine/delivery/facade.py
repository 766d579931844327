"""Delivery as the application sees it: one synchronous round, or a loop in threads of its own."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from automation.engine.parts import Parts
from automation.kernel import ports
from automation.kernel.clock import Clock
from automation.people.keyring import Keyring
from automation.people.sealing import Vault
from automation.policy.verdicts import Verdict
from automation.rendering.renderer import Renderer
from automation.settings import Channel
from automation.store.states import MessageState

from . import awaiting, marks, sending
from .bookings import Bookings
from .claim import ENDS, Claimed, Claimer
from .dispatch import Dispatcher
from .effects import Effects, Webhooks
from .gates import Gates
from .healing import Healing
from .links import Links
from .live import Live
from .prepare import Preparer
from .prepared import Prepared
from .record import Recorder, Result
from .recover import Recovery
from .reserve import Reserve
from .routes import Routes
from .spool import FileSpool, NoSpool, Spool

log = logging.getLogger(__name__)
WAITING = 3  # batches a process holds for one channel at most: being made ready, ready, on their way


@dataclass(slots=True)
class Delivered:
    """What a round did. `looked`: messages that were due; `outcomes`: new states by name (sent, queued...)."""

    looked: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    effects: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.looked or self.recovered or self.effects)

    @property
    def states(self) -> Counter[str]:
        """Messages by the state they came to by policy, by rendering or by an answer; postponed ones are queued."""
        ends = {Verdict.POSTPONE: int(MessageState.QUEUED), **ENDS}
        found = Counter(self.outcomes)
        for verdict, state in ends.items():
            found[MessageState(state).name.lower()] += self.verdicts[verdict.name.lower()]
        return +found

    @property
    def sent(self) -> int:
        return self.outcomes["sent"]


class Delivery:
    """Everything from a queued row to a recorded answer, for one process.

    `spool`: by default files beside the SQLite database; on PostgreSQL a folder has to be given. `make_links`: who
    makes links for one message, such as the one to unsubscribe. `webhooks`: who posts; without it their rows wait.
    """

    def __init__(
        self,
        parts: Parts,
        channels: Mapping[str, ports.Channel],
        keyring: Keyring,
        renderer: Renderer,
        clock: Clock,
        *,
        spool: Spool | None = None,
        make_links: Links | None = None,
        webhooks: Webhooks | None = None,
    ) -> None:
        self.parts, self.channels, self.clock = parts, channels, clock
        self.vault = Vault(keyring)
        self.folder = spool_folder(parts)
        self._spool, self._renderer = spool, renderer
        self.routes = Routes(parts, channels)
        lanes = {(name, lane.name): lane for name, channel in channels.items() for lane in channel.lanes}
        self.gates = Gates(parts.settings, WAITING * parts.settings.engine.batch, lanes)
        self.bookings = Bookings(self.routes, self.gates)
        self.recorder = Recorder(parts, self.gates, self.bookings)
        self.claimer = Claimer(parts, self.routes, self.gates, self.bookings)
        self.dispatcher = Dispatcher(self.gates, self.bookings, parts.settings.engine.lease)
        self.preparer = Preparer(parts, self.routes, self.vault, renderer, make_links)
        self.recovery = Recovery(parts, self.routes, self.vault, (self.recorder, self.bookings), self.folder)
        self.healing = Healing(parts, channels, self.recovery, self.recorder)
        self.effects = Effects(parts, channels, self.vault.idem_key, webhooks)
        self.reserve = Reserve(self.folder.parent if self.folder else None)
        self._live: Live | None = None
        marks.prepare(parts)

    @property
    def spool(self) -> Spool:
        """Opened when the first message leaves, so that a process that only reads leaves no file."""
        if self._spool is None:
            self._spool = FileSpool(self.folder) if self.folder else NoSpool()
        return self._spool

    def step(self, now: int) -> Delivered:
        """One round in the calling thread: what was interrupted, then one claim, sent and recorded. Nothing is open
        when it returns."""
        done = Delivered()
        again = self.recover(now, done)
        claimed, ready = self.prepare(now)
        done.looked = claimed.looked
        done.outcomes["failed"] += len(claimed.messages) - len(ready)  # no text could be made
        done.verdicts.update({verdict.name.lower(): count for verdict, count in claimed.verdicts.items()})
        self._deliver([*again, *ready], now, done)
        done.effects = self.effects.step(now)
        return done

    def prepare(self, now: int) -> tuple[Claimed, list[Prepared]]:
        """Claims and makes ready."""
        claimed = self.claim(now)
        return claimed, self.make(claimed, now)

    def claim(self, now: int) -> Claimed:
        """Takes what may leave now; nothing while the disk is nearly full."""
        return Claimed() if self.reserve.is_short() else self.claimer.claim(now, self._renderer.ready)

    def make(self, claimed: Claimed, now: int) -> list[Prepared]:
        """Makes ready what was claimed; what is unfit is recorded at once."""
        if not claimed.messages:
            return []
        ready, unfit = self.preparer.prepare(claimed, now)
        if unfit:
            for where, reason in sorted({(one.where, one.reason) for one in unfit}):
                log.error("messages cannot be made: %s %s", where, reason)
            with self.parts.store.write() as tx:
                self.recorder.unfit(tx, unfit, now)
        return ready

    def recover(
        self, now: int, done: Delivered | None = None, alone: bool = False, seen: set[int] | None = None
    ) -> list[Prepared]:
        """Puts what was interrupted in order; returns what has to be asked again. Those in `seen` are left alone, and
        it grows: an answer that stays unclear is not asked for without end."""
        live, known = self._live, set() if seen is None else seen
        found = self.recovery.run(now, lambda number: number in known or (live is not None and live.has(number)), alone)
        known.update(one.id for one in found.again)
        late = awaiting.settle(self.parts, self.routes, now)
        if done is not None:
            done.recovered += late + len(found.back) + len(found.held) + len(found.recorded) + len(found.again)
        if found.held:
            log.warning("%d messages may or may not have left; they are held for an operator", len(found.held))
        return found.again

    def start(self, alone: bool = False) -> Delivered:
        """Before the first `step`: what another process left behind is put in order and asked again, here and now.
        `alone` as for `interrupted`."""
        done = Delivered()
        for again in self.interrupted(alone, done):
            self._deliver(again, self.clock.now(), done)
        return done

    def interrupted(self, alone: bool, done: Delivered | None = None) -> Iterator[list[Prepared]]:
        """What another process left behind, put in order slice by slice; yields what has to be asked again. At the end
        its spool is removed. `alone`: the caller knows that no other process delivers (it holds the engine's lock), so
        leases need not run out first."""
        done, before, seen = done or Delivered(), -1, set[int]()
        while done.recovered != before:
            before = done.recovered
            yield self.recover(self.clock.now(), done, alone, seen)
        own = self._spool
        self.recovery.prune(own.is_mine if isinstance(own, FileSpool) else lambda _: False)

    def run(self, stop: threading.Event, alone: bool = False) -> None:
        """Delivers until `stop` is set, then finishes what is on its way for at most the settings' `drain` seconds.
        What another process left behind goes the way of every message; `alone` as for `interrupted`."""
        self._live = Live(self, self.parts, self.clock)
        try:
            self._live.run(stop, alone)
        finally:
            self._live = None

    def close(self) -> None:
        """Lets go of the spool."""
        if isinstance(self._spool, FileSpool):
            self._spool.close()
        self._spool = None

    def _deliver(self, ready: Sequence[Prepared], now: int, done: Delivered) -> None:
        """At most `in_flight` at once; the answers of one group are recorded with the intent of the next."""
        results: list[Result] = []
        for group in _groups(ready, self.parts.settings.channels):
            results = self._group(group, results, now, done)
        self._commit([], results, now, done)

    def _group(self, group: Sequence[Prepared], before: list[Result], now: int, done: Delivered) -> list[Result]:
        admitted = self._commit(group, before, now, done)
        results: list[Result] = []
        for request in sending.requests(admitted):
            results += sending.send(self.channels, self.spool, request)
        return results

    def _commit(
        self, group: Sequence[Prepared], results: Sequence[Result], now: int, done: Delivered
    ) -> list[Prepared]:
        if not group and not results:
            return []
        admitted: list[Prepared] = []
        if group:
            self.spool.intended([(one.id, one.token) for one in group])
        with self.parts.store.write() as tx:
            if results:
                done.outcomes += self.recorder.write(tx, results, now)
            if group:
                admitted = self.dispatcher.commit(tx, group, now)
        kept = {one.id for one in admitted}
        over = [result.message for result in results] + [one for one in group if one.id not in kept]
        if over:
            self.spool.recorded([(one.id, one.token) for one in over])
        return admitted


def _groups(ready: Sequence[Prepared], settings: Mapping[str, Channel]) -> list[Sequence[Prepared]]:
    """Messages of one channel, at most its `in_flight`, in the order of the claim."""
    by_channel: dict[str, list[Prepared]] = {}
    for one in ready:
        by_channel.setdefault(one.door.channel, []).append(one)
    groups: list[Sequence[Prepared]] = []
    for channel, messages in by_channel.items():
        size = settings[channel].in_flight
        groups += [messages[at : at + size] for at in range(0, len(messages), size)]
    return groups


def spool_folder(parts: Parts) -> Path | None:
    """Beside the database; on PostgreSQL beside the key file, on each machine its own."""
    path = parts.store.path
    return spool_beside(path) if path is not None else parts.settings.key.file.with_name("lucheng.spool")


def spool_beside(database: Path) -> Path:
    """The folder of a SQLite database's spool."""
    return database.with_name(database.name + ".spool")
