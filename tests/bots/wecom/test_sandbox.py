"""The pretend WeCom is as strict as the real one: tokens, permissions, errcodes; and it calls back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from automation.kernel import clock
from automation.kernel.hooks import Did, Request
from bots import http
from bots.wecom.hook import WecomHook
from bots.wecom.options import WecomOptions
from tests.bots.memory import MemoryCache
from tests.bots.wecom.conftest import Company, customer

TASK = {"chat_type": "single", "external_userid": ["wm1"], "text": {"content": "您好"}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"corpid": "ww0000000000sandbox"}, 41004),
        ({"corpid": "ww-nobody", "corpsecret": "pretend-app-secret"}, 40013),
        ({"corpid": "ww0000000000sandbox", "corpsecret": "wrong"}, 40001),
    ],
)
def test_a_token_needs_the_right_company_and_secret(company: Company, query: dict[str, str], code: int) -> None:
    assert company.raw("gettoken", **query)["errcode"] == code


def test_a_token_is_given_again_while_it_holds_and_opens_only_its_own_side(company: Company) -> None:
    assert company.token() == company.token()
    path = "externalcontact/add_msg_template"
    assert company.raw(path, TASK)["errcode"] == 41001
    assert company.raw(path, TASK, access_token="made-up")["errcode"] == 40014
    assert company.raw(path, TASK, access_token=company.token("pretend-app-secret"))["errcode"] == 48002
    assert company.raw("message/send", {}, access_token=company.token())["errcode"] == 48002


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"chat_type": "both"}, 40058),
        ({"external_userid": []}, 40058),
        ({"external_userid": "wm1"}, 40058),
        ({"external_userid": ["staff_01"]}, 41048),
        ({"sender": "staff_99"}, 40058),
        ({"text": {}}, 44004),
        ({"text": {"content": "长" * 1334}}, 45002),
        ({"attachments": [{"msgtype": "link"}]}, 40058),
        ({"attachments": [{"msgtype": "image", "image": {"media_id": "M"}}] * 10}, 40058),
        ({"chat_type": "group"}, 40058),
    ],
)
def test_a_task_that_is_none_is_refused(company: Company, change: dict[str, Any], code: int) -> None:
    path = "externalcontact/add_msg_template"
    assert company.raw(path, {**TASK, **change}, access_token=company.token())["errcode"] == code


def test_bodies_that_are_no_json_object_are_refused(company: Company) -> None:
    url = f"{company.server.url}/wecom/cgi-bin/message/send?access_token={company.token('pretend-app-secret')}"
    for body in (b"", b"[]", b"{", b"\xff"):
        assert company.client.post(url, body).json()["errcode"] == 47001  # type: ignore[index]


def test_an_unknown_interface_is_not_found_and_orders_are_checked(company: Company) -> None:
    token = company.token()
    url = f"{company.server.url}/wecom"
    assert company.client.post_json(f"{url}/cgi-bin/user/create?access_token={token}", {}).status == 404
    assert company.client.post(f"{url}/_act", b"{}", {"Content-Type": "text/plain"}).status == 415
    for wrong in ({"do": "dance"}, {"do": "confirm", "task": "none"}, {"do": "add_friend", "employee": "x"}, [1]):
        assert company.client.post_json(f"{url}/_act", wrong).status == 422
    company.client.post_json(f"{url}/_callback", {"url": "https://crm.example.com/hook"})
    assert company.client.post_json(f"{url}/_act", {"do": "add_friend", "customer": "wm1"}).status == 422


class Receiver(BaseHTTPRequestHandler):
    """Keeps what comes, and answers with the statuses it was given."""

    heard: list[Request]
    statuses: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append(Request("POST", dict(parse_qsl(urlsplit(self.path).query)), {}, body))
        self.send_response(self.statuses.pop(0) if self.statuses else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    made = type("Receiving", (Receiver,), {"heard": [], "statuses": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/wecom_main/s", made
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_it_calls_back_over_http_and_our_hook_takes_it(
    company: Company, receiver: tuple[str, type[Receiver]], control: http.Client
) -> None:
    url, heard = receiver
    control.post_json(f"{company.server.url}/wecom/_callback", {"url": url})
    one = customer()
    answer = company.act("add_friend", customer=one, employee="staff_02", state="展会")
    assert answer["heard"] == [200]
    hook = WecomHook("wecom_main", WecomOptions.model_validate({"sandbox": company.server.url}), MemoryCache())
    now = clock.SystemClock().now()
    (sent,) = heard.heard
    hook.verify(sent, now)
    (did,) = hook.parse(sent, now)
    assert isinstance(did, Did)
    assert (did.event, did.who.value, did.welcome) == ("wecom.friend_added", one, answer["welcome_code"])
    assert did.props == {"employee": "staff_02", "scene": "展会"}


def test_a_callback_that_fails_is_repeated_three_times_with_the_same_signature(
    company: Company, receiver: tuple[str, type[Receiver]], control: http.Client
) -> None:
    url, heard = receiver
    control.post_json(f"{company.server.url}/wecom/_callback", {"url": url})
    heard.statuses.extend([500, 503])
    assert company.act("add_friend", customer=customer())["heard"] == [200]
    assert len({sent.query["msg_signature"] for sent in heard.heard}) == 1
    assert len(heard.heard) == 3
    heard.statuses.extend([500] * 3)
    assert company.act("add_friend", customer=customer())["heard"] == [500]
    control.post_json(f"{company.server.url}/wecom/_callback", {"url": "http://127.0.0.1:1/x"})
    assert company.act("add_friend", customer=customer())["heard"] == [0]
