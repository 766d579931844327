"""Caps against a model that counts by hand: never one too many, never one too few, whatever comes when."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.policy import caps
from automation.store.database import Store
from tests.delivery.house import House

DAY = 86_400
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def queued(house: House, people: list[int], at: int) -> None:
    """One more message for each of these people, due now."""
    step, version, purpose = house.store.row("SELECT step, version_id, purpose FROM message ORDER BY id LIMIT 1") or (0, 0, 0)
    with house.store.write() as tx:
        for person in people:
            run = tx.value(
                "INSERT INTO run (journey_id, version_id, node, person_id, episode, clock, node_at, entered_at, state,"
                " ended_at, reason) SELECT journey_id, id, 1, :person, CAST((SELECT count(*) FROM run) AS TEXT), :at, :at, :at,"
                " 1, :at, 'finished' FROM version WHERE id = :version RETURNING id",
                person=person, at=at, version=version,
            )  # fmt: skip
            tx.run(
                "INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, due, scheduled_at,"
                " expires_at) VALUES (:run, :step, 0, :person, :version, :purpose, 5, :at, :at, :ends)",
                run=run, step=step, person=person, version=version, purpose=purpose, at=at, ends=at + 90 * DAY,
            )  # fmt: skip


def model(times: list[tuple[int, int]], count: int, seconds: int) -> int:
    """How many leave when each is asked once, at its time, and skipped at the cap."""
    left: dict[int, list[int]] = {}
    for at, person in times:
        recent = [one for one in left.setdefault(person, []) if one > at - seconds]
        if len(recent) < count:
            left[person].append(at)
    return sum(map(len, left.values()))


@given(st.lists(st.tuples(st.integers(0, 9 * DAY), st.integers(0, 2)), min_size=1, max_size=25), st.integers(1, 3))
@MANY
def test_a_rolling_cap_lets_out_exactly_what_counting_by_hand_lets_out(
    tmp_path_factory: object, sqlite_template: bytes, times: list[tuple[int, int]], count: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("caps")  # type: ignore[attr-defined]
    (folder / "l.db").write_bytes(sqlite_template)
    store = Store(f"sqlite:{folder / 'l.db'}")
    house = House(store, folder)
    house.files["policy"] = (
        "purposes:\n  plain: {kind: service}\n"
        f"  ads: {{kind: service, caps: {{all: {count} per 2d}}, on_cap: skip}}\n"
    )
    start = house.ts("2026-03-02 12:00")
    (first,) = house.send_one("2026-03-02 12:00", purpose="ads")
    house.put("UPDATE message SET state = 8, due = NULL WHERE person_id = :person", person=first)
    people = [house.reachable("phone") for _ in range(3)]
    ordered = sorted(times)
    for at, person in ordered:
        queued(house, [people[person]], start + at)
        house.deliver(start + at)
    sent = store.value("SELECT count(*) FROM message WHERE state = 3")
    assert sent == model(ordered, count, 2 * DAY)
    house.delivery.close()
    store.close()


@given(st.lists(st.integers(0, 3), min_size=4, max_size=14), st.integers(1, 3))
@MANY
def test_postponing_sends_everything_and_never_more_than_the_cap_in_any_window(
    tmp_path_factory: object, sqlite_template: bytes, whom: list[int], count: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("caps")  # type: ignore[attr-defined]
    (folder / "l.db").write_bytes(sqlite_template)
    store = Store(f"sqlite:{folder / 'l.db'}")
    house = House(store, folder)
    house.files["policy"] = (
        "purposes:\n  plain: {kind: service}\n"
        f"  ads: {{kind: service, caps: {{all: {count} per 1d}}, on_cap: postpone}}\n"
    )
    start = house.ts("2026-03-02 12:00")
    (first,) = house.send_one("2026-03-02 12:00", purpose="ads")
    house.put("UPDATE message SET state = 8, due = NULL WHERE person_id = :person", person=first)
    people = [house.reachable("phone") for _ in range(4)]
    for person in whom:
        queued(house, [people[person]], start)
    for _ in range(200):
        at = store.value("SELECT min(due) FROM message WHERE state = 0")
        if at is None:
            break
        house.deliver(max(at, start))
    rows = store.rows("SELECT person_id, sent_at FROM message WHERE state = 3 ORDER BY sent_at")
    assert len(rows) == len(whom)
    for person in set(people):
        times = [at for owner, at in rows if owner == person]
        for late, early in zip(times[count:], times, strict=False):
            assert late - early >= DAY
            assert late - early <= DAY + len(whom)  # nor later than the cap demands
    house.delivery.close()
    store.close()


def test_the_periods_of_a_calendar() -> None:
    zone = ZoneInfo("Asia/Shanghai")

    def days(word: str, text: str) -> tuple[date, date]:
        at = int(House.ts.__get__(_Zoned(zone))(text))
        first, after = caps.period(word, at, zone)
        return _local(first, zone), _local(after, zone)

    assert days("day", "2026-03-02 00:00") == (date(2026, 3, 2), date(2026, 3, 3))
    assert days("week", "2026-03-08 23:59") == (date(2026, 3, 2), date(2026, 3, 9))
    assert days("month", "2026-12-31 23:59") == (date(2026, 12, 1), date(2027, 1, 1))
    assert days("month", "2026-02-28 12:00") == (date(2026, 2, 1), date(2026, 3, 1))


class _Zoned:
    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone


def _local(at: int, zone: ZoneInfo) -> date:
    from datetime import datetime

    return datetime.fromtimestamp(at, zone).date()
