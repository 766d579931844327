"""An official account at the sandbox: its own appid for each test, so that tests share the server and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from automation.kernel.ports import Body, Message
from bots import http
from bots.sandbox import ledger, process
from bots.wechat.channel import WechatChannel
from bots.wechat.options import WechatOptions
from tests.bots.memory import MemoryCache

SECRET = "S3CRET-OF-THE-ACCOUNT"


@dataclass
class Account:
    """One account: its channel, and the stage it plays on."""

    appid: str
    server: process.Sandbox
    control: http.Client
    cache: MemoryCache = field(default_factory=MemoryCache)
    made: list[WechatChannel] = field(default_factory=list)

    def channel(self, **more: Any) -> WechatChannel:
        given = {"appid": self.appid, "secret": SECRET, "sandbox": self.server.url, "timeout": "5s", **more}
        cache = given.pop("cache", self.cache)
        made = WechatChannel("wechat_main", WechatOptions.model_validate(given), cache)
        self.made.append(made)
        return made

    def set(self, order: str, **data: Any) -> dict[str, Any]:
        reply = self.control.post_json(f"{self.server.url}/wechat/_{order}", {"appid": self.appid, **data})
        found = reply.json()
        assert isinstance(found, dict)
        assert not found.get("errcode"), found
        return found

    def got(self) -> list[ledger.Entry]:
        return [one for one in ledger.deliveries(self.server.ledger) if one.channel == self.appid]


def message(lane: str, address: str, body: Body, key: str = "") -> Message:
    return Message(key or uuid4().hex, lane, address, body)


@pytest.fixture
def account(sandbox: process.Sandbox, control: http.Client) -> Iterator[Account]:
    found = Account(f"wx{uuid4().hex[:16]}", sandbox, control)
    yield found
    for made in found.made:
        made.close()


Say = Callable[..., Message]


@pytest.fixture
def say() -> Say:
    return message
