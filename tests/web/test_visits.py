"""The page of one's own choices, opened from the menu of an official account: a browser, our edge and WeChat."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import run
from automation import settings
from automation.app import App
from automation.kernel.clock import FixedClock
from automation.people import keyring
from automation.tracking import visiting
from automation.web.callers import WRONG
from automation.web.server import Edge
from bots import http
from bots.sandbox import process
from tests.web.caller import Answer, Caller
from tests.web.conftest import CATALOG, NOW

ME = "/wechat/wechat_main/me"
CONFIG = """\
shop: {{name: 测试店}}
channels:
  wechat_main: {{kind: wechat, sandbox: "{sandbox}"}}
  mail_main: {{kind: mail, host: 127.0.0.1, port: 9, tls: none, from_address: shop@example.com, from_name: 测试店}}
via: [wechat, email]
store: {{url: "sqlite:shop.db"}}
web: {{port: 0, public_url: https://crm.example.com}}
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("sandbox") / "ledger.jsonl") as running:
        yield running


@pytest.fixture
def stage(sandbox: process.Sandbox) -> Iterator[Callable[..., None]]:
    client = http.Client(timeout=5)

    def order(name: str, **data: Any) -> None:
        reply = client.post_json(f"{sandbox.url}/wechat/_{name}", data)
        assert reply.status == 200 and "errcode" not in reply.members(), reply.body

    order("reset")
    yield order
    client.close()


@pytest.fixture
def app(tmp_path: Path, sandbox: process.Sandbox, sqlite_template: bytes) -> Iterator[App]:
    for name in ("journeys", "templates"):
        (tmp_path / name).mkdir()
    (tmp_path / "journeys" / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG.format(sandbox=sandbox.url), encoding="utf-8")
    (tmp_path / "shop.db").write_bytes(sqlite_template)
    keyring.create(tmp_path / "var" / "lucheng.key")
    made = App(settings.load(tmp_path / "config.yaml", os.environ, run.kinds()), run.build, FixedClock(NOW))
    assert not made.project.problems
    yield made
    made.close()


@dataclass
class Browser:
    """A telephone: keeps our cookies and goes where it is sent, to the sandbox or to our edge."""

    ours: Caller
    wechat: http.Client
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, method: str = "GET", body: bytes | None = None) -> Answer:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        answer = self.ours(method, path, body, headers)
        given = re.match(r"(\w+)=\"?([^;\"]*)\"?;.*?Max-Age=(\d+)", answer.headers.get("set-cookie", ""))
        if given:
            self.cookies[given[1]] = given[2]
            if given[3] == "0":
                del self.cookies[given[1]]
        return answer

    def through_wechat(self) -> str:
        """Opens the menu's address; the path that WeChat sends the browser back to."""
        begun = self.get(ME)
        assert begun.status == 302, begun.body
        reply = self.wechat.get(begun.headers["location"].partition("#")[0])
        assert reply.status == 302, reply.body
        back = urlsplit(reply.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == f"https://crm.example.com{ME}"
        return f"{back.path}?{back.query}"


@pytest.fixture
def browser(app: App) -> Iterator[Browser]:
    edge = Edge(app)
    edge.start()
    client = http.Client(timeout=5)
    yield Browser(Caller(edge.url), client)
    client.close()
    edge.stop()


@pytest.fixture
def customer(app: App, stage: Callable[..., None]) -> int:
    """Whose telephone it is, with consent to marketing by WeChat."""
    from automation.people import profiles, registry
    from automation.people.identities import Identity

    stage("follow", openid="oFANG0001")
    stage("account", viewer="oFANG0001")
    people = registry.opened(app.store, app.vault, app.project.catalog, app.settings.shop.timezone)
    with app.store.write() as tx:
        person = profiles.recognise(people, tx, NOW, [Identity("openid", "oFANG0001", "wechat_main")])
        tx.run("INSERT INTO consent (person_id, channel, purpose, granted, source, at) VALUES (:p, 'wechat',"
               " 'marketing', 1, 'test', 1)", p=person)  # fmt: skip
    return person


def test_a_follower_finds_their_own_page_and_leaves(browser: Browser, app: App, customer: int) -> None:
    opened = browser.get(browser.through_wechat())
    assert (opened.status, opened.headers["location"][:3]) == (302, "/m/")
    assert browser.cookies == {}, "used once"
    page = browser.get(opened.headers["location"])
    assert (page.status, "不再接收微信推广" in page.body.decode()) == (200, True)
    assert b"oFANG" not in page.body
    assert browser.get(opened.headers["location"], "POST", b"do=stop").status == 200
    row = app.store.row("SELECT granted, evidence FROM consent WHERE person_id = :p", p=customer)
    assert row == (0, "their own page, opened inside the platform's app")


def test_the_cookie_is_for_this_browser_and_this_page_only(browser: Browser, customer: int) -> None:
    begun = browser.get(ME)
    cookie = begun.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Secure", f"Path={ME}", "Max-Age=600"))
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    assert browser.cookies["visit"] not in begun.headers["location"]
    assert state.isalnum()


def test_a_code_is_good_once(browser: Browser, customer: int) -> None:
    back = browser.through_wechat()
    kept = dict(browser.cookies)
    assert browser.get(back).status == 302
    assert browser.get(back).status == 403, "the cookie is gone"
    browser.cookies = kept
    again = browser.get(back)
    assert (again.status, "请重新打开" in again.body.decode()) == (403, True), "and WeChat knows the code was used"


def test_a_fault_of_ours_is_told_in_the_log_and_counts_against_nobody(
    browser: Browser, sandbox: process.Sandbox, customer: int, caplog: pytest.LogCaptureFixture
) -> None:
    begun = browser.get(ME)
    appid = parse_qs(urlsplit(begun.headers["location"]).query)["appid"][0]
    first = f"appid={appid}&secret=another&code=none&grant_type=authorization_code"
    assert b"40029" in browser.wechat.get(f"{sandbox.url}/wechat/sns/oauth2/access_token?{first}").body
    back = browser.through_wechat()
    for _ in range(WRONG + 1):
        page = browser.get(back)
        assert (page.status, "请稍后再试" in page.body.decode()) == (503, True)
    assert "wechat_main does not tell who visits: WeChat refused with errcode 40125: the AppSecret" in caplog.text


def test_the_threads_that_ask_end_with_the_server(app: App) -> None:
    edge = Edge(app)
    edge.start()
    visits = edge._site.close.__self__  # type: ignore[attr-defined]
    edge.stop()
    with pytest.raises(RuntimeError, match="shutdown"):
        visits._threads.submit(int)


def test_another_browser_cannot_come_back_with_somebodys_state(browser: Browser, customer: int) -> None:
    back = browser.through_wechat()
    other = Browser(browser.ours, browser.wechat)
    assert other.get(back).status == 403
    other.through_wechat()
    assert other.get(back).status == 403, "with a cookie of its own"
    assert browser.get(back).status == 302, "which costs the right one nothing"


def test_an_old_or_forged_state_is_refused(browser: Browser, app: App, customer: int) -> None:
    back = browser.through_wechat()
    assert browser.get(back[:-1] + ("A" if back[-1] != "A" else "B")).status == 403
    assert isinstance(app.clock, FixedClock)
    app.clock.set(NOW + 601)
    assert browser.get(back).status == 403


def test_nothing_in_the_address_decides_where_the_browser_goes(browser: Browser, customer: int) -> None:
    begun = browser.get(f"{ME}?redirect_uri=https://evil.example.com&next=//evil.example.com")
    assert "evil" not in begun.headers["location"]
    back = browser.through_wechat()
    assert browser.get(f"{back}&redirect_uri=//evil.example.com").headers["location"].startswith("/m/")


def test_the_page_closes_after_half_an_hour(browser: Browser, app: App, customer: int) -> None:
    path = browser.get(browser.through_wechat()).headers["location"]
    assert isinstance(app.clock, FixedClock)
    app.clock.set(NOW + visiting.LASTS)
    assert browser.get(path).status == 200
    app.clock.set(NOW + visiting.LASTS + 1)
    assert browser.get(path).status == 404
    assert browser.get(path, "POST", b"do=stop").status == 404
    assert app.store.value("SELECT granted FROM consent") == 1


def test_a_stranger_is_told_to_follow_and_nobody_is_made(
    browser: Browser, app: App, stage: Callable[..., None]
) -> None:
    stage("account", viewer="oSTRANGER")
    page = browser.get(browser.through_wechat())
    assert (page.status, "请先关注" in page.body.decode()) == (404, True)
    assert app.store.value("SELECT count(*) FROM person") == 0


def test_a_preview_uses_no_code_up(browser: Browser, customer: int) -> None:
    back = browser.through_wechat()
    assert browser.get(back, "HEAD").status == 302
    assert browser.get(back).headers["location"].startswith("/m/")


def test_only_official_accounts_have_such_a_page(browser: Browser) -> None:
    for name in ("mail_main", "nobody", "..%2fhooks"):
        assert browser.get(f"/wechat/{name}/me").status == 404


def test_without_a_viewer_the_sandbox_asks_who_it_is(browser: Browser, stage: Callable[..., None]) -> None:
    stage("follow", openids=["oFANG0001", "oLEI0002"])
    begun = browser.get(ME).headers["location"].partition("#")[0]
    page = browser.wechat.get(begun)
    chosen = re.findall(r'href="([^"]*_viewer=oLEI0002[^"]*)"', page.body.decode())
    assert page.status == 200 and len(chosen) == 1
    again = browser.wechat.get(begun.partition("?")[0] + chosen[0].replace("&amp;", "&"))
    assert (again.status, again.headers["location"].startswith("https://crm.example.com")) == (302, True)
