"""The channel of an official account: four lanes over one interface, each message one request but for mass messages.

Hot: straight over bots/http, many requests at once. What the account itself is about (followers, tags, menus, QR
codes) is in directory.py, over wechatpy, and loaded only when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from automation.kernel.ports import (
    Accepted,
    Cache,
    Denied,
    Finding,
    Lane,
    Message,
    Outcome,
    Quota,
    Reason,
    Unknown,
)
from bots import batches, errcodes, http
from bots.access_tokens import NoToken
from bots.wechat import bodies, limits, reasons
from bots.wechat.options import Account, WechatOptions
from bots.wechat.token import tokens

if TYPE_CHECKING:
    from bots.wechat.directory import Directory

CUSTOMER_SERVICE, TEMPLATE, SUBSCRIBE, MASS = "customer_service", "template", "subscribe", "mass"
PATHS: Final = {
    CUSTOMER_SERVICE: "/cgi-bin/message/custom/send",
    TEMPLATE: "/cgi-bin/message/template/send",
    SUBSCRIBE: "/cgi-bin/message/subscribe/bizsend",
    MASS: "/cgi-bin/message/mass/send",
}
_BOTH, _SERVICE = frozenset({"marketing", "service"}), frozenset({"service"})


def lanes(options: WechatOptions) -> tuple[Lane, ...]:
    """In the order in which they are tried. Only verified service accounts have template messages, and these never
    carry marketing (WX-01)."""
    rules, service = options.rules, options.account is Account.SERVICE
    found = [
        Lane(CUSTOMER_SERVICE, "openid", _BOTH, limits.TOGETHER, parts=frozenset(bodies.PARTS), window=True,
             daily=rules.customer_service_daily),
        Lane(TEMPLATE, "openid", _SERVICE, limits.TOGETHER, limits.CLIENT_MSG_ID, frozenset({"delivered"}),
             parts=frozenset({"template"}), daily=rules.template_daily),
        Lane(SUBSCRIBE, "openid", _BOTH, limits.TOGETHER, receipts=frozenset({"delivered"}),
             parts=frozenset({"subscribe"}), grant="subscribe"),
        # A clientmsgid names a whole call. After a crash the messages come again in other groups, so for one message
        # it promises nothing: an unclear one is not sent again by itself.
        Lane(MASS, "openid", _BOTH, limits.MASS_OPENIDS, parts=frozenset({"mass"}), limits=rules.mass(service)),
    ]  # fmt: skip
    return tuple(lane for lane in found if service or lane.name != TEMPLATE)


class WechatChannel:
    """One account; serves many threads. `send` blocks at most for two requests and two token calls."""

    kind = "wechat"

    def __init__(self, name: str, options: WechatOptions, cache: Cache) -> None:
        self.name = name
        self.lanes: Sequence[Lane] = lanes(options)
        self._options, self._base = options, options.base
        self._http = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5), max_bytes=1 << 20)
        self._tokens = tokens(self._http, options, cache)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        if not messages:
            return []
        lane = batches.lane_of(self.lanes, messages).name
        if lane == MASS:
            return self._send_mass(messages)
        return self._send_each(lane, messages)

    def close(self) -> None:
        self._http.close()

    @cached_property
    def directory(self) -> Directory:
        """Followers, tags, QR codes and menus of the account."""
        from bots.wechat.directory import Directory

        return Directory(self._options, self._http, self._tokens)

    def check(self, now: int) -> Sequence[Finding]:
        from bots.wechat import checking

        return checking.check(self.directory, self._options)

    def quotas(self, now: int) -> Sequence[Quota]:
        from bots.wechat import checking

        return checking.quotas(self.directory, {lane.name: PATHS[lane.name] for lane in self.lanes})

    def _send_each(self, lane: str, messages: Sequence[Message]) -> list[Outcome]:
        found: dict[int, Outcome] = {}
        payloads: dict[int, bytes] = {}
        for number, message in enumerate(messages):
            try:
                payloads[number] = _json(self._payload(lane, message))
            except bodies.BadBody as error:
                found[number] = Denied(Reason.BAD_CONTENT, error.code)
        if payloads:
            outcomes = self._ask(PATHS[lane], list(payloads.values()), reasons.refused)
            found |= dict(zip(payloads, outcomes, strict=True))
        return [found[number] for number in range(len(messages))]

    def _payload(self, lane: str, message: Message) -> bodies.Payload:
        if lane == CUSTOMER_SERVICE:
            return bodies.customer_service(message)
        if lane == TEMPLATE:
            return bodies.template(message, self._options.templates)
        return bodies.subscribe(message, self._options.subscriptions)

    def _send_mass(self, messages: Sequence[Message]) -> list[Outcome]:
        """One call for each different text, and each turn of one follower. One that has a single recipient is refused
        for good: WeChat takes two or more (40130), the wait for a second could last for ever, and the next of `via`
        reaches them now."""
        found: dict[int, Outcome] = {}
        groups: dict[tuple[bytes, int], list[int]] = {}
        turns: Counter[tuple[bytes, str]] = Counter()
        for number, message in enumerate(messages):
            try:
                content = _json(bodies.mass(message.body))
            except bodies.BadBody as error:
                found[number] = Denied(Reason.BAD_CONTENT, error.code)
                continue
            # Named twice in one call a follower would get one message, and two would be called accepted.
            groups.setdefault((content, turns[content, message.address]), []).append(number)
            turns[content, message.address] += 1
        calls: list[tuple[list[int], bytes]] = []
        for (content, _), numbers in groups.items():
            group = [messages[number] for number in numbers]
            if len(group) < limits.MASS_FEWEST:
                found |= dict.fromkeys(numbers, reasons.TOO_FEW)
            else:
                head = _json({"touser": [message.address for message in group], "clientmsgid": _call_key(group)})
                calls.append((numbers, head[:-1] + b"," + content[1:]))
        outcomes = self._ask(PATHS[MASS], [body for _, body in calls], reasons.refused_list) if calls else []
        for (numbers, _), outcome in zip(calls, outcomes, strict=True):
            found |= dict.fromkeys(numbers, outcome)
        return [found[number] for number in range(len(messages))]

    def _ask(self, path: str, payloads: Sequence[bytes], refused: Callable[[int], Denied]) -> list[Outcome]:
        """One request a payload, all at once. Those whose token was refused, with which nothing was sent, leave once
        more with another."""
        try:
            token = self._tokens.get()
        except NoToken as error:
            return [error.outcome] * len(payloads)
        found = self._post(path, token, payloads)
        stale = [number for number, (code, _) in enumerate(found) if code in reasons.TOKEN]
        outcomes = [_outcome(code, given, refused) for code, given in found]
        if not stale:
            return outcomes
        try:
            second = self._post(path, self._tokens.renew(token), [payloads[number] for number in stale])
            again = [_outcome(code, given, refused) for code, given in second]
        except NoToken as error:
            again = [error.outcome] * len(stale)
        for number, outcome in zip(stale, again, strict=True):
            outcomes[number] = outcome
        return outcomes

    def _post(self, path: str, token: str, payloads: Sequence[bytes]) -> list[tuple[int | None, Outcome]]:
        url = f"{self._base}{path}?access_token={quote(token, safe='')}"
        replies = self._http.post_many([http.Post(url, payload) for payload in payloads])
        return [_read(reply) for reply in replies]


def _read(reply: http.Reply | http.TransportError) -> tuple[int | None, Outcome]:
    """The code of an answer, None where there is none, and what the answer means if the code is 0 or missing."""
    if isinstance(reply, http.TransportError):
        return None, reply.outcome()
    if reply.status != 200:
        return None, http.refusal(reply)
    found = errcodes.read(reply) or {}
    code = found.get("errcode")
    return code, Unknown("garbage") if code is None else Accepted(http.identity(found, "msgid", "msg_id"))


def _outcome(code: int | None, given: Outcome, refused: Callable[[int], Denied]) -> Outcome:
    return given if code in (None, reasons.OK, reasons.TAKEN_BEFORE) else refused(code)


def _call_key(group: Sequence[Message]) -> str:
    """The same for the same messages, in any order."""
    keys = sorted(message.idem_key for message in group)
    return hashlib.sha256(" ".join(keys).encode()).hexdigest()[:32]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
