"""What `channels check` finds out about an SMS account, from the sandbox's own settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from automation.kernel.ports import Quota
from bots.sms.channel import AliyunSms, TencentSms
from tests.bots.sms.accounts import Control, message, phone

TEXT = "{name}，好久不见。拒收请回复R"
ALI = {"hello": {"id": "SMS_1", "kind": "marketing", "params": ["name"], "text": TEXT}}
TEN = {"hello": {"id": "101", "kind": "marketing", "params": ["name"], "text": TEXT}}


def said(findings: object) -> list[tuple[bool | None, str]]:
    return [(one.ok, one.said) for one in findings]  # type: ignore[attr-defined]


def test_an_account_as_it_should_be(
    aliyun: Callable[..., AliyunSms], tencent: Callable[..., TencentSms], aliyun_control: Control,
    tencent_control: Control,
) -> None:  # fmt: skip
    aliyun_control("_settings", templates={"SMS_1": {"text": "${name}，好久不见。拒收请回复R", "type": 2}})
    tencent_control("_settings", templates={"101": {"text": "{1}，好久不见。拒收请回复R"}})
    fine = [(True, "signed and accepted"), (True, "approved"), (True, "approved")]
    assert said(aliyun(templates=ALI).check(0)) == fine
    assert said(tencent(templates=TEN, sign_id=7).check(0)) == fine


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"text": "别的"}, [(True, "approved"), (None, "its text is not the approved one")]),
        ({"type": 1}, [(True, "approved"), (False, "approved for notices, and `kind` says otherwise")]),
        ({"state": 0}, [(False, "still being reviewed")]),
        ({"state": 2}, [(False, "refused")]),
    ],
)
def test_what_is_wrong_with_a_template_is_told(
    aliyun: Callable[..., AliyunSms], aliyun_control: Control, template: dict[str, object],
    told: list[tuple[bool | None, str]],
) -> None:  # fmt: skip
    aliyun_control("_settings", templates={"SMS_1": template})
    assert said(aliyun(templates=ALI).check(0))[2:] == told


def test_a_signature_that_is_not_approved_is_told(
    aliyun: Callable[..., AliyunSms], tencent: Callable[..., TencentSms], aliyun_control: Control,
    tencent_control: Control,
) -> None:  # fmt: skip
    aliyun_control("_settings", signs=["别的店"])
    tencent_control("_settings", signs=["别的店"])
    assert said(aliyun().check(0))[1] == (False, "refused")
    assert said(tencent(sign_id=7).check(0))[1] == (False, "another name belongs to sign_id")


def test_a_template_that_does_not_exist_is_told(tencent: Callable[..., TencentSms], tencent_control: Control) -> None:
    tencent_control("_settings", templates={"999": {}})
    assert said(tencent(templates=TEN).check(0))[2] == (False, "there is none of this id")


def test_packages_are_what_the_provider_tells(tencent: Callable[..., TencentSms]) -> None:
    before = tencent().quotas(0)[0]
    tencent().send([message(phone())])
    assert tencent().quotas(0) == [Quota("package 1", before.used + 1, 1000)]


def test_nobody_listening_is_told(aliyun: Callable[..., AliyunSms], fault: Callable[..., None]) -> None:
    fault("5xx", times=1)
    (finding,) = aliyun().check(0)
    assert finding.ok is False and "http_503" in finding.said
