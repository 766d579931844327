"""The conditions of texts' variants, read in the scope of the journeys that send the text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from automation.conditions import parse
from automation.conditions.findings import Findings
from automation.conditions.scope import FieldInfo, Inside, Scope
from automation.conditions.tree import Condition
from automation.journey.reading import Members
from automation.journey.shop import Shop
from automation.kernel.errors import Problem
from automation.rendering.texts import Text

Variants = tuple[tuple[str, Condition], ...]


def read(shop: Shop, entries: Mapping[str, Iterable[Members]]) -> tuple[dict[str, Variants], dict[str, list[Problem]]]:
    """Text -> its variants in order, and text -> its problems. `entries`: text -> `entry` of each sender.

    A text that no journey sends may ask for `entry` too: it is checked when one does.
    """
    found: dict[str, Variants] = {}
    problems: dict[str, list[Problem]] = {}
    for name, text in shop.texts.texts.items():
        if not text.variants:
            continue
        senders = list(entries.get(name, ()))
        members: dict[str, FieldInfo] = {key: info for one in senders for key, info in one.items()}
        findings = Findings(text.document)
        conditions = _conditions(findings, shop, text, members)
        if not findings.problems:
            found[name] = conditions
        elif senders or not any(problem.code == "C001" for problem in findings.problems):
            problems[name] = findings.problems
    return found, problems


def _conditions(findings: Findings, shop: Shop, text: Text, entry: Members) -> Variants:
    scope = Scope(shop.catalog.vocabulary, Inside.ENTRY, shop.segments, entry=entry)
    reader = parse.Reader(findings, scope)
    return tuple((variant.name, reader.condition(variant.raw_if, variant.loc)) for variant in text.variants)
