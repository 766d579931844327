"""journeys/segments.yaml: named conditions on people. A segment may build on others, never in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from automation.conditions import parse
from automation.conditions.findings import Findings
from automation.conditions.scope import Inside, Scope
from automation.conditions.tree import Always, Condition
from automation.journey import names
from automation.journey.catalog_values import Catalog
from automation.kernel.document import Document

_KEYS: Final = ("title", "if")


@dataclass(frozen=True, slots=True)
class Segment:
    """`name` is what journeys write, `title` what people read."""

    name: str
    title: str
    condition: Condition


def load(document: Document, catalog: Catalog) -> dict[str, Segment]:
    """Segments by name, in the order of the file. Raises SourceErrors with all problems; an empty file is fine."""
    findings = Findings(document)
    raw = findings.mapping({} if document.data is None else document.data, ())
    bodies = {}
    for name, value in raw.items():
        names.plain(findings, name, (name,))
        bodies[name] = findings.mapping(value, (name,), _KEYS, needed=("if",))
    known: dict[str, Condition] = dict.fromkeys(bodies, Always())  # a place for those in a circle
    for name in _in_order(findings, {name: _used(body.get("if")) & set(bodies) for name, body in bodies.items()}):
        if "if" in bodies[name]:
            scope = Scope(catalog.vocabulary, Inside.SEGMENT, segments=known)
            known[name] = parse.Reader(findings, scope).condition(bodies[name]["if"], (name, "if"))
    found = {name: Segment(name, _title(findings, name, body), known[name]) for name, body in bodies.items()}
    findings.raise_if_any()
    return found


def conditions(segments: Mapping[str, Segment]) -> dict[str, Condition]:
    """What a Scope takes: the condition of each segment."""
    return {name: segment.condition for name, segment in segments.items()}


def _title(findings: Findings, name: str, body: Mapping[str, Any]) -> str:
    return (findings.text(body["title"], (name, "title")) if "title" in body else None) or name


def _used(value: Any) -> set[str]:
    """The segments a condition names, before it is read."""
    return set(_named(value))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _named(part)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key == "segment":
                yield from (name for name in (part if isinstance(part, list | tuple) else [part]) if _is_text(name))
            elif key in ("all", "any", "not"):
                yield from _named(part)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _in_order(findings: Findings, uses: Mapping[str, set[str]]) -> list[str]:
    """Every segment after those it uses; circles are noted once, and cut."""
    done: list[str] = []
    open_: list[str] = []

    def visit(name: str) -> None:
        if name in open_:
            circle = " -> ".join([*open_[open_.index(name) :], name])
            findings.wrong((name,), "K101", f"segments in a circle: {circle}", "take one of these steps out", key=True)
            return
        if name not in done:
            open_.append(name)
            for other in sorted(uses[name]):
                visit(other)
            open_.pop()
            done.append(name)

    for name in uses:
        visit(name)
    return done
