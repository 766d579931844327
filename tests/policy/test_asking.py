"""Every rule over claimed messages: who is kept back, until when, with which reason, and by which channel it leaves."""

from __future__ import annotations

import pytest

from automation.kernel.ports import Denied, Message, Outcome, Reason
from automation.people import consents, suppression
from automation.people.consents import Consent
from automation.policy import stop, verdicts
from tests.delivery.house import House

NOON = "2026-03-02 12:00"  # a Monday
ADS = {"purpose": "ads"}


def policy(house: House, text: str) -> None:
    house.files["policy"] = f"purposes:\n  plain: {{kind: service}}\n  ads: {{kind: marketing, {text}}}\n"


def again(house: House, person: int, at: str) -> None:
    house.enter("j", person, at)
    house.tick(at)
    house.deliver(at)


def test_marketing_needs_consent_and_service_does_not(house: House) -> None:
    house.send_one(NOON, **ADS)
    other = house.reachable(consent=False)
    house.enter("j", other, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.states() == [
        ("SENT", None),
        ("SUPPRESSED", "no consent: wechat no consent, sms no consent, email no consent"),
    ]
    house.open(NOON, k="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")
    house.enter("k", other, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.states()[2] == ("SENT", None)


@pytest.mark.parametrize(
    ("words", "leaves"),
    [
        ([("*", True, 1)], True),
        ([("sms", True, 1)], True),
        ([("wechat", True, 1)], False),
        ([("*", True, 1), ("sms", False, 2)], False),
        ([("*", False, 1), ("sms", True, 2)], True),
        ([("*", True, 2), ("sms", False, 1)], True),
        ([("*", True, 1), ("sms", False, 1)], False),
        ([], False),
    ],
)  # fmt: skip
def test_the_newer_word_of_consent_holds_and_at_the_same_time_the_refusal(
    house: House, words: list[tuple[str, bool, int]], leaves: bool
) -> None:
    (person,) = house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", **ADS)
    house.put("DELETE FROM consent")
    for channel, granted, at in words:
        house.consent(person, channel, granted, at=at)
    house.deliver(NOON)
    assert (house.state() == "SENT") is leaves


def test_service_is_kept_back_by_a_refusal_of_service_only(house: House) -> None:
    (person,) = house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    house.consent(person, "sms", granted=False)
    house.deliver(NOON)
    assert house.state() == "SENT"
    house.consent(person, "sms", granted=False, purpose="service")
    again(house, person, "2026-03-03 12:00")
    assert house.states()[1] == ("SUPPRESSED", "no consent: sms no consent")


def test_a_suppressed_address_is_passed_over_and_another_of_the_same_kind_is_used(house: House) -> None:
    (person,) = house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    second = house.address(person, "phone", text="+8613900000009")
    house.put("INSERT INTO suppression (kind, lookup, reason, at) VALUES ('phone', :lookup, 'x', 1)", lookup=second)
    house.deliver(NOON)
    assert house.sms.sent[0].address == f"+86138{person:08d}"
    house.put(
        "INSERT INTO suppression (kind, lookup, reason, at) SELECT '*', lookup, 'x', 1 FROM identity WHERE kind ="
        " 'phone'"
    )
    again(house, person, "2026-03-03 12:00")
    assert house.states()[1] == ("SUPPRESSED", "no consent: sms suppressed")


def test_a_verified_address_is_written_to_before_a_newer_one_and_of_two_alike_the_newer_one(house: House) -> None:
    (person,) = house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}")
    verified = house.address(person, "phone", text="+8613900000001")
    house.address(person, "phone", text="+8613900000002")
    house.put("UPDATE identity SET verified_at = 1 WHERE lookup = :lookup", lookup=verified)
    house.deliver(NOON)
    house.put("UPDATE identity SET verified_at = NULL")
    again(house, person, "2026-03-03 12:00")
    assert [message.address for message in house.sms.sent] == ["+8613900000001", "+8613900000002"]


def test_who_answered_td_gets_no_marketing_but_services_until_saying_yes_again(house: House) -> None:
    step = "{send: hello, via: [sms], expires: 3d}"
    (person,) = house.send_one(NOON, step, **ADS)
    with house.store.write() as tx:
        (lookup,) = tx.rows("SELECT lookup FROM identity WHERE kind = 'phone'")[0]
        suppression.add(tx, house.ts(NOON), "phone", bytes(lookup), suppression.OPTED_OUT)
    house.deliver(NOON)
    assert house.states() == [("SUPPRESSED", "no consent: sms suppressed")]
    house.open(NOON, k=f"enter: {{manual: true}}\nagain: finished\nsteps: [{step}]\n")
    house.enter("k", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.states()[1] == ("SENT", None)

    later = "2026-03-03 12:00"
    with house.store.write() as tx:
        consents.put(tx, [Consent(person, "sms", "marketing", True, "form", house.ts(NOON) + 60)])
    house.enter("j", person, later)
    house.tick(later)
    house.deliver(later)
    assert house.states()[2] == ("SENT", None)


def test_who_can_be_reached_nowhere_fails_with_the_reason_of_each_way(house: House) -> None:
    house.send_one(NOON, people=0, **ADS)
    person = house.reachable("phone", consent=False)
    house.enter("j", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert house.states() == [("FAILED", "no channel: wechat no address, sms no consent, email no address")]


def test_a_text_without_a_file_for_a_channel_goes_on_to_the_next(house: House) -> None:
    house.texts_of = {"sms.yaml": "template: t\npreview: 【旅程】您好，拒收请回复R\n"}
    house.send_one(NOON)
    house.deliver(NOON)
    assert (house.state(), len(house.wechat.sent), len(house.sms.sent)) == ("SENT", 0, 1)


def test_an_openid_of_another_account_does_not_reach(house: House) -> None:
    house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", people=0)
    ours, others = house.person(), house.person()
    house.address(ours, "openid", "wechat_main")
    house.address(others, "openid", "wechat_other")
    for person in (ours, others):
        house.enter("j", person, NOON)
    house.tick(NOON)
    house.deliver(NOON)
    assert [state for state, _ in house.states()] == ["SENT", "FAILED"]


def test_a_message_past_its_limit_expires_and_tells_what_kept_it(house: House) -> None:
    house.send_one(NOON, "{send: hello, expires: 1h}")
    house.deliver("2026-03-02 13:00")
    assert house.states() == [("EXPIRED", "expired")]
    assert verdicts.word("expired, quiet hours") == "expired"


def test_while_all_is_stopped_nothing_is_claimed_and_afterwards_all_goes_on(house: House) -> None:
    house.send_one(NOON)
    with house.store.write() as tx:
        stop.turn(tx, 1, True, "ann")
    assert not house.deliver(NOON).anything
    assert house.state() == "QUEUED"
    with house.store.write() as tx:
        stop.turn(tx, 1, False, "ann")
    house.deliver(NOON)
    assert house.state() == "SENT"


def test_a_paused_journey_keeps_its_messages(house: House) -> None:
    house.send_one(NOON)
    house.pause("j", NOON)
    house.deliver(NOON)
    assert (house.states(), house.due()) == ([("QUEUED", "paused")], "2026-03-02 12:15")
    house.resume("j", NOON)
    house.deliver("2026-03-02 12:15")
    assert house.state() == "SENT"


@pytest.mark.parametrize(
    ("status", "became"),
    [("paused", ("QUEUED", "paused")), ("draft", ("QUEUED", "paused")), ("stopped", ("CANCELLED", "left"))],
)
def test_a_file_holds_or_ends_the_messages_of_its_journey_also_the_last_of_a_finished_run(
    house: House, status: str, became: tuple[str, str]
) -> None:
    body = "enter: {manual: true}\nagain: finished\nsteps: [{send: hello, at: '15:00', expires: 3d}]\n"
    house.open(NOON, j=body)
    house.enter("j", house.reachable(), NOON)
    house.tick(NOON)
    house.open("2026-03-02 13:00", j=f"status: {status}\n{body}")
    house.deliver("2026-03-02 15:00")
    assert (house.run().reason, house.states()) == ("finished", [became])


def test_what_a_pause_put_off_leaves_as_soon_as_its_journey_goes_on_and_what_quiet_hours_put_off_does_not(
    house: House,
) -> None:
    policy(house, "quiet: 12:00-09:00")
    house.send_one(NOON)
    ads = house.reachable()
    house.open(NOON, k="purpose: ads\nenter: {manual: true}\nagain: finished\nsteps: [{send: hello, expires: 3d}]\n")
    house.enter("k", ads, "2026-03-02 11:00")
    house.tick(NOON)
    house.put("UPDATE message SET due = :noon", noon=house.ts(NOON))
    house.pause("j", NOON)
    house.deliver(NOON)
    morning = house.due(1) or ""
    assert (house.due(0), morning[:13]) == ("2026-03-02 12:15", "2026-03-03 09")
    for name in ("k", "j"):
        if name == "k":
            house.pause("k", "2026-03-02 12:04")
        house.resume(name, "2026-03-02 12:05")
    assert (house.due(0), house.due(1)) == ("2026-03-02 12:05", morning)
    house.deliver("2026-03-02 12:05")
    assert house.states() == [("SENT", None), ("QUEUED", "quiet hours")]


def test_unless_of_the_policy_and_of_the_journey_are_asked_at_the_last_moment(house: House) -> None:
    house.files["policy"] += "unless: {marketing: {event: {name: order.closed, within: 7d}}}\n"
    people = house.send_one(NOON, people=3, unless="{tag: 别发}", **ADS)
    house.event(people[0], "order.closed", "2026-03-01 12:00")
    house.tag(people[1], "别发")
    house.deliver(NOON)
    assert house.states() == [
        ("SUPPRESSED", "unless (policy, marketing)"),
        ("SUPPRESSED", "unless (journey)"),
        ("SENT", None),
    ]


def test_quiet_hours_postpone_over_midnight_in_the_persons_zone_spread_by_seed(house: House) -> None:
    house.send_one(NOON, people=0, **ADS)
    here, there = house.reachable(seed=100), house.reachable(seed=1_000, zone="Europe/London")
    for person in (here, there):
        house.enter("j", person, NOON)
    house.tick(NOON)
    house.put("UPDATE message SET due = :due, expires_at = :due + 90000", due=house.ts("2026-03-02 23:30"))
    house.deliver("2026-03-02 23:30")  # 15:30 in London: open
    assert house.states() == [("QUEUED", "quiet hours"), ("SENT", None)]
    assert house.due(0) == house.say(house.ts("2026-03-03 09:00") + 100)
    house.deliver(house.ts("2026-03-03 09:00") + 100)
    assert house.states()[0] == ("SENT", None)


def test_on_the_night_the_clocks_change_quiet_hours_end_at_nine_of_the_new_clock(house: House) -> None:
    house.send_one(NOON, people=0, **ADS)
    person = house.reachable(seed=0, zone="Europe/London")
    house.enter("j", person, NOON)
    house.tick(NOON)
    night = house.ts("2026-03-28 23:00", "Europe/London")
    house.put("UPDATE message SET due = :due, expires_at = :due + 90000", due=night)
    house.deliver(night)
    assert house.store.value("SELECT due FROM message") == house.ts("2026-03-29 09:00", "Europe/London")
    assert house.store.value("SELECT due FROM message") - night == 9 * 3600


def test_what_would_wait_past_its_limit_is_told_expired_when_it_ends(house: House) -> None:
    house.send_one("2026-03-02 20:58", "{send: hello, expires: 4h}", **ADS)
    house.deliver("2026-03-02 21:30")
    assert house.due() == "2026-03-03 00:58"
    house.deliver("2026-03-03 00:58")
    assert house.states() == [("EXPIRED", "expired, quiet hours")]


def test_a_send_that_may_ignore_quiet_hours_does(house: House) -> None:
    house.files["policy"] = "purposes:\n  plain: {kind: service, quiet: 21:00-09:00}\n"
    house.send_one("2026-03-02 22:00", "{send: hello, ignore: quiet_hours}")
    house.deliver("2026-03-02 22:00")
    assert house.state() == "SENT"


def test_a_cap_over_all_channels_skips_with_its_own_words(house: House) -> None:
    policy(house, "caps: {all: 2 per 7d}, on_cap: skip")
    (person,) = house.send_one("2026-03-02 12:00", **ADS)
    house.deliver("2026-03-02 12:00")
    again(house, person, "2026-03-03 12:00")
    again(house, person, "2026-03-04 12:00")
    again(house, person, "2026-03-09 11:59")
    again(house, person, "2026-03-09 12:00")
    want = [("SENT", None), ("SENT", None), *[("SUPPRESSED", "cap all 2 per 7d")] * 2, ("SENT", None)]
    assert house.states() == want


def test_who_refused_is_told_so_before_any_cap_is(house: House) -> None:
    policy(house, "caps: {all: 1 per 7d}, on_cap: skip")
    (person,) = house.send_one(NOON, **ADS)
    house.deliver(NOON)
    house.consent(person, "*", granted=False, at=house.ts(NOON))
    again(house, person, "2026-03-03 12:00")
    assert house.states()[1] == (
        "SUPPRESSED",
        "no consent: wechat no consent, sms no consent, email no consent",
    )
    house.consent(person, "sms", at=house.ts(NOON) + 1)
    again(house, person, "2026-03-04 12:00")
    assert house.states()[2] == ("SUPPRESSED", "cap all 1 per 7d")


def test_a_cap_that_postpones_waits_for_the_second_it_frees(house: House) -> None:
    policy(house, "caps: {all: 1 per 3d}, on_cap: postpone")
    (person,) = house.send_one("2026-03-02 12:00", "{send: hello, expires: 9d}", **ADS)
    house.deliver("2026-03-02 12:00")
    again(house, person, "2026-03-03 12:00")
    assert (house.states()[1], house.due(1)) == (("QUEUED", "cap all 1 per 3d"), "2026-03-05 12:00")
    house.deliver("2026-03-05 12:00")
    assert house.states()[1] == ("SENT", None)


def test_the_days_of_a_rolling_cap_are_whole_24_hours_also_over_a_change_of_clocks(house: House) -> None:
    house.config = house.config.replace("{name: 旅程良品}", "{name: 旅程良品, timezone: America/New_York}")
    policy(house, "caps: {all: 1 per 2d}, on_cap: postpone")
    (person,) = house.send_one("2026-03-07 12:00", "{send: hello, expires: 9d}", **ADS)
    house.deliver("2026-03-07 12:00")
    again(house, person, "2026-03-09 12:30")  # two days by the calendar, and 47 and a half hours
    assert (house.states()[1], house.due(1)) == (("QUEUED", "cap all 1 per 2d"), "2026-03-09 13:00")
    house.deliver("2026-03-09 13:00")
    assert house.states()[1] == ("SENT", None)


def test_a_cap_of_one_kind_of_channel_can_move_on_to_the_next(house: House) -> None:
    policy(house, "caps: {wechat: 1 per day}, on_cap: next_channel")
    (person,) = house.send_one("2026-03-02 12:00", **ADS)
    house.deliver("2026-03-02 12:00")
    again(house, person, "2026-03-02 13:00")
    assert [len(one.sent) for one in (house.wechat, house.sms)] == [1, 1]


def test_where_every_way_is_capped_or_closed_the_cap_is_the_reason(house: House) -> None:
    policy(house, "caps: {wechat: 1 per day}, on_cap: next_channel")
    (person,) = house.send_one("2026-03-02 12:00", "{send: hello, via: [wechat]}", **ADS)
    house.deliver("2026-03-02 12:00")
    again(house, person, "2026-03-02 13:00")
    assert house.states()[1] == ("SUPPRESSED", "cap: cap wechat 1 per day")


@pytest.mark.parametrize(
    ("per", "frees"), [("day", "2026-03-03 00:00"), ("week", "2026-03-09 00:00"), ("month", "2026-04-01 00:00")]
)
def test_calendar_caps_are_of_the_persons_own_calendar(house: House, per: str, frees: str) -> None:
    policy(house, f"caps: {{all: 1 per {per}}}, on_cap: postpone, quiet: 22:00-08:00")
    house.send_one("2026-03-02 12:00", "{send: hello, expires: 60d}", people=0, **ADS)
    person = house.reachable(zone="Asia/Tokyo")
    house.enter("j", person, "2026-03-02 12:00")
    house.tick("2026-03-02 12:00")
    house.deliver("2026-03-02 12:00")
    again(house, person, "2026-03-02 13:00")
    assert house.store.value("SELECT max(due) FROM message") == house.ts(frees, "Asia/Tokyo")


def test_one_message_a_person_a_claim(house: House) -> None:
    policy(house, "caps: {all: 1 per day}, on_cap: skip")
    (person,) = house.send_one(NOON, **ADS)
    house.enter("j", person, "2026-03-02 12:01")
    house.tick("2026-03-02 12:01")
    at = "2026-03-02 12:01"
    assert sum(house.deliver(at).verdicts["go"] for _ in range(3)) == 1
    assert [state for state, _ in house.states()] == ["SENT", "SUPPRESSED"]


def test_a_daily_quota_is_exact_and_the_rest_waits_for_the_shops_midnight(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, daily_quota: 3,")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=5)
    house.deliver(NOON)
    assert [state for state, _ in house.states()] == ["SENT"] * 3 + ["QUEUED"] * 2
    assert house.states()[4][1] == "channel sms_main quota of the day is used up"
    assert house.say(house.store.value("SELECT min(due) FROM message")) == "2026-03-03 00:00"
    house.deliver(house.ts("2026-03-03 00:01"))
    assert [state for state, _ in house.states()] == ["SENT"] * 5


def test_a_rate_lets_so_many_through_a_second_and_puts_the_rest_in_line(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, rate: 2,")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=7)
    at, sent = house.ts(NOON), []
    for second in range(6):
        sent.append(house.deliver(at + second).sent)
    assert sent == [2, 2, 2, 1, 0, 0]


def test_marketing_that_fills_a_channel_leaves_room_for_service(house: House) -> None:
    step = "{send: hello, via: [sms], expires: 3d}"
    house.send_one(NOON, step, people=2, **ADS)
    urgent = house.reachable()
    house.open(NOON, k=f"purpose: plain\nenter: {{manual: true}}\nagain: finished\nsteps: [{step}]\n")
    house.enter("k", urgent, NOON)
    house.tick(NOON)
    gates = house.delivery.gates
    gates.most_waiting, gates.ready, gates.marketing = 4, {"sms_main": 4}, {"sms_main": 4}
    house.deliver(NOON)
    assert house.states() == [("QUEUED", "channel sms_main busy")] * 2 + [("SENT", None)]
    assert [house.due(number) for number in (0, 1)] == ["2026-03-02 12:00:01"] * 2
    gates.ready, gates.marketing = {"sms_main": 8}, {"sms_main": 3}
    house.enter("k", urgent, "2026-03-02 12:00:01")
    house.tick("2026-03-02 12:00:01")
    house.deliver("2026-03-02 12:00:01")
    assert [state for state, _ in house.states()] == ["QUEUED", "QUEUED", "SENT", "QUEUED"]
    gates.ready, gates.marketing = {"sms_main": 3}, {"sms_main": 3}
    house.deliver("2026-03-02 12:00:02")
    assert [state for state, _ in house.states()] == ["SENT", "QUEUED", "SENT", "SENT"]


def test_a_channel_that_fails_rests_and_one_message_tells_when_it_is_back(house: House) -> None:
    from automation.kernel.ports import Accepted, Denied, Reason

    house.config = house.config.replace("plays: sms,", "plays: sms, breaker: {failures: 3, pause: 60s},")
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=3)
    house.sms.answer = lambda _: Denied(Reason.UNAVAILABLE, permanent=False, retry_after=5)
    at = house.ts(NOON)
    house.deliver(at)
    assert len(house.sms.sent) == 3
    house.deliver(at + 10)
    assert {reason for _, reason in house.states()} == {"channel sms_main rests"}
    house.deliver(at + 60)
    assert len(house.sms.sent) == 4  # one asks; it is still away
    for second in (61, 120, 179):
        house.deliver(at + second)
    assert len(house.sms.sent) == 4  # it rests twice as long
    house.sms.answer = lambda _: Accepted("")
    for second in range(180, 230):
        house.deliver(at + second)
    assert [state for state, _ in house.states()] == ["SENT"] * 3
    assert house.store.value("SELECT failures FROM channel_state WHERE channel = 'sms_main'") == 0


def test_a_run_taken_out_of_its_journey_sends_nothing_more_but_one_that_ended_by_itself_does(house: House) -> None:
    people = house.send_one(NOON, people=2)
    house.put(
        "UPDATE run SET state = 1, ended_at = node_at + 60, reason = 'goal' WHERE person_id = :person", person=people[0]
    )
    house.deliver(NOON)
    assert house.states() == [("CANCELLED", "left"), ("SENT", None)]


@pytest.mark.parametrize(
    "head", ["exit: goal\ngoal: {event: order.paid, up_to: 9d}\n", "exit: [{event: order.paid}]\n"]
)
def test_what_ends_a_run_while_its_last_message_is_on_its_way_ends_the_tries(house: House, head: str) -> None:
    house.open(
        NOON,
        j=f"{head}enter: {{manual: true}}\nagain: finished\nsteps: [{{send: hello, via: [sms], expires: 3d}}]\n",
    )
    ann = house.reachable()
    house.enter("j", ann, NOON)
    house.tick(NOON)

    def busy(_: Message) -> Outcome:
        house.event(ann, "order.paid", "2026-03-02 12:01", order_id="1")
        house.tick("2026-03-02 12:01")
        return Denied(Reason.UNAVAILABLE, permanent=False)

    house.sms.answer = busy
    house.deliver(NOON)
    house.deliver("2026-03-02 13:00")
    assert (house.run().reason, house.states(), len(house.sms.sent)) == ("finished", [("CANCELLED", "left")], 1)


def test_every_reason_has_a_stable_word() -> None:
    said = {
        "cap all 2 per 7d": "cap", "no channel: wechat no address": "no channel", "no consent: sms no consent": "no"
        " consent",
        "quiet hours": "quiet hours", "text missing_value: x": "text", "unless (journey)": "unless", "left": "left",
        "retry: sms_main quota": "retry", "channel sms_main rests": "channel", "unknown: sms_main": "unknown",
    }  # fmt: skip
    assert {reason: verdicts.word(reason) for reason in said} == said
    assert verdicts.word(None) == ""
