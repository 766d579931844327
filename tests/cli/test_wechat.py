"""`wechat` against the sandbox's own WeChat: a menu, QR codes, followers that become customers, tags on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bots import http
from bots.sandbox import process

Order: TypeAlias = Callable[..., dict[str, Any]]
MENU = """\
buttons:
  - {name: 会员中心, view: "https://shop.example.com/me"}
  - name: 服务
    buttons:
      - {name: 我的积分, click: points}
      - {name: 扫码领券, scan: coupon}
      - {name: 小程序, mini_program: {appid: wx1234567890, page: pages/a, url: "https://shop.example.com"}}
"""
CHANNEL = """\
  wechat_main:
    kind: wechat
    sandbox: "{url}"
    scenes: {{store_1: {{title: 一号店, tag: 门店}}}}
    tags: [门店, VIP]
via:"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("sandbox") / "ledger.jsonl") as server:
        yield server


@pytest.fixture
def shop(shop: Any, running: process.Sandbox) -> Any:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text.replace("via:", CHANNEL.format(url=running.url)))
    return shop


@pytest.fixture
def order(running: process.Sandbox) -> Iterator[Order]:
    """Sets the stage of the account, which nobody has heard of at first."""
    client = http.Client(timeout=5)

    def give(name: str, **data: Any) -> dict[str, Any]:
        found = client.post_json(f"{running.url}/wechat/_{name}", data).json()
        assert isinstance(found, dict)
        assert "errcode" not in found, found
        return found

    give("reset")
    yield give
    client.close()


def test_a_menu_is_pushed_and_shown(shop: Any, order: Order) -> None:
    shop.write("wechat_menu.yaml", MENU)
    assert shop.fine("wechat", "menu", "show", "--json").json == {"buttons": []}
    shop.fine("wechat", "menu", "push")
    assert order("world")["menu"][1]["sub_button"][0] == {"type": "click", "name": "我的积分", "key": "points"}
    shown = shop.fine("wechat", "menu", "show", "--json").json["buttons"]
    assert [row["does"] for row in shown] == ["view", "", "click", "scancode_push", "miniprogram"]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ('buttons:\n  - {name: 会员, vew: "https://a.example.com"}\n', ":2:16"),
        ("buttons:\n  - {name: 会员}\n", ":2:5"),
        ("buttons:\n  - {name: 会员中心会员中心, click: a}\n", ":2:12"),
        ("buttons:\n  - {name: 会员, click: a, view: 'https://a.example.com'}\n", ":2:5"),
        ("buttons:\n  - {name: 会员, click: a, buttons: [{name: b, click: c}]}\n", ":2:26"),
        ("buttons:\n" + "  - {name: 会员, click: a}\n" * 4, ":2:3"),
        ("buttons: []\n", ":1:10"),
        ("buttons:\n  - {name: 会员, view: javascript:1}\n", ":2:22"),
        ("buttons:\n  - {name: 会员, click: " + "长" * 50 + "}\n", ":2:23"),
    ],
)
def test_a_wrong_menu_is_told_with_its_place_and_not_pushed(shop: Any, order: Order, wrong: str, place: str) -> None:
    shop.write("wechat_menu.yaml", wrong)
    done = shop("wechat", "menu", "push")
    assert done.code == 1
    assert f"wechat_menu.yaml{place}" in done.err + done.out
    assert order("world")["menu"] is None


def test_a_qr_code_is_made_for_a_scene_of_the_settings_only(shop: Any, order: Order) -> None:
    made = shop.fine("wechat", "qr", "make", "store_1", "--for", "30d", "--json").json
    assert made["content"].startswith("http://weixin.qq.com/q/")
    assert made["picture"].startswith("https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=")
    assert "store_1" in shop("wechat", "qr", "make", "store_2").err
    assert shop("wechat", "qr", "make", "store_1", "--for", "31d").code == 2


def test_a_follower_is_the_customer_who_is_known_by_the_unionid(shop: Any, order: Order) -> None:
    unionid = f"sandbox_union_{hashlib.sha256(b'o1').hexdigest()[:24]}"
    shop.fine("import", "customers", shop.write("u.csv", f"手机号,unionid\n13800000009,{unionid}\n"))
    order("follow", openids=["o1", "o2"])
    shop.fine("wechat", "followers", "pull")
    found = [
        shop.fine("customers", "find", word, "--json").json["customers"][0]["id"] for word in ("13800000009", "o1")
    ]
    assert found[0] == found[1]


def test_followers_become_customers_once(shop: Any, order: Order) -> None:
    order("follow", openids=[f"o{n}" for n in range(130)])
    order("unfollow", openid="o5")
    order("tag", tag="VIP", openid="o7")
    order("tag", tag="other", openid="o7")
    order("account", page=60)
    for _ in range(2):
        assert "129 followers" in shop.fine("wechat", "followers", "pull").out
    people = shop.fine("customers", "show", "o7", "--json").json
    assert [tag["tag"] if isinstance(tag, dict) else tag for tag in people["tags"]] == ["VIP"]
    assert shop("customers", "show", "o5").code == 1


def test_tags_are_made_the_same_on_both_sides(shop: Any, order: Order) -> None:
    order("follow", openids=["o1", "o2", "o3", "o4"])
    shop.fine("wechat", "followers", "pull")
    order("tag", tag="VIP", openids=["o1", "o2"])
    shop.fine("customers", "tag", "o3", "VIP")
    rows = shop.fine("wechat", "tags", "sync", "--json").json["tags"]
    assert [(row["here"], row["gone"], row["there"]) for row in rows] == [(0, 0, 0), (2, 0, 1)]
    assert order("world")["tagged"] == {"门店": [], "VIP": ["o1", "o2", "o3"]}
    assert _tags(shop, "o1") == ["VIP"]
    order("tag", tag="VIP", openids=["o1", "o3"], remove=True)  # o3's was given here: it comes back
    rows = shop.fine("wechat", "tags", "sync", "--json").json["tags"]
    assert [(row["here"], row["gone"], row["there"]) for row in rows] == [(0, 0, 0), (0, 1, 1)]
    assert order("world")["tagged"]["VIP"] == ["o2", "o3"]
    assert _tags(shop, "o1") == []


def test_one_who_left_meanwhile_does_not_stop_the_tags_of_others(shop: Any, order: Order) -> None:
    order("follow", openids=["o1", "o2", "o3"])
    shop.fine("wechat", "followers", "pull")
    for openid in ("o1", "o2", "o3"):
        shop.fine("customers", "tag", openid, "门店")
    order("unfollow", openid="o2")
    rows = shop.fine("wechat", "tags", "sync", "--json").json["tags"]
    assert (rows[0]["there"], rows[0]["refused"]) == (2, 1)
    assert order("world")["tagged"]["门店"] == ["o1", "o3"]


def test_no_account_or_one_too_many_is_said(shop: Any, running: process.Sandbox) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    twice = text.replace("via:", CHANNEL.format(url=running.url).replace("wechat_main", "wechat_two"))
    shop.write("config.yaml", twice)
    done = shop("wechat", "menu", "show")
    assert (done.code, "--channel" in done.err) == (2, True)
    shop.write(
        "config.yaml", twice.replace("kind: wechat", "kind: sandbox\n    plays: sms\n    url: x").split("scenes")[0]
    )
    assert shop("wechat", "menu", "show").code == 1


def test_a_provider_that_is_away_is_exit_code_3(shop: Any, tmp_path: Path) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    port = text.partition('sandbox: "http://127.0.0.1:')[2].partition('"')[0]
    shop.write("config.yaml", text.replace(f'sandbox: "http://127.0.0.1:{port}"', 'sandbox: "http://127.0.0.1:9"'))
    assert shop("wechat", "menu", "show").code == 3


def _tags(shop: Any, openid: str) -> list[str]:
    found = shop.fine("customers", "show", openid, "--json").json["tags"]
    return [tag["tag"] if isinstance(tag, dict) else tag for tag in found]


def test_a_menu_that_nobody_wrote_is_asked_for(shop: Any) -> None:
    done = shop("wechat", "menu", "push")
    assert done.code
    assert "there is no wechat_menu.yaml" in done.err
