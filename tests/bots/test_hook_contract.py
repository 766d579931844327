"""What every hook promises the web edge: forgers learn nothing, genuine requests are read or said to be unreadable."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from automation.journey import built_in
from automation.kernel import clock
from automation.kernel.hooks import (
    Did,
    Forgery,
    Granted,
    Happening,
    Hook,
    OptedOut,
    Receipt,
    Reply,
    Request,
    Response,
    Said,
    Unreadable,
    Who,
)  # fmt: skip
from bots import registry
from bots.sandbox.platforms.wecom_callback import People
from bots.sandbox.platforms.wecom_company import Company
from tests.bots.memory import MemoryCache
from tests.bots.wechat.account import AES_KEY as WECHAT_KEY
from tests.bots.wechat.account import APPID, FAN, NOW, TOKEN, Platform, message

SANDBOX = "http://127.0.0.1:9"  # nobody listens there: a hook that asked would fail
SECRETS = (FAN, TOKEN, WECHAT_KEY, "13900000001", "wmCUSTOMER-of-the-test", "TOP-SECRET-WORDS", "whsec-secret-of-mail")
MAIL_KEY = "whsec-secret-of-mail"


def json_post(content: Any, **headers: str) -> Request:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Request("POST", {}, {"content-type": "application/json", **headers}, body, "127.0.0.1")


def mail_post(content: Any) -> Request:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    signed = base64.b64encode(hmac.digest(MAIL_KEY.encode(), b"m1.%d." % NOW + body, "sha256")).decode()
    return json_post(body, **{"webhook-id": "m1", "webhook-timestamp": str(NOW), "webhook-signature": f"v1,{signed}"})


def wecom_post(content: Any) -> Request:
    people = People(Company(), clock.FixedClock(NOW))
    if isinstance(content, bytes):
        people_xml = content.decode("utf-8", "replace")
        content = {"Event": people_xml}
    body, query = people.sealed(content)
    return Request("POST", query, {}, body)


@dataclass(frozen=True)
class Kind:
    """A hook under test. `genuine` makes a request that is verified; `good` is content that says something."""

    kind: str
    options: dict[str, Any]
    genuine: Callable[[Any], Request]
    good: Any
    guarded_by_path: bool = False  # nothing is signed: the web edge's secret path is the only lock

    def build(self) -> Hook:
        options = registry.KINDS[self.kind].model_validate(self.options)
        made = registry.hook(f"{self.kind}_main", self.kind, options, MemoryCache())
        assert made is not None
        return made


ALIYUN = {
    "phone_number": "13900000001", "send_time": "2026-03-01 07:58:00", "report_time": "2026-03-01 07:58:05",
    "success": True, "err_code": "DELIVERED", "err_msg": "", "sms_size": "1", "biz_id": "900^0", "out_id": "k1",
}  # fmt: skip
TENCENT = {
    "user_receive_time": "2026-03-01 07:58:05", "nationcode": "86", "mobile": "13900000001",
    "report_status": "SUCCESS", "errmsg": "DELIVRD", "description": "", "sid": "8:abc", "ext": "",
}  # fmt: skip
MAIL = {"host": "127.0.0.1", "tls": "none", "from_address": "shop@example.com", "hook_secret": MAIL_KEY}
FRIEND = {
    "Event": "change_external_contact", "ChangeType": "add_external_contact", "UserID": "staff_01",
    "ExternalUserID": "wmCUSTOMER-of-the-test", "WelcomeCode": "TOP-SECRET-WORDS",
}  # fmt: skip
KINDS = [
    Kind("wechat", {"appid": APPID, "secret": "s", "token": TOKEN, "aes_key": WECHAT_KEY},
         lambda content: Platform().safe(content), message("TOP-SECRET-WORDS")),
    Kind("wecom", {"sandbox": SANDBOX}, wecom_post, FRIEND),
    Kind("aliyun_sms", {"sandbox": SANDBOX}, json_post, [ALIYUN], guarded_by_path=True),
    Kind("tencent_sms", {"sandbox": SANDBOX}, json_post, [TENCENT], guarded_by_path=True),
    Kind("mail", MAIL, mail_post, [{"message_id": "<k1@example.com>", "kind": "delivered", "at": NOW - 5}]),
]  # fmt: skip


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def hook(kind: Kind) -> Iterator[Hook]:
    yield kind.build()


def verified(hook: Hook, request: Request) -> bool:
    """Whether it is let in. Anything but a Forgery is a defect."""
    try:
        hook.verify(request, NOW)
    except Forgery as forgery:
        assert not any(secret in str(forgery) for secret in SECRETS)
        assert len(forgery.code) <= 32
        return False
    return True


def read(hook: Hook, request: Request) -> list[Happening] | None:
    """None where it cannot be read. Anything but Unreadable is a defect."""
    try:
        return list(hook.parse(request, NOW))
    except Unreadable as unreadable:
        assert not any(secret in str(unreadable) for secret in SECRETS)
        return None


def test_every_kind_with_a_hook_is_under_this_contract() -> None:
    with_hook = {name for name, parts in registry._PARTS.items() if parts.hook}
    assert {kind.kind for kind in KINDS} == with_hook


def test_a_genuine_request_is_let_in_read_and_answered(kind: Kind, hook: Hook) -> None:
    request = kind.genuine(kind.good)
    assert verified(hook, request)
    happened = read(hook, request)
    assert happened
    for one in happened:
        assert isinstance(one, Receipt | Said | Did | Granted | OptedOut)
        assert 0 < one.at <= NOW
        if not isinstance(one, Receipt):
            assert one.dedupe
            assert one.who.kind in built_in.IDENTITIES
        if isinstance(one, Did):
            assert one.event in built_in.EVENTS
            assert set(one.props) <= set(built_in.EVENTS[one.event].properties)
        assert not any(secret in repr(one) for secret in (FAN, "TOP-SECRET-WORDS"))
    answer = hook.answer(request, None)
    assert isinstance(answer, Response)
    assert 200 <= answer.status < 300


def test_the_same_request_says_the_same_again(kind: Kind, hook: Hook) -> None:
    """A platform repeats what it got no answer to: the web edge tells repeats by what they say."""
    request = kind.genuine(kind.good)
    for _ in range(2):
        assert verified(hook, request)
    assert read(hook, request) == read(hook, request) == read(kind.build(), request)


def test_a_reply_where_it_cannot_be_carried_is_not_a_fault(kind: Kind, hook: Hook) -> None:
    request = kind.genuine(kind.good)
    assert verified(hook, request)
    assert 200 <= hook.answer(request, Reply(Who("openid", FAN), "]]>\x00" * 2000)).status < 300


def test_tampering_is_refused(kind: Kind, hook: Hook) -> None:
    good = kind.genuine(kind.good)
    wrong = [replace(good, method=method) for method in ("PUT", "DELETE", "get", "")]
    if not kind.guarded_by_path:
        wrong += [replace(good, query={}, headers={}), replace(good, body=b""), Request("POST", {}, {}, b"{}")]
        changed = bytearray(good.body)
        changed[len(changed) // 2] ^= 1
        wrong.append(replace(good, body=bytes(changed)))
    wrong.append(replace(good, body=b"x" * (1 << 21)))
    for request in wrong:
        assert not verified(hook, request)


@pytest.mark.parametrize("signed", [one for one in KINDS if not one.guarded_by_path], ids=lambda one: one.kind)
def test_old_requests_are_refused_where_they_are_signed(signed: Kind) -> None:
    with pytest.raises(Forgery):
        signed.build().verify(signed.genuine(signed.good), NOW + 301)


def test_noise_is_refused_or_unreadable_and_never_a_fault(kind: Kind, hook: Hook) -> None:
    chance = random.Random(7)
    good = kind.genuine(kind.good)
    refused = 0
    for number in range(300):
        noise = bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
        cut = good.body[: chance.randrange(len(good.body))]
        body = (noise, cut, cut + noise, good.body.replace(b"<", b"<<", number % 3))[number % 4]
        query = {
            name: (value if chance.random() < 0.7 else noise.decode("latin-1")) for name, value in good.query.items()
        }
        headers = {name: (value if chance.random() < 0.7 else "\xff☃") for name, value in good.headers.items()}
        request = Request(
            chance.choice(["GET", "POST"]), query, headers, body, chance.choice(["", "::1", "no address"])
        )
        if verified(hook, request):
            read(hook, request)
            hook.answer(request, None)
        else:
            refused += 1
    assert refused or kind.guarded_by_path, "noise is not signed"


UNREADABLE = [b"", b"\x00", b"[", b"{}", b"[[[[", b"null", b"[1, null, {}]", b"<xml>", b"\xff\xfe", b'[{"a":' * 200]


@pytest.mark.parametrize("content", UNREADABLE, ids=repr)
def test_a_genuine_request_of_nonsense_is_nothing_or_unreadable(kind: Kind, hook: Hook, content: bytes) -> None:
    request = kind.genuine(content)
    if verified(hook, request):
        found = read(hook, request)
        assert not [one for one in found or [] if isinstance(one, Receipt | Said | Granted | OptedOut)]


def test_eight_threads_may_use_one_hook(kind: Kind, hook: Hook) -> None:
    requests = [kind.genuine(kind.good) for _ in range(8)]
    found: list[Any] = []

    def work(request: Request) -> None:
        for _ in range(20):
            found.append(verified(hook, request) and read(hook, request))

    threads = [threading.Thread(target=work, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 160
    assert all(found)


def test_nothing_personal_shows_in_logs(kind: Kind, hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = kind.genuine(kind.good)
    for one in (request, replace(request, body=request.body[:-9]), kind.genuine(b"13900000001 TOP-SECRET-WORDS")):
        if verified(hook, one):
            read(hook, one)
    assert not any(secret in caplog.text for secret in SECRETS)
