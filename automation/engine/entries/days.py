"""Entry by the calendar: a date of the person (`birthday`, solar or lunar) and festivals.

Nothing is computed per person: a local day is asked which stored days it stands for, and those are joined. People are
looked for once a day at the entry's time in each zone, for that day and for the days before it that `catch_up` covers
and on which the journey was open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

from automation.engine import enrol, opening, timing
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.festivals import durations, feasts, keys, walltime
from automation.festivals.durations import Duration
from automation.festivals.workdays import Workdays
from automation.journey import graph

from . import slices

DAY = timedelta(days=1)


def run(parts: Parts, loaded: Loaded, now: int) -> int:
    """Lets in everybody whose day has come in their zone since the last look; returns how many runs began."""
    entry = loaded.journey.entry
    if not isinstance(entry, graph.DateEntry | graph.FestivalEntry):
        return 0
    zones = [0] if loaded.journey.shop_clock else list(parts.zones.all())
    return sum(_zone(parts, loaded, entry, zone, now) for zone in zones)


def _zone(parts: Parts, loaded: Loaded, entry: graph.DateEntry | graph.FestivalEntry, zone: int, now: int) -> int:
    at = _last_look(parts, entry, zone, now)
    if at <= slices.cursor(parts, loaded, zone):
        return 0
    entered = 0
    if opening.may_enter(parts, loaded, now):
        for day, planned in _days(parts, loaded, entry, zone, at, now):
            found = _people_with if isinstance(entry, graph.DateEntry) else _everybody
            entered += found(parts, loaded, zone, day, planned, now)
    else:
        slices.pass_over(parts, loaded, at)
    slices.move_cursor(parts, loaded, zone, at)
    return entered


def _last_look(parts: Parts, entry: graph.DateEntry | graph.FestivalEntry, zone: int, now: int) -> int:
    """The last time of day `at` in this zone that is not ahead."""
    here = parts.zones[zone]
    today = walltime.local(now, here).date()
    clock = walltime.parse_clock(entry.at)
    at = walltime.instant(today, clock, here)
    return at if at <= now else walltime.instant(today - DAY, clock, here)


def _days(
    parts: Parts, loaded: Loaded, entry: graph.DateEntry | graph.FestivalEntry, zone: int, at: int, now: int
) -> Iterator[tuple[date, int]]:
    """(day that is kept, planned moment of entry) for the look at `at`: today's, and late ones within catch_up."""
    here = parts.zones[zone]
    clock = walltime.parse_clock(entry.at)
    patience = timing.span_seconds(loaded.journey.catch_up)
    last = walltime.local(at, here).date()
    passed = slices.passed(parts, loaded)
    for late in range(patience // timing.DAY + 1):
        today = last - late * DAY
        planned = walltime.instant(today, clock, here)
        if planned < now - patience or planned <= passed:
            return
        if opening.is_active(parts, loaded, planned):
            for day in _moved_to(today, entry.offset or Duration(), parts.calendar):
                yield day, planned


def _moved_to(today: date, offset: Duration, calendar: Workdays) -> list[date]:
    """The days that the offset moves to today, in order.

    Of workdays and months these may be several or none: both weekend days have the same workday before them, and no
    month is long enough for every day of another. What comes to one day lies side by side.
    """
    first = last = durations.shift_day(today, -offset, calendar)
    if durations.shift_day(first, offset, calendar) != today:
        return []
    while durations.shift_day(first - DAY, offset, calendar) == today:
        first -= DAY
    while durations.shift_day(last + DAY, offset, calendar) == today:
        last += DAY
    return [first + number * DAY for number in range((last - first).days + 1)]


def _people_with(parts: Parts, loaded: Loaded, zone: int, day: date, planned: int, now: int) -> int:
    entry = loaded.journey.entry
    assert isinstance(entry, graph.DateEntry)
    rules = parts.compiler.around.calendar.days
    stored = [[*key, keys.calendar_year(key.calendar, day)] for key in keys.keys_on(day, rules)]
    columns = {"calendar": "bigint", "month": "bigint", "day": "bigint", "leap": "bigint", "year": "bigint"}
    home = "" if loaded.journey.shop_clock else " AND coalesce(p.zone_id, 0) = :zone"
    episode = enrol.episode_sql(loaded, ":occasion", ":planned")
    there = enrol.blocking(loaded, person="d.person_id", at=":planned", episode=episode)
    then = parts.store.dialect.join_in_order  # from the few keys to the people: otherwise every birthday is read
    rows = parts.store.rows(
        f"SELECT d.person_id, k.year - d.year FROM {parts.store.dialect.each('keys', columns)} k"
        f" {then} person_date d ON d.field = :field AND d.calendar = k.calendar AND d.month = k.month AND d.day = k.day"
        f" AND d.leap = k.leap {then} person p ON p.id = d.person_id WHERE (d.year IS NULL OR k.year > d.year){home}"
        f" AND NOT EXISTS ({there}) ORDER BY d.person_id",
        occasion=day.isoformat(),
        planned=planned,
        keys=json.dumps(stored),
        field=entry.field,
        **({} if loaded.journey.shop_clock else {"zone": zone}),
    )
    entered = 0
    for years in sorted({row[1] for row in rows}, key=lambda number: number or 0):
        if entry.years and years not in entry.years:
            continue
        frozen: dict[str, object] = {"date": day.isoformat()} | ({"years": years} if years is not None else {})
        ids = [row[0] for row in rows if row[1] == years]
        entered += slices.let_in(parts, loaded, ids, slices.Occasion(day.isoformat(), planned, frozen), now)
    return entered


def _everybody(parts: Parts, loaded: Loaded, zone: int, day: date, planned: int, now: int) -> int:
    entry = loaded.journey.entry
    assert isinstance(entry, graph.FestivalEntry)
    entered = 0
    for name in entry.festivals:
        if not feasts.occurrences(parts.project.festivals[name], day, day):
            continue
        occasion = slices.Occasion(f"{name} {day}", planned, {"date": day.isoformat(), "festival": name})
        home = None if loaded.journey.shop_clock else zone
        ids = slices.people(parts, loaded, slices.askable(parts, loaded.journey.entry_if), now, zone=home)
        entered += slices.let_in(parts, loaded, ids, occasion, now)
    return entered
