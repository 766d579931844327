"""Reads config.yaml into Settings: the one place where files and environment meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pydantic

from automation.kernel import shapes, source
from automation.kernel.errors import Problem
from automation.settings.model import MEDIA, Settings


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
