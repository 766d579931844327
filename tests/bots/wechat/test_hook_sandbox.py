"""The sandbox's WeChat calls back through real HTTP, and understands what the hook answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest

from automation.kernel import clock
from automation.kernel.hooks import Did, Forgery, Granted, Happening, Receipt, Reply, Request, Said, Who
from bots import http
from bots.sandbox import ledger, process
from bots.wechat.hook import WechatHook
from bots.wechat.options import WechatOptions

DEEDS = [
    ("follow", {"key": "store_01"}, "wechat.followed"), ("unfollow", {}, "wechat.unfollowed"),
    ("scan", {"key": "store_01"}, "wechat.scanned"), ("click", {"key": "benefits"}, "wechat.menu_clicked"),
    ("view", {"key": "https://example.com/"}, "wechat.menu_clicked"),
    ("menu_message", {"key": "101", "text": "满意"}, "wechat.menu_clicked"),
    ("event", {"members": {"Event": "of_tomorrow"}}, "wechat.other"),
]  # fmt: skip


@dataclass
class Desk:
    """A web server with the hook behind it. `reply` is answered to everything; `fails` so many times it answers 503."""

    hook: WechatHook
    appid: str
    control: http.Client
    sandbox: process.Sandbox
    url: str = ""
    reply: str = ""
    fails: int = 0
    happened: list[Happening] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def take(self, request: Request) -> tuple[int, bytes]:
        self.requests.append(request)
        now = clock.SystemClock().now()
        try:
            self.hook.verify(request, now)
        except Forgery:
            return 403, b""
        if self.fails:
            self.fails -= 1
            return 503, b""
        self.happened += self.hook.parse(request, now)
        reply = Reply(Who("openid", "oSANDBOX0001"), self.reply) if self.reply else None
        return 200, self.hook.answer(request, reply).body

    def post(self, path: str, **order: Any) -> dict[str, Any]:
        whose = {"openid": "oSANDBOX0001"} if path == "_act" else {}
        answer = self.control.post_json(f"{self.sandbox.url}/wechat/{path}", {"appid": self.appid, **whose, **order})
        found = answer.json()
        assert isinstance(found, dict)
        assert answer.status == 200, found
        return found

    def one(self) -> Happening:
        (found,) = self.happened
        return found


@pytest.fixture
def desk(sandbox: process.Sandbox, control: http.Client) -> Iterator[Desk]:
    appid = f"wx{uuid4().hex[:16]}"
    options = WechatOptions.model_validate({"appid": appid, "sandbox": sandbox.url, "plain": True})
    made = Desk(WechatHook("wechat_main", options), appid, control, sandbox)

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            status, answer = made.take(Request(self.command, query, {}, body))
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _any

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/hooks/wechat_main/secret"
    yield made
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("mode", ["safe", "compatible", "plain"])
def test_in_every_mode_a_message_comes_in_and_a_reply_goes_out(desk: Desk, mode: str) -> None:
    assert desk.post("_callback", url=desk.url, mode=mode) == {"verified": True, "status": 200}
    desk.reply = "已退订 ]]> 😀"
    answer = desk.post("_act", do="say", text="退订]]>")
    assert (answer["heard"], answer["said"]) == ([200], desk.reply)
    said = desk.one()
    assert isinstance(said, Said)
    assert said.text == "退订]]>"
    shown = [one for one in ledger.deliveries(desk.sandbox.ledger) if one.channel == desk.appid]
    assert [(one.lane, one.body) for one in shown] == [("passive_reply", {"text": desk.reply})]


def test_after_a_restart_of_the_sandbox_no_message_has_the_number_of_an_older_one(desk: Desk) -> None:
    desk.post("_callback", url=desk.url)
    for text in ("你好", "退订"):
        desk.post("_act", do="say", text=text)
    numbers = [int(one.dedupe.split()[1]) for one in desk.happened if isinstance(one, Said)]
    assert len(set(numbers)) == 2
    assert all(abs(number // 10_000_000 - clock.SystemClock().now()) < 60 for number in numbers)


@pytest.mark.parametrize(("do", "more", "event"), DEEDS, ids=[do for do, _, _ in DEEDS])
def test_each_deed_is_told_as_wechat_tells_it(desk: Desk, do: str, more: dict[str, Any], event: str) -> None:
    desk.post("_callback", url=desk.url)
    assert desk.post("_act", do=do, **more)["heard"] == [200]
    did = desk.one()
    assert isinstance(did, Did)
    assert did.event == event


def test_reports_and_grants_are_told(desk: Desk) -> None:
    desk.post("_callback", url=desk.url)
    for do, more in (
        ("report", {"message": "7"}), ("report", {"message": "8", "status": "failed:user block"}),
        ("mass_report", {"message": "9", "status": "send success"}), ("used", {"message": "10", "template": "T1"}),
        ("allow", {"template": "T1"}), ("refuse", {"template": "T1"}), ("send", {"kind": "image"}),
    ):  # fmt: skip
        desk.post("_act", do=do, **more)
    receipts = [(one.provider_id, one.kind) for one in desk.happened if isinstance(one, Receipt)]
    assert receipts == [("7", "delivered"), ("8", "failed"), ("9", "delivered"), ("10", "delivered")]
    assert [one.count for one in desk.happened if isinstance(one, Granted)] == [1, None]


def test_what_was_not_answered_comes_again_and_only_so_often(desk: Desk) -> None:
    desk.post("_callback", url=desk.url)
    desk.requests.clear()
    desk.fails = 2
    assert desk.post("_act", do="say", text="a")["heard"] == [503, 503, 200]
    assert len({request.body for request in desk.requests}) == 1
    desk.fails = 9
    assert desk.post("_act", do="say", text="b")["heard"] == [503, 503, 503]


def test_an_answer_that_was_lost_brings_the_same_request_again(desk: Desk) -> None:
    desk.post("_callback", url=desk.url)
    desk.reply = "好"
    answer = desk.post("_act", do="say", text="a", again=2)
    assert (answer["heard"], answer["all"]) == ([200] * 3, ["好"] * 3)
    assert len({one.dedupe for one in desk.happened if isinstance(one, Said)}) == 1


def test_a_wrong_token_is_heard_as_a_refusal(desk: Desk) -> None:
    assert desk.post("_callback", url=desk.url, token="another") == {"verified": False, "status": 403}
    assert desk.post("_act", do="say", text="a")["heard"] == [403] * 3
    assert desk.happened == []


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("_callback", {"url": "http://example.com/"}), ("_callback", {"url": "https://127.0.0.1/"}), ("_callback", {}),
        ("_act", {"do": "dance", "openid": "oCUSTOMER0001"}), ("_act", {"openid": "oCUSTOMER0001"}),
    ],
)  # fmt: skip
def test_the_sandbox_calls_nobody_but_this_machine(desk: Desk, path: str, order: dict[str, Any]) -> None:
    answer = desk.control.post_json(f"{desk.sandbox.url}/wechat/{path}", order)
    assert answer.status == 422


def test_a_deed_of_nobody_is_refused_with_what_is_due(desk: Desk) -> None:
    answer = desk.control.post_json(f"{desk.sandbox.url}/wechat/_act", {"do": "follow"})
    assert answer.status == 422
    assert "openid is due" in str(answer.json())
