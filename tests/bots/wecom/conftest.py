"""A WeCom account against the sandbox's pretend company, and the people of that company."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from automation.kernel.ports import Message
from bots import http
from bots.sandbox import ledger, process
from bots.wecom.channel import WecomChannel
from bots.wecom.options import WecomOptions
from tests.bots.memory import MemoryCache

NUMBERS = itertools.count(1)


def customer() -> str:
    """An external_userid that nobody used before, as long as WeCom's."""
    return f"wm{next(NUMBERS):030d}"


@dataclass
class Company:
    """The sandbox's WeCom, for tests: `act` makes its people do something, `raw` calls its interface."""

    server: process.Sandbox
    client: http.Client
    cache: MemoryCache = field(default_factory=MemoryCache)

    def act(self, do: str, **order: Any) -> dict[str, Any]:
        reply = self.client.post_json(f"{self.server.url}/wecom/_act", {"do": do, **order})
        answer = reply.json()
        assert reply.status == 200, answer
        assert isinstance(answer, dict)
        return answer

    def raw(self, path: str, payload: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        url = f"{self.server.url}/wecom/cgi-bin/{path}?" + "&".join(f"{name}={value}" for name, value in query.items())
        reply = self.client.get(url) if payload is None else self.client.post_json(url, payload)
        answer = reply.json()
        assert isinstance(answer, dict)
        return answer

    def token(self, secret: str = "pretend-contact-secret") -> str:
        return str(self.raw("gettoken", corpid="ww0000000000sandbox", corpsecret=secret)["access_token"])

    def taken(self, lane: str, address: str = "") -> list[ledger.Entry]:
        entries = ledger.entries(self.server.ledger)
        return [one for one in entries if one.lane == lane and (not address or one.address == address)]

    def channel(self, **options: Any) -> WecomChannel:
        chosen = WecomOptions.model_validate({"sandbox": self.server.url, **options})
        return WecomChannel("wecom_main", chosen.model_copy(update={"timeout": 1}), self.cache)


@pytest.fixture
def company(sandbox: process.Sandbox, control: http.Client) -> Iterator[Company]:
    made = Company(sandbox, control)
    made.act("reset")
    control.post_json(f"{sandbox.url}/wecom/_callback", {})
    yield made


@pytest.fixture
def channel(company: Company) -> Iterator[WecomChannel]:
    made = company.channel()
    yield made
    made.close()


Write = Callable[..., Message]


@pytest.fixture
def write() -> Write:
    def message(address: str = "", text: str = "生日快乐", lane: str = "customer_message", **body: Any) -> Message:
        return Message(f"k{next(NUMBERS)}", lane, address or customer(), {"text": text, **body})

    return message
