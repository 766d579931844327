"""A customer's whole day over real HTTP: the engine as `run.py start` runs it, WeChat as the sandbox plays it.

She follows, asks for something, buys, gets thanks, follows the link in it, and has enough of it in the evening.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bots import http
from bots.sandbox import ledger, process
from tests import ports
from tests.processes.harness.forks import ROOT

KEY = "till-key-of-the-test"
SHE = "oHerOpenid000000000000000001"
CONFIG = """
shop: {{name: 旅程良品, timezone: {zone}}}
store: {{url: "sqlite:lucheng.db"}}
key: {{file: lucheng.key}}
channels:
  wechat_main: {{kind: wechat, sandbox: "{sandbox}", scenes: {{store_1: {{title: 一号店, tag: 一号店}}}}}}
via: [wechat]
web: {{port: {port}, public_url: "http://127.0.0.1:{port}", api_keys: {{till: "${{TILL_KEY}}"}}}}
"""
FILES = {
    "journeys/catalog.yaml": """
events:
  order.paid: {key: order_id, properties: {order_id: text, amount: {type: money, unit: fen}}}
""",
    "journeys/policy.yaml": """
purposes: {care: {kind: service}, promo: {kind: marketing, quiet: 21:00-09:00}}
""",
    "journeys/hello.yaml": """
journey: hello
purpose: care
status: live
enter: {event: wechat.followed}
again: never
steps:
  - {send: welcome, expires: 10m}
""",
    "journeys/hours.yaml": """
journey: hours
purpose: care
status: live
enter: {event: {name: message.received, where: {text: 营业时间}}}
again: finished
steps:
  - {send: opening_hours, expires: 10m}
""",
    "journeys/thanks.yaml": """
journey: thanks
purpose: care
status: live
enter: {event: order.paid}
key: order_id
steps:
  - {send: thank_you, expires: 1d}
  - wait_for: {clicked: thank_you}
    up_to: 1d
    then:
      - {send: care_tips, expires: 1d}
""",
    "journeys/again.yaml": """
journey: again
purpose: promo
status: live
enter: {event: order.paid}
key: order_id
steps:
  - wait: 1s
  - {send: come_again, expires: 1d}
""",
    "templates/welcome/wechat.yaml": "text: 欢迎光临旅程良品\n",
    "templates/opening_hours/wechat.yaml": "text: 每天十点到二十二点，恭候光临\n",
    "templates/thank_you/text.yaml": 'links: {care: "https://shop.example.com/care"}\n',
    "templates/thank_you/wechat.yaml": 'text: "谢谢您的订单 {{ entry.order_id }}，护理说明：{{ links.care }}"\n',
    "templates/care_tips/wechat.yaml": "text: 第一次清洗请用冷水\n",
    "templates/come_again/wechat.yaml": "text: 老朋友来店立减\n",
}


@dataclass
class Day:
    """The shop at work, and what reached her."""

    folder: Path
    sandbox: process.Sandbox
    base: str
    client: http.Client
    environ: dict[str, str]

    def run(self, *words: str) -> str:
        """A command of the product; what it said."""
        command = [sys.executable, str(ROOT / "run.py"), "--config", str(self.folder / "config.yaml"), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environ, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asks(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def does(self, what: str, **more: Any) -> Any:
        """She does something in WeChat; what WeChat heard from us."""
        reply = self.client.post_json(f"{self.sandbox.url}/wechat/_act", {"do": what, "openid": SHE, **more})
        assert reply.status == 200, reply.body
        return reply.json()

    def buys(self, order: str) -> None:
        event = {"event": "order.paid", "customer": {"openid": SHE}, "id": order,
                 "properties": {"order_id": order, "amount": 199}}  # fmt: skip
        reply = self.client.post_json(f"{self.base}/api/events", event, {"Authorization": f"Bearer {KEY}"})
        assert reply.status == 200, reply.body

    def inbox(self) -> list[str]:
        return [str(one.body.get("text")) for one in ledger.deliveries(self.sandbox.ledger) if one.address == SHE]

    def gets(self, words: str) -> str:
        return _until(lambda: next((text for text in self.inbox() if words in text), ""), words)


def _until(look: Callable[[], str], what: str, seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not come: {what}")


def _zone() -> str:
    """One in which it is about noon: the test is no test of quiet hours."""
    offset = 12 - time.gmtime().tm_hour
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/UTC"


@pytest.fixture
def day(tmp_path: Path, control: http.Client) -> Iterator[Day]:
    port = ports.unused()
    with process.start(tmp_path / "ledger.jsonl") as sandbox:
        for name, text in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (tmp_path / "config.yaml").write_text(
            CONFIG.format(sandbox=sandbox.url, port=port, zone=_zone()), encoding="utf-8"
        )
        (tmp_path / "lucheng.key").write_text(f"1:{'A' * 43}=\n")
        (tmp_path / "lucheng.key").chmod(0o600)
        environ = {**os.environ, "TILL_KEY": KEY}
        one = Day(tmp_path, sandbox, f"http://127.0.0.1:{port}", control, environ)
        command = [sys.executable, str(ROOT / "run.py"), "--config", str(tmp_path / "config.yaml"), "start"]
        with (tmp_path / "engine.log").open("wb") as log:
            engine = subprocess.Popen(command, stderr=log, env=environ)
        try:
            _until(lambda: "started" * ("started" in (tmp_path / "engine.log").read_text()), "the engine")
            (callback,) = [row["callback"] for row in one.asks("channels", "list")["channels"] if row["callback"]]
            heard = control.post_json(f"{sandbox.url}/wechat/_callback", {"url": callback}).json()
            assert heard == {"verified": True, "status": 200}
            yield one
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(60) == 0
        finally:
            engine.kill()
            engine.wait()


@pytest.fixture
def control() -> Iterator[http.Client]:
    client = http.Client(timeout=30)
    yield client
    client.close()


@pytest.mark.processes
def test_a_customers_day(day: Day) -> None:
    assert day.does("follow", key="store_1")["heard"] == [200]
    day.gets("欢迎光临")
    assert day.does("say", text="营业时间。", again=2)["heard"] == [200, 200, 200]
    day.gets("恭候光临")

    day.run("customers", "consent", SHE, "wechat", "marketing", "yes", "--evidence", "门店登记")
    day.buys("D1001")
    day.buys("D1001")  # the till repeats itself
    thanks = day.gets("谢谢您的订单 D1001")
    link = thanks.rpartition("：")[2]
    assert link.startswith(f"{day.base}/c/")
    followed = day.client.get(link)
    assert (followed.status, followed.headers["location"]) == (302, "https://shop.example.com/care")
    day.gets("冷水")

    day.gets("立减")
    said = day.does("say", text="退订")
    assert "已为您退订" in said["said"]
    day.buys("D1002")
    day.gets("谢谢您的订单 D1002")
    _until(lambda: "settled" * (len(_promos(day)) == 2), "the word of policy about the second offer")
    assert sorted(row["state"] for row in _promos(day)) == ["sent", "suppressed"]
    assert len([text for text in day.inbox() if "立减" in text]) == 1

    (customer,) = day.asks("customers", "find", SHE)["customers"]
    shown = json.dumps(day.asks("customers", "show", f"#{customer['id']}"), ensure_ascii=False)
    assert "一号店" in shown and SHE not in (day.folder / "engine.log").read_text()
    assert len(day.inbox()) == 7, day.inbox()
    day.run("audit")


def _promos(day: Day) -> list[dict[str, Any]]:
    rows = day.asks("messages", "list", "--journey", "again")["messages"]
    return [row for row in rows if row["state"] != "queued"]
