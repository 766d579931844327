"""Bodies made of parts, for WeChat and WeCom: each field of the file at its place in the body, within what it takes.

Lengths are checked in the unit of the platform, bytes of UTF-8 where it counts bytes. Sources: WeChat, customer-service
messages (45002: 2,048 bytes) and subscription messages; WeCom 92135 (text 4,000 bytes, link and mini program members).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from automation.kernel import ports
from automation.rendering import links, running, wechat_fields
from automation.rendering.faults import Fault, RenderFault
from automation.rendering.program import Broken
from automation.rendering.texts import Kind, Template

Fit: TypeAlias = Callable[[str], str]
Plan: TypeAlias = "dict[str, Plan] | list[Plan] | int | str"
"""A body with the number of a field where its text goes, and constants."""

TEXT_BYTES: Final = {Kind.WECHAT: 2_048, Kind.WECOM: 4_000}
MAY_BE_EMPTY: Final = frozenset({"text", "description", "picture", "url", "page", "head", "tail"})
CUT: Final = {
    (Kind.WECOM, "title", "link"): 128,
    (Kind.WECOM, "description", "link"): 512,
    (Kind.WECOM, "title", "mini_program"): 64,
}  # bytes


def maker(template: Template) -> Callable[[dict[str, Any]], ports.Body]:
    """Values to a body. Raises Broken."""
    paths = [tuple(field.name.split(".")) for field in template.fields]
    fits = [_fit(template.kind, path) for path in paths]
    lines = [(field.line, field.path) for field in template.fields]
    run, plan = running.runner(template, template.fields), _plan(template, paths)
    if not paths:  # nothing but pictures: the same for everybody
        return lambda values: _filled(plan, ())

    def make(values: dict[str, Any]) -> ports.Body:
        texts = run(values)
        for place, fit in enumerate(fits):
            try:
                texts[place] = fit(texts[place])
            except RenderFault as fault:
                raise Broken(fault, *lines[place]) from None
        body = _filled(plan, texts)
        if not body:
            raise Broken(running.empty("the message"), *lines[0])
        return body

    def plain(values: dict[str, Any]) -> ports.Body:
        (text,) = run(values)
        try:
            said = fits[0](text)
            if not said:
                raise running.empty("the message")
        except RenderFault as fault:
            raise Broken(fault, *lines[0]) from None
        return {"text": said}

    return plain if plan == {"text": 0} else make


def _fit(kind: Kind, path: Sequence[str]) -> Fit:
    """What becomes of the text at a path of the body."""
    name, holder = path[-1], path[-2] if len(path) > 1 else ""
    if holder == "data":
        return lambda text: wechat_fields.fitted(name, text)
    what = ".".join(path)
    if name == "text":
        return _bounded(TEXT_BYTES[kind])
    if name in ("head", "tail"):
        return str.strip
    if name == "url" or (name == "picture" and holder != "mini_program"):
        return _link(what, name in MAY_BE_EMPTY and not _is_needed(path))
    most = CUT.get((kind, name, holder))
    needed = name not in MAY_BE_EMPTY or _is_needed(path)

    def fit(text: str) -> str:
        line = running.one_line(text)
        if needed and not line:
            raise running.empty(what)
        return line if most is None else cut_bytes(line, most)

    return fit


def _is_needed(path: Sequence[str]) -> bool:
    """Members without which the platform refuses the part."""
    name, holder = path[-1], path[-2] if len(path) > 1 else ""
    return (name, holder) in (("url", "news"), ("url", "link"), ("page", "mini_program"), ("picture", "mini_program"))


def _bounded(most: int) -> Fit:
    def fit(text: str) -> str:
        text = text.strip()
        if len(text) * 4 > most and len(text.encode("utf-8", "replace")) > most:
            raise running.too_long("the text", most, "bytes")
        return text

    return fit


def _link(what: str, may_be_empty: bool) -> Fit:
    def fit(text: str) -> str:
        url = text.strip()
        if not url and may_be_empty:
            return ""
        try:
            return links.check_link(url)
        except RenderFault:
            raise RenderFault(Fault.BAD_VALUE, f"{what} is not an http or https address") from None

    return fit


def cut_bytes(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, never within a character."""
    content = text.encode("utf-8", "replace")
    if len(content) <= most:
        return text
    return content[: most - 3].decode("utf-8", "ignore") + "…"


def _plan(template: Template, paths: Sequence[Sequence[str]]) -> dict[str, Plan]:
    tree: dict[str, Any] = {}
    entries: list[tuple[Sequence[str], int | str]] = [(path, number) for number, path in enumerate(paths)]
    entries += [((part, "key"), key) for part, key in template.keys]
    entries += [((*place.split("."), "file"), path) for place, path in template.images]
    for path, value in entries:
        inner = tree
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(tree: Any) -> Plan:
    """Mappings whose keys are numbers become lists."""
    if not isinstance(tree, Mapping):
        return tree  # type: ignore[no-any-return]
    members = {name: _listed(value) for name, value in tree.items()}
    if members and all(name.isdecimal() for name in members):
        return [members[name] for name in sorted(members, key=int)]
    return members


def _filled(plan: dict[str, Plan], texts: Sequence[str]) -> dict[str, ports.Json]:
    """The body; what may be empty and is so is left out."""
    body: dict[str, ports.Json] = {}
    for name, value in plan.items():
        made = _value(value, texts)
        if made != "":
            body[name] = made
    return body


def _value(plan: Plan, texts: Sequence[str]) -> ports.Json:
    if isinstance(plan, int):
        return texts[plan]
    if isinstance(plan, dict):
        return _filled(plan, texts)
    if isinstance(plan, list):
        return [_value(one, texts) for one in plan]
    return plan
