from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bots.sms.options import PRETEND_ID, AliyunOptions, TencentOptions

SANDBOX = {"sandbox": "http://127.0.0.1:8025"}
TEMPLATE = {"id": "1234567", "kind": "notice"}
REAL: dict[str, Any] = {
    "access_key_id": "id", "access_key_secret": "s3cret", "sign_name": "旅程良品", "templates": {"hello": TEMPLATE},
}  # fmt: skip


def test_a_real_account_needs_its_own_keys_signature_and_templates() -> None:
    known = AliyunOptions.model_validate(REAL)
    assert known.base == "https://dysmsapi.aliyuncs.com"
    assert known.keys() == ("id", "s3cret")
    assert "s3cret" not in repr(known)
    for name in REAL:
        with pytest.raises(ValidationError):
            AliyunOptions.model_validate({key: value for key, value in REAL.items() if key != name})


def test_in_the_sandbox_no_key_of_the_shop_is_ever_used() -> None:
    known = AliyunOptions.model_validate({**REAL, **SANDBOX})
    assert known.keys()[0] == PRETEND_ID
    assert known.base == "http://127.0.0.1:8025/aliyun"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sandbox": "https://127.0.0.1"},
        {"sandbox": "http://sms.example.com"},
        {"sandbox": "http://127.0.0.1:8025/x"},
        {"sign_name": "【旅程良品】"},
        {"callback_ips": ["203.0.113.0/33"]},
        {"templates": {"a": TEMPLATE, "b": TEMPLATE}},
        {"batch": 101},
        {"price_fen": -1},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AliyunOptions.model_validate({**SANDBOX, **wrong})


def test_tencents_templates_have_numbers() -> None:
    TencentOptions.model_validate({**SANDBOX, "templates": {"hello": TEMPLATE}})
    with pytest.raises(ValidationError):
        TencentOptions.model_validate({**SANDBOX, "templates": {"hello": {"id": "SMS_1", "kind": "notice"}}})
