"""What a condition means, in plain Python: the oracle that the compiled SQL is held against. Only tests have it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from automation.conditions import tree
from automation.conditions.tree import FieldType, Op
from automation.festivals import keys, lunar
from tests.audience.world import COMPUTED, DAY, NOW, ZONE, Happening, Someone

TODAY = datetime.fromtimestamp(NOW, ZONE).date()


def holds(condition: Any, one: Someone, event: Happening | None = None) -> bool:
    match condition:
        case tree.Always():
            return True
        case tree.All(parts):
            return all(holds(part, one, event) for part in parts)
        case tree.AnyOf(parts):
            return any(holds(part, one, event) for part in parts)
        case tree.Not(part):
            return not holds(part, one, event)
        case tree.InSegment():
            return holds(condition.condition, one)
        case tree.Tagged(tags):
            return any(tag in one.tags and (one.tags[tag] is None or one.tags[tag] > NOW) for tag in tags)
        case tree.InStage(stages):
            return one.stage in stages
        case tree.Consented(purpose, channel):
            return any(
                _consented(one, purpose, kind) for kind in ([channel] if channel else ["sms", "email", "wechat"])
            )
        case tree.InJourney(journeys):
            return one.inside and "welcome" in journeys
        case tree.Marked():
            return _marked(condition, one)
        case tree.Happened():
            return _happened(condition, one)
        case tree.Compare():
            return _compare(condition, one, event)
    raise AssertionError(condition)


def _consented(one: Someone, purpose: str, channel: str) -> bool:
    said = [
        (at, not granted) for kind, about, granted, at in one.consents if about == purpose and kind in (channel, "*")
    ]
    return bool(said) and not max(said)[1]


def _marked(ask: tree.Marked, one: Someone) -> bool:
    if ask.kind is tree.MarkKind.ANSWERED:
        return any(e.name == "message.answered" and e.props["step"] == ask.step for e in _since_entry(one))
    mark = one.marks.get(ask.step)
    if mark is None:
        return False
    if ask.kind is tree.MarkKind.SENT:
        return mark["state"] == 3 or mark["sent_at"] is not None
    return mark["state"] == 5 if ask.kind is tree.MarkKind.FAILED else mark[f"{ask.kind}_at"] is not None


def _since_entry(one: Someone) -> list[Happening]:
    return [event for event in one.events if event.at >= one.entered_at and event.id != one.event_id]


def _happened(ask: tree.Happened, one: Someone) -> bool:
    found = [event for event in one.events if event.name in ask.names]
    if ask.span is tree.Span.ENTRY:
        found = [event for event in found if event in _since_entry(one)]
    elif ask.span is tree.Span.WITHIN:
        assert isinstance(ask.value, tree.Duration)
        found = [event for event in found if event.at >= NOW - _seconds(ask.value)]
    elif ask.span is tree.Span.SINCE:
        since = _since(ask.value, one)
        found = [event for event in found if since is not None and event.at >= since]
    elif ask.span is tree.Span.BETWEEN:
        found = [event for event in found if _time(Op.BETWEEN, event.at, ask.value)]
    found = [event for event in found if holds(ask.where, one, event)]
    if ask.same is not None:
        wanted = one.data["entry"].get(ask.same)
        found = [event for event in found if wanted is not None and event.props.get(ask.same) == wanted]
    if ask.count is None:
        return bool(found)
    return _numbers(ask.count[0], len(found), ask.count[1])


def _seconds(length: Any) -> int:
    return int(length.seconds + length.days * DAY)


def _instant(moment: Any) -> int:
    return int(datetime.combine(moment.anchor.day, moment.time or datetime.min.time(), ZONE).timestamp())


def _since(value: Any, one: Someone) -> int | None:
    if not isinstance(value, tree.Shifted):
        return _instant(value)
    start = _person_value(value.ref.path, one)
    return None if start is None else int(start + value.seconds)


def _person_value(path: str, one: Someone) -> Any:
    if "." in path:
        head, _, rest = path.partition(".")
        return (one.data.get(head) or {}).get(rest)
    if path in COMPUTED:
        return one.computed.get(path)
    if path in ("name", "points", "created_at", "recency", "monetary"):
        return getattr(one, path)
    return (one.attrs or {}).get(path)


def _typed(value: Any, kind: FieldType) -> Any:
    if kind in (FieldType.NUMBER, FieldType.MONEY, FieldType.TIME):
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return value


def _compare(ask: tree.Compare, one: Someone, event: Happening | None) -> bool:
    if ask.op is Op.NOT:
        return not _compare(tree.Compare(ask.path, Op.IS, ask.value, ask.kind, ask.order), one, event)
    if event is None and ask.path == "birthday":
        return _date(ask, one)
    if event is None and ask.path == "phone":
        return one.phone is ask.value
    value = _typed(event.props.get(ask.path) if event else _person_value(ask.path, one), ask.kind)
    if ask.op is Op.EXISTS:
        return (value is not None) is ask.value
    if event is None and ask.path == "orders" and value is None:
        value = 0
    against: Any = ask.value
    if isinstance(against, tree.Ref):
        against = _typed(_person_value(against.path, one), ask.kind)
        if against is None and isinstance(ask.value, tree.Ref) and ask.value.path == "orders":
            against = 0
    if value is None or against is None:
        return False
    if ask.kind is FieldType.TIME:
        return _time(ask.op, value, against)
    if ask.kind is FieldType.DATE:
        return _day(ask.op, date.fromisoformat(value), against)
    if ask.kind is FieldType.CHOICE and ask.op is not Op.IS:
        bounds = against if isinstance(against, tuple) else (against,)
        ranks = tuple(ask.order.index(bound) for bound in bounds)
        return _numbers(ask.op, ask.order.index(value), ranks if len(ranks) > 1 else ranks[0])
    if ask.op is Op.CONTAINS:
        return against in value
    if ask.op is Op.STARTS_WITH:
        return bool(value.startswith(against))
    return _numbers(ask.op, value, against)


def _numbers(op: Op, value: Any, against: Any) -> bool:
    tests: dict[Op, Callable[[], bool]] = {
        Op.IS: lambda: value in against if isinstance(against, tuple) else value == against,
        Op.NOT: lambda: value != against,
        Op.ABOVE: lambda: value > against,
        Op.AT_LEAST: lambda: value >= against,
        Op.BELOW: lambda: value < against,
        Op.AT_MOST: lambda: value <= against,
        Op.BETWEEN: lambda: against[0] <= value <= against[1],
    }
    return tests[op]()


def _time(op: Op, value: int, against: Any) -> bool:
    if op is Op.WITHIN:
        return NOW - _seconds(against) <= value <= NOW
    if op is Op.OLDER_THAN:
        return value < NOW - _seconds(against)
    if op is Op.IN_NEXT:
        return NOW <= value <= NOW + _seconds(against)
    if isinstance(against, int):
        return value < against if op is Op.BEFORE else value > against
    if op is Op.BETWEEN:
        return _instant(against[0]) <= value < _over(against[1])
    if op is Op.BEFORE:
        return value < _instant(against)
    return value >= _over(against)


def _over(moment: Any) -> int:
    return _instant(moment) + (1 if moment.time else DAY)


def _day(op: Op, day: date, against: Any) -> bool:
    if op is Op.WITHIN:
        return TODAY - timedelta(against.days) <= day <= TODAY
    if op is Op.OLDER_THAN:
        return day < TODAY - timedelta(against.days)
    if op is Op.IN_NEXT:
        return TODAY <= day <= TODAY + timedelta(against.days)
    if op is Op.IS:
        return day.isoformat() in (against if isinstance(against, tuple) else (against,))
    if op is Op.BETWEEN:
        return bool(against[0].anchor.day <= day <= against[1].anchor.day)
    return day < against.anchor.day if op is Op.BEFORE else day > against.anchor.day


def _date(ask: tree.Compare, one: Someone) -> bool:
    if ask.op is Op.EXISTS:
        return (one.date is not None) is ask.value
    if one.date is None:
        return False
    calendar, month, day, leap, year = one.date
    if ask.op is Op.IN_NEXT:
        following = keys.occurrence(keys.DateKey(calendar, month, day, leap), TODAY)
        return following <= TODAY + timedelta(_seconds(ask.value) // DAY)
    if year is None:
        return False
    solar = lunar.observed(year, month, day, bool(leap), True) if calendar else date(year, month, day)
    return _day(ask.op, solar, ask.value)
