"""A mass message of a subscription account, from a tag that both sides know to WeChat's own report, over real HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import run
from automation import settings
from automation.app import App
from automation.kernel.clock import SystemClock
from automation.web import addresses
from automation.web.server import Edge
from bots import http
from bots.sandbox import ledger, process

Order: TypeAlias = Callable[..., dict[str, Any]]
CHANNEL = """\
  wechat_main:
    kind: wechat
    sandbox: "{url}"
    account: subscription
    tags: [茶友]
    in_flight: 100
via:"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("sandbox") / "ledger.jsonl") as server:
        yield server


@pytest.fixture
def order(running: process.Sandbox) -> Iterator[Order]:
    client = http.Client(timeout=5)

    def give(name: str, **data: Any) -> dict[str, Any]:
        found = client.post_json(f"{running.url}/wechat/_{name}", data).json()
        assert isinstance(found, dict)
        assert "errcode" not in found, found
        return found

    give("reset")
    give("account", service=False)
    yield give
    client.close()


@pytest.fixture
def shop(shop: Any, running: process.Sandbox, order: Order, tmp_path: Path) -> Any:
    """With five followers, four of whom have the tag; o4 has not agreed to marketing."""
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shelf = tmp_path / "templates"
    (shelf / "spring").mkdir(parents=True)
    (shelf / "spring" / "wechat.yaml").write_text("mass: {text: 新茶上市，全店八折}\n", encoding="utf-8")
    before, _, after = text.partition("templates: ")
    rest = after.partition("}")[2]
    text = f"{before}templates: {shelf}}}{rest}"
    shop.write("config.yaml", text.replace("via:", CHANNEL.format(url=running.url)))
    order("follow", openids=["o1", "o2", "o3", "o4", "o5"])
    order("tag", tag="茶友", openids=["o1", "o2", "o3", "o4"])
    shop.fine("wechat", "followers", "pull")
    for openid in ("o1", "o2", "o3", "o5"):
        consent(shop, openid, "yes")
    return shop


def consent(shop: Any, openid: str, word: str) -> None:
    shop.fine("customers", "consent", openid, "wechat", "marketing", word, "--evidence", "柜台")


def got(running: process.Sandbox, before: int) -> list[str]:
    return sorted(one.address for one in list(ledger.deliveries(running.ledger))[before:])


def test_a_tag_of_both_sides_gets_it_but_whoever_may_not(shop: Any, running: process.Sandbox, order: Order) -> None:
    before = len(list(ledger.deliveries(running.ledger)))
    words = ("--tag", "茶友", "--text", "spring", "--via", "wechat_main")
    plan = shop.fine("campaign", "plan", *words).out
    assert "gathered first" in plan
    name = shop.fine("campaign", "send", *words, "--yes", "--json").json["campaign"]
    shop.fine("tick")
    assert got(running, before) == [], "nothing leaves before somebody says so"
    (row,) = shop.fine("wechat", "mass", "list", "--json").json["gathered"]
    assert (row["name"], row["people"]) == (name, 3)
    consent(shop, "o2", "no")
    assert shop("wechat", "mass", "send", name).code == 2, "asks"
    done = shop.fine("wechat", "mass", "send", name, "--yes", "--json").json["mass_messages"][0]
    assert (done["sent"], done["kept_back"]) == (2, {"no consent": 1})
    assert got(running, before) == ["o1", "o3"]
    tagged = order("world")["tagged"]
    assert [people for tag, people in tagged.items() if tag.startswith("lucheng_")] == [["o1", "o3"]]
    assert shop.fine("campaign", "show", name, "--json").json["messages"] == {"sent": 2, "suppressed": 2}
    assert shop("wechat", "mass", "send", name).code == 1, "nothing is left"
    shop.clock.set(shop.clock.now() + 4 * 86_400)
    shop.fine("wechat", "mass", "list")
    assert list(order("world")["tagged"]) == ["茶友"]
    assert shop.fine("audit", "--json").json["holds"]


@pytest.fixture
def edge(shop: Any) -> Iterator[str]:
    """The web edge of the same shop, on the clock of the sandbox; the address that WeChat calls."""
    app = App(
        settings.load(shop.folder / "config.yaml", os.environ, run.kinds()), run.build, SystemClock(), None, run.hook
    )
    made = Edge(app)
    made.start()
    yield made.url + addresses.hook_path(app.vault.link_key, "wechat_main")
    made.stop()
    app.close()


def test_wechats_report_is_a_receipt_of_each_and_the_tag_goes(shop: Any, order: Order, edge: str) -> None:
    words = ("--tag", "茶友", "--text", "spring", "--via", "wechat_main", "--yes", "--json")
    name = shop.fine("campaign", "send", *words).json["campaign"]
    shop.fine("tick")
    done = shop.fine("wechat", "mass", "send", name, "--yes", "--json").json["mass_messages"][0]
    shop.fine("wechat", "mass", "list")
    assert len(order("world")["tagged"]) == 2, "until WeChat has reported"
    assert order("callback", url=edge)["verified"]
    report = {"do": "mass_report", "message": done["mass_message"], "status": "send success", "again": 1}
    assert order("act", **report)["heard"] == [200, 200]
    assert shop.fine("campaign", "show", name, "--json").json["delivered"] == 3
    shop.fine("wechat", "mass", "list")
    assert list(order("world")["tagged"]) == ["茶友"]


def test_what_is_called_off_reaches_nobody(shop: Any, running: process.Sandbox) -> None:
    before = len(list(ledger.deliveries(running.ledger)))
    words = ("--tag", "茶友", "--text", "spring", "--via", "wechat_main", "--yes", "--json")
    name = shop.fine("campaign", "send", *words).json["campaign"]
    shop.fine("tick")
    assert "3 messages called off" in shop.fine("wechat", "mass", "drop", name, "--yes").out
    assert shop("wechat", "mass", "send", name, "--yes").code == 1
    assert got(running, before) == []


def test_what_left_since_a_backup_was_made_does_not_leave_again_after_a_restore(
    shop: Any, running: process.Sandbox
) -> None:
    before = len(list(ledger.deliveries(running.ledger)))
    words = ("--tag", "茶友", "--text", "spring", "--via", "wechat_main", "--yes", "--json")
    name = shop.fine("campaign", "send", *words).json["campaign"]
    shop.fine("tick")
    shop.fine("backup", shop.folder / "copy.db")
    shop.fine("wechat", "mass", "send", name, "--yes")
    (shop.folder / "old").mkdir()
    for path in (shop.folder / "var").glob("lucheng.db*"):
        path.rename(shop.folder / "old" / path.name)
    assert "3 messages held" in shop.fine("restore", shop.folder / "copy.db").out
    shop.fine("resume-all")
    assert shop.fine("wechat", "mass", "list", "--json").json["gathered"] == []
    assert shop("wechat", "mass", "send", name, "--yes").code == 1
    assert got(running, before) == ["o1", "o2", "o3"]
    assert shop.fine("audit", "--json").json["holds"]


def test_a_tag_that_nobody_has_is_said(shop: Any) -> None:
    done = shop("campaign", "plan", "--tag", "咖友", "--text", "spring")
    assert (done.code, "咖友" in done.err) == (1, True)
    assert shop("campaign", "plan", "--tag", "茶友", "--segment", "buyers_365d", "--text", "spring").code == 2
