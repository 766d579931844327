"""`/healthz` and `/metrics`: whether this process works, and figures without any personal data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from automation.kernel import clock
from automation.store.database import Row, Store
from automation.store.states import MessageState

from .context import Context, busy, document
from .keys import Keys, unknown
from .writer import Full

log = logging.getLogger(__name__)
FRESH: Final = 15.0  # seconds for which counts over whole tables are given again
MESSAGES: Final = "SELECT state, coalesce(channel, ''), count(*) FROM message GROUP BY state, coalesce(channel, '')"
QUEUED: Final = "SELECT count(*), min(due) FROM message WHERE due <= :now"
PEOPLE: Final = "SELECT count(*), min(due) FROM run WHERE due <= :now"
EVENTS: Final = (
    "SELECT count(*), (SELECT e.received_at FROM event_queue q JOIN event e ON e.id = q.event_id ORDER BY q.id LIMIT 1)"
    " FROM event_queue"
)
STUCK: Final = "SELECT count(*) FROM stuck"
CHANNELS: Final = "SELECT channel, failures, coalesce(open_until, 0), used FROM channel_state"


class Health:
    """Both routes. `leads`: whether the engine of this process moves."""

    def __init__(self, context: Context, keys: Keys, leads: Callable[[], bool]) -> None:
        self._context, self._keys, self._leads = context, keys, leads
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Figures(context))

    async def alive(self, request: Request) -> Response:
        """200 where all is well, else 503 with what is not."""
        store = self._context.app.store
        try:
            database = await self._context.readers.run(lambda: store.value("SELECT 1") == 1)
        except Exception as error:  # whatever it is, the database did not answer
            log.warning("healthz: the database does not answer: %s", type(error).__name__)
            database = False
        engine = self._leads()
        found = {"alive": True, "database": database, "engine": engine}
        return document(found, 200 if database and engine else 503)

    async def metrics(self, request: Request) -> Response:
        """Prometheus' text format, for this machine or with a key."""
        if not self._context.callers.is_local(request.scope) and self._keys.sender(request) is None:
            self._context.wrong(request)
            return unknown(request)
        try:
            text = await self._context.readers.run(lambda: generate_latest(self._registry))
        except Full:
            return busy()
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


class _Figures(Collector):
    """Asks the database when it is collected. Runs in a reader's thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._messages: tuple[float, list[Row]] = (-FRESH, [])

    def collect(self) -> Iterable[Metric]:
        store, now = self._context.app.store, self._context.now()
        yield self._by_state(store)
        for name, sql, what in (
            ("lucheng_messages_due", QUEUED, "Messages whose time has come and that have not left"),
            ("lucheng_people_due", PEOPLE, "People whose next step is due"),
            ("lucheng_events_queued", EVENTS, "Events that the engine has not taken in"),
        ):
            count, oldest = store.row(sql, now=now) or (0, None)
            yield GaugeMetricFamily(name, what, value=count)
            late = max(0, now - int(oldest)) if count and oldest is not None else 0
            yield GaugeMetricFamily(f"{name}_seconds", f"{what}: how late the oldest is", value=late)
        yield GaugeMetricFamily("lucheng_stuck", "People set aside because a step failed", value=store.value(STUCK))
        yield from self._channels(store, now)
        yield from self._edge()

    def _by_state(self, store: Store) -> Metric:
        since = clock.monotonic()
        if since - self._messages[0] >= FRESH:  # reads the whole table
            self._messages = (since, store.rows(MESSAGES))
        return _labelled(
            "lucheng_messages", "Messages by state and channel", ("state", "channel"),
            [((MessageState(state).name.lower(), channel), count) for state, channel, count in self._messages[1]],
        )  # fmt: skip

    def _channels(self, store: Store, now: int) -> Iterable[Metric]:
        known: dict[str, tuple[Any, ...]] = {row[0]: row[1:] for row in store.rows(CHANNELS)}
        settings = self._context.app.settings.channels
        rests, used = [], []
        for name, channel in settings.items():
            failures, until, today = known.get(name, (0, 0, 0))
            rests.append(((name,), int(failures >= channel.breaker.failures or until > now)))
            used.append(((name,), today))
        yield _labelled("lucheng_channel_rests", "1 while a channel rests after failures", ("channel",), rests)
        yield _labelled("lucheng_channel_used", "Messages of the last day that had any", ("channel",), used)

    def _edge(self) -> Iterable[Metric]:
        counts = self._context.counts
        yield GaugeMetricFamily("lucheng_web_waiting", "Requests that wait to be written",
                                value=self._context.writer.length)  # fmt: skip
        for name, what, labels, rows in (
            ("lucheng_web_requests", "Requests by route and status", ("route", "status"),
             [((route, str(status)), count) for (route, status), count in list(counts.requests.items())]),
            ("lucheng_web_forged", "Callbacks refused as forged", ("channel", "code"),
             list(counts.forged.items())),
            ("lucheng_web_unreadable", "Genuine callbacks that could not be read", ("channel",),
             [((channel,), count) for channel, count in list(counts.unreadable.items())]),
        ):  # fmt: skip
            family = CounterMetricFamily(name, what, labels=labels)
            for values, count in rows:
                family.add_metric(values, count)
            yield family


def _labelled(name: str, what: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=labels)
    for values, count in rows:
        family.add_metric(values, count)
    return family
