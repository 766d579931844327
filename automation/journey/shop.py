"""What exists in a shop, as far as journeys may name it. Journeys are read against one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from automation.conditions.scope import FieldInfo
from automation.conditions.tree import Condition
from automation.journey.catalog_values import Catalog
from automation.rendering.texts import Texts

APPROVED: Final = {"template": "templates", "subscribe": "subscriptions"}  # part of a text -> option of a channel


@dataclass(frozen=True, slots=True)
class Shop:
    """`purposes`: name -> legal kind; `titles`: their titles -> name, to suggest the name. `channels`: name -> kind.
    `via`: the order where a send names none.

    `journeys`, `festivals`, `pools`, `roles`, `webhooks`: names. `started`: journey -> what its starters hand to it.
    `public`: whether web.public_url is set, of which links are made.
    `accounts`: channel -> part of a text -> the approved templates that config.yaml lists for it, by name.
    """

    catalog: Catalog
    texts: Texts
    segments: Mapping[str, Condition] = field(default_factory=dict)
    purposes: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    via: tuple[str, ...] = ()
    journeys: frozenset[str] = frozenset()
    festivals: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    webhooks: frozenset[str] = frozenset()
    started: Mapping[str, Mapping[str, FieldInfo]] = field(default_factory=dict)
    accounts: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    public: bool = True
