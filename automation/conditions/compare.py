"""One field against a value: the comparators, and which of them each type has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automation.conditions import values
from automation.conditions.findings import Findings, said, short
from automation.conditions.scope import FieldInfo, Scope
from automation.conditions.tree import All, Always, Compare, Condition, FieldType, Op, Value
from automation.kernel.document import Loc

_EVERY: Final = (Op.IS, Op.NOT, Op.EXISTS)
_ORDERED: Final = (Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST, Op.BETWEEN)
_DATED: Final = (Op.BEFORE, Op.AFTER, Op.BETWEEN, Op.WITHIN, Op.OLDER_THAN, Op.IN_NEXT)

COMPARATORS: Final[Mapping[FieldType, tuple[Op, ...]]] = {
    FieldType.TEXT: (*_EVERY, Op.CONTAINS, Op.STARTS_WITH),
    FieldType.NUMBER: (*_EVERY, *_ORDERED),
    FieldType.MONEY: (*_EVERY, *_ORDERED),
    FieldType.BOOL: _EVERY,
    FieldType.CHOICE: _EVERY,
    FieldType.DATE: (*_EVERY, *_DATED),
    FieldType.TIME: (Op.EXISTS, *_DATED),
    FieldType.LIST: (Op.EXISTS,),
    FieldType.RECORD: (Op.EXISTS,),
}
"""What may be asked of each type. A choice with an order has the comparators of order besides."""

_MEANT: Final = {
    ">": "above", ">=": "at_least", "≥": "at_least", "<": "below", "<=": "at_most", "≤": "at_most", "=": "is",
    "==": "is", "!=": "not", "gt": "above", "gte": "at_least", "lt": "below", "lte": "at_most", "eq": "is",
    "ne": "not", "equals": "is", "in": "is", "not_in": "not", "like": "contains", "more_than": "above",
    "less_than": "below", "min": "at_least", "max": "at_most", "newer_than": "within", "is_null": "exists",
    "大于": "above", "小于": "below", "等于": "is", "不是": "not", "包含": "contains",
}  # fmt: skip


def allowed(info: FieldInfo) -> tuple[Op, ...]:
    """The comparators of a field."""
    if info.hidden:
        return (Op.EXISTS,)
    found = COMPARATORS[info.kind]
    return (*found, *_ORDERED) if info.kind is FieldType.CHOICE and info.order else found


def read(findings: Findings, scope: Scope, path: str, info: FieldInfo, value: Any, loc: Loc) -> Condition:
    """`gold`, `[gold, diamond]`, `{from: path}` or `{comparator: value, ...}`, all of which must hold.

    `scope` is where references are looked up. Comes back as Always with a problem when it cannot be read.
    """
    if not isinstance(value, Mapping) or values.is_reference(value):
        return _one(findings, scope, path, info, (Op.IS, value), loc)
    if not value:
        findings.wrong(loc, "C003", f"'{short(path)}' is compared with nothing")
    parts = []
    for word, against in value.items():
        if word not in tuple(Op):
            _unknown(findings, info, str(word), (*loc, word))
            continue
        parts.append(_one(findings, scope, path, info, (Op(word), against), (*loc, word)))
    return parts[0] if len(parts) == 1 else All(tuple(parts)) if parts else Always()


def _unknown(findings: Findings, info: FieldInfo, word: str, loc: Loc) -> None:
    meant = _MEANT.get(word.strip().lower())
    if meant:
        findings.wrong(loc, "C011", f"'{short(word)}' is no comparator", f"did you mean '{meant}'?", key=True)
    else:
        findings.unknown(loc, "C011", f"'{short(word)}' is no comparator", word, [str(op) for op in allowed(info)])


def _one(findings: Findings, scope: Scope, path: str, info: FieldInfo, against: tuple[Op, Any], loc: Loc) -> Condition:
    op, value = against
    fitting = allowed(info)
    if op not in fitting:
        if info.hidden:
            hint = f"write {path}: {{exists: true}}"
            findings.wrong(loc, "C018", f"'{short(path)}' can only be asked whether it exists", hint)
        else:
            hint = f"it has {', '.join(fitting)}"
            findings.wrong(loc, "C010", f"'{op}' does not fit '{short(path)}', which is {info.kind}", hint)
        return Always()
    found = _value(findings, scope, op, info, value, loc)
    if found is None:
        return Always()
    return Compare(path, op, found, info.kind, info.order)


def _value(findings: Findings, scope: Scope, op: Op, info: FieldInfo, value: Any, loc: Loc) -> Value | None:
    if op is Op.EXISTS:
        return findings.truth(value, loc)
    if op in (Op.WITHIN, Op.OLDER_THAN, Op.IN_NEXT):
        return values.duration(findings, value, loc)
    if op is Op.BETWEEN:
        return _between(findings, info, value, loc)
    if values.is_reference(value):
        return values.reference(findings, scope, value, loc, info)
    if op in (Op.BEFORE, Op.AFTER):
        return values.moment(findings, value, loc)
    if op in (Op.IS, Op.NOT) and isinstance(value, list | tuple):
        return _one_of(findings, info, value, loc)
    if op in (Op.CONTAINS, Op.STARTS_WITH):
        return findings.text(value, loc)
    return values.literal(findings, value, loc, info)


def _one_of(findings: Findings, info: FieldInfo, value: list[Any] | tuple[Any, ...], loc: Loc) -> Value | None:
    if not value:
        findings.wrong(loc, "C003", "the list is empty", "name at least one value")
        return None
    found = []
    for place, item in enumerate(value):
        if values.is_reference(item):
            findings.wrong((*loc, place), "C019", "a reference stands alone, not in a list", "use any: [...]")
        else:
            found.append(values.literal(findings, item, (*loc, place), info))
    known = tuple(dict.fromkeys(item for item in found if item is not None))
    return known or None


def _between(findings: Findings, info: FieldInfo, value: Any, loc: Loc) -> Value | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        findings.wrong(loc, "C012", f"two values are due here, not {said(value)}", "write between: [low, high]")
        return None
    low, high = value
    if info.kind in (FieldType.DATE, FieldType.TIME):
        return values.between_moments(findings, value, loc)
    for place, end in enumerate(value):
        if values.is_reference(end):
            findings.wrong((*loc, place), "C019", "a reference cannot stand in between", "use at_least and at_most")
            return None
    low = values.literal(findings, value[0], (*loc, 0), info)
    high = values.literal(findings, value[1], (*loc, 1), info)
    if low is None or high is None:
        return None
    if _rank(info, low) > _rank(info, high):
        findings.wrong(loc, "C014", f"{said(value[0])} is above {said(value[1])}", "the lower one stands first")
        return None
    return (low, high)


def _rank(info: FieldInfo, value: Any) -> float:
    return float(info.order.index(value) if info.order else value)
