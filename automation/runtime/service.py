"""`start`: the live engine until it is asked to stop.

APScheduler only rings: its jobs live in memory, run one at a time each and are never dropped for being late. Every due
time is a row, so a restart loses nothing. Events have a thread of their own, because an answer should not wait for the
next tick, and delivery has its own workers. What else lives and ends with it, such as the web edge, is handed in.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from types import FrameType
from typing import Protocol

import peewee
from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from automation.app import App
from automation.engine import events, install, tick
from automation.engine.delivery import healing
from automation.inbound import welcome
from automation.inbound.inbox import Inbox
from automation.inbound.pulling import Pulling
from automation.kernel import clock, errors
from automation.store.checkpoints import Checkpoints

from . import leader, upkeep

log = logging.getLogger(__name__)

EVENT_PAUSE = 0.02  # seconds between looks at an empty queue: one look costs some microseconds
LOOK_UP = 0.5  # seconds after which an order to stop is seen at the latest
RELOAD_EVERY = 2  # seconds between looks at files and orders
NIGHT = {"hour": 3, "minute": 10}  # when lifecycle, scores and sliding windows are worked out again


SETTLE_EVERY = 60  # seconds between looks for greetings that a crash interrupted
PULLERS = 4  # providers asked for reports at the same time, apart from the engine's own work
ALIVE = 60.0  # seconds without any sign after which the engine counts as standing still


class Beside(Protocol):
    """What lives as long as the engine does: started first, stopped first. `failure`: why it ended by itself."""

    @property
    def failure(self) -> Exception | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Pulse:
    """When the tick last showed that it moves. Any thread may ask."""

    def __init__(self) -> None:
        self._at = clock.monotonic()

    def beat(self) -> None:
        self._at = clock.monotonic()

    def is_there(self) -> bool:
        return clock.monotonic() - self._at < ALIVE


def run(
    app: App,
    ready: Callable[[], None] = lambda: None,
    beside: Callable[[Pulse], Beside | None] = lambda pulse: None,
) -> None:
    """Runs until SIGTERM or SIGINT, then drains for `engine.drain` seconds.

    `beside` makes what runs with the engine, once nobody else leads. Raises Busy when an engine runs already, and
    whatever ended the delivery, what runs beside, or the lead, when it could not go on.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    with leader.leading(app.store):
        service = Service(app, stop)
        with _beside(beside(service.pulse)) as companion:
            service.start()
            ready()
            # Python looks for a signal between two steps: one that comes just before an endless wait would not end it.
            while not stop.wait(LOOK_UP) and (companion is None or companion.failure is None):
                if not leader.still_leads(app.store):
                    service.failure = errors.ServiceAway(
                        "the database broke off the connection that says which engine leads: this one ends, so that"
                        " there are never two; start it again"
                    )
                    break
            log.info("stopping: what is on its way is finished, at most %d s", app.settings.engine.drain)
        service.stop()
        failure = service.failure or (companion.failure if companion else None)
        if failure is not None:
            raise failure


@contextmanager
def _beside(companion: Beside | None) -> Iterator[Beside | None]:
    """What comes in is taken from before the engine moves until before it stops."""
    if companion is None:
        yield None
        return
    companion.start()
    try:
        yield companion
    finally:
        companion.stop()


class Service:
    """The threads of a live engine. `stop` is set by a signal, or by a thread that cannot go on: `failure` says why."""

    def __init__(self, app: App, stop: threading.Event) -> None:
        self._app, self._stop = app, stop
        self.failure: Exception | None = None
        self.pulse = Pulse()
        self._watch = upkeep.Watch(app)
        self._checkpoints = Checkpoints(app.store) if app.store.path else None
        self._events = threading.Thread(target=self._take_events, name="events", daemon=True)
        self._delivery = threading.Thread(target=self._deliver, name="delivery", daemon=True)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4), "pulling": ThreadPoolExecutor(PULLERS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._app.index()
        install.install(self._app.parts, self._app.clock.now())
        self._pulling = self._reports()
        if self._checkpoints:
            self._checkpoints.start()
        self._events.start()
        self._delivery.start()
        self._schedule()
        self._scheduler.start()
        log.info("started: %d journeys live", len(self._app.parts.registry.live))

    def stop(self) -> None:
        self._stop.set()
        self._scheduler.shutdown(wait=True)
        self._events.join()
        self._delivery.join()
        if self.failure is None:  # what a broken delivery leaves behind is taken up as after a kill
            self._app.delivery.close()
        if self._checkpoints:
            self._checkpoints.stop()

    def _schedule(self) -> None:
        add = self._scheduler.add_job
        # A tick that lasts longer than its interval is no fault: the next one starts where it ended.
        self._scheduler.add_listener(lambda event: None, EVENT_JOB_MAX_INSTANCES)
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        add(self._guarded(self._tick), IntervalTrigger(seconds=self._app.settings.engine.tick), id="tick")
        add(self._guarded(self._watch.look), IntervalTrigger(seconds=RELOAD_EVERY), id="files")
        add(self._guarded(self._night), CronTrigger(**NIGHT, timezone=self._app.settings.shop.zone), id="night")
        add(self._guarded(self._settle), IntervalTrigger(seconds=SETTLE_EVERY), id="welcomes")
        for name in self._app.delivery.healing.names:
            add(
                self._within_drain, IntervalTrigger(seconds=healing.EVERY), (self._heal, name), id=f"heal {name}",
                executor="pulling",
            )  # fmt: skip
        for name, every in self._pulling.every.items():
            add(
                self._within_drain, IntervalTrigger(seconds=every), (self._pull, name), id=f"pull {name}",
                executor="pulling",
            )  # fmt: skip

    def _reports(self) -> Pulling:
        app = self._app
        return Pulling(app.parts, app.channels, Inbox(app.parts, app.vault, app.channels))

    def _tick(self) -> None:
        with self._watch.steady():
            tick.tick(self._app.parts, self._app.clock.now(), self._shall_stop)
        self.pulse.beat()

    def _shall_stop(self) -> bool:
        self.pulse.beat()  # asked between two batches
        return self._stop.is_set()

    def _settle(self) -> None:
        welcome.settle(self._app.parts, self._app.clock.now())

    def _pull(self, name: str) -> None:
        self._pulling.pull(name, self._app.clock.now())

    def _within_drain(self, work: Callable[[str], None], name: str) -> None:
        """Asks a provider in a thread that may be left behind: one that does not answer holds up no stop. What was
        heard already is still written."""
        thread = threading.Thread(target=self._guarded(work, name), name=f"{work.__name__} {name}", daemon=True)
        thread.start()
        while thread.is_alive() and not self._stop.is_set():
            thread.join(LOOK_UP)
        thread.join(self._app.settings.engine.drain)

    def _heal(self, name: str) -> None:
        try:
            self._app.delivery.healing.look(name, self._app.clock.now())
        except errors.LuchengError as error:
            log.warning("channel %s could not be asked about messages in doubt: %s", name, error)

    def _night(self) -> None:
        with self._watch.steady():
            upkeep.nightly(self._app, self._app.clock.now())
        self._app.index()

    def _deliver(self) -> None:
        # A delivery that cannot go on must not leave an engine that queues and never sends. This process leads, so
        # whatever another one left behind is taken up at once and not when its lease is over.
        try:
            self._app.delivery.run(self._stop, alone=True)
        except Exception as error:
            log.exception("delivery ended: %s", type(error).__name__)
            self.failure = self.failure or error
            self._stop.set()
        self._app.store.close()

    def _take_events(self) -> None:
        look = self._guarded(self._drain_events)
        while not self._stop.wait(EVENT_PAUSE):
            look()
        self._app.store.close()

    def _drain_events(self) -> None:
        with self._watch.steady():
            events.drain(self._app.parts, self._app.clock.now(), self._stop.is_set)

    def _guarded(self, work: Callable[..., None], *arguments: str) -> Callable[[], None]:
        """The broad edge of a worker: what fails is told and tried again at the next ring; nothing else stops."""

        def guarded() -> None:
            try:
                work(*arguments)
            except peewee.OperationalError as error:
                log.error("%s: the database could not do it, tried again shortly: %s", work.__name__, error)
            except Exception as error:
                log.exception("%s failed and is tried again: %s", work.__name__, type(error).__name__)

        return guarded


def _stop_on_signals(stop: threading.Event) -> None:
    def handler(number: int, frame: FrameType | None) -> None:
        # Not here: the handler runs in the thread that waits, which may just hold the lock that `set` asks for.
        threading.Thread(target=stop.set, name="stop", daemon=True).start()

    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, handler)
