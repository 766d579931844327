"""What operators see and order, and that each order leaves its row in the audit."""

from __future__ import annotations

import pytest

from automation.engine.delivery import operators
from automation.engine.delivery.operators import Filter, Resolution
from automation.kernel import errors
from automation.kernel.ports import Denied, Outcome, Reason, Unknown
from automation.store import audit
from automation.store.states import MessageState
from tests.delivery.house import House, accept

NOON = "2026-03-02 12:00"
SMS = "{send: hello, via: [sms], expires: 3d}"


def orders(house: House) -> list[str]:
    return [str(row["what"]) for row in audit.listed(house.store, 100) if row["who"] == "ann"]


def test_lists_filter_by_state_word_journey_and_person(house: House) -> None:
    people = house.send_one(NOON, SMS, people=3)
    house.put("DELETE FROM identity WHERE person_id = :person", person=people[1])
    house.deliver(NOON)
    assert [row["person"] for row in operators.listed(house.store, Filter())] == people[::-1]
    (failed,) = operators.listed(house.store, Filter(state=MessageState.FAILED))
    assert (failed["state"], failed["word"], failed["reason"]) == ("failed", "no channel", "no channel: sms no address")
    assert operators.listed(house.store, Filter(word="no channel")) == [failed]
    assert operators.listed(house.store, Filter(person=people[1], journey="j")) == [failed]
    assert operators.listed(house.store, Filter(journey="other")) == []
    assert [row["id"] for row in operators.listed(house.store, Filter(before=failed["id"], limit=1))] == [
        failed["id"] - 1
    ]


def test_the_history_shows_every_try_and_the_body_only_on_request(house: House) -> None:
    house.send_one(NOON)
    house.wechat.answer = lambda _: Denied(Reason.BAD_ADDRESS, "40003")
    house.deliver(NOON)
    house.deliver(NOON)
    number = house.store.value("SELECT id FROM message")
    shown = operators.show(house.store, number)
    assert [(one["channel"], one["state"], one["code"]) for one in shown["tries"]] == [
        ("wechat_main", "denied", "40003"),
        ("sms_main", "accepted", None),
    ]
    assert "客1" not in str(shown)
    opened = operators.show(house.store, number, house.vault)
    assert opened["tries"][1]["body"]["params"] == {"name": "客1"}
    with pytest.raises(errors.Refused, match="no message"):
        operators.show(house.store, number + 1)


def test_a_failed_message_can_be_tried_again_and_a_sent_one_cannot(house: House) -> None:
    house.send_one(NOON, SMS)
    house.sms.answer = lambda _: Denied(Reason.BAD_CONTENT)
    house.deliver(NOON)
    number, now = house.store.value("SELECT id FROM message"), house.ts(NOON)
    with house.store.write() as tx:
        assert operators.retry(tx, [number], "ann", now) == 1
    house.sms.answer = accept
    house.deliver(NOON)
    assert house.state() == "SENT"
    with pytest.raises(errors.Refused), house.store.write() as tx:
        operators.retry(tx, [number], "ann", now)
    assert orders(house) == ["messages retried"]


def test_held_messages_are_resolved_either_way(house: House) -> None:
    house.send_one(NOON, SMS, people=2)
    house.sms.answer = lambda _: Unknown("timeout")
    house.deliver(NOON)
    first, second = (row[0] for row in house.store.rows("SELECT id FROM message ORDER BY id"))
    with house.store.write() as tx:
        operators.resolve(tx, [first], Resolution.SENT, "ann", house.ts(NOON))
        operators.resolve(tx, [second], Resolution.NOT_SENT, "ann", house.ts(NOON))
    assert [state for state, _ in house.states()] == ["SENT", "QUEUED"]
    house.deliver(NOON)
    assert len(house.sms.sent) == 3
    assert len({message.idem_key for message in house.sms.sent}) == 2
    with pytest.raises(errors.Refused, match="held"), house.store.write() as tx:
        operators.resolve(tx, [first], Resolution.SENT, "ann", house.ts(NOON))
    assert orders(house) == ["messages resolved: not_sent", "messages resolved: sent"]


@pytest.mark.parametrize("outcome", [Unknown("timeout"), Denied(Reason.BAD_CONTENT)], ids=["held", "failed"])
def test_what_an_older_version_sent_can_be_sent_again_though_nothing_waited_for_it_any_more(
    house: House, outcome: Outcome
) -> None:
    house.send_one(NOON, SMS)
    house.sms.answer = lambda _: outcome
    house.deliver(NOON)
    house.send_one("2026-03-02 13:00", SMS.replace("3d", "4d"))
    used = "SELECT count(*) FROM version WHERE retired_at IS NULL"
    assert house.store.value(used) == 1
    number, now = house.store.value("SELECT min(id) FROM message"), house.ts("2026-03-02 13:00")
    with house.store.write() as tx:
        if isinstance(outcome, Unknown):
            operators.resolve(tx, [number], Resolution.NOT_SENT, "ann", now)
        else:
            operators.retry(tx, [number], "ann", now)
    assert house.store.value(used) == 2
    house.sms.answer = accept
    house.deliver("2026-03-02 13:00:04")  # sooner than the engine looks what was ordered
    house.reload("2026-03-02 13:00:04")
    house.deliver("2026-03-02 13:00:05")
    assert {state for state, _ in house.states()} == {"SENT"}
    house.reload("2026-03-02 13:01")
    assert house.store.value(used) == 1


def test_the_stop_switch_leaves_its_order_in_the_audit(house: House) -> None:
    house.send_one(NOON)
    with house.store.write() as tx:
        operators.stop_all(tx, True, "ann", 1)
    house.deliver(NOON)
    assert house.state() == "QUEUED"
    with pytest.raises(errors.Refused, match="stopped already"), house.store.write() as tx:
        operators.stop_all(tx, True, "ann", 2)
    with house.store.write() as tx:
        operators.stop_all(tx, False, "ann", 3)
    house.deliver(NOON)
    assert house.state() == "SENT"
    assert orders(house) == ["resume all", "stop all"]


def test_what_was_refused_for_its_text_is_tried_again_with_the_text_of_now(house: House) -> None:
    (person,) = house.send_one(NOON, SMS)
    house.sms.answer = lambda _: Denied(Reason.BAD_CONTENT)
    house.deliver(NOON)
    house.put("UPDATE person SET name = '李四' WHERE id = :id", id=person)
    with house.store.write() as tx:
        operators.retry(tx, [house.store.value("SELECT id FROM message")], "ann", house.ts(NOON))
    house.sms.answer = accept
    house.deliver(NOON)
    assert [message.body["params"] for message in house.sms.sent] == [{"name": "客1"}, {"name": "李四"}]
    shown = operators.show(house.store, house.store.value("SELECT id FROM message"), house.vault)
    assert shown["tries"][0]["body"]["params"] == {"name": "李四"}
