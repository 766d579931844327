from __future__ import annotations

import pytest

from automation.kernel.ports import Denied, Reason
from bots.wechat import reasons


@pytest.mark.parametrize("code", sorted(reasons._TABLE))
def test_only_what_an_operator_a_day_or_a_moment_mends_is_tried_again(code: int) -> None:
    found = reasons.refused(code)
    passing = {Reason.UNAVAILABLE, Reason.NOT_ALLOWED, Reason.QUOTA, Reason.RATE_LIMITED}
    assert found.permanent == (found.reason not in passing)
    assert found.code == str(code)


@pytest.mark.parametrize("code", sorted(reasons._TABLE))
def test_a_call_for_many_never_suppresses_one(code: int) -> None:
    of_one = {Reason.BAD_ADDRESS, Reason.GONE, Reason.WINDOW_CLOSED, Reason.NO_GRANT}
    assert reasons.refused_list(code).reason not in of_one


def test_a_success_is_no_refusal_and_the_token_codes_are_in_the_table() -> None:
    assert reasons.OK not in reasons._TABLE
    assert reasons.TAKEN_BEFORE not in reasons._TABLE
    assert set(reasons._TABLE) >= reasons.TOKEN
    assert reasons.refused(45011) == Denied(Reason.RATE_LIMITED, "45011", permanent=False, retry_after=60)
