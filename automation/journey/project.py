"""A shop's files as one value: catalog, segments, coupons, festivals, policy, texts and every journey, compiled.

A broken file disables only itself: everything else is loaded, and all problems are listed together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from automation.conditions.findings import short
from automation.conditions.scope import FieldInfo
from automation.conditions.tree import Condition
from automation.festivals import feasts
from automation.festivals.feasts import Festival
from automation.journey import (
    catalog,
    circles,
    coupons,
    cut_check,
    festivals_file,
    graph,
    head,
    links_check,
    places,
    policy_file,
    rules_check,
    segments,
    texts_check,
    variants,
)
from automation.journey.catalog import Catalog
from automation.journey.coupons import Pool
from automation.journey.policy_file import Policy
from automation.journey.reading import LATER, Context, Members
from automation.journey.segments import Segment
from automation.journey.shop import APPROVED, Shop
from automation.journey.variants import Variants
from automation.kernel import source
from automation.kernel.document import Document
from automation.kernel.errors import Problem, SourceErrors
from automation.rendering import catalogue, reading
from automation.rendering.texts import Texts
from automation.settings.model import Settings

RESERVED: Final = ("catalog", "segments", "coupons", "festivals", "policy")
RESERVED_LATER: Final = ("surveys",)
FOLLOW_ON: Final[Mapping[str, frozenset[str]]] = {
    "catalog": frozenset(
        {"C001", "C002", "C010", "C012", "C015", "C020", "C023", "C024", "C027", "C040", "J011", "J013", "J016", "J018"}
        | {"J032", "J045", "J003"}
    ),
    "segments": frozenset({"C040", "J016"}),
    "coupons": frozenset({"J046"}),
    "festivals": frozenset({"J014"}),
    "policy": frozenset({"J003"}),
}
"""File -> codes of what journeys lack only because it could not be read: its own problems are the ones to mend."""
UNGIVEN: Final = "'entry."  # how the message begins where a journey lacks what a broken one may hand to it
_TEXT, _JOURNEY = range(2)  # after the reserved files, whose ranks are below 0
_KINDS: Final = {"mail": "email"}  # how `via` calls a kind of channel
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Project:
    """All that a shop's files say. `problems`: what is wrong, each disabling its own file; `warnings` stop nothing.

    `variants`: text -> its variants with their conditions, in order. `shop`: what journeys may name.
    """

    catalog: Catalog
    segments: Mapping[str, Segment]
    festivals: Mapping[str, Festival]
    coupons: Mapping[str, Pool]
    policy: Policy
    texts: Texts
    journeys: Mapping[str, graph.Journey]
    variants: Mapping[str, Variants]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    shop: Shop


def load(settings: Settings, channels: Mapping[str, str] | None = None, last: Project | None = None) -> Project:
    """Everything below the folders of the settings. Raises nothing for what stands in the files.

    `channels`: name of a channel -> the kind `via` calls it; without it, as the settings say. `last`: what was read
    before; a text or a file other than a journey's that is broken now counts as it was then.
    """
    return _Loader(settings, channels if channels is not None else _channels(settings), last).project()


def load_source(text: str, name: str, project: Project, path: str = "") -> graph.Journey:
    """A journey from its text. Raises SourceErrors."""
    document = source.parse(text, path or f"journeys/{name}.yaml")
    return head.read(document, text, name, project.shop)[0]


@dataclass(frozen=True, slots=True)
class Before:
    """What versions may still need of other files, as it was when every version could be read.

    `segments`: the text of segments.yaml. `started`: as in Shop.
    """

    segments: str = ""
    started: Mapping[str, Members] = field(default_factory=dict)


def load_kept(text: str, name: str, project: Project, before: Before) -> graph.Journey:
    """A version that people stand in, from its text. Raises SourceErrors only for what it cannot do without.

    Where its texts no longer suit it, their messages fail one by one. What is gone, or no longer what it was, of the
    segments and of what other journeys hand to this one is taken from `before`.
    """
    document, shop = source.parse(text, f"journeys/{name}.yaml"), project.shop
    try:
        return head.read(document, text, name, shop, texts_check.ABOUT_TEXTS)[0]
    except SourceErrors:
        shop = replace(
            shop,
            segments={**_segments(before.segments, project.catalog), **shop.segments},
            started={name: {**shop.started.get(name, {}), **before.started.get(name, {})}},
        )
    return head.read(document, text, name, shop, texts_check.ABOUT_TEXTS)[0]


def _segments(text: str, known: Catalog) -> dict[str, Condition]:
    try:
        return segments.conditions(segments.load(source.parse(text, "segments.yaml"), known))
    except SourceErrors:
        return {}


def _channels(settings: Settings) -> dict[str, str]:
    """A channel that plays another kind, as the sandbox does, counts as that kind."""
    found = {}
    for name, channel in settings.channels.items():
        kind = str(getattr(channel, "plays", None) or channel.kind)
        found[name] = _KINDS.get(kind, kind)
    return found


def _accounts(settings: Settings) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    """The approved templates that a channel's options list for each part of a text, where its kind has such. A
    pretended account that lists none has any."""
    found: dict[str, Mapping[str, Mapping[str, Any]]] = {}
    for name, channel in settings.channels.items():
        listed = {part: getattr(channel, word, None) for part, word in APPROVED.items()}
        pretended = getattr(channel, "sandbox", None) is not None
        found[name] = {part: known for part, known in listed.items() if known or (known is not None and not pretended)}
    return found


@dataclass(frozen=True, slots=True)
class _Read:
    """One journey that could be read, with what is noted about it."""

    journey: graph.Journey
    context: Context


class _Loader:
    def __init__(self, settings: Settings, channels: Mapping[str, str], last: Project | None) -> None:
        self.settings, self.channels, self.last = settings, channels, last
        self.folder = settings.folders.journeys
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.unread: set[str] = set()
        self.legible: dict[str, source.Legible] = {}  # journeys whose YAML is wrong, but clear
        self.partly: dict[str, Context] = {}  # journeys with problems, as far as they could be read
        self.broken: list[str] = []  # reserved files that could not be read
        self.ranks: dict[str, int] = {}  # of files by path, in the order in which their problems are told

    def project(self) -> Project:
        texts = catalogue.load(self.settings.folders.templates)
        self.problems += texts.problems
        last = self.last
        if last is not None:
            texts = texts.or_as_in(last.texts)
        self.warnings += cut_check.check(texts)
        known = self._file("catalog", catalog.load, _empty_catalog, last.catalog if last else None)
        people = self._file(
            "segments", lambda document: segments.load(document, known), _no_segments, last.segments if last else None
        )
        by_name = segments.conditions(people)
        pools = self._file("coupons", coupons.load, _no_pools, last.coupons if last else None)
        feasts_known = self._file(
            "festivals", festivals_file.load, lambda: dict(feasts.BUILT_IN), last.festivals if last else None
        )
        rules = self._file(
            "policy",
            lambda document: policy_file.load(document, known, by_name),
            lambda: Policy(policy_file.BUILT_IN, {}),
            last.policy if last else None,
        )
        self.warnings += rules.warnings
        sources = self._sources()
        shop = Shop(
            known, texts, by_name, {name: one.kind for name, one in rules.purposes.items()}, self.channels,
            self.settings.via, frozenset(sources) | self.unread, frozenset(feasts_known), frozenset(pools),
            frozenset(self.settings.staff), frozenset(self.settings.webhooks),
            accounts=_accounts(self.settings),
            titles={one.title: name for name, one in rules.purposes.items() if one.title not in ("", name)},
            public=self.settings.web.public_url is not None,
        )  # fmt: skip
        shop, read = self._journeys(shop, sources)
        journeys = self._without_circles(self._without_strange_starts(read))
        conditions, wrong = variants.read(shop, _entries(journeys))
        self.problems += [problem for problems in wrong.values() for problem in problems]
        journeys = self._without_broken_texts(journeys, frozenset(wrong))
        journeys = self._without_links(journeys, shop)
        journeys = self._without_breaches(journeys, shop, rules)
        return Project(
            known, people, feasts_known, pools, rules, texts, {name: one.journey for name, one in journeys.items()},
            conditions, self._causes_first(), tuple(sorted(set(self.warnings))), shop,
        )  # fmt: skip

    def _causes_first(self) -> tuple[Problem, ...]:
        """Reserved files, then texts, then journeys: what is wrong in one often follows from those before it."""
        return tuple(sorted(set(self.problems), key=lambda one: (self.ranks.get(one.path, _TEXT), one)))

    def _file(self, name: str, read: Callable[[Document], T], empty: Callable[[], T], last: T | None) -> T:
        """One of the reserved files; where it is wrong as it was last, where it is missing as without content."""
        path = self.folder / f"{name}.yaml"
        if not path.exists():
            return empty()
        try:
            return source.read_as(path, read)
        except SourceErrors as wrong:
            self._note(wrong.problems, Problem(wrong.problems[0].path, 1, 1, "J051", ""))
            self.ranks[wrong.problems[0].path] = RESERVED.index(name) - len(RESERVED)
            if last is not None:
                return last
            self.broken.append(name)
            return empty()

    def _sources(self) -> dict[str, Document]:
        """Name -> document of every file that is a journey and can be read as YAML."""
        found = {}
        self.problems += places.strays(self.folder)
        self.warnings += places.emptiness(self.folder)
        for path in sorted(self.folder.glob("*.yaml")) if self.folder.is_dir() else []:
            if path.stem in RESERVED or path.name.startswith("."):
                continue
            if path.stem in RESERVED_LATER:
                message = f"{path.name} {LATER}"
                self.problems.append(Problem(reading.shown(path), 1, 1, "J002", message, "take it out of this folder"))
                continue
            try:
                document = found[path.stem] = source.read(path)
                self.ranks[document.path] = _JOURNEY
            except source.Legible as slips:
                self.legible[path.stem] = slips
                self.unread.add(path.stem)
            except SourceErrors as wrong:
                self.problems += wrong.problems
                self.unread.add(path.stem)
        return found

    def _journeys(self, shop: Shop, sources: Mapping[str, Document]) -> tuple[Shop, dict[str, _Read]]:
        """Every journey, those entered by hand last: what `entry` is there, the journeys that start them say."""
        by_hand = {name for name, document in sources.items() if _is_manual(document.data)}
        read = self._read(shop, {name: document for name, document in sources.items() if name not in by_hand})
        for name, slips in self.legible.items():
            self.partly[name] = head.survey(slips.document, name, shop)
        for final in (False, True):
            shop = replace(shop, started=self._started(read))
            kept = len(self.problems)
            read |= self._read(shop, {name: sources[name] for name in sorted(by_hand)})
            if not final:
                del self.problems[kept:]
        for name, slips in self.legible.items():
            self._besides(name, slips, shop)
        return shop, dict(sorted(read.items()))

    def _started(self, read: Mapping[str, _Read]) -> dict[str, dict[str, FieldInfo]]:
        """What journeys hand to others: a broken one what can be read of it, and what was handed before."""
        found: dict[str, dict[str, FieldInfo]] = {}
        for context in (*self.partly.values(), *(one.context for one in read.values())):
            for target, members in context.handed.items():
                found.setdefault(target, {}).update(members)
        for target, before in self.last.shop.started.items() if self.last else ():
            if self._broken_starters(target):
                found[target] = {**before, **found.get(target, {})}
        return found

    def _besides(self, name: str, slips: source.Legible, shop: Shop) -> None:
        """All that is wrong with a journey that is not read because of its YAML."""
        wrong = slips.besides(lambda document: head.read(document, document.text, name, shop))
        self._note(wrong.problems, slips.document.problem((), "J051", ""))

    def _read(self, shop: Shop, sources: Mapping[str, Document]) -> dict[str, _Read]:
        found = {}
        for name, document in sources.items():
            try:
                found[name] = _Read(*head.read(document, document.text, name, shop))
            except SourceErrors as wrong:
                self.partly[name] = head.survey(document, name, shop)
                starters = self._broken_starters(name) if _is_manual(document.data) else ()
                self._note(wrong.problems, document.problem((), "J051", ""), starters)
            else:
                self.partly.pop(name, None)
                self.warnings += found[name].context.findings.warnings
        return found

    def _broken_starters(self, name: str) -> list[str]:
        """Journeys that cannot be read whole and may start this one: their files name it."""
        broken = sorted((self.partly.keys() | self.unread) - {name})
        return [other for other in broken if places.names(self.folder / f"{other}.yaml", name)]

    def _note(self, problems: tuple[Problem, ...], follows: Problem, starters: Collection[str] = ()) -> None:
        """Tell what is a file's own; where all of it follows from broken files, only that, where `follows` is."""
        codes = {problem.code for problem in problems}
        causes = [name for name in self.broken if codes & FOLLOW_ON[name]]
        follow_on = frozenset[str]().union(*(FOLLOW_ON[name] for name in causes))
        ungiven = {problem for problem in problems if starters and problem.message.startswith(UNGIVEN)}
        own = [problem for problem in problems if problem.code not in follow_on and problem not in ungiven]
        files = " and ".join(f"{name}.yaml" for name in (*causes, *(starters if ungiven else ())))
        message = f"it names things of {files}, which cannot be read"
        self.problems += own or [replace(follows, message=message, hint=f"mend {files} first")]

    def _without_strange_starts(self, read: dict[str, _Read]) -> dict[str, _Read]:
        """Leaves out who starts a journey whose steps count on an entry that it would not have."""
        own = {name for name, one in read.items() if not isinstance(one.journey.entry, graph.ManualEntry)}
        found = {}
        for name, one in read.items():
            wrong = {target: place for target, place in one.context.starts.items() if target in own}
            for target, place in wrong.items():
                message = f"'{short(target)}' has an entry of its own"
                hint = "only a journey with enter: {manual: true} is started"
                self.problems.append(one.context.findings.document.problem(place, "J055", message, hint))
            if not wrong:
                found[name] = one
        return found

    def _without_circles(self, read: dict[str, _Read]) -> dict[str, _Read]:
        for name, circle in circles.find({name: one.journey for name, one in read.items()}).items():
            one = read.pop(name)
            message = f"a circle without a wait: {' -> '.join(circle)}"
            place = one.context.starts[circle[1]]
            document = one.context.findings.document
            self.problems.append(document.problem(place, "J050", message, "put a wait before one of these starts"))
        return read

    def _without_broken_texts(self, read: dict[str, _Read], broken: frozenset[str]) -> dict[str, _Read]:
        """Leaves out who sends a text whose variants cannot be told apart: the wrong one might leave."""
        found = {}
        for name, one in read.items():
            wrong = [(send.key, send.text) for send in one.journey.sends.values() if send.text in broken]
            places = {key: loc for loc, key in one.context.keys.at.items()} if wrong else {}
            for key, text in wrong:
                message = f"the variants of text '{text}' have problems of their own"
                document = one.context.findings.document
                self.problems.append(document.problem((*places[key], "send"), "J041", message))
            if not wrong:
                found[name] = one
        return found

    def _without_links(self, read: dict[str, _Read], shop: Shop) -> dict[str, _Read]:
        """Leaves out who would send what fails for want of a link; in `problems` once, however many journeys do."""
        found = links_check.check(shop, {name: one.journey for name, one in read.items()})
        self.problems += {problem for problems in found.values() for problem in problems}
        return {name: one for name, one in read.items() if name not in found}

    def _without_breaches(self, read: dict[str, _Read], shop: Shop, rules: Policy) -> dict[str, _Read]:
        """Leaves out who would say what a rule forbids; in `problems` once, however many journeys say it."""
        found = rules_check.check(shop, {name: one.journey for name, one in read.items()}, rules.overrides)
        self.problems += {problem for problems in found.problems.values() for problem in problems}
        self.warnings += found.warnings
        return {name: one for name, one in read.items() if name not in found.problems}


def _no_segments() -> dict[str, Segment]:
    return {}


def _no_pools() -> dict[str, Pool]:
    return {}


def _empty_catalog() -> Catalog:
    return catalog.load(Document("journeys/catalog.yaml", {}))


def _is_manual(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("enter"), dict) and "manual" in data["enter"]


def _entries(read: Mapping[str, _Read]) -> dict[str, list[Members]]:
    found: dict[str, list[Members]] = {}
    for one in read.values():
        for send in one.journey.sends.values():
            found.setdefault(send.text, []).append(one.context.facts.entry)
    return found
