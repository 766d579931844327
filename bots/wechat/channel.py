"""The channel of an official account: four lanes over one interface, each message one request but for mass messages.

Hot: straight over bots/http, many requests at once. What the account itself is about (followers, tags, menus, QR
codes) is in directory.py, over wechatpy, and loaded only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from automation.kernel import clock
from automation.kernel.ports import Body, Cache, Denied, Finding, Lane, Message, Outcome, Quota, Reason
from bots import batches, http
from bots.uploads import NotUploaded
from bots.wechat import bodies, limits, mass, reasons
from bots.wechat.calls import Calls, encoded
from bots.wechat.mass import Mass
from bots.wechat.media import Media
from bots.wechat.options import Account, WechatOptions
from bots.wechat.token import tokens

if TYPE_CHECKING:
    from bots.wechat.directory import Directory
    from bots.wechat.oauth import OAuth

CUSTOMER_SERVICE, TEMPLATE, SUBSCRIBE, MASS = "customer_service", "template", "subscribe", "mass"
PATHS: Final = {
    CUSTOMER_SERVICE: "/cgi-bin/message/custom/send",
    TEMPLATE: "/cgi-bin/message/template/send",
    SUBSCRIBE: "/cgi-bin/message/subscribe/bizsend",
    MASS: mass.SEND,
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
        # By tag nothing leaves before an operator says so; then one call reaches everybody (kernel/ports.py, Gathers).
        Lane(MASS, "openid", _BOTH, limits.MASS_OPENIDS, parts=frozenset({"mass"}), limits=rules.mass(service),
             gathers=options.masses_by_tag),
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
        self._calls = Calls(self._http, options.base, self._tokens)
        self._media = Media(self._calls, options, cache)
        self._mass = Mass(self._calls, self._said, options.timeout)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        if not messages:
            return []
        lane, since = batches.lane_of(self.lanes, messages).name, clock.monotonic()
        outcomes = self._leave(lane, messages)
        stale = [number for number, outcome in enumerate(outcomes)
                 if self._forgets(outcome, messages[number].body, since)]  # fmt: skip
        return self._again(lane, messages, outcomes, stale) if stale else outcomes

    def close(self) -> None:
        self._http.close()

    @cached_property
    def directory(self) -> Directory:
        """Followers, tags, QR codes and menus of the account."""
        from bots.wechat.directory import Directory

        return Directory(self._options, self._http, self._tokens)

    @cached_property
    def visits(self) -> OAuth:
        """Who opens a page inside WeChat."""
        from bots.wechat.oauth import OAuth

        return OAuth(self._options, self._http)

    def gather(self, name: str, addresses: Collection[str]) -> Collection[str]:
        """The list is a user tag of this name."""
        return self.directory.keep_tag(name, frozenset(addresses))

    def release(self, name: str, body: Body, key: str) -> Outcome:
        number = self.directory.tags().get(name)
        if number is None:
            return Denied(Reason.BAD_CONTENT, "no_such_tag")
        since = clock.monotonic()
        outcome = self._mass.to_tag(number, body, key)
        return self._mass.to_tag(number, body, key) if self._forgets(outcome, body, since) else outcome

    def dissolve(self, name: str) -> None:
        self.directory.drop_tag(name)

    def check(self, now: int) -> Sequence[Finding]:
        from bots.wechat import checking

        return checking.check(self.directory, self._options)

    def quotas(self, now: int) -> Sequence[Quota]:
        from bots.wechat import checking

        return checking.quotas(self.directory, {lane.name: PATHS[lane.name] for lane in self.lanes})

    def _said(self, body: Body) -> bodies.Payload:
        return bodies.mass(self._media.resolved(body))

    def _leave(self, lane: str, messages: Sequence[Message]) -> Sequence[Outcome]:
        if lane != MASS:
            return self._send_each(lane, messages)
        return self._mass.gather(messages) if self._options.masses_by_tag else self._mass.send(messages)

    def _send_each(self, lane: str, messages: Sequence[Message]) -> list[Outcome]:
        found: dict[int, Outcome] = {}
        payloads: dict[int, bytes] = {}
        for number, message in enumerate(messages):
            try:
                payloads[number] = encoded(self._payload(lane, message))
            except (bodies.BadBody, NotUploaded) as error:
                found[number] = error.outcome
        answers = self._calls.post(PATHS[lane], list(payloads.values())) if payloads else []
        for number, answer in zip(payloads, answers, strict=True):
            found[number] = reasons.refused(answer.code or 0) if answer.is_refused else answer.given
        return [found[number] for number in range(len(messages))]

    def _payload(self, lane: str, message: Message) -> bodies.Payload:
        if lane == CUSTOMER_SERVICE:
            return bodies.customer_service(message, self._media.resolved(message.body))
        if lane == TEMPLATE:
            return bodies.template(message, self._options.template)
        return bodies.subscribe(message, self._options.subscription)

    def _forgets(self, outcome: Outcome, body: Body, since: float) -> bool:
        """Whether it was refused for a picture that WeChat had forgotten, which is uploaded again next time."""
        gone = isinstance(outcome, Denied) and outcome.code == str(reasons.NO_MEDIA)
        return gone and self._media.forget(body, since)

    def _again(
        self, lane: str, messages: Sequence[Message], outcomes: Sequence[Outcome], stale: Sequence[int]
    ) -> Sequence[Outcome]:
        """Whose picture WeChat had forgotten, once more with another upload of it; with the first nothing was sent."""
        again = dict(zip(stale, self._leave(lane, [messages[number] for number in stale]), strict=True))
        return [again.get(number, outcome) for number, outcome in enumerate(outcomes)]
