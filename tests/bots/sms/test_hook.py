"""What the providers push, straight into the hooks, and pushed by the sandbox through a real door."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel import errors
from automation.kernel.hooks import Forgery, OptedOut, Receipt, Request, Said, Unreadable
from automation.kernel.ports import Accepted, Unknown
from bots.sms.channel import AliyunSms, TencentSms
from bots.sms.hook import AliyunHook, TencentHook
from bots.sms.options import AliyunOptions, TencentOptions
from tests.bots.sms.accounts import Control, Door, items, message, phone

NOW = 1_772_323_200  # 2026-03-01 08:00:00 in China
REPORT = {
    "phone_number": "13900000001", "send_time": "2026-03-01 07:58:00", "report_time": "2026-03-01 07:58:05",
    "success": True, "err_code": "DELIVERED", "err_msg": "用户接收成功", "sms_size": "1", "biz_id": "900^0",
    "out_id": "k1",
}  # fmt: skip
STATUS = {
    "user_receive_time": "2026-03-01 07:58:05", "nationcode": "86", "mobile": "13900000001",
    "report_status": "SUCCESS", "errmsg": "DELIVRD", "description": "用户短信送达成功", "sid": "8:abc", "ext": "",
}  # fmt: skip
ARRIVED = NOW - 115


def aliyun_hook(**more: Any) -> AliyunHook:
    return AliyunHook("sms_main", AliyunOptions.model_validate({"sandbox": "http://127.0.0.1:8025", **more}))


def tencent_hook(**more: Any) -> TencentHook:
    return TencentHook("sms_main", TencentOptions.model_validate({"sandbox": "http://127.0.0.1:8025", **more}))


def request(value: object, peer: str = "") -> Request:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Request("POST", {}, {"content-type": "application/json"}, body, peer)


def test_a_report_of_alibaba_is_a_receipt_under_our_key() -> None:
    assert aliyun_hook().parse(request([REPORT]), NOW) == [Receipt("k1", "delivered", ARRIVED)]


def test_a_failure_says_why_and_whether_the_number_is_dead() -> None:
    lost = {**REPORT, "success": False, "err_code": "UNDELIV"}
    dead = {**REPORT, "success": False, "err_code": "MK:0001"}
    assert aliyun_hook().parse(request([lost, dead]), NOW) == [
        Receipt("k1", "failed", ARRIVED, "UNDELIV"),
        Receipt("k1", "failed", ARRIVED, "MK:0001", dead=True),
    ]


def test_who_is_on_the_providers_list_of_refusals_has_opted_out() -> None:
    barred = {**REPORT, "success": "false", "err_code": "MOBILE_IN_BLACK"}
    receipt, out = aliyun_hook().parse(request([barred]), NOW)
    assert isinstance(receipt, Receipt) and not receipt.dead
    assert isinstance(out, OptedOut) and out.who.value == "+8613900000001" and not out.everything


def test_a_status_of_tencent_is_a_receipt_under_its_serial_number() -> None:
    failed = {**STATUS, "report_status": "FAIL", "errmsg": "MK:0001", "sid": "8:def"}
    assert tencent_hook().parse(request([STATUS, failed]), NOW) == [
        Receipt("8:abc", "delivered", ARRIVED),
        Receipt("8:def", "failed", ARRIVED, "MK:0001", dead=True),
    ]


def test_a_status_is_under_our_own_name_where_the_account_echoes_it() -> None:
    (receipt,) = tencent_hook(echo=True).parse(request([{**STATUS, "ext": "k1"}]), NOW)
    assert receipt == Receipt("k1", "delivered", ARRIVED)
    (without,) = tencent_hook(echo=True).parse(request([STATUS]), NOW)
    assert without == Receipt("8:abc", "delivered", ARRIVED)


def test_a_reply_is_what_the_customer_said() -> None:
    up = {"phone_number": "13900000001", "send_time": "2026-03-01 07:58:05", "content": "R", "sequence_id": 7,
          "dest_code": "9"}  # fmt: skip
    (said,) = aliyun_hook().parse(request([up]), NOW)
    assert isinstance(said, Said)
    assert (said.who.kind, said.who.value, said.text, said.at, said.dedupe) == (
        "phone", "+8613900000001", "R", ARRIVED, "up:7",
    )  # fmt: skip
    alone = {"extend": "01", "mobile": "13900000001", "nationcode": "86", "sign": "店", "text": "TD", "time": ARRIVED}
    (other,) = tencent_hook().parse(request(alone), NOW)
    assert isinstance(other, Said) and (other.text, other.at) == ("TD", ARRIVED)
    assert tencent_hook().parse(request(alone), NOW) == [other]  # twice is the same
    (later,) = tencent_hook().parse(request({**alone, "time": ARRIVED + 1}), NOW)
    assert isinstance(later, Said) and later.dedupe != other.dedupe


def test_providers_hear_what_stops_them_from_pushing_again() -> None:
    answer = aliyun_hook().answer(request([]), None)
    assert (answer.status, json.loads(answer.body)) == (200, {"code": 0, "msg": "接收成功"})
    assert json.loads(tencent_hook().answer(request([]), None).body) == {"result": 0, "errmsg": "OK"}


def test_a_trial_of_the_address_is_nothing() -> None:
    assert aliyun_hook().parse(request([]), NOW) == []


@pytest.mark.parametrize(
    "body", [b"", b"<xml/>", b"[[[[", b"[" * 100_000, b"7", b'"x"', b"[null]", b'[{"a":1}]', b"\xff"]
)
def test_what_cannot_be_read_is_said_to_be_so(body: bytes) -> None:
    for hook in (aliyun_hook(), tencent_hook()):
        with pytest.raises(Unreadable):
            hook.parse(request(body), NOW)


def test_one_bad_report_does_not_cost_the_others() -> None:
    for wrong in (
        {},
        {**REPORT, "phone_number": "x"},
        {**REPORT, "report_time": "soon"},
        None,
        {**REPORT, "success": 3},
    ):
        found = aliyun_hook().parse(request([wrong, REPORT]), NOW)
        assert found[-1] == Receipt("k1", "delivered", ARRIVED)


def test_a_time_ahead_of_ours_counts_as_now() -> None:
    (receipt,) = aliyun_hook().parse(request([{**REPORT, "report_time": "2036-01-01 00:00:00"}]), NOW)
    assert receipt == Receipt("k1", "delivered", NOW)


def test_only_posts_of_a_size_that_is_pushed_are_looked_at() -> None:
    with pytest.raises(Forgery, match="method"):
        aliyun_hook().verify(Request("GET", {}, {}, b""), NOW)
    with pytest.raises(Forgery, match="too_large"):
        aliyun_hook().verify(request(b" " * (1 << 20) + b"[]"), NOW)
    with pytest.raises(Unreadable):
        aliyun_hook().parse(request([REPORT] * 1001), NOW)


@pytest.mark.parametrize(
    ("peer", "known"),
    [("203.0.113.9", True), ("::ffff:203.0.113.9", True), ("198.51.100.1", False), ("", False), ("x", False)],
)
def test_only_the_listed_addresses_may_push(peer: str, known: bool) -> None:
    hook = aliyun_hook(callback_ips=["203.0.113.0/24", "2001:db8::/32"])
    if known:
        hook.verify(request([REPORT], peer), NOW)
    else:
        with pytest.raises(Forgery, match="ip"):
            hook.verify(request([REPORT], peer), NOW)


Aliyun = Callable[..., AliyunSms]
Tencent = Callable[..., TencentSms]


def names(found: list[Any]) -> list[str]:
    return [one.provider_id for one in found if isinstance(one, Receipt)]


def test_the_sandbox_reports_under_the_names_the_channel_gave(
    aliyun: Aliyun, aliyun_control: Control, door: Door
) -> None:
    aliyun_control("_callback", url=door.url)
    numbers = [phone() for _ in range(3)]
    outcomes = aliyun().send([message(to, f"k{n}") for n, to in enumerate(numbers)])
    said = aliyun_control("_act", do="report", phones=numbers, times=2, reverse=True, strangers=1)
    assert said["answers"] == [{"tries": 1, "status": 200, "taken": True}]
    found = [one for body in door.bodies for one in aliyun_hook().parse(request(body), NOW)]
    given = [outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert sorted(set(names(found)) - {"nobody0"}) == sorted(given)
    assert len(found) == 8


def test_a_report_that_comes_before_the_answer_has_the_same_name(
    aliyun: Aliyun, aliyun_control: Control, door: Door, fault: Callable[..., None]
) -> None:
    aliyun_control("_settings", early=True)
    aliyun_control("_callback", url=door.url)
    fault("accept_then_reset", times=1)
    outcomes = aliyun(timeout="2s").send([message(phone(), f"k{n}") for n in range(2)])
    found = aliyun_hook().parse(request(items(door)), NOW)
    assert names(list(found)) == [outcome.provider_id for outcome in outcomes if isinstance(outcome, Unknown)]


def test_a_push_that_is_not_taken_comes_again(aliyun: Aliyun, aliyun_control: Control, door: Door) -> None:
    aliyun_control("_callback", url=door.url)
    number = phone()
    aliyun().send([message(number)])
    door.refuse = 2
    said = aliyun_control("_act", do="report", phones=[number])
    assert said["answers"] == [{"tries": 3, "status": 200, "taken": True}]
    assert len(set(door.bodies)) == 1 and len(door.bodies) == 3


def test_a_reply_is_pushed_as_each_provider_does(aliyun_control: Control, tencent_control: Control, door: Door) -> None:
    number = phone()
    for control, hook in ((aliyun_control, aliyun_hook()), (tencent_control, tencent_hook())):
        control("_callback", url=door.url)
        control("_act", do="reply", phone=number, text="退订", at=ARRIVED)
        (said,) = hook.parse(request(door.bodies[-1]), NOW)
        assert isinstance(said, Said) and (said.who.value, said.text, said.at) == (number, "退订", ARRIVED)


def test_reports_and_replies_can_be_pulled(tencent: Tencent, tencent_control: Control) -> None:
    numbers = [phone() for _ in range(130)]
    channel = tencent(pull="1m", batch=200)
    outcomes = channel.send([message(to, f"k{n}") for n, to in enumerate(numbers)])
    tencent_control("_act", do="report", phones=numbers, to="queue")
    tencent_control("_act", do="reply", phone=numbers[0], text="T", to="queue", at=ARRIVED)
    found = list(channel.pull([], NOW))
    assert names(found) == [outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert [one.text for one in found if isinstance(one, Said)] == ["T"]
    assert list(channel.pull([], NOW)) == []


def test_a_provider_that_does_not_let_us_pull_is_away(tencent: Tencent, fault: Callable[..., None]) -> None:
    channel = tencent(pull="1m")
    fault("5xx", times=1)
    with pytest.raises(errors.ServiceAway, match="http_503"):
        channel.pull([], NOW)
    assert list(tencent().pull([], NOW)) == []


def test_each_message_that_meets_the_providers_list_tells_of_it_again() -> None:
    def out(**more: Any) -> OptedOut:
        barred = {**REPORT, "success": False, "err_code": "MOBILE_IN_BLACK", **more}
        (found,) = (one for one in aliyun_hook().parse(request([barred]), NOW) if isinstance(one, OptedOut))
        return found

    first = out()
    assert out().dedupe == first.dedupe  # the same report pushed twice
    assert out(out_id="k2").dedupe != first.dedupe  # who consented again and is barred again has refused again
