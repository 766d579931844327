"""Reports of providers in any order, repeated, early and late: one end; and the events that wake those who wait."""

from __future__ import annotations

import itertools
import json

import pytest

from automation.engine.delivery import receipts
from automation.kernel.ports import Accepted, Unknown
from tests.delivery.house import House

NOON = "2026-03-02 12:00"
REPORTS = (("delivered", 10), ("delivered", 12), ("opened", 20), ("clicked", 30), ("failed", 15))


def report(house: House, kind: str, seconds: int, provider_id: str = "pid", channel: str = "wechat_main") -> bool:
    with house.store.write() as tx:
        at = house.ts(NOON) + seconds
        return receipts.record(house.parts, tx, channel, provider_id, kind, at, house.ts(NOON) + 100)


def seen(house: House) -> tuple[object, ...]:
    row = house.store.row("SELECT state, reason, delivered_at, opened_at, clicked_at FROM message")
    events = house.store.rows("SELECT n.name FROM event e JOIN name n ON n.id = e.name_id ORDER BY n.name")
    return (*(row or ()), tuple(name for (name,) in events if name not in ("message.failed", "message.sent")))


@pytest.mark.parametrize("early", [0, 2, 5])
def test_receipts_in_any_order_end_alike(sqlite_house: House, early: int) -> None:
    """Some come before the answer of their own request was recorded, the others after it, in every order."""
    house = sqlite_house
    house.wechat.answer = lambda _: Accepted("pid")
    ends = set()
    for order in list(itertools.permutations(REPORTS))[early::17]:
        for table in ("message", "attempt", "receipt", "event", "event_queue", "entrant", "run"):
            house.put(f"DELETE FROM {table}")
        house.send_one(NOON)
        house.put("DELETE FROM event")
        for kind, seconds in order[:early]:
            assert report(house, kind, seconds) is False
        house.deliver(NOON)
        for kind, seconds in order[early:]:
            assert report(house, kind, seconds) is True
        assert house.store.value("SELECT count(*) FROM receipt") == 0
        ends.add(seen(house))
    base = house.ts(NOON)
    told = ("message.clicked", "message.delivered", "message.opened")
    assert ends == {(3, None, base + 10, base + 20, base + 30, told)}


def test_a_report_of_a_clock_that_is_ahead_answers_as_any_other(house: House) -> None:
    house.send_one(
        NOON, "{send: hello, expires: 3d}\n  - {wait_for: {delivered: hello}, up_to: 3d, then: [{tag: came}]}"
    )
    house.wechat.answer = lambda _: Accepted("pid")
    house.deliver(NOON)
    house.pause("j", "2026-03-02 12:01")
    assert report(house, "delivered", 102)  # it is told two seconds before
    house.tick("2026-03-02 12:01:40")
    house.resume("j", "2026-03-02 13:00")
    house.tick("2026-03-02 13:00")
    (ann,) = (row[0] for row in house.store.rows("SELECT id FROM person"))
    assert house.tags(ann) == {"came"}


def test_a_bounce_fails_what_was_accepted(house: House) -> None:
    house.send_one(NOON)
    house.wechat.answer = lambda _: Accepted("pid")
    house.deliver(NOON)
    report(house, "failed", 5)
    report(house, "failed", 6)
    assert house.states() == [("FAILED", "bounced")]


def test_a_receipt_heals_a_message_of_which_nobody_knew(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    house.sms.answer = lambda _: Unknown("timeout")
    house.deliver(NOON)
    assert house.state() == "AMBIGUOUS"
    key = house.sms.sent[0].idem_key  # providers without an answer can still return our own number
    assert report(house, "delivered", 5, key, "sms_main") is True
    assert house.state() == "SENT"


def test_a_receipt_for_nothing_we_know_waits_and_is_not_an_error(house: House) -> None:
    house.open(NOON, j="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")
    assert report(house, "delivered", 5, "strange") is False
    assert report(house, "delivered", 3, "strange") is False
    assert house.store.rows("SELECT kind, at FROM receipt") == [("delivered", house.ts(NOON) + 3)]


def test_events_tell_run_and_step_and_wake_who_waits(house: House) -> None:
    steps = "{send: hello}\n  - {wait_for: {clicked: hello}, up_to: 3d, then: [{tag: 点了}]}\n  - {wait: 1d}"
    (person,) = house.send_one(NOON, steps)
    house.wechat.answer = lambda _: Accepted("pid")
    house.deliver(NOON)
    report(house, "clicked", 60)
    props = json.loads(house.store.value("SELECT props FROM event"))
    assert props == {"run": house.run().id, "step": "hello", "journey": "j", "channel": "wechat_main", "link": None}
    house.tick("2026-03-02 12:02")
    assert house.tags(person) == {"点了"}


@pytest.mark.parametrize(("waits", "told"), [("sent", 1), ("failed", 0)])
def test_sent_is_told_only_where_somebody_listens(house: House, waits: str, told: int) -> None:
    house.send_one(NOON, f"{{send: hello}}\n  - {{wait_for: {{{waits}: hello}}, up_to: 3d}}\n  - {{wait: 1d}}")
    house.deliver(NOON)
    assert house.store.value("SELECT count(*) FROM event_queue") == told


def test_a_failure_wakes_who_waits_for_it(house: House) -> None:
    steps = "{send: hello, via: [wechat]}\n"
    steps += "  - {wait_for: {failed: hello}, up_to: 3d, then: [{tag: 没收到}]}\n  - {wait: 1d}"
    house.send_one(NOON, steps, people=0)
    person = house.reachable("phone")
    house.enter("j", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    house.tick("2026-03-02 12:01")
    assert house.tags(person) == {"没收到"}


def test_an_unknown_kind_is_a_programming_error(house: House) -> None:
    house.open(NOON, j="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")
    with pytest.raises(ValueError, match="no kind of receipt"):
        report(house, "eaten", 1)


@pytest.mark.parametrize("early", [False, True])
def test_a_report_finds_a_message_whose_answer_was_lost_by_the_name_the_channel_gave(house: House, early: bool) -> None:
    """As in a batch of text messages: the provider reports under the name of the request, which is nobody's key."""
    house.wechat.answer = lambda _: Unknown("timeout", "b-1|abc")
    house.send_one(NOON)
    if early:
        assert report(house, "delivered", 0, "b-1|abc") is False
    house.deliver(NOON)
    if not early:
        assert house.state() != "SENT"
        assert report(house, "delivered", 60, "b-1|abc") is True
    assert house.state() == "SENT"


def test_reports_about_nobodys_messages_are_forgotten_and_those_without_a_name_not_kept(house: House) -> None:
    house.send_one(NOON, people=0)
    assert report(house, "delivered", 0, "another system's") is False
    assert report(house, "delivered", 5, "theirs too") is False
    assert report(house, "delivered", 0, "") is False
    assert house.store.value("SELECT count(*) FROM receipt") == 2
    with house.store.write() as tx:
        assert receipts.prune(tx, house.ts(NOON) + receipts.KEPT) == 0
        assert receipts.prune(tx, house.ts(NOON) + receipts.KEPT + 1) == 1
    assert house.store.value("SELECT provider_id FROM receipt") == "theirs too"
