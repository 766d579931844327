"""Who opens a page: the address, WeChat's redirect, the code, and states that are not ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from automation.kernel import errors
from bots import http
from bots.wechat.oauth import LASTS, OAuth
from bots.wechat.options import WechatOptions

NOW = 1_795_330_800
PAGE = "https://shop.example.com/draw?lot=7"


@pytest.fixture
def oauth(account: Any) -> Iterator[OAuth]:
    client = http.Client(timeout=5)
    given = {"appid": account.appid, "secret": "S3CRET-OF-THE-ACCOUNT", "sandbox": account.server.url}
    yield OAuth(WechatOptions.model_validate(given), client)
    client.close()


def came_back(account: Any, address: str) -> tuple[str, str]:
    """Code and state that WeChat sends the browser of the account's viewer back with."""
    reply = account.control.get(address.partition("#")[0])
    assert reply.status == 302, reply.body
    where = reply.headers["location"]
    assert where.startswith(PAGE)
    query = parse_qs(urlsplit(where).query)
    return query["code"][0], query["state"][0]


def test_a_visitor_is_who_they_are_once(account: Any, oauth: OAuth) -> None:
    account.set("follow", openid="o1")
    account.set("account", viewer="o1")
    code, state = came_back(account, oauth.address(PAGE, "draw7", "cookie", NOW))
    visitor = oauth.visitor(code, state, "cookie", NOW + 5)
    assert (visitor.who.value, visitor.where, list(visitor.who.also)) == ("o1", "draw7", ["unionid"])
    assert "o1" not in repr(visitor)
    with pytest.raises(errors.Refused, match="40163"):
        oauth.visitor(code, state, "cookie", NOW + 6)
    with pytest.raises(errors.Refused, match="40029"):
        oauth.visitor("codeX", state, "cookie", NOW + 6)


def test_a_fault_of_ours_is_not_the_visitors(account: Any, oauth: OAuth) -> None:
    account.set("follow", openid="o1")
    account.set("account", viewer="o1")
    code, state = came_back(account, oauth.address(PAGE, "draw7", "cookie", NOW))
    oauth.visitor(code, state, "cookie", NOW)
    client = http.Client(timeout=5)
    given = {"appid": account.appid, "secret": "ANOTHER", "sandbox": account.server.url}
    wrong = OAuth(WechatOptions.model_validate(given), client)
    code, state = came_back(account, wrong.address(PAGE, "draw7", "cookie", NOW))
    with pytest.raises(errors.ServiceAway, match="40125: the AppSecret"):
        wrong.visitor(code, state, "cookie", NOW)
    client.close()


@pytest.mark.parametrize("code", [-1, 40013, 40164, 45011, 50002])
def test_only_a_code_that_is_spent_is_refused(provider: Any, code: int) -> None:
    seen = provider(lambda word, _: b'{"errcode":%d,"errmsg":"x"}' % code)
    client = http.Client(timeout=5)
    asked = OAuth(WechatOptions.model_validate({"appid": "wx123456", "secret": "S3CRET", "sandbox": seen[0]}), client)
    state = parse_qs(urlsplit(asked.address(PAGE, "", "cookie", NOW)).query)["state"][0]
    with pytest.raises(errors.ServiceAway, match=str(code)):
        asked.visitor("code1", state, "cookie", NOW)
    client.close()


def test_a_state_is_letters_and_digits_and_not_too_long(oauth: OAuth) -> None:
    state = parse_qs(urlsplit(oauth.address(PAGE, "d" * 64, "cookie", NOW)).query)["state"][0]
    assert state.isalnum()
    assert len(state) <= 128
    with pytest.raises(ValueError, match="letters"):
        oauth.address(PAGE, "a&b", "cookie", NOW)


def test_a_state_that_is_forged_foreign_or_old_is_refused_before_wechat_is_asked(oauth: OAuth) -> None:
    state = parse_qs(urlsplit(oauth.address(PAGE, "draw7", "cookie", NOW)).query)["state"][0]
    for wrong, browser, now in (
        (state, "another cookie", NOW), (state + "8", "cookie", NOW), ("f" + state[1:], "cookie", NOW),
        ("", "cookie", NOW), ("x" * 48, "cookie", NOW), (state[:40] + "ffffffff" + state[48:], "cookie", NOW),
        (state, "cookie", NOW + LASTS + 1),
    ):  # fmt: skip
        with pytest.raises(errors.Refused):
            oauth.visitor("code1", wrong, browser, now)


def test_the_real_address_is_wechats_own() -> None:
    oauth = OAuth(WechatOptions.model_validate({"appid": "wx123456", "secret": "S3CRET"}), http.Client())
    address = oauth.address(PAGE, "", "cookie", NOW)
    assert address.startswith(
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx123456&redirect_uri=https%3A%2F%2F"
    )
    assert address.endswith("#wechat_redirect")
    assert "S3CRET" not in address
