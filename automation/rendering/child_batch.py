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
FRAME_SIZE: Final = 128 * 1024  # characters; a single job may have more
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
        renderer, found = self._renderer, self._renderer.found
        for place, job in enumerate(jobs, len(self._results)):
            number = found.get(job[:3])
            known = renderer.find(job) if number is None else number
            if isinstance(known, int):
                self._waiting.append(Item(place, known, job))
                self._results.append(None)
                self._left += 1
            else:
                self._results.append(known)
        self._turn(0)

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
        for items, lines in answers:
            if items[0].place < 0:
                self._renderer.learned([(items, lines)])
            else:
                self._answered(items, lines)

    def _answered(self, items: Sequence[Item], lines: list[str]) -> None:
        self._ends = 0
        self._renderer.forgive(items)
        for item, result in zip(items, _rendered(lines), strict=True):
            self._put(item, result)

    def _put(self, item: Item, result: Result) -> None:
        self._results[item.place] = result
        self._left -= 1

    def _feed(self, worker: Worker) -> None:
        while worker.waiting < AHEAD and (self._alone or self._waiting):
            source, most = (self._alone, 1) if self._alone else (self._waiting, FRAME_JOBS)
            frame = [source.popleft() for _ in range(min(most, len(source)))]
            off = self._renderer.off
            if off:
                for item in [item for item in frame if item.number in off]:
                    self._put(item, off[item.number])
                frame = [item for item in frame if item.number not in off]
            for number in {item.number for item in frame} - worker.known:
                self._renderer.teach(worker, number)
            if frame:
                self._ask(worker, frame)

    def _ask(self, worker: Worker, frame: list[Item]) -> None:
        """In halves where it is too long, or something in it cannot be written; who is alone then has failed."""
        jobs = _written(frame)
        if jobs:
            worker.ask(jobs, frame)
        elif len(frame) > 1:
            self._ask(worker, frame[: len(frame) // 2])
            self._ask(worker, frame[len(frame) // 2 :])
        else:
            said = "the values of this message are no plain values, or too many"
            self._put(frame[0], Failed(Fault.BAD_VALUE, said, f"templates/{_job(frame[0]).text}"))

    def _lost(self, worker: Worker, died: Died) -> None:
        """Finds who did it, or what has to be tried alone, and goes on with the next child."""
        frames = list(worker.due)
        first = frames[0] if frames else []
        if len(first) == 1 and self._is_guilty(first[0], died.end):
            item = first.pop()
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


def _job(item: Item) -> Job:
    assert item.job is not None
    return item.job


def _written(frame: Sequence[Item]) -> str:
    """The frame's jobs as they are sent; "" where they cannot be."""
    jobs = [_job(item) for item in frame]
    try:
        text = wire.jobs([(item.number, job.values) for item, job in zip(frame, jobs, strict=True)],
                         [job.data for job in jobs])  # fmt: skip
    except (TypeError, ValueError, RecursionError):
        return ""
    return text if len(text) <= (FRAME_SIZE if len(frame) > 1 else wire.MAX_JOB) else ""


def _rendered(lines: list[str]) -> list[Result]:
    """One for each line; where all are bodies they are read as one list, which takes half the time."""
    together = ",".join(lines)
    if "\t" not in together and not any(line.startswith("!") for line in lines):
        found = json_text.read(f"[{together}]")
        if len(found) == len(lines):
            return [Rendered(body, NO_LINKS, text) for body, text in zip(found, lines, strict=True)]
    return [_result(line) for line in lines]


def _result(line: str) -> Result:
    if line.startswith("!"):
        return failure(line)
    text, found, links = line.partition("\t")
    return Rendered(json_text.read(text), json_text.read(links) if found else NO_LINKS, text)


def failure(line: str) -> Failed:
    reason, message, place = json_text.read(line[1:])
    return Failed(Fault(reason), message, place)
