"""Where the files of journeys lie: directly in their folder, with .yaml at the end; what lies elsewhere is told.

Apart from reading them, because a file that is overlooked looks to the engine like one that was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from automation.kernel.errors import Problem
from automation.rendering import reading

_ENDINGS: Final = (".yaml", ".yml")


def strays(folder: Path) -> list[Problem]:
    """Files that were meant as journeys (or catalog and the like) and are not read where they lie."""
    found = []
    for path in sorted(_meant(folder)):
        if path.parent != folder:
            hint = f"move it into {reading.shown(folder)}, or out of it where it is not to be read"
            message = "a file in a folder below is not read"
        elif path.suffix != _ENDINGS[0]:
            hint = f"call it {path.stem}{_ENDINGS[0]}"
            message = f"a file that does not end in {_ENDINGS[0]} is not read"
        else:
            continue
        found.append(Problem(reading.shown(path), 1, 1, "J052", message, hint))
    return found


def emptiness(folder: Path) -> list[Problem]:
    """One warning where the folder holds no file at all: mostly the name of another folder is meant."""
    if not is_empty(folder):
        return []
    hint = "name the folder of your journeys in config.yaml: folders"
    return [Problem(reading.shown(folder), 1, 1, "W503", "no file of a journey is in this folder", hint)]


def is_empty(folder: Path) -> bool:
    """Whether no file of journeys is there, nor the folder itself."""
    return next(_meant(folder), None) is None


def lies_somewhere(folder: Path, name: str) -> bool:
    """Whether a journey's file is in the folder, be it where it is not read."""
    return any(path.stem == name for path in _meant(folder))


def names(path: Path, word: str) -> bool:
    """Whether the text of a file holds this word; where it cannot be told, it may."""
    try:
        return word.encode() in path.read_bytes()
    except OSError:
        return True


def _meant(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in _ENDINGS and not hidden and path.is_file():
            yield path
