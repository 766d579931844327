from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bots.wechat.options import OFFICIAL, WechatOptions

GOOD = {"appid": "wx123456", "secret": "S3CRET"}


def test_with_a_sandbox_credentials_may_be_left_out_and_are_pretended() -> None:
    found = WechatOptions.model_validate({"sandbox": "http://127.0.0.1:8025/"})
    assert found.base == "http://127.0.0.1:8025/wechat"
    assert found.id and found.account_secret and found.callback_token and found.callback_key


def test_without_a_sandbox_it_is_the_real_one_and_nothing_is_pretended() -> None:
    found = WechatOptions.model_validate(GOOD)
    assert (found.base, found.id, found.account_secret) == (OFFICIAL, "wx123456", "S3CRET")
    assert (found.callback_token, found.callback_key) == (None, None)
    assert "S3CRET" not in repr(found)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"appid": "wx123456"},
        {"secret": "x"},
        {**GOOD, "sandbox": "https://127.0.0.1:8025"},
        {**GOOD, "sandbox": "http://example.com"},
        {**GOOD, "sandbox": "http://127.0.0.1:8025/path"},
        {**GOOD, "sandbox": "http://u:p@127.0.0.1:8025"},
        {**GOOD, "aes_key": "short"},
        {**GOOD, "account": "subscription", "templates": {"a": {"id": "T"}}},
        {**GOOD, "account": "subscription", "mass": "openids"},
        {**GOOD, "templates": {"a": {"id": "T"}, "b": {"id": "T"}}},
        {**GOOD, "templates": {"a": {"id": "T", "fields": {"Thing 1": "x"}}}},
        {**GOOD, "scenes": {"一号店": {"title": "x"}}},
        {**GOOD, "tags": ["x" * 31]},
        {**GOOD, "rules": {"said": {"messages": -1, "lasts": "48h"}}},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WechatOptions.model_validate(wrong)


def test_rules_are_changed_without_a_release() -> None:
    given = {**GOOD, "rules": {"said": {"messages": 20, "lasts": "24h"}, "mass_per_month": 8}}
    rules = WechatOptions.model_validate(given).rules
    assert (rules.said.messages, rules.said.lasts, rules.mass(True)[0].count) == (20, 86_400, 8)
