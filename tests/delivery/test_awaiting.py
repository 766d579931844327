"""Tasks that an employee has to confirm: never sent before a receipt says so, and never forgotten."""

from __future__ import annotations

import itertools

import pytest

from automation.engine import invariants
from automation.engine.delivery import awaiting, receipts, reconciling
from automation.engine.delivery.spool import FileSpool, read
from automation.kernel.hooks import Receipt
from automation.kernel.ports import Accepted, Lane
from tests.delivery.house import BOTH, House

NOON = "2026-03-02 12:00"
WAIT = "{send: hello, via: [wechat]}\n  - {wait_for: {sent: hello}, up_to: 9d, then: [{tag: 发了}]}\n  - {wait: 1d}"
TASK = Accepted("task", awaiting=True)


@pytest.fixture
def house(house: House) -> House:
    house.wechat.lanes = [Lane("customers", "openid", BOTH, 100)]
    house.wechat.answer = lambda message: Accepted(f"task:{message.address}", awaiting=True)
    return house


def report(house: House, at: int, *told: Receipt) -> int:
    with house.store.write() as tx:
        return receipts.record_many(house.parts, tx, [("wechat_main", one) for one in told], at)


def offended(house: House) -> list[str]:
    return [one.invariant.id for one in invariants.check(house.store) if one.count]


def test_a_task_is_not_sent_and_says_so_everywhere(house: House) -> None:
    house.send_one(NOON, WAIT)
    done = house.deliver(NOON)
    assert (house.states(), done.sent, done.outcomes["awaiting"]) == ([("AWAITING", None)], 0, 1)
    assert house.store.value("SELECT sent_at FROM message") is None
    assert house.store.value("SELECT count(*) FROM event_queue") == 0
    found = reconciling.reconcile(house.store)
    assert (found.planned, found.sent, found.awaiting, found.adds_up) == (1, 0, 1, True)
    assert offended(house) == []


def test_the_employees_word_makes_it_sent_and_wakes_who_waits(house: House) -> None:
    people = house.send_one(NOON, WAIT, people=3)
    house.deliver(NOON)
    later = house.ts("2026-03-03 09:00")
    told = [Receipt(f"task:o{person}", "sent", later - 60) for person in people[:2]]
    assert report(house, later, *told, Receipt("nobody", "sent", later)) == 2
    assert [state for state, _ in house.states()] == ["SENT", "SENT", "AWAITING"]
    house.tick("2026-03-03 09:01")
    assert [house.tags(person) for person in people] == [{"发了"}, {"发了"}, set()]
    assert offended(house) == []


def test_a_task_that_failed_wakes_nobody_who_waits_for_its_sending(house: House) -> None:
    (person,) = house.send_one(NOON, WAIT)
    house.deliver(NOON)
    assert report(house, house.ts(NOON) + 60, Receipt(f"task:o{person}", "failed", house.ts(NOON) + 50, "3")) == 1
    house.deliver("2026-03-02 12:04")
    house.tick("2026-03-02 12:05")
    assert (house.states(), house.tags(person)) == ([("FAILED", "not confirmed: 3")], set())
    assert house.store.value("SELECT counted_at FROM message") is None, "nobody got it"


def test_nobody_confirms_and_after_a_week_it_failed_and_counts_for_no_cap(house: House) -> None:
    (person,) = house.send_one(NOON, WAIT)
    house.deliver(NOON)
    week = house.ts(NOON) + 7 * 86_400
    house.deliver(week - 1)
    assert house.state() == "AWAITING"
    house.deliver(week)
    assert house.states() == [("FAILED", "not confirmed")]
    assert house.store.value("SELECT counted_at FROM message") is None
    assert offended(house) == []
    report(house, week + 9, Receipt(f"task:o{person}", "sent", week + 5))  # late, and still true
    assert (house.states(), house.store.value("SELECT counted_at FROM message")) == ([("SENT", None)], week + 5)


ONWARD = "{send: hello, via: [wechat, sms], expires: 3d}"


def refused(house: House, at: str | int, *people: int, code: str = "expired") -> None:
    moment = house.ts(at) if isinstance(at, str) else at
    report(house, moment, *(Receipt(f"task:o{person}", "failed", moment, code) for person in people))


def test_a_task_that_nobody_can_confirm_any_more_goes_on_by_the_next_channel_and_only_by_it(house: House) -> None:
    people = house.send_one(NOON, ONWARD, people=3)
    house.deliver(NOON)
    report(house, house.ts(NOON) + 9, Receipt(f"task:o{people[0]}", "sent", house.ts(NOON) + 5))
    refused(house, "2026-03-04 09:00", *people[1:])
    assert [state for state, _ in house.states()] == ["SENT", "AWAITING", "AWAITING"]
    house.deliver("2026-03-04 09:01")
    assert house.states() == [("SENT", None)] * 3
    assert [len(house.wechat.sent), len(house.sms.sent)] == [3, 2]
    refused(house, "2026-03-04 10:00", *people[1:])  # said once more, of what is over
    house.deliver("2026-03-04 10:01")
    assert (house.states(), len(house.sms.sent)) == ([("SENT", None)] * 3, 2)
    rows = house.store.rows("SELECT channel, state, code FROM attempt ORDER BY message_id, id")
    assert [tuple(row) for row in rows[1:3]] == [
        ("wechat_main", 3, "not confirmed: expired"), ("sms_main", 2, None),
    ]  # fmt: skip
    assert offended(house) == []


def test_what_has_expired_meanwhile_takes_no_other_way(house: House) -> None:
    (person,) = house.send_one(NOON, ONWARD)
    house.deliver(NOON)
    refused(house, "2026-03-05 12:00", person)
    house.deliver("2026-03-05 12:01")
    assert house.states() == [("EXPIRED", "expired, no channel: wechat not confirmed: expired")]
    assert house.sms.sent == []


def test_who_has_refused_meanwhile_gets_it_by_no_other_way(house: House) -> None:
    (person,) = house.send_one(NOON, ONWARD, purpose="marketing")
    house.deliver(NOON)
    assert house.state() == "AWAITING"
    house.consent(person, "sms", granted=False, at=house.ts(NOON))
    refused(house, "2026-03-03 12:00", person)
    house.deliver("2026-03-03 12:01")
    assert house.states() == [("FAILED", "no channel: wechat not confirmed: expired, sms no consent")]
    assert house.sms.sent == []


def test_the_employees_late_word_stops_the_other_way_before_it_is_taken(house: House) -> None:
    (person,) = house.send_one(NOON, ONWARD)
    house.deliver(NOON)
    refused(house, "2026-03-03 09:00", person)
    awaiting.settle(house.parts, house.delivery.routes, house.ts("2026-03-03 09:00"))
    assert house.state() == "QUEUED"
    report(house, house.ts("2026-03-03 09:01"), Receipt(f"task:o{person}", "sent", house.ts("2026-03-03 08:59")))
    house.deliver("2026-03-03 09:02")
    assert (house.states(), house.sms.sent) == ([("SENT", None)], [])
    assert house.attempts() == [("wechat_main", "ACCEPTED")]
    assert offended(house) == []


def test_without_the_platforms_word_no_other_way_is_taken_after_a_week(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [wechat, sms], expires: 20d}")
    house.deliver(NOON)
    house.deliver(house.ts(NOON) + 7 * 86_400)
    assert (house.states(), house.sms.sent) == ([("FAILED", "not confirmed")], [])


def test_reports_on_a_task_end_alike_in_every_order_early_and_late(sqlite_house: House) -> None:
    house = sqlite_house
    house.wechat.lanes = [Lane("customers", "openid", BOTH, 100)]
    house.wechat.answer = lambda _: TASK
    base = house.ts(NOON)
    told = (Receipt("task", "sent", base + 5), Receipt("task", "sent", base + 3), Receipt("task", "failed", base + 9),
            Receipt("task", "delivered", base + 20))  # fmt: skip
    ends = set()
    for early, order in itertools.product((0, 2, 4), itertools.permutations(told)):
        for table in ("message", "attempt", "receipt", "event", "event_queue", "entrant", "run"):
            house.put(f"DELETE FROM {table}")
        house.send_one(NOON, WAIT)
        report(house, base + 30, *order[:early])
        house.deliver(NOON)
        report(house, base + 30, *order[early:])
        ends.add(house.store.row("SELECT state, reason, sent_at, delivered_at FROM message"))
    assert {tuple(end or ()) for end in ends} == {(3, None, base + 3, base + 20)}


def test_one_report_is_about_every_message_of_a_shared_request(house: House) -> None:
    house.send_one(NOON, people=3)
    house.wechat.answer = lambda _: Accepted("batch")
    house.deliver(NOON)
    assert report(house, house.ts(NOON) + 9, Receipt("batch", "delivered", house.ts(NOON) + 5)) == 1
    rows = house.store.rows("SELECT delivered_at FROM message")
    assert [row[0] for row in rows] == [house.ts(NOON) + 5] * 3


def test_a_dead_address_and_a_complaint_are_suppressed_even_where_the_report_came_early(house: House) -> None:
    people = house.send_one(NOON, people=2)
    at = house.ts(NOON)
    report(house, at, Receipt(f"task:o{people[0]}", "failed", at, "5.1.1", dead=True))
    house.deliver(NOON)
    report(house, at, Receipt(f"task:o{people[1]}", "delivered", at, complaint=True))
    house.deliver(at + 1)
    rows = house.store.rows("SELECT reason FROM suppression ORDER BY reason")
    assert [row[0] for row in rows] == ["bad_address", "complaint"]
    assert [state for state, _ in house.states()] == ["SENT", "SENT"], "the next way was open to the first"
    assert [len(house.wechat.sent), len(house.sms.sent)] == [2, 1]


def test_a_late_failure_of_one_way_does_not_touch_what_another_way_took(house: House) -> None:
    (person,) = house.send_one(NOON)
    house.wechat.answer = lambda message: Accepted(f"task:{message.address}")
    house.deliver(NOON)
    house.put("UPDATE message SET channel = 'sms_main', lane = 'sms'")  # as if it had gone on since
    report(house, house.ts(NOON), Receipt(f"task:o{person}", "failed", house.ts(NOON)))
    assert house.state() == "SENT"


def test_an_answer_that_was_heard_before_a_kill_is_still_a_task_after_it(sqlite_house: House) -> None:
    folder = sqlite_house.folder / "spool"
    mine = FileSpool(folder)
    mine.intended([(7, 1)])
    mine.started([(7, 1)])
    mine.answered([((7, 1), TASK)])
    assert read(folder)[7, 1].outcome == TASK
    mine.close()
