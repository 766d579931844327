"""One stream of jobs through the children of a renderer, over the death of as many of them as it takes.

Apart from child_renderer.py, which keeps the children and knows which texts are off; here is who is asked what, and
who is tried alone after a child has died.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from automation.kernel import errors, json_text
from automation.rendering import wire
from automation.rendering.faults import Fault
from automation.rendering.renderer import NO_LINKS, Failed, Job, Rendered, Result
from automation.rendering.worker import Died, End, Item, Worker

if TYPE_CHECKING:
    from automation.rendering.child_renderer import ChildRenderer

FRAME_JOBS: Final = 150
FRAME_SIZE: Final = 128 * 1024  # characters
AHEAD: Final = 3  # frames that wait to be written: the rest is kept here, where it costs no copy
STRIKES: Final = 3
PATIENCE: Final = 5  # children that end without anybody's fault, one after the other


class Batch:
    """One stream of jobs, over the death of as many children as it takes."""

    def __init__(self, renderer: ChildRenderer) -> None:
        self._renderer = renderer
        self._results: list[Any] = []
        self._left = 0
        self._waiting: deque[Item] = deque()
        self._alone: deque[Item] = deque()
        self._taken: Counter[int] = Counter()
        self._ends = 0  # deaths without anybody's fault since the last answer

    def add(self, jobs: Sequence[Job]) -> None:
        renderer, results = self._renderer, self._results
        found, off = renderer.found, renderer.off
        for job in jobs:
            number: Any = found.get(job[:3])
            if number is None:
                number = renderer.find(job)
            if not isinstance(number, int):
                results.append(number)
            elif number in off:
                results.append(off[number])
            else:
                self._enqueue(number, job)
        self._turn(0)

    def _enqueue(self, number: int, job: Job) -> None:
        try:
            line = f"[{number},{json_text.write(job.values)},{job.data or 'null'}]"
            if len(line) > wire.MAX_JOB:
                raise ValueError
        except (TypeError, ValueError, RecursionError):
            said = "the values of this message are no plain values, or too many"
            self._results.append(Failed(Fault.BAD_VALUE, said, f"templates/{job.text}"))
            return
        self._waiting.append(Item(len(self._results), number, line))
        self._results.append(None)
        self._left += 1

    def results(self) -> Sequence[Result]:
        if self._left:
            self._renderer.worker().pause()
        while self._left:
            self._turn(1.0)
        return self._results

    def end(self) -> None:
        """What nobody waits for any more ends with its child."""
        if self._left:
            self._waiting.clear()
            self._alone.clear()
            try:
                self._renderer.bury(Died(End.TAKEN))
            except errors.ServiceAway:
                return

    def _turn(self, timeout: float) -> None:
        worker = self._renderer.worker()
        try:
            self._feed(worker)
            if timeout == 0:
                worker.pause()
            answers = worker.pump(timeout)
        except Died as died:
            self._lost(worker, died)
            return
        for item, line in answers:
            if item.place < 0:
                self._renderer.taught(item.number, line)
            else:
                self._answered(item, line)

    def _answered(self, item: Item, line: str) -> None:
        self._ends = 0
        self._renderer.forgive(item.number)
        self._put(item, _result(line))

    def _put(self, item: Item, result: Result) -> None:
        self._results[item.place] = result
        self._left -= 1

    def _feed(self, worker: Worker) -> None:
        while worker.waiting < AHEAD and (self._alone or self._waiting):
            alone = bool(self._alone)
            source = self._alone if alone else self._waiting
            frame: list[Item] = []
            size = 0
            while source and len(frame) < (1 if alone else FRAME_JOBS) and size < FRAME_SIZE:
                item = source.popleft()
                if item.number in self._renderer.off:
                    self._put(item, self._renderer.off[item.number])
                    continue
                if item.number not in worker.known:
                    self._renderer.teach(worker, item.number)
                frame.append(item)
                size += len(item.line)
            if frame:
                worker.ask(frame)

    def _lost(self, worker: Worker, died: Died) -> None:
        """Finds who did it, or what has to be tried alone, and goes on with the next child."""
        frames = list(worker.due)
        first = frames[0] if frames else deque()
        if len(first) == 1 and self._is_guilty(first[0], died.end):
            item = first.popleft()
            failed = self._renderer.blame(item, died.end)
            if item.place >= 0:
                self._put(item, failed)
        elif died.end in (End.STALLED, End.TAKEN):
            self._ends += 1
            if self._ends > PATIENCE:
                raise errors.ServiceAway("the process that renders texts gets no time on this machine, or is killed")
        for frame in reversed(frames):
            back = self._alone if frame is first or len(frame) == 1 else self._waiting
            back.extendleft(item for item in reversed(frame) if item.place >= 0)
        self._renderer.bury(died)

    def _is_guilty(self, item: Item, end: End) -> bool:
        """Of what was the only one that can have ended its child. One kill from outside says nothing yet."""
        if end is not End.TAKEN:
            return end is not End.STALLED
        self._taken[item.place] += 1
        return self._taken[item.place] >= STRIKES


def _result(line: str) -> Result:
    if line.startswith("!"):
        return failure(line)
    text, found, links = line.partition("\t")
    return Rendered(json_text.read(text), json_text.read(links) if found else NO_LINKS, text)


def failure(line: str) -> Failed:
    reason, message, place = json_text.read(line[1:])
    return Failed(Fault(reason), message, place)
