"""Caps against a model that counts by hand: never one too many, never one too few, whatever comes when."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.policy import caps
from tests.delivery.house import House

DAY = 86_400
MANY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CLASSES = "".join(
    f"  {way}{count}: {{kind: service, caps: {{all: {count} per {per}}}, on_cap: {way}}}\n"
    for way, per in (("skip", "2d"), ("postpone", "1d"))
    for count in (1, 2, 3)
)


@pytest.fixture
def crowd(sqlite_house: House) -> tuple[House, list[int]]:
    """A journey and four people; messages of every class are put into its queue by hand."""
    house = sqlite_house
    house.files["policy"] = f"purposes:\n  plain: {{kind: service}}\n{CLASSES}"
    house.send_one("2026-03-02 12:00")
    return house, [house.reachable("phone") for _ in range(4)]


def empty(house: House) -> None:
    with house.store.write() as tx:
        for table in ("attempt", "message", "run"):
            tx.run(f"DELETE FROM {table}")


def queued(house: House, person: int, purpose: str, at: int) -> None:
    """One more message of this class for this person, due now."""
    number = house.parts.names.ensure("purpose", [purpose])[purpose]
    with house.store.write() as tx:
        run = tx.value(
            "INSERT INTO run (journey_id, version_id, node, person_id, episode, clock, node_at, entered_at, state,"
            " ended_at,"
            " reason) SELECT journey_id, id, 1, :person, CAST((SELECT count(*) FROM run) AS TEXT), :at, :at, :at, 1,"
            " :at,"
            " 'finished' FROM version RETURNING id",
            person=person, at=at,
        )  # fmt: skip
        tx.run(
            "INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, due, scheduled_at,"
            " expires_at)"
            " SELECT :run, s.id, 0, :person, v.id, :purpose, 5, :at, :at, :ends FROM step s, version v WHERE s.key ="
            " 'hello'",
            run=run, person=person, purpose=number, at=at, ends=at + 90 * DAY,
        )  # fmt: skip


def model(times: list[tuple[int, int]], count: int, seconds: int) -> int:
    """How many leave when each is asked once, at its time, and skipped at the cap."""
    left: dict[int, list[int]] = {}
    for at, person in times:
        recent = [one for one in left.setdefault(person, []) if one > at - seconds]
        if len(recent) < count:
            left[person].append(at)
    return sum(map(len, left.values()))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=16), st.integers(1, 3))
@MANY
def test_a_rolling_cap_lets_out_exactly_what_counting_by_hand_lets_out(
    crowd: tuple[House, list[int]], times: list[tuple[int, int]], count: int
) -> None:
    house, people = crowd
    empty(house)
    start = house.ts("2026-03-02 12:00")
    # Half days, a second before every other: the edge of the window is hit from both sides.
    ordered = sorted((start + half * DAY // 2 - half % 2, person) for half, person in times)
    for at, person in ordered:
        queued(house, people[person], f"skip{count}", at)
        house.deliver(at)
    assert house.store.value("SELECT count(*) FROM message WHERE state = 3") == model(ordered, count, 2 * DAY)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=12), st.integers(1, 3))
@MANY
def test_postponing_sends_everything_and_never_more_than_the_cap_in_any_window(
    crowd: tuple[House, list[int]], whom: list[int], count: int
) -> None:
    house, people = crowd
    empty(house)
    start = house.ts("2026-03-02 12:00")
    for person in whom:
        queued(house, people[person], f"postpone{count}", start)
    for _ in range(200):
        at = house.store.value("SELECT min(due) FROM message WHERE state = 0")
        if at is None:
            break
        house.deliver(max(at, start))
    rows = house.store.rows("SELECT person_id, sent_at FROM message WHERE state = 3 ORDER BY sent_at")
    assert len(rows) == len(whom)
    for person in set(people):
        times = [at for owner, at in rows if owner == person]
        for late, early in zip(times[count:], times, strict=False):
            assert DAY <= late - early <= DAY + len(whom)  # nor later than the cap demands


def test_the_periods_of_a_calendar() -> None:
    zone = ZoneInfo("Asia/Shanghai")

    def days(word: str, text: str) -> tuple[date, date]:
        at = int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())
        first, after = (datetime.fromtimestamp(end, zone) for end in caps.period(word, at, zone))
        assert first.time() == after.time() == time(0)
        return first.date(), after.date()

    assert days("day", "2026-03-02 00:00") == (date(2026, 3, 2), date(2026, 3, 3))
    assert days("week", "2026-03-08 23:59") == (date(2026, 3, 2), date(2026, 3, 9))
    assert days("month", "2026-12-31 23:59") == (date(2026, 12, 1), date(2027, 1, 1))
    assert days("month", "2026-02-28 12:00") == (date(2026, 2, 1), date(2026, 3, 1))
