"""Messages of one run leave in order, those of a run that was left not at all, and the rest at a channel's own pace."""

from __future__ import annotations

from automation.store.states import MessageState
from tests.delivery.house import House
from tests.policy.test_asking import NOON

SEND = "{send: hello, via: [sms], expires: 3d}"


def test_a_message_waits_for_the_one_before_it_that_is_on_its_way(house: House) -> None:
    house.send_one(NOON, f"{SEND}\n  - {{send: more, via: [sms], expires: 3d}}")
    first = house.store.value("SELECT min(id) FROM message")
    way = "UPDATE message SET state = :state, due = NULL, lease_until = :until, token = 1 WHERE id = :id"
    house.put(way, state=int(MessageState.DISPATCHING), until=house.ts(NOON) + 3600, id=first)
    house.deliver(NOON)
    assert house.states()[1] == ("QUEUED", "earlier message")
    house.put(
        "UPDATE message SET state = :state, lease_until = NULL WHERE id = :id", state=int(MessageState.SENT), id=first
    )
    house.deliver("2026-03-02 12:01")
    assert house.states()[1] == ("SENT", None)


def test_who_leaves_a_journey_by_a_state_gets_nothing_that_has_not_left_by_then(house: House) -> None:
    head = "enter: {manual: true}\nagain: finished\nexit: [{tag: 搬走}]\n"
    house.open(NOON, j=f"{head}steps: [{SEND}, {{wait: 1h}}, {{tag: 来过}}, {{wait: 9d}}]\n")
    stays, leaves = house.reachable(), house.reachable()
    for person in (stays, leaves):
        house.enter("j", person, NOON)
    house.tick(NOON)
    house.tag(leaves, "搬走")
    house.tick("2026-03-02 13:00")
    house.deliver("2026-03-02 13:00")
    assert house.states() == [("SENT", None), ("CANCELLED", "left")]


def test_who_finds_a_channel_full_waits_one_behind_the_other(house: House) -> None:
    house.config = house.config.replace("plays: sms,", "plays: sms, rate: 1,")
    house.send_one(NOON, SEND, people=4)
    house.deliver(NOON)
    waiting = [due for (due,) in house.store.rows("SELECT due FROM message WHERE state = 0 ORDER BY due")]
    assert [due - waiting[0] for due in waiting] == [0, 1, 2]
