"""Between claim and first byte: what a failing channel still gets, and what has changed since."""

from __future__ import annotations

import pytest

from automation.engine.delivery import spool
from automation.engine.delivery.facade import Delivery
from automation.engine.delivery.prepared import Prepared
from automation.engine.delivery.record import Result
from automation.kernel.ports import Accepted, Denied, Lane, Outcome, Reason, Unknown
from tests.delivery.house import BOTH, House, accept

NOON = "2026-03-02 12:00"
SMS, WECHAT = "{send: hello, via: [sms], expires: 3d}", "{send: hello, via: [wechat], expires: 3d}"
AWAY = Denied(Reason.UNAVAILABLE, "503", permanent=False, retry_after=5)


def failing(house: House, people: int, steps: str = SMS) -> tuple[Delivery, list[Prepared]]:
    """A process that has claimed a message for each, to channels that rest for a minute after three failures."""
    for kind in ("sms", "wechat"):
        house.config = house.config.replace(f"plays: {kind},", f"plays: {kind}, breaker: {{failures: 3, pause: 60s}},")
    house.send_one(NOON, steps, people=people)
    made = house.made(spool=spool.NoSpool())
    return made, made.prepare(house.ts(NOON))[1]


def commits(made: Delivery, group: list[Prepared], now: int) -> list[Prepared]:
    with made.parts.store.write() as tx:
        return made.dispatcher.commit(tx, group, now)


def answers(made: Delivery, group: list[Prepared], outcome: Outcome, now: int) -> None:
    with made.parts.store.write() as tx:
        made.recorder.write(tx, [Result(one, outcome) for one in group], now)


def test_what_waits_in_hand_while_its_channel_begins_to_rest_goes_back_without_a_byte(house: House) -> None:
    made, ready = failing(house, 5)
    at = house.ts(NOON)
    answers(made, commits(made, ready[:3], at), AWAY, at)
    assert commits(made, ready[3:], at) == []
    assert house.states()[3:] == [("QUEUED", None)] * 2
    assert (
        house.store.rows("SELECT due, counted_at, lease_until, attempts FROM message ORDER BY id")[3:]
        == [(at, None, None, 0)] * 2
    )
    house.deliver(at)
    assert house.states()[3:] == [("QUEUED", "channel sms_main rests")] * 2
    assert house.sms.sent == []


def test_what_may_have_left_waits_until_its_channel_has_rested_and_is_asked_again(house: House) -> None:
    made, ready = failing(house, 4, WECHAT)
    at = house.ts(NOON)
    first, *others = commits(made, ready, at)
    answers(made, [first], Unknown("timeout"), at)
    later = house.store.value("SELECT lease_until FROM message WHERE id = :id", id=first.id)
    assert house.states()[0] == ("DISPATCHING", "unknown: wechat_main timeout")
    (again,) = made.recover(later)
    answers(made, others[:2], AWAY, later)
    assert commits(made, [again], later) == []
    assert house.states()[0][0] == "DISPATCHING"
    opens = house.store.value("SELECT open_until FROM channel_state WHERE channel = 'wechat_main'")
    assert opens == later + 60
    assert house.store.value("SELECT lease_until FROM message WHERE id = :id", id=first.id) == opens
    house.deliver(opens)
    assert house.states()[0][0] == "SENT"


def test_while_a_channel_fails_no_more_leave_at_once_than_failures_are_left_to_it(house: House) -> None:
    made, ready = failing(house, 8)
    at = house.ts(NOON)
    assert len(commits(made, ready[:4], at)) == 4, "as many as in_flight of a channel that works"
    answers(made, ready[:1], AWAY, at)
    assert commits(made, ready[4:], at) == ready[4:6]
    assert [state for state, _ in house.states()][4:] == ["DISPATCHING", "DISPATCHING", "QUEUED", "QUEUED"]
    answers(made, ready[1:2], Accepted("x"), at)
    answers(made, ready[2:3], AWAY, at)
    answers(made, ready[3:4], AWAY, at)
    assert made.gates.trust("sms_main") == 1
    answers(made, ready[4:5], Accepted("x"), at)
    assert made.gates.trust("sms_main") == 4


def test_what_is_asked_again_leaves_whatever_is_left_to_its_channel(house: House) -> None:
    made, ready = failing(house, 4, WECHAT)
    at = house.ts(NOON)
    first, second = commits(made, ready[:2], at)
    answers(made, [first], Unknown("timeout"), at)
    later = house.store.value("SELECT lease_until FROM message WHERE id = :id", id=first.id)
    answers(made, [second], AWAY, later)
    (again,) = made.recover(later)
    assert commits(made, [ready[2], again, ready[3]], later) == [ready[2], again]
    assert [state for state, _ in house.states()][2:] == ["DISPATCHING", "QUEUED"]


def halt(house: House, how: str) -> None:
    if how == "order":
        house.pause("j", NOON)
    else:
        body = (house.folder / "journeys" / "j.yaml").read_text(encoding="utf-8").replace("status: live\n", "")
        house.open(NOON, j=f"status: {how}\n{body}")


@pytest.mark.parametrize("after", ["", "\n  - {wait: 1d}"], ids=["finished", "inside"])
@pytest.mark.parametrize("how", ["order", "paused", "draft", "stopped"])
def test_what_waits_in_hand_while_its_journey_is_halted_does_not_leave_and_books_nothing(
    house: House, how: str, after: str
) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, daily_quota: 5,")
    house.send_one(NOON, SMS + after, people=3)
    made = house.made(spool=spool.NoSpool())
    ready = made.prepare(house.ts(NOON))[1]
    halt(house, how)
    assert commits(made, ready, house.ts(NOON)) == []
    house.deliver(NOON)
    assert set(house.states()) == {("CANCELLED", "left") if how == "stopped" else ("QUEUED", "paused")}
    assert house.store.value("SELECT used FROM channel_state WHERE channel = 'sms_main'") == 0


def test_what_may_have_left_is_asked_again_when_its_journey_goes_on(house: House) -> None:
    house.wechat.lanes = [Lane("talk", "openid", BOTH, 100, 3600)]
    house.send_one(NOON, WECHAT)
    house.wechat.answer = lambda _: Unknown("timeout")
    house.deliver(NOON)
    house.pause("j", NOON)
    house.wechat.answer = accept
    house.deliver("2026-03-02 12:05")
    assert (house.state(), len(house.wechat.sent)) == ("DISPATCHING", 1)
    house.resume("j", "2026-03-02 12:10")
    house.deliver("2026-03-02 12:20")
    first, again = house.wechat.sent
    assert (house.state(), first.idem_key) == ("SENT", again.idem_key)


@pytest.mark.parametrize(
    ("policy", "now", "said"),
    [
        ("", "2026-03-02 20:59:30", [("DISPATCHING", None)]),
        ("", "2026-03-02 21:02", [("EXPIRED", "expired")]),
        (", quiet: 21:00-09:00", "2026-03-02 21:00", [("QUEUED", "quiet hours")]),
    ],
    ids=["in time", "worth nothing any more", "quiet hours since"],
)
def test_what_stood_in_line_for_long_is_judged_anew(
    house: House, policy: str, now: str, said: list[tuple[str, str | None]]
) -> None:
    evening = "2026-03-02 20:59"
    house.files["policy"] = f"purposes: {{plain: {{kind: service{policy}}}}}\n"
    house.send_one(evening, "{send: hello, via: [sms], expires: 2m}")
    house.put("UPDATE message SET expires_at = expires_at + 86400 WHERE :quiet = 1", quiet=int("quiet" in policy))
    made = house.made(spool=spool.NoSpool())
    ready, later = made.prepare(house.ts(evening))[1], house.ts(now)
    assert bool(commits(made, ready, later)) == (said[0][0] == "DISPATCHING")
    house.deliver(later)
    assert house.states() == said and not house.sms.sent


def test_a_number_that_belongs_to_another_person_since_the_claim_is_not_written_to(house: House) -> None:
    ann, bob = house.send_one(NOON, SMS, people=2)
    made = house.made(spool=spool.NoSpool())
    ready = made.prepare(house.ts(NOON))[1]
    house.put("UPDATE identity SET person_id = :bob WHERE kind = 'phone' AND person_id = :ann", ann=ann, bob=bob)
    assert [one.person_id for one in commits(made, ready, house.ts(NOON))] == [bob]
    assert house.states() == [("QUEUED", None), ("DISPATCHING", None)]
    house.deliver(NOON)
    assert house.states()[0] == ("FAILED", "no channel: sms no address")


@pytest.mark.parametrize(("waiting", "leaves"), [(0, 1), (1, 0)])
def test_half_open_lets_one_through_and_none_while_one_is_under_way(house: House, waiting: int, leaves: int) -> None:
    made, ready = failing(house, 5)
    at = house.ts(NOON)
    answers(made, commits(made, ready[:3], at), AWAY, at)
    made.gates.waiting = {"sms_main": waiting}
    assert len(made.prepare(at + 60)[1]) == leaves
