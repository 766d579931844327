"""Steps that do something: coupons, tags, fields, points, staff, webhooks, variants, stop."""

from __future__ import annotations

import json

import pytest

from tests.engine.shop import Shop

ENTER = "enter: {event: wechat.followed}\nagain: finished\n"


def follow(shop: Shop, *people: int, at: str = "2026-03-01 09:00") -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


def test_codes_are_given_once_each_and_the_others_take_else(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER
        + "steps:\n  - {coupon: gift, else: [{send: sorry}, {stop: 没有券}]}\n  - {send: hello}\n  - {wait: 1d}\n",
    )
    shop.codes("gift", "A1", "A2")
    follow(shop, *shop.people(3))
    assert sorted(shop.texts()) == ["hello", "hello", "sorry"]
    given = [run.data["coupon"] for run in shop.runs() if run.inside]
    assert given == [
        {"code": "A1", "amount": 2000, "expires": "2026-03-31"},
        {"code": "A2", "amount": 2000, "expires": "2026-03-31"},
    ]
    assert [run.reason for run in shop.runs() if not run.inside] == ["没有券"]
    shop.tick("2026-03-01 09:00", "2026-03-01 09:01")
    assert shop.store.rows("SELECT count(*), count(given_at) FROM coupon") == [(2, 2)]


def test_without_else_a_run_goes_on_without_a_code(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{coupon: gift}, {send: hello}, {wait: 1d}]\n")
    follow(shop, shop.person())
    assert shop.texts() == ["hello"]
    assert shop.run().data.get("coupon") is None


def test_a_coupon_goes_by_the_name_of_as(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER + "steps: [{coupon: gift, as: one}, {coupon: gift, as: two}, {wait: until two.expires -3d 10:00}]\n",
    )
    shop.codes("gift", "A1", "A2", "A3")
    follow(shop, shop.person())
    run = shop.run()
    assert (run.data["one"]["code"], run.data["two"]["code"]) == ("A1", "A2")
    assert run.due == "2026-03-28 10:00"


def test_a_code_is_good_for_its_days_from_when_it_is_given_however_late_that_is(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{wait: 1d}, {coupon: gift}, {wait: 1d}]\n")
    shop.codes("gift", "A1")
    follow(shop, shop.person())
    shop.tick("2026-03-05 12:00")
    assert shop.run().data["coupon"]["expires"] == "2026-04-04"
    assert shop.say(shop.store.value("SELECT expires_at FROM coupon")) == "2026-04-04 12:00"


def test_a_generated_pool_makes_its_own_codes(shop: Shop) -> None:
    shop.batch = 3
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{coupon: made}, {wait: 1d}]\n")
    follow(shop, *shop.people(7))
    codes = [run.data["coupon"]["code"] for run in shop.runs()]
    assert len(set(codes)) == 7
    assert all(code.startswith("BD-") and len(code) == 11 for code in codes)
    assert {run.data["coupon"]["expires"] for run in shop.runs()} == {"2026-03-31"}


@pytest.mark.parametrize("clock", ["customer", "shop"])
def test_the_last_day_of_a_code_is_one_of_the_zone_that_the_journey_goes_by(shop: Shop, clock: str) -> None:
    shop.open("2026-03-01 08:00", wake=f"clock: {clock}\n" + ENTER + "steps: [{coupon: made}, {wait: 1d}]\n")
    follow(shop, shop.person(zone="Pacific/Auckland"))
    assert shop.run().data["coupon"]["expires"] == "2026-03-31"


def test_a_tag_is_set_for_its_time_and_taken_off(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER
        + "steps: [{tag: 新客, for: 2d}, {untag: 老客}, {wait: 1d}, {if: {tag: 新客}, then: [{send: hello}]}]\n",
    )
    ann = shop.person(tags=("老客",))
    follow(shop, ann)
    assert shop.tags(ann) == {"新客"}
    until = shop.store.value("SELECT until FROM person_tag WHERE person_id = :id", id=ann)
    assert shop.say(until) == "2026-03-03 09:00"
    shop.tick("2026-03-02 09:00")
    assert shop.texts() == ["hello"]


def test_a_tag_that_is_set_again_keeps_its_first_day_unless_it_had_ended(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{tag: 新客, for: 2d}, {tag: 会员}]\n")
    ann = shop.person()
    kept = "SELECT n.name, t.since, t.until FROM person_tag t JOIN name n ON n.id = t.tag_id ORDER BY n.id DESC"
    tags = {}
    for at in ("2026-03-01 09:00", "2026-03-02 09:00", "2026-03-04 09:00"):
        follow(shop, ann, at=at)
        tags[at] = {name: (shop.say(since), shop.say(until)) for name, since, until in shop.store.rows(kept)}
    assert tags == {
        "2026-03-01 09:00": {"新客": ("2026-03-01 09:00", "2026-03-03 09:00"), "会员": ("2026-03-01 09:00", None)},
        "2026-03-02 09:00": {"新客": ("2026-03-01 09:00", "2026-03-04 09:00"), "会员": ("2026-03-01 09:00", None)},
        "2026-03-04 09:00": {"新客": ("2026-03-04 09:00", "2026-03-06 09:00"), "会员": ("2026-03-01 09:00", None)},
    }


def test_set_writes_literals_and_references_and_tells_journeys_what_changed(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: csat.answered}\nagain: finished\n"
        "steps:\n  - {set: {city: 上海, tier: gold, score: {from: entry.score}}}\n  - {wait: 1d}\n",
        up="enter: {event: {name: customer.changed, where: {field: tier, direction: up}}}\nagain: finished\n"
        "steps: [{send: hello}]\n",
    )
    ann = shop.person(tier="silver", city="上海")
    shop.event(ann, "csat.answered", "2026-03-01 09:00", score=7)
    shop.tick("2026-03-01 09:00")
    assert shop.attrs(ann) == {"tier": "gold", "city": "上海", "score": 7}
    assert shop.texts() == ["hello"]
    rows = shop.store.rows(
        "SELECT e.props FROM event e JOIN name n ON n.id = e.name_id WHERE n.name = 'customer.changed' ORDER BY e.id"
    )
    told = {one["field"]: (one["old"], one["new"], one["direction"]) for one in (json.loads(row[0]) for row in rows)}
    assert told == {"tier": ("silver", "gold", "up"), "score": (None, "7", None)}


def test_a_change_is_told_as_other_changes_of_a_customer_are(shop: Shop) -> None:
    fields = "  vip: bool\n  member: bool\n  budget: money\n"
    shop.files["catalog"] = shop.files["catalog"].replace("fields:\n", "fields:\n" + fields)
    shop.open(
        "2026-03-01 08:00",
        wake=ENTER
        + "steps:\n  - {set: {vip: {from: customer.member}, budget: 299.05}}\n"
        + "  - {webhook: crm, with: {vip: {from: customer.vip}, score: {from: customer.score}}}\n  - {wait: 1d}\n",
    )
    ann = shop.person(vip=False, member=True, budget=-1950, score=7.5)
    follow(shop, ann)
    assert shop.attrs(ann) == {"vip": True, "member": True, "budget": 29905, "score": 7.5}
    told = [json.loads(props) for (props,) in shop.store.rows("SELECT props FROM event WHERE source = 'journey'")]
    assert [(one["field"], one["old"], one["new"], one["direction"]) for one in told] == [
        ("vip", "false", "true", None),
        ("budget", "-19.50", "299.05", "up"),
    ]
    (sent,) = shop.store.rows("SELECT payload FROM effect")
    assert json.loads(sent[0]) == {"journey": "wake", "vip": True, "score": 7.5}


def test_points_are_booked_once_and_two_runs_of_one_customer_earn_twice(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: order.paid}\nkey: order_id\n"
        "steps: [{wait: 1d}, {points: 200, reason: 下单}, {wait: 1d}]\n",
    )
    ann = shop.person()
    for order in ("D1", "D2"):
        shop.event(ann, "order.paid", "2026-03-01 09:00", order_id=order)
    shop.tick("2026-03-01 09:00", "2026-03-02 09:00", "2026-03-02 09:00", "2026-03-02 10:00")
    assert shop.store.value("SELECT points FROM person") == 400
    assert shop.store.rows("SELECT delta, reason FROM points") == [(200, "下单"), (200, "下单")]


def test_staff_and_webhooks_become_work_with_its_payload(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake="enter: {event: csat.answered}\nagain: finished\n"
        "steps:\n  - {notify: ops, text: 差评, digest: 2h}\n"
        "  - {webhook: crm, with: {score: {from: entry.score}, city: {from: customer.city}, kind: 差评}}\n",
    )
    shop.event(shop.person(city="上海"), "csat.answered", "2026-03-01 09:00", score=1)
    shop.tick("2026-03-01 09:00", "2026-03-01 09:00")
    rows = shop.store.rows("SELECT kind, ref, due, payload FROM effect ORDER BY id")
    assert [(row[0], row[1], shop.say(row[2])) for row in rows] == [
        ("notify", "ops", "2026-03-01 11:00"),
        ("webhook", "crm", "2026-03-01 09:00"),
    ]
    assert json.loads(rows[0][3]) == {"text": "差评", "journey": "wake", "adviser": True}
    assert json.loads(rows[1][3]) == {"score": 1, "city": "上海", "kind": "差评", "journey": "wake"}


def test_stop_ends_the_run_with_its_reason(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{if: {tier: gold}, then: [{stop: 贵宾}]}, {send: hello}]\n")
    follow(shop, shop.person(tier="gold"), shop.person())
    assert [run.reason for run in shop.runs()] == ["贵宾", "finished"]
    assert [message.person for message in shop.messages()] == [2]


def test_the_first_variant_that_holds_stands_on_the_message(shop: Shop) -> None:
    shop.variants = {"hello": "{vip: {if: {tier: {at_least: silver}}}, sh: {if: {city: 上海}}}"}
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{send: hello}]\n")
    follow(shop, shop.person(tier="gold", city="上海"), shop.person(city="上海"), shop.person())
    assert [message.variant for message in shop.messages()] == ["vip", "sh", None]


def test_a_step_with_if_is_skipped_where_it_does_not_hold(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00", wake=ENTER + "steps: [{tag: a, if: {tier: gold}}, {send: hello, if: {not: {tag: a}}}]\n"
    )
    gold, plain = shop.person(tier="gold"), shop.person()
    follow(shop, gold, plain)
    assert (shop.tags(gold), shop.tags(plain)) == ({"a"}, set())
    assert [message.person for message in shop.messages()] == [plain]


@pytest.mark.parametrize(
    ("step", "test"),
    [("{tag: 新}", "{tag: 新}"), ("{set: {city: 上海}}", "{city: 上海}"), ("{points: 5, reason: x}", "{points: 5}")],
)
def test_a_condition_sees_what_the_step_before_it_wrote(shop: Shop, step: str, test: str) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + f"steps: [{step}, {{if: {test}, then: [{{send: hello}}]}}]\n")
    follow(shop, shop.person())
    assert shop.texts() == ["hello"]


def test_a_tag_for_some_days_does_not_end_one_that_is_for_ever(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=ENTER + "steps: [{tag: 老客, for: 30d}, {wait: 1d}]\n")
    ann = shop.person(tags=("老客",))
    follow(shop, ann)
    assert shop.store.rows("SELECT until FROM person_tag WHERE person_id = :id", id=ann) == [(None,)]
