"""One token for all: revoked, expired, refused, fetched by many at once; and answers that are none."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel import errors
from automation.kernel.ports import Accepted, Cache, Denied, Message, Outcome, Reason, Unknown
from bots.wechat.channel import WechatChannel
from bots.wechat.options import WechatOptions
from tests.bots.memory import MemoryCache

Say = Callable[..., Message]
SECRETS = ("S3CRET-OF-THE-ACCOUNT", "T0KEN-", "openid-of-li", "TOP-SECRET-WORDS")


def text(say: Say, openid: str = "o1") -> Message:
    return say("customer_service", openid, {"text": "TOP-SECRET-WORDS"})


class Away:
    """A cache whose database does not answer."""

    def get(self, name: str) -> str | None:
        raise errors.ServiceAway("the database is away")

    def put(self, name: str, value: str, seconds: int) -> None:
        raise errors.ServiceAway("the database is away")


@pytest.mark.parametrize("cache", [MemoryCache(), Away()], ids=["shared", "cache away"])
def test_sixty_four_workers_and_a_revoked_token_are_one_refresh_and_no_failed_message(
    account: Any, say: Say, cache: Cache
) -> None:
    openids = [f"o{n}" for n in range(64)]
    account.set("window", openids=openids, messages=None)
    shop = account.channel(cache=cache)
    shop.send([text(say, "o0")])
    before = account.set("revoke")["fetched"]
    start, outcomes = threading.Barrier(64), []

    def work(openid: str) -> None:
        start.wait(30)
        outcomes.extend(shop.send([text(say, openid), text(say, openid)]))

    threads = [threading.Thread(target=work, args=(openid,)) for openid in openids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [Accepted("")] * 128
    assert account.set("world")["fetched"] == before + 1
    assert len(account.got()) == 129


def test_two_processes_share_the_token_through_the_cache(account: Any, say: Say) -> None:
    account.set("window", openid="o1", messages=None)
    for _ in range(2):
        assert account.channel().send([text(say)]) == [Accepted("")]
    assert account.set("world")["fetched"] == 1


def test_a_process_that_finds_another_token_in_the_cache_fetches_none(account: Any, say: Say) -> None:
    account.set("window", openid="o1", messages=None)
    first, second = account.channel(), account.channel()
    for shop in (first, second):
        shop.send([text(say)])
    account.set("revoke")
    assert first.send([text(say)]) == second.send([text(say)]) == [Accepted("")]
    assert account.set("world")["fetched"] == 2


def test_a_cache_that_is_away_stops_nothing(account: Any, say: Say) -> None:
    account.set("window", openid="o1", messages=None)
    shop = account.channel(cache=Away())
    assert [shop.send([text(say)]) for _ in range(2)] == [[Accepted("")]] * 2
    assert account.set("world")["fetched"] == 1


def test_a_wrong_secret_is_not_allowed(account: Any, say: Say) -> None:
    account.set("window", openid="o1", messages=None)
    account.channel().send([text(say)])
    shop = account.channel(secret="another", cache=MemoryCache())
    assert shop.send([text(say)]) == [Denied(Reason.NOT_ALLOWED, "40125", permanent=False)]
    assert len(account.got()) == 1


def opened(url: str, account: Any) -> WechatChannel:
    given = {"appid": "wx123456", "secret": "S3CRET-OF-THE-ACCOUNT", "sandbox": url, "timeout": "2s"}
    made = WechatChannel("wechat_main", WechatOptions.model_validate(given), account.cache)
    account.made.append(made)
    return made


def token(number: int) -> bytes:
    return json.dumps({"access_token": f"T0KEN-{number}", "expires_in": 7200}).encode()


def test_a_token_that_is_refused_twice_is_not_allowed_after_one_refresh(
    account: Any, say: Say, provider: Callable[..., list[str]]
) -> None:
    seen = provider(lambda path, n: token(n) if path == "stable_token" else b'{"errcode": 40001, "errmsg": "no"}')
    assert opened(seen[0], account).send([text(say)]) == [Denied(Reason.NOT_ALLOWED, "40001", permanent=False)]
    assert seen[1:] == ["stable_token", "send", "stable_token", "send"]


def test_the_same_refused_token_again_is_not_tried_again(
    account: Any, say: Say, provider: Callable[..., list[str]]
) -> None:
    seen = provider(lambda path, n: token(1) if path == "stable_token" else b'{"errcode": 42001}')
    shop = opened(seen[0], account)
    refused = [Denied(Reason.NOT_ALLOWED, "token_refused", permanent=False)]
    assert [shop.send([text(say)]) for _ in range(3)] == [refused] * 3
    assert seen[1:] == ["stable_token", "send", "stable_token"]


def test_a_refused_secret_is_not_asked_about_again_at_once(
    account: Any, say: Say, provider: Callable[..., list[str]]
) -> None:
    seen = provider(lambda path, n: b'{"errcode": 40001, "errmsg": "invalid credential"}')
    shop = opened(seen[0], account)
    assert [shop.send([text(say)])[0] for _ in range(5)] == [Denied(Reason.NOT_ALLOWED, "40001", permanent=False)] * 5
    assert seen[1:] == ["stable_token"]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b"17",
        b"null",
        b'{"access_token": 5}',
        b'{"access_token": "a b\\n"}',
        b'{"access_token": ""}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_token_answer_that_is_none_means_nothing_was_sent(
    account: Any, say: Say, provider: Callable[..., list[str]], answer: bytes
) -> None:
    seen = provider(lambda path, n: answer)
    assert opened(seen[0], account).send([text(say)]) == [Denied(Reason.UNAVAILABLE, "garbage", permanent=False)]
    assert "send" not in seen


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"<html>", Unknown("garbage")),
        (b"[]", Unknown("garbage")),
        (b'{"errcode": "0"}', Unknown("garbage")),
        (b'{"errcode": true}', Unknown("garbage")),
        (b'{"errmsg": "ok"}', Unknown("garbage")),
        (b'{"errcode": 0.0}', Unknown("garbage")),
        (b"[" * 100_000, Unknown("garbage")),
        (b"x" * 2_000_000, Unknown("answer_too_large")),
        (b'{"errcode": 0, "msgid": {"a": 1}}', Accepted("")),
        (b'{"errcode": 0, "msgid": 12345678901234567890}', Accepted("12345678901234567890")),
        (b'{"errcode": 49999}', Denied(Reason.NOT_ALLOWED, "49999", permanent=False)),
        (b'{"errcode": 41999}', Denied(Reason.BAD_CONTENT, "41999")),
        (b'{"errcode": -1}', Denied(Reason.UNAVAILABLE, "-1", permanent=False)),
        (b'{"errcode": 9001001}', Denied(Reason.UNAVAILABLE, "9001001", permanent=False)),
    ],
)
def test_an_answer_that_is_none_is_unknown_and_a_strange_code_is_judged_by_its_family(
    account: Any, say: Say, provider: Callable[..., list[str]], answer: bytes, outcome: Outcome
) -> None:
    seen = provider(lambda path, n: token(1) if path == "stable_token" else answer)
    assert opened(seen[0], account).send([text(say)]) == [outcome]


def test_no_secret_shows_in_outcomes_errors_or_logs(
    account: Any, say: Say, provider: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    codes = iter([b'{"errcode": 40001, "errmsg": "S3CRET-OF-THE-ACCOUNT openid-of-li"}'] * 8 + [b"<T0KEN-1>"] * 8)
    seen = provider(lambda path, n: token(n) if path == "stable_token" else next(codes))
    shop = opened(seen[0], account)
    shown = [repr(shop.send([text(say, "openid-of-li")])) for _ in range(3)]
    for ask in (shop.directory.menu, shop.directory.tags, lambda: list(shop.directory.followers())):
        with pytest.raises(errors.LuchengError) as caught:
            ask()
        error: BaseException | None = caught.value
        while error is not None:
            shown.append(f"{error!r} {error}")
            error = error.__context__
    shown.append(repr(shop.check(0)))
    shown.append(repr(shop._options))
    told = " ".join(shown) + caplog.text
    assert not [secret for secret in SECRETS if secret in told]
