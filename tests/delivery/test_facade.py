"""From a queued row to a recorded answer, one round at a time."""

from __future__ import annotations

import pytest

from automation.kernel.ports import Accepted, Denied, Message, Outcome, Reason, Unknown
from tests.delivery.house import House

NOON = "2026-03-02 12:00"


def test_a_message_leaves_by_the_first_channel_that_can(house: House) -> None:
    house.send_one(NOON)
    done = house.deliver(NOON)
    assert (done.looked, done.sent, house.states()) == (1, 1, [("SENT", None)])
    (message,) = house.wechat.sent
    assert message.body == {"text": "您好 客1"}
    assert message.address == "o1"
    assert house.attempts() == [("wechat_main", "ACCEPTED")]
    assert not house.deliver(NOON).anything


def test_the_body_is_kept_sealed(house: House) -> None:
    house.send_one(NOON)
    house.deliver(NOON)
    body = bytes(house.store.value("SELECT body FROM attempt"))
    assert "客1".encode() not in body and len(body) > 30


def test_a_passing_refusal_is_tried_again_with_the_same_key_and_the_same_bytes(house: House) -> None:
    (person,) = house.send_one(NOON)
    house.wechat.answer = lambda _: Denied(Reason.UNAVAILABLE, "503", permanent=False)
    house.deliver(NOON)
    assert house.states() == [("QUEUED", "retry: wechat_main unavailable 503")]
    assert house.store.value("SELECT counted_at FROM message") is None
    house.put("UPDATE person SET name = 'other' WHERE id = :id", id=person)
    house.wechat.answer = lambda _: Accepted("x")
    later = house.store.value("SELECT due FROM message")
    assert 30 <= later - house.ts(NOON) <= 38
    house.deliver(later - 1)
    assert house.state() == "QUEUED"
    house.deliver(later)
    assert house.state() == "SENT"
    first, second = house.wechat.sent
    assert first == second


def test_the_provider_says_when_to_come_back(house: House) -> None:
    house.send_one(NOON)
    house.wechat.answer = lambda _: Denied(Reason.RATE_LIMITED, "45009", permanent=False, retry_after=7)
    house.deliver(NOON)
    assert house.due() == "2026-03-02 12:00:07"


def test_a_refusal_for_good_moves_on_along_via_and_the_last_one_fails_with_all_reasons(house: House) -> None:
    house.send_one(NOON)
    for channel in (house.wechat, house.sms, house.mail):
        channel.answer = lambda _: Denied(Reason.NOT_REACHABLE, "43004")
    house.deliver(NOON)
    assert house.states() == [("QUEUED", "no channel: wechat not_reachable 43004")]
    house.deliver(NOON)
    assert house.states()[0][1] == "no channel: wechat not_reachable 43004, sms not_reachable 43004"
    house.deliver(NOON)
    want = ", ".join(f"{kind} not_reachable 43004" for kind in ("wechat", "sms", "email"))
    assert house.states() == [("FAILED", f"no channel: {want}")]
    assert [len(one.sent) for one in (house.wechat, house.sms, house.mail)] == [1, 1, 1]
    assert house.store.value("SELECT counted_at FROM message") is None


def test_the_second_channel_can_take_it(house: House) -> None:
    house.send_one(NOON)
    house.wechat.answer = lambda _: Denied(Reason.BAD_ADDRESS)
    house.deliver(NOON)
    house.deliver(NOON)
    assert house.state() == "SENT"
    assert house.attempts() == [("wechat_main", "DENIED"), ("sms_main", "ACCEPTED")]
    assert house.store.value("SELECT channel FROM message") == "sms_main"


def test_an_unclear_answer_on_a_keyed_lane_is_asked_again_with_the_same_key(house: House) -> None:
    house.send_one(NOON)
    house.wechat.answer = lambda _: Unknown("timeout")
    house.deliver(NOON)
    assert house.states() == [("DISPATCHING", "unknown: wechat_main timeout")]
    house.wechat.answer = lambda _: Accepted("x")
    house.deliver(house.ts(NOON) + 40)
    assert house.state() == "SENT"
    first, second = house.wechat.sent
    assert first == second


def test_a_keyed_lane_is_not_asked_again_when_the_provider_may_have_forgotten_the_key(house: House) -> None:
    house.send_one(NOON)
    house.wechat.answer = lambda _: Unknown("timeout")
    for seconds in range(0, 900, 30):
        house.deliver(house.ts(NOON) + seconds)
    assert house.state() == "AMBIGUOUS"
    assert 3 <= len(house.wechat.sent) <= 6
    assert len({message.idem_key for message in house.wechat.sent}) == 1


def test_an_unclear_answer_is_not_asked_for_again_once_the_message_is_worth_nothing(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [wechat], expires: 1m}")
    house.wechat.answer = lambda _: Unknown("timeout")
    for seconds in range(0, 300, 5):
        house.deliver(house.ts(NOON) + seconds)
    assert house.states() == [("AMBIGUOUS", "unknown: wechat_main timeout")]
    assert len(house.wechat.sent) == 2, "once more after half a minute, and not a minute later"


@pytest.mark.parametrize("unclear", [False, True])
def test_what_would_be_tried_again_after_its_end_is_looked_at_when_it_ends(house: House, unclear: bool) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, on_ambiguous: {service: resend},")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 20s}")
    away = Denied(Reason.UNAVAILABLE, "503", permanent=False, retry_after=7200)
    house.sms.answer = lambda _: Unknown("timeout") if unclear else away
    house.deliver(NOON)
    assert (house.state(), house.due()) == ("QUEUED", "2026-03-02 12:00:20")
    house.deliver(house.ts(NOON) + 20)
    kept = "unknown: sms_main timeout" if unclear else "retry: sms_main unavailable 503"
    assert house.states() == [("EXPIRED", f"expired, {kept}")]


def test_an_unclear_answer_on_a_lane_without_a_key_is_held(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    house.sms.answer = lambda _: Unknown("timeout")
    house.deliver(NOON)
    assert house.states() == [("AMBIGUOUS", "unknown: sms_main timeout")]
    house.deliver("2026-03-02 13:00")
    assert len(house.sms.sent) == 1
    assert house.store.value("SELECT counted_at FROM message") is not None


def test_what_to_do_with_unclear_answers_can_be_told_by_kind(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, on_ambiguous: {marketing: drop, service: resend},")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    house.sms.answer = lambda _: Unknown("timeout")
    house.deliver(NOON)
    assert house.state() == "QUEUED"
    other = house.reachable()
    house.open(NOON, k="purpose: ads\nenter: {manual: true}\nagain: finished\nsteps: [{send: hello, via: [sms]}]\n")
    house.enter("k", other, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert [state for state, _ in house.states()] == ["QUEUED", "FAILED"]


def test_one_bad_recipient_of_a_request_does_not_touch_the_others(house: House) -> None:
    people = house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", people=5)

    def odd(message: Message) -> Outcome:
        return Denied(Reason.BAD_ADDRESS) if message.address == f"o{people[2]}" else Accepted("")

    house.wechat.answer = odd
    house.deliver(NOON)
    assert [state for state, _ in house.states()] == ["SENT", "SENT", "FAILED", "SENT", "SENT"]


def test_requests_are_no_larger_than_the_lane_takes(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=7)
    house.deliver(NOON)
    assert [len(request) for request in house.sms.requests] == [2, 2, 2, 1]


def test_a_channel_that_raises_leaves_its_messages_held_and_not_lost(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")

    def broken(message: Message) -> Outcome:
        raise RuntimeError("bug")

    house.sms.answer = broken
    house.deliver(NOON)
    assert house.states() == [("AMBIGUOUS", "unknown: sms_main raised RuntimeError")]


def test_a_text_that_needs_what_one_person_lacks_fails_that_message_only_and_tells_the_operator(house: House) -> None:
    house.texts_of = {
        "sms.yaml": "template: t\nparams: {city: '{{ customer.city }}'}\npreview: '【旅程】{city}，拒收请回复R'\n"
    }
    house.open(NOON, j="enter: {manual: true}\nagain: finished\nsteps: [{send: hello, via: [sms]}]\n")
    good, bad = house.reachable(city="上海"), house.reachable()
    for person in (good, bad):
        house.enter("j", person, NOON)
    house.tick(NOON)
    assert house.deliver(NOON).states == {"sent": 1, "failed": 1}
    (first, _), (second, reason) = house.states()
    assert (first, second) == ("SENT", "FAILED")
    assert reason is not None and reason.startswith("text missing_value: customer.city")
    payload = house.store.value("SELECT payload FROM effect WHERE kind = 'notify' AND ref = 'operator'")
    assert "templates/hello/sms.yaml" in payload


def test_messages_of_one_run_never_overtake_one_another(house: House) -> None:
    house.send_one(NOON, "{send: one, via: [sms]}\n  - {send: two, via: [wechat]}")
    house.sms.answer = lambda _: Denied(Reason.UNAVAILABLE, permanent=False, retry_after=600)
    house.deliver(NOON)
    house.deliver(NOON)
    assert house.states() == [("QUEUED", "retry: sms_main unavailable"), ("QUEUED", "earlier message")]
    assert house.wechat.sent == []
    assert house.due(1) == house.due(0)
    house.sms.answer = lambda _: Accepted("")
    for _ in range(2):
        house.deliver("2026-03-02 12:10")
    house.deliver("2026-03-02 12:10")
    house.deliver("2026-03-02 12:11")
    assert [state for state, _ in house.states()] == ["SENT", "SENT"]


def test_idempotency_keys_fit_every_provider_and_differ_between_people_and_lanes(house: House) -> None:
    house.send_one(NOON, people=3)
    house.wechat.answer = lambda _: Denied(Reason.BAD_ADDRESS)
    house.deliver(NOON)
    house.deliver(NOON)
    keys = [message.idem_key for message in (*house.wechat.sent, *house.sms.sent)]
    assert len(set(keys)) == 6
    assert all(len(key) <= 32 and key.isalnum() and key == key.lower() for key in keys)


def test_what_is_tried_again_at_another_address_is_booked_at_that_address(house: House) -> None:
    (person,) = house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    house.sms.answer = lambda _: Denied(Reason.UNAVAILABLE, "503", permanent=False)
    house.deliver(NOON)
    house.address(person, "phone", text="+8613900000001")
    house.deliver(house.store.value("SELECT due FROM message"))
    assert [message.address for message in house.sms.sent][1] == "+8613900000001"
    newest = house.store.value("SELECT max(id) FROM identity WHERE kind = 'phone'")
    assert house.store.value("SELECT identity_id FROM attempt") == newest
