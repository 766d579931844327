"""Checks data read from a file against a model, and reports every mistake at its line and column in plain words.

Models derive from `Strict`. A rule of a model refuses with `raise refuse(...)`. For a choice between models use Tags
and `by_key` (or another Discriminator): only the branch meant is then reported. A tag may be called like its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import pydantic
from pydantic_core import PydanticCustomError

from automation.kernel import sentences
from automation.kernel.document import Document, Loc, nearest
from automation.kernel.errors import Problem, SourceErrors

M = TypeVar("M", bound=pydantic.BaseModel)
T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Lax: Final = pydantic.Strict(False)
Many: TypeAlias = Annotated[tuple[T, ...], Lax]  # a list in the file, a tuple in the model
Choice: TypeAlias = Annotated[E, Lax]  # a word in the file, a member of a StrEnum in the model

SHAPES: Final = "shapes"  # where validate() leaves its notes in the validation context


@dataclass(slots=True)
class Notes:
    """The keys that the models tried on a mapping know, by the identity of the mapping."""

    known: dict[int, set[str]] = field(default_factory=dict)


class Strict(pydantic.BaseModel):
    """A frozen model: no unknown keys, no silent conversions."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _note_known_keys(cls, data: Any, info: pydantic.ValidationInfo) -> Any:
        notes = (info.context or {}).get(SHAPES)
        if isinstance(notes, Notes) and isinstance(data, dict):
            names = {known.alias or name for name, known in cls.model_fields.items()}
            notes.known.setdefault(id(data), set()).update(names)
        return data


def refuse(message: str, hint: str = "", code: str = "S020", at: Loc = (), key: bool = False) -> PydanticCustomError:
    """An error for a validator to raise. `at`: where below the validated value; `key`: at its key."""
    return PydanticCustomError("refused", "refused", {"sentence": (code, message, hint), "at": at, "key": key})


def by_key(*names: str) -> pydantic.Discriminator:
    """Chooses the branch of a union by the first of these keys that the mapping has; the tags are the same names."""

    def chosen(data: Any) -> str:
        return next((name for name in names if isinstance(data, dict) and name in data), "")

    return pydantic.Discriminator(chosen)


def report(problems: Iterable[Problem]) -> None:
    """Raise SourceErrors if there is any problem."""
    found = list(problems)
    if found:
        raise SourceErrors(found)


def validate(document: Document, model: type[M], loc: Loc = (), context: Mapping[str, Any] | None = None) -> M:
    """The part of the document at `loc` as a model. An empty file counts as no keys.

    `context` reaches the model's validators as `info.context`. Raises SourceErrors with every mistake found.
    """
    data = document.data
    for step in loc:
        data = data[step]
    if data is None and not loc:
        data = {}
    notes = Notes()
    try:
        return model.model_validate(data, context={**(context or {}), SHAPES: notes})
    except pydantic.ValidationError as error:
        found = [Place.of(data, found, notes) for found in error.errors(include_url=False)]
    raise SourceErrors(problem for problem in _problems(document, loc, found, notes))


@dataclass(frozen=True, slots=True)
class Place:
    """One error of the validator, with its path in the data; `skipped`: names of union branches and their depth."""

    error: Mapping[str, Any]
    path: Loc
    holder: Any  # the data at the path, of a missing key at its holder's
    skipped: tuple[tuple[int, str | int], ...]
    key: bool = False

    @classmethod
    def of(cls, data: Any, error: Any, notes: Notes) -> Place:
        loc: Loc = error["loc"]
        context = error.get("ctx", {})
        key = loc[-1:] == ("[key]",) or bool(context.get("key"))
        tail: Loc = tuple(context.get("at", ()))
        if error["type"] in ("missing", "extra_forbidden"):
            path, skipped = _holder(data, loc[:-1], str(loc[-1]), notes)
            if error["type"] == "extra_forbidden":
                key, tail = True, loc[-1:]
        else:
            path, skipped = _walk(data, loc[:-1] if loc[-1:] == ("[key]",) else loc, _anything) or ((), ())
        for step in path + tail:
            data = data[step] if _has(data, step) else None
        return cls(error, path + tail, data, skipped, key)


def _has(data: Any, step: str | int) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)


Walked: TypeAlias = tuple[Loc, tuple[tuple[int, str | int], ...]]


def _anything(_: Any) -> bool:
    return True


def _holder(data: Any, loc: Loc, name: str, notes: Notes) -> Walked:
    """Where the mapping is that lacks a key or has one too many: best the one whose model was tried on it."""

    def tried(holder: Any) -> bool:
        known = notes.known.get(id(holder))
        return isinstance(holder, dict) and known is not None and (name in holder or name in known)

    def mapping(holder: Any) -> bool:
        return isinstance(holder, dict)

    return _walk(data, loc, tried) or _walk(data, loc, mapping) or ((), ())


def _walk(data: Any, loc: Loc, fits: Callable[[Any], bool]) -> Walked | None:
    """The path in the data that a validator's location means. It mixes keys with names of union branches, and a branch
    may be called like a key beside it: the reading that uses the location to its end is meant.
    """
    if not loc:
        return ((), ()) if fits(data) else None
    step, rest = loc[0], loc[1:]
    readings: list[Walked] = []
    if _has(data, step):
        below = _walk(data[step], rest, fits)
        if below:
            path, skipped = below
            readings.append(((step, *path), tuple((depth + 1, name) for depth, name in skipped)))
        if below and not below[1]:
            return readings[0]
    beside = _walk(data, rest, fits)
    if beside:
        readings.append((beside[0], ((0, step), *beside[1])))
    return min(readings, key=_lost, default=None)


def _lost(reading: Walked) -> tuple[int, int]:
    """How many steps a reading leaves unused at the end of the location, and in all."""
    path, skipped = reading
    return sum(depth == len(path) for depth, _ in skipped), len(skipped)


def _problems(document: Document, loc: Loc, found: list[Place], notes: Notes) -> Iterable[Problem]:
    found = list(_one_branch(found))
    meant = {place.path[:-1]: set[str | None]() for place in found}
    for place in found:
        if place.error["type"] == "extra_forbidden":
            known = _known(document, loc, place, notes)
            meant[place.path[:-1]].add(nearest(str(place.path[-1]), known))
    for place in found:
        kind = place.error["type"]
        if kind == "missing":
            name = str(place.error["loc"][-1])
            if name in meant.get(place.path, ()):
                continue  # the unknown key beside it is this one, misspelt
            said = ("S002", f"'{name}' is missing", "")
        elif kind == "extra_forbidden":
            said = sentences.unknown_key(str(place.path[-1]), _known(document, loc, place, notes))
        elif kind in ("union_tag_invalid", "union_tag_not_found"):
            yield _no_branch(document, loc, place)
            continue
        else:
            said = sentences.sentence(place.error)
        yield document.problem(loc + place.path, *said, key=place.key)


def _known(document: Document, loc: Loc, place: Place, notes: Notes) -> set[str]:
    data = document.data
    for step in loc + place.path[:-1]:
        data = data[step]
    beside = set(data) if isinstance(data, dict) else set()
    return notes.known.get(id(data), set()) - beside


def _no_branch(document: Document, loc: Loc, place: Place) -> Problem:
    """No model of a union is meant: perhaps the word that names it is misspelt."""
    context = place.error.get("ctx", {})
    tags = sentences.quoted(str(context.get("expected_tags", "")))
    if not isinstance(place.holder, dict):
        return document.problem(loc + place.path, *sentences.wrong_kind(place.holder, "'key: value' pairs", "S012"))
    for name in place.holder:
        close = nearest(name, tags)
        if close and close not in place.holder:
            hint = f"did you mean '{close}'?"
            return document.problem((*loc, *place.path, name), "S001", f"unknown key '{name}'", hint, key=True)
    wanted = sentences.some(tags) if tags else "the key that says what this is"
    return document.problem(loc + place.path, "S002", f"one of these keys is missing: {wanted}")


def _one_branch(found: Iterable[Place], level: int = 0) -> Iterable[Place]:
    """For a value that may be of several kinds every branch complains: keep the branch that was meant, or one sentence.

    `level`: how many unions above have been settled.
    """
    groups: dict[tuple[Loc, object], list[Place]] = {}
    for place in found:
        if len(place.skipped) > level:
            groups.setdefault((place.path[: place.skipped[level][0]], place.skipped[:level]), []).append(place)
        else:
            yield place
    for (at, _), places in groups.items():
        branches = {place.skipped[level][1] for place in places}
        yield from _one_branch(_meant(at, places, level) if len(branches) > 1 else places, level + 1)


def _meant(at: Loc, places: list[Place], level: int) -> list[Place]:
    """Of the complaints of several branches about the value at `at`: those of the branch whose kind it is, else one."""
    dues = {
        place.skipped[level][1]: due
        for place in places
        if place.path == at and (due := sentences.kind_due(place.error["type"]))
    }
    fitting = [place for place in places if place.skipped[level][1] not in dues]
    if fitting:
        return [place for place in fitting if place.skipped[level][1] == fitting[0].skipped[level][1]]
    said = sentences.wrong_kind(places[0].holder, " or ".join(dict.fromkeys(dues.values())))
    error = {"type": "refused", "loc": at, "input": places[0].holder, "ctx": {"sentence": said}}
    return [Place(error, at, places[0].holder, ())]
