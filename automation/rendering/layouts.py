"""The frame that mails of a shop share: templates/_layouts/NAME.html, with a place where a mail's own rows go.

Joined as texts before styles are inlined, so that a style of the layout reaches the rows; each file is read and checked
for itself, and every mistake is shown in the file where it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from automation.kernel import errors
from automation.rendering import fields, language
from automation.rendering.fields import Field

FOLDER: Final = "_layouts"
SLOT: Final = "<!-- content -->"


@dataclass(frozen=True, slots=True)
class Page:
    """A whole mail as it was written. `origins`: path and line of each of its lines, from the first."""

    source: str
    origins: tuple[tuple[str, int], ...]


def find(templates: Path, name: str) -> Path | None:
    """The file of a layout; only what lies in the folder can be named."""
    return next((path for path in _all(templates) if path.stem == name), None)


def did_you_mean(templates: Path, name: str) -> str:
    known = [path.stem for path in _all(templates)]
    return fields.did_you_mean(name, known) if known else f"make templates/{FOLDER}/{name}.html"


def check(layout: Field) -> Iterator[errors.Problem]:
    """What is wrong with the place for the mail: there once, and neither in a comment nor in a raw block."""
    filled = language.parse(replace(layout, source=layout.source.replace(SLOT, "{{ mail.content }}")))
    shown = any(use.name == "mail.content" for use in filled.uses)
    if layout.source.count(SLOT) != 1 or not (shown or filled.problems):
        message = f"a layout has {SLOT} once, where the rows of a mail go"
        yield errors.Problem(layout.path, 1, 1, "T046", message, "write it between the head and the foot")


def page(content: Field, layout: Field | None) -> Page:
    """The content inside its layout."""
    own = [(content.path, line) for line in range(1, content.source.count("\n") + 2)]
    if layout is None:
        return Page(content.source, tuple(own))
    before, _, after = layout.source.partition(SLOT)
    slot = before.count("\n") + 1
    above = [(layout.path, line) for line in range(1, slot)]
    below = [(layout.path, slot + line) for line in range(1, after.count("\n") + 1)]
    return Page(before + content.source + after, (*above, *own, *below))


def _all(templates: Path) -> list[Path]:
    return sorted(path for path in (templates / FOLDER).glob("*.html") if path.is_file())
