"""Text messages of a sender that was killed before it heard an answer: their provider is asked, nothing goes twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from automation.store.states import MessageState
from tests.processes.conftest import Bench
from tests.processes.harness import accounts

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
Make = Callable[..., Bench]
PEOPLE = 4
NOTE = """\
journey: note_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - {{send: hello, via: {channel}, expires: 30d}}
"""


def states(one: Bench) -> dict[str, int]:
    rows = one.store.rows("SELECT state, count(*) FROM message GROUP BY state")
    return {MessageState(state).name: count for state, count in rows}


def healed(one: Bench, channel: str) -> tuple[int, int]:
    """Found and still held."""
    (row,) = json.loads(one.command("messages", "heal", channel, "--json"))["channels"]
    return row["found"], row["held"]


def killed(bench: Make, channel: str, prepare: Callable[[Bench], Any] = lambda _: None, in_flight: int = 1) -> Bench:
    """A shop whose first request was taken, and whose sender died of it; the others' messages have left since."""
    one = bench(real=True, people=PEOPLE, in_flight=in_flight, channels=(channel,), entries=(NOTE,))
    prepare(one)
    one.order(*range(1, PEOPLE + 1))
    one.dies("send.after:1")
    life = one.start()
    one.until(f"SELECT count(*) FROM message WHERE state IN ({MessageState.SENT}, {MessageState.AMBIGUOUS})",
              lambda found: found == PEOPLE)  # fmt: skip
    assert one.forks.stop(life).code == 0
    return one


def test_alibaba_knows_what_it_took(bench: Make) -> None:
    one = killed(bench, "aliyun")
    assert states(one) == {"AMBIGUOUS": 1, "SENT": PEOPLE - 1}
    assert healed(one, "aliyun") == (1, 0)
    assert states(one) == {"SENT": PEOPLE}
    assert one.check().delivered == {"aliyun": PEOPLE}


def test_the_halves_of_a_batch_that_nobody_heard_of_are_found_and_what_was_refused_stays_held(bench: Make) -> None:
    def refuse(one: Bench) -> None:
        accounts.say_the_same(one.shop.folder)
        bad = accounts.phones(one.shop.folder, 1)[0]
        accounts.ask(one.url, "aliyun/_settings", refuse={bad: "isv.MOBILE_NUMBER_ILLEGAL"})

    one = killed(bench, "aliyun", refuse, in_flight=16)
    accounts.ask(one.url, "aliyun/_settings")
    assert states(one) == {"AMBIGUOUS": PEOPLE}
    assert healed(one, "aliyun") == (PEOPLE - 1, 1)
    assert states(one) == {"AMBIGUOUS": 1, "SENT": PEOPLE - 1}
    accounts.ask(one.url, "aliyun/_act", do="report", to="lost")
    one.shop.jump(3 * 3600)
    app = one.shop.app()
    assert app.delivery.healing.look("aliyun", app.clock.now()).reports == PEOPLE - 1
    app.close()
    assert one.store.value("SELECT count(delivered_at) FROM message") == PEOPLE - 1


def test_tencent_knows_what_carriers_have_reported(bench: Make) -> None:
    one = killed(bench, "tencent")
    assert states(one) == {"AMBIGUOUS": 1, "SENT": PEOPLE - 1}
    assert healed(one, "tencent") == (0, 1), "nothing is reported yet"
    accounts.ask(one.url, "tencent/_act", do="report", phones=accounts.phones(one.shop.folder, PEOPLE), to="lost")
    assert healed(one, "tencent") == (1, 0)
    assert states(one) == {"SENT": PEOPLE}
    assert one.check().delivered == {"tencent": PEOPLE}
