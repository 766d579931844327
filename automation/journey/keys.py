"""The key of every step: its id, else what it does and how often that came before in the file.

Found before anything is read, so that a condition may name any step, and kept over versions: a step without an id keeps
its place as long as no equal step is put before it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from automation.conditions.findings import Findings, short
from automation.journey import words
from automation.journey.graph import START
from automation.kernel.document import Loc

_ID = re.compile(r"\w[\w-]{0,63}")
_LISTS: Final = ("then", "else")


@dataclass(slots=True)
class Keys:
    """`at`: place of a step -> its key. `kinds`: every id -> kind of step. `shared`: texts sent in several places.

    `unsent`: ids that are texts there are not.
    """

    at: dict[Loc, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    unsent: set[str] = field(default_factory=set)


def collect(findings: Findings, steps: Any, loc: Loc, texts: Collection[str]) -> Keys:
    """The keys of all steps below, whatever else may be wrong with them. An id that is taken is a problem.

    `texts`: the names of those there are.
    """
    found = Keys()
    places = list(_places(steps, loc))
    taken: dict[str, Loc] = {START: ()}
    for place, step, word in places:
        name = step.get("id")
        if name is not None and _possible(findings, name, place, taken):
            found.at[place], taken[name] = name, place
            found.kinds[name] = word
    counted: Counter[str] = Counter()
    sent = Counter(step["send"] for _, step, word in places if word == "send" and isinstance(step["send"], str))
    for place, step, word in places:
        made = f"{word}:{_argument(word, step[word])}" if _argument(word, step[word]) else word
        counted[made] += 1
        if place in found.at:
            continue
        text = step[word] if word == "send" and isinstance(step[word], str) else None
        if text is not None and text not in taken:
            found.at[place], taken[text], found.kinds[text] = text, place, word
            if text not in texts:
                found.unsent.add(text)
            if sent[text] > 1:
                found.shared.add(text)
        else:
            found.at[place] = f"{made}#{counted[made]}"
    return found


def word_of(step: Mapping[str, Any]) -> str | None:
    """The word that says what a step is; None where it has none."""
    named = [key for key in step if key in words.STEP and key != "if"]
    return named[0] if named else "if" if "if" in step else None


def _possible(findings: Findings, name: Any, place: Loc, taken: Mapping[str, Loc]) -> bool:
    loc = (*place, "id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        findings.wrong(loc, "J022", f"'{short(name)}' is not possible as an id", "letters, digits, _ and -")
        return False
    if name in taken:
        first = findings.document.mark(taken[name]).line if taken[name] else 0
        said = f"first on line {first}" if first else "it means the beginning of every journey"
        findings.wrong(loc, "J022", f"the id '{name}' is already taken", f"{said}: give this one another")
        return False
    return True


def _places(steps: Any, loc: Loc) -> Iterator[tuple[Loc, Mapping[str, Any], str]]:
    """Every step below that has a word, in the order of the file."""
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        place: Loc = (*loc, number)
        if not isinstance(step, dict):
            continue
        word = word_of(step)
        if word is not None:
            yield place, step, word
        for name in _LISTS:
            yield from _places(step.get(name), (*place, name))
        branches = step.get("choose")
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            for name in _LISTS if isinstance(branch, dict) else ():
                yield from _places(branch.get(name), (*place, "choose", index, name))
        paths = step.get("paths")
        for name, path in paths.items() if isinstance(paths, dict) else ():
            if isinstance(path, dict):
                yield from _places(path.get("then"), (*place, "paths", name, "then"))


def _argument(word: str, value: Any) -> str:
    """What a step is about, in a few words."""
    if word == "wait_for" and isinstance(value, dict) and value:
        kind, about = next(iter(value.items()))
        if isinstance(about, dict):
            about = about.get("name")
        said = "+".join(map(str, about)) if isinstance(about, list) else str(about)
        return said if kind == "event" else f"{kind} {said}"
    if word == "set" and isinstance(value, dict):
        return ",".join(map(str, value))
    return "" if isinstance(value, dict | list) else str(value)
