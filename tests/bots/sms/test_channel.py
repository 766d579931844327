"""SMS accounts against the sandbox, which checks signatures, templates and numbers as the providers do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from automation.kernel import clock
from automation.kernel.ports import Accepted, Denied, Reason, Unknown
from bots import http
from bots.sandbox import ledger, process
from bots.sms import reasons
from bots.sms.channel import AliyunSms, TencentSms
from tests.bots.sms.accounts import Control, message, phone

Aliyun = Callable[..., AliyunSms]
Tencent = Callable[..., TencentSms]
TEMPLATE = {"id": "SMS_1", "kind": "marketing", "params": ["name"], "text": "{name}，好久不见。拒收请回复R"}


def taken(sandbox: process.Sandbox, number: str) -> list[ledger.Entry]:
    return [entry for entry in ledger.entries(sandbox.ledger) if entry.address == number]


def test_one_message_goes_out_by_send_sms_under_our_key(aliyun: Aliyun, sandbox: process.Sandbox) -> None:
    number = phone()
    (outcome,) = aliyun().send([message(number, "k7", name="李女士")])
    (entry,) = taken(sandbox, number)
    assert entry.key == "k7"
    assert entry.body["params"] == {"name": "李女士"}
    assert isinstance(outcome, Accepted) and outcome.provider_id.endswith("^0")


def test_a_batch_carries_each_ones_own_parameters_in_one_request(aliyun: Aliyun, sandbox: process.Sandbox) -> None:
    numbers = [phone() for _ in range(100)]
    outcomes = aliyun().send([message(to, f"k{n}", name=f"顾客{n}") for n, to in enumerate(numbers)])
    entries = [taken(sandbox, number)[0] for number in numbers]
    assert [entry.body["params"]["name"] for entry in entries] == [f"顾客{n}" for n in range(100)]
    assert len({entry.key.partition(".")[0] for entry in entries}) == 1
    names = [outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(set(names)) == 100
    assert not any(number[3:] in name for number, name in zip(numbers, names, strict=True))


def test_two_messages_to_one_phone_are_two_requests(aliyun: Aliyun, sandbox: process.Sandbox) -> None:
    number, other = phone(), phone()
    outcomes = aliyun().send([message(number, "a1"), message(other, "a2"), message(number, "a3")])
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    alone, among_others = sorted(entry.key for entry in taken(sandbox, number))
    assert alone == "a3"
    assert among_others.startswith("b-")


def test_one_bad_number_does_not_cost_a_batch_the_others(aliyun: Aliyun, aliyun_control: Control) -> None:
    numbers = [phone() for _ in range(8)]
    aliyun_control("_settings", refuse={numbers[5]: "isv.MOBILE_NUMBER_ILLEGAL"})
    outcomes = aliyun().send([message(to, f"k{n}") for n, to in enumerate(numbers)])
    assert outcomes[5] == Denied(Reason.BAD_ADDRESS, "isv.MOBILE_NUMBER_ILLEGAL")
    assert [isinstance(outcome, Accepted) for outcome in outcomes].count(True) == 7


def test_the_same_parameters_share_a_request_at_tencent(tencent: Tencent, sandbox: process.Sandbox) -> None:
    numbers = [phone() for _ in range(6)]
    names = ["甲", "乙", "甲", "甲", "乙", "丙"]
    sent = [message(to, f"k{n}", name=name) for n, (to, name) in enumerate(zip(numbers, names, strict=True))]
    outcomes = tencent().send(sent)
    assert all(isinstance(outcome, Accepted) and outcome.provider_id.startswith("sb") for outcome in outcomes)
    entries = [taken(sandbox, number)[0] for number in numbers]
    assert [entry.body["params"]["1"] for entry in entries] == names
    assert len({entry.key.partition(".")[0] for entry in entries}) == 3
    assert entries[5].key == "k5"


def test_each_number_has_its_own_answer_at_tencent(tencent: Tencent, tencent_control: Control) -> None:
    numbers = [phone() for _ in range(4)]
    tencent_control("_settings", refuse={
        numbers[1]: "FailedOperation.PhoneNumberInBlacklist", numbers[2]: "LimitExceeded.PhoneNumberOneHourLimit",
    })  # fmt: skip
    outcomes = tencent().send([message(to, f"k{n}") for n, to in enumerate(numbers)])
    assert isinstance(outcomes[0], Accepted) and isinstance(outcomes[3], Accepted)
    assert outcomes[1] == Denied(Reason.GONE, "FailedOperation.PhoneNumberInBlacklist")
    assert outcomes[2] == Denied(Reason.RATE_LIMITED, "LimitExceeded.PhoneNumberOneHourLimit", False, 3600)


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("010-12345678", Reason.BAD_ADDRESS),
        ("+8612345678901", Reason.BAD_ADDRESS),
        ("4001234567", Reason.BAD_ADDRESS),
        ("", Reason.BAD_ADDRESS),
        ("1380000000١", Reason.BAD_ADDRESS),
        ("+85291234567", Reason.NOT_REACHABLE),
    ],
)
def test_what_is_no_mobile_here_is_refused_before_anything_leaves(
    aliyun: Aliyun, tencent: Tencent, sandbox: process.Sandbox, to: str, reason: Reason
) -> None:
    for channel in (aliyun(), tencent()):
        (outcome,) = channel.send([message(to)])
        assert isinstance(outcome, Denied) and outcome.reason is reason and outcome.permanent
    assert taken(sandbox, to) == []


def test_a_number_abroad_goes_out_where_templates_for_it_are_approved(
    tencent: Tencent, sandbox: process.Sandbox
) -> None:
    at_home = phone()
    outcomes = tencent(foreign=True).send([message("+85291234567", "f1"), message(at_home, "f2")])
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)  # in two requests: never mixed
    assert taken(sandbox, "+85291234567")[-1].key == "f1"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"name": "字" * 36}, "long_param"),
        ({"name": "  "}, "empty_param"),
        ({"nickname": "李"}, "missing_param"),
        ({"name": "看 https://x.example"}, "url_in_param"),
        ({"name": "www.example.org"}, "url_in_param"),
    ],
)
def test_parameters_that_the_provider_refuses_are_refused_here(
    aliyun: Aliyun, params: dict[str, str], code: str
) -> None:
    (outcome,) = aliyun(templates={"hello": TEMPLATE}).send([message(phone(), **params)])
    assert outcome == Denied(Reason.BAD_CONTENT, code)


def test_a_text_of_more_than_500_characters_is_refused(aliyun: Aliyun) -> None:
    text = "{name}" + "字" * 492  # with 【旅程示例店】 500 and a name
    long = {**TEMPLATE, "text": text}
    channel = aliyun(templates={"hello": long})
    assert isinstance(channel.send([message(phone(), name="李")])[0], Accepted)
    assert channel.send([message(phone(), name="李女")])[0] == Denied(Reason.BAD_CONTENT, "too_long")


def test_a_text_without_a_template_of_the_account_is_refused(aliyun: Aliyun) -> None:
    (outcome,) = aliyun(templates={"other": TEMPLATE}).send([message(phone())])
    assert outcome == Denied(Reason.BAD_CONTENT, "no_template")


def test_marketing_never_leaves_through_a_template_for_notices(aliyun: Aliyun, sandbox: process.Sandbox) -> None:
    channel = aliyun(templates={"hello": {**TEMPLATE, "kind": "notice"}})
    number = phone()
    assert channel.send([message(number)])[0] == Denied(Reason.BAD_CONTENT, "SMS-08")
    assert isinstance(channel.send([message(number, lane="notice")])[0], Accepted)
    assert len(taken(sandbox, number)) == 1


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", Denied(Reason.RATE_LIMITED, "isv.BUSINESS_LIMIT_CONTROL", False, 3600)),
        ("isv.AMOUNT_NOT_ENOUGH", Denied(Reason.NOT_ALLOWED, "isv.AMOUNT_NOT_ENOUGH", False)),
        ("isv.DENY_IP_RANGE", Denied(Reason.NOT_ALLOWED, "isv.DENY_IP_RANGE", False)),
        ("isv.SMS_TEMPLATE_ILLEGAL", Denied(Reason.BAD_CONTENT, "isv.SMS_TEMPLATE_ILLEGAL")),
        ("isp.SYSTEM_ERROR", Unknown("isp.SYSTEM_ERROR")),
        ("Throttling.User", Denied(Reason.RATE_LIMITED, "Throttling.User", False, 1)),
        ("isv.SOMETHING_NEW", Denied(Reason.NOT_REACHABLE, "isv.SOMETHING_NEW")),
    ],
)
def test_alibabas_codes_in_the_common_words(
    aliyun: Aliyun, aliyun_control: Control, code: str, outcome: Denied | Unknown
) -> None:
    aliyun_control("_settings", refuse_all=code)
    assert aliyun().send([message(phone())]) == [outcome]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("AuthFailure.SignatureFailure", Denied(Reason.NOT_ALLOWED, "AuthFailure.SignatureFailure", False)),
        ("InternalError.Timeout", Unknown("InternalError.Timeout")),
        ("UnauthorizedOperation.ServiceSuspendDueToArrears",
         Denied(Reason.NOT_ALLOWED, "UnauthorizedOperation.ServiceSuspendDueToArrears", False)),
        ("FailedOperation.ContainSensitiveWord", Denied(Reason.BAD_CONTENT, "FailedOperation.ContainSensitiveWord")),
        ("RequestLimitExceeded", Denied(Reason.RATE_LIMITED, "RequestLimitExceeded", False, 1)),
    ],
)  # fmt: skip
def test_tencents_codes_in_the_common_words(
    tencent: Tencent, tencent_control: Control, code: str, outcome: Denied | Unknown
) -> None:
    tencent_control("_settings", refuse_all=code)
    assert tencent().send([message(phone())]) == [outcome]


EVENING = 1_772_289_000  # 2026-02-28 22:30 in China


def test_marketing_outside_its_hours_is_tried_again_in_the_morning() -> None:
    outcome = reasons.tencent("FailedOperation.MarketingSendTimeConstraint").outcome("x", EVENING)
    assert outcome == Denied(Reason.RATE_LIMITED, "x", False, 9 * 3600 + 1800)


def test_a_daily_allowance_comes_back_at_midnight_in_china() -> None:
    assert reasons.aliyun("isv.DAY_LIMIT_CONTROL", "").outcome("x", EVENING) == Denied(Reason.QUOTA, "x", False, 5400)
    by_day = reasons.aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10").outcome("x", EVENING)
    assert by_day == Denied(Reason.RATE_LIMITED, "x", False, 5400)
    by_minute = reasons.aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1").outcome("x", EVENING)
    assert by_minute == Denied(Reason.RATE_LIMITED, "x", False, 60)


def test_every_code_has_exactly_the_meaning_its_reason_allows() -> None:
    for table in (reasons.ALIYUN, reasons.TENCENT):
        for code, means in table.items():
            if means.reason in (Reason.NOT_ALLOWED, Reason.QUOTA, Reason.RATE_LIMITED, Reason.UNAVAILABLE):
                assert not means.permanent, code
            if means.reason in (Reason.BAD_ADDRESS, Reason.GONE):
                assert means.each, code


@pytest.mark.parametrize("offset", [-1000, 1000])
def test_a_clock_that_is_wrong_is_the_accounts_problem(aliyun: Aliyun, tencent: Tencent, offset: int) -> None:
    wrong = clock.FixedClock(clock.SystemClock().now() + offset)
    (one,) = aliyun(wrong).send([message(phone())])
    assert one == Denied(Reason.NOT_ALLOWED, "InvalidTimeStamp.Expired", False)
    (two,) = tencent(wrong).send([message(phone())])
    assert two == Denied(Reason.NOT_ALLOWED, "AuthFailure.SignatureExpire", False)
    (finding,) = tencent(wrong).check(0)
    assert finding.ok is False and "clock" in finding.hint


def test_a_lost_answer_names_what_the_report_will_name(
    aliyun: Aliyun, tencent: Tencent, fault: Callable[..., None]
) -> None:
    for channel in (aliyun(timeout="1s"), tencent(timeout="1s", echo=True)):
        fault("accept_then_reset", times=1)
        alone = channel.send([message(phone(), "k9")])[0]
        assert isinstance(alone, Unknown) and alone.provider_id == "k9"
        fault("accept_then_reset", times=1)
        several = channel.send([message(phone(), "k1"), message(phone(), "k2")])
        names = [outcome.provider_id for outcome in several if isinstance(outcome, Unknown)]
        assert len(set(names)) == 2 and all(name.startswith("b-") for name in names)
    fault("accept_then_reset", times=1)
    (without,) = tencent(timeout="1s").send([message(phone(), "k9")])
    assert isinstance(without, Unknown) and without.provider_id == ""


def test_what_reports_will_name_is_known_before_the_request_leaves(
    aliyun: Aliyun, tencent: Tencent, fault: Callable[..., None]
) -> None:
    """What a killed sender knew: the key where a message is alone in its request, else the request and the phone."""
    twice = phone()
    sent = [message(phone(), "k1"), message("12", "k2"), message(twice, "k3"), message(twice, "k4")]
    for channel in (aliyun(timeout="1s"), tencent(timeout="1s", echo=True)):
        names = channel.names(sent)
        fault("accept_then_reset", times=2)
        outcomes = channel.send(sent)
        lost = [outcome.provider_id for outcome in outcomes if isinstance(outcome, Unknown)]
        assert lost == [names[0], names[2], "k4"] and names[1] == names[3] == ""
        assert channel.names(sent[:1]) == [""]
    assert tencent().names(sent) == [""] * 4


def test_a_forged_signature_is_refused_by_the_sandbox_as_by_the_provider(
    aliyun: Aliyun, sandbox: process.Sandbox, control: http.Client, aliyun_control: Control
) -> None:
    body = b"PhoneNumbers=13900000001&SignName=x&TemplateCode=SMS_1"
    head = {"Content-Type": "application/x-www-form-urlencoded", "x-acs-action": "SendSms"}
    signed = dict(aliyun()._api._signed("SendSms", {"PhoneNumbers": "13900000001"}).headers)
    for wrong, code in (({}, "IncompleteSignature"), (signed, "SignatureDoesNotMatch")):
        reply = control.post(f"{sandbox.url}/aliyun/", body, {**head, **wrong})
        said = json.loads(reply.body)
        assert (reply.status, said["Code"]) == (400, code)
    right = aliyun()._api._signed("SendSms", {"PhoneNumbers": "13900000001", "SignName": "店名", "TemplateCode": "1"})
    assert json.loads(control.post(right.url, right.body, right.headers).body)["Code"] == "OK"
    replayed = json.loads(control.post(right.url, right.body, right.headers).body)
    assert replayed["Code"] == "SignatureNonceUsed"


def test_nothing_more_is_begun_once_the_time_is_over(tencent: Tencent, fault: Callable[..., None]) -> None:
    channel = tencent(batch=40, timeout="1s")
    used = tencent().quotas(0)[0].used
    fault("slow", seconds=1.5, times=32)
    outcomes = channel.send([message(phone(), f"k{n}", name=f"顾客{n}") for n in range(40)])
    assert outcomes[:32] == [Unknown("timeout")] * 32
    assert outcomes[32:] == [Denied(Reason.UNAVAILABLE, "not_tried", False, 1)] * 8
    end = clock.monotonic() + 60
    while tencent().quotas(0)[0].used < used + 32:  # the provider takes them all the same: no later test counts them
        assert clock.monotonic() < end
        time.sleep(0.02)
