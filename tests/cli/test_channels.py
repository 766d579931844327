"""Channels at the command line: how each stands, what it says of itself, what is left of its day."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from automation.kernel import errors
from automation.kernel.ports import Finding, Quota
from automation.store.database import Store
from bots.sandbox.channel import SandboxChannel

NOW = 1_795_330_800  # 2026-11-22 15:00 in Shanghai
FINE = Finding("token", True, "given")


@pytest.fixture
def limited(shop: Any) -> Any:
    config = shop.folder / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("plays: sms,", "plays: sms, daily_quota: 1, rate: 5,")
    config.write_text(text, encoding="utf-8")
    return shop


def put(shop: Any, sql: str) -> None:
    store = Store(f"sqlite:{shop.folder}/var/lucheng.db")
    with store.write() as tx:
        tx.run(sql)
    store.checkpoint("TRUNCATE")
    store.close()


def looks(monkeypatch: pytest.MonkeyPatch, *found: Finding, quotas: Sequence[Quota] = ()) -> None:
    """The sandbox channel learns to be asked, as those of real platforms can."""
    monkeypatch.setattr(SandboxChannel, "check", lambda self, now: found, raising=False)
    monkeypatch.setattr(SandboxChannel, "quotas", lambda self, now: quotas, raising=False)


def test_the_list_says_what_each_can_do_and_what_is_left(limited: Any) -> None:
    sms, mail = limited.fine("channels", "list", "--json").json["channels"]
    assert (sms["name"], sms["kind"], sms["rate"], sms["left"], sms["state"]) == ("sms_main", "sms", "5/s", 1, "ok")
    assert (mail["left"], mail["in_flight"]) == (None, 16)
    assert "sms_main" in limited.fine("channels", "list").out


def test_what_rests_is_seen_in_the_list_and_by_the_doctor(limited: Any) -> None:
    limited.fine("channels", "list")
    put(limited, "INSERT INTO channel_state (channel, failures, open_until, last_error)"
        f" VALUES ('mail_main', 12, {NOW + 60}, 'unavailable 500')")  # fmt: skip
    put(limited, "INSERT INTO lane_state (channel, lane, closed_until, why)"
        f" VALUES ('sms_main', 'sms', {NOW + 3600}, 'not_allowed isv.SIGN')")  # fmt: skip
    sms, mail = limited.fine("channels", "list", "--json").json["channels"]
    assert (mail["resting"], mail["state"]) == (True, "rests after 12 failures: unavailable 500")
    assert sms["state"] == "sms rests: not_allowed isv.SIGN"
    assert sms["until"] == "2026-11-22T16:00:00+08:00"
    told = {one["about"]: one for one in limited("doctor", "--json").json["looks"]}
    assert told["channel mail_main"]["level"] == "problem"
    assert told["channel sms_main, lane sms"]["level"] == "problem"
    assert "channels check" in told["channel sms_main, lane sms"]["says"]


def test_a_check_that_fails_ends_with_three_and_says_what_to_do(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, FINE)
    done = shop.fine("channels", "check", "sms_main", "--json")
    assert done.json == {"works": True, "findings": [
        {"channel": "sms_main", "level": "ok", "what": "token", "said": "given", "hint": "", "rule": ""}]}  # fmt: skip
    looks(monkeypatch, FINE, Finding("signature", False, "not approved", "ask for it in the console"))
    done = shop("channels", "check", "sms_main")
    assert done.code == 3
    assert "ask for it in the console" in done.out


def test_a_provider_that_is_away_is_a_failure_of_its_own(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Any, now: int) -> Sequence[Finding]:
        raise errors.ServiceAway("nobody answers")

    monkeypatch.setattr(SandboxChannel, "check", away, raising=False)
    assert shop("channels", "check", "sms_main").code == 3


@pytest.mark.parametrize("kind", ["wechat", "wecom", "aliyun_sms", "tencent_sms"])
def test_where_the_sandbox_of_a_channel_does_not_run_the_check_says_how_to_start_it(shop: Any, kind: str) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    pretended = f'channels:\n  pretended: {{kind: {kind}, sandbox: "http://127.0.0.1:9"}}'
    shop.write("config.yaml", text.replace("channels:", pretended, 1))
    done = shop("channels", "check", "pretended", "--json")
    assert done.code == 3
    failed = [one for one in done.json["findings"] if one["level"] == "fail"]
    start = "is the sandbox running? Start it with `python -m bots.sandbox`, on the port that `sandbox` names"
    assert failed
    assert {one["hint"] for one in failed} == {start}


def test_a_rule_that_the_shop_set_aside_is_no_failure(
    shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looks(monkeypatch, FINE, Finding("SPF", False, "no record", "add it", "MAIL-05"), Finding("DKIM", False, "no key"))
    found = shop("channels", "check", "sms_main", "--json").json["findings"]
    assert [one["level"] for one in found] == ["ok", "fail", "fail"]
    config = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    old = re.search(r"journeys: ([^,]+),", config)
    assert old is not None
    shutil.copytree(shop.folder / old[1].strip('"'), tmp_path / "own")
    with (tmp_path / "own" / "policy.yaml").open("a", encoding="utf-8") as file:
        file.write("\noverrides: {MAIL-05: 发信域名由集团统一管理}\n")
    shop.write("config.yaml", config.replace(old[0], f"journeys: {tmp_path / 'own'},"))
    found = shop("channels", "check", "sms_main", "--json").json["findings"]
    assert [one["level"] for one in found] == ["ok", "warn", "fail"]
    assert found[1]["hint"] == "MAIL-05 is set aside: 发信域名由集团统一管理"


def test_quotas_are_told_by_our_books_and_by_the_provider(limited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, quotas=[Quota("messages a day", 7, 100, NOW + 5)])
    ours, theirs = limited.fine("channels", "quota", "sms_main", "--json").json["quotas"]
    assert (ours["whose"], ours["used"], ours["left"]) == ("ours", 0, 1)
    assert (theirs["whose"], theirs["used"], theirs["left"]) == ("provider", 7, 93)


def test_a_channel_that_there_is_not_is_refused_with_the_name_meant(shop: Any) -> None:
    done = shop("channels", "check", "sms_man")
    assert done.code != 0
    assert "did you mean sms_main?" in done.err


def test_a_campaign_beyond_the_budget_of_the_day_is_told_before_it_starts(limited: Any) -> None:
    asked = ("--segment", "buyers_365d", "--text", "wakeup_hello", "--via", "sms", "--purpose", "service")
    found = limited.fine("campaign", "plan", *asked, "--json").json
    assert found["lanes"] == {"sms_main/sms": 2}
    assert found["over_budget"] == [
        {"channel": "sms_main", "lane": "", "messages": 2, "left": 1, "limit": 1, "days": 2}
    ]
    assert "it takes 2 days" in limited.fine("campaign", "plan", *asked).out


def test_the_report_of_a_campaign_adds_up(shop: Any) -> None:
    sent = shop.fine("campaign", "send", "--segment", "buyers_365d", "--text", "wakeup_hello", "--via", "sms", "--yes",
                     "--json").json  # fmt: skip
    shop.fine("tick")
    found = shop.fine("messages", "report", "--campaign", sent["campaign"], "--json").json
    assert (found["planned"], found["missed"], found["on_the_way"], found["adds_up"]) == (2, 1, 1, True)
    assert found["missed_by"] == {"suppressed": {"no consent": 1}}
    assert shop.fine("campaign", "show", sent["campaign"], "--json").json["report"] == found
    assert "missed" in shop.fine("campaign", "show", sent["campaign"]).out
    assert shop("messages", "report", "--journey", "nowhere").code != 0


def test_a_callback_stands_on_a_line_of_its_own_to_be_copied(shop: Any) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    wechat = 'channels:\n  wechat_main: {kind: wechat, sandbox: "http://127.0.0.1:9"}'
    text = text.replace("channels:", wechat).replace("{port: off}", "{port: 8080}")
    shop.write("config.yaml", text)
    assert "web.public_url is not set" in shop.fine("channels", "list").out
    shop.write("config.yaml", text.replace("{port: 8080}", "{port: 8080, public_url: https://crm.example.com}"))
    one = next(row for row in shop.fine("channels", "list", "--json").json["channels"] if row["name"] == "wechat_main")
    assert one["callback"].startswith("https://crm.example.com/hooks/wechat_main/")
    assert f"  wechat_main  {one['callback']}\n" in shop.fine("channels", "list").out
