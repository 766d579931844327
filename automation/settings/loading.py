"""Reads config.yaml into Settings: the one place where files and environment meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic

from automation.kernel import shapes, source
from automation.kernel.errors import Problem
from automation.settings import sections
from automation.settings.model import MEDIA, Settings, section


def load(path: Path, environ: Mapping[str, str], kinds: Mapping[str, type[pydantic.BaseModel]]) -> Settings:
    """The settings of a shop. `kinds`: kind of channel -> model of its options.

    Raises SourceErrors with every problem of the file, a missing environment variable or secret file included.
    """
    context = {"folder": path.resolve().parent, "environ": environ, "kinds": kinds}

    def checked(document: source.Document) -> Settings:
        settings = shapes.validate(document, Settings, context=context)
        shapes.report(_dangling(document, settings))
        return settings

    return source.read_as(path, checked)


class _WithStore(shapes.Strict):
    store: sections.Store = section()


def load_store(path: Path, environ: Mapping[str, str]) -> sections.Store:
    """The section `store` alone, whatever is wrong with the others. Raises SourceErrors where it cannot be told."""
    try:
        document = source.read(path)
    except source.Legible as slips:
        document = slips.document
    part = replace(document, data=_of_store(document.data))
    return shapes.validate(part, _WithStore, context={"folder": path.resolve().parent, "environ": environ}).store


def _of_store(data: Any) -> Any:
    """Without it, the sections that do not exist stay and are refused: one of them may be meant to be it."""
    if not isinstance(data, dict):
        return data
    if "store" in data:
        return {"store": data["store"]}
    known = {field.alias or name for name, field in Settings.model_fields.items()}
    return {name: value for name, value in data.items() if name not in known}


def _dangling(document: source.Document, settings: Settings) -> Iterator[Problem]:
    """Folders that are not there, and names of channels that are nowhere configured."""
    for name in document.data.get("folders", {}):
        if name != "tests" and not getattr(settings.folders, name).is_dir():  # a shop need not have tests
            hint = "a folder beside this file, or a whole path; make it first where it is to be a new one"
            yield document.problem(("folders", name), "S023", "there is no such folder", hint)
    for index, word in enumerate(settings.via):
        if word not in MEDIA and word not in settings.channels:
            yield _unknown(document, ("via", index), word, [*settings.channels, *MEDIA])
    for role, person in settings.staff.items():
        if person.channel not in settings.channels:
            yield _unknown(document, ("staff", role, "channel"), person.channel, list(settings.channels))


def _unknown(document: source.Document, loc: source.Loc, word: str, known: list[str]) -> Problem:
    close = source.nearest(word, known)
    hint = f"did you mean '{close}'?" if close else f"configured: {', '.join(sorted(known)) or 'none'}"
    return document.problem(loc, "S017", f"there is no channel '{word}'", hint)
