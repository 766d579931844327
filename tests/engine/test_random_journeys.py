"""Random journeys, events and moments: what holds whatever is drawn."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.engine import overview, tick
from automation.journey import graph
from automation.store.database import Store
from tests.engine.shop import Shop

HEAD = "enter: {event: wechat.followed}\nagain: finished\nexit: [{event: order.closed}]\nsteps:\n"
EVENTS = ("wechat.followed", "order.paid", "csat.answered", "order.closed")
START = datetime.fromisoformat("2026-03-01 09:00")
PLAIN = ["{{send: t{n}}}", "{{tag: x}}", "{{untag: x}}", "{{points: 1, reason: r}}", "{{coupon: gift, as: c{n}}}"]
WAITS = ["{{wait: 10m}}", "{{wait: 40m}}", "{{wait: 59m}}"]
TESTS = ["{tag: x}", "{tier: gold}", "{event: order.paid}", "{points: {at_least: 2}}"]


@st.composite
def journeys(draw: st.DrawFn, waiting: bool = True) -> str:
    """A journey of up to a dozen steps, nested once."""
    count = iter(range(100))

    def steps(depth: int, indent: str) -> str:
        lines = ""
        for _ in range(draw(st.integers(1, 4 - depth))):
            kind = draw(st.sampled_from(["plain", "plain", "wait"] + (["if", "split", "for"] if depth == 0 else [])))
            n = next(count)
            if kind == "plain":
                lines += f"{indent}- {draw(st.sampled_from(PLAIN)).format(n=n)}\n"
            elif kind == "wait":
                lines += f"{indent}- {draw(st.sampled_from(WAITS)).format(n=n)}\n"
            elif kind == "split":
                lines += f"{indent}- split: s{n}\n{indent}  paths:\n"
                for name in "ab":
                    lines += f"{indent}    {name}:\n{indent}      share: 50%\n{indent}      then:\n"
                    lines += steps(depth + 1, indent + "        ")
            elif kind == "for" and waiting:
                lines += f"{indent}- wait_for: {{event: csat.answered}}\n{indent}  up_to: 50m\n{indent}  then:\n"
                lines += steps(depth + 1, indent + "    ") + f"{indent}  else:\n" + steps(depth + 1, indent + "    ")
            else:
                lines += f"{indent}- if: {draw(st.sampled_from(TESTS))}\n{indent}  then:\n"
                lines += steps(depth + 1, indent + "    ")
        return lines

    return HEAD + steps(0, "  ")


@contextmanager
def opened(template: bytes, journey: str) -> Iterator[Shop]:
    folder = Path(tempfile.mkdtemp())
    (folder / "lucheng.db").write_bytes(template)
    store = Store(f"sqlite:{folder / 'lucheng.db'}")
    shop = Shop(store, folder)
    try:
        shop.open("2026-03-01 08:00", wake=journey)
        shop.codes("gift", "A1", "A2")
        yield shop
    finally:
        store.close()
        shutil.rmtree(folder)


def said(minute: int) -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%d %H:%M}"


happenings = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(EVENTS), st.integers(0, 180)), min_size=1, max_size=8
)


def walked(shop: Shop) -> None:
    """Every path is a walk of the graph: from the start, by a leaf of the way it names, to where that leaf leads."""
    loaded = shop.parts.registry.by_name("wake")
    assert loaded is not None
    for run in shop.runs():
        end: graph.Stand | graph.Leave = graph.Stand(graph.START)
        for crossing in overview.way(run.path, loaded.keys):
            assert isinstance(end, graph.Stand)
            assert crossing["step"] == end.node
            node = loaded.journey.nodes[end.node]
            gone = node.awaited.answered if crossing["answered"] and node.awaited else node.go
            end = gone.leaves[crossing["leaf"]].end
        if run.inside:
            assert isinstance(end, graph.Stand)
            assert run.step == end.node


def act(shop: Shop, happened: list[tuple[int, str, int]], ticks: list[int]) -> None:
    people = [shop.person(seed=77_000_000 * n + 5, tier="gold" if n else "basic") for n in range(3)]
    todo = sorted(happened, key=lambda one: one[2])
    for minute in sorted(ticks):
        while todo and todo[0][2] <= minute:
            who, name, at = todo.pop(0)
            shop.event(people[who], name, said(at), order_id=f"D{at}")
        tick.tick(shop.parts, shop.ts(said(minute)))
    shop.tick(said(max(ticks)))  # and the invariants hold


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(journeys(), happenings, st.lists(st.integers(0, 400), min_size=1, max_size=6, unique=True))
def test_whatever_happens_when_the_laws_of_the_engine_hold(
    sqlite_template: bytes, journey: str, happened: list[tuple[int, str, int]], ticks: list[int]
) -> None:
    """One message a step and visit, nobody inside twice, points as in the ledger: see automation.engine.invariants."""
    with opened(sqlite_template, journey) as shop:
        act(shop, happened, ticks)
        before = (shop.runs(), shop.messages(None))
        shop.tick(said(max(ticks)))
        assert (shop.runs(), shop.messages(None)) == before
        walked(shop)
        shop.tick(said(100_000), said(200_000), *(said(300_000 + n * 10_000) for n in range(8)))
        assert [run for run in shop.runs() if run.inside] == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(journeys(waiting=False))
def test_ticks_every_few_minutes_or_hardly_within_the_hour_give_the_same_messages(
    sqlite_template: bytes, journey: str
) -> None:
    found = []
    for step in (4, 59):
        with opened(sqlite_template, journey) as shop:
            act(shop, [(0, "wechat.followed", 0), (1, "wechat.followed", 0)], [*range(0, 361, step), 361])
            rows = shop.store.rows(
                "SELECT m.person_id, s.key, m.scheduled_at, m.expires_at FROM message m JOIN step s ON s.id = m.step"
            )
            found.append(sorted(rows))
    assert found[0] == found[1]
