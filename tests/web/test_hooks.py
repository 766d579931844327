"""Callbacks: only with the secret, verified before they are read, recorded before they are answered, never a 500."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from automation.app import App
from automation.kernel.hooks import Did, Forgery, Happening, Reply, Request, Response, Said, Unreadable, Who
from automation.web import addresses, hooks
from automation.web.server import Edge
from tests.web.caller import Answer, Caller


class Platform:
    """A hook that is genuine where the request says so, and notes in which order it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.requests: list[Request] = []

    def verify(self, request: Request, now: int) -> None:
        self.asked.append("verify")
        self.requests.append(request)
        if request.query.get("sign") == "boom":
            raise ValueError("13800000001")
        if request.query.get("sign") != "good":
            raise Forgery("signature")

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        self.asked.append("parse")
        if request.method == "GET":
            return ()
        if request.body == b"boom":
            raise KeyError("13800000001")
        if not request.body.startswith(b"{"):
            raise Unreadable("no XML")
        found: dict[str, Any] = json.loads(request.body)
        who = Who("openid", found["openid"])
        if "texts" in found:
            return [Said(who, "TD", now, number) for number in found["texts"]]
        if "text" in found:
            return (Said(who, found["text"], now, found["id"]),)
        return (Did(who, "wechat.followed", now, found["id"]),)

    def answer(self, request: Request, reply: Reply | None) -> Response:
        self.asked.append("answer")
        if request.method == "GET":
            return Response(body=request.query["echostr"].encode())
        return Response(body=b"success" if reply is None else reply.text.encode())


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def app(make_app: Callable[..., App], platform: Platform) -> App:
    return make_app(hook=lambda name, settings, cache: platform if name == "wechat_main" else None)


Tell = Callable[..., Answer]


@pytest.fixture
def tell(call: Caller, app: App) -> Iterator[Tell]:
    path = addresses.hook_path(app.vault.link_key, "wechat_main")

    def told(body: object = None, sign: str = "good", method: str = "POST", **headers: str) -> Answer:
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return call(method, f"{path}?sign={sign}&echostr=e1", content, headers)

    yield told


FOLLOW = {"openid": "o-fake-1", "id": "m1"}


def test_the_address_is_answered_on_trial(tell: Tell, app: App) -> None:
    answer = tell(method="GET")
    assert (answer.status, answer.body) == (200, b"e1")
    assert app.store.value("SELECT count(*) FROM inbound") == 0


def test_what_happened_is_recorded_once_however_often_it_is_told(tell: Tell, app: App, platform: Platform) -> None:
    for _ in range(3):
        answer = tell(FOLLOW)
        assert (answer.status, answer.body) == (200, b"success")
    assert platform.asked[:3] == ["verify", "parse", "answer"]
    assert app.store.value("SELECT count(*) FROM inbound") == 1
    assert app.store.value("SELECT count(*) FROM event_queue") == 1
    assert app.store.rows("SELECT kind, account FROM identity") == [("openid", "wechat_main")]


def test_a_forgery_is_refused_before_it_is_read(tell: Tell, app: App, platform: Platform, call: Caller) -> None:
    answers = [tell(b"<!DOCTYPE bomb>", sign="bad"), tell(FOLLOW, sign="boom"), tell(sign="bad", method="GET")]
    assert {(one.status, one.body) for one in answers} == {(403, b"forbidden")}
    assert platform.asked == ["verify"] * 3
    assert app.store.value("SELECT count(*) FROM inbound") == 0
    text = call("GET", "/metrics").body.decode()
    assert 'lucheng_web_forged_total{channel="wechat_main",code="signature"} 2.0' in text
    assert 'lucheng_web_forged_total{channel="wechat_main",code="unforeseen"} 1.0' in text


def test_one_thing_that_cannot_be_stored_costs_none_of_the_others(tell: Tell, app: App) -> None:
    answer = tell({"openid": "o-fake-1", "texts": ["m1", "\ud800", "m3"]})
    assert (answer.status, answer.body) == (200, b"success")
    assert app.store.rows("SELECT kind FROM inbound ORDER BY kind") == [("said",), ("said",), ("unreadable",)]
    assert app.store.value("SELECT granted FROM consent WHERE purpose = 'marketing'") == 0


@pytest.mark.parametrize("body", [b"", b"not xml", b"boom", b"\xff\xfe\x00"])
def test_a_genuine_one_that_cannot_be_read_is_kept_and_answered(tell: Tell, app: App, body: bytes) -> None:
    answer = tell(body)
    assert (answer.status, answer.body) == (200, b"success")
    kept = app.store.value("SELECT count(*) FROM inbound WHERE kind = 'unreadable'")
    assert kept == bool(body)  # of an empty one there is nothing to keep
    assert app.store.value("SELECT count(*) FROM event") == 0


@pytest.mark.parametrize(
    "path",
    [
        "/hooks/wechat_main/", "/hooks/wechat_main/x", "/hooks/sms_main/{sms}", "/hooks/none/{none}",
        "/hooks/wechat_main/{sms}",
    ],
)  # fmt: skip
def test_without_its_secret_there_is_nothing(call: Caller, app: App, platform: Platform, path: str) -> None:
    key = app.vault.link_key
    asked = path.format(sms=addresses.secret(key, "sms_main"), none=addresses.secret(key, "none"))
    answer = call("POST", asked + "?sign=good", b"{}")
    assert answer.status == 404
    assert platform.asked == []


def test_secrets_differ_and_cannot_be_guessed_from_each_other(app: App) -> None:
    key = app.vault.link_key
    one, two = addresses.secret(key, "a"), addresses.secret(key, "b")
    assert (len(one), len(two)) == (32, 32)
    assert one != two
    assert addresses.is_hook(key, "a", one)
    assert not addresses.is_hook(key, "a", two)
    assert not addresses.is_hook(key, "a", "ä" * 32)


def test_a_body_is_bounded_before_anything_is_known_of_it(tell: Tell, platform: Platform) -> None:
    assert tell(b"x" * (hooks.MOST_XML + 1), **{"content-type": "text/xml"}).status == 413
    assert tell(b"x" * (hooks.MOST + 1)).status == 413
    assert platform.asked == []
    assert tell(b"x" * hooks.MOST_XML, **{"content-type": "text/xml"}).status == 200


def test_the_hook_hears_who_called_behind_the_proxy(tell: Tell, platform: Platform) -> None:
    tell(FOLLOW, **{"x-forwarded-for": "203.0.113.5"})
    (request,) = platform.requests
    assert (request.peer, request.method, request.query["sign"]) == ("203.0.113.5", "POST", "good")


def test_many_at_once_lose_nothing(tell: Tell, app: App) -> None:
    statuses: list[int] = []

    def some(first: int) -> None:
        for number in range(first, first + 10):
            statuses.append(tell({"openid": f"o-fake-{number % 7}", "id": f"m{number}"}).status)

    threads = [threading.Thread(target=some, args=(first,)) for first in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert app.store.value("SELECT count(*) FROM inbound") == 80
    assert app.store.value("SELECT count(*) FROM person") == 7


def test_when_nothing_can_be_written_the_platform_is_asked_to_come_again(
    tell: Tell, app: App, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hasty, app.store.write():  # somebody else holds the database
        hasty.setattr(hooks, "TIME", 0.2)
        if app.store.path is not None:
            answer = tell(FOLLOW)
            assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert tell(FOLLOW).status == 200
    assert app.store.value("SELECT count(*) FROM inbound") == 1


def test_a_hook_that_asks_its_provider_keeps_nobody_else_waiting(
    tell: Tell, call: Caller, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, read = threading.Event(), threading.Event(), Platform.parse

    def parse(self: Platform, request: Request, now: int) -> Sequence[Happening]:
        begun.set()
        assert go_on.wait(10)
        return read(self, request, now)

    monkeypatch.setattr(Platform, "parse", parse)
    monkeypatch.setattr(Platform, "asks", True, raising=False)
    told: list[Answer] = []
    waiting = threading.Thread(target=lambda: told.append(tell(FOLLOW)))
    waiting.start()
    assert begun.wait(10)
    assert call("GET", "/healthz").status in (200, 503)
    assert told == []
    go_on.set()
    waiting.join(10)
    assert [(one.status, one.body) for one in told] == [(200, b"success")]
