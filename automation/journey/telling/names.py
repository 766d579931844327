"""What things are called for people: fields, events, segments, texts, steps and the paths that lead to values.

A thing without a title in the shop's files goes by its name there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from automation.conditions.tree import FieldType, Happened
from automation.journey import coupons, graph, model
from automation.journey.project import Project
from automation.journey.telling import words
from automation.settings.model import Settings

OF_FESTIVAL = "entry.festival"


@dataclass(frozen=True, slots=True)
class Given:
    """What an `as` name stands for: a coupon by its title, or what came of events."""

    title: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """`given`: by `as` name. `numbers`: of the steps as they are listed; `sends`: the same by key of a send step."""

    project: Project
    settings: Settings
    journey: graph.Journey
    given: Mapping[str, Given]
    numbers: Mapping[model.Step, str]
    sends: Mapping[str, str]

    def path(self, path: str) -> str:
        """A value of the person, of the entry, or under an `as` name."""
        head, dot, member = path.partition(".")
        if not dot:
            return self.field(path)
        if head == "entry":
            return self._of_entry(member)
        given = self.given.get(head)
        if given is None:
            return path
        if given.events:
            return f"{self.events(given.events)}的{self.property(given.events, member)}"
        return f"{given.title}的{words.COUPON[member]}"

    def day(self, path: str) -> str:
        """The same where a moment counts from it: 生日, 节日, 优惠券到期."""
        head, _, member = path.partition(".")
        if head in self.given and not self.given[head].events:
            return f"{self.given[head].title}到期"
        entry = self.journey.entry
        if head == "entry" and member == "at" and isinstance(entry, graph.EventEntry):
            return f"{self.events(entry.event.names)}发生"
        return self.path(path)

    def is_time(self, path: str) -> bool:
        """Whether it names a minute and not only a day."""
        head, dot, member = path.partition(".")
        if not dot:
            found = self.project.catalog.vocabulary.fields.get(path)
            return found is not None and found.kind is FieldType.TIME
        if member == "at":
            return True
        entry = self.journey.entry
        events: tuple[str, ...] = self.given[head].events if head in self.given else ()
        if head == "entry" and isinstance(entry, graph.EventEntry):
            events = entry.event.names
        return any(
            info.kind is FieldType.TIME
            for name in events
            for key, info in self.project.catalog.events[name].properties.items()
            if key == member
        )

    def _of_entry(self, member: str) -> str:
        entry = self.journey.entry
        if isinstance(entry, graph.EventEntry):
            if member == "at":
                return f"{self.events(entry.event.names)}的时间"
            return f"进入时{self.events(entry.event.names)}的{self.property(entry.event.names, member)}"
        if isinstance(entry, graph.DateEntry):
            return {"date": self.field(entry.field), "years": "周年数"}.get(member, "进入旅程")
        if isinstance(entry, graph.FestivalEntry):
            return {"date": "节日", "festival": "这次的节日"}.get(member, "进入旅程")
        return f"启动时带来的{quoted(member)}" if isinstance(entry, graph.ManualEntry) else "进入旅程"

    def field(self, name: str) -> str:
        """A field of the person or a computed value."""
        bare = name.removeprefix("customer.")
        known = self.project.catalog.fields.get(bare) or self.project.catalog.computed.get(bare)
        return (known.title if known else "") or bare

    def property(self, events: Iterable[str], name: str) -> str:
        """A property that these events share."""
        if name == "at":
            return "时间"
        for event in events:
            known = self.project.catalog.events[event]
            found = known.properties.get(name)
            if found is not None:
                return found.title or (words.PROPERTIES.get(name, name) if known.built_in else name)
        return name

    def events(self, names: Iterable[str]) -> str:
        return "或".join(quoted(self.project.catalog.events[name].title) for name in names)

    def segment(self, name: str) -> str:
        found = self.project.segments.get(name)
        return quoted(found.title if found else name)

    def text(self, name: str) -> str:
        found = self.project.texts.texts.get(name)
        return quoted(found.title if found else name)

    def send(self, key: str) -> str:
        """A message by the step that sends it."""
        return f"第 {self.sends[key]} 步{self.text(self.journey.sends[key].text)}"

    def other_journey(self, name: str) -> str:
        found = self.project.journeys.get(name)
        return quoted(found.title if found else name)

    def festival(self, name: str) -> str:
        found = self.project.festivals.get(name)
        return found.title if found else name

    def purpose(self, name: str) -> str:
        return self.project.policy.purposes[name].title or name

    def staff(self, role: str) -> str:
        found = self.settings.staff.get(role)
        known = self.project.catalog.fields.get(found.field) if found and found.field else None
        whose = f"（以顾客的{quoted(known.title or known.name)}为准）" if known else ""
        return f"{found.name}{whose}" if found else role

    def channel(self, word: str) -> str:
        """A kind of channel, or one channel by its name."""
        if word in words.CHANNELS:
            return words.CHANNELS[word]
        kind = self.project.shop.channels.get(word, "")
        return f"{words.CHANNELS.get(kind, '渠道')}{quoted(word)}"


def quoted(text: str) -> str:
    return f"「{text}」"


def of(project: Project, settings: Settings, journey: graph.Journey, steps: model.Steps) -> Names:
    """The names in one journey. `steps`: as head.read read them."""
    numbers = dict(_numbered(steps, ""))
    every = list(numbers)
    sends = {
        step.act.effect.key: numbers[step]
        for step in every
        if isinstance(step.act, model.Do) and isinstance(step.act.effect, graph.Send)
    }
    return Names(project, settings, journey, _given(project, every), numbers, sends)


def _numbered(steps: model.Steps, before: str) -> Iterator[tuple[model.Step, str]]:
    """Each step with its number: 3, and 3.1, 3.2 ... over all the lists inside of it."""
    for count, step in enumerate(steps, 1):
        number = f"{before}{count}"
        yield step, number
        yield from _numbered(tuple(one for inner in model.lists(step.act) for one in inner), f"{number}.")


def _given(project: Project, every: list[model.Step]) -> dict[str, Given]:
    found: dict[str, Given] = {}
    pools = {step.act.effect.as_name: step.act.effect.pool for step in every if isinstance(step.act, model.Give)}
    for name, pool in pools.items():
        found[name] = Given("这张券" if len(pools) == 1 else quoted(pool_title(project, pool)))
    for step in every:
        if isinstance(step.act, model.WaitFor) and step.act.as_name is not None:
            waited = step.act.happening
            events = waited.names if isinstance(waited, Happened) else (f"message.{waited.kind}",)
            found[step.act.as_name] = Given("", events)
    return found


def pool_title(project: Project, name: str) -> str:
    pool: coupons.Pool | None = project.coupons.get(name)
    return pool.title if pool else name
