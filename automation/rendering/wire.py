"""What passes between the renderer and its child: JSON in frames of bounded length. Nothing in it can be executed.

To the child: a letter, then JSON. `T` a template with its number, `F` numbers to forget, `J` jobs: a line with
[number, values] of each, and a line with the data of each. From the child: the CPU seconds it has used so far, then one
line an answer, in the order in which it was asked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from automation.kernel import json_text
from automation.rendering.fields import Field, Use
from automation.rendering.texts import Kind, Template

HEAD: Final = struct.Struct("<I")  # bytes that follow
USED: Final = struct.Struct("<d")
MAX_FRAME: Final = 16 * 1024 * 1024
MAX_JOB: Final = 1024 * 1024  # characters of one job's values and data
READY: Final = "ready"
TEMPLATE, JOBS, FORGET = b"T", b"J", b"F"


def frame(letter: bytes, text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return HEAD.pack(len(content) + 1) + letter + content


def jobs(values: Sequence[tuple[int, Mapping[str, Any]]], data: Sequence[str | None]) -> str:
    """Number of the template and values of each job; data as JSON text. Raises what `json_text.write` raises."""
    return f"{json_text.write(values)}\n[{','.join([one or 'null' for one in data])}]"


def jobs_of(content: str) -> Iterator[tuple[int, dict[str, Any], dict[str, Any] | None]]:
    values, _, data = content.partition("\n")
    for (number, given), more in zip(json_text.read(values), json_text.read(data), strict=True):
        yield number, given, more


def answer(used: float, lines: Sequence[str]) -> bytes:
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return HEAD.pack(len(content) + USED.size) + USED.pack(used) + content


def text(content: bytes | bytearray | memoryview) -> str:
    return str(content, "utf-8", "surrogatepass")


def template_values(template: Template) -> Mapping[str, Any]:
    """A template as plain values."""
    return {**asdict(template), "parts": sorted(template.parts)}


def template_of(values: Mapping[str, Any]) -> Template:
    return Template(
        **{
            **values,
            "kind": Kind(values["kind"]),
            "fields": tuple(Field(**field) for field in values["fields"]),
            "links": tuple(Field(**field) for field in values["links"]),
            "uses": tuple(Use(**use) for use in values["uses"]),
            "parts": frozenset(values["parts"]),
            "keys": tuple((part, key) for part, key in values["keys"]),
            "images": tuple((name, path) for name, path in values["images"]),
        }
    )
