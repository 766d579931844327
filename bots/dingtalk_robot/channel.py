"""The DingTalk group robot as a channel. The group is the recipient, so its messages have no address."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from automation.kernel import clock
from automation.kernel.ports import Body, Denied, Json, Lane, Limit, Message, Outcome, Reason
from bots import batches, errcodes, http
from bots.dingtalk_robot import reasons
from bots.dingtalk_robot.options import DingtalkRobotOptions

# Nothing repeated is dropped, and nothing is told afterwards. Groups of employees, so no marketing.
LANES = (Lane("robot", address="", purposes=frozenset({"service"}), limits=(Limit(20, "minute", "DT-01"),)),)
BYTES: Final = 20_000  # of a whole message
TITLE: Final = 60  # characters of a title made from a text


class DingtalkRobotChannel:
    """Safe for many threads."""

    kind = "dingtalk_robot"
    lanes: Sequence[Lane] = LANES

    def __init__(self, name: str, options: DingtalkRobotOptions, now: clock.Clock | None = None) -> None:
        self.name = name
        self._options, self._clock = options, now or clock.SystemClock()
        self._http = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5))

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One message: `{"text"} | {"markdown"} | {"news": [...]}`."""
        if messages:
            batches.lane_of(self.lanes, messages)
        return [self._send_one(message) for message in messages]

    def close(self) -> None:
        self._http.close()

    def _send_one(self, message: Message) -> Outcome:
        payload = _payload(message.body)
        if isinstance(payload, Denied):
            return payload
        encoded = http.encoded(payload)
        if len(encoded) > BYTES:
            return Denied(Reason.BAD_CONTENT, "too_long")
        keyword = self._options.keyword
        if keyword and keyword not in encoded.decode("utf-8"):
            return Denied(Reason.BAD_CONTENT, "no_keyword")
        # The platform has no word for our key: a header tells the sandbox, so that its books can be compared.
        headers = {"X-Sandbox-Keys": message.idem_key} if self._options.sandbox else {}
        try:
            reply = self._http.post(self._url(), encoded, headers)
        except http.TransportError as error:
            return error.outcome()
        return errcodes.outcome(reply, reasons.denied)

    def _url(self) -> str:
        """Signed anew for each message: a signature is good for an hour."""
        query = {"access_token": self._options.access_token}
        secret = self._options.signs_with
        if secret is not None:
            timestamp = str(self._clock.now() * 1000)
            signed = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
            query |= {"timestamp": timestamp, "sign": base64.b64encode(signed).decode()}
        return f"{self._options.base}/robot/send?{urlencode(query)}"


def _payload(body: Body) -> dict[str, Json] | Denied:
    markdown, news, text = body.get("markdown"), body.get("news"), body.get("text")
    if isinstance(markdown, str) and markdown.strip():
        title = markdown.strip().partition("\n")[0].lstrip("#> ")[:TITLE] or "通知"
        return {"msgtype": "markdown", "markdown": {"title": title, "text": markdown}}
    if isinstance(news, Sequence) and not isinstance(news, str) and news:
        return _news(news)
    if isinstance(text, str) and text.strip():
        return {"msgtype": "text", "text": {"content": text}}
    # DingTalk's robots take no image of ours, only the address of one in a markdown text
    return Denied(Reason.BAD_CONTENT, "image" if body.get("image") else "empty")


def _news(news: Sequence[Json]) -> dict[str, Json] | Denied:
    """One article as a link, several as a feed, whose every entry needs a picture."""
    articles = [one for one in news if isinstance(one, Mapping) and one.get("title") and one.get("url")]
    if len(articles) != len(news):
        return Denied(Reason.BAD_CONTENT, "article")
    if len(articles) == 1:
        one = articles[0]
        text = one.get("description") or one["title"]
        return {"msgtype": "link", "link": {
            "title": one["title"], "text": text, "messageUrl": one["url"], "picUrl": one.get("picture") or "",
        }}  # fmt: skip
    if not all(one.get("picture") for one in articles):
        return Denied(Reason.BAD_CONTENT, "no_picture")
    links: list[Json] = [
        {"title": one["title"], "messageURL": one["url"], "picURL": one["picture"]} for one in articles
    ]
    return {"msgtype": "feedCard", "feedCard": {"links": links}}
