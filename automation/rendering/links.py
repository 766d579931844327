"""Links in texts: what may be one, and those a text declares, made before the text that holds them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from automation.rendering import language, running
from automation.rendering.faults import Fault, RenderFault
from automation.rendering.program import Broken, encode_values
from automation.rendering.texts import Template

MAX_LINK = 2048
LINK = re.compile(r"https?://[^\s/?#\"'<>\\][^\s\"'<>\\]*", re.IGNORECASE)


def check_link(url: str) -> str:
    """Only http and https, nothing that ends an attribute or a line. Raises RenderFault."""
    if len(url) > MAX_LINK or not LINK.fullmatch(url):
        raise RenderFault(Fault.BAD_VALUE, "a link is not an http or https address")
    return url


def declared(template: Template) -> Callable[[dict[str, Any]], dict[str, str]]:
    """The links a template uses, by name. Raises Broken."""
    parsed = [language.parse(field) for field in template.links]
    for field in parsed:
        encode_values(field)
    path, program = template.links[0].path, running.program(template, parsed)
    names = [field.name for field in template.links]
    lines = [field.line for field in template.links]

    def run(values: dict[str, Any]) -> dict[str, str]:
        made = running.at(path, program, values)
        for url, line in zip(made, lines, strict=True):
            try:
                check_link(url.strip())
            except RenderFault as fault:
                raise Broken(fault, line, path) from None
        return {name: url.strip() for name, url in zip(names, made, strict=True)}

    return run
