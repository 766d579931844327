"""Answers that no SMS provider should give: none of them makes a lost message, a doubled one, or a long row."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel.ports import Accepted, Denied, Reason, Unknown
from bots.sms.channel import AliyunSms, TencentSms
from bots.sms.options import AliyunOptions, TencentOptions
from tests.bots.sms.accounts import message, phone

Provider = Callable[[Callable[[str, int], bytes]], list[str]]


def aliyun(provider: Provider, answer: Any) -> AliyunSms:
    url = provider(lambda path, n: json.dumps(answer).encode())[0]
    return AliyunSms("sms_main", AliyunOptions.model_validate({"sandbox": url, "timeout": "2s"}))


def tencent(provider: Provider, answer: Any) -> TencentSms:
    url = provider(lambda path, n: json.dumps(answer).encode())[0]
    return TencentSms("sms_main", TencentOptions.model_validate({"sandbox": url, "timeout": "2s"}))


@pytest.mark.parametrize("code", ["x" * 5000, "13900000001 is on a list", "", "错误", 5, None, ["OK"], {"a": 1}, True])
def test_what_is_no_code_leaves_it_open_whether_anything_was_sent(provider: Provider, code: Any) -> None:
    assert aliyun(provider, {"Code": code, "Message": "m"}).send([message(phone())]) == [Unknown("garbage")]
    assert tencent(provider, {"Response": {"Error": {"Code": code}}}).send([message(phone())]) == [Unknown("garbage")]
    to = phone()
    listed = {"Response": {"SendStatusSet": [{"Code": code, "PhoneNumber": to}]}}
    assert tencent(provider, listed).send([message(to)]) == [Unknown("garbage")]


@pytest.mark.parametrize("error", [5, "x", [], [1], True])
def test_an_error_that_is_no_object_is_no_acceptance(provider: Provider, error: Any) -> None:
    to = phone()
    answer = {"Response": {"Error": error, "SendStatusSet": [{"Code": "Ok", "PhoneNumber": to, "SerialNo": "1"}]}}
    assert tencent(provider, answer).send([message(to)]) == [Unknown("garbage")]


@pytest.mark.parametrize("name", ["x" * 5000, {"a": 1}, ["1"], None, True])
def test_an_id_that_is_none_is_not_kept(provider: Provider, name: Any) -> None:
    assert aliyun(provider, {"Code": "OK", "BizId": name}).send([message(phone(), "k7")]) == [Accepted("k7")]
    to = phone()
    listed = {"Response": {"SendStatusSet": [{"Code": "Ok", "PhoneNumber": to, "SerialNo": name}]}}
    assert tencent(provider, listed).send([message(to)]) == [Accepted("")]


@pytest.mark.parametrize("value", [None, True, ["李"], {"a": "李"}])
def test_a_parameter_that_is_no_text_is_not_written_to_anybody(provider: Provider, value: Any) -> None:
    channel = aliyun(provider, {"Code": "OK", "BizId": "1"})
    assert channel.send([message(phone(), name=value)]) == [Denied(Reason.BAD_CONTENT, "bad_param")]
