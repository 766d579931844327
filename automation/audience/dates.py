"""Days of the year that people keep: birthdays, member anniversaries; solar or lunar, the year perhaps unknown.

A stored day has one number, year month leap day, and so has a limit: its solar or its lunar one. Days ahead are asked
by their keys, never by computing a date per person.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

from automation.conditions.tree import Compare, Op, Ref
from automation.festivals import keys, lunar
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment
from automation.kernel import errors

from . import fields, times
from .context import Context

NUMBER = "(d.year * 100000 + d.month * 1000 + d.leap * 100 + d.day)"
YEARLY = 385  # days: longer than the longest lunar year, so every key comes at least once


def compile_date(context: Context, row: fields.DateRow, ask: Compare) -> str:
    """A comparison of a person's date. All but `exists` and `in_next` need its year."""
    field = context.bind(row.field)
    if ask.op is Op.EXISTS:
        return context.has("person_date d", "d", f"d.field = {field}")
    if ask.op is Op.IN_NEXT:
        return _in_next(context, field, ask.value)
    if isinstance(ask.value, Ref):
        return _against(fields.date_text(context, row), ask.op, fields.reference(context, ask.value, ask.kind))
    return context.has("person_date d", "d", f"d.field = {field} AND {_dated(context, ask)}")


def compile_text(context: Context, sql: str, ask: Compare) -> str:
    """A comparison of a date kept as 'YYYY-MM-DD' text: a property of an event or of the run."""
    calendar = context.around.calendar

    def bind(day: Callable[[int], date | None]) -> str:
        return context.bind(lambda now: _iso(day(now)))

    match ask.op, ask.value:
        case (_, Ref() as ref):
            return _against(sql, ask.op, fields.reference(context, ref, ask.kind))
        case (Op.IS, tuple() as days):
            return f"{sql} IN ({', '.join(context.bind(day) for day in days)})"
        case (Op.IS, str() as day):
            return f"{sql} = {context.bind(day)}"
        case (Op.BEFORE, Moment() as moment):
            return f"{sql} < {bind(times.day_of(moment, calendar))}"
        case (Op.AFTER, Moment() as moment):
            return f"{sql} > {bind(times.day_of(moment, calendar))}"
        case (Op.BETWEEN, (Moment() as first, Moment() as last)):
            low, high = bind(times.day_of(first, calendar)), bind(times.day_of(last, calendar))
            return f"({sql} >= {low} AND {sql} <= {high})"
        case (Op.WITHIN, Duration() as length):
            low, high = bind(times.day_ago(length, calendar)), bind(times.today(calendar))
            return f"({sql} >= {low} AND {sql} <= {high})"
        case (Op.OLDER_THAN, Duration() as length):
            return f"{sql} < {bind(times.day_ago(length, calendar))}"
        case (Op.IN_NEXT, Duration() as length):
            low, high = bind(times.today(calendar)), bind(times.day_ahead(length, calendar))
            return f"({sql} >= {low} AND {sql} <= {high})"
    raise errors.Refused(f"'{ask.op}' cannot be asked of the date '{ask.path}'")


def _dated(context: Context, ask: Compare) -> str:
    calendar = context.around.calendar
    match ask.op, ask.value:
        case (Op.IS, tuple() as days):
            return "(" + " OR ".join(_same(context, str(day)) for day in days) + ")"
        case (Op.IS, str() as day):
            return _same(context, day)
        case (Op.BEFORE, Moment() as moment):
            return f"{NUMBER} < {_number(context, times.day_of(moment, calendar))}"
        case (Op.AFTER, Moment() as moment):
            return f"{NUMBER} > {_number(context, times.day_of(moment, calendar))}"
        case (Op.BETWEEN, (Moment() as first, Moment() as last)):
            low, high = (_number(context, times.day_of(moment, calendar)) for moment in (first, last))
            return f"({NUMBER} >= {low} AND {NUMBER} <= {high})"
        case (Op.WITHIN, Duration() as length):
            low = _number(context, times.day_ago(length, calendar))
            return f"({NUMBER} >= {low} AND {NUMBER} <= {_number(context, times.today(calendar))})"
        case (Op.OLDER_THAN, Duration() as length):
            return f"{NUMBER} < {_number(context, times.day_ago(length, calendar))}"
    raise errors.Refused(f"'{ask.op}' cannot be asked of the date '{ask.path}'")


def _same(context: Context, day: str) -> str:
    wanted = date.fromisoformat(day)
    return f"{NUMBER} = {_number(context, lambda now: wanted)}"


def _number(context: Context, day: Callable[[int], date | None]) -> str:
    """The number of a day in the row's own calendar."""
    solar, moon = context.bind(lambda now: _solar(day(now))), context.bind(lambda now: _lunar(day(now)))
    return f"(CASE d.calendar WHEN 0 THEN CAST({solar} AS BIGINT) ELSE CAST({moon} AS BIGINT) END)"


def _solar(day: date | None) -> int | None:
    return None if day is None else day.year * 100_000 + day.month * 1000 + day.day


def _lunar(day: date | None) -> int | None:
    if day is None or not lunar.FIRST_DAY <= day <= lunar.LAST_DAY:
        return None
    moon = lunar.to_lunar(day)
    return moon.year * 100_000 + moon.month * 1000 + moon.leap * 100 + moon.day


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _against(left: str, op: Op, right: str) -> str:
    sign = {Op.IS: "=", Op.BEFORE: "<", Op.AFTER: ">"}.get(op)
    if sign is None:
        raise errors.Refused(f"'{op}' takes no reference")
    return f"{left} {sign} {right}"


def _in_next(context: Context, field: str, length: object) -> str:
    if not isinstance(length, Duration):
        raise errors.Refused("'in_next' takes a duration, such as 7d")
    calendar = context.around.calendar

    def work_out(now: int) -> str:
        first = times.today(calendar)(now)
        days = min((times.day_ahead(length, calendar)(now) - first).days, YEARLY)
        ahead = (keys.keys_on(first + timedelta(days=number), calendar.days) for number in range(days + 1))
        return json.dumps(sorted(set().union(*ahead)))

    columns = dict.fromkeys(("calendar", "month", "day", "leap"), "SMALLINT")
    days = context.dialect.each(context.bind(work_out).removeprefix(":"), columns)
    same = " AND ".join(f"d.{column} = k.{column}" for column in columns)
    rows = f"{days} k {context.dialect.join_in_order} person_date d ON {same}"
    return context.has(rows, "d", f"d.field = {field}")
