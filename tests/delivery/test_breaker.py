"""When a channel rests, for how long, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from automation.engine.delivery import breaker
from automation.engine.delivery.breaker import State
from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from automation.settings import Breaker, Channel
from automation.store.database import Store
from tests.delivery.house import House

NOON = "2026-03-02 12:00"
RULE = Breaker.model_validate({"failures": 3, "pause": "30s"})
FRESH = State()
AWAY = Denied(Reason.UNAVAILABLE, "503", permanent=False)


def after(answers: list[Outcome], state: State = FRESH, now: int = 1000) -> State:
    return breaker.after(state, answers, ("sms_main", RULE), now)


def test_failures_in_a_row_trip_it_and_any_answer_of_a_working_channel_ends_the_row() -> None:
    assert after([AWAY, Unknown("timeout")]) == State(2, None, "unknown timeout")
    assert after([AWAY, AWAY, Accepted(""), AWAY]).failures == 1
    assert after([AWAY, AWAY, Denied(Reason.BAD_ADDRESS), AWAY]).failures == 1
    assert after([AWAY, AWAY, AWAY]) == State(3, 1030, "unavailable 503")


def test_late_answers_of_what_was_on_its_way_make_the_rest_no_longer() -> None:
    tripped = after([AWAY] * 3)
    assert after([AWAY] * 50, tripped, 1005) == tripped
    assert after([Accepted("")], tripped, 1005) == State(), "one that arrived after all ends it"


def probes(count: int) -> Iterator[int]:
    """How long the channel rests after each of so many probes that fail."""
    state, now = after([AWAY] * 3), 1000
    for _ in range(count):
        assert state.until is not None
        now = state.until
        state = after([AWAY], state, now)
        assert state.until is not None
        yield state.until - now


def test_each_failed_probe_doubles_the_rest_up_to_ten_minutes() -> None:
    rests = list(probes(8))
    for number, rest in enumerate(rests, 1):
        least = min(600, 30 << number)
        assert least <= rest <= min(600, least * 5 // 4)
    assert rests[-1] == 600
    assert rests == list(probes(8)), "the same in every process"
    assert breaker.pause("sms_main", Breaker.model_validate({"failures": 3, "pause": "2h"}), 5) == 7200, (
        "a longer pause of the settings stays"
    )


def test_channels_that_failed_together_do_not_try_again_together() -> None:
    assert len({breaker.pause(f"channel{number}", RULE, 2) for number in range(20)}) > 10


@pytest.mark.parametrize("failures", [0, 3])
def test_slow_down_is_obeyed_and_is_no_failure(failures: int) -> None:
    state = after([AWAY] * failures)
    told = after([Denied(Reason.RATE_LIMITED, "429", permanent=False, retry_after=90)], state, 1030)
    assert told == State(failures, 1120, "rate_limited 429")


def test_one_message_probes_however_many_wait(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, breaker: {failures: 2, pause: 10s},")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=30)
    house.sms.answer = lambda _: AWAY
    at = house.ts(NOON)
    house.deliver(at)
    asked = len(house.sms.sent)
    tries = []
    for second in range(1, 200):
        house.deliver(at + second)
        tries += [second] * (len(house.sms.sent) - asked)
        asked = len(house.sms.sent)
    assert len(set(tries)) == len(tries) <= 4, "one at a time"
    gaps = [after - before for before, after in pairwise(tries)]
    assert all(longer >= 1.5 * shorter for shorter, longer in pairwise(gaps))


def test_it_stands_in_the_database_for_every_process(store: Store) -> None:
    settings = {"sms_main": Channel(kind="sandbox", breaker=RULE)}
    with store.write() as tx:
        assert breaker.learn(tx, {"sms_main": [AWAY] * 3}, settings, 1000)["sms_main"].until == 1030
    with store.write() as tx:
        assert breaker.learn(tx, {"sms_main": [AWAY]}, settings, 1030)["sms_main"].failures == 4
    assert store.row("SELECT failures, last_error FROM channel_state") == (4, "unavailable 503")
