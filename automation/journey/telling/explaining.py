"""A whole journey as lines of Chinese: what the engine understood of its file, part after part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from automation.conditions import tree
from automation.journey import graph, model
from automation.journey import head as reader
from automation.journey.project import Project
from automation.journey.telling import conditions, entries, head, names, steps
from automation.journey.telling.lines import Line, deeper, spaced
from automation.journey.telling.names import Names
from automation.kernel import source
from automation.settings.model import Settings


def tell(name: str, project: Project, settings: Settings) -> list[Line]:
    """The journey of this name, which is one of `project.journeys`."""
    journey = project.journeys[name]
    document = source.parse(journey.source, journey.path)
    read = reader.read(document, journey.source, name, project.shop)[1].read
    called = names.of(project, settings, journey, read)
    told = [*head.tell(called), *entries.tell(called), *head.after_entry(called), Line(0, "步骤：")]
    told += deeper(steps.tell(read, called)) or [Line(1, "没有步骤")]
    told += _segments(journey, read, called)
    return [replace(line, text=spaced(line.text)) for line in told]


def _segments(journey: graph.Journey, read: model.Steps, called: Names) -> list[Line]:
    """What stands behind the names of the segments that were told."""
    found: dict[str, tree.Condition] = {}
    if isinstance(journey.entry, graph.SegmentEntry | graph.ScheduleEntry):
        found[journey.entry.segment] = journey.entry.condition
    for condition in (*_of_head(journey, called), *_of_steps(read), *_of_texts(journey, called)):
        found |= dict(_named(condition))
    for inner in list(found.values()):
        found |= {name: one for name, one in _named(inner) if name not in found}
    if not found:
        return []
    lines = [Line(1, f"{called.segment(name)}：{conditions.say(one, called)}") for name, one in found.items()]
    return [Line(0, "上面提到的人群："), *lines]


def _of_head(journey: graph.Journey, called: Names) -> Iterator[tree.Condition]:
    yield journey.entry_if
    yield from journey.exit
    yield from [journey.unless] if journey.unless is not None else []
    for name in {journey.purpose, *(send.purpose for send in journey.sends.values())}:
        unless = called.project.policy.unless.get(called.project.policy.purposes[name].kind)
        yield from [unless] if unless is not None else []


def _of_steps(read: model.Steps) -> Iterator[tree.Condition]:
    for step in read:
        yield from [step.test] if step.test is not None else []
        if isinstance(step.act, model.Choose):
            yield from (condition for condition, _ in step.act.branches)
        for inner in model.lists(step.act):
            yield from _of_steps(inner)


def _of_texts(journey: graph.Journey, called: Names) -> Iterator[tree.Condition]:
    for send in journey.sends.values():
        yield from (condition for _, condition in called.project.variants.get(send.text, ()))


def _named(condition: tree.Condition) -> Iterator[tuple[str, tree.Condition]]:
    if isinstance(condition, tree.InSegment):
        yield condition.name, condition.condition
        yield from _named(condition.condition)
    elif isinstance(condition, tree.All | tree.AnyOf):
        for part in condition.parts:
            yield from _named(part)
    elif isinstance(condition, tree.Not):
        yield from _named(condition.part)
