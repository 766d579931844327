"""The channel that plays WeChat, WeCom, SMS or email against the sandbox server, one JSON request a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence

from automation.kernel.ports import Denied, Lane, Message, Outcome, Reason
from bots import batches, http
from bots.sandbox import reasons
from bots.sandbox.options import SandboxOptions, lanes

MAX_MESSAGE_BYTES = 256 * 1024  # of one message as JSON; the server reads 64 MB a request


class SandboxChannel:
    """Safe for many threads; each keeps one connection to the server."""

    def __init__(self, name: str, options: SandboxOptions) -> None:
        self.name = name
        self.kind = options.plays.value
        self.lanes: Sequence[Lane] = lanes(options)
        self._url = f"{options.url}/send"
        self._head = _json({"channel": name, "plays": options.plays, "keyed": options.keyed})[:-1]
        self._http = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5))

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One request. A message too large to be taken is refused here, so that it does not stop the others."""
        if not messages:
            return []
        batches.lane_of(self.lanes, messages)
        pieces = [_wire(message) for message in messages]
        good = [piece for piece in pieces if len(piece) <= MAX_MESSAGE_BYTES]
        answers = iter(self._post(good) if good else [])
        too_large = Denied(Reason.BAD_CONTENT, "too_large")
        return [next(answers) if len(piece) <= MAX_MESSAGE_BYTES else too_large for piece in pieces]

    def close(self) -> None:
        self._http.close()

    def _post(self, pieces: Sequence[bytes]) -> list[Outcome]:
        body = b"".join((self._head, b',"messages":[', b",".join(pieces), b"]}"))
        try:
            reply = self._http.post(self._url, body)
        except http.TransportError as error:
            return [error.outcome()] * len(pieces)
        return reasons.of_reply(reply, len(pieces))


def _wire(message: Message) -> bytes:
    return _json(
        {"key": message.idem_key, "lane": message.lane, "address": message.address, "body": dict(message.body)}
    )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
