"""A shop to which something comes back: channels with scenes and a welcome, people, and what became of it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.inbound.inbox import Inbox
from automation.inbound.values import Arrival, Taken
from automation.kernel.hooks import Did, Granted, Happening, Opens, OptedOut, Reply, Said, Who
from automation.kernel.ports import Accepted, Lane, Outcome
from automation.people import identities
from automation.store.database import Store
from tests.delivery.house import BOTH, House, Script

NOON = "2026-03-02 12:00"
WECHAT, WECOM, SMS, MAIL = "wechat_main", "wecom_main", "sms_main", "mail_main"
OPEN = Opens(5, 172_800)
SHORT = Opens(3, 60)
PROBE = """
enter: {event: {name: message.received, where: {text: [抽奖, 签到]}}}
again: finished
steps: [{tag: 来抽奖}]
"""


@dataclass(frozen=True)
class Scene:
    tag: str | None


@dataclass
class Friend(Script):
    """A channel that can greet."""

    greeted: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    outcome: Callable[[], Outcome] = Accepted

    def welcome(self, code: str, body: Mapping[str, Any]) -> Outcome:
        self.greeted.append((code, body))
        return self.outcome()


class Desk(House):
    """`tell` records one happening; `at` moves with every call where it is not said."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        wecom = '  wecom_main: {kind: sandbox, plays: wecom, url: "http://127.0.0.1:8025"}'
        self.config = self.config.replace("via:", f"{wecom}\nvia:", 1)
        self.wecom = Friend(WECOM, "wecom", [Lane("customer_message", "wecom_id", BOTH)])
        self._inbox: Inbox | None = None

    def ready(self, **journeys: str) -> Desk:
        self.open(NOON, **(journeys or {"probe": PROBE}))
        return self

    @property
    def channels(self) -> dict[str, Any]:
        return {one.name: one for one in (self.wechat, self.sms, self.mail, self.wecom)}

    @property
    def inbox(self) -> Inbox:
        if self._inbox is None:
            self._inbox = Inbox(self.parts, self.vault, self.channels)
        return self._inbox

    @property
    def noon(self) -> int:
        return self.ts(NOON)

    def tell(self, *happened: Happening, channel: str = WECHAT, now: int | None = None) -> Taken:
        (taken,) = self.inbox.record([Arrival(channel, happened)], self.noon if now is None else now)
        return taken

    def options(self, channel: str, **more: Any) -> None:
        """Gives a channel options that its kind of the test does not have."""
        known = self.parts.settings.channels[channel]
        for name, value in more.items():
            object.__setattr__(known, name, value)

    # -- what became of it ---------------------------------------------------------------------------------------

    def person_of(self, kind: str, text: str, account: str = "") -> int | None:
        known = identities.identity(kind, text, account)
        return identities.owner(self.store, kind, account, identities.lookups(self.vault, [known])[0])

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self.store.rows("SELECT n.name, e.props FROM event e JOIN name n ON n.id = e.name_id ORDER BY e.id")
        return [(name, json.loads(props)) for name, props in rows]

    def queued(self) -> int:
        return int(self.store.value("SELECT count(*) FROM event_queue"))

    def windows(self) -> list[tuple[str, int, int | None]]:
        """(channel, seconds after noon, messages)"""
        rows = self.store.rows("SELECT channel, until, messages FROM reply_window ORDER BY channel, until")
        return [(channel, until - self.noon, messages) for channel, until, messages in rows]

    def grants(self) -> list[tuple[str, int]]:
        return [tuple(row) for row in self.store.rows("SELECT template, messages FROM send_grant ORDER BY template")]  # type: ignore[misc]

    def suppressed(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in self.store.rows("SELECT kind, reason FROM suppression ORDER BY kind, reason")]  # type: ignore[misc]

    def consents(self) -> list[tuple[str, str, int, str | None]]:
        rows = self.store.rows("SELECT channel, purpose, granted, evidence FROM consent ORDER BY channel, purpose")
        return [tuple(row) for row in rows]  # type: ignore[misc]

    def count(self, table: str) -> int:
        return int(self.store.value(f"SELECT count(*) FROM {table}"))

    def dump(self, *leave_out: str) -> str:
        """Every text of every table: what a thief of the database could read."""
        tables = [
            "person", "identity", "event", "inbound", "consent", "consent_log", "send_grant", "receipt", "audit",
        ]  # fmt: skip
        return "\n".join(repr(self.store.rows(f"SELECT * FROM {name}")) for name in tables if name not in leave_out)


def fan(number: int = 1, **also: str) -> Who:
    return Who("openid", f"oFAN-{number}", also)


def phone(number: int = 1) -> Who:
    return Who("phone", f"1380000{number:04d}")


class Making:
    """Happenings with a new dedupe key each, unless one is given."""

    def __init__(self, noon: int) -> None:
        self._noon, self._made = noon, 0

    def _key(self, dedupe: str | None) -> str:
        self._made += 1
        return f"d{self._made}" if dedupe is None else dedupe

    def said(
        self, text: str, at: int = 0, who: Who | None = None, dedupe: str | None = None, opens: Opens | None = OPEN
    ) -> Said:
        return Said(who or fan(), text, self._noon + at, self._key(dedupe), opens, {"kind": "text"})

    def did(self, event: str, at: int = 0, who: Who | None = None, dedupe: str | None = None, **more: Any) -> Did:
        return Did(who or fan(), event, self._noon + at, self._key(dedupe), **more)

    def followed(self, at: int = 0, scene: str = "", **more: Any) -> Did:
        props = {"scene": scene} if scene else {}
        return self.did("wechat.followed", at, props=props, opens=SHORT, returns=True, **more)

    def left(self, at: int = 0, **more: Any) -> Did:
        return self.did("wechat.unfollowed", at, leaves=True, **more)

    def granted(self, count: int | None, at: int = 0, template: str = "shipped", dedupe: str | None = None) -> Granted:
        return Granted(fan(), template, count, self._noon + at, self._key(dedupe))

    def opted_out(self, everything: bool = False, who: Who | None = None, at: int = 0) -> OptedOut:
        return OptedOut(who or phone(), self._noon + at, self._key(None), everything, "provider")


def text_of(reply: Reply | None) -> str:
    return reply.text if reply else ""
