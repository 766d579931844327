"""What WeCom should not say: half and foreign answers, lists without an end, refused tokens; a cache that is away."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from automation.kernel import errors
from automation.kernel.ports import Accepted, Cache, Denied, Reason, Unknown
from bots.wecom.channel import WecomChannel
from bots.wecom.options import WecomOptions
from tests.bots.memory import MemoryCache
from tests.bots.wecom.conftest import Company, Write

Provider = Callable[[Callable[[str, int], bytes]], list[str]]


class Away:
    """A cache whose database does not answer."""

    def get(self, name: str) -> str | None:
        raise errors.ServiceAway("the database is away")

    def put(self, name: str, value: str, seconds: int) -> None:
        raise errors.ServiceAway("the database is away")


def said(**answer: Any) -> bytes:
    return json.dumps({"errcode": 0, "errmsg": "ok", **answer}).encode()


TOKEN = said(access_token="T0KEN", expires_in=7200)


def opened(url: str, cache: Cache | None = None) -> WecomChannel:
    options = WecomOptions.model_validate({"sandbox": url}).model_copy(update={"timeout": 1})
    return WecomChannel("wecom_main", options, cache or MemoryCache())


def test_a_task_that_was_made_is_accepted_though_the_cache_is_away(company: Company, write: Write) -> None:
    channel = opened(company.server.url, Away())
    outcome = channel.send([write()])[0]
    assert isinstance(outcome, Accepted)
    assert outcome.awaiting


@pytest.mark.parametrize("seconds", [10**30, -5, True, "7200", None, [7200]])
def test_a_token_without_a_sensible_end_is_used(provider: Provider, write: Write, seconds: Any) -> None:
    token = said(access_token="T0KEN", expires_in=seconds)
    seen = provider(lambda path, n: token if path == "gettoken" else said(msgid="task1"))
    cache = MemoryCache()
    assert isinstance(opened(seen[0], cache).send([write()])[0], Accepted)
    assert all(until - cache.now <= 86_400 for name, (_, until) in cache.values.items() if name.endswith("token"))


@pytest.mark.parametrize("token", ["", 5, None, "a b\n", "x" * 5000, ["T"]])
def test_a_token_that_is_none_means_nothing_was_sent(provider: Provider, write: Write, token: Any) -> None:
    seen = provider(lambda path, n: said(access_token=token, expires_in=7200))
    assert opened(seen[0]).send([write()]) == [Denied(Reason.UNAVAILABLE, "garbage", permanent=False)]
    assert seen[1:] == ["gettoken"]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_token_that_is_never_accepted_is_refreshed_once_and_no_more(
    provider: Provider, write: Write, code: int
) -> None:
    def answer(path: str, number: int) -> bytes:
        return said(access_token=f"T{number}", expires_in=7200) if path == "gettoken" else b'{"errcode": %d}' % code

    seen = provider(answer)
    assert opened(seen[0]).send([write()]) == [Denied(Reason.NOT_ALLOWED, str(code), permanent=False)]
    assert seen[1:] == ["gettoken", "add_msg_template"] * 2


def test_the_same_refused_token_again_is_not_tried_again(provider: Provider, write: Write) -> None:
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else b'{"errcode": 40014}')
    channel = opened(seen[0])
    refused = Denied(Reason.NOT_ALLOWED, "token_refused", permanent=False)
    assert [channel.send([write()])[0] for _ in range(3)] == [refused] * 3
    assert seen[1:] == ["gettoken", "add_msg_template", "gettoken"]


@pytest.mark.parametrize("lane", ["customer_message", "app_message"])
@pytest.mark.parametrize(
    "answer", [b'{"hello": 1}', b"{}", b"[]", b"null", b'{"errcode": "0"}', b'{"errcode": null, "msgid": "x"}']
)
def test_an_answer_without_an_errcode_is_no_answer(provider: Provider, write: Write, answer: bytes, lane: str) -> None:
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else answer)
    assert opened(seen[0]).send([write("staff_01", lane=lane)]) == [Unknown("garbage")]


def test_failures_without_a_task_say_nothing_of_the_others(provider: Provider, write: Write) -> None:
    good, bad = write(), write()
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else said(fail_list=[bad.address]))
    outcomes = opened(seen[0]).send([good, bad])
    assert outcomes == [Unknown("garbage"), Denied(Reason.NOT_REACHABLE, "fail_list")]


@pytest.mark.parametrize("task", ["a|b", "x" * 500, 17, "a b"])
def test_a_task_named_as_no_task_is_cannot_be_asked_about(provider: Provider, write: Write, task: Any) -> None:
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else said(msgid=task))
    assert opened(seen[0]).send([write()]) == [Unknown("garbage")]


@pytest.mark.parametrize("rows", [17, "rows", {"a": 1}, [1, None, "x"], None, [{"msgid": ["x"], "attachments": 5}]])
def test_lists_that_are_none_leave_a_lost_answer_unknown(provider: Provider, write: Write, rows: Any) -> None:
    def answer(path: str, number: int) -> bytes:
        if path == "gettoken":
            return TOKEN
        return b"<html>" if path == "add_msg_template" else said(group_msg_list=rows, task_list=rows, send_list=rows)

    assert opened(provider(answer)[0]).send([write()]) == [Unknown("garbage")]


def test_a_list_without_an_end_is_given_up(provider: Provider, write: Write) -> None:
    def answer(path: str, number: int) -> bytes:
        if path == "gettoken":
            return TOKEN
        return b"<html>" if path == "add_msg_template" else said(group_msg_list=[], next_cursor=f"c{number}")

    began = time.monotonic()
    assert opened(provider(answer)[0]).send([write()]) == [Unknown("garbage")]
    assert time.monotonic() - began < 30


def test_many_lost_answers_are_not_each_waited_for(company: Company, write: Write, fault: Callable[..., None]) -> None:
    channel = company.channel()
    channel.send([write()])  # it has a token
    fault("hang", channel="wecom")
    fault("hang", channel="wecom.api")
    began = time.monotonic()
    outcomes = channel.send([write(text=f"给第 {n} 位") for n in range(40)])
    assert outcomes == [Unknown("timeout")] * 40
    assert time.monotonic() - began < 20
    channel.close()


def test_one_customer_that_makes_wecom_refuse_a_task_is_found_and_the_others_are_asked_for(
    company: Company, write: Write
) -> None:
    channel = company.channel()
    sent = [write() for _ in range(5)]
    company.act("forget", customer=sent[3].address)
    outcomes = channel.send(sent)
    assert outcomes[3] == Denied(Reason.BAD_ADDRESS, "40096")
    assert [type(one) for n, one in enumerate(outcomes) if n != 3] == [Accepted] * 4
    for one in sent:
        assert len(company.taken("customer_message", one.address)) == (0 if one is sent[3] else 1)
    channel.close()


@pytest.mark.parametrize("code", [40003, 60111, 81013])
def test_an_employee_who_is_not_there_is_no_fault_of_the_customer(company: Company, write: Write, code: int) -> None:
    channel = company.channel()
    company.act("refuse", path="externalcontact/add_msg_template", errcode=code)
    assert channel.send([write(), write()]) == [Denied(Reason.NOT_ALLOWED, str(code), permanent=False)] * 2
    channel.close()


@pytest.mark.parametrize("address", ["@all", "staff_01|staff_02", "", "a b", "x" * 65])
def test_an_app_message_goes_to_one_employee_and_never_to_all(company: Company, write: Write, address: str) -> None:
    channel = company.channel()
    before = len(company.taken("app_message"))
    message = write("staff_01", lane="app_message")
    wrong = type(message)(message.idem_key, message.lane, address, message.body)
    assert channel.send([wrong]) == [Denied(Reason.BAD_ADDRESS, "malformed")]
    assert len(company.taken("app_message")) == before
    channel.close()


def test_an_employee_without_a_licence_got_nothing(provider: Provider, write: Write) -> None:
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else said(unlicenseduser="Staff_01", msgid="m1"))
    message = write("staff_01", lane="app_message")
    assert opened(seen[0]).send([message]) == [Denied(Reason.NOT_REACHABLE, "unlicenseduser")]


def pulling(provider: Provider, **answers: bytes) -> tuple[WecomChannel, MemoryCache]:
    seen = provider(lambda path, n: answers.get(path, TOKEN if path == "gettoken" else said()))
    cache = MemoryCache()
    return opened(seen[0], cache), cache


RESULTS = said(send_list=[
    {"external_userid": "wm1", "status": 1, "send_time": 10**40}, {"external_userid": "wm2", "status": 0},
])  # fmt: skip
PARTS = said(task_list=[{"userid": "staff_01", "status": 2}])


def test_a_task_that_can_no_longer_be_stopped_is_looked_at(provider: Provider) -> None:
    channel, cache = pulling(
        provider, cancel_groupmsg_send=b'{"errcode": 41093}', get_groupmsg_task=PARTS, get_groupmsg_send_result=RESULTS
    )
    now = cache.now
    channel.tasks.made("t1", now - 5 * 86_400)
    found = channel.pull(["t1|wm1", "t1|wm2"], now)
    # wm2 may still be written to, so nothing is said of them
    assert [(one.provider_id, one.kind, one.at) for one in found] == [("t1|wm1", "sent", now)]  # type: ignore[union-attr]


def test_a_right_that_was_taken_away_ends_no_message(provider: Provider) -> None:
    channel, cache = pulling(
        provider, cancel_groupmsg_send=b'{"errcode": 48002}', get_groupmsg_task=b'{"errcode": 48002}'
    )
    channel.tasks.made("t1", cache.now - 5 * 86_400)
    assert channel.pull(["t1|wm1"], cache.now) == []


STRANGE: list[Any] = [17, "x", [1], {"a": [1]}, True]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_directory_of_other_kinds_of_values_is_read_as_far_as_it_goes(provider: Provider, strange: Any) -> None:
    names = ("follow_user", "external_contact_list", "contact_way", "tag_group", "group_chat_list", "group_chat")
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else said(**dict.fromkeys(names, strange)))
    channel = opened(seen[0])
    for read in (
        channel.directory.employees, lambda: list(channel.directory.customers()), channel.directory.contact_ways,
        channel.directory.tags, lambda: channel.directory.advisers("wm1"), lambda: list(channel.groups.ids()),
        lambda: channel.groups.read("wr1"), lambda: channel.check(0),
    ):  # fmt: skip
        assert read() is not None
    inner = {"group_chat": {"member_list": strange}, "follow_user": [{"userid": 5}], "contact_way": {"user": strange}}
    seen = provider(lambda path, n: TOKEN if path == "gettoken" else said(**inner))
    assert opened(seen[0]).groups.read("wr1").members == ()


def test_eight_threads_ask_a_wecom_that_is_silent_for_a_token_once(provider: Provider, write: Write) -> None:
    silence = itertools.chain([2.0], itertools.repeat(0))

    def answer(path: str, number: int) -> bytes:
        time.sleep(next(silence))
        return TOKEN

    seen = provider(answer)
    channel = opened(seen[0])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: channel.send([write()])[0], range(8)))
    assert found[0] == Denied(Reason.UNAVAILABLE, "timeout", permanent=False)
    assert seen.count("gettoken") <= 2  # a thread that came late may ask again
