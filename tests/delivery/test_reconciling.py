"""The report adds up, whatever became of the messages; budgets of the day say what is left."""

from __future__ import annotations

from automation.engine.delivery import budgets, reconciling
from automation.kernel.ports import Accepted, Denied, Lane, Message, Outcome, Reason, Unknown
from tests.delivery.house import BOTH, House

NOON = "2026-03-02 12:00"


def test_every_message_is_in_exactly_one_part_of_the_sum(house: House) -> None:
    people = house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=6)
    silent = house.person()
    house.enter("j", silent, NOON)
    house.tick(NOON)
    answers = [Accepted("a"), Accepted("b", awaiting=True), Unknown("timeout"), Denied(Reason.BAD_CONTENT, "x"),
               Denied(Reason.UNAVAILABLE, permanent=False), Accepted("c")]  # fmt: skip

    def answer(message: Message) -> Outcome:
        return answers[people.index(int(message.address[-8:]))]

    house.sms.answer = answer
    house.deliver(NOON)
    found = reconciling.reconcile(house.store, "j")
    assert (found.planned, found.sent, found.awaiting, found.ambiguous, found.on_the_way) == (7, 2, 1, 1, 1)
    assert {state: dict(words) for state, words in found.missed.items()} == {"failed": {"no channel": 2}}
    assert (found.adds_up, found.lanes) == (True, {"sms_main/sms": 2})
    assert reconciling.reconcile(house.store, "j", since=house.ts("2026-03-03 12:00")).planned == 0
    assert reconciling.reconcile(house.store, "another").planned == 0


def test_budgets_are_of_today_and_tell_how_many_days_more_would_take(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, daily_quota: 3,")
    house.wechat.lanes = [Lane("talk", "openid", BOTH, 100, 600, daily=10)]
    house.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people=2)
    house.deliver(NOON)
    channels = {one.name: one for one in (house.wechat, house.sms)}
    settings, at = house.parts.settings, house.ts(NOON)
    found = {(one.channel, one.lane): (one.used, one.left) for one in budgets.of(house.store, settings, channels, at)}
    assert found == {("wechat_main", "talk"): (0, 10), ("sms_main", ""): (2, 1)}
    wanted = {("sms_main", "sms"): 8, ("wechat_main", "talk"): 10}
    (over,) = budgets.over(house.store, settings, channels, wanted, at)
    assert (over.budget.channel, over.days) == ("sms_main", 4)  # 1 today, then 3, 3, 1
    (tomorrow,) = budgets.over(house.store, settings, channels, wanted, at + 86_400)
    assert tomorrow.days == 3


def test_what_did_not_leave_is_given_back_to_the_day_it_was_booked_on(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, daily_quota: 3,")
    house.send_one("2026-03-02 23:59", "{send: hello, via: [sms], expires: 3d}", people=3)
    claimed, ready = house.delivery.prepare(house.ts("2026-03-02 23:59"))
    assert (len(ready), house.store.value("SELECT used FROM channel_state")) == (3, 3)
    with house.store.write() as tx:
        house.delivery.dispatcher.give_back(tx, ready[:1], house.ts("2026-03-03 00:01"))
    assert house.store.row("SELECT day, used FROM channel_state") == (20260302, 2)
    assert claimed.looked == 3
