"""`notify` and `webhook`: rows of `effect` that leave the database, with the discipline of messages.

A row that is taken is due again after its lease, so a crash repeats it and loses nothing; the key that goes with it is
the same each time, so that a receiver who looks at it does the work once. Lines of `notify` leave as digests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from automation.engine.parts import Parts
from automation.kernel.ports import Accepted, Channel, Denied, Message, Outcome, Unknown
from automation.policy import stop
from automation.store.database import Statements
from automation.store.states import EffectState

from . import digests, outcomes
from .digests import MOST, WAITING, Digests, Effect
from .staff import Door, Staff, Told

log = logging.getLogger(__name__)
TRIES = 30  # about a day
TAKE = f"{WAITING} AND e.due <= :now ORDER BY e.due, e.id LIMIT :most"
TAKEN = "UPDATE effect SET due = :due, attempts = attempts + 1, payload = :payload WHERE id = :id"
HAND_ON = "UPDATE effect SET due = :due, attempts = 1, error = :error, payload = :payload WHERE id = :id"


class Webhooks(Protocol):
    """Posts to web hooks. Given by the composition root."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], private: bool = False) -> Outcome:
        """One POST of JSON. 2xx is Accepted; answers as from a channel; never raises for what the network does.

        `private`: the receiver may be in our own network; otherwise only public addresses are connected to.
        """
        ...


class Effects:
    """Consumes the rows for one process; `step` is one round. Without `webhooks`, their rows wait."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel], secret: bytes, webhooks: Webhooks | None) -> None:
        self._parts, self._secret, self._webhooks = parts, secret, webhooks
        self._staff = Staff(parts, channels)
        self._digests = Digests(self._staff)

    def step(self, now: int) -> int:
        """Takes what is due, sends it and records it; returns how many rows. Nothing more once all is stopped: what was
        taken then is due again after its lease."""
        taken = self._take(now)
        gathered: dict[tuple[str, int | None, int | None], list[Effect]] = {}
        for effect in taken:
            if effect.kind == "notify":
                gathered.setdefault(effect.digest, []).append(effect)
        calls = [[effect] for effect in taken if effect.kind != "notify"]
        for together in (*calls, *map(sorted, gathered.values())):
            if stop.is_on(self._parts.store):
                break
            self._leave(together, now)
        return len(taken)

    def _leave(self, effects: Sequence[Effect], now: int) -> None:
        """What cannot be recorded is repeated after its lease, and holds up none of the others."""
        try:
            self._record(effects, self._answer(effects, now), now)
        except Exception as error:
            log.error("recording %s %s raised %s", effects[0].kind, effects[0].ref, type(error).__name__)

    def _take(self, now: int) -> list[Effect]:
        store = self._parts.store
        due = "SELECT 1 FROM effect WHERE due <= :now LIMIT 1"
        if store.row(due, now=now) is None or stop.is_on(store):
            return []
        chosen = self._digests.choose(store, _notices(_due(store, now)))
        with store.write() as tx:
            rows = _due(tx, now)
            calls = [row for row in rows if row.kind == "webhook" and self._webhooks is not None]
            taken = [*calls, *self._digests.gather(tx, _notices(rows), chosen, now)]
            leased = now + self._parts.settings.engine.lease
            tx.many(TAKEN, [{"id": row.id, "payload": row.payload, "due": leased} for row in taken])
        return taken

    def _tell(self, lines: Sequence[Effect]) -> Outcome | str:
        """One message to who is told; a text where nobody can be, which ends it."""
        role, told = lines[0].ref, lines[0].told
        door = self._staff.door(told)
        if isinstance(door, str):
            return door
        what = f"notify {role} {' '.join(str(line.id) for line in lines)}"
        if told != Told(role):  # what is told to another is another message
            what += f" to {told.entry} {told.user}"
        message = Message(self._key(what), door.lane.name, door.address, digests.body(door.channel.kind, lines))
        return self._send(door, message)

    def _send(self, door: Door, message: Message) -> Outcome:
        try:
            (answer,) = door.channel.send([message])
        except Exception as error:
            log.error("channel %s raised %s", door.channel.name, type(error).__name__)
            return Unknown(type(error).__name__)
        return answer

    def _answer(self, effects: Sequence[Effect], now: int) -> Outcome | str:
        one = effects[0]
        try:
            return self._tell(effects) if one.kind == "notify" else self._call(one, now)
        except Exception as error:  # the broad edge around who posts and tells: its text may quote the body
            log.error("%s %s raised %s", one.kind, one.ref, type(error).__name__)
            return Unknown(type(error).__name__)

    def _call(self, effect: Effect, now: int) -> Outcome | str:
        """A signed POST (Standard Webhooks: the signature covers id, time and body)."""
        known = self._parts.settings.webhooks.get(effect.ref)
        if known is None or self._webhooks is None:
            return f"there is no web hook {effect.ref} in the settings"
        number = self._key(f"webhook {effect.id}")
        told = {"id": number, "customer": effect.uid, "data": json.loads(effect.payload or "{}")}
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        content = b"%s.%d." % (number.encode(), now) + body
        headers = {
            "content-type": "application/json", "webhook-id": number, "webhook-timestamp": str(now),
            "webhook-signature": signatures(known.secret.get_secret_value(), content),
        }  # fmt: skip
        return self._webhooks.post(known.url, body, headers, known.allow_private)

    def _key(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]

    def _record(self, effects: Sequence[Effect], answer: Outcome | str, now: int) -> None:
        """The same for all lines of a digest, so that they stay together."""
        state = _state(effects[0], answer, now)
        failed = state["state"] == EffectState.FAILED
        if failed and effects[0].told != Told(effects[0].ref):
            self._hand_on(effects, state["error"], now)
            return
        rows = [{"id": effect.id, **state} for effect in effects]
        with self._parts.store.write() as tx:
            tx.many("UPDATE effect SET state = :state, due = :due, error = :error WHERE id = :id", rows)
        if failed:
            log.error("%s %s was given up: %s", effects[0].kind, effects[0].ref, state["error"])

    def _hand_on(self, lines: Sequence[Effect], error: str, now: int) -> None:
        """The colleague cannot be told: the role's own entry is, by the same digest with tries of its own."""
        role = lines[0].ref
        marked = [line.marked(told=Told(role)) for line in lines]
        rows = [{"id": line.id, "payload": line.payload, "due": now, "error": error} for line in marked]
        with self._parts.store.write() as tx:
            tx.many(HAND_ON, rows)
        log.warning(
            "notify %s: a colleague could not be told (%s), the role's own address is told instead", role, error
        )


def _due(statements: Statements, now: int) -> list[Effect]:
    return [Effect(*row) for row in statements.rows(TAKE, now=now, most=MOST)]


def _notices(rows: Sequence[Effect]) -> list[Effect]:
    return [row for row in rows if row.kind == "notify"]


def signatures(secret: str, content: bytes) -> str:
    """Of the signed content, one for each secret: while receivers change theirs there are two, apart by a space.

    `whsec_` stands before a key in base64 (Standard Webhooks, "Signature scheme"); other secrets are keys as they are.
    """
    words = secret.split()
    if all(word.startswith("whsec_") for word in words):
        keys = [base64.b64decode(word.removeprefix("whsec_")) for word in words]
    else:
        keys = [secret.encode()]
    made = (hmac.digest(key, content, "sha256") for key in keys)
    return " ".join("v1," + base64.b64encode(one).decode() for one in made)


def _state(effect: Effect, answer: Outcome | str, now: int) -> dict[str, Any]:
    if isinstance(answer, Accepted):
        return {"state": int(EffectState.DONE), "due": None, "error": None}
    if isinstance(answer, str):
        return {"state": int(EffectState.FAILED), "due": None, "error": answer}
    said = (
        f"{answer.reason} {answer.code}".rstrip() if isinstance(answer, Denied) else f"unknown {answer.code}".rstrip()
    )
    if (isinstance(answer, Denied) and answer.permanent) or effect.attempts + 1 >= TRIES:
        return {"state": int(EffectState.FAILED), "due": None, "error": said}
    wait = answer.retry_after if isinstance(answer, Denied) else None
    due = now + max(1, outcomes.back_off(effect.id, effect.attempts) if wait is None else wait)
    return {"state": int(EffectState.WAITING), "due": due, "error": said}
