"""A campaign's estimate is what delivery then does, and stopping one leaves nothing behind; on both databases."""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path

import pytest

from automation.campaigns import audience, draft, estimate, results, sending
from automation.campaigns.draft import Draft
from automation.campaigns.estimate import Estimate
from automation.engine import overview
from automation.kernel import errors
from automation.kernel.ports import Denied, Lane, Message, Outcome, Reason, Unknown
from automation.store.database import Store
from automation.store.states import MessageState
from tests.delivery.house import House

NOON = "2026-03-04 12:00"
LATER = "2026-03-04 12:01"
POLICY = """
purposes:
  ads: {kind: marketing, quiet: 21:00-09:00, caps: {all: 1 per 7d}}
  texts: {kind: marketing, caps: {sms: 1 per 7d}, on_cap: next_channel}
unless: {marketing: {tag: 黑名单}}
"""


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    made = House(store, tmp_path)
    made.files["policy"] = POLICY
    made.open(NOON, j="purpose: service\nenter: {manual: true}\nagain: finished\nsteps:\n  - {send: hello}\n")
    return made


def asked(house: House, via: tuple[str, ...] = ("sms", "email"), **more: object) -> Draft:
    return Draft(**({"text": "hello", "via": via, "at": house.ts(NOON), "purpose": "ads"} | more))  # type: ignore[arg-type]


def plan(house: House, wanted: Draft, ids: list[int]) -> Estimate:
    name = draft.name_of(wanted, house.zone, [])
    journey = draft.compiled(house.parts.project, wanted, name)
    channels = {one.name: one for one in (house.wechat, house.sms, house.mail)}
    return estimate.estimate(house.parts, channels, journey, ids, wanted.at, house.ts(NOON))


def send(house: House, wanted: Draft, ids: list[int]) -> str:
    return sending.send(house.parts, wanted, array("q", ids), "anna", house.ts(NOON))


def became(house: House) -> tuple[Counter[str], Counter[str]]:
    """Channels of what was sent, and why the rest was not."""
    sent: Counter[str] = Counter()
    not_sent: Counter[str] = Counter()
    for state, channel, reason in house.store.rows("SELECT state, channel, reason FROM message"):
        (sent if state == MessageState.SENT else not_sent)[channel if state == MessageState.SENT else reason] += 1
    return sent, not_sent


def everybody(house: House) -> list[int]:
    """Somebody for each thing that can keep a message back, and some who are reached."""
    both, mail, neither = house.reachable("phone", "email"), house.reachable("email"), house.reachable("openid")
    silent = house.reachable("phone", consent=False)
    blacklisted = house.reachable("phone", tags=("黑名单",))
    blocked = house.reachable("phone")
    lookup = house.store.value("SELECT lookup FROM identity WHERE person_id = :p", p=blocked)
    house.put(
        "INSERT INTO suppression (kind, lookup, reason, at) VALUES ('phone', :lookup, 'bounced', 1)", lookup=lookup
    )
    only_mail = house.reachable("phone", "email")
    house.consent(only_mail, "sms", granted=False, at=2)
    return [both, mail, neither, silent, blacklisted, blocked, only_mail]


def test_the_estimate_is_what_delivery_then_does(house: House) -> None:
    ids = everybody(house)
    found = plan(house, asked(house), ids)
    send(house, asked(house), ids)
    house.tick(LATER)
    house.deliver(LATER)
    sent, not_sent = became(house)
    assert dict(found.reached) == dict(sent) == {"sms_main": 1, "mail_main": 2}
    assert dict(found.kept_back) == dict(not_sent)
    assert len(not_sent) == sum(not_sent.values()) == 4
    assert found.messages + sum(found.kept_back.values()) == found.audience == 7


def test_who_cannot_be_reached_before_it_expires_is_not_counted_as_reached(house: House) -> None:
    ids = [house.reachable("phone"), house.reachable("phone", zone="America/New_York")]
    night = house.ts("2026-03-05 03:00")
    found = plan(house, asked(house, at=night, expires="2h"), ids)
    assert (dict(found.reached), dict(found.kept_back)) == ({"sms_main": 1}, {"expired": 1})
    assert dict(plan(house, asked(house, at=night, expires="7h"), ids).reached) == {"sms_main": 2}
    send(house, asked(house, at=night, expires="2h"), ids)
    for moment in ("2026-03-05 03:00", "2026-03-05 09:30"):
        house.tick(moment)
        house.deliver(moment)
    sent, not_sent = became(house)
    assert dict(found.reached) == dict(sent)
    assert dict(found.kept_back) == dict(not_sent)


def test_caps_are_asked_over_all_channels_and_over_one(house: House) -> None:
    ids = [house.reachable("phone", "email")]
    send(house, asked(house), ids)
    send(house, asked(house, purpose="texts"), ids)
    house.tick(LATER)
    house.deliver(LATER)
    house.deliver("2026-03-04 12:05")
    assert dict(plan(house, asked(house), ids).kept_back) == {"cap all 1 per 7d": 1}
    assert dict(plan(house, asked(house, purpose="texts"), ids).reached) == {"mail_main": 1}


def test_the_control_group_is_the_one_the_engine_then_parks(house: House) -> None:
    ids = [house.reachable("phone", seed=number * 71_582_788) for number in range(30)]
    wanted = asked(house, holdout=30)
    found = plan(house, wanted, ids)
    name = send(house, wanted, ids)
    house.tick(LATER)
    assert 0 < found.control_group == results.one(house.store, name)["holdout"] < 30


def test_channels_that_carry_nothing_of_it_are_named(house: House) -> None:
    house.mail.lanes = [Lane("smtp", "email", frozenset({"service"}))]
    found = plan(house, asked(house), [house.reachable("phone", "email")])
    assert list(found.closed) == ["mail_main"]
    assert dict(found.reached) == {"sms_main": 1}


def test_nothing_is_left_of_an_estimate(house: House) -> None:
    before = house.store.rows("SELECT count(*) FROM entrant UNION ALL SELECT count(*) FROM journey")
    plan(house, asked(house), everybody(house))
    assert house.store.rows("SELECT count(*) FROM entrant UNION ALL SELECT count(*) FROM journey") == before


def test_stopping_withdraws_everybody_at_every_stage(house: House) -> None:
    first = send(house, asked(house), [house.reachable("phone")])
    house.tick(LATER)
    second = send(house, asked(house, at=house.ts("2026-03-05 12:00")), [house.reachable("phone")])
    assert sending.stop(house.parts, first, "anna", house.ts(LATER)) == (0, 1)
    assert sending.stop(house.parts, second, "anna", house.ts(LATER)) == (1, 0)
    with pytest.raises(errors.Refused, match="stopped already"):
        sending.stop(house.parts, second, "anna", house.ts(LATER))
    assert house.store.value("SELECT count(*) FROM audit WHERE what = 'campaign stopped'") == 2
    house.tick("2026-03-05 12:30")
    house.deliver("2026-03-05 12:30")
    assert became(house) == (Counter(), Counter({sending.STOPPED: 1}))
    assert {one["status"] for one in results.campaigns(house.store, 10)} == {"stopped"}
    assert house.store.value("SELECT count(*) FROM entrant") == 0


def test_what_is_claimed_or_on_its_way_when_a_campaign_is_stopped_is_not_sent_later(house: House) -> None:
    name = send(house, asked(house, via=("sms",)), [house.reachable("phone") for _ in range(6)])
    house.tick(LATER)
    stops: list[sending.Stopped] = []

    def busy(_: Message) -> Outcome:
        if not stops:
            stops.append(sending.stop(house.parts, name, "anna", house.ts(LATER)))
        return Denied(Reason.UNAVAILABLE, permanent=False)

    house.sms.answer = busy
    house.deliver(LATER)
    assert (len(house.sms.sent), stops) == (4, [(0, 2)])
    house.deliver("2026-03-04 15:00")
    assert (len(house.sms.sent), became(house)) == (4, (Counter(), Counter({"left": 4, sending.STOPPED: 2})))


def test_a_campaign_that_is_over_is_not_stopped(house: House) -> None:
    name = send(house, asked(house), [house.reachable("phone")])
    house.tick(LATER)
    house.deliver(LATER)
    with pytest.raises(errors.Refused, match="is left to stop"):
        sending.stop(house.parts, name, "anna", house.ts(LATER))
    assert results.one(house.store, name)["status"] == "finished"


def test_a_reload_of_the_files_leaves_a_campaign_alone(house: House) -> None:
    name = send(house, asked(house, at=house.ts("2026-03-05 12:00")), [house.reachable("phone")])
    house.reload("2026-03-04 13:00")
    house.tick("2026-03-05 12:00")
    house.deliver("2026-03-05 12:00")
    assert results.one(house.store, name)["messages"] == {"sent": 1}
    assert results.one(house.store, name)["status"] == "finished"


@pytest.mark.parametrize("how", ["finished", "stopped"])
def test_a_campaign_that_is_over_is_shown_alike_everywhere_and_is_not_read_again(
    house: House, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = send(house, asked(house), [house.reachable("phone")])

    def shown() -> tuple[str, str]:
        listed = {row["name"]: row for row in overview.journeys(house.parts, house.ts(LATER))}
        return results.one(house.store, name)["status"], listed[name]["status"]

    assert shown() == ("running", "running")
    if how == "stopped":
        sending.stop(house.parts, name, "anna", house.ts(NOON))
    house.tick(LATER)
    house.deliver(LATER)
    assert shown() == (how, how)
    house.reload("2026-03-06 12:00")
    house.files["policy"] = "purposes: {plain: {kind: service}}\n"  # what it was sent as is gone
    caplog.clear()
    house.open("2026-03-06 12:01")
    assert not caplog.records
    assert not [one for one in house.parts.registry.versions.values() if one.name == name]
    assert shown() == (how, how)


def test_a_campaign_that_still_waits_for_something_is_kept(house: House) -> None:
    house.sms.answer = lambda _: Unknown("timeout")
    name = send(house, asked(house, via=("sms",)), [house.reachable("phone")])
    later = send(house, asked(house, at=house.ts("2026-03-20 12:00")), [house.reachable("phone")])
    house.tick(LATER)
    house.deliver(LATER)
    assert results.one(house.store, name)["status"] == "held"
    house.reload("2026-03-06 12:00")
    assert {name, later} <= {one.name for one in house.parts.registry.versions.values()}


def test_only_campaigns_are_stopped_as_campaigns(house: House) -> None:
    with pytest.raises(errors.Refused, match="campaign list"):
        sending.stop(house.parts, "j", "anna", house.ts(NOON))


def test_an_empty_audience_is_refused_before_anything_is_published(house: House) -> None:
    with pytest.raises(errors.Refused, match="nobody"):
        send(house, asked(house), [])
    assert results.campaigns(house.store, 10) == []


def test_a_segment_is_read_as_it_is_now(house: House) -> None:
    gold = house.person(tier="gold")
    house.person(tier="silver")
    assert list(audience.of_segment(house.parts, "gold", house.ts(NOON))) == [gold]
    with pytest.raises(errors.Refused, match="did you mean gold"):
        audience.of_segment(house.parts, "golden", house.ts(NOON))


def test_a_name_says_day_and_text_and_is_never_taken_twice(house: House) -> None:
    wanted = asked(house, text="新品 上市!")
    first = draft.name_of(wanted, house.zone, [])
    assert first == "campaign_20260304_新品_上市"
    assert draft.name_of(wanted, house.zone, [first, f"{first}_2"]) == f"{first}_3"


@pytest.mark.parametrize("word", ['"', "}", "\n- x", "# x", "{{ x }}", "&a", "*b", "!c"])
def test_no_word_of_the_operator_changes_the_shape_of_the_journey(house: House, word: str) -> None:
    journey = draft.compiled(house.parts.project, asked(house, title=f"标题{word}"), "campaign_x")
    assert journey.title == f"标题{word}"
    assert [send.text for send in journey.sends.values()] == ["hello"]
    with pytest.raises(errors.Refused):
        draft.compiled(house.parts.project, asked(house, purpose=f"ads{word}"), "campaign_x")
