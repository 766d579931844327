"""The edge is killed while it takes something in (crash points C16 to C18): what is sent again counts once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

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
FOLLOW = (
    "<xml><ToUserName>gh_fake</ToUserName><FromUserName>o-fake-1</FromUserName><CreateTime>{at}</CreateTime>"
    "<MsgType>event</MsgType><Event>subscribe</Event><EventKey></EventKey></xml>"
)


@dataclass(slots=True)
class Shop:
    folder: Path
    lives: list[subprocess.Popen[str]]

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
                return Caller(found[1])
        raise AssertionError("".join(said))

    def died(self) -> bool:
        return self.lives[-1].wait(20) == -signal.SIGKILL

    def stop(self) -> int:
        self.lives[-1].send_signal(signal.SIGTERM)
        return self.lives[-1].wait(20)


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


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_that_was_not_answered_and_is_sent_again_counts_once(shop: Shop, when: str) -> None:
    event = {"event": "page.viewed", "customer": {"phone": "13800000001"}}
    with pytest.raises((OSError, HTTPException)):
        shop.start(when).post("/api/events", event, idempotency_key="k-1")
    assert shop.died()
    answer = shop.start("never").post("/api/events", event, idempotency_key="k-1")
    assert (answer.status, answer.json["status"]) == (200, {"before": "added", "after": "known"}[when])
    assert shop.stop() == 0
    store = shop.store()
    assert store.value("SELECT count(*) FROM event") == 1
    store.close()


def test_a_callback_that_was_recorded_and_not_answered_is_one_event(shop: Shop) -> None:
    at = int(time.time())
    with pytest.raises((OSError, HTTPException)):
        tell(shop, shop.start("after"), at)
    assert shop.died()
    call = shop.start("never")
    for _ in range(2):
        answer = tell(shop, call, at)
        assert (answer.status, answer.body) == (200, b"success")
    assert shop.stop() == 0
    store = shop.store()
    assert store.value("SELECT count(*) FROM event") == 1
    assert store.value("SELECT count(*) FROM inbound") == 1
    store.close()


def test_who_left_and_saw_no_page_has_left(shop: Shop) -> None:
    store = shop.store()
    vault = sealing.Vault(keyring.load(shop.folder / "var" / "lucheng.key"))
    with store.write() as tx:
        tx.run("INSERT INTO person (uid, seed, created_at, changed_at) VALUES ('u1', 1, 0, 0)")
        tx.run(
            "INSERT INTO consent (person_id, channel, purpose, granted, source, at)"
            " VALUES (1, 'wechat', 'marketing', 1, 'test', 1)"
        )
    path = f"/u/{Tokens(store, vault.link_key).make(Use.LEAVE, 1, 1, KINDS.index('wechat'))}"
    with pytest.raises((OSError, HTTPException)):
        shop.start("after")("POST", path, b"List-Unsubscribe=One-Click")
    assert shop.died()
    assert store.value("SELECT granted FROM consent") == 0
    assert shop.start("never")("POST", path, b"List-Unsubscribe=One-Click").status == 200
    assert shop.stop() == 0
    assert store.value("SELECT granted FROM consent") == 0
    assert store.value("SELECT count(*) FROM consent_log") == 1
    store.close()


def tell(shop: Shop, call: Caller, at: int) -> Answer:
    """A callback as WeChat signs it in plain mode."""
    nonce = "4711"
    sign = hashlib.sha1("".join(sorted((TOKEN, str(at), nonce))).encode()).hexdigest()
    chosen = settings.load(shop.config, os.environ | ENVIRON, bots.KINDS)
    link_key = keyring.load(chosen.key.file).link
    path = f"{addresses.hook_path(link_key, 'wechat_main')}?signature={sign}&timestamp={at}&nonce={nonce}"
    return call("POST", path, FOLLOW.format(at=at).encode(), {"content-type": "text/xml"})


def test_the_line_that_is_told_is_where_it_listens(shop: Shop) -> None:
    call = shop.start("never")
    assert json.loads(call("GET", "/healthz").body) == {"alive": True, "database": True, "engine": True}
    assert shop.stop() == 0
