"""Greets a new friend at once: once, within the seconds the platform gives, outside of the ordinary queue.

A platform's code for one greeting dies after 20 seconds (WeCom, send_welcome_msg 92599), so waiting for a tick or for
other messages would lose it. The state stands in `inbound.welcome`: due, then begun before the first byte leaves, then
sent, refused, unclear or missed. A greeting that was begun is never begun again, so a crash does not double it; what a
crash left due or begun is told as missed or unclear.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from automation.engine.delivery.customers import Customers
from automation.engine.parts import Parts
from automation.kernel.clock import Clock
from automation.kernel.ports import Accepted, Body, Channel, Denied, Outcome, Unknown
from automation.people.sealing import Vault
from automation.rendering.renderer import Failed, Job, Renderer
from automation.store.database import Statements

from .values import Greeting

log = logging.getLogger(__name__)

LIMIT: Final = 18  # seconds after the act: the platform's 20 less those of the way there
SETTLED_AFTER: Final = 60  # seconds after which nobody can still be at work on a greeting
THREADS: Final = 4
DUE, BEGUN, SENT, MISSED, UNCLEAR, REFUSED = "due", "begun", "sent", "missed", "unclear", "refused"
MOVE: Final = "UPDATE inbound SET welcome = :state WHERE id = :id AND welcome = :before"


class Greets(Protocol):
    """A channel that can greet. Its outcomes are those of `send`; it blocks at most for its own time-out."""

    def welcome(self, code: str, body: Body) -> Outcome: ...


class Welcomer:
    """`greet` after the commit. Its threads end with `close`."""

    def __init__(
        self, parts: Parts, vault: Vault, channels: Mapping[str, Channel], renderer: Renderer, clock: Clock
    ) -> None:
        self._parts, self._channels, self._renderer, self._clock = parts, channels, renderer, clock
        self._vault = vault
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="welcome")

    def greet(self, greetings: Sequence[Greeting]) -> None:
        """Sends them in threads of its own and returns at once."""
        for greeting in greetings:
            self._pool.submit(self._guarded, greeting)

    def close(self) -> None:
        """Waits for what is on its way."""
        self._pool.shutdown(wait=True)

    def _guarded(self, greeting: Greeting) -> None:
        # The broad edge of a worker: a greeting that fails stops only itself, and stays visible as begun or due.
        try:
            self._one(greeting)
        except Exception as error:
            log.error("a welcome on %s failed: %s", greeting.channel, type(error).__name__)
        finally:
            self._parts.store.close()

    def _one(self, greeting: Greeting) -> None:
        body = self._body(greeting)
        if isinstance(body, str):
            log.error("a welcome on %s cannot be made: %s", greeting.channel, body)
            self._move(greeting, DUE, f"{REFUSED}: {body}"[:200])
            return
        if self._clock.now() > greeting.at + LIMIT:
            self._move(greeting, DUE, MISSED)
            log.warning("a welcome on %s came too late and was not sent", greeting.channel)
            return
        if self._move(greeting, DUE, BEGUN):
            state = self._send(greeting, body)
            self._move(greeting, BEGUN, state)
            if state != SENT:
                log.warning("a welcome on %s was not sent for certain: %s", greeting.channel, state)

    def _send(self, greeting: Greeting, body: Body) -> str:
        channel: Any = self._channels[greeting.channel]
        greets: Greets = channel
        try:
            outcome = greets.welcome(greeting.code, body)
        except Exception as error:  # the broad edge around a channel: its bytes may have left
            outcome = Unknown(type(error).__name__)
        match outcome:
            case Accepted():
                return SENT
            case Denied():
                return f"{REFUSED}: {outcome.reason} {outcome.code}".rstrip()
            case Unknown():
                return f"{UNCLEAR}: {outcome.code}".rstrip(": ")

    def _body(self, greeting: Greeting) -> Body | str:
        """The text that the channel's options name under `welcome`; words that name none are said as they are.
        A string says why there is no body."""
        channel = self._channels[greeting.channel]
        options: Any = self._parts.settings.channels[greeting.channel]
        name = str(options.welcome)
        if name not in self._parts.project.texts.texts:
            return {"text": name}
        now = self._clock.now()
        zone = self._parts.settings.shop.timezone
        customers = Customers(self._parts, self._vault)  # not for several threads at once
        values: dict[str, Any] = {
            "customer": customers.load([greeting.person_id], {name}, now)[greeting.person_id],
            "entry": {"at": greeting.at, "scene": greeting.scene or None},
            "_zone": zone,
        }
        (made,) = self._renderer.render([Job(name, "", channel.kind, values)])
        return f"{made.message} ({made.place})" if isinstance(made, Failed) else made.body

    def _move(self, greeting: Greeting, before: str, state: str) -> bool:
        with self._parts.store.write() as tx:
            return bool(tx.run(MOVE, id=greeting.inbound_id, before=before, state=state))


def settle(parts: Parts, now: int) -> int:
    """At a start and now and then: what a crash left behind is told as it is, missed or unclear; how many."""
    before = now - SETTLED_AFTER
    sql = f"SELECT 1 FROM inbound WHERE welcome IN ('{DUE}', '{BEGUN}') AND at <= :before LIMIT 1"
    if parts.store.value(sql, before=before) is None:
        return 0
    with parts.store.write() as tx:
        done = tx.run(
            f"UPDATE inbound SET welcome = CASE WHEN welcome = '{DUE}' THEN '{MISSED}' ELSE '{UNCLEAR}' END"
            f" WHERE welcome IN ('{DUE}', '{BEGUN}') AND at <= :before",
            before=before,
        )
    log.warning("%d welcomes were interrupted: missed, or nobody knows", done)
    return done


def states(statements: Statements, since: int) -> dict[tuple[str, str], int]:
    """(channel, state without its code) -> how many greetings since then, UTC seconds."""
    found: dict[tuple[str, str], int] = {}
    sql = "SELECT channel, welcome, count(*) FROM inbound WHERE welcome IS NOT NULL AND at >= :since GROUP BY 1, 2"
    for channel, state, count in statements.rows(sql, since=since):
        key = (channel, state.partition(":")[0])
        found[key] = found.get(key, 0) + count
    return found
