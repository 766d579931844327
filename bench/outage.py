"""Hours without a provider, at full size: what is lost, doubled, sent in a burst or in quiet hours when it is back.

`python -m bench.outage --per-second 100 --hours 6`: messages fall due all the time on a clock of our own; the provider
answers with every kind of failure until half past nine in the evening, then takes all it is given. A table, then one
line of JSON. The full size is 2,160,000 messages; `tests/delivery/test_outage.py` is the same with 180.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from automation import settings
from automation.app import App
from automation.engine import install, invariants
from automation.kernel.clock import FixedClock
from automation.kernel.ports import Accepted, Cache, Channel, Denied, Lane, Message, Outcome, Reason, Unknown
from automation.people import keyring
from automation.people.sealing import Vault, identity_context, seed_of
from automation.store.checkpoints import Checkpoints
from automation.store.database import Store
from automation.store.states import MessageState
from bench import measure
from bots import registry as bots

BACK: Final = int(datetime(2026, 3, 2, 21, 30, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
MORNING: Final = BACK + 11 * 3600 + 1800  # 09:00, when quiet hours are over
HOUR: Final = 3600
SLICE: Final = 20_000  # people of one transaction
LOOK: Final = 10  # seconds between rounds while the provider is away
AWAY: Final = (
    Denied(Reason.UNAVAILABLE, "500", permanent=False),
    Denied(Reason.UNAVAILABLE, "refused", permanent=False),
    Denied(Reason.RATE_LIMITED, "429", permanent=False, retry_after=40),
    Denied(Reason.UNAVAILABLE, "503", permanent=False),
    Unknown("timeout"),
)
FILES: Final = {
    "config.yaml": "shop: {{name: 旅程良品}}\nstore: {{url: 'sqlite:lucheng.db'}}\nkey: {{file: key}}\nchannels:\n"
    "  sms_main: {{kind: sandbox, plays: sms, rate: {limit}, in_flight: 64}}\nvia: [sms]\nweb: {{port: off}}\n",
    "journeys/catalog.yaml": "fields:\n  city: {type: text}\n",
    "journeys/policy.yaml": "purposes:\n  ads: {kind: marketing, caps: {all: 5 per 7d}, quiet: 21:00-09:00}\n"
    "  care: {kind: service}\n",
    "journeys/j.yaml": "journey: j\npurpose: ads\nstatus: live\nenter: {manual: true}\nagain: finished\nsteps:\n"
    "  - {send: hello, via: [sms], expires: 3d}\n",
    "templates/hello/sms.yaml": "template: t\nparams: {name: '{{ customer.name }}'}\n"
    "preview: 【旅程】{name} 您好，拒收请回复R\n",
}


@dataclass
class Provider:
    """Fails in turn until it is `back`; then it counts what it takes, by person and by second."""

    people: int
    name: str = "sms_main"
    kind: str = "sms"
    lanes: Sequence[Lane] = (Lane("sms", "phone", frozenset({"marketing", "service"}), 64, 600),)
    now: int = 0
    back: bool = False
    tries: list[int] = field(default_factory=list)
    seconds: Counter[int] = field(default_factory=Counter)
    early: int = 0  # advertising at night
    taken: bytearray = field(init=False)
    answers: Iterator[Outcome] = field(default_factory=lambda: cycle(AWAY))

    def __post_init__(self) -> None:
        self.taken = bytearray(self.people + 1)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        if not self.back:
            self.tries += [self.now] * len(messages)
            return [next(self.answers) for _ in messages]
        self.seconds[self.now] += len(messages)
        for message in messages:
            person = int(message.address[-8:])
            self.taken[person] += 1
            self.early += person % 2 == 0 and self.now < MORNING
        return [Accepted(message.idem_key) for message in messages]

    def close(self) -> None: ...


def opened(folder: Path, limit: float, provider: Provider) -> App:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(limit=limit) if name == "config.yaml" else text, encoding="utf-8")
    keyring.create(folder / "key")

    def build(name: str, chosen: settings.Settings, cache: Cache) -> Channel:
        return provider

    app = App(settings.load(folder / "config.yaml", {}, bots.KINDS), build, FixedClock(BACK))
    if app.project.problems:
        raise SystemExit("\n".join(map(str, app.project.problems)))
    install.install(app.parts, BACK - 12 * HOUR)
    return app


def fill(app: App, count: int, begin: int, per_second: float) -> None:
    """A person with one message each: half of them advertising, a fifth of the others worth nothing after two hours."""
    store, vault = app.store, app.vault
    purposes = app.names.ensure("purpose", ["ads", "care"])
    version = store.row("SELECT v.journey_id, v.id, s.id FROM version v JOIN step s ON s.journey_id = v.journey_id"
                        " WHERE s.key LIKE '%hello%'")  # fmt: skip
    assert version is not None
    for start in range(1, count + 1, SLICE):
        numbers = range(start, min(count + 1, start + SLICE))
        _people(store, vault, numbers)
        with store.write() as tx:
            tx.insert("run", ("id", "journey_id", "version_id", "node", "person_id", "key", "clock", "node_at",
                              "entered_at", "state", "ended_at", "reason"),
                      [(n, version[0], version[1], version[2], n, "", begin, begin, begin, 1, begin, "end")
                       for n in numbers])  # fmt: skip
            tx.insert("message", ("run_id", "step", "visit", "person_id", "version_id", "purpose", "priority", "due",
                                  "scheduled_at", "expires_at"),
                      [_message(n, version, purposes, begin + int(n / per_second)) for n in numbers])  # fmt: skip


def _message(n: int, version: Sequence[int], purposes: dict[str, int], due: int) -> tuple[int, ...]:
    ads = n % 2 == 0
    ends = due + (2 * HOUR if n % 10 == 5 else 72 * HOUR)
    return (n, version[2], 0, n, version[1], purposes["ads" if ads else "care"], 50 if ads else 10, due, due, ends)


def _people(store: Store, vault: Vault, numbers: range) -> None:
    texts = [f"+86138{n:08d}" for n in numbers]
    lookups = [vault.lookup("phone", "", text) for text in texts]
    sealed = vault.seal_many(texts, [identity_context(lookup) for lookup in lookups])
    with store.write() as tx:
        tx.insert("person", ("id", "uid", "seed", "name", "created_at", "changed_at"),
                  [(n, f"u{n}", seed_of(f"u{n}"), "客", 1, 1) for n in numbers])  # fmt: skip
        tx.insert(
            "identity",
            ("kind", "lookup", "person_id", "sealed", "key_id"),
            [("phone", lookup, n, box, 1) for n, lookup, box in zip(numbers, lookups, sealed, strict=True)],
        )
        tx.insert("consent", ("person_id", "channel", "purpose", "granted", "source", "at"),
                  [(n, "*", "marketing", 1, "bench", 1) for n in numbers])  # fmt: skip


def live(app: App, provider: Provider, now: int) -> bool:
    """Rounds of one moment until nothing more is due; whether anything was."""
    provider.now = now
    worked = False
    while app.delivery.step(now).anything:
        worked = True
    return worked


def after(app: App, provider: Provider) -> int:
    """Second by second from the provider's return until nothing is left; how many virtual seconds had work."""
    provider.back, now, busy = True, BACK, 0
    while (due := app.store.value("SELECT min(at) FROM (SELECT min(due) AS at FROM message UNION ALL"
                                  " SELECT min(lease_until) FROM message) moments")) is not None:  # fmt: skip
        now = max(now, int(due))
        busy += live(app, provider, now)
        now += 1
    return busy


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--per-second", type=float, default=100)
    asked.add_argument("--hours", type=float, default=6)
    asked.add_argument("--limit", type=float, default=300, help="the channel's rate: messages a second")
    given = asked.parse_args()
    span = int(given.hours * HOUR)
    count = int(given.per_second * span)
    provider, filling, away, back = Provider(count), measure.Watch(), measure.Watch(), measure.Watch()
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        app = opened(Path(folder), given.limit, provider)
        checkpoints = Checkpoints(app.store)
        checkpoints.start()
        with filling:
            fill(app, count, BACK - span, given.per_second)
        measure.progress(f"{count:,} messages are there; the provider is away for {given.hours:g} hours")
        with away:
            for now in range(BACK - span, BACK, LOOK):
                live(app, provider, now)
        measure.progress(f"{len(provider.tries):,} tries; the provider is back")
        with back:
            busy = after(app, provider)
        states = Counter({MessageState(state).name.lower(): number for state, number in app.store.rows(
            "SELECT state, count(*) FROM message GROUP BY state")})  # fmt: skip
        broken = [one.invariant.id for one in invariants.check(app.store) if one.count]
        checkpoints.stop()
        app.close()
    gaps = [later - earlier for earlier, later in zip(provider.tries, provider.tries[1:], strict=False)]
    figures = {
        "messages": count, "hours_away": given.hours, "tries_while_away": len(provider.tries),
        "longest_rest_s": max(gaps, default=0), "rate_limit": given.limit,
        "most_in_a_second": max(provider.seconds.values()), "sent": states["sent"], "expired": states["expired"],
        "unclear": states["ambiguous"], "lost": count - states["sent"] - states["expired"] - states["ambiguous"],
        "not_taken": states["sent"] - sum(1 for taken in provider.taken if taken),
        "doubled": sum(taken > 1 for taken in provider.taken), "advertising_at_night": provider.early,
        "invariants_broken": len(broken), "busy_seconds_after": busy, "fill_s": filling.seconds,
        "away_s": away.seconds, "back_s": back.seconds, "cpu_us_a_message": (away.cpu + back.cpu) * 1e6 / count,
        "peak_mb": measure.peak_mb(),
    }  # fmt: skip
    measure.table({"figure": name, "is": f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"}
                  for name, value in figures.items())  # fmt: skip
    wrong = ("lost", "not_taken", "doubled", "advertising_at_night", "invariants_broken")
    measure.verdicts(
        {name: float(figures[name]) for name in (*wrong, "most_in_a_second")},
        dict.fromkeys(wrong, ("<", 1.0)) | {"most_in_a_second": ("<", given.limit + 1)},
    )
    measure.last_line({name: round(value, 1) for name, value in figures.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
