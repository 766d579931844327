"""A greeting goes out once and in time, or says that it did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automation.inbound import welcome
from automation.inbound.values import Taken
from automation.inbound.welcome import Welcomer
from automation.kernel.clock import FixedClock
from automation.kernel.hooks import Who
from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from automation.rendering.renderer import LocalRenderer
from automation.store.database import Store
from tests.inbound.desk import WECOM, Desk, Making


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    made = Desk(store, tmp_path).ready()
    made.options(WECOM, welcome="您好，很高兴认识您")
    return made


@pytest.fixture
def clock(desk: Desk) -> FixedClock:
    return FixedClock(desk.noon)


def welcomer(desk: Desk, clock: FixedClock) -> Welcomer:
    renderer = LocalRenderer(desk.parts.project.texts, zone="Asia/Shanghai", lunar=str)
    return Welcomer(desk.parts, desk.vault, desk.channels, renderer, clock)


def befriend(desk: Desk, code: str = "CODE", dedupe: str = "f1", **props: Any) -> Taken:
    make = Making(desk.noon)
    who = Who("wecom_id", "wm1")
    added = make.did("wecom.friend_added", who=who, dedupe=dedupe, returns=True, welcome=code, props=props)
    return desk.tell(added, channel=WECOM)


def greet(desk: Desk, clock: FixedClock, taken: Taken) -> str | None:
    made = welcomer(desk, clock)
    made.greet(taken.greetings)
    made.close()
    return desk.store.value("SELECT welcome FROM inbound")  # type: ignore[no-any-return]


def test_a_new_friend_is_greeted(desk: Desk, clock: FixedClock) -> None:
    taken = befriend(desk)
    assert desk.store.value("SELECT welcome FROM inbound") == "due"
    assert greet(desk, clock, taken) == "sent"
    assert desk.wecom.greeted == [("CODE", {"text": "您好，很高兴认识您"})]


def test_a_repeat_of_the_event_does_not_greet_again(desk: Desk, clock: FixedClock) -> None:
    greet(desk, clock, befriend(desk))
    assert befriend(desk).greetings == ()


def test_what_was_recorded_and_never_begun_is_greeted_when_the_platform_repeats_it(
    desk: Desk, clock: FixedClock
) -> None:
    befriend(desk)  # and whoever was to greet is killed before the answer
    assert greet(desk, clock, befriend(desk)) == "sent"
    assert len(desk.wecom.greeted) == 1


def test_a_greeting_handed_over_twice_goes_once(desk: Desk, clock: FixedClock) -> None:
    taken = befriend(desk)
    greet(desk, clock, taken)
    assert greet(desk, clock, taken) == "sent"
    assert len(desk.wecom.greeted) == 1


def test_a_text_of_the_shop_is_rendered_for_the_person(desk: Desk, clock: FixedClock) -> None:
    desk.texts_of = {"wechat.yaml": "text: '{{ customer.name | default(\"朋友\") }}您好 {{ entry.scene }}'\n"}
    desk._text("hi")
    desk.reload("2026-03-02 12:00")
    desk.options(WECOM, welcome="hi")
    desk.wecom.kind = "wechat"  # whose files there are in this test
    assert greet(desk, clock, befriend(desk, scene="store_01")) == "sent"
    assert desk.wecom.greeted == [("CODE", {"text": "朋友您好 store_01"})]


def test_a_text_that_cannot_be_made_says_why(desk: Desk, clock: FixedClock) -> None:
    desk.texts_of = {"sms.yaml": "template: t\npreview: 【旅程】您好，拒收请回复R\n"}
    desk._text("hi")
    desk.reload("2026-03-02 12:00")
    desk.options(WECOM, welcome="hi")
    said = greet(desk, clock, befriend(desk))
    assert said is not None
    assert said.startswith("refused: ")
    assert "hi" in said
    assert desk.wecom.greeted == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Accepted(), "sent"), (Denied(Reason.BAD_ADDRESS, "41051"), "refused: bad_address 41051"),
        (Unknown("timeout"), "unclear: timeout"), (Unknown(), "unclear"),
    ],
)  # fmt: skip
def test_what_became_of_it_is_written_down(desk: Desk, clock: FixedClock, outcome: Outcome, state: str) -> None:
    desk.wecom.outcome = lambda: outcome
    assert greet(desk, clock, befriend(desk)) == state
    assert welcome.states(desk.store, desk.noon) == {(WECOM, state.partition(":")[0]): 1}


def test_too_late_is_not_sent_and_is_said(desk: Desk, clock: FixedClock) -> None:
    taken = befriend(desk)
    clock.set(desk.noon + welcome.LIMIT + 1)
    assert greet(desk, clock, taken) == "missed"
    assert desk.wecom.greeted == []


def test_without_a_welcome_nobody_is_greeted(desk: Desk) -> None:
    desk.options(WECOM, welcome=None)
    assert befriend(desk).greetings == ()
    desk.options(WECOM, welcome="您好")
    assert befriend(desk, code="", dedupe="f2").greetings == ()
    assert desk.store.value("SELECT count(*) FROM inbound WHERE welcome IS NOT NULL") == 0


class PowerCut(BaseException):
    """Ends the thread as a kill would, with nothing caught."""


def test_a_crash_neither_doubles_a_greeting_nor_hides_it(desk: Desk, clock: FixedClock) -> None:
    """One was waiting; of the other the bytes may have left."""
    waiting, leaving = befriend(desk), befriend(desk, dedupe="f2")

    def cut() -> Outcome:
        raise PowerCut

    desk.wecom.outcome = cut
    made = welcomer(desk, clock)
    with pytest.raises(PowerCut):
        made._one(leaving.greetings[0])
    assert welcome.settle(desk.parts, desk.noon + 10) == 0  # may still be on its way
    assert welcome.settle(desk.parts, desk.noon + welcome.SETTLED_AFTER) == 2
    assert desk.store.rows("SELECT welcome FROM inbound ORDER BY id") == [("missed",), ("unclear",)]
    desk.wecom.outcome = lambda: Accepted()
    made.greet(waiting.greetings + leaving.greetings)
    made.close()
    assert len(desk.wecom.greeted) == 1
    assert desk.store.rows("SELECT welcome FROM inbound ORDER BY id") == [("missed",), ("unclear",)]


def test_a_channel_that_breaks_stops_only_its_greeting(
    desk: Desk, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = befriend(desk), befriend(desk, dedupe="f2")
    answers = iter([RuntimeError("broken"), Accepted()])

    def answer() -> Outcome:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    desk.wecom.outcome = answer
    for taken in (first, second):
        greet(desk, clock, taken)
    assert desk.store.rows("SELECT welcome FROM inbound ORDER BY id") == [("unclear: RuntimeError",), ("sent",)]
    assert "CODE" not in caplog.text
