"""Pictures that WeChat shows, named by their file below the folder of all texts: `image: {file: pictures/spring.png}`.

The channel uploads them, each once. Apart from images.py, whose pictures travel inside a mail and lie beside it.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from automation.kernel import document
from automation.kernel.pictures import ENDINGS, HEAD, kind_of

BIGGEST: Final = 2 << 20  # bytes: WeChat takes 10 MB, and nobody waits for that on a telephone
Wrong: TypeAlias = tuple[str, str, str]
"""Code, message, hint."""


def find(folder: Path, name: str) -> Path | Wrong:
    """The picture of that name in the folder of all texts, or what is wrong with it."""
    inside = PurePosixPath(name)
    if "{{" in name or "{%" in name:
        return "T031", "the file of a picture is a fixed path", "write it out: it is checked before anything is sent"
    if inside.is_absolute() or ".." in inside.parts or "\\" in name or "\x00" in name or not inside.parts:
        return "T054", "a picture lies in the folder of the texts", "write it from there: pictures/spring.png"
    path = folder / inside
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        there = [one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.suffix.lower() in ENDINGS]
        close = document.nearest(name, there)
        hint = f"did you mean {close}?" if close else "write it from there: pictures/spring.png"
        return "T054", f"there is no picture {name} in the folder of the texts", hint
    if path.suffix.lower() not in ENDINGS:
        return "T055", f"{name} is no picture that WeChat shows", f"known: {' '.join(sorted(ENDINGS))}"
    if path.stat().st_size > BIGGEST:
        return "T055", f"{name} is larger than {BIGGEST >> 20} MB", "make it smaller"
    with path.open("rb") as file:
        begins = file.read(HEAD)
    if not kind_of(begins):
        return "T055", f"{name} is named like a picture and is none", "save it as PNG, JPEG or GIF"
    return path.resolve()


def is_shelf(folder: Path) -> bool:
    """Whether a folder beside the texts holds nothing but pictures: then it is no text."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return bool(files) and all(path.suffix.lower() in ENDINGS for path in files)
