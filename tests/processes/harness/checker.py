"""Compares a shop's books with the ledger of the sandbox, which knows nothing of the engine, and with the files."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automation.engine import invariants, registry
from automation.engine.overview import way
from automation.journey import graph
from automation.kernel import errors
from automation.store.database import Store
from automation.store.states import MessageState, RunState
from bots.sandbox import ledger
from tests.processes.harness.shop import EXPECTED, SetClock, Shop

OPEN = f"{MessageState.QUEUED}, {MessageState.CLAIMED}, {MessageState.DISPATCHING}"
KEYED = ("keyed", "template")
LEFT = {
    "runs": f"SELECT count(*) FROM run WHERE state = {RunState.INSIDE}",
    "events": "SELECT count(*) FROM event_queue",
    "messages": f"SELECT count(*) FROM message WHERE state IN ({OPEN})",
    "entrants": "SELECT count(*) FROM entrant",
}
NEXT = (
    "SELECT min(at) FROM (SELECT due AS at FROM run UNION ALL SELECT due FROM message"
    " UNION ALL SELECT lease_until FROM message) moments WHERE at > :now"
)
MESSAGES = (
    "SELECT m.id, m.run_id, s.key, m.state, m.channel, coalesce(a.idem_key, ''), m.reason FROM message m"
    " JOIN step s ON s.id = m.step LEFT JOIN attempt a ON a.message_id = m.id AND a.channel = m.channel"
)


# The same for channels that speak a platform's own interface: by what reaches people, for not each carries our key.
MARKED = (
    "SELECT m.id, m.run_id, s.key, m.state, m.channel, m.channel || ' ' || s.key || '-' || r.key, m.reason"
    " FROM message m JOIN step s ON s.id = m.step JOIN run r ON r.id = m.run_id"
)
MARK = re.compile(r"[a-z]+-D\d*")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the sandbox has taken since a test began. `skip`: entries that were there before. `names`: what it calls an
    account -> our channel; where there are any, messages are known by channel, text and order instead of by key."""

    path: Path
    skip: int = 0
    names: Mapping[str, str] = field(default_factory=dict)

    def deliveries(self) -> list[ledger.Entry]:
        """What reached somebody, without repeats that a keyed channel dropped."""
        return [entry for entry in self.entries() if not entry.repeat]

    def entries(self) -> list[ledger.Entry]:
        found = list(ledger.entries(self.path))[self.skip :]
        return [self._marked(entry) for entry in found if entry.channel in self.names] if self.names else found

    def _marked(self, entry: ledger.Entry) -> ledger.Entry:
        marks = set(MARK.findall(json.dumps(entry.body, ensure_ascii=False)))
        assert len(marks) == 1, f"a text that says {len(marks)} names"
        channel, mark = self.names[entry.channel], marks.pop()
        if mark.endswith("D"):  # the same to everybody: whose it is says the phone
            mark += str(int(entry.address[-3:]))
        return replace(entry, channel=channel, key=f"{channel} {mark}")


@dataclass(slots=True)
class Found:
    """`wrong`: sentences, empty where all is well. `states`: messages by state. `delivered`: by channel."""

    wrong: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    runs: int = 0

    @property
    def ambiguous(self) -> int:
        return self.states["AMBIGUOUS"]


def left(store: Store) -> dict[str, int]:
    """What is not over yet."""
    return {about: count for about, sql in LEFT.items() if (count := int(store.value(sql)))}


def drain(shop: Shop, store: Store, seconds: float = 40, *, jumps: bool = True) -> None:
    """While an engine runs: waits until everything is over; where it only waits for a moment, the clock jumps there."""
    end = time.monotonic() + seconds
    before, since = left(store), time.monotonic()
    while (now := left(store)) and time.monotonic() < end:
        if now != before:
            before, since = now, time.monotonic()
        elif jumps and time.monotonic() - since > 0.2:
            clock = SetClock(shop.folder / "clock").now()
            if moment := store.value(NEXT, now=clock):
                shop.jump(moment - clock)
            since = time.monotonic()
        time.sleep(0.01)
    assert not now, f"still open after {seconds} s: {now}; the log ends {shop.log.read_text()[-3000:]}"


def on_the_way(store: Store, channel: str) -> int:
    """Messages whose intent is committed and whose answer is not: what a kill may leave unclear."""
    sql = f"SELECT count(*) FROM message WHERE state = {MessageState.DISPATCHING} AND channel = :channel"
    return int(store.value(sql, channel=channel))


def ambiguous(store: Store) -> int:
    return int(store.value(f"SELECT count(*) FROM message WHERE state = {MessageState.AMBIGUOUS}"))


def check(shop: Shop, store: Store, taken: Ledger, *, over: bool = True, window: bool = True) -> Found:
    """Everything that must hold. `over`: nothing is open any more, so that every message has its end. `window`: the
    provider still knows every key, so that nothing on a channel with keys may stay unclear."""
    found = Found()
    _check_database(store, found)
    _check_ledger(store, taken, found, over, window)
    _check_ways(shop, store, found)
    if over:
        _check_ends(store, found)
    return found


def _check_database(store: Store, found: Found) -> None:
    said = store.value("PRAGMA integrity_check") if store.path else "ok"
    if said != "ok":
        found.wrong.append(f"the file is damaged: {said}")
    for one in invariants.check(store):
        if one.count:
            found.wrong.append(f"{one.invariant.id} does not hold: {one.invariant.says} ({one.count}: {one.examples})")
    twice = store.value(
        "SELECT count(*) FROM (SELECT 1 FROM run GROUP BY journey_id, person_id, key, episode HAVING count(*) > 1)"
    )
    if twice:
        found.wrong.append(f"{twice} entries made more than one run")


def _check_ledger(store: Store, taken: Ledger, found: Found, over: bool, window: bool) -> None:
    delivered = taken.deliveries()
    times = Counter(entry.key for entry in delivered)
    found.delivered = Counter(entry.channel for entry in delivered)
    doubled = [key for key, count in times.items() if count > 1]
    if doubled:
        found.wrong.append(f"{len(doubled)} messages were delivered more than once")
    known = set()
    for number, _, step, state, channel, key, reason in store.rows(MARKED if taken.names else MESSAGES):
        name = MessageState(state).name
        found.states[name] += 1
        known.add(key)
        if state == MessageState.SENT and key not in times:
            found.wrong.append(f"message {number} ({step} on {channel}) counts as sent and was never taken")
        if state < MessageState.DISPATCHING and key in times:
            found.wrong.append(f"message {number} ({step} on {channel}) is {name} and was delivered")
        if over and state not in (MessageState.SENT, MessageState.AMBIGUOUS):
            found.wrong.append(f"message {number} ({step} on {channel}) ended as {name}: {reason}")
        if window and state == MessageState.AMBIGUOUS and channel in KEYED:
            found.wrong.append(f"message {number} is unclear on a channel that drops repeats")
    if strangers := set(times) - known:
        found.wrong.append(f"{len(strangers)} deliveries belong to no message")


def _check_ways(shop: Shop, store: Store, found: Found) -> None:
    """The path of every run is a walk through its journey, and its messages are the sends along that way."""
    app = shop.app()
    app.__dict__["store"] = store
    versions = registry.load(store, app.names, app.project).versions
    sent: dict[int, Counter[str]] = {}
    for _, run, step, *_ in store.rows(MESSAGES):
        sent.setdefault(run, Counter())[step] += 1
    rows = store.rows("SELECT id, version_id, node, state, path FROM run")
    found.runs = len(rows)
    for run, version, node, state, path in rows:
        loaded = versions[version]
        walk = _walk(loaded.journey, way(path, loaded.keys))
        here = None if state == RunState.ENDED else loaded.keys[node]
        got = sent.get(run, Counter())
        if walk is None or walk[0] != here:
            found.wrong.append(f"run {run} stands at {here} and its way is no walk there: {path}")
        elif got != walk[1]:
            found.wrong.append(f"run {run} went past {dict(walk[1])} and has {dict(got)}")


Walk = tuple[str | None, Counter[str]]
"""where it leads, None for out of the journey, and the sends along it"""


def _walk(journey: graph.Journey, crossings: list[dict[str, Any]]) -> Walk | None:
    """Where the crossings of a path lead, None where they are no walk through the journey."""
    place: str | None = graph.START
    sends: Counter[str] = Counter()
    for one in crossings:
        node = journey.nodes.get(one["step"])
        if node is None or one["step"] != place:
            return None
        gone = node.awaited.answered if one["answered"] and node.awaited else node.go
        leaf = next((leaf for leaf in gone.leaves if leaf.number == one["leaf"]), None)
        if leaf is None:
            return None
        place = leaf.end.node if isinstance(leaf.end, graph.Stand) else None
        sends += Counter(effect.key for effect in leaf.effects if isinstance(effect, graph.Send))
    return place, sends


def _check_ends(store: Store, found: Found) -> None:
    """What is written by hand in EXPECTED: which texts somebody got who went to the end."""
    rows = store.rows(
        "SELECT r.id, j.name, s.key FROM run r JOIN journey j ON j.id = r.journey_id LEFT JOIN message m"
        " ON m.run_id = r.id LEFT JOIN step s ON s.id = m.step"
    )
    texts: dict[tuple[int, str], set[str]] = {}
    for run, journey, key in rows:
        texts.setdefault((run, journey.partition("_")[0]), set()).add(key)
    for (run, journey), got in texts.items():
        if journey in EXPECTED and frozenset(got) not in EXPECTED[journey]:
            found.wrong.append(f"run {run} of {journey} ended with the texts {sorted(map(str, got))}")
    for journey, count, asked in store.rows(
        "SELECT j.name, count(DISTINCT r.id), (SELECT count(*) FROM event e JOIN name n ON n.id = e.name_id"
        " WHERE n.name = 'order.paid') FROM journey j LEFT JOIN run r ON r.journey_id = j.id"
        " WHERE j.name LIKE 'ordered%' GROUP BY j.name"
    ):
        if count != asked:
            found.wrong.append(f"{asked} orders made {count} runs of {journey}")


def opened(shop: Shop) -> Store:
    """The shop's database, to look at it from outside."""
    url = shop.app().settings.store.url.get_secret_value()
    if not url.startswith("sqlite:"):
        return Store(url)
    if not shop.database.exists():
        raise errors.Refused("the shop has no database yet")
    return Store(f"sqlite:{shop.database}", cache_kb=2048)
