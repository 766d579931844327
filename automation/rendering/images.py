"""Pictures that travel inside a mail: files beside email.html that its HTML shows as `cid:NAME`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from automation.kernel import document, errors, pictures
from automation.rendering.fields import Field

MAX_IMAGE: Final = 200 * 1024  # bytes of one: a mail of some megabytes is read by nobody
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it stands in a header of the mail
_SHOWN: Final = re.compile(r"""\b(?:src|background)\s*=\s*["']?cid:([^"'\s>]*)""", re.IGNORECASE)


def shown(html: Field) -> list[tuple[str, int]]:
    """Each picture's name, with its first place in the source."""
    found: dict[str, int] = {}
    for match in _SHOWN.finditer(html.source):
        found.setdefault(match[1], match.start(1))
    return list(found.items())


def read(html: Field, find: Callable[[str], Path | None]) -> tuple[dict[str, str], list[errors.Problem]]:
    """The pictures, name -> path, and what is wrong with them. `find`: the file of a name."""
    images: dict[str, str] = {}
    problems: list[errors.Problem] = []
    for name, position in shown(html):
        path = find(name) if NAME.fullmatch(name) else None
        said = list(_wrong(name, path, Path(html.path).parent))
        line = html.source.count("\n", 0, position) + 1
        column = position - (html.source.rfind("\n", 0, position) + 1) + 1
        problems += [errors.Problem(html.path, line, column, *one) for one in said]
        if path is not None and not said:
            images[name] = str(path.resolve())
    return images, problems


def _wrong(name: str, path: Path | None, folder: Path) -> Iterator[tuple[str, str, str]]:
    if path is None or not path.is_file():
        there = [one.name for one in folder.iterdir() if one.suffix.lower() in pictures.ENDINGS]
        close = document.nearest(name, there)
        other = "put it there; its name has letters, digits and . _ - only"
        yield "T054", f"there is no picture {name} beside this file", f"did you mean {close}?" if close else other
    elif path.suffix.lower() not in pictures.ENDINGS:
        yield "T055", f"{name} is no picture for a mail", f"known: {' '.join(sorted(pictures.ENDINGS))}"
    elif path.stat().st_size > MAX_IMAGE:
        yield "T055", f"{name} is larger than {MAX_IMAGE // 1024} KB", "make it smaller, or show it by https://"
    else:
        with path.open("rb") as file:
            begins = file.read(pictures.HEAD)
        if not pictures.kind_of(begins):
            yield "T055", f"{name} is named like a picture and is none", "save it as PNG, JPEG or GIF"
