"""A shop for the engine's tests: files from texts in the test, people and events by hand, time as plain local text."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from automation import settings
from automation.audience.compiler import Compiler, ShopCalendar
from automation.audience.computed import ComputedValues
from automation.engine import install, invariants, orders, registry, tick
from automation.engine.parts import Parts
from automation.engine.zones import Zones
from automation.festivals.workdays import Workdays
from automation.journey import project
from automation.people import sealing
from automation.people.dates import year_day
from automation.rewards import pools
from automation.store.database import Store
from automation.store.names import Names
from automation.store.states import MessageState, RunState
from bots import registry as bots

CONFIG = """
shop: {name: 旅程良品}
channels:
  sms_main: {kind: sandbox, plays: sms, url: "http://127.0.0.1:8025"}
via: [sms]
staff: {ops: {name: 运营, channel: sms_main, address: "13800000001"}}
webhooks: {crm: {url: "https://crm.example.com/hook", secret: "${HOOK_SECRET}"}}
"""
CATALOG = """
fields:
  tier: {type: choice, order: [basic, silver, gold]}
  birthday: {type: date}
  city: text
  score: number
  cycle_days: {type: number}
events:
  order.paid:
    key: order_id
    properties: {order_id: text, amount: {type: money, unit: fen}, category: text, ship_on: date}
  cart.updated: {properties: {total: {type: money, unit: fen}, product_id: text}}
  csat.answered: {properties: {score: number, comment: text}}
  order.closed: {properties: {reason: text}}
computed:
  last_order_at: {latest: order.paid, take: at}
"""
SEGMENTS = """
gold: {title: 金卡, if: {tier: gold}}
dormant: {title: 沉睡, if: {last_order_at: {older_than: 90d}}}
"""
POLICY = """
purposes:
  plain: {kind: service}
  ads: {kind: marketing, quiet: 21:00-09:00}
"""
COUPONS = """
gift: {title: 券, amount: 20, codes: import, valid: 30d}
made: {title: 生成券, amount: 5, codes: {generate: "BD-########"}, valid: month_end}
"""


@dataclass(frozen=True)
class Run:
    """A row of run, its numbers said in words; moments as local text of the shop."""

    id: int
    person: int
    journey: str
    key: str
    step: str
    due: str | None
    held: str | None
    inside: bool
    reason: str | None
    holdout: int
    goal: str | None
    value: int | None
    version: int
    path: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Message:
    person: int
    step: str
    due: str | None
    state: str
    expires: str
    run: int
    variant: str | None


class Shop:
    """`open` writes files and installs them; may be called again with edited texts."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.files = {"catalog": CATALOG, "segments": SEGMENTS, "policy": POLICY, "coupons": COUPONS}
        self.config = CONFIG
        self.zone = ZoneInfo("Asia/Shanghai")
        self.batch: int | None = None
        self.poisoned = False  # whether a row that no statement can read is part of the test
        self.variants: dict[str, str] = {}
        self._parts: Parts | None = None
        self._people = 0

    @property
    def parts(self) -> Parts:
        assert self._parts is not None, "open a journey first"
        return self._parts

    # -- files ---------------------------------------------------------------------------------------------------

    def open(self, at: str, **journeys: str) -> None:
        """Writes these journeys and takes the files into use; others stay as they are. `""` deletes one."""
        folder = self.folder / "journeys"
        folder.mkdir(exist_ok=True)
        (self.folder / "config.yaml").write_text(self.config, encoding="utf-8")
        for name, text in self.files.items():
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        for name, text in journeys.items():
            if not text:
                (folder / f"{name}.yaml").unlink()
                continue
            text = textwrap.dedent(text)
            head = {"journey": name, "purpose": "plain", "status": "live"}
            said = "".join(f"{key}: {value}\n" for key, value in head.items() if not re.search(rf"^{key}:", text, re.M))
            (folder / f"{name}.yaml").write_text(said + text, encoding="utf-8")
            for sent in re.findall(r"send: (\w+)", text):
                self._text(sent)
        self.reload(at)

    def _text(self, name: str) -> None:
        folder = self.folder / "templates" / name
        folder.mkdir(parents=True, exist_ok=True)
        places = [folder]
        if name in self.variants:
            (folder / "text.yaml").write_text(f"variants: {self.variants[name]}\n", encoding="utf-8")
            for variant in re.findall(r"(\w+): \{if", self.variants[name]):
                places.append(folder / variant)
        for place in places:
            place.mkdir(exist_ok=True)
            (place / "sms.yaml").write_text("template: t\npreview: 【旅程】您好，拒收请回复R\n", encoding="utf-8")

    def reload(self, at: str) -> list[str]:
        """Reads the files again and installs what is good; as the application does."""
        chosen = settings.load(self.folder / "config.yaml", {"HOOK_SECRET": "not a secret"}, bots.KINDS)
        if self.batch:
            engine = chosen.engine.model_copy(update={"batch": self.batch})
            chosen = chosen.model_copy(update={"engine": engine})
        files = project.load(chosen)
        if self._parts is None:
            assert not files.problems, "\n".join(map(str, files.problems))
            self._parts = self._made(chosen, files)
        self._parts.project = files
        self._parts.compiler = self._compiler(files)
        return install.install(self._parts, self.ts(at))

    def _compiler(self, files: project.Project) -> Compiler:
        return Compiler(self.store.dialect, self._names, files.catalog, self._calendar)

    def _made(self, chosen: settings.Settings, files: project.Project) -> Parts:
        self._names = Names(self.store)
        self._calendar = ShopCalendar(chosen.shop.zone)
        self.zone = chosen.shop.zone
        zones = Zones(chosen.shop.timezone)
        computed = ComputedValues(self._names, files.catalog, self._calendar)
        loaded = registry.load(self.store, self._names, files)
        compiler = self._compiler(files)
        return Parts(self.store, self._names, chosen, files, compiler, computed, zones, Workdays(), loaded)

    def problems(self) -> list[str]:
        return [str(problem) for problem in self.parts.project.problems]

    # -- time ----------------------------------------------------------------------------------------------------

    def ts(self, at: str, zone: str | None = None) -> int:
        """UTC seconds of local text, '2026-03-01 09:00' or with seconds."""
        moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone) if zone else self.zone)
        return int(moment.timestamp())

    def say(self, at: int | None, zone: str | None = None) -> str | None:
        """Local text of UTC seconds; seconds are said only where there are any."""
        if at is None:
            return None
        local = datetime.fromtimestamp(at, ZoneInfo(zone) if zone else self.zone)
        return local.strftime("%Y-%m-%d %H:%M" if local.second == 0 else "%Y-%m-%d %H:%M:%S")

    def tick(self, *moments: str) -> tick.Moved:
        """One tick at each moment; what the last one did. The invariants hold after every tick."""
        moved = tick.Moved()
        for at in moments:
            moved = tick.tick(self.parts, self.ts(at))
            broken = [found for found in invariants.check(self.store) if found.count]
            assert not broken, broken
            if not self.poisoned:
                assert self.store.rows("SELECT * FROM stuck") == []
                assert self.store.rows("SELECT * FROM audit WHERE what LIKE '%set aside'") == []
        return moved

    # -- people and what happens to them -------------------------------------------------------------------------

    def person(
        self,
        *,
        tags: tuple[str, ...] = (),
        birthday: str | None = None,
        zone: str | None = None,
        seed: int | None = None,
        **attrs: Any,
    ) -> int:
        """A new customer, by id. `birthday`: 1990-03-08, or 农历八月十五 and such."""
        self._people += 1
        uid = f"u{self._people}"
        with self.store.write() as tx:
            if zone:
                tx.run("INSERT INTO zone (name) VALUES (:zone) ON CONFLICT DO NOTHING", zone=zone)
            number = tx.value(
                "INSERT INTO person (uid, seed, zone_id, name, created_at, changed_at, attrs) VALUES (:uid, :seed,"
                " (SELECT id FROM zone WHERE name = :zone), :name, 1, 1, :attrs) RETURNING id",
                uid=uid, seed=sealing.seed_of(uid) if seed is None else seed, zone=zone or "", name=f"客{self._people}",
                attrs=json.dumps(attrs),
            )  # fmt: skip
            if birthday:
                day = year_day(birthday)
                tx.run(
                    "INSERT INTO person_date (field, calendar, month, day, leap, year, person_id)"
                    " VALUES ('birthday', :calendar, :month, :day, :leap, :year, :person)",
                    person=number, **day._asdict(),
                )  # fmt: skip
        for tag in tags:
            self.tag(number, tag)
        return int(number)

    def people(self, count: int, **attrs: Any) -> list[int]:
        return [self.person(**attrs) for _ in range(count)]

    def tag(self, person: int, tag: str) -> None:
        number = Names(self.store).ensure("tag", [tag])[tag]
        with self.store.write() as tx:
            tx.run(
                "INSERT INTO person_tag (tag_id, person_id, source, since) VALUES (:tag, :person, 'test', 1)",
                tag=number, person=person,
            )  # fmt: skip

    def set(self, person: int, **attrs: Any) -> None:
        with self.store.write() as tx:
            old = json.loads(tx.value("SELECT attrs FROM person WHERE id = :id", id=person) or "{}")
            tx.run("UPDATE person SET attrs = :attrs WHERE id = :id", attrs=json.dumps(old | attrs), id=person)

    def event(self, person: int, name: str, at: str, **props: Any) -> int:
        """Something that happened; its id. It stands in the queue until the next tick."""
        number = self.parts.names.ensure("event", [name])[name]
        known = self.parts.project.catalog.events.get(name)
        key = str(props[known.key]) if known and known.key and known.key in props else None
        with self.store.write() as tx:
            found = tx.value(
                "INSERT INTO event (person_id, name_id, at, received_at, key, props)"
                " VALUES (:person, :name, :at, :at, :key, :props) RETURNING id",
                person=person, name=number, at=self.ts(at), key=key, props=json.dumps(props, ensure_ascii=False),
            )  # fmt: skip
            tx.run(
                "INSERT INTO event_queue (event_id, person_id, name_id, at) VALUES (:event, :person, :name, :at)",
                event=found, person=person, name=number, at=self.ts(at),
            )  # fmt: skip
        return int(found)

    def codes(self, pool: str, *codes: str) -> None:
        pools.add(self.store, pool, codes)

    def enter(self, journey: str, person: int, at: str) -> None:
        """Asks for an entry by hand, as a command or a campaign does."""
        with self.store.write() as tx:
            tx.run(
                "INSERT INTO entrant (journey_id, person_id, key, episode, at) SELECT id, :person, '', :at_text, :at"
                " FROM journey WHERE name = :journey",
                person=person, journey=journey, at=self.ts(at), at_text=f"test {at}",
            )  # fmt: skip

    def pause(self, journey: str, at: str) -> None:
        orders.pause(self.parts, journey, "ann", self.ts(at))

    def resume(self, journey: str, at: str) -> int:
        return orders.resume(self.parts, journey, "ann", self.ts(at))

    # -- what became of it ---------------------------------------------------------------------------------------

    def runs(self, journey: str | None = None) -> list[Run]:
        """All runs in the order of entry."""
        rows = self.store.rows(
            "SELECT r.id, r.person_id, j.name, r.key, s.key, r.due, r.held_due, r.state, r.reason, r.holdout,"
            " r.goal_at, r.goal_value, r.version_id, r.path, r.data FROM run r JOIN journey j ON j.id = r.journey_id"
            " JOIN step s ON s.id = r.node ORDER BY r.id"
        )
        found = [
            Run(row[0], row[1], row[2], row[3], row[4], self.say(row[5]), self.say(row[6]), row[7] == RunState.INSIDE,
                row[8], row[9], self.say(row[10]), row[11], row[12], row[13], json.loads(row[14] or "{}"))
            for row in rows
        ]  # fmt: skip
        return [run for run in found if journey in (None, run.journey)]

    def run(self, journey: str | None = None) -> Run:
        """The only run there is."""
        (found,) = self.runs(journey)
        return found

    def messages(self, state: MessageState | None = MessageState.QUEUED) -> list[Message]:
        """Messages in the order they were queued; by default those that have not left."""
        rows = self.store.rows(
            "SELECT m.person_id, s.key, m.due, m.state, m.expires_at, m.run_id, m.variant FROM message m"
            " JOIN step s ON s.id = m.step ORDER BY m.id"
        )
        return [
            Message(row[0], row[1], self.say(row[2]), MessageState(row[3]).name, self.say(row[4]) or "", row[5], row[6])
            for row in rows
            if state is None or row[3] == state
        ]

    def sent(self) -> list[tuple[str, str | None]]:
        """(step, when) of the messages that wait to leave."""
        return [(message.step, message.due) for message in self.messages()]

    def texts(self) -> list[str]:
        return [message.step for message in self.messages()]

    def tags(self, person: int) -> set[str]:
        rows = self.store.rows(
            "SELECT n.name FROM person_tag t JOIN name n ON n.id = t.tag_id WHERE t.person_id = :person", person=person
        )
        return {row[0] for row in rows}

    def attrs(self, person: int) -> dict[str, Any]:
        return dict(json.loads(self.store.value("SELECT attrs FROM person WHERE id = :id", id=person) or "{}"))
