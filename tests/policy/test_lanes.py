"""Lanes of one channel: what they carry, windows, grants, limits of the platform, days of the account, and rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.kernel.ports import Accepted, Denied, Lane, Limit, Message, Outcome, Reason
from automation.people import suppression
from tests.delivery.house import BOTH, FILES, House

NOON = "2026-03-02 12:00"  # a Monday
SERVICE = frozenset({"service"})
TALK = Lane("talk", "openid", BOTH, 100, 600, parts=frozenset({"text"}), window=True)
TEMPLATE = Lane("template", "openid", SERVICE, 100, 600, parts=frozenset({"template"}))
SUBSCRIBE = Lane("subscribe", "openid", BOTH, 100, parts=frozenset({"subscribe"}), grant="subscribe")
WORDS = FILES["wechat.yaml"]
NOTICE = "template: {key: order_done, data: {thing1: 订单}}\n"
ASKED = "subscribe: {key: sale_on, data: {thing1: 开售}}\n"


@pytest.fixture
def house(house: House) -> House:
    house.wechat.lanes = [TALK, TEMPLATE, SUBSCRIBE]
    return house


def text(house: House, *parts: str) -> None:
    house.texts_of = {**FILES, "wechat.yaml": "".join(parts)}


def open_window(house: House, person: int, seconds: int = 3600, messages: int | None = 1, at: str = NOON) -> None:
    house.put(
        "INSERT INTO reply_window (channel, identity_id, until, messages) SELECT 'wechat_main', id, :until, :messages"
        " FROM identity WHERE person_id = :person AND kind = 'openid' ON CONFLICT (channel, identity_id) DO UPDATE"
        " SET until = excluded.until, messages = excluded.messages",
        person=person, until=house.ts(at) + seconds, messages=messages,
    )  # fmt: skip


def grant(house: House, person: int, template: str, count: int) -> None:
    house.put(
        "INSERT INTO send_grant (channel, identity_id, template, messages) SELECT 'wechat_main', id, :template, :count"
        " FROM identity WHERE person_id = :person AND kind = 'openid'",
        person=person, template=template, count=count,
    )  # fmt: skip


def went(house: House) -> list[tuple[str | None, str | None]]:
    return [(row[0], row[1]) for row in house.store.rows("SELECT channel, lane FROM message ORDER BY id")]


def left_of(house: House, table: str) -> list[int | None]:
    return [row[0] for row in house.store.rows(f"SELECT messages FROM {table} ORDER BY identity_id")]


def again(house: House, person: int, at: str) -> None:
    house.enter("j", person, at)
    house.tick(at)
    house.deliver(at)


def test_inside_the_window_they_are_answered_and_outside_they_get_the_notice(house: House) -> None:
    text(house, WORDS, NOTICE)
    inside, outside = house.send_one(NOON, people=2)
    open_window(house, inside)
    open_window(house, outside, seconds=0)
    house.deliver(NOON)
    assert went(house) == [("wechat_main", "talk"), ("wechat_main", "template")]
    assert left_of(house, "reply_window") == [0, 1]


def test_a_window_is_counted_down_and_a_used_up_one_is_closed(house: House) -> None:
    text(house, WORDS)
    (person,) = house.send_one(NOON)
    open_window(house, person, messages=2)
    for minute in range(3):
        again(house, person, f"2026-03-02 12:0{minute}")
    house.deliver(NOON)
    assert went(house) == [("wechat_main", "talk"), ("wechat_main", "talk"), ("sms_main", "sms")]
    assert left_of(house, "reply_window") == [0]


def test_a_window_without_a_number_is_not_counted(house: House) -> None:
    text(house, WORDS)
    (person,) = house.send_one(NOON)
    open_window(house, person, messages=None)
    house.deliver(NOON)
    assert (went(house), left_of(house, "reply_window")) == ([("wechat_main", "talk")], [None])


def test_an_answer_that_did_not_leave_is_given_back(house: House) -> None:
    text(house, WORDS)
    (person,) = house.send_one(NOON)
    open_window(house, person, messages=3)
    house.wechat.answer = lambda _: Denied(Reason.UNAVAILABLE, permanent=False, retry_after=5)
    house.deliver(NOON)
    assert left_of(house, "reply_window") == [3]
    house.wechat.answer = lambda _: Accepted("x")
    house.deliver(house.ts(NOON) + 10)
    assert (house.state(), left_of(house, "reply_window")) == ("SENT", [2])


def test_what_the_platform_says_of_a_window_counts_more_than_our_own_number(house: House) -> None:
    text(house, WORDS)
    (person,) = house.send_one(NOON)
    open_window(house, person, messages=4)
    house.wechat.answer = lambda _: Denied(Reason.WINDOW_CLOSED, "45047")
    house.deliver(NOON)
    house.deliver(NOON)
    assert (went(house), left_of(house, "reply_window")) == ([("sms_main", "sms")], [])
    assert house.attempts() == [("wechat_main", "DENIED"), ("sms_main", "ACCEPTED")]


def test_a_grant_is_one_message_of_one_template(house: House) -> None:
    text(house, ASKED)
    (person,) = house.send_one(NOON)
    grant(house, person, "sale_on", 1)
    grant(house, person, "other", 5)
    house.deliver(NOON)
    again(house, person, "2026-03-02 12:01")
    assert went(house) == [("wechat_main", "subscribe"), ("sms_main", "sms")]
    assert sorted(filter(None, left_of(house, "send_grant"))) == [5]


def test_a_grant_the_platform_denies_is_none_any_more(house: House) -> None:
    text(house, ASKED)
    (person,) = house.send_one(NOON)
    grant(house, person, "sale_on", 3)
    house.wechat.answer = lambda _: Denied(Reason.NO_GRANT, "43101")
    house.deliver(NOON)
    house.deliver(NOON)
    assert (went(house), left_of(house, "send_grant")) == ([("sms_main", "sms")], [0])


def test_a_lane_is_closed_to_a_text_without_a_part_for_it(house: House) -> None:
    text(house, NOTICE)
    (person,) = house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}")
    open_window(house, person)
    house.deliver(NOON)
    assert went(house) == [("wechat_main", "template")]
    text(house, WORDS)
    house.open(NOON, k="enter: {manual: true}\nagain: finished\nsteps: [{send: other, via: [wechat]}]\n")
    other = house.reachable()
    house.enter("k", other, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.states()[1] == ("FAILED", "no channel: wechat window closed")


def test_who_refused_marketing_is_kept_back_where_only_lanes_stand_behind_that_carry_none(house: House) -> None:
    text(house, WORDS, NOTICE)
    house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", people=0, purpose="ads")
    person = house.reachable(consent=False)
    open_window(house, person)
    house.enter("j", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.states() == [("SUPPRESSED", "no consent: wechat no consent")]


def test_who_has_no_address_at_all_is_told_so_once_a_channel(house: House) -> None:
    text(house, WORDS, NOTICE, ASKED)
    house.send_one(NOON, people=0)
    person = house.reachable("member_no")
    house.enter("j", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.reason() == "no channel: wechat no address, sms no address, email no address"


@pytest.mark.parametrize(
    ("limit", "second", "after"),
    [
        (Limit(1, "day", "X-1"), "2026-03-02 23:59", "2026-03-03 00:00"),
        (Limit(1, "24h", "X-2"), "2026-03-03 11:59", "2026-03-03 12:00"),
        (Limit(1, "month", "X-3"), "2026-03-31 23:59", "2026-04-01 00:00"),
        (Limit(1, "30d", "X-4"), "2026-04-01 11:59", "2026-04-01 12:00"),
    ],
)  # fmt: skip
def test_a_limit_of_the_platform_sends_the_next_ones_another_way(
    house: House, limit: Limit, second: str, after: str
) -> None:
    house.wechat.lanes = [Lane("mass", "openid", BOTH, 100, limits=(limit,))]
    (person,) = house.send_one(NOON)
    house.deliver(NOON)
    again(house, person, second)
    again(house, person, after)
    assert went(house) == [("wechat_main", "mass"), ("sms_main", "sms"), ("wechat_main", "mass")]


def test_a_limit_without_another_way_keeps_back_and_names_its_rule(house: House) -> None:
    house.wechat.lanes = [Lane("mass", "openid", BOTH, 100, limits=(Limit(2, "month", "WX-03"),))]
    (person,) = house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}")
    house.deliver(NOON)
    again(house, person, "2026-03-03 12:00")
    again(house, person, "2026-03-04 12:00")
    assert [state for state, _ in house.states()] == ["SENT", "SENT", "SUPPRESSED"]
    assert house.states()[2][1] == "limit: wechat WX-03 2 per month"


def test_a_limit_without_a_number_is_as_many_as_the_month_has_days(house: House) -> None:
    house.wechat.lanes = [Lane("customers", "openid", BOTH, 100, limits=(Limit(None, "month", "WC-01"),))]
    (person,) = house.send_one("2026-02-10 12:00", "{send: hello, via: [wechat], expires: 3d}")
    house.deliver("2026-02-10 12:00")
    for number in range(29):
        again(house, person, f"2026-02-10 12:{number + 1:02}")
    states = [state for state, _ in house.states()]
    assert (states.count("SENT"), states.count("SUPPRESSED")) == (28, 2)


def test_a_limit_whose_rule_the_shop_has_set_aside_holds_nobody_back(house: House) -> None:
    limits = (Limit(1, "month", "SMS-06"), Limit(2, "month", "WX-03"))
    house.wechat.lanes = [Lane("mass", "openid", BOTH, 100, limits=limits)]
    (person,) = house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}")
    aside = replace(house.parts.project.policy, overrides={"SMS-06": "合同另有约定"})
    house.parts.project = replace(house.parts.project, policy=aside)
    house.deliver(NOON)
    again(house, person, "2026-03-03 12:00")
    again(house, person, "2026-03-04 12:00")
    assert [state for state, _ in house.states()] == ["SENT", "SENT", "SUPPRESSED"]
    assert house.states()[2][1] == "limit: wechat WX-03 2 per month"


def test_a_limit_of_a_minute_is_waited_for(house: House) -> None:
    house.wechat.lanes = [Lane("staff", "openid", BOTH, 100, limits=(Limit(1, "minute", "WC-02"),))]
    (person,) = house.send_one(NOON)
    house.deliver(NOON)
    again(house, person, house.say(house.ts(NOON) + 20) or "")
    assert house.states()[1] == ("QUEUED", "limit WC-02 1 per minute")
    assert house.due(1) == "2026-03-02 12:01"
    house.deliver("2026-03-02 12:01")
    assert went(house)[1] == ("wechat_main", "staff")


def test_what_was_refused_does_not_count_for_a_limit(house: House) -> None:
    house.wechat.lanes = [Lane("mass", "openid", BOTH, 100, limits=(Limit(1, "month", "WX-03"),))]
    (person,) = house.send_one(NOON)
    house.wechat.answer = lambda _: Denied(Reason.NOT_REACHABLE)
    house.deliver(NOON)
    house.deliver(NOON)
    house.wechat.answer = lambda _: Accepted("x")
    again(house, person, "2026-03-02 13:00")
    assert went(house) == [("sms_main", "sms"), ("wechat_main", "mass")]


def test_the_day_of_a_lane_is_exact_and_the_rest_goes_another_way_or_waits_for_midnight_in_china(house: House) -> None:
    house.wechat.lanes = [Lane("talk", "openid", BOTH, 100, 600, daily=2)]
    people = house.send_one(NOON, "{send: hello, via: [wechat, sms], expires: 3d}", people=3)
    poor = house.reachable("openid")
    house.enter("j", poor, NOON)
    house.tick(NOON)
    for second in range(3):
        house.deliver(house.ts(NOON) + second)
    assert len(people) == 3
    assert went(house)[:3] == [("wechat_main", "talk")] * 2 + [("sms_main", "sms")]
    state, reason = house.states()[3]
    assert (state, house.due(3)) == ("QUEUED", "2026-03-03 00:00")
    assert reason == "channel: wechat talk quota of the day is used up, sms no address"
    house.deliver("2026-03-03 00:00")
    assert went(house)[3] == ("wechat_main", "talk")


def test_a_quota_that_is_used_up_rests_its_lane_only_and_the_message_goes_on(house: House) -> None:
    text(house, WORDS, NOTICE)
    (person,) = house.send_one(NOON)
    open_window(house, person, messages=3)

    def refuses(message: Message) -> Outcome:
        return Denied(Reason.QUOTA, "45009") if message.lane == "talk" else Accepted("x")

    house.wechat.answer = refuses
    house.deliver(NOON)
    house.deliver(NOON)
    assert (went(house), house.state()) == ([("wechat_main", "template")], "SENT")
    assert house.say(house.store.value("SELECT closed_until FROM lane_state")) == "2026-03-03 00:00"
    assert left_of(house, "reply_window") == [3]


@pytest.mark.parametrize(("talk", "sms"), [("12:30", "13:00"), ("13:00", "12:30")])
def test_who_finds_only_ways_that_rest_waits_for_the_first_one_to_open(house: House, talk: str, sms: str) -> None:
    house.wechat.lanes = [Lane("talk", "openid", BOTH, 100, 600)]
    house.send_one(NOON, "{send: hello, via: [wechat, sms], expires: 3d}")
    for channel, lane, opens in (("wechat_main", "talk", talk), ("sms_main", "sms", sms)):
        house.put(
            "INSERT INTO lane_state (channel, lane, closed_until, why) VALUES (:channel, :lane, :until, 'quota')",
            channel=channel, lane=lane, until=house.ts(f"2026-03-02 {opens}"),
        )  # fmt: skip
    house.deliver(NOON)
    why = "channel: wechat talk rests (quota), sms sms rests (quota)"
    assert (house.states(), house.due()) == ([("QUEUED", why)], "2026-03-02 12:30")
    house.deliver("2026-03-02 12:30")
    assert (house.state(), went(house)[0][0]) == ("SENT", "wechat_main" if talk == "12:30" else "sms_main")


def test_a_refused_account_stops_nobody_for_good_and_alarms_the_operator(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=3)
    house.sms.answer = lambda _: Denied(Reason.NOT_ALLOWED, "isv.ACCOUNT")
    for second in range(5):
        house.deliver(house.ts(NOON) + second)
    assert len(house.sms.sent) == 3  # on their way before the first answer came
    assert {state for state, _ in house.states()} == {"QUEUED"}
    assert house.due() == "2026-03-02 13:00"
    assert "an operator must act" in caplog.text
    house.sms.answer = lambda _: Accepted("x")
    house.deliver("2026-03-02 13:00")
    assert {state for state, _ in house.states()} == {"SENT"}


def test_an_address_that_takes_nothing_is_suppressed_and_one_that_is_gone_until_they_return(house: House) -> None:
    text(house, WORDS, NOTICE)
    house.send_one(NOON)
    house.wechat.answer = lambda _: Denied(Reason.GONE, "43004")
    house.sms.answer = lambda _: Denied(Reason.BAD_ADDRESS)
    house.deliver(NOON)
    house.deliver(NOON)
    house.deliver(NOON)
    rows = house.store.rows("SELECT kind, reason FROM suppression ORDER BY kind")
    assert [tuple(row) for row in rows] == [("openid", "gone"), ("phone", "bad_address")]
    assert went(house) == [("mail_main", "smtp")]


def test_an_address_that_takes_nothing_is_blocked_for_services_too_whoever_opted_out_by_it(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    with house.store.write() as tx:
        (lookup,) = tx.rows("SELECT lookup FROM identity WHERE kind = 'phone'")[0]
        suppression.add(tx, house.ts(NOON), "phone", bytes(lookup), suppression.OPTED_OUT)
    house.sms.answer = lambda _: Denied(Reason.BAD_ADDRESS)
    house.deliver(NOON)
    assert house.store.rows("SELECT reason FROM suppression") == [("bad_address",)]


def test_a_channel_that_is_the_recipient_needs_nobodys_address_or_consent(house: House) -> None:
    house.wechat.lanes = [Lane("group", "", BOTH, 1, 600)]
    house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", people=0, purpose="ads")
    person = house.reachable("member_no", consent=False)
    house.enter("j", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.state() == "SENT"
    (message,) = house.wechat.sent
    assert message.address == ""


def test_service_leaves_before_marketing_whatever_was_queued_first(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, rate: 5,")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=30, purpose="ads")
    at = house.ts(NOON)
    house.deliver(at)
    house.open(NOON, k="enter: {manual: true}\nagain: finished\nsteps: [{send: hello, via: [sms], expires: 3d}]\n")
    urgent = [house.reachable() for _ in range(8)]
    for person in urgent:
        house.enter("k", person, NOON)
    house.tick(NOON)
    for second in range(1, 5):
        house.deliver(at + second)
    order = [row[0] for row in house.store.rows("SELECT person_id FROM message WHERE state = 3 ORDER BY sent_at, id")]
    assert set(urgent) < set(order[5:15])
    assert len(order) == 25


@pytest.mark.parametrize(
    ("more", "purpose", "want"),
    [
        ("", "ads", ("FAILED", "no channel: email no way to unsubscribe: web.public_url is not set (MAIL-04)")),
        ("", "plain", ("SENT", None)),
        ("web: {public_url: https://crm.example.com}\n", "ads", ("SENT", None)),
    ],
)
def test_marketing_leaves_by_mail_only_with_a_way_to_unsubscribe(
    house: House, more: str, purpose: str, want: tuple[str, str | None]
) -> None:
    house.config += more
    house.mail.lanes = [Lane("smtp", "email", BOTH, unsubscribe=True)]
    house.send_one(NOON, "{send: hello, via: [email], expires: 3d}", purpose=purpose)
    house.deliver(NOON)
    assert house.states() == [want]


def test_a_text_that_loses_a_part_while_its_messages_wait_costs_them_no_way(house: House) -> None:
    text(house, WORDS, NOTICE)
    (person,) = house.send_one(NOON, "{send: hello, via: [wechat, sms], expires: 3d}")
    open_window(house, person)
    house.wechat.answer = lambda _: Denied(Reason.NOT_REACHABLE, "43004")
    house.deliver(NOON)
    house.deliver(NOON)
    assert [message.lane for message in house.wechat.sent] == ["talk", "template"]
    text(house, WORDS)
    house.open(NOON, k="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")
    house.deliver(NOON)  # the first way is asked once more: nothing tells what came before the one that is gone
    house.deliver(NOON)
    assert (went(house), house.state()) == ([("sms_main", "sms")], "SENT")


def test_a_message_whose_last_way_is_no_more_begins_anew(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [sms, email], expires: 3d}")
    house.put("UPDATE message SET channel = 'gone_main', lane = 'sms', via_ix = 5, reason = 'no channel: sms gone'")
    house.deliver(NOON)
    assert (went(house), house.state()) == ([("sms_main", "sms")], "SENT")
