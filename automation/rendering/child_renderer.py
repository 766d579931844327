"""Rendering in a child process: what a text does wrong there costs one message, never the process that holds the keys.

A child that dies leaves its unanswered messages to the next one, which is there already and takes those of the last
frame one by one; who kills a child alone has failed. A text that has done so three times in a row is off until its
files change.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from automation.kernel import clock, errors, json_text
from automation.rendering import wire
from automation.rendering.child_batch import STRIKES, Batch, failure
from automation.rendering.faults import Fault
from automation.rendering.renderer import Failed, Job, Result, Stream, no_text
from automation.rendering.texts import Template, Texts
from automation.rendering.worker import Answers, Died, End, Item, Worker

BACKOFF: Final = 5.0  # seconds after a child that could not be started

FAULTS: Final = {
    End.SLOW: (Fault.TOO_SLOW, "this text takes longer than a second of computing; it was stopped"),
    End.CRASHED: (Fault.KILLED, "this text ended the process that renders it"),
    End.TAKEN: (Fault.KILLED, "the process that renders was killed each time this message was in it"),
}


class ChildRenderer:
    """The renderer for everything with customers' values in it. Threads take turns.

    `lunar`: `module:function` from a date to how the Chinese calendar says it. `spare`: a second child stands by.
    """

    def __init__(self, texts: Texts, *, zone: str, lunar: str, spare: bool = True) -> None:
        self._texts, self._zone, self._lunar, self._spares = texts, zone, lunar, spare
        self._lock = threading.Lock()
        self._workers: list[Worker] = []  # the one at work, then the spare
        self._numbers: dict[str, int] = {}  # digest -> number
        self._lines: dict[int, tuple[Template, str]] = {}  # number -> what a child is taught
        self._found: dict[tuple[str, str, str], int] = {}
        self._off: dict[int, Failed] = {}
        self._strikes: dict[int, int] = {}
        self._next, self._served, self._not_before = 0, 0, 0.0
        self._finalizer = weakref.finalize(self, _close_all, self._workers)

    def use(self, texts: Texts) -> None:
        """Takes texts that were read again. Templates that stay the same stay compiled."""
        with self._lock:
            self._texts, self._found = texts, {}
            alive = {template.digest for text in texts.texts.values() for template in text.channels.values()}
            gone = [self._numbers.pop(digest) for digest in self._numbers.keys() - alive]
            for number in gone:
                self._lines.pop(number, None)
                self._off.pop(number, None)
                self._strikes.pop(number, None)
            for worker in self._workers:
                worker.forget(gone)

    def render(self, batch: Sequence[Job]) -> Sequence[Result]:
        with self.stream() as stream:
            stream.add(batch)
            return stream.results()

    @contextmanager
    def stream(self) -> Iterator[Stream]:
        with self._lock:
            self.worker()
            batch = Batch(self)
            try:
                yield batch
            finally:
                batch.end()
                self._served += 1
                self._stand_by()

    def ready(self) -> None:
        """Raises ServiceAway where no child can be started; returns at once where one is at work."""
        if self._lock.acquire(blocking=False):
            try:
                self.worker()
            finally:
                self._lock.release()

    def close(self) -> None:
        with self._lock:
            _close_all(self._workers)

    # for a batch

    def worker(self) -> Worker:
        """The child at work, started where there is none. Raises ServiceAway."""
        if not self._workers:
            self._start()
        worker = self._workers[0]
        while not worker.is_ready:
            try:
                answers = worker.pump(1.0)
            except Died as died:
                raise self._away(died) from None
            self.learned(answers)
        return worker

    def find(self, job: Job) -> int | Failed:
        """The number of the template that a job asks for."""
        text = self._texts.texts.get(job.text)
        template = text.template(job.variant, job.kind) if text else None
        if template is None:
            return no_text(self._texts, job)
        number = self._numbers.get(template.digest)
        if number is None:
            number = self._numbers[template.digest] = self._next
            self._next += 1
            self._lines[number] = template, json_text.write([number, wire.template_values(template)])
        self._found[job[:3]] = number
        return number

    @property
    def found(self) -> Mapping[tuple[str, str, str], int]:
        return self._found

    @property
    def off(self) -> Mapping[int, Failed]:
        """Templates that cannot be rendered until their files change."""
        return self._off

    def teach(self, worker: Worker, number: int) -> None:
        worker.teach(number, self._lines[number][1])

    def learned(self, answers: Answers) -> None:
        """A child's answers to templates."""
        for (item,), (line,) in answers:
            if line and item.number not in self._off:
                self._off[item.number] = failure(line)

    def forgive(self, items: Sequence[Item]) -> None:
        """They were answered: what ended children before counts no more."""
        if self._strikes:
            for item in items:
                self._strikes.pop(item.number, None)

    def blame(self, item: Item, end: End) -> Failed:
        """The fault of what was alone in a child when that ended; off with a template that does so again and again."""
        code, message = FAULTS[end]
        failed = Failed(code, message, self._lines[item.number][0].path)
        strikes = self._strikes[item.number] = self._strikes.get(item.number, 0) + 1
        if item.place < 0 or strikes >= STRIKES:
            said = f"{message}, and so did others before: it is off until its files change"
            self._off[item.number] = failed if item.place < 0 else Failed(code, said, failed.place)
        return failed

    def bury(self, died: Died) -> None:
        """The child at work is gone: the spare takes its place. Raises ServiceAway where none can be started."""
        self._workers.pop(0).kill()
        if died.end is End.NOT_STARTED:
            raise self._away(died)
        if self._workers:
            self._workers[0].pause()
        self._stand_by()
        self.worker()

    # children

    def _start(self) -> None:
        if clock.monotonic() < self._not_before:
            raise errors.ServiceAway("the process that renders texts could not be started a moment ago")
        try:
            worker = Worker(self._zone, self._lunar)
        except OSError as error:
            self._not_before = clock.monotonic() + BACKOFF
            raise errors.ServiceAway(f"the process that renders texts cannot be started: {error.strerror}") from error
        self._workers.append(worker)

    def _away(self, died: Died) -> errors.ServiceAway:
        self._not_before = clock.monotonic() + BACKOFF
        _close_all(self._workers)
        return errors.ServiceAway(f"the process that renders texts cannot be started: {died.said or died.end.value}")

    def _stand_by(self) -> None:
        """Starts a spare and teaches it what is known, without waiting for it. A short command needs none."""
        if not self._spares or (self._served < 2 and self._workers):
            return
        try:
            while len(self._workers) < 2:
                self._start()
        except errors.ServiceAway:
            return
        spare = self._workers[-1]
        try:
            for number in self._lines.keys() - spare.known - self._off.keys():
                self.teach(spare, number)
            self.learned(spare.pump(0))
        except Died as died:
            self._workers.remove(spare)
            spare.kill()
            if died.end is End.NOT_STARTED:
                self._not_before = clock.monotonic() + BACKOFF


def _close_all(workers: list[Worker]) -> None:
    while workers:
        workers.pop().kill()  # it holds nothing that could be lost
