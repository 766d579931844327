"""A shop on disk with a few obviously made-up customers, and the command line as a function."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import run
from automation.cli import edge
from automation.cli.session import Session
from automation.kernel.clock import FixedClock

NOW = 1_795_330_800  # 2026-11-22 15:00 in Shanghai, a Sunday
CUSTOMERS = """\
姓名,手机号,邮箱,生日,会员等级,营销同意,标签
王芳,13800000001,a@example.com,1990-03-08,gold,是,老客
李雷,13800000002,,11-25,silver,否,
韩梅,13800000003,c@example.com,农历八月十五,basic,是,
坏人,123,,,,,
"""
EVENTS = """\
手机号,事件,时间,order_id,amount
13800000001,order.paid,2026-01-05 10:00,D1,29900
13800000002,order.paid,2026-11-05 10:00,D2,9900
"""
CONFIG = """\
shop: {name: 测试店}
folders: {journeys: SHELF/journeys, templates: SHELF/templates}
channels:
  sms_main: {kind: sandbox, plays: sms, url: "http://127.0.0.1:9"}
  mail_main: {kind: mail, host: 127.0.0.1, port: 9, tls: none, from_address: shop@example.com, from_name: 测试店}
via: [sms, email]
web: {port: off}
staff:
  ops: {name: 运营, channel: mail_main, address: ops@example.com}
  owner: {name: 顾问, channel: mail_main, address: owner@example.com}
  complaint_lead: {name: 客诉, channel: mail_main, address: lead@example.com}
  operator: {name: 值班, channel: mail_main, address: operator@example.com}
import: {headers: {tags: [标签], consent: [营销同意]}}
"""
SHIPPED = Path(run.__file__).parent
JOURNEYS = {
    "dormant_wakeup": """\
journey: dormant_wakeup
title: 沉睡客户唤醒
purpose: promo
status: live
enter: {segment: dormant_90d, check: daily 09:00, existing: include}
again: after 180d
goal: {event: order.paid, up_to: 14d, value: amount}
steps:
  - {send: wakeup_hello, via: [sms], expires: 12h}
  - {wait_for: {clicked: wakeup_hello}, id: hello_click, up_to: 3d}
  - {tag: 流失风险, for: 90d}
""",
    "paid": """\
journey: paid
purpose: service
status: live
enter: {event: order.paid}
key: order_id
again: never
steps:
  - {wait: 3d, id: rest}
  - {points: 10, reason: 购物}
""",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class Shop:
    """A shop's folder, and the command line in it."""

    folder: Path
    clock: FixedClock
    capsys: pytest.CaptureFixture[str]
    answers: str = ""  # what is typed when a command asks

    def __call__(self, *arguments: str | Path) -> Done:
        words: Sequence[str] = ["--config", str(self.folder / "config.yaml"), *map(str, arguments)]
        session = Session(run.kinds, run.build, self.clock, hook=run.hook)
        self.capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(self.answers))
            code = edge.run(session, words)
        written = self.capsys.readouterr()
        return Done(code, written.out, written.err)

    def fine(self, *arguments: str | Path) -> Done:
        """The same, where nothing may go wrong."""
        done = self(*arguments)
        assert done.code == 0, done.err + done.out
        return done

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of config.yaml of a shop with two journeys and one text: small, so that each command is quick."""
    shelf = tmp_path_factory.mktemp("shelf")
    (shelf / "journeys").mkdir()
    for name in ("catalog", "segments", "coupons", "festivals", "policy"):
        shutil.copy(SHIPPED / "journeys" / f"{name}.yaml", shelf / "journeys")
    for name, text in JOURNEYS.items():
        (shelf / "journeys" / f"{name}.yaml").write_text(text, encoding="utf-8")
    for name in ("_layouts", "wakeup_hello"):
        shutil.copytree(SHIPPED / "templates" / name, shelf / "templates" / name)
    return CONFIG.replace("SHELF", str(shelf))


@pytest.fixture
def bare(tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str], sqlite_template: bytes) -> Shop:
    """A shop with settings, key and an empty database."""
    from automation.people import keyring

    shop = Shop(tmp_path, FixedClock(NOW), capsys)
    shop.write("config.yaml", config)
    keyring.create(tmp_path / "var" / "lucheng.key")
    (tmp_path / "var" / "lucheng.db").write_bytes(sqlite_template)
    return shop


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, config: str, sqlite_template: bytes) -> tuple[bytes, bytes]:
    """The database and the key of a shop with three customers, two orders and the journeys installed."""
    from automation.people import keyring

    folder = tmp_path_factory.mktemp("furnished")
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    keyring.create(folder / "var" / "lucheng.key")
    (folder / "var" / "lucheng.db").write_bytes(sqlite_template)
    (folder / "c.csv").write_text(CUSTOMERS, encoding="utf-8")
    (folder / "e.csv").write_text(EVENTS, encoding="utf-8")
    for words in (("import", "customers", "c.csv"), ("import", "events", "e.csv"), ("tick",)):
        placed = [str(folder / word) if word.endswith(".csv") else word for word in words]
        session = Session(run.kinds, run.build, FixedClock(NOW))
        assert edge.run(session, ["--config", str(folder / "config.yaml"), *placed]) == 0
    return (folder / "var" / "lucheng.db").read_bytes(), (folder / "var" / "lucheng.key").read_bytes()


@pytest.fixture
def shop(tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str], furnished: tuple[bytes, bytes]) -> Shop:
    """A shop with #ids of three customers, two orders and the journeys installed."""
    made = Shop(tmp_path, FixedClock(NOW), capsys)
    made.write("config.yaml", config)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "lucheng.db").write_bytes(furnished[0])
    key = tmp_path / "var" / "lucheng.key"
    key.touch(0o600)
    key.write_bytes(furnished[1])
    return made
