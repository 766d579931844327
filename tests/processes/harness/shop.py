"""A shop that is made to be killed: its files, its people and what happens to them, all with a clock that can be set.

One channel drops a repeated key as some providers do, the other delivers whatever it is given, like real SMS.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from automation import settings
from automation.app import App
from automation.kernel.hooks import Hook
from automation.kernel.ports import Cache, Channel
from automation.people import happenings, identities, keyring, profiles, registry, sealing, tags
from automation.people.happenings import Happening
from automation.people.identities import Identity
from automation.people.tags import Tagging
from bots import registry as bots

CONFIG = """\
shop: {{name: 旅程良品}}
store: {{url: "sqlite:lucheng.db"}}
key: {{file: lucheng.key}}
channels:
  keyed:
    {{kind: sandbox, plays: wechat, url: "{url}", keyed: true, batch: 5, timeout: {timeout}, in_flight: {in_flight}}}
  plain:
    {{kind: sandbox, plays: sms, url: "{url}", keyed: false, batch: 5, timeout: {timeout}, in_flight: {in_flight}}}
via: [keyed, plain]
staff: {{ops: {{name: 运营, channel: plain, address: "13800000001"}}}}
web: {{port: off}}
engine: {{lease: 5s, drain: 5s, batch: {batch}}}
"""
FILES = {
    "catalog": """
events:
  order.paid: {key: order_id, properties: {order_id: text, amount: {type: money, unit: fen}}}
  parcel.arrived: {key: order_id, properties: {order_id: text}}
""",
    "segments": "old_customers: {title: 老客, if: {tag: 老客}}\n",
    "policy": "purposes: {care: {kind: service}}\n",
    "coupons": 'gift: {title: 券, amount: 20, codes: {generate: "BD-########"}, valid: 30d}\n',
}
# The same journey on each channel. `wait_for` makes a race between the answer and its time-out.
ORDERED = """\
journey: ordered_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - tag: 下过单
  - {{send: thanks, via: {channel}, expires: 30d}}
  - {{points: 10, reason: 下单}}
  - split: offer
    paths:
      coupon:
        share: 50%
        then:
          - coupon: gift
          - {{send: gift, via: {channel}, expires: 30d}}
      story:
        share: 50%
        then:
          - {{send: story, via: {channel}, expires: 30d}}
  - wait: 1s
    id: rest
  - {{send: advice, via: {channel}, expires: 30d}}
  - wait_for: {{event: parcel.arrived}}
    id: parcel
    up_to: 2s
    then:
      - {{send: arrived, via: {channel}, expires: 30d}}
    else:
      - {{send: late, via: {channel}, expires: 30d}}
"""
CHECKED = """\
journey: checked_{channel}
purpose: care
status: live
enter: {{segment: old_customers, check: every 15m, existing: include}}
again: finished
steps:
  - {{send: hello, via: {channel}, expires: 30d}}
  - {{points: 1, reason: 老客}}
  - wait: 1s
    id: rest
  - {{send: again, via: {channel}, expires: 30d}}
"""
SHORT = """\
journey: short_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - {{send: thanks, via: {channel}, expires: 30d}}
  - {{points: 10, reason: 下单}}
  - wait: 1s
    id: rest
  - {{send: advice, via: {channel}, expires: 30d}}
"""
SINGLE = """\
journey: single_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - {{send: thanks, via: {channel}, expires: 30d}}
"""
TEXTS = ("thanks", "gift", "story", "advice", "arrived", "late", "hello", "again")
EXPECTED: Mapping[str, frozenset[frozenset[str]]] = {
    "ordered": frozenset(
        frozenset({"thanks", offer, "advice", end}) for offer in ("gift", "story") for end in ("arrived", "late")
    ),
    "short": frozenset({frozenset({"thanks", "advice"})}),
    "single": frozenset({frozenset({"thanks"})}),
    "checked": frozenset({frozenset({"hello", "again"})}),
}
"""Journey, without its channel -> the sets of texts that a run which ended has sent, one message each."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What shops differ in. `config`: config.yaml with places for `known`; `texts`: file of a text -> what it says of
    {name}; `identities`: those of the nth customer."""

    config: str
    texts: Mapping[str, str]
    identities: Callable[[int], list[Identity]]
    known: Mapping[str, object] = field(default_factory=dict)


SANDBOX = Kit(
    CONFIG,
    {"sms.yaml": "template: t_{name}\npreview: 【旅程良品】您好，拒收请回复R\n", "wechat.yaml": "text: 您好，{name}\n"},
    lambda number: [
        identities.identity("phone", f"138{number:08d}"),
        Identity("openid", f"o-fake-{number}", "keyed"),
    ],
)


class SetClock:
    """The machine's clock moved by the seconds in a file, or standing at `=SECONDS`: a test jumps while others run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> int:
        said = self._path.read_text() if self._path.exists() else "0"
        return int(said[1:]) if said.startswith("=") else int(time.time()) + int(said)


@dataclass(frozen=True, slots=True)
class Shop:
    """A folder with everything of one shop. Nothing of it is kept open between calls."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "lucheng.db"

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "engine.log"

    def app(self) -> App:
        chosen = settings.load(self.config, os.environ, bots.KINDS)
        return App(chosen, _channel, SetClock(self.folder / "clock"), hook=_hook)

    def jump(self, seconds: int) -> None:
        """Moves the shop's clock, from one moment to the next, also that of engines which run."""
        said = self._clock.read_text() if self._clock.exists() else "0"
        stands = said.startswith("=")
        self._say(f"{'=' * stands}{int(said[stands:]) + seconds}")

    def stand_still(self) -> None:
        """From now on the clock only moves by jumps."""
        self._say(f"={SetClock(self._clock).now()}")

    @property
    def _clock(self) -> Path:
        return self.folder / "clock"

    def _say(self, text: str) -> None:
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._clock)


def make(
    folder: Path, url: str, *, in_flight: int = 16, people: int = 0, channels: Iterable[str] = ("keyed", "plain"),
    entries: Iterable[str] = (ORDERED, CHECKED), batch: int = 200, kit: Kit = SANDBOX, timeout: str = "10s",
) -> Shop:  # fmt: skip
    """A new shop whose channels speak to the sandbox at `url`, with so many customers, all of them of long standing.

    `timeout`: long enough for a busy machine, unless a test is about providers that do not answer."""
    folder.mkdir(parents=True, exist_ok=True)
    shop = Shop(folder)
    known = {"url": url, "in_flight": in_flight, "batch": batch, "timeout": timeout, **kit.known}
    shop.config.write_text(kit.config.format(**known), encoding="utf-8")
    journeys = folder / "journeys"
    journeys.mkdir()
    for name, text in FILES.items():
        (journeys / f"{name}.yaml").write_text(text, encoding="utf-8")
    for text in entries:
        for channel in channels:
            said = text.format(channel=channel)
            name = said.split("\n", 1)[0].removeprefix("journey: ")
            (journeys / f"{name}.yaml").write_text(said, encoding="utf-8")
    for name in TEXTS:
        write_text(shop, name, kit)
    keyring.create(folder / "lucheng.key")
    feeder = Feeder(shop)
    feeder.add_people(people, kit)
    feeder.close()
    return shop


def write_text(shop: Shop, name: str, kit: Kit = SANDBOX) -> None:
    place = shop.folder / "templates" / name
    place.mkdir(parents=True, exist_ok=True)
    for file, text in kit.texts.items():
        (place / file).write_text(text.replace("{name}", name), encoding="utf-8")


class Feeder:
    """Another process that writes into the shop's database: people and what they do. Close it at the end."""

    def __init__(self, shop: Shop) -> None:
        self._app = shop.app()
        vault = sealing.Vault(self._app.keyring)
        self._people = registry.opened(self._app.store, vault, self._app.project.catalog)
        self._tag = self._people.names.ensure("tag", ["老客"])["老客"]

    def add_people(self, count: int, kit: Kit = SANDBOX) -> None:
        now = self._app.clock.now()
        with self._app.store.write() as tx:
            ids = [profiles.create(self._people, tx, now, kit.identities(number)) for number in range(1, count + 1)]
            tags.add(tx, now, Tagging(self._tag, "test"), ids)

    def happen(self, events: Iterable[tuple[int, str, str]]) -> int:
        """Events (person, name, order) in one transaction; how many were new."""
        now = self._app.clock.now()
        checked = [
            happenings.checked(
                self._people, now, Happening(person, name, {"order_id": order}, dedupe=f"{name} {order}")
            )
            for person, name, order in events
        ]
        with self._app.store.write() as tx:
            return len(happenings.add_many(tx, now, checked))

    def close(self) -> None:
        self._app.close()


def happen(shop: Shop, events: Iterable[tuple[int, str, str]]) -> int:
    feeder = Feeder(shop)
    try:
        return feeder.happen(events)
    finally:
        feeder.close()


def order(faults: Mapping[str, object], url: str) -> None:
    """Orders the sandbox to misbehave."""
    from urllib import request

    body = json.dumps(faults).encode()
    asked = request.Request(f"{url}/faults", body, {"content-type": "application/json"})
    with request.urlopen(asked, timeout=30) as answer:
        assert answer.status == 200


def _channel(name: str, known: settings.Settings, cache: Cache) -> Channel:
    return bots.build(name, known.channels[name].kind, known.channels[name], cache)


def _hook(name: str, known: settings.Settings, cache: Cache) -> Hook | None:
    return bots.hook(name, known.channels[name].kind, known.channels[name], cache)
