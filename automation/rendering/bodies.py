"""From rendered strings to the body each kind of channel takes, with the limits of its platform."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from automation.kernel import ports
from automation.rendering import inlining, language, layouts, links, parts, plain, running
from automation.rendering.faults import RenderFault
from automation.rendering.fields import Field
from automation.rendering.program import Broken
from automation.rendering.texts import Kind, Template

Maker: TypeAlias = Callable[[dict[str, Any]], ports.Body]
PLACEHOLDER = re.compile(r"\{(\w+)\}")
MAX_SMS = 500  # characters with the signature: Alibaba Cloud and Tencent Cloud both refuse more


def maker(template: Template) -> Maker:
    """Compile a template; the function takes values and returns a body, or raises Broken.

    It puts the URLs of the template's declared links into the values, under `links`.
    """
    build = MAKERS[template.kind](template)
    if not template.links:
        return build
    declared = links.declared(template)

    def make(values: dict[str, Any]) -> ports.Body:
        values["links"] = {**values.get("links", {}), **declared(values)}
        return build(values)

    return make


def _sms(template: Template) -> Maker:
    names = [field.name.partition(".")[2] for field in template.fields]
    lines = [(field.line, field.path) for field in template.fields]
    pieces = PLACEHOLDER.split(template.preview)  # text, name, text, name, ..., text
    run, key = running.runner(template, template.fields), template.key

    def make(values: dict[str, Any]) -> ports.Body:
        params = {name: running.one_line(text) for name, text in zip(names, run(values), strict=True)}
        if not all(params.values()):
            name = next(name for name, text in params.items() if not text)
            raise Broken(_no_parameter(name), *lines[names.index(name)])
        preview = "".join([params[piece] if index % 2 else piece for index, piece in enumerate(pieces)])
        if len(preview) > MAX_SMS:
            raise Broken(running.too_long("this SMS", MAX_SMS, "characters"), 1, template.path)
        return {"template": key, "params": params, "preview": preview}

    return make


def _no_parameter(name: str) -> RenderFault:
    fault = running.empty(f"the parameter {name}")
    return RenderFault(fault.code, f"{fault}, which providers refuse; write | default('…')")


def _email(template: Template) -> Maker:
    by_name = {field.name: field for field in template.fields}
    head = [by_name[name] for name in ("subject", "preview") if name in by_name]
    run_head, html = running.runner(template, head), _html(template, by_name["html"], by_name.get("layout"))
    run_text = running.runner(template, [by_name["text"]], running.MAX_MAIL) if "text" in by_name else None
    images: dict[str, ports.Json] = {"images": dict(template.images)} if template.images else {}

    def make(values: dict[str, Any]) -> ports.Body:
        subject, preview = ([running.one_line(line) for line in run_head(values)] + [""])[:2]
        values = {**values, "mail": {"subject": subject, "preview": preview}}
        page = html(values)
        text = run_text(values)[0] if run_text else plain.from_html(page)
        return {"subject": subject, "preview": preview, "html": page, "text": text.strip() + "\n", **images}

    return make


def _html(template: Template, field: Field, layout: Field | None) -> Callable[[dict[str, Any]], str]:
    """HTML with its CSS already in place; a failure names the file and the line as they were written."""
    page = layouts.page(field, layout)
    written = inlining.with_preheader(page.source)
    source = inlining.inline(written)
    lines = inlining.line_map(written, source)
    parsed = language.parse(Field(field.name, source, field.path))
    program = running.program(template, [parsed], html=True, cap=running.MAX_MAIL)

    def run(values: dict[str, Any]) -> str:
        try:
            return program.run(values)[0]
        except Broken as broken:
            path, line = page.origins[lines.get(broken.line, 1) - 1]
            raise Broken(broken.fault, line, path) from None

    return run


MAKERS: dict[Kind, Callable[[Template], Maker]] = {
    Kind.WECHAT: parts.maker,
    Kind.WECOM: parts.maker,
    Kind.SMS: _sms,
    Kind.EMAIL: _email,
}
