"""A day of SMS over real HTTP: sent, reported on, refused with TD, and the refusal holds whatever is killed (C18)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from automation.people import keyring
from automation.store.database import Store
from automation.store.states import MessageState
from automation.web import addresses
from bots.sandbox import ledger, process
from tests.processes.harness import accounts
from tests.processes.harness.forks import ROOT
from tests.web.caller import KEY, Caller

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
HERS = "+8613800000001"
OFFSET = 12 - time.gmtime().tm_hour
ZONE = f"Etc/GMT{-OFFSET:+d}" if OFFSET else "Etc/UTC"  # about noon there: this is no test of lawful hours
FILES = {
    "config.yaml": f"""
shop: {{name: 旅程良品, timezone: {ZONE}}}
store: {{url: "sqlite:lucheng.db"}}
key: {{file: lucheng.key}}
channels: {{sms_main: {{kind: aliyun_sms, sandbox: "SANDBOX"}}}}
via: [sms]
web: {{port: 0, api_keys: {{till: "${{SHOP_KEY}}"}}}}
engine: {{drain: 1s}}
""",
    "journeys/catalog.yaml": "events: {order.paid: {key: order_id, properties: {order_id: text}}}\n",
    "journeys/policy.yaml": "purposes: {care: {kind: service}, promo: {kind: marketing, caps: {all: 9 per 1d}}}\n",
    "journeys/ordered.yaml": """
journey: ordered
purpose: care
status: live
enter: {event: order.paid}
key: order_id
steps:
  - {send: thanks, expires: 1d}
  - wait_for: {delivered: thanks}
    up_to: 1d
    then:
      - tag: 短信送达
""",
    "journeys/offered.yaml": """
journey: offered
purpose: promo
status: live
enter: {event: order.paid}
key: order_id
steps:
  - {send: offer, expires: 1d}
""",
    "templates/thanks/sms.yaml": (
        'template: thanks\nparams: {order: "{{ entry.order_id }}"}\npreview: 【旅程良品】您的订单{order}已付款\n'
    ),
    "templates/offer/sms.yaml": (
        'template: offer\nparams: {order: "{{ entry.order_id }}"}\n'
        "preview: 【旅程良品】订单{order}的老朋友到店立减，旅程良品，拒收请回复R\n"
    ),
}


NOBODY = Caller("")


@dataclass
class Day:
    folder: Path
    sandbox: process.Sandbox
    store: Store
    lives: list[subprocess.Popen[str]] = field(default_factory=list)
    call: Caller = NOBODY

    def start(self, when: str = "never") -> None:
        """The real command, killed `after` the first commit of its web edge and before the answer, or never."""
        life = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.harness.web", str(self.folder / "config.yaml"), when],
            stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"SHOP_KEY": KEY},
        )  # fmt: skip
        self.lives.append(life)
        assert life.stderr is not None
        said = []
        for line in life.stderr:
            said.append(line)
            if found := re.search(r"started on (http://\S+);", line):
                self.call = Caller(found[1])
                path = addresses.hook_path(keyring.load(self.folder / "lucheng.key").link, "sms_main")
                self.asks("_callback", url=f"{found[1]}{path}")
                return
        raise AssertionError("".join(said))

    def asks(self, word: str, **order: Any) -> Any:
        return accounts.ask(self.sandbox.url, f"aliyun/{word}", **order)

    def replies(self, at: int) -> Any:
        (answer,) = self.asks("_act", do="reply", phone=HERS, text="TD", at=at)["answers"]
        return answer

    def buys(self, order: str) -> None:
        event = {"event": "order.paid", "customer": {"phone": HERS}, "id": order, "properties": {"order_id": order}}
        assert self.call.post("/api/events", event).status == 200

    def got(self) -> list[str]:
        return sorted(json.dumps(one.body["params"]) for one in ledger.deliveries(self.sandbox.ledger))

    def states(self) -> list[tuple[str, str, str]]:
        rows = self.store.rows(
            "SELECT s.key, r.key, m.state, m.delivered_at FROM message m JOIN step s ON s.id = m.step"
            " JOIN run r ON r.id = m.run_id ORDER BY m.id"
        )
        return sorted(
            (str(step), str(order), "DELIVERED" if at else MessageState(state).name) for step, order, state, at in rows
        )

    def number(self, sql: str) -> int:
        return int(self.store.value(sql) or 0)


def until(look: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"did not come: {what}"
        time.sleep(0.02)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with process.start(tmp_path / "ledger.jsonl") as sandbox:
        for name, text in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("SANDBOX", sandbox.url), encoding="utf-8")
        keyring.create(tmp_path / "lucheng.key")
        one = Day(tmp_path, sandbox, Store(f"sqlite:{tmp_path / 'lucheng.db'}"))
        yield one
        for life in one.lives:
            life.kill()
            life.wait()
            assert life.stderr is not None
            life.stderr.close()
        one.store.close()


def test_td_ends_marketing_at_once_and_for_good(day: Day) -> None:
    day.start()
    day.buys("D0")  # before she agreed to anything
    until(lambda: day.states() == [("offer", "D0", "SUPPRESSED"), ("thanks", "D0", "SENT")], "the first thanks")
    with day.store.write() as tx:
        tx.run(
            "INSERT INTO consent (person_id, channel, purpose, granted, source, at)"
            " VALUES (1, 'sms', 'marketing', 1, 'test', 1)"
        )
    day.buys("D1")
    until(lambda: ("offer", "D1", "SENT") in day.states(), "the offer")
    until(lambda: ("thanks", "D1", "SENT") in day.states(), "the second thanks")
    told = day.asks("_act", do="report", times=2)
    assert told["reports"] == 6 and all(answer["taken"] for answer in told["answers"])
    assert [state for *_, state in day.states()] == ["SUPPRESSED", "DELIVERED", "DELIVERED", "DELIVERED"]
    until(lambda: day.number("SELECT count(*) FROM person_tag") == 1, "what waited for the report")
    day.lives[-1].kill()

    day.start("after")
    at = int(time.time())
    assert day.replies(at) == {"tries": 4, "status": 0, "taken": False}, "nobody was left to answer"
    assert day.lives[-1].wait(60) == -signal.SIGKILL
    assert day.number("SELECT granted FROM consent WHERE channel = 'sms'") == 0, "what is committed holds"

    day.start()
    assert day.replies(at) == {"tries": 1, "status": 200, "taken": True}
    day.buys("D2")
    until(lambda: ("thanks", "D2", "SENT") in day.states(), "service goes on")
    until(lambda: ("offer", "D2", "SUPPRESSED") in day.states(), "policy's word about marketing")
    reasons = day.store.rows(f"SELECT reason FROM message WHERE state = {MessageState.SUPPRESSED} ORDER BY id")
    assert [row[0] for row in reasons] == ["no consent: sms no consent", "no consent: sms suppressed"]
    assert day.number("SELECT count(*) FROM consent_log") == 1, "said once, however often it was pushed"
    assert day.number("SELECT count(*) FROM suppression") == 1
    assert day.got() == [f'{{"order": "D{number}"}}' for number in (0, 1, 1, 2)]
    day.lives[-1].send_signal(signal.SIGTERM)
    assert day.lives[-1].wait(60) == 0
