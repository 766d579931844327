"""`notify` and `webhook`: rows of `effect` that leave the database, with the discipline of messages.

A row that is taken is due again after its lease, so a crash repeats it and loses nothing; the key that goes with it is
the same each time, so that a receiver who looks at it does the work once. Lines of a digest that was tried have one due
moment, by which they are known to belong together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from automation.engine.parts import Parts
from automation.kernel.ports import Accepted, Body, Channel, Denied, Lane, Message, Outcome, Unknown
from automation.policy import stop
from automation.store.states import EffectState

from . import outcomes

log = logging.getLogger(__name__)
MOST = 100  # rows taken at once
STAFF = ("", "wecom_user")  # kinds of address that are never a customer's: the group itself, a colleague
LINES = 30  # of a digest; the others are counted
TRIES = 30  # about a day
WAITING = (
    "SELECT e.id, e.kind, e.ref, e.payload, e.attempts, e.due, e.person_id, p.uid FROM effect e LEFT JOIN person p"
    f" ON p.id = e.person_id WHERE e.state = {EffectState.WAITING}"
)
TAKE = f"{WAITING} AND e.due <= :now ORDER BY e.due, e.id LIMIT :most"
SAME_ROLE = (
    f"{WAITING} AND e.kind = 'notify' AND e.ref = :ref AND e.due IS NOT NULL AND e.attempts = 0 AND e.due > :now"
    " ORDER BY e.id LIMIT :most"
)
SAME_DIGEST = f"{WAITING} AND e.kind = 'notify' AND e.ref = :ref AND e.due = :due AND e.attempts > 0"


class Webhooks(Protocol):
    """Posts to web hooks. Given by the composition root."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], private: bool = False) -> Outcome:
        """One POST of JSON. 2xx is Accepted; answers as from a channel; never raises for what the network does.

        `private`: the receiver may be in our own network; otherwise only public addresses are connected to.
        """
        ...


class Effect(NamedTuple):
    id: int
    kind: str
    ref: str
    payload: str | None
    attempts: int
    due: int
    person_id: int
    uid: str | None

    @property
    def digest(self) -> tuple[str, int | None]:
        """What it leaves with: its role, and the moment that all lines of a digest share once it was tried."""
        return self.ref, self.due if self.attempts else None


class Effects:
    """Consumes the rows for one process; `step` is one round. Without `webhooks`, their rows wait."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel], secret: bytes, webhooks: Webhooks | None) -> None:
        self._parts, self._channels, self._secret, self._webhooks = parts, channels, secret, webhooks

    def step(self, now: int) -> int:
        """Takes what is due, sends it and records it; returns how many rows. Nothing while all is stopped."""
        taken = self._take(now)
        digests: dict[tuple[str, int | None], list[Effect]] = {}
        for effect in taken:
            if effect.kind == "notify":
                # What was tried before is repeated as it was: with a line more it would be another message.
                digests.setdefault(effect.digest, []).append(effect)
            else:
                self._record([effect], self._guarded(effect, now), now)
        for (role, _), unsorted in digests.items():
            lines = sorted(unsorted)
            self._record(lines, self._tell(role, lines), now)
        return len(taken)

    def _take(self, now: int) -> list[Effect]:
        store = self._parts.store
        due = "SELECT 1 FROM effect WHERE due <= :now LIMIT 1"
        if store.row(due, now=now) is None or stop.is_on(store):
            return []
        with store.write() as tx:
            rows = [Effect(*row) for row in tx.rows(TAKE, now=now, most=MOST)]
            if self._webhooks is None:
                rows = [row for row in rows if row.kind != "webhook"]
            notices = [row for row in rows if row.kind == "notify"]
            # A digest leaves with its oldest line; what has gathered since goes with it.
            for role in sorted({row.ref for row in notices if not row.attempts}):
                rows += [Effect(*row) for row in tx.rows(SAME_ROLE, ref=role, now=now, most=MOST)]
            for role, at in sorted({(row.ref, row.due) for row in notices if row.attempts}):
                rows += [Effect(*row) for row in tx.rows(SAME_DIGEST, ref=role, due=at)]
            rows = list(dict.fromkeys(rows))
            tx.many(
                "UPDATE effect SET due = :due, attempts = attempts + 1 WHERE id = :id",
                [{"id": row.id, "due": now + self._parts.settings.engine.lease} for row in rows],
            )
        return rows

    def _tell(self, role: str, lines: Sequence[Effect]) -> Outcome | str:
        """One message to the role's person; a text where nobody can be told, which ends it."""
        person = self._parts.settings.staff.get(role)
        channel = self._channels.get(person.channel) if person else None
        if person is None or channel is None:
            return f"nobody in the settings has the role {role}"
        lane = _staff_lane(channel)
        if lane is None or (lane.address and not person.address):
            return f"{role} has no address on {person.channel}"
        key = self._key(f"notify {role} {' '.join(str(line.id) for line in lines)}")
        address = (person.address or "") if lane.address else ""
        return self._send(channel, lane, Message(key, lane.name, address, _body(channel.kind, lines)))

    def _send(self, channel: Channel, lane: Lane, message: Message) -> Outcome:
        try:
            (answer,) = channel.send([message])
        except Exception as error:
            log.error("channel %s raised %s", channel.name, type(error).__name__)
            return Unknown(type(error).__name__)
        return answer

    def _guarded(self, effect: Effect, now: int) -> Outcome | str:
        try:
            return self._call(effect, now)
        except Exception as error:  # the broad edge around who posts: its text may quote the body
            log.error("web hook %s raised %s", effect.ref, type(error).__name__)
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
        rows = [{"id": effect.id, **state} for effect in effects]
        with self._parts.store.write() as tx:
            tx.many("UPDATE effect SET state = :state, due = :due, error = :error WHERE id = :id", rows)
        if state["state"] == EffectState.FAILED:
            log.error("%s %s was given up: %s", effects[0].kind, effects[0].ref, state["error"])


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


def _staff_lane(channel: Channel) -> Lane | None:
    """The first that carries plain words to staff: to a group or a colleague before it would be to a customer."""
    lanes = [lane for lane in channel.lanes if "service" in lane.purposes and (not lane.parts or "text" in lane.parts)]
    return min(lanes, key=lambda lane: (lane.address not in STAFF, lane.window), default=None)


def _body(kind: str, lines: Sequence[Effect]) -> Body:
    """A digest as the channel's kind takes it. Customers are named by number, never by name or address."""
    told = []
    for line in lines[:LINES]:
        payload = json.loads(line.payload or "{}")
        about = "，".join(filter(None, (payload.get("journey", ""), f"客户 #{line.person_id}")))
        told.append(f"· {payload.get('text', '')}（{about}）")
    if len(lines) > LINES:
        told.append(f"……还有 {len(lines) - LINES} 条")
    subject = f"旅程提醒 {len(lines)} 条"
    text = "\n".join([subject, *told])
    if kind == "email":
        return {"subject": subject, "text": text + "\n"}
    if kind == "sms":
        return {"template": "staff_notice", "params": {"count": str(len(lines))}, "preview": subject}
    return {"text": text}
