"""The renderer's port and its in-process implementation: a batch of plain values in, bodies or failures out.

Nothing but plain values crosses this border, so that `ChildRenderer` can serve the same port from another process.
This one is for tests and for texts without customers. One person's bad value fails that one message; each version of a
template is compiled once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol, TypeAlias

from automation.kernel import json_text, ports
from automation.rendering import bodies
from automation.rendering.faults import Fault
from automation.rendering.program import Broken
from automation.rendering.texts import Template, Texts

NO_LINKS: Mapping[str, str] = {}


class Job(NamedTuple):
    """One message to render: which text, which variant ("" = plain), for which kind of channel, with which values.

    `values` are plain str, int, float, bool, None, list and dict under `customer`, `entry`, `coupon`, ...; moments are
    UTC seconds, money is fen. `_zone` is the customer's time zone by name; `links` adds links such as `unsubscribe`.
    `data`: more values as the text of a JSON object, so that nobody has to read it twice; `values` win over it.
    """

    text: str
    variant: str
    kind: str
    values: Mapping[str, Any]
    data: str | None = None


class Rendered(NamedTuple):
    """A body for the channel; its keys by kind stand in docs/adding-a-channel.md.

    `links`: the declared links that are in it, by name, as they stand there; empty where it has none.
    `text`: the body as JSON where it is at hand already, else "".
    """

    body: ports.Body
    links: Mapping[str, str] = NO_LINKS
    text: str = ""


class Failed(NamedTuple):
    """Why there is no body: a stable code, words without any value, and file:line of the template."""

    reason: Fault
    message: str
    place: str


Result: TypeAlias = Rendered | Failed
Lunar: TypeAlias = Callable[[dt.date], str]


class Stream(Protocol):
    """A batch that is given piece by piece: what was given is rendered while the giver makes the next piece."""

    def add(self, jobs: Sequence[Job]) -> None: ...

    def results(self) -> Sequence[Result]:
        """One result for each job, in order; waits for those that are not ready."""
        ...


class Renderer(Protocol):
    """No call raises for what is in a template or a value. All raise ServiceAway where nothing can be rendered now."""

    def render(self, batch: Sequence[Job]) -> Sequence[Result]:
        """One result for each job, in order."""
        ...

    def stream(self) -> AbstractContextManager[Stream]:
        """A stream of its own for the length of the block; other threads wait for its end."""
        ...

    def ready(self) -> None:
        """Returns when jobs can be taken, at once while others are rendered. Asked before messages are claimed."""
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

    def stream(self) -> AbstractContextManager[Stream]:
        return nullcontext(_Stream(self))

    def ready(self) -> None: ...

    def close(self) -> None: ...

    def _one(self, job: Job) -> Result:
        found = self._ready.get((job.text, job.variant, job.kind)) or self._prepare(job)
        if found is None:
            return no_text(self._texts, job)
        given = json_text.read(job.data) if job.data else {}
        return made(*found, {"_zone": self._zone, **given, **job.values, "_lunar": self._lunar})

    def _prepare(self, job: Job) -> tuple[Template, bodies.Maker] | None:
        cache, text = self._ready, self._texts.texts.get(job.text)
        template = text.template(job.variant, job.kind) if text else None
        if template is None:
            return None
        maker = self._compiled.get(template.digest) or bodies.maker(template)
        self._compiled[template.digest] = maker
        cache[job.text, job.variant, job.kind] = template, maker
        return template, maker


class _Stream:
    def __init__(self, renderer: LocalRenderer) -> None:
        self._renderer = renderer
        self._results: list[Result] = []

    def add(self, jobs: Sequence[Job]) -> None:
        self._results += self._renderer.render(jobs)

    def results(self) -> Sequence[Result]:
        return self._results


def made(template: Template, maker: bodies.Maker, values: dict[str, Any]) -> Result:
    """One rendering. `values` are this rendering's own: its links are put into them."""
    try:
        body = maker(values)
    except Broken as broken:
        return _failed(template, broken)
    if not template.links:
        return Rendered(body)
    return Rendered(body, {link.name: values["links"][link.name] for link in template.links})


def no_text(texts: Texts, job: Job) -> Failed:
    """Why there is no template for a job."""
    if job.text in texts.broken:
        message = f"the text {job.text} is off: its files have problems, see run.py check"
    elif job.text in texts.texts:
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
