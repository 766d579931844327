"""Channels of a test: they reach whoever has an address, take everything and keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from automation.kernel import ports
from automation.kernel.ports import Accepted, Channel, Message, Outcome

# Members of a body that tell the platform what to do; of a mail the HTML says what its text says.
UNREAD: Final = frozenset({
    "appid", "article", "file", "html", "id", "image", "images", "key", "media", "page", "picture", "url",
})  # fmt: skip


class Pretend:
    """Stands in for a configured channel. Windows, permissions and daily allowances of the platform are taken as open:
    who `can` be reached is reached."""

    def __init__(self, real: Channel) -> None:
        self.name, self.kind = real.name, real.kind
        self.lanes = [
            replace(lane, window=False, grant="", daily=None, limits=()) for lane in real.lanes if not lane.gathers
        ]
        self.sent: dict[str, ports.Body] = {}  # by the key of the message

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.sent |= {message.idem_key: message.body for message in messages}
        return [Accepted(message.idem_key) for message in messages]

    def close(self) -> None: ...


def text_of(body: ports.Body) -> str:
    """What people read of a body, a line each. Of an SMS the provider gets parameters, which make the preview."""
    return str(body["preview"]) if "params" in body else "\n".join(_texts(body))


def _texts(value: ports.Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = [one for name, one in value.items() if name not in UNREAD]
    return [text for one in value for text in _texts(one)] if isinstance(value, Sequence) else []
