"""A small shop full of odd people, for the tests of conditions: as Python values and as rows in a database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from automation.audience.compiler import Compiler, ShopCalendar
from automation.conditions.tree import FieldType
from automation.journey.catalog_values import Catalog, Computed, EventType, Field, Home, Property
from automation.store.database import Store
from automation.store.names import Names

NOW = 1_795_320_000  # 2026-11-22 12:00 in Shanghai
DAY = 86_400
TIERS = ("basic", "silver", "gold", "diamond")
CITIES = ("上海", "上饶", "Shanghai", "北京", "100%", "")
TAGS = ("vip", "流失风险", "never_used")
STEPS = ("hello", "offer")
SOLAR = ((0, 11, 22, 0, 1990), (0, 11, 25, 0, None), (0, 2, 29, 0, 2000), (0, 11, 29, 0, 2026), (0, 12, 1, 0, 2025))
BIRTHDAYS = (*SOLAR, (1, 10, 14, 0, 1985), (1, 10, 20, 0, None), (1, 6, 3, 0, 1987), (1, 6, 3, 1, 1987))
CONSENTS = (("sms", "marketing"), ("email", "marketing"), ("*", "marketing"), ("email", "service"))
ENTRY = {"category": "茶", "order_id": "D1", "city": "上海"}
ZONE = ZoneInfo("Asia/Shanghai")

FIELDS = {
    known.name: known
    for known in (
        Field("name", FieldType.TEXT, "姓名", home=Home.COLUMN),
        Field("points", FieldType.NUMBER, "积分", home=Home.COLUMN),
        Field("created_at", FieldType.TIME, "建档", home=Home.COLUMN),
        Field("recency", FieldType.NUMBER, "最近购买分", home=Home.COLUMN),
        Field("monetary", FieldType.NUMBER, "消费金额分", home=Home.COLUMN),
        Field("zone", FieldType.TEXT, "时区", home=Home.COLUMN),
        Field("phone", FieldType.TEXT, "手机", home=Home.IDENTITY),
        Field("birthday", FieldType.DATE, "生日", home=Home.DATE),
        Field("city", FieldType.TEXT, "城市"),
        Field("score", FieldType.NUMBER, "分"),
        Field("wallet", FieldType.MONEY, "余额"),
        Field("vip", FieldType.BOOL, "贵宾"),
        Field("tier", FieldType.CHOICE, "等级", order=TIERS, choices=TIERS),
        Field("seen_at", FieldType.TIME, "来过"),
        Field("likes", FieldType.LIST, "喜欢"),
    )
}
ORDER = EventType(
    "order.paid",
    "付款",
    "order_id",
    {
        known.name: known
        for known in (
            Property("order_id", FieldType.TEXT),
            Property("amount", FieldType.MONEY, unit="fen"),
            Property("category", FieldType.TEXT),
            Property("gift", FieldType.BOOL),
            Property("day", FieldType.DATE),
        )
    },
)
EVENTS = {
    "order.paid": ORDER,
    "product.viewed": EventType("product.viewed", "浏览", None, {"category": Property("category", FieldType.TEXT)}),
    "cart.cleared": EventType("cart.cleared", "清空", None, {}),
    "message.answered": EventType("message.answered", "回答", None, {"step": Property("step", FieldType.TEXT)}),
}
COMPUTED = {
    known.name: known
    for known in (
        Computed("last_order_at", FieldType.TIME, "latest", "order.paid", "at"),
        Computed("orders", FieldType.NUMBER, "count", "order.paid"),
        Computed("favourite", FieldType.TEXT, "most_frequent", "order.paid", "category"),
    )
}
CATALOG = Catalog(FIELDS, EVENTS, COMPUTED)
INDEXED = Catalog(
    {
        name: replace(known, indexed=known.home is Home.ATTRS and known.kind is not FieldType.LIST)
        for name, known in FIELDS.items()
    },
    EVENTS,
    COMPUTED,
)
CALENDAR = ShopCalendar(ZONE)


@dataclass
class Happening:
    id: int
    name: str
    at: int
    key: str | None
    props: dict[str, Any]


@dataclass
class Someone:
    """A person with one run. `date`: (calendar, month, day, leap, year)."""

    id: int
    name: str | None
    points: int
    recency: int | None
    monetary: int | None
    stage: str | None
    created_at: int
    attrs: dict[str, Any] | None
    phone: bool
    date: tuple[int, int, int, int, int | None] | None
    computed: dict[str, Any]
    tags: dict[str, int | None]
    consents: list[tuple[str, str, bool, int]]
    events: list[Happening]
    data: dict[str, Any]
    entered_at: int
    event_id: int | None
    key: str
    marks: dict[str, dict[str, Any]] = field(default_factory=dict)
    inside: bool = False


def people(number: int, seed: int = 7) -> list[Someone]:
    """The same people for the same seed, with many missing, equal and bordering values."""
    chance = Random(seed)
    return [_someone(chance, n) for n in range(1, number + 1)]


def _maybe(chance: Random, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if chance.random() < 0.7}


def _moment(chance: Random) -> int:
    return NOW + chance.choice(
        (0, -1, 1, -3600, -DAY, -7 * DAY, -7 * DAY - 1, -30 * DAY, -31 * DAY, -400 * DAY, 3 * DAY)
    )


def _events(chance: Random, person: int) -> list[Happening]:
    found = []
    for n in range(chance.randrange(5)):
        name = chance.choice(("order.paid", "order.paid", "product.viewed", "cart.cleared", "message.answered"))
        category = chance.choice(("茶", "酒", None))
        props: dict[str, Any] = {"category": category}
        key = None
        if name == "order.paid":
            key = chance.choice(("D1", "D2", "D3"))
            amount = chance.choice((900, 1000, 9999, 10000, "900", None))
            props = {
                "order_id": key,
                "amount": amount,
                "category": category,
                "gift": chance.choice((True, False, None)),
            }
            props["day"] = chance.choice(("2026-11-22", "2026-11-20", "2025-11-22", None))
        if name == "message.answered":
            props = {"step": chance.choice(STEPS)}
        found.append(Happening(person * 10 + n, name, min(NOW, _moment(chance)), key, props))
    return found


def _someone(chance: Random, number: int) -> Someone:
    attrs = {
        "city": chance.choice(CITIES),
        "score": chance.choice((-1, 0, 2, 3, 9, 10, 100, 2.5, "10", None)),
        "wallet": chance.choice((0, 990, 1000, 10000)),
        "vip": chance.choice((True, False)),
        "tier": chance.choice(TIERS),
        "seen_at": _moment(chance),
        "likes": chance.choice(([], ["茶"])),
    }
    events = _events(chance, number)
    computed = {
        "last_order_at": _moment(chance),
        "orders": chance.choice((1, 2, 5)),
        "favourite": chance.choice(("茶", "酒")),
    }
    marks = {step: _mark(chance) for step in STEPS if chance.random() < 0.6}
    return Someone(
        id=number,
        name=chance.choice(("王芳", "li", None)),
        points=chance.choice((0, 5, 100)),
        recency=None if number % 4 == 0 else number % 5 + 1,
        monetary=None if number % 4 == 0 else number % 7 % 5 + 1,
        stage=chance.choice(("new", "active", None)),
        created_at=_moment(chance),
        attrs=_maybe(chance, attrs) if chance.random() < 0.9 else None,
        phone=chance.random() < 0.5,
        date=chance.choice(BIRTHDAYS) if chance.random() < 0.8 else None,
        computed=_maybe(chance, computed),
        tags={tag: chance.choice((None, NOW, NOW + 1, NOW - 5)) for tag in TAGS[:2] if chance.random() < 0.5},
        consents=[
            (channel, purpose, chance.random() < 0.5, chance.choice((5, 6, 7)))
            for channel, purpose in CONSENTS
            if chance.random() < 0.6
        ],
        events=events,
        data={"entry": _maybe(chance, {"total": chance.choice((2, 10, 50)), "at": _moment(chance), **ENTRY}),
              "coupon": chance.choice(({"code": "D2"}, None))},
        entered_at=NOW - chance.choice((0, DAY, 8 * DAY, 500 * DAY)),
        event_id=chance.choice((*(one.id for one in events), None)),
        key=chance.choice(("D1", "D2", "")),
        marks=marks,
        inside=chance.random() < 0.5,
    )  # fmt: skip


def _mark(chance: Random) -> dict[str, Any]:
    at = chance.choice((None, NOW - 50))
    return {"state": chance.choice((0, 3, 5)), "sent_at": at, "delivered_at": at and chance.choice((None, at)),
            "opened_at": None, "clicked_at": at and chance.choice((None, at))}  # fmt: skip


def compiler(store: Store, catalog: Catalog = CATALOG) -> Compiler:
    return Compiler(store.dialect, Names(store), catalog, CALENDAR)


def fill(store: Store, crowd: list[Someone]) -> None:
    """Writes the people and all that hangs on them."""
    names = Names(store)
    events = names.ensure("event", EVENTS)
    tags = names.ensure("tag", TAGS[:2])
    computed = names.ensure("computed", COMPUTED)
    with store.write() as tx:
        for number, name in enumerate(("welcome", "other"), 1):
            tx.run("INSERT INTO journey (id, name, status) VALUES (:id, :name, 'live')", id=number, name=name)
        for number, step in enumerate(STEPS, 1):
            tx.run("INSERT INTO step (id, journey_id, key) VALUES (:id, 1, :key)", id=number, key=step)
        for one in crowd:
            _person(tx, one, tags, computed)
            _rows(tx, one, events)


def _person(tx: Any, one: Someone, tags: dict[str, int], computed: dict[str, int]) -> None:
    attrs = None if one.attrs is None else json.dumps(one.attrs, ensure_ascii=False)
    tx.run(
        "INSERT INTO person (id, uid, seed, name, stage, points, recency, monetary, attrs, created_at, changed_at)"
        " VALUES (:id, :uid, :seed, :name, :stage, :points, :recency, :monetary, :attrs, :created, :created)",
        id=one.id, uid=f"u{one.id}", seed=one.id * 7919, name=one.name, stage=one.stage, points=one.points, attrs=attrs,
        recency=one.recency, monetary=one.monetary, created=one.created_at,
    )  # fmt: skip
    if one.phone:
        tx.run(
            "INSERT INTO identity (kind, lookup, person_id, sealed, key_id) VALUES ('phone', :lookup, :id, :lookup, 1)",
            id=one.id, lookup=b"%d" % one.id,
        )  # fmt: skip
    if one.date:
        calendar, month, day, leap, year = one.date
        tx.run(
            "INSERT INTO person_date VALUES ('birthday', :calendar, :month, :day, :leap, :id, :year)",
            id=one.id, calendar=calendar, month=month, day=day, leap=leap, year=year,
        )  # fmt: skip
    for tag, until in one.tags.items():
        tx.run("INSERT INTO person_tag VALUES (:tag, :id, 'test', 0, :until)", id=one.id, tag=tags[tag], until=until)
    for channel, purpose, granted, at in one.consents:
        tx.run(
            "INSERT INTO consent (person_id, channel, purpose, granted, source, at)"
            " VALUES (:id, :channel, :purpose, :granted, 'test', :at)",
            id=one.id, channel=channel, purpose=purpose, granted=int(granted), at=at,
        )  # fmt: skip
    for name, value in one.computed.items():
        number, text = (None, value) if isinstance(value, str) else (value, None)
        tx.run(
            "INSERT INTO computed_value VALUES (:name, :id, :num, :txt)",
            id=one.id, name=computed[name], num=number, txt=text,
        )  # fmt: skip


def _rows(tx: Any, one: Someone, events: dict[str, int]) -> None:
    for event in one.events:
        tx.run(
            "INSERT INTO event (id, person_id, name_id, at, received_at, key, props)"
            " VALUES (:id, :person, :name, :at, :at, :key, :props)",
            id=event.id, person=one.id, name=events[event.name], at=event.at, key=event.key,
            props=json.dumps(event.props, ensure_ascii=False),
        )  # fmt: skip
    tx.run(
        "INSERT INTO run (id, journey_id, version_id, node, person_id, key, clock, node_at, entered_at, state,"
        " event_id, data) VALUES (:id, 1, 1, 1, :person, :key, :at, :at, :at, :state, :event, :data)",
        id=one.id + 1000, person=one.id, key=one.key, at=one.entered_at, state=0 if one.inside else 1,
        event=one.event_id, data=json.dumps(one.data, ensure_ascii=False),
    )  # fmt: skip
    for number, step in enumerate(STEPS, 1):
        if step in one.marks:
            tx.run(
                "INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, state,"
                " scheduled_at, expires_at, sent_at, delivered_at, opened_at, clicked_at) VALUES (:run, :step, 0, :id,"
                " 1, 1, 0, :state, 0, 0, :sent_at, :delivered_at, :opened_at, :clicked_at)",
                run=one.id + 1000, step=number, id=one.id, **one.marks[step],
            )  # fmt: skip
