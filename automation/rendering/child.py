"""The child in which texts are rendered: it holds no secret, no database, no file, and little memory or time.

Started with an empty environment and two pipes. It takes its limits before it reads anything, so that whatever a
template does ends here: the parent sees a pipe that closes and goes on with the next child.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Final

from automation.kernel import clock, json_text
from automation.rendering import bodies, renderer, wire
from automation.rendering.faults import Fault
from automation.rendering.texts import Template

MEMORY: Final = 256 * 1024 * 1024
"""Bytes of address space. The interpreter with Jinja and the CSS inliner takes 44 MB; the largest mail allowed some 20
more while it is put together."""
JOB_CPU: Final = 1.0  # seconds of CPU for one message
TEMPLATE_CPU: Final = 5.0  # to compile one template: CSS inlined, Python compiled
FILES: Final = 16  # the pipes, and a time zone's file while it is read
FLUSH_AFTER: Final = 0.2  # seconds: answers are not kept back longer
FLUSH_SIZE: Final = 512 * 1024  # characters


def main(zone: str, lunar: str) -> None:
    """Serves until the parent closes its pipe. `lunar`: `module:function` that says a day in the Chinese calendar."""
    take_limits()
    serve(sys.stdin.buffer, sys.stdout.fileno(), zone, _Lunar(lunar))
    os._exit(0)  # nothing to tidy up


def take_limits() -> None:
    """For good: a process may lower its limits, not raise them again."""
    os.environ.clear()
    sys.dont_write_bytecode = True
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    os.close(devnull)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(what, (most, most))


def serve(source: BinaryIO, to: int, zone: str, lunar: renderer.Lunar) -> None:
    desk = Desk(zone, lunar)
    gc.freeze()
    _send(to, [wire.READY])
    while head := source.read(wire.HEAD.size):
        (size,) = wire.HEAD.unpack(head)
        if size > wire.MAX_FRAME:
            raise ValueError("a frame is too long")
        content = memoryview(source.read(size))
        letter, text = bytes(content[:1]), wire.text(content[1:])
        if letter == wire.TEMPLATE:
            _limit(TEMPLATE_CPU)
            _send(to, [desk.learn(text)])
        elif letter == wire.FORGET:
            desk.forget(json_text.read(text))
        else:
            _limit(JOB_CPU)
            _render(desk, text, to)


def _limit(seconds: float) -> None:
    """SIGPROF ends this process after so many CPU seconds, whatever it does then."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _render(desk: Desk, jobs: str, to: int) -> None:
    lines: list[str] = []
    size, since = 0, clock.monotonic()
    for number, values, data in wire.jobs_of(jobs):
        _limit(JOB_CPU)
        line = desk.render(number, values, data)
        lines.append(line)
        size += len(line)
        if size > FLUSH_SIZE or clock.monotonic() - since > FLUSH_AFTER:
            _send(to, lines)
            lines, size, since = [], 0, clock.monotonic()
    if lines:
        _send(to, lines)


def _send(to: int, lines: list[str]) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    content = memoryview(wire.answer(used.ru_utime + used.ru_stime, lines))
    while content:
        content = content[os.write(to, content) :]


class Desk:
    """The compiled templates, by the parent's numbers."""

    def __init__(self, zone: str, lunar: renderer.Lunar) -> None:
        self._zone, self._lunar = zone, lunar
        self._known: dict[int, tuple[Template, bodies.Maker]] = {}
        self._bad: dict[int, str] = {}

    def learn(self, text: str) -> str:
        """Compiles `[number, template]`; the answer is "" or a failure."""
        number, values = json_text.read(text)
        template = wire.template_of(values)
        try:
            self._known[number] = template, bodies.maker(template)
        except Exception as error:  # nothing here is ours to mend, and the parent must know
            said = f"this text cannot be compiled: {type(error).__name__}"
            self._bad[number] = _failure(renderer.Failed(Fault.TOO_MUCH_WORK, said, template.path))
            return self._bad[number]
        gc.freeze()
        return ""

    def forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._known.pop(number, None)
            self._bad.pop(number, None)

    def render(self, number: int, values: dict[str, Any], data: dict[str, Any] | None) -> str:
        if number in self._bad:
            return self._bad[number]
        template, maker = self._known[number]
        result = renderer.made(template, maker, {"_zone": self._zone, **(data or {}), **values, "_lunar": self._lunar})
        if isinstance(result, renderer.Failed):
            return _failure(result)
        body = json_text.write(result.body)
        return f"{body}\t{json_text.write(result.links)}" if result.links else body


def _failure(failed: renderer.Failed) -> str:
    return "!" + json_text.write(list(failed))


class _Lunar:
    """Imported when the first text asks for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._say: Callable[[Any], str] | None = None

    def __call__(self, day: Any) -> str:
        if self._say is None:
            module, _, function = self._name.partition(":")
            self._say = getattr(importlib.import_module(module), function)
        return self._say(day)
