"""wait and wait_for: lengths, moments, quiet hours, late ticks, what has happened and what comes too late."""

from __future__ import annotations

import pytest

from tests.engine.shop import Shop

ENTER = "enter: {event: wechat.followed}\nagain: finished\n"


def follow(shop: Shop, *people: int, at: str = "2026-03-01 09:00") -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


@pytest.mark.parametrize(
    ("length", "due"),
    [
        ("90s", "2026-01-31 09:01:30"),
        ("3h", "2026-01-31 12:00"),
        ("2d", "2026-02-02 09:00"),
        ("1mo", "2026-02-28 09:00"),
        ("2 workdays", "2026-02-03 09:00"),
        ("until 09:30", "2026-01-31 09:30"),
        ("until 08:30", "2026-02-01 08:30"),
        ("until monday 10:00", "2026-02-02 10:00"),
        ("until month_end 10:00", "2026-01-31 10:00"),
        ("until 2026-11-10 20:00", "2026-11-10 20:00"),
    ],
)
def test_a_wait_is_due(shop: Shop, length: str, due: str) -> None:
    shop.open("2026-01-01 08:00", wake=ENTER + f'steps: [{{wait: "{length}"}}]\n')
    follow(shop, shop.person(), at="2026-01-31 09:00")
    assert shop.run().due == due


@pytest.mark.parametrize(
    ("entered", "length", "due"),
    [
        ("2026-03-07 09:00", "1d", "2026-03-08 09:00"),  # clocks go forward on 8 March: 23 hours
        ("2026-10-31 09:00", "1d", "2026-11-01 09:00"),  # and back on 1 November: 25 hours
        ("2026-03-07 09:00", "24h", "2026-03-08 10:00"),
        ("2026-06-01 09:00", "1d", "2026-06-02 09:00"),
    ],
)
def test_days_keep_the_local_time_of_the_customer_over_a_change_of_clocks(
    shop: Shop, entered: str, length: str, due: str
) -> None:
    zone = "America/New_York"
    shop.open("2026-01-01 08:00", wake=ENTER + f"steps: [{{wait: {length}}}]\n")
    ann, bob = shop.person(zone=zone), shop.person()
    at = shop.say(shop.ts(entered, zone))
    assert at is not None
    follow(shop, ann, bob, at=at)
    here = [shop.say(row[0], zone) for row in shop.store.rows("SELECT due FROM run WHERE person_id = :ann", ann=ann)]
    assert here == [due]
    hours = 24 * 3600
    assert shop.ts(shop.runs()[1].due or "") - shop.ts(at) == hours


def test_a_program_made_in_summer_still_knows_the_change_of_clocks_in_autumn(shop: Shop) -> None:
    zone = "America/New_York"
    shop.open("2026-01-01 08:00", wake=ENTER + "steps: [{wait: 1d}]\n")
    ann = shop.person(zone=zone)
    for entered in ("2026-06-01 09:00", "2026-10-31 09:00"):
        at = shop.say(shop.ts(entered, zone))
        assert at is not None
        shop.tick(at)
        follow(shop, ann, at=at)
    assert shop.say(shop.store.value("SELECT max(due) FROM run"), zone) == "2026-11-01 09:00"


def test_an_anchored_moment_in_the_past_goes_on_at_once(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nagain: finished\n"
        "steps: [{wait: until entry.ship_on -2d 10:00}, {send: hello}, {wait: until entry.at +5d 09:00}]\n",
    )
    ann, bob = shop.people(2)
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="D1", ship_on="2026-03-10")
    shop.event(bob, "order.paid", "2026-03-01 09:00", order_id="D2", ship_on="2026-03-02")
    shop.tick("2026-03-01 09:00")
    assert [run.due for run in shop.runs()] == ["2026-03-08 10:00", "2026-03-06 09:00"]
    assert [message.person for message in shop.messages()] == [bob]


def test_a_field_without_a_date_goes_on_at_once(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nagain: finished\nsteps: [{wait: until entry.ship_on 10:00}, {send: hello}]\n",
    )
    shop.event(shop.person(), "order.paid", "2026-03-01 09:00", order_id="D1")
    shop.tick("2026-03-01 09:00")
    assert shop.texts() == ["hello"]


@pytest.mark.parametrize("days", [30, 30.5])
@pytest.mark.parametrize("path", ["customer.cycle_days", "answer.score"])
def test_a_number_field_counts_whole_days(shop: Shop, path: str, days: float) -> None:
    then = f"then: [{{wait: until entry.at +{path} -5d 10:00}}]"
    steps = f"steps: [{{wait_for: {{event: csat.answered}}, up_to: 1h, as: answer, {then}}}]\n"
    shop.open("2026-03-01 08:00", wake=ENTER + steps)
    ann = shop.person(cycle_days=days)
    follow(shop, ann)
    shop.event(ann, "csat.answered", "2026-03-01 09:01", score=days)
    shop.tick("2026-03-01 09:01")
    assert shop.run().due == "2026-03-26 10:00"


def test_quiet_hours_put_messages_off_spread_and_the_wait_counts_from_there(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="purpose: ads\n" + ENTER + "steps: [{send: one}, {wait: 1h}, {send: two}, {wait: 1d}]\n",
    )
    people = shop.people(20)
    follow(shop, *people, at="2026-03-01 23:00")
    first = {message.person: message.due or "" for message in shop.messages()}
    assert all("2026-03-02 09:00" <= due < "2026-03-02 09:16" for due in first.values())
    assert len(set(first.values())) > 10
    shop.tick("2026-03-02 00:00", "2026-03-02 09:59")
    assert len(shop.messages()) == 20
    for minute in range(17):
        shop.tick(f"2026-03-02 10:{minute:02}:59")
    second = {message.person: message.due or "" for message in shop.messages() if message.step == "two"}
    for person in people:
        assert 3600 <= shop.ts(second[person]) - shop.ts(first[person]) < 3660


def test_an_answer_at_night_does_not_bunch_what_follows(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="purpose: ads\n"
        + ENTER
        + "steps: [{send: one}, {wait_for: {event: order.paid}, up_to: 2d}, {wait: 1h}, {send: two}, {wait: 1d}]\n",
    )
    ann = shop.person()
    follow(shop, ann, at="2026-03-01 22:00")
    shop.event(ann, "order.paid", "2026-03-01 22:30", order_id="D1")
    shop.tick("2026-03-01 22:30")
    assert shop.ts(shop.run().due or "") - shop.ts(shop.messages()[0].due or "") == 3600


def test_service_that_ignores_quiet_hours_leaves_at_once(shop: Shop) -> None:
    shop.files["policy"] = "purposes:\n  plain: {kind: service, quiet: 21:00-09:00}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{send: one, ignore: quiet_hours}, {send: two}]\n")
    follow(shop, shop.person(), at="2026-03-01 23:00")
    due = dict(shop.sent())
    assert due["one"] == "2026-03-01 23:00"
    assert (due["two"] or "") >= "2026-03-02 09:00"


def test_a_send_with_a_moment_is_planned_for_it_and_expires_from_it(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake=ENTER + "steps: [{send: one, at: 10:00, expires: 2h}, {send: two, expires: today}]\n"
    )
    follow(shop, shop.person())
    assert [(message.due, message.expires) for message in shop.messages()] == [
        ("2026-03-01 10:00", "2026-03-01 12:00"),
        ("2026-03-01 09:00", "2026-03-02 00:00"),
    ]


def test_ticks_that_are_a_little_late_cause_no_drift(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="purpose: ads\n" + ENTER + "steps: [{send: one}, {wait: 1d}, {send: two}, {wait: 1d}, {send: three}]\n",
    )
    shop.event(shop.person(), "wechat.followed", "2026-03-01 09:00")
    shop.tick("2026-03-01 09:20")
    assert shop.run().due == "2026-03-02 09:00"
    shop.tick("2026-03-02 09:50")
    assert shop.run().due == "2026-03-03 09:00"


def test_a_tick_that_is_an_hour_late_keeps_the_planned_clock_and_a_second_more_does_not(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{wait: 1d}, {send: one}, {wait: 1d}, {send: two}]\n")
    ann, bob = shop.people(2)
    follow(shop, ann)
    follow(shop, bob, at="2026-03-01 09:00:01")
    shop.tick("2026-03-02 10:00:01")
    assert [run.due for run in shop.runs()] == ["2026-03-03 10:00:01", "2026-03-03 09:00:01"]


def test_after_a_long_stop_waits_count_from_now_and_messages_expire_from_their_planned_moment(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake=ENTER + "steps: [{wait: 1d}, {send: one, expires: today}, {wait: 1d}, {send: two}]\n"
    )
    follow(shop, shop.person())
    shop.tick("2026-03-03 12:00")
    assert [(message.due, message.expires) for message in shop.messages()] == [("2026-03-03 12:00", "2026-03-03 00:00")]
    assert shop.run().due == "2026-03-04 12:00"


def test_a_fence_keeps_the_planned_moment_of_what_follows(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER + "steps: [{wait: 1d}, {tag: x}, {if: {tag: x}, then: [{send: one, expires: today}]}, {wait: 1d}]\n",
    )
    follow(shop, shop.person())
    shop.tick("2026-03-03 12:00")
    assert [message.expires for message in shop.messages()] == ["2026-03-03 00:00"]
    assert shop.run().due == "2026-03-04 12:00"


WAIT_FOR = """
steps:
  - wait_for: {event: csat.answered}
    up_to: 2d
    as: answer
    then: [{send: thanks}, {set: {score: {from: answer.score}}}]
    else: [{send: nudge}]
  - {send: after}
  - {wait: 1d}
  - {if: {answer.score: {at_least: 9}}, then: [{send: happy}]}
"""


def test_an_answer_goes_the_way_of_then_and_is_kept(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + WAIT_FOR)
    ann, bob = shop.people(2)
    follow(shop, ann, bob)
    shop.event(ann, "csat.answered", "2026-03-02 09:00", score=10)
    shop.tick("2026-03-02 09:00")
    assert shop.texts() == ["thanks", "after"]
    assert shop.runs()[0].data["answer"]["score"] == 10
    assert shop.attrs(ann)["score"] == 10
    shop.tick("2026-03-03 09:00")
    assert sorted((message.person, message.step) for message in shop.messages()[2:]) == [
        (ann, "happy"),
        (bob, "after"),
        (bob, "nudge"),
    ]


def test_of_several_answers_that_came_before_the_wait_the_first_is_kept(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + WAIT_FOR.replace("steps:", "steps:\n  - {wait: 1d}"))
    ann = shop.person()
    follow(shop, ann)
    for at, score in (("2026-03-01 12:00", 3), ("2026-03-01 13:00", 10), ("2026-03-01 14:00", 7)):
        shop.event(ann, "csat.answered", at, score=score)
        shop.tick(at)
    shop.tick("2026-03-02 09:10")
    assert shop.run().data["answer"]["score"] == 3


def test_what_has_already_happened_since_entry_passes_at_once(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + WAIT_FOR.replace("steps:", "steps:\n  - {wait: 1d}"))
    ann = shop.person()
    shop.event(ann, "csat.answered", "2026-02-28 12:00", score=1)
    shop.tick("2026-02-28 12:00")
    follow(shop, ann)
    shop.event(ann, "csat.answered", "2026-03-01 12:00", score=10)
    shop.tick("2026-03-01 12:00")
    assert shop.texts() == []
    shop.tick("2026-03-02 09:10")
    assert shop.texts() == ["thanks", "after"]
    assert shop.run().due == "2026-03-03 09:00"
    assert shop.run().data["answer"]["score"] == 10


def test_a_time_out_looks_once_more_for_what_was_not_taken_in(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + WAIT_FOR)
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "csat.answered", "2026-03-03 08:00", score=5)
    with shop.store.write() as tx:
        tx.run("DELETE FROM event_queue")
    shop.tick("2026-03-03 09:00")
    assert shop.texts() == ["thanks", "after"]


@pytest.mark.parametrize("taken", ["before the time-out", "only by the look"])
def test_what_comes_after_the_limit_is_no_answer_however_late_the_tick(shop: Shop, taken: str) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + WAIT_FOR)
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "csat.answered", "2026-03-03 09:30", score=5)
    if taken == "only by the look":
        with shop.store.write() as tx:
            tx.run("DELETE FROM event_queue")
    shop.tick("2026-03-03 10:00")
    assert shop.texts() == ["nudge", "after"]


def test_the_event_of_the_entry_is_no_answer(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nagain: finished\n"
        "steps: [{wait_for: {event: order.paid}, up_to: 2d, then: [{send: thanks}]}]\n",
    )
    ann = shop.person()
    shop.event(ann, "order.paid", "2026-03-01 09:00", order_id="D1")
    shop.tick("2026-03-01 09:00")
    assert shop.run().inside
    shop.event(ann, "order.paid", "2026-03-01 10:00", order_id="D2")
    shop.tick("2026-03-01 10:00")
    assert shop.texts() == ["thanks"]


@pytest.mark.parametrize(("word", "column"), [("clicked", "clicked_at"), ("delivered", "delivered_at")])
def test_what_becomes_of_a_message_answers_its_own_run_only(shop: Shop, word: str, column: str) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nkey: order_id\n"
        f"steps: [{{send: hello}}, {{wait_for: {{{word}: hello}}, up_to: 2d,"
        " then: [{send: yes_}], else: [{send: no_}]}]\n",
    )
    ann = shop.person()
    for order in ("D1", "D2"):
        shop.event(ann, "order.paid", "2026-03-01 09:00", order_id=order)
    shop.tick("2026-03-01 09:00")
    first = shop.runs()[0]
    with shop.store.write() as tx:
        tx.run(f"UPDATE message SET {column} = :at WHERE run_id = :run", at=shop.ts("2026-03-01 10:00"), run=first.id)
    shop.event(ann, f"message.{word}", "2026-03-01 10:00", run=str(first.id), step="hello")
    shop.tick("2026-03-01 10:00")
    assert [(message.run, message.step) for message in shop.messages()][2:] == [(first.id, "yes_")]
    shop.tick("2026-03-03 09:00")
    assert [message.step for message in shop.messages()][3:] == ["no_"]


AT_EVENING = "  - {send: hello, at: '19:30', expires: 1d}\n"


@pytest.mark.parametrize(
    ("behind", "due"),
    [
        ("  - {wait: 1h}\n", "2026-03-01 20:30"),
        ("  - {wait: 1mo}\n", "2026-04-01 19:30"),
        ("  - {wait: until 09:00}\n", "2026-03-02 09:00"),
        ("  - {wait_for: {event: order.paid}, up_to: 2h, then: [{points: 1, reason: r}]}\n", "2026-03-01 21:30"),
    ],
)
def test_a_wait_behind_a_message_with_a_time_counts_from_that_time(shop: Shop, behind: str, due: str) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n" + AT_EVENING + behind)
    follow(shop, shop.person(), at="2026-03-01 10:00")
    assert shop.run().due == due


def test_a_wait_behind_two_messages_with_times_counts_from_the_later_one(shop: Shop) -> None:
    earlier = "  - {send: bye, at: '12:00', expires: 1d}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n" + AT_EVENING + earlier + "  - {wait: 1h}\n")
    follow(shop, shop.person(), at="2026-03-01 10:00")
    assert [one.due for one in shop.messages()] == ["2026-03-01 19:30", "2026-03-01 12:00"]
    assert shop.run().due == "2026-03-01 20:30"


def test_only_who_got_the_message_with_a_time_waits_longer(shop: Shop) -> None:
    branch = "  - {if: {tag: a}, then: [{send: hello, at: '19:30', expires: 1d}], else: [{send: bye, expires: 1mo}]}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n  - {wait: 1h}\n" + branch + "  - {wait: 1h}\n")
    follow(shop, shop.person(tags=("a",)), shop.person(), at="2026-03-01 10:00")
    shop.tick("2026-03-01 11:30")  # late, which puts off nobody
    assert [run.due for run in shop.runs()] == ["2026-03-01 20:30", "2026-03-01 12:00"]
    assert [one.expires for one in shop.messages()] == ["2026-03-02 19:30", "2026-04-01 11:00"]


def test_a_message_behind_a_wait_behind_a_message_with_a_time_leaves_after_both(shop: Shop) -> None:
    steps = AT_EVENING + "  - {if: {tag: a}, then: [{tag: b}]}\n  - {wait: 1h}\n  - {send: bye, expires: 4h}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n" + steps)
    follow(shop, shop.person(), at="2026-03-01 10:00")
    shop.tick("2026-03-01 20:29")
    assert [(one.step, one.due) for one in shop.messages()] == [("hello", "2026-03-01 19:30")]
    shop.tick("2026-03-01 20:30")
    assert [(one.due, one.expires) for one in shop.messages()[1:]] == [("2026-03-01 20:30", "2026-03-02 00:30")]


def test_what_is_waited_for_and_has_come_lets_on_at_once_behind_a_message_with_a_time(shop: Shop) -> None:
    waits = "  - {wait_for: {event: order.paid}, up_to: 2h, then: [{points: 1, reason: r}]}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n  - {wait: 1h}\n" + AT_EVENING + waits)
    person = shop.person()
    follow(shop, person, at="2026-03-01 10:00")
    shop.event(person, "order.paid", "2026-03-01 10:30", order_id="1")
    shop.tick("2026-03-01 10:30")
    shop.tick("2026-03-01 11:00")
    assert not shop.run().inside


@pytest.mark.parametrize("moment", ["2026-03-01 11:09", "2026-03-01 11:10", "2026-03-01 11:15", "2026-03-01 12:30"])
def test_what_has_come_lets_on_at_once_behind_a_message_with_a_time_however_late_the_tick(
    shop: Shop, moment: str
) -> None:
    waits = "  - {wait_for: {event: order.paid}, up_to: 10m, then: [{tag: paid}], else: [{tag: not_paid}]}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n  - {wait: 1h}\n" + AT_EVENING + waits)
    ann, bob = shop.people(2)
    follow(shop, ann, bob, at="2026-03-01 10:00")
    shop.event(ann, "order.paid", "2026-03-01 10:30", order_id="1")
    shop.tick("2026-03-01 10:30", moment)
    assert [(run.person, run.due) for run in shop.runs() if run.inside] == [(bob, "2026-03-01 19:40")]
    shop.tick("2026-03-01 19:40")
    assert (shop.tags(ann), shop.tags(bob)) == ({"paid"}, {"not_paid"})


@pytest.mark.parametrize(("paid", "way"), [("2026-03-02 09:00", "thanks"), ("2026-03-02 09:01", "nudge")])
@pytest.mark.parametrize("up_to", ["entry.at +1d", "entry.at +24h"])
def test_a_limit_that_is_over_before_the_wait_begins_parts_what_came_in_time_from_what_did_not(
    shop: Shop, paid: str, way: str, up_to: str
) -> None:
    waits = (
        f"  - {{wait_for: {{event: order.paid}}, up_to: {up_to}, then: [{{send: thanks}}], else: [{{send: nudge}}]}}\n"
    )
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n  - {wait: 2d}\n" + waits)
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "order.paid", paid, order_id="1")
    shop.tick(paid, "2026-03-03 09:00")
    assert shop.texts() == [way]


@pytest.mark.parametrize("up_to", ["2d", "2mo", "2026-03-09 10:00"])
def test_what_has_come_lets_on_at_once_whatever_the_limit(shop: Shop, up_to: str) -> None:
    waits = (
        f"  - {{wait_for: {{event: order.paid}}, up_to: {up_to}, then: [{{send: thanks}}], else: [{{send: nudge}}]}}\n"
    )
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n  - {wait: 2d}\n" + waits)
    ann = shop.person()
    follow(shop, ann)
    shop.event(ann, "order.paid", "2026-03-01 10:00", order_id="1")
    shop.tick("2026-03-01 10:00", "2026-03-03 09:00")
    assert shop.sent() == [("thanks", "2026-03-03 09:00")]


def test_what_came_after_a_limit_that_a_late_tick_has_passed_is_no_answer(shop: Shop) -> None:
    waits = "  - {wait_for: {event: order.paid}, up_to: 10m, then: [{send: thanks}], else: [{send: nudge}]}\n"
    shop.open("2026-03-01 08:00", wake=ENTER + "steps:\n  - {wait: 2d}\n" + waits)
    ann, bob = shop.people(2)
    follow(shop, ann, bob)
    shop.event(ann, "order.paid", "2026-03-03 09:10", order_id="1")
    shop.event(bob, "order.paid", "2026-03-03 09:11", order_id="2")
    shop.tick("2026-03-03 09:50")
    assert sorted((message.person, message.step) for message in shop.messages()) == [(ann, "thanks"), (bob, "nudge")]


MARKS = {
    "sent": "state = 3, sent_at = :at, delivered_at = :at",
    "delivered": "delivered_at = :at",
    "opened": "opened_at = :at",
    "clicked": "clicked_at = :at",
    "failed": "state = 5, due = NULL, done_at = :at",
}


@pytest.mark.parametrize("word", MARKS)
@pytest.mark.parametrize(("at", "way"), [("2026-03-03 09:00", "yes_"), ("2026-03-03 09:01", "no_")])
def test_what_becomes_of_a_message_in_a_pause_is_an_answer_until_the_limit(
    shop: Shop, word: str, at: str, way: str
) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER + f"steps: [{{send: hello}}, {{wait_for: {{{word}: hello}}, up_to: 2d,"
        " then: [{send: yes_}], else: [{send: no_}]}]\n",
    )
    ann = shop.person()
    follow(shop, ann)
    shop.pause("wake", "2026-03-01 10:00")
    with shop.store.write() as tx:
        tx.run(f"UPDATE message SET {MARKS[word]}", at=shop.ts(at))
    shop.event(ann, f"message.{word}", at, run=str(shop.run().id), step="hello")
    shop.tick("2026-03-03 12:00")
    shop.resume("wake", "2026-03-04 09:00")
    shop.tick("2026-03-04 09:00")
    assert [message.step for message in shop.messages(None)] == ["hello", way]


@pytest.mark.parametrize("clock", ["customer", "shop"])
def test_quiet_hours_are_the_customers_whatever_the_clock_of_the_journey(shop: Shop, clock: str) -> None:
    zone = "America/New_York"
    shop.open(
        "2026-01-01 08:00",
        wake=f"purpose: ads\nclock: {clock}\n" + ENTER + "steps: [{send: one, expires: 3d}, {wait: 2h}, {send: two}]\n",
    )
    ann = shop.person(zone=zone, seed=0)
    follow(shop, ann, at="2026-03-02 12:00")  # 23:00 in New York
    assert [shop.say(row[0], zone) for row in shop.store.rows("SELECT due FROM message")] == ["2026-03-02 09:00"]
    assert shop.say(shop.store.value("SELECT due FROM run"), zone) == "2026-03-02 11:00"


def test_a_message_with_a_time_of_the_shop_leaves_when_it_is_not_quiet_for_the_customer(shop: Shop) -> None:
    zone = "America/New_York"
    steps = "steps: [{send: one, at: '15:00', expires: 1d}, {wait: until 16:00}]\n"
    shop.open("2026-01-01 08:00", wake="purpose: ads\nclock: shop\n" + ENTER + steps)
    follow(shop, shop.person(zone=zone, seed=0), at="2026-03-02 12:00")
    planned, due = shop.store.rows("SELECT scheduled_at, due FROM message")[0]
    assert (shop.say(planned), shop.say(due, zone)) == ("2026-03-02 15:00", "2026-03-02 09:00")
    assert shop.run().due == "2026-03-03 16:00"
