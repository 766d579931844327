"""A shop whose messages leave: people with addresses and consent, channels that answer by a script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.engine.delivery.facade import Delivered, Delivery
from automation.kernel.clock import FixedClock
from automation.kernel.ports import Accepted, Lane, Message, Outcome
from automation.people import keyring
from automation.people.sealing import Vault, identity_context
from automation.rendering.renderer import LocalRenderer
from automation.store.database import Store
from automation.store.states import AttemptState, MessageState
from tests.engine.shop import Shop

BOTH = frozenset({"marketing", "service"})
CONFIG = """
shop: {name: 旅程良品}
channels:
  wechat_main: {kind: sandbox, plays: wechat, url: "http://127.0.0.1:8025", in_flight: 16, connections: 2}
  sms_main: {kind: sandbox, plays: sms, keyed: false, url: "http://127.0.0.1:8025", in_flight: 4, connections: 2}
  mail_main: {kind: sandbox, plays: email, keyed: false, url: "http://127.0.0.1:8025", in_flight: 4}
via: [wechat, sms, email]
engine: {lease: 60s, drain: 5s}
staff: {operator: {name: 运营, channel: mail_main, address: "op@example.com"}}
webhooks: {crm: {url: "https://crm.example.com/hook", secret: "${HOOK_SECRET}"}}
"""
KEY = keyring.read(f"1:{base64.b64encode(b'k' * 32).decode()}", "the test")
FILES = {
    "wechat.yaml": "text: 您好 {{ customer.name }}\n",
    "sms.yaml": "template: t\nparams: {name: '{{ customer.name }}'}\npreview: 【旅程】{name} 您好，拒收请回复R\n",
    "email.yaml": "subject: 【广告】您好\n",
    "email.html": "<html><body><p>您好 {{ customer.name }}</p>{% if links.unsubscribe is defined %}"
    '<a href="{{ links.unsubscribe }}">退订</a>{% endif %}</body></html>\n',
}
Answer = Callable[[Message], Outcome]


def accept(message: Message) -> Outcome:
    return Accepted(f"id-{message.idem_key}")


@dataclass
class Script:
    """A channel that answers as told and keeps what it was given."""

    name: str
    kind: str
    lanes: Sequence[Lane]
    answer: Answer = accept
    requests: list[list[Message]] = field(default_factory=list)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.requests.append(list(messages))
        return [self.answer(message) for message in messages]

    def close(self) -> None: ...

    @property
    def sent(self) -> list[Message]:
        return [message for request in self.requests for message in request]


class House(Shop):
    """`deliver` is one round; `wechat`, `sms` and `mail` are the channels."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        self.config = CONFIG
        self.key = KEY
        self.vault = Vault(KEY)
        self.wechat = Script("wechat_main", "wechat", [Lane("talk", "openid", BOTH, 100, 600)])
        self.sms = Script("sms_main", "sms", [Lane("sms", "phone", BOTH, 2)])
        self.mail = Script("mail_main", "email", [Lane("smtp", "email", BOTH)])
        self.texts_of: Mapping[str, str] = FILES
        self._delivery: Delivery | None = None

    def _text(self, name: str) -> None:
        super()._text(name)
        for file in FILES:
            path = self.folder / "templates" / name / file
            path.unlink(missing_ok=True)
            if file in self.texts_of:
                path.write_text(self.texts_of[file], encoding="utf-8")

    def made(self, **more: Any) -> Delivery:
        """A delivery of its own, as another process would have."""
        channels = {one.name: one for one in (self.wechat, self.sms, self.mail)}
        renderer = LocalRenderer(self.parts.project.texts, zone="Asia/Shanghai", lunar=str)
        return Delivery(self.parts, channels, self.key, renderer, FixedClock(0), **more)

    @property
    def delivery(self) -> Delivery:
        if self._delivery is None:
            self._delivery = self.made()
        return self._delivery

    def deliver(self, at: str | int) -> Delivered:
        return self.delivery.step(self.ts(at) if isinstance(at, str) else at)

    def send_one(self, at: str, steps: str = "{send: hello, expires: 3d}", people: int = 1, **head: Any) -> list[int]:
        """A journey of these steps, entered now by new people who can be reached everywhere; their ids."""
        said = "".join(f"{key}: {value}\n" for key, value in ({"purpose": "plain"} | head).items())
        self.open(at, j=f"{said}enter: {{manual: true}}\nagain: finished\nsteps:\n  - {steps}\n")
        found = [self.reachable() for _ in range(people)]
        for person in found:
            self.enter("j", person, at)
        self.tick(at)
        return found

    def reachable(self, *kinds: str, consent: bool = True, **more: Any) -> int:
        person = self.person(**more)
        for kind in kinds or ("openid", "phone", "email"):
            self.address(person, kind)
        if consent:
            self.consent(person, "*")
        return person

    def address(self, person: int, kind: str, account: str = "", text: str = "") -> bytes:
        text = text or {"phone": f"+86138{person:08d}", "email": f"p{person}@example.com"}.get(kind, f"o{person}")
        lookup = self.vault.lookup(kind, account, text)
        with self.store.write() as tx:
            tx.run(
                "INSERT INTO identity (kind, account, lookup, person_id, sealed, key_id) VALUES (:kind, :account,"
                " :lookup,"
                " :person, :sealed, 1)",
                kind=kind, account=account, lookup=lookup, person=person,
                sealed=self.vault.seal(text, identity_context(lookup)),
            )  # fmt: skip
        return lookup

    def consent(self, person: int, channel: str, granted: bool = True, purpose: str = "marketing", at: int = 1) -> None:
        with self.store.write() as tx:
            tx.run(
                "INSERT INTO consent (person_id, channel, purpose, granted, source, at) VALUES (:person, :channel,"
                " :purpose,"
                " :granted, 'test', :at) ON CONFLICT (person_id, channel, purpose) DO UPDATE SET granted ="
                " excluded.granted, at = excluded.at",
                person=person, channel=channel, purpose=purpose, granted=int(granted), at=at,
            )  # fmt: skip

    def states(self) -> list[tuple[str, str | None]]:
        """(state, reason) of every message, in order."""
        rows = self.store.rows("SELECT state, reason FROM message ORDER BY id")
        return [(MessageState(state).name, reason) for state, reason in rows]

    def state(self) -> str:
        ((found, _),) = self.states()
        return found

    def reason(self) -> str | None:
        ((_, found),) = self.states()
        return found

    def due(self, number: int | None = None) -> str | None:
        """When the message waits to be looked at again."""
        rows = self.store.rows("SELECT due FROM message ORDER BY id")
        return self.say(rows[number or 0][0])

    def attempts(self) -> list[tuple[str, str]]:
        rows = self.store.rows("SELECT channel, state FROM attempt ORDER BY id")
        return [(channel, AttemptState(state).name) for channel, state in rows]

    def put(self, sql: str, **values: Any) -> None:
        with self.store.write() as tx:
            tx.run(sql, **values)
