from __future__ import annotations

import pytest

from automation.kernel.ports import Reason
from bots.mail.reasons import Stage, refusal


@pytest.mark.parametrize(
    ("stage", "code", "words", "reason", "permanent"),
    [
        (Stage.CONNECT, 421, b"too many connections", Reason.UNAVAILABLE, False),
        (Stage.CONNECT, 554, b"no service here", Reason.UNAVAILABLE, False),
        (Stage.AUTH, 535, b"5.7.8 bad credentials", Reason.NOT_ALLOWED, False),
        (Stage.AUTH, 454, b"4.7.0 try later", Reason.RATE_LIMITED, False),
        (Stage.SENDER, 530, b"5.7.0 log in first", Reason.NOT_ALLOWED, False),
        (Stage.SENDER, 553, b"not your address", Reason.NOT_ALLOWED, False),
        (Stage.SENDER, 452, b"4.3.1 disk full", Reason.UNAVAILABLE, False),
        (Stage.RECIPIENT, 550, b"no such user", Reason.BAD_ADDRESS, True),
        (Stage.RECIPIENT, 550, b"5.1.1 no such user", Reason.BAD_ADDRESS, True),
        (Stage.RECIPIENT, 551, b"moved", Reason.BAD_ADDRESS, True),
        (Stage.RECIPIENT, 553, b"5.1.3 syntax", Reason.BAD_ADDRESS, True),
        (Stage.RECIPIENT, 552, b"mailbox full", Reason.UNAVAILABLE, False),
        (Stage.RECIPIENT, 550, b"5.2.2 over quota", Reason.UNAVAILABLE, False),
        (Stage.RECIPIENT, 550, b"5.1.8 sender's domain unknown", Reason.NOT_ALLOWED, False),
        (Stage.RECIPIENT, 554, b"5.7.1 Relay access denied", Reason.NOT_ALLOWED, False),
        (Stage.RECIPIENT, 550, b"5.7.1 blocked by policy", Reason.NOT_REACHABLE, True),
        (Stage.RECIPIENT, 450, b"4.2.0 busy", Reason.UNAVAILABLE, False),
        (Stage.RECIPIENT, 451, b"4.7.1 greylisted", Reason.RATE_LIMITED, False),
        (Stage.DATA, 451, b"local error", Reason.UNAVAILABLE, False),
        (Stage.DATA, 554, b"5.6.0 spam", Reason.BAD_CONTENT, True),
        (Stage.DATA, 554, b"rejected", Reason.BAD_CONTENT, True),
        (Stage.DATA, 550, b"5.7.1 spam", Reason.BAD_CONTENT, True),
        (Stage.DATA, 550, b"rejected", Reason.NOT_REACHABLE, True),
        (Stage.DATA, 550, b"5.1.1 no such user", Reason.BAD_ADDRESS, True),
        (Stage.DATA, 552, b"5.3.4 too big", Reason.BAD_CONTENT, True),
        (Stage.DATA, 552, b"5.2.2 full", Reason.UNAVAILABLE, False),
    ],
)
def test_the_same_code_means_different_things_at_different_moments(
    stage: Stage, code: int, words: bytes, reason: Reason, permanent: bool
) -> None:
    denied = refusal(stage, code, words)
    assert (denied.reason, denied.permanent) == (reason, permanent)


def test_only_the_codes_are_kept() -> None:
    assert refusal(Stage.RECIPIENT, 550, b"5.1.1 <li@example.com> unknown").code == "550 5.1.1"
    assert refusal(Stage.RECIPIENT, 550, b"<li@example.com> unknown").code == "550"
