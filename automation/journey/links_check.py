"""Texts that cannot do without a link which the shop cannot make, as config.yaml names no web address.

Apart from texts_check.py, because a version of a journey that runs is no worse for it: only its mails are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from automation.journey import graph
from automation.journey.shop import Shop
from automation.kernel.errors import Problem
from automation.rendering.catalogue import PROVIDED_LINKS

_MADE = frozenset(f"links.{name}" for name in PROVIDED_LINKS)


def check(shop: Shop, journeys: Mapping[str, graph.Journey]) -> dict[str, tuple[Problem, ...]]:
    """By journey, each place of its texts that fails when it is sent."""
    if shop.public:
        return {}
    found = {name: tuple(dict.fromkeys(_missing(shop, journey))) for name, journey in journeys.items()}
    return {name: problems for name, problems in found.items() if problems}


def _missing(shop: Shop, journey: graph.Journey) -> Iterator[Problem]:
    for send in journey.sends.values():
        text = shop.texts.texts.get(send.text)
        kinds = {shop.channels.get(word, word) for word in send.via}
        for (_, kind), template in text.channels.items() if text is not None else ():
            for use in template.uses if kind in kinds else ():
                if use.name in _MADE and not use.optional:
                    message = f"{use.name} is made of web.public_url, which config.yaml does not name"
                    hint = f"set web.public_url, or write {{% if {use.name} is defined %}} around it"
                    yield Problem(use.path, use.line, use.column, "J053", message, hint)
