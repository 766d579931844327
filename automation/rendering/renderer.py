"""The renderer's port and its in-process implementation: a batch of plain values in, bodies or failures out.

Nothing but plain values crosses this border, so the same port can be served by a child process. One person's bad value
fails that one message; each version of a template is compiled once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from automation.kernel import ports
from automation.rendering import bodies
from automation.rendering.faults import Fault
from automation.rendering.program import Broken
from automation.rendering.texts import Template, Texts


@dataclass(frozen=True, slots=True)
class Job:
    """One message to render: which text, which variant ("" = plain), for which kind of channel, with which values.

    `values` are plain str, int, float, bool, None, list and dict under `customer`, `entry`, `coupon`, ...; moments are
    UTC seconds, money is fen. `_zone` is the customer's time zone by name; `links` adds links such as `unsubscribe`.
    """

    text: str
    variant: str
    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body for the channel.

    wechat {text[, template {key, data}]}; sms {template, params, preview}; email {subject, preview, html, text}.
    `links`: the declared links that are in it, by name, as they stand there; empty where it has none.
    """

    body: ports.Body
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no body: a stable code, words without any value, and file:line of the template."""

    reason: Fault
    message: str
    place: str


Result: TypeAlias = Rendered | Failed
Lunar: TypeAlias = Callable[[dt.date], str]


class Renderer(Protocol):
    def render(self, batch: Sequence[Job]) -> Sequence[Result]:
        """One result for each job, in order. Never raises for what is in a template or a value."""
        ...


class LocalRenderer:
    """Renders in this process, from many threads. `use` swaps the texts after a reload, keeping what is compiled."""

    def __init__(self, texts: Texts, *, zone: str, lunar: Lunar) -> None:
        self._texts = texts
        self._zone = zone
        self._lunar = lunar
        self._compiled: dict[str, bodies.Maker] = {}  # by content
        self._ready: dict[tuple[str, str, str], tuple[Template, bodies.Maker]] = {}  # by what a job asks for

    def use(self, texts: Texts) -> None:
        alive = {template.digest for text in texts.texts.values() for template in text.channels.values()}
        self._compiled = {digest: maker for digest, maker in self._compiled.items() if digest in alive}
        self._texts, self._ready = texts, {}

    def render(self, batch: Sequence[Job]) -> Sequence[Result]:
        return [self._one(job) for job in batch]

    def _one(self, job: Job) -> Result:
        ready = self._ready.get((job.text, job.variant, job.kind)) or self._prepare(job)
        if ready is None:
            return self._no_text(job)
        template, maker = ready
        values = {"_zone": self._zone, **job.values, "_lunar": self._lunar}
        try:
            body = maker(values)
        except Broken as broken:
            return _failed(template, broken)
        return Rendered(body, {link.name: values["links"][link.name] for link in template.links})

    def _prepare(self, job: Job) -> tuple[Template, bodies.Maker] | None:
        cache, text = self._ready, self._texts.texts.get(job.text)
        template = text.template(job.variant, job.kind) if text else None
        if template is None:
            return None
        maker = self._compiled.get(template.digest) or bodies.maker(template)
        self._compiled[template.digest] = maker
        cache[job.text, job.variant, job.kind] = template, maker
        return template, maker

    def _no_text(self, job: Job) -> Failed:
        if job.text in self._texts.broken:
            message = f"the text {job.text} is off: its files have problems, see run.py check"
        elif job.text in self._texts.texts:
            message = f"the text {job.text} has no {job.kind}.yaml"
        else:
            message = f"there is no text {job.text}"
        return Failed(Fault.NO_TEXT, message, f"templates/{job.text}")


def _failed(template: Template, broken: Broken) -> Failed:
    fault = broken.fault
    path, line = broken.path or template.path, broken.line
    name = fault.path
    if fault.code is Fault.MISSING_VALUE:
        fits = [use for use in template.uses if use.path == path and not use.optional]
        here = [use for use in fits if use.line == line] or fits
        named = [use for use in here if use.name.rpartition(".")[2] == name] or (here if len(here) == 1 else [])
        name = named[0].name if named else name
    message = f"{name} {fault}" if name else str(fault)
    return Failed(fault.code, message, f"{path}:{line}")
