"""From rendered strings to the body each kind of channel takes, with the limits of its platform."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from automation.kernel import ports
from automation.rendering import inlining, language, plain
from automation.rendering.faults import Fault, RenderFault
from automation.rendering.fields import Field
from automation.rendering.language import Parsed
from automation.rendering.program import Broken, Program, encode_values
from automation.rendering.texts import Kind, Template

Maker: TypeAlias = Callable[[dict[str, Any]], ports.Body]
MAX_TEXT = 64 * 1024
MAX_MAIL = 1024 * 1024
MAX_LINK = 2048
LINK = re.compile(r"https?://[^\s/?#\"'<>\\][^\s\"'<>\\]*", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\{(\w+)\}")

# Values of WeChat template messages are refused whole (47003) when one is too long: better cut than not sent.
WECHAT_LIMITS = {"thing": 20, "name": 10, "phrase": 5, "character_string": 32, "car_number": 8, "phone_number": 17}


def maker(template: Template) -> Maker:
    """Compile a template; the function takes values and returns a body, or raises Broken.

    It puts the URLs of the template's declared links into the values, under `links`.
    """
    build = {Kind.WECHAT: _wechat, Kind.SMS: _sms, Kind.EMAIL: _email}[template.kind](template)
    if not template.links:
        return build
    links = _links(template)

    def make(values: dict[str, Any]) -> ports.Body:
        values["links"] = {**values.get("links", {}), **links(values)}
        return build(values)

    return make


def check_link(url: str) -> str:
    """Only http and https, nothing that ends an attribute or a line. Raises RenderFault."""
    if len(url) > MAX_LINK or not LINK.fullmatch(url):
        raise RenderFault(Fault.BAD_VALUE, "a link is not an http or https address")
    return url


def _program(template: Template, fields: Sequence[Parsed], *, html: bool = False, cap: int = MAX_TEXT) -> Program:
    return Program(template.digest[:12], fields, html=html, max_chars=cap)


def _runner(template: Template, fields: Sequence[Field], cap: int = MAX_TEXT) -> Callable[[dict[str, Any]], list[str]]:
    """Fields of plain text; those of one file are one program."""
    groups = [(path, list(members)) for path, members in groupby(fields, key=lambda field: field.path)]
    programs = [
        (path, _program(template, [language.parse(field) for field in members], cap=cap)) for path, members in groups
    ]
    if len(programs) == 1:
        path, only = programs[0]
        return lambda values: _at(path, only, values)
    return lambda values: [text for path, program in programs for text in _at(path, program, values)]


def _at(path: str, program: Program, values: dict[str, Any]) -> list[str]:
    try:
        return program.run(values)
    except Broken as broken:
        broken.path = path
        raise


def _links(template: Template) -> Callable[[dict[str, Any]], dict[str, str]]:
    parsed = [language.parse(field) for field in template.links]
    for field in parsed:
        encode_values(field)
    path, program = template.links[0].path, _program(template, parsed)
    names = [field.name for field in template.links]
    lines = [field.line for field in template.links]

    def run(values: dict[str, Any]) -> dict[str, str]:
        made = _at(path, program, values)
        for url, line in zip(made, lines, strict=True):
            try:
                check_link(url.strip())
            except RenderFault as fault:
                raise Broken(fault, line, path) from None
        return {name: url.strip() for name, url in zip(names, made, strict=True)}

    return run


def _wechat(template: Template) -> Maker:
    names = [field.name.partition(".")[2] for field in template.fields]
    run = _runner(template, template.fields)
    limits = [WECHAT_LIMITS.get(name.rstrip("0123456789")) for name in names]

    def make(values: dict[str, Any]) -> ports.Body:
        text, *rest = run(values)
        body: dict[str, ports.Json] = {"text": text.strip()}
        if template.key:
            data = {name: _cut(value, most) for name, value, most in zip(names[1:], rest, limits[1:], strict=True)}
            body["template"] = {"key": template.key, "data": data}
        return body

    return make


def _cut(value: str, most: int | None) -> str:
    line = _one_line(value)
    return line if most is None or len(line) <= most else line[: most - 1] + "…"


def _one_line(text: str) -> str:
    """Line ends are refused by SMS and template parameters and would forge headers in a subject."""
    return " ".join(text.split()) if not text.isprintable() else text.strip()


def _sms(template: Template) -> Maker:
    names = [field.name.partition(".")[2] for field in template.fields]
    pieces = PLACEHOLDER.split(template.preview)  # text, name, text, name, ..., text
    run = _runner(template, template.fields) if names else lambda _values: []
    key = template.key

    def make(values: dict[str, Any]) -> ports.Body:
        params = {name: _one_line(text) for name, text in zip(names, run(values), strict=True)}
        preview = "".join([params[piece] if index % 2 else piece for index, piece in enumerate(pieces)])
        return {"template": key, "params": params, "preview": preview}

    return make


def _email(template: Template) -> Maker:
    by_name = {field.name: field for field in template.fields}
    head = [by_name[name] for name in ("subject", "preview") if name in by_name]
    run_head, html = _runner(template, head), _html(template, by_name["html"])
    run_text = _runner(template, [by_name["text"]], MAX_MAIL) if "text" in by_name else None

    def make(values: dict[str, Any]) -> ports.Body:
        subject, preview = ([_one_line(line) for line in run_head(values)] + [""])[:2]
        values = {**values, "mail": {"subject": subject, "preview": preview}}
        page = html(values)
        text = run_text(values)[0] if run_text else plain.from_html(page)
        return {"subject": subject, "preview": preview, "html": page, "text": text.strip() + "\n"}

    return make


def _html(template: Template, field: Field) -> Callable[[dict[str, Any]], str]:
    """HTML with its CSS already in place; a failure names the line of the file as it was written."""
    written = inlining.with_preheader(field.source)
    source = inlining.inline(written)
    lines = inlining.line_map(written, source)
    parsed = language.parse(Field(field.name, source, field.path))
    program = _program(template, [parsed], html=True, cap=MAX_MAIL)

    def run(values: dict[str, Any]) -> str:
        try:
            return program.run(values)[0]
        except Broken as broken:
            raise Broken(broken.fault, lines.get(broken.line, 1), field.path) from None

    return run
