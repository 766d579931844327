"""A running web edge on a port of its own, over a shop with a catalog of a few events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from automation import settings
from automation.app import App
from automation.kernel.clock import FixedClock
from automation.people import keyring
from automation.web.server import Edge
from bots import registry as bots
from tests.web.caller import Caller

NOW = 1_795_330_800  # 2026-11-22 15:00 in Shanghai
KEY = "shop-key-of-a-test"
CONFIG = """\
shop: {name: 测试店}
channels:
  wechat_main: {kind: sandbox, plays: wechat, url: "http://127.0.0.1:9"}
  sms_main: {kind: sandbox, plays: sms, url: "http://127.0.0.1:9"}
  mail_main: {kind: mail, host: 127.0.0.1, port: 9, tls: none, from_address: shop@example.com, from_name: 测试店}
via: [sms, email]
web:
  port: 0
  public_url: https://crm.example.com
  api_keys: {shop: "${SHOP_KEY}", till: "${TILL_KEY}"}
"""
CATALOG = """\
fields:
  city: text
  tier: {type: choice, order: [basic, silver, gold]}
  birthday: date
  balance: money
events:
  order.paid:
    title: 付款
    key: order_id
    properties: {order_id: text, amount: {type: money, unit: yuan}, items: {type: list}}
  page.viewed: {title: 浏览, properties: {page: text, seconds: number}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journeys").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "journeys" / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def make_app(folder: Path, store_url: str) -> Iterator[Callable[..., App]]:
    made = []

    def make(more: str = "", **named: Any) -> App:
        text = CONFIG + more + f'store: {{url: "{store_url}"}}\n'
        if store_url.startswith("postgresql"):
            text = CONFIG + more + 'store: {url: "${STORE_URL}"}\n'
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        environ = os.environ | {"SHOP_KEY": KEY, "TILL_KEY": "till-key", "STORE_URL": store_url}
        if not (folder / "var" / "lucheng.key").exists():
            keyring.create(folder / "var" / "lucheng.key")
        chosen = settings.load(folder / "config.yaml", environ, bots.KINDS)
        app = App(chosen, lambda name, known, cache: bots.build(name, known.channels[name].kind, known.channels[name]),
                  FixedClock(NOW), **named)  # fmt: skip
        assert not app.project.problems
        made.append(app)
        return app

    yield make
    for app in made:
        app.close()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app()


@pytest.fixture
def edge(app: App) -> Iterator[Edge]:
    made = Edge(app)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def call(edge: Edge) -> Caller:
    return Caller(edge.url)


@pytest.fixture
def keyed() -> Mapping[str, str]:
    return {"authorization": f"Bearer {KEY}"}
