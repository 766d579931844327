"""Reads a test's file and checks it against the shop: every journey, step, field, event and channel it names is there.

Times are written as on a wall where the customer lives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from automation.conditions.findings import Findings, said, short
from automation.festivals import walltime
from automation.journey import graph
from automation.journey.catalog import Home, Property
from automation.journey.project import Project
from automation.kernel import source
from automation.kernel.document import Document, Loc
from automation.kernel.errors import Problem, SourceErrors
from automation.people.normalise import Unusable
from automation.settings import Settings

from . import given, words
from .case import Case, Customer, Ends, Expected, Happening, Sort, Span, What

ONLY_OF: Final = {"via": Sort.SEND, "text": Sort.SEND, "reason": Sort.SKIPPED}
NEEDED: Final = ("test", "journey", "at")
DAY: Final = 86_400
EARLIEST, LATEST = "2000-01-01", "2099-01-01"  # festivals and lunar birthdays are known then
WHEN: Final = "write a date and a time: 2026-03-01 09:00"


def files(folder: Path) -> list[Path]:
    """The tests of a folder, none where there is no folder."""
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith(".")) if folder.is_dir() else []


def read(path: Path, project: Project, settings: Settings) -> Case:
    """Raises SourceErrors with all problems of the file."""

    def checked(document: Document) -> Case:
        reader = _Reader(document, project, settings)
        case = reader.case()
        reader.findings.raise_if_any()
        assert case is not None
        return case

    return source.read_as(path, checked)


def called(path: Path) -> tuple[str | None, str | None]:
    """What a file that cannot be played says of itself: the test's title, and its journey."""
    try:
        data = source.read(path).data
    except source.Legible as slips:
        data = slips.document.data
    except SourceErrors:
        return None, None
    parts = data if isinstance(data, Mapping) else {}
    title, journey = (one if isinstance(one := parts.get(key), str) else None for key in ("test", "journey"))
    return title, journey


def problems(project: Project, settings: Settings) -> list[Problem]:
    """Of all tests of the shop."""
    found: list[Problem] = []
    for path in files(settings.folders.tests):
        try:
            read(path, project, settings)
        except SourceErrors as wrong:
            found += wrong.problems
    return found


class _Reader:
    def __init__(self, document: Document, project: Project, settings: Settings) -> None:
        self.document, self.project = document, project
        self.findings = Findings(document)
        self.kinds = frozenset(project.shop.channels.values())
        self.zone: ZoneInfo = settings.shop.zone
        self.moments: list[int] = []
        self.journey: graph.Journey | None = None

    def case(self) -> Case | None:
        parts = self.findings.mapping(self.document.data, (), words.KEYS, NEEDED)
        title = self.findings.text(parts["test"], ("test",)) if "test" in parts else None
        self.journey = self._journey(parts)
        customer = self._customer(parts.get("customer", {}))
        at = self._moment(parts["at"], ("at",)) if "at" in parts else None
        happens, downs = self._happens(parts)
        expect = [self._expected(one, ("expect", n)) for n, one in enumerate(self._list(parts, "expect"))]
        never = [(self._step(one, ("never", n)), ("never", n)) for n, one in enumerate(self._list(parts, "never"))]
        ends = self._ends(parts["ends"]) if "ends" in parts else None
        if not expect and not never and ends is None:
            self.findings.wrong((), "K606", "this test expects nothing", "add expect:, never: or ends:")
        holdout = self.findings.truth(parts.get("holdout", False), ("holdout",))
        paths = self._paths(parts.get("paths", {}))
        empty = self._empty(parts)
        if self.findings.problems or self.journey is None or at is None:
            return None
        return Case(
            self.document, title or "", self.journey.name, at, self.zone, customer, bool(holdout), paths,
            frozenset(empty), sorted(happens, key=lambda one: one.at), sorted(downs), [one for one in expect if one],
            [(word, loc) for word, loc in never if word], ends, max([at, *self.moments]),
        )  # fmt: skip

    def _list(self, parts: Mapping[str, Any], key: str) -> list[Any]:
        value = parts.get(key, [])
        if isinstance(value, list):
            return value
        self.findings.wrong((key,), "S011", f"a list is due here, not {said(value)}", f"{key}:\\n  - ...")
        return []

    def _journey(self, parts: Mapping[str, Any]) -> graph.Journey | None:
        word = self.findings.text(parts["journey"], ("journey",)) if "journey" in parts else None
        known = self.project.journeys
        if word is not None and word not in known:
            if word in self.project.shop.journeys:
                message = f"journey '{short(word)}' has problems of its own"
                self.findings.wrong(("journey",), "K601", message, "`run.py check` tells them")
            else:
                self.findings.unknown(("journey",), "K601", f"no journey '{short(word)}'", word, known, key=False)
        return known.get(word or "")

    # the customer

    def _customer(self, value: Any) -> Customer:
        parts = self.findings.mapping(value, ("customer",))
        fields = {name: given for name, given in parts.items() if name not in words.CUSTOMER}
        for name in fields:
            if self._field(name, ("customer", name), key=True):
                self._value(name, fields[name], ("customer", name))
        if "zone" in fields and fields["zone"] in available_timezones():
            self.zone = ZoneInfo(fields["zone"])
        without = self._texts(parts, "without")
        for name in without:
            self._field(name, ("customer", "without"))
        agreed: Collection[str] = ("*",)
        if isinstance(consent := parts.get("consent", True), bool):
            agreed = ("*",) if consent else ()
        else:
            agreed = self._kinds(parts, "consent")
        can = self._kinds(parts, "can") if "can" in parts else self.kinds
        return Customer(fields, frozenset(without), frozenset(can), frozenset(agreed), self._texts(parts, "tags"))

    def _texts(self, parts: Mapping[str, Any], key: str) -> tuple[str, ...]:
        return self.findings.texts(parts[key], ("customer", key)) if parts.get(key) else ()

    def _kinds(self, parts: Mapping[str, Any], key: str) -> tuple[str, ...]:
        found = self._texts(parts, key)
        for word in found:
            self._kind(word, ("customer", key))
        return found

    def _kind(self, word: str, loc: Loc) -> None:
        if word not in self.kinds:
            self.findings.unknown(
                loc, "K604", f"no channel is of the kind '{short(word)}'", word, self.kinds, key=False
            )

    def _field(self, name: str, loc: Loc, key: bool = False) -> bool:
        """Whether it is one that a test can say something of."""
        known = self.project.catalog.fields
        if name not in known:
            message = f"no field '{short(name)}' in catalog.yaml"
            self.findings.unknown(loc, "K605", message, name, {*known, *words.CUSTOMER}, key=key)
        elif known[name].home is Home.IDENTITY:
            self.findings.wrong(loc, "K605", f"'{name}' is an address", "say can: [sms, wechat, ...]", key=key)
        else:
            return True
        return False

    def _value(self, name: str, raw: Any, loc: Loc) -> None:
        known = self.project.catalog.fields[name]
        try:
            if given.is_score(name) and loc[0] == "customer":
                given.check_score(raw)
            else:
                given.check_field(known, raw, self.zone)
        except Unusable as wrong:
            self.findings.wrong(loc, "K608", f"{name}: {wrong}")

    # what happens

    def _happens(self, parts: Mapping[str, Any]) -> tuple[list[Happening], list[tuple[int, int]]]:
        happens: list[Happening] = []
        downs: list[tuple[int, int]] = []
        for number, value in enumerate(self._list(parts, "happens")):
            loc: Loc = ("happens", number)
            one = self.findings.mapping(value, loc)
            if "engine" in one:
                downs += self._down(one, loc)
            elif one:
                happens += self._happening(one, loc)
        return happens, downs

    def _down(self, one: Mapping[str, Any], loc: Loc) -> list[tuple[int, int]]:
        own = self.findings.mapping(one, loc, ("engine", "from", "to"), ("from", "to"))
        self.findings.word(own["engine"], (*loc, "engine"), ("down",))
        ends = [self._moment(own[key], (*loc, key)) for key in ("from", "to") if key in own]
        found = [at for at in ends if at is not None]
        if len(found) < 2:
            return []
        if found[0] >= found[1]:
            self.findings.wrong((*loc, "to"), "K603", "this is not after 'from'")
        return [(found[0], found[1])]

    def _happening(self, one: Mapping[str, Any], loc: Loc) -> list[Happening]:
        sorts = [what for what in What if what in one]
        if len(sorts) != 1:
            listed = ", ".join([*What, "engine"])
            self.findings.wrong(loc, "K606", "one thing that happens is due here", f"say one of {listed}")
            return []
        what = sorts[0]
        own = one if what is What.EVENT else self.findings.mapping(one, loc, ("at", what))
        if "at" not in own:
            self.findings.wrong(loc, "S002", "'at' is missing", "add at: ...")
            return []
        at, word, values = self._moment(own["at"], (*loc, "at")), "", {}
        place: Loc = (*loc, what)
        if what is What.SET:
            values = self.findings.mapping(own["set"], place)
            for name in values:
                if self._field(name, (*place, name), key=True):
                    self._value(name, values[name], (*place, name))
        elif what is What.EVENT:
            word = self.findings.text(own["event"], place) or ""
            values = {name: value for name, value in own.items() if name not in ("at", "event")}
            self._event(word, values, loc)
        elif what in (What.TAG, What.UNTAG):
            word = self.findings.text(own[what], place) or ""
        else:
            word = self._step(own[what], place)
        return [Happening(at, what, word, values, loc)] if at is not None else []

    def _event(self, word: str, values: Mapping[str, Any], loc: Loc) -> None:
        known = self.project.catalog.events
        if word and word not in known:
            self.findings.unknown((*loc, "event"), "K607", f"no event '{short(word)}'", word, known, key=False)
        elif word:
            properties = known[word].properties
            for name, value in values.items():
                if name not in properties:
                    message = f"event '{word}' has no property '{short(name)}'"
                    self.findings.unknown((*loc, name), "K607", message, name, properties)
                elif isinstance(value, Mapping):
                    self._from(value, (*loc, name))
                else:
                    self._property(properties[name], value, (*loc, name))

    def _property(self, known: Property, value: Any, loc: Loc) -> None:
        try:
            given.check_property(known, value, self.zone)
        except Unusable as wrong:
            self.findings.wrong(loc, "K608", f"{known.name}: {wrong}")

    def _from(self, value: Mapping[str, Any], loc: Loc) -> None:
        """`{from: coupon.code}`, of what the run will know."""
        own = self.findings.mapping(value, loc, ("from",), ("from",))
        path = self.findings.text(own["from"], (*loc, "from")) if "from" in own else None
        if path is None or self.journey is None:
            return
        known = given.told_by_run(self.journey)
        name, _, member = path.partition(".")
        if name not in known:
            self.findings.unknown(
                (*loc, "from"), "K602", f"the run never knows a '{short(name)}'", name, known, key=False
            )
        elif (members := known[name]) is not None and member not in members:
            message = f"{name} has no '{short(member)}'"
            self.findings.unknown((*loc, "from"), "K602", message, member, members, key=False)

    # what is expected

    def _expected(self, value: Any, loc: Loc) -> Expected | None:
        one = self.findings.mapping(value, loc, words.EXPECT)
        if not one:
            return None
        sorts = [sort for sort in Sort if sort in one]
        if len(sorts) != 1:
            self.findings.wrong(loc, "K606", "one thing that is expected is due here", f"say one of {', '.join(Sort)}")
            return None
        sort = sorts[0]
        for key, of in ONLY_OF.items():
            if key in one and of is not sort:
                self.findings.wrong((*loc, key), "K606", f"'{key}' belongs to '{of}'", key=True)
        via = self.findings.text(one["via"], (*loc, "via")) if "via" in one else None
        if via is not None:
            self._kind(via, (*loc, "via"))
        text, reason = (self.findings.text(one[key], (*loc, key)) if key in one else None for key in ("text", "reason"))
        at = self._span(one["at"], (*loc, "at")) if "at" in one else None
        return Expected(sort, self._word(sort, one[sort], (*loc, sort)), at, via, text, reason, loc)

    def _word(self, sort: Sort, value: Any, loc: Loc) -> str:
        if sort in (Sort.SEND, Sort.SKIPPED):
            return self._step(value, loc)
        if sort is Sort.POINTS:
            return str(self.findings.whole(value, loc, -(10**9)) or "")
        word = self.findings.text(value, loc) or ""
        shop = self.project.shop
        names = {Sort.COUPON: shop.pools, Sort.NOTIFY: shop.roles, Sort.WEBHOOK: shop.webhooks}
        if word and sort in names and word not in names[sort]:
            self.findings.unknown(loc, "K602", f"no {sort} '{short(word)}'", word, names[sort], key=False)
        return word

    def _ends(self, value: Any) -> Ends:
        own = self.findings.mapping(value, ("ends",), ("at", "reason"))
        at = self._span(own["at"], ("ends", "at")) if "at" in own else None
        return Ends(at, self.findings.text(own["reason"], ("ends", "reason")) if "reason" in own else None)

    def _paths(self, value: Any) -> dict[str, str]:
        found = {}
        known = self.journey.splits if self.journey else {}
        for point, path in self.findings.mapping(value, ("paths",)).items():
            word = self.findings.text(path, ("paths", point))
            if self.journey and point not in known:
                self.findings.unknown(("paths", point), "K602", f"no split '{short(point)}'", point, known)
            elif self.journey and word and word not in known[point]:
                message = f"split '{point}' has no path '{short(word)}'"
                self.findings.unknown(("paths", point), "K602", message, word, known[point], key=False)
            found[point] = word or ""
        return found

    def _empty(self, parts: Mapping[str, Any]) -> list[str]:
        known = {name for name, pool in self.project.coupons.items() if pool.imported}
        found = []
        for number, value in enumerate(self._list(parts, "empty")):
            word = self.findings.text(value, ("empty", number)) or ""
            if word and word not in known:
                message = f"no pool '{short(word)}' whose codes are imported"
                self.findings.unknown(("empty", number), "K602", message, word, known, key=False)
            found.append(word)
        return found

    def _step(self, value: Any, loc: Loc) -> str:
        """A step that sends, by its id or its text."""
        word = self.findings.text(value, loc) or ""
        sends = {} if self.journey is None else self._sends(self.journey)
        known = {*sends, *(one.text for one in sends.values())}
        if word and self.journey and word not in known:
            self.findings.unknown(loc, "K602", f"no step sends '{short(word)}'", word, known, key=False)
        return word

    def _sends(self, journey: graph.Journey) -> Mapping[str, graph.Send]:
        """Of the journey and those it starts."""
        found: dict[str, graph.Send] = {}
        for one in reached(self.project, journey.name).values():
            found |= one.sends
        return found

    # moments

    def _moment(self, value: Any, loc: Loc) -> int | None:
        span = self._span(value, loc, whole=False)
        return span.first if span else None

    def _span(self, value: Any, loc: Loc, whole: bool = True) -> Span | None:
        """A minute, or a whole day where that is said."""
        day, _, clock = str(value).partition(" ")
        try:
            if not isinstance(value, str) or not (clock or whole):
                raise ValueError(f"a date and a time are due here, not {said(value)}")
            if clock:
                first = walltime.instant(walltime.parse_day(day), walltime.parse_clock(clock.strip()), self.zone)
                span = Span(first, first + 59)
            else:
                first = walltime.midnight(walltime.parse_day(day), self.zone)
                span = Span(first, first + DAY - 1)
            if not EARLIEST <= day < LATEST:
                raise ValueError(f"{day} is not from {EARLIEST[:4]} to {LATEST[:4]}")
        except ValueError as mistake:
            self.findings.wrong(loc, "K603", str(mistake), WHEN)
            return None
        self.moments.append(span.last)
        return span


def reached(project: Project, name: str) -> dict[str, graph.Journey]:
    """The journey and those it starts, and those they start."""
    found: dict[str, graph.Journey] = {}
    waiting = [name]
    while waiting:
        one = project.journeys.get(waiting.pop())
        if one is not None and one.name not in found:
            found[one.name] = one
            effects = [effect for way in one.crossings for leaf in way.leaves for effect in leaf.effects]
            waiting += [effect.journey for effect in effects if isinstance(effect, graph.StartJourney)]
    return found
