"""Followers, tags, QR codes and menus through wechatpy, and what `channels check` asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel import errors
from automation.kernel.ports import Quota
from bots.wechat.account import ApiError


def followers(account: Any) -> list[Any]:
    return [one for page in account.channel().directory.followers() for one in page]


def test_every_page_of_followers_comes_with_what_wechat_tells(account: Any) -> None:
    account.set("follow", openids=[f"o{n:03}" for n in range(250)])
    account.set("follow", openids=["o998", "o999"], scene="store_1")
    account.set("unfollow", openid="o998")
    account.set("tag", tag="VIP", openid="o007")
    account.set("account", page=120)
    found = followers(account)
    assert [one.openid for one in found] == [*(f"o{n:03}" for n in range(250)), "o999"]
    assert (found[7].tags, found[-1].scene, found[0].scene) == (("VIP",), "store_1", "ADD_SCENE_SEARCH")
    assert all(one.unionid and one.since for one in found)
    assert "o007" not in repr(found[7])


def test_nobody_follows(account: Any) -> None:
    assert followers(account) == []


def test_a_tag_is_made_given_and_taken(account: Any) -> None:
    account.set("follow", openids=[f"o{n}" for n in range(60)])
    directory = account.channel().directory
    number = directory.make_tag("老客")
    assert directory.tags() == {"老客": number}
    assert directory.tag(number, [*(f"o{n}" for n in range(60)), "stranger"]) == 1
    assert directory.tagged(number) == {f"o{n}" for n in range(60)}
    assert directory.untag(number, ["o0"]) == 0
    assert len(directory.tagged(number)) == 59
    with pytest.raises(ApiError) as caught:
        directory.make_tag("老客")
    assert caught.value.code == 45157


def test_a_qr_code_for_ever_or_for_some_time(account: Any) -> None:
    directory = account.channel(scenes={"store_1": {"title": "一号店", "tag": "门店"}}).directory
    assert directory.scenes == {"store_1": "一号店"}
    assert directory.scene_code("store_1").seconds is None
    assert directory.scene_code("store_1", 99_999_999).seconds == 2_592_000


def test_a_revoked_token_is_fetched_once_for_calls_of_the_account(account: Any) -> None:
    directory = account.channel().directory
    assert directory.menu() == []
    before = account.set("revoke")["fetched"]
    assert directory.tags() == {}
    assert account.set("world")["fetched"] == before + 1


def test_a_wrong_secret_says_what_to_do(account: Any) -> None:
    account.channel().directory.menu()
    wrong = account.channel(secret="another", cache=type(account.cache)())
    with pytest.raises(errors.Refused, match="40125: the AppSecret is wrong"):
        wrong.directory.menu()
    (finding,) = wrong.check(0)
    assert (finding.what, finding.ok) == ("access token", False)


def test_check_looks_at_the_account_and_every_template(account: Any) -> None:
    account.set("account", templates=["TPL-1"], subscriptions=["SUB-1"])
    shop = account.channel(
        templates={"paid": {"id": "TPL-1"}, "sent": {"id": "TPL-2"}}, subscriptions={"drop": {"id": "SUB-1"}}
    )
    assert {one.what: one.ok for one in shop.check(0)} == {
        "access token": True, "account": True, "template paid": True, "template sent": False, "subscription drop": True,
    }  # fmt: skip
    account.set("account", service=False)
    assert {one.what: one.ok for one in shop.check(0)}["account"] is False


def test_quotas_are_what_wechat_says_is_used(account: Any) -> None:
    account.set("window", openid="o1", messages=None)
    account.set("account", limits={"/cgi-bin/message/custom/send": 10})
    shop = account.channel()
    shop._calls.post("/cgi-bin/message/custom/send", [b'{"touser":"o1","msgtype":"text","text":{"content":"x"}}'])
    assert shop.quotas(0)[0] == Quota("customer_service", 1, 10)
    assert [one.name for one in shop.quotas(0)] == ["customer_service", "template", "subscribe", "mass"]


def test_a_provider_that_is_away_is_said(account: Any) -> None:
    with pytest.raises(errors.ServiceAway):
        account.channel(sandbox="http://127.0.0.1:9").directory.menu()
    (finding,) = account.channel(sandbox="http://127.0.0.1:9").check(0)
    assert finding.ok is False


Ask = Callable[[str, str, bytes], Any]


@pytest.fixture
def ask(account: Any) -> Ask:
    """One raw call of the interface with a good token: method, path, body."""
    token = account.channel()._tokens.get()

    def call(method: str, path: str, body: bytes) -> Any:
        url = f"{account.server.url}/wechat/cgi-bin{path}?access_token={token}"
        reply = account.control.get(url) if method == "GET" else account.control.post(url, body)
        return reply.json()["errcode"]

    return call


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/message/custom/send", b"", 44002),
        ("POST", "/message/custom/send", b"[]", 47001),
        ("POST", "/message/custom/send", b"{", 47001),
        ("GET", "/message/custom/send", b"", 43002),
        ("POST", "/message/custom/send", b'{"touser":"o1","msgtype":"tune"}', 40008),
        ("POST", "/message/custom/send", b'{"touser":"o1","msgtype":"text"}', 44004),
        ("POST", "/message/custom/send", b'{"touser":"o1","msgtype":"news","news":{"articles":[{},{}]}}', 45008),
        ("POST", "/message/custom/send", b'{"touser":"o1","msgtype":"image","image":{"media_id":"expired1"}}', 40007),
        ("POST", "/message/custom/typing", b'{"touser":"o1","command":"Typing"}', 45080),
        ("POST", "/message/template/send", b'{"touser":"o1","template_id":"T"}', 47003),
        ("POST", "/message/template/send", b'{"template_id":"T","data":{"thing1":{"value":"a\\nb"}}}', 47003),
        ("POST", "/message/template/send", b'{"touser":"o1","template_id":"unknown1","data":{}}', 40037),
        ("POST", "/message/mass/send", b'{"touser":["o1"],"msgtype":"text","text":{"content":"x"}}', 40130),
        ("POST", "/message/mass/send", b'{"touser":"o1"}', 40031),
        ("POST", "/message/mass/sendall", b'{"filter":{"tag_id":5},"msgtype":"text","text":{"content":"x"}}', 40152),
        ("POST", "/message/mass/sendall", b'{"filter":{"is_to_all":true},"msgtype":"text","text":{"content":"x"}}', 0),
        ("POST", "/user/info/batchget", b'{"user_list":[]}', 40032),
        ("POST", "/tags/members/batchtagging", b'{"openid_list":["o1"],"tagid":7}', 45159),
        ("POST", "/qrcode/create", b'{"action_name":"QR_SCENE"}', 40052),
        ("POST", "/menu/create", b'{"button":[]}', 40016),
        ("POST", "/openapi/quota/get", b'{"cgi_path":"/no/such"}', 76021),
        ("GET", "/user/info", b"", 40003),
        ("GET", "/nothing", b"", 40066),
    ],
)  # fmt: skip
def test_the_sandbox_refuses_as_wechat_does(
    account: Any, ask: Ask, method: str, path: str, body: bytes, code: int
) -> None:
    account.set("follow", openid="o1")
    assert ask(method, path, body) == code


def test_a_token_that_is_missing_or_wrong_is_told_apart(account: Any) -> None:
    url = f"{account.server.url}/wechat/cgi-bin/menu/get"
    assert account.control.get(url).json()["errcode"] == 41001
    assert account.control.get(f"{url}?access_token=x").json()["errcode"] == 40001


def test_a_plain_token_call_spoils_the_token_before_it_only_after_five_minutes(account: Any) -> None:
    base = f"{account.server.url}/wechat/cgi-bin"
    wanted = f"{base}/token?grant_type=client_credential&appid={account.appid}&secret=x"
    first, second = (account.control.get(wanted).json()["access_token"] for _ in range(2))
    assert first != second
    assert account.control.get(f"{base}/tags/get?access_token={first}").json()["errcode"] == 0
