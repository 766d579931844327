"""Reports that a mail service posts: signed, fresh, and each of a known kind."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest

from automation.kernel.hooks import Forgery, Receipt, Request, Response, Unreadable
from bots.mail.hook import MailHook
from bots.mail.options import MailOptions

NOW = 1_772_323_200
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
GOOD = {"message_id": "<k1@example.com>", "kind": "bounced", "at": NOW - 5}


def hook(secret: str | None = SECRET) -> MailHook:
    given = {"host": "127.0.0.1", "tls": "none", "from_address": "shop@example.com", "hook_secret": secret}
    return MailHook("mail_main", MailOptions.model_validate(given))


def post(data: Any, at: int = NOW, key: bytes = KEY, **more: str) -> Request:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    signed = base64.b64encode(hmac.digest(key, b"m1.%d." % at + body, "sha256")).decode()
    headers = {"webhook-id": "m1", "webhook-timestamp": str(at), "webhook-signature": f"v1,{signed}", **more}
    return Request("POST", {}, headers, body)


def test_a_signed_report_is_read() -> None:
    request = post([GOOD, {**GOOD, "kind": "complained"}, {**GOOD, "kind": "failed"}, {**GOOD, "kind": "opened"}])
    hook().verify(request, NOW)
    assert hook().parse(request, NOW) == [
        Receipt("k1@example.com", "failed", NOW - 5, "bounced", dead=True),
        Receipt("k1@example.com", "delivered", NOW - 5, "complained", complaint=True),
        Receipt("k1@example.com", "failed", NOW - 5, "failed"),
        Receipt("k1@example.com", "opened", NOW - 5, "opened"),
    ]
    assert hook().answer(request, None) == Response(204)


def test_one_of_several_signatures_is_enough_while_a_secret_changes() -> None:
    request = post([GOOD])
    signature = request.headers["webhook-signature"]
    hook().verify(post([GOOD], **{"webhook-signature": f"v1,AAAA {signature}"}), NOW)
    hook("a plain secret").verify(post([GOOD], key=b"a plain secret"), NOW)
    with pytest.raises(Forgery):
        hook().verify(post([GOOD], **{"webhook-signature": "v1,AAAA"}), NOW)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (post([GOOD], key=b"x" * 32), "signature"),
        (post([GOOD], **{"webhook-signature": ""}), "signature"),
        (post([GOOD], **{"webhook-signature": "v1,é"}), "signature"),
        (post([GOOD], **{"webhook-id": "m2"}), "signature"),
        (post([GOOD], at=NOW - 301), "stale"),
        (post([GOOD], at=NOW + 301), "stale"),
        (post([GOOD], **{"webhook-timestamp": "٣"}), "stale"),
        (post([GOOD], **{"webhook-timestamp": "9" * 5000}), "stale"),
        (post(b"x" * ((1 << 20) + 1)), "too_large"),
        (Request("GET", {}, post([GOOD]).headers, post([GOOD]).body), "method"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_from_the_service_is_refused(request_: Request, code: str) -> None:
    with pytest.raises(Forgery) as caught:
        hook().verify(request_, NOW)
    assert caught.value.code == code


def test_without_a_secret_nothing_is_taken() -> None:
    with pytest.raises(Forgery, match="no_secret"):
        hook(None).verify(post([GOOD]), NOW)


@pytest.mark.parametrize(
    "data",
    [b"{", b"[" * 100_000, [7], [{}], [{**GOOD, "kind": "exploded"}], [{**GOOD, "kind": []}], [{**GOOD, "at": "now"}],
     [{**GOOD, "at": True}], [{**GOOD, "at": NOW + 9999}], [{**GOOD, "message_id": 5}],
     [{**GOOD, "message_id": "x" * 400}],
     [GOOD] * 1001],
)  # fmt: skip
def test_what_cannot_be_read_says_so_and_shows_nothing(data: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        hook().parse(post(data), NOW)
    assert "example" not in str(caught.value)
