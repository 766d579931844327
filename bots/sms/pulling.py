"""Fetches Tencent's reports and replies, which a shop without a public address has to. Each is handed out once.

Alibaba Cloud answers such questions only by phone number: see searching.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from automation.kernel import errors
from automation.kernel.hooks import Happening, Unreadable
from bots.sms import reports
from bots.sms.api import Api
from bots.sms.options import TencentOptions

MOST = 100  # at once, the provider's limit
ROUNDS = 20  # of each kind in one look


def tencent(account: Api, options: TencentOptions, now: int) -> list[Happening]:
    """What is waiting, up to 2,000 reports and as many replies. ServiceAway where the provider is, or refuses."""
    secret = options.keys()[1]
    found = _all(account, options, "PullSmsSendStatus",
                 lambda item: reports.pulled_status(item, secret, options.echo, now))  # fmt: skip
    return found + _all(account, options, "PullSmsReplyStatus", lambda item: reports.pulled_reply(item, now))


def _all(account: Api, options: TencentOptions, action: str, read: Callable[[Any], Any]) -> list[Happening]:
    found: list[Happening] = []
    for _ in range(ROUNDS):
        try:
            items = _some(account, options, action)
        except errors.ServiceAway:
            if found:  # what was handed out already comes no second time
                return found
            raise
        with suppress(Unreadable):
            found += reports.each(items, read)
        if len(items) < MOST:
            break
    return found


def _some(account: Api, options: TencentOptions, action: str) -> list[Any]:
    answer = account.call(action, {"Limit": MOST, "SmsSdkAppId": options.app_id})
    if answer.code or answer.refusal:
        why = answer.code or (answer.refusal.code if answer.refusal else "")
        raise errors.ServiceAway(f"Tencent Cloud SMS refused {action}: {why}")
    items = answer.data.get(f"{action}Set")
    return items if isinstance(items, list) else []
