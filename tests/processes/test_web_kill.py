"""The edge is killed while it takes something in (crash points C16 to C18): what is sent again counts once."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from automation import settings
from automation.people import keyring, sealing
from automation.store import schema
from automation.store.database import Store
from automation.tracking.tokens import KINDS, Tokens, Use
from automation.web import addresses
from bots import registry as bots
from tests.web.caller import KEY, Answer, Caller

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[2]
TOKEN = "callback-token-of-a-test"
ENVIRON = {"SHOP_KEY": KEY, "WECHAT_TOKEN": TOKEN}
CONFIG = """\
shop: {name: 测试店}
channels:
  wechat_main: {kind: wechat, sandbox: "http://127.0.0.1:9", plain: true, token: "${WECHAT_TOKEN}"}
web: {port: 0, api_keys: {shop: "${SHOP_KEY}"}}
engine: {drain: 1s}
"""
NOWHERE = Caller("")
FOLLOW = (
    "<xml><ToUserName>gh_fake</ToUserName><FromUserName>o-fake-1</FromUserName><CreateTime>{at}</CreateTime>"
    "<MsgType>event</MsgType><Event>subscribe</Event><EventKey></EventKey></xml>"
)


@dataclass(slots=True)
class Shop:
    folder: Path
    lives: list[subprocess.Popen[str]]
    call: Caller = NOWHERE  # the newest life

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def store(self) -> Store:
        return Store(f"sqlite:{self.folder / 'var' / 'lucheng.db'}")

    def start(self, when: str) -> Caller:
        """A life of the engine; where it answers."""
        life = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.harness.web", str(self.config), when],
            stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | ENVIRON,
        )  # fmt: skip
        self.lives.append(life)
        assert life.stderr is not None
        said = []
        for line in life.stderr:
            said.append(line)
            if found := re.search(r"started on (http://\S+);", line):
                self.call = Caller(found[1])
                return self.call
        raise AssertionError("".join(said))

    def died(self) -> bool:
        return self.lives[-1].wait(60) == -signal.SIGKILL

    def stop(self) -> int:
        self.lives[-1].send_signal(signal.SIGTERM)
        return self.lives[-1].wait(60)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    for name in ("journeys", "templates"):
        (tmp_path / name).mkdir()
    (tmp_path / "journeys" / "catalog.yaml").write_text(
        "events: {page.viewed: {title: 浏览, properties: {page: text}}}\n", encoding="utf-8"
    )
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    keyring.create(tmp_path / "var" / "lucheng.key")
    made = Shop(tmp_path, [])
    store = made.store()
    schema.migrate(store)
    store.close()
    yield made
    for life in made.lives:
        life.kill()
        life.wait()
        assert life.stderr is not None
        life.stderr.close()


def test_what_was_not_answered_and_is_sent_again_counts_once(shop: Shop) -> None:
    """Each way in is killed once; then one life gets all of it again."""
    event = {"event": "page.viewed", "customer": {"phone": "13800000001"}}
    at, leave = int(time.time()), leaving(shop)

    def ways(call: Caller) -> dict[str, Callable[[], Answer]]:
        return {
            "before": lambda: call.post("/api/events", event, idempotency_key="k-1"),
            "after": lambda: call.post("/api/events", event, idempotency_key="k-2"),
            "after, callback": lambda: tell(shop, call, at),
            "after, leaving": lambda: call("POST", leave, b"List-Unsubscribe=One-Click"),
        }

    for way in ways(Caller("")):
        call = shop.start(way.partition(",")[0])
        with pytest.raises((OSError, HTTPException)):
            ways(call)[way]()
        assert shop.died(), way
    again = ways(shop.start("never"))
    assert call_health(shop) == {"alive": True, "database": True, "engine": True}
    answers = {way: ask() for way, ask in again.items()}
    assert {answer.status for answer in answers.values()} == {200}
    assert (answers["before"].json, answers["after"].json) == ({"status": "added"}, {"status": "known"})
    assert (answers["after, callback"].body, tell(shop, shop.call, at).body) == (b"success", b"success")
    assert shop.stop() == 0
    store = shop.store()
    for table, count in {"event": 3, "inbound": 1, "consent_log": 1, "api_request": 2}.items():
        assert store.value(f"SELECT count(*) FROM {table}") == count, table
    assert store.value("SELECT granted FROM consent") == 0
    store.close()


def call_health(shop: Shop) -> Any:
    return shop.call("GET", "/healthz").json


def leaving(shop: Shop) -> str:
    """The page of somebody who agreed to marketing."""
    store = shop.store()
    vault = sealing.Vault(keyring.load(shop.folder / "var" / "lucheng.key"))
    with store.write() as tx:
        tx.run("INSERT INTO person (uid, seed, created_at, changed_at) VALUES ('u1', 1, 0, 0)")
        tx.run(
            "INSERT INTO consent (person_id, channel, purpose, granted, source, at)"
            " VALUES (1, 'wechat', 'marketing', 1, 'test', 1)"
        )
    path = f"/u/{Tokens(store, vault.link_key).make(Use.LEAVE, 1, 1, KINDS.index('wechat'))}"
    store.close()
    return path


def tell(shop: Shop, call: Caller, at: int) -> Answer:
    """A callback as WeChat signs it in plain mode."""
    nonce = "4711"
    sign = hashlib.sha1("".join(sorted((TOKEN, str(at), nonce))).encode()).hexdigest()
    chosen = settings.load(shop.config, os.environ | ENVIRON, bots.KINDS)
    link_key = keyring.load(chosen.key.file).link
    path = f"{addresses.hook_path(link_key, 'wechat_main')}?signature={sign}&timestamp={at}&nonce={nonce}"
    return call("POST", path, FOLLOW.format(at=at).encode(), {"content-type": "text/xml"})
