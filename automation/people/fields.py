"""The fields of a person as the catalog declares them, from raw values to where they are stored, and what changed.

Apart from profiles.py because imports convert thousands of rows before any of them touches the database.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from automation.conditions.tree import FieldType
from automation.festivals import keys, lunar
from automation.journey.catalog import Field, Home

from . import dates, values
from .dates import YearDay
from .normalise import Unusable
from .registry import Registry
from .sealing import Vault

COLUMNS = ("name", "stage", "zone")  # of person, and settable
MAX_NAME = 80


@dataclass(slots=True)
class Draft:
    """Converted values, by where they go. A value of None takes the field away."""

    columns: dict[str, str | None] = field(default_factory=dict)
    days: dict[str, YearDay | None] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A field that has another value now. Values as text, None for no value. `direction`: up, down or None."""

    field: str
    old: str | None
    new: str | None
    direction: str | None = None


def drafted(registry: Registry, raw: Mapping[str, Any]) -> Draft:
    """Values by field name, ready to be stored; Unusable names the field. None or "" takes a value away."""
    draft = Draft()
    zone = ZoneInfo(registry.zone)
    for name, value in raw.items():
        known = registry.catalog.fields.get(name)
        if known is None or known.home is Home.IDENTITY:
            raise Unusable(_not_a_field(registry, name))
        empty = value is None or value == ""
        try:
            if known.home is Home.DATE:
                draft.days[name] = None if empty else dates.year_day(values.text(value))
            elif known.home is Home.COLUMN:
                draft.columns[name] = None if empty else column(known, value)
            else:
                draft.attrs[name] = None if empty else attribute(registry.vault, known, value, zone)
        except Unusable as error:
            raise Unusable(f"{name}: {error}") from None
    return draft


def column(known: Field, raw: Any) -> str:
    """A value of one of COLUMNS."""
    if known.kept:
        raise Unusable("is kept by Lucheng and cannot be set")
    if known.name == "zone":
        plain = values.text(raw)
        if plain not in available_timezones():
            raise Unusable("a time zone is due, such as Asia/Shanghai")
        return plain
    if known.name == "stage":
        return values.choice(known, raw)
    return values.text(raw)[:MAX_NAME]


def attribute(vault: Vault, known: Field, raw: Any, zone: ZoneInfo) -> Any:
    """A member of attrs; a sealed field's value as {"sealed": base64}."""
    plain = values.stored(known, raw, zone)
    if not known.sealed:
        return plain
    return {"sealed": base64.b64encode(vault.seal(str(plain), sealed_context(known.name))).decode()}


def sealed_context(name: str) -> bytes:
    """Binds a sealed field to its name, not to the person: it moves with a merge."""
    return f"field {name}".encode()


def unsealed(vault: Vault, name: str, member: Mapping[str, str]) -> str:
    return vault.open(base64.b64decode(member["sealed"]), sealed_context(name))


def changed(known: Field, old: Any, new: Any) -> Change | None:
    """The change from one stored value to another, None where there is none. A sealed value is not told."""
    if known.sealed:
        return Change(known.name, None, None)
    if old == new:
        return None
    return Change(known.name, _told(known, old), _told(known, new), _direction(known, old, new))


def say_day(value: YearDay) -> str:
    """1990-03-08, 03-08, 农历1990年八月十五, 农历八月十五"""
    if value.calendar == keys.LUNAR:
        year = f"{value.year}年" if value.year else ""
        return f"农历{year}{lunar.say_lunar(value.month, value.day, bool(value.leap))}"
    short = f"{value.month:02d}-{value.day:02d}"
    return f"{value.year:04d}-{short}" if value.year else short


def _told(known: Field, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, YearDay):
        return say_day(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value / 100:.2f}" if known.kind is FieldType.MONEY else str(value)


def _direction(known: Field, old: Any, new: Any) -> str | None:
    if known.order and old in known.order and new in known.order:
        return "up" if known.order.index(new) > known.order.index(old) else "down"
    if known.kind in (FieldType.NUMBER, FieldType.MONEY) and old is not None and new is not None:
        return "up" if new > old else "down"
    return None


def _not_a_field(registry: Registry, name: str) -> str:
    known = [field.name for field in registry.catalog.fields.values() if field.home is not Home.IDENTITY]
    return f"{name[:60]!r} is not a field of the catalog ({values.meant(name, known)})"
