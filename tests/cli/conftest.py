"""A shop on disk with a few obviously made-up customers, and the command line as a function."""

from __future__ import annotations

import json
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
folders: {journeys: SHIPPED/journeys, templates: SHIPPED/templates}
channels:
  sms_main: {kind: sandbox, plays: sms, url: "http://127.0.0.1:9"}
  mail_main: {kind: mail, host: 127.0.0.1, port: 9, tls: none, from_address: shop@example.com, from_name: 测试店}
via: [sms, email]
staff:
  ops: {name: 运营, channel: mail_main, address: ops@example.com}
  owner: {name: 顾问, channel: mail_main, address: owner@example.com}
  complaint_lead: {name: 客诉, channel: mail_main, address: lead@example.com}
  operator: {name: 值班, channel: mail_main, address: operator@example.com}
import: {headers: {tags: [标签], consent: [营销同意]}}
"""
SHIPPED = Path(run.__file__).parent


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

    def __call__(self, *arguments: str | Path) -> Done:
        words: Sequence[str] = ["--config", str(self.folder / "config.yaml"), *map(str, arguments)]
        session = Session(run.kinds, run.build, self.clock)
        self.capsys.readouterr()
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


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str], sqlite_template: bytes) -> Shop:
    """A shop with settings, key and an empty database."""
    from automation.people import keyring

    shop = Shop(tmp_path, FixedClock(NOW), capsys)
    shop.write("config.yaml", CONFIG.replace("SHIPPED", str(SHIPPED)))
    keyring.create(tmp_path / "var" / "lucheng.key")
    (tmp_path / "var" / "lucheng.db").write_bytes(sqlite_template)
    return shop


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, sqlite_template: bytes) -> tuple[bytes, bytes]:
    """The database and the key of a shop with three customers, two orders and the journeys installed."""
    from automation.people import keyring

    folder = tmp_path_factory.mktemp("furnished")
    (folder / "config.yaml").write_text(CONFIG.replace("SHIPPED", str(SHIPPED)), encoding="utf-8")
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
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], furnished: tuple[bytes, bytes]) -> Shop:
    """A shop with #ids of three customers, two orders and the journeys installed."""
    made = Shop(tmp_path, FixedClock(NOW), capsys)
    made.write("config.yaml", CONFIG.replace("SHIPPED", str(SHIPPED)))
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "lucheng.db").write_bytes(furnished[0])
    key = tmp_path / "var" / "lucheng.key"
    key.touch(0o600)
    key.write_bytes(furnished[1])
    return made
