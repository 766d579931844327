"""After a restore: what may have left since the backup waits for the operator, what is planned later leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pytest

from automation.engine import invariants
from automation.engine.delivery import operators, restored
from automation.engine.delivery.operators import Filter, Resolution
from automation.kernel import errors
from automation.kernel.ports import Accepted, Unknown
from automation.policy import stop
from automation.store import backup
from automation.store.database import Store
from automation.store.states import MessageState
from tests.delivery.house import House, accept

NOON = "2026-03-02 12:00"
SMS = "{send: hello, via: [sms], expires: 30d}"
TWO = f"""
purpose: plain
enter: {{manual: true}}
again: finished
steps:
  - {SMS}
  - {{wait: 1d}}
  - {{send: again, via: [sms], expires: 30d}}
  - {{wait: 5d}}
  - {{send: last, via: [sms], expires: 30d}}
"""


def settle(house: House, at: str, gathering: Collection[restored.Lane] = ()) -> int:
    with house.store.write() as tx:
        return restored.settle(tx, house.ts(at), "ann", gathering)


def resume(house: House, at: str) -> None:
    with house.store.write() as tx:
        operators.stop_all(tx, False, "ann", house.ts(at))


def test_what_was_queued_claimed_or_on_its_way_is_held_and_nothing_leaves(house: House) -> None:
    house.send_one(NOON, SMS, people=3)
    house.put(f"UPDATE message SET state = {MessageState.CLAIMED}, due = NULL, lease_until = 9, token = 4 WHERE id = 1")
    house.put(f"UPDATE message SET state = {MessageState.DISPATCHING}, due = NULL, lease_until = 9 WHERE id = 2")
    assert settle(house, "2026-03-03 12:00") == 3
    assert house.states() == [("AMBIGUOUS", "restored")] * 3
    assert stop.is_on(house.store)
    resume(house, "2026-03-03 13:00")
    for at in ("2026-03-03 13:00", "2026-03-04 13:00"):
        house.deliver(at)
    assert house.sms.sent == []
    assert [one for one in invariants.check(house.store) if one.count] == []


def test_the_operator_says_which_were_sent_and_the_others_leave(house: House) -> None:
    house.send_one(NOON, SMS, people=2)
    settle(house, "2026-03-03 12:00")
    resume(house, "2026-03-03 12:30")
    first, second = (row["id"] for row in operators.listed(house.store, Filter(word="restored")))
    with house.store.write() as tx:
        operators.resolve(tx, [first], Resolution.SENT, "ann", house.ts("2026-03-03 13:00"))
        operators.resolve(tx, [second], Resolution.NOT_SENT, "ann", house.ts("2026-03-03 13:00"))
    house.deliver("2026-03-03 13:00")
    assert [state for state, _ in house.states()] == ["SENT", "SENT"] and len(house.sms.sent) == 1


def test_what_a_journey_catches_up_with_is_held_too_and_what_is_planned_later_leaves(house: House) -> None:
    settle(house, "2026-03-03 12:00")
    resume(house, "2026-03-03 12:30")
    house.send_one(NOON, SMS)  # entered before the restore, as a run of the backup that goes on
    house.deliver("2026-03-03 13:00")
    assert house.states() == [("AMBIGUOUS", "restored")]
    house.send_one("2026-03-03 14:00", SMS, people=2)
    house.deliver("2026-03-03 14:00")
    assert [state for state, _ in house.states()] == ["AMBIGUOUS", "SENT", "SENT"]


def test_ids_that_were_given_out_are_not_given_again(house: House) -> None:
    before = house.reachable()
    settle(house, NOON)
    assert house.reachable() > before + 1_000_000
    house.send_one("2026-03-02 13:00", SMS)
    assert house.store.value("SELECT min(id) FROM message") > 1_000_000_000
    assert house.store.value("SELECT min(id) FROM run") > 1_000_000_000
    settle(house, "2026-03-03 13:00")
    assert house.reachable() > 2_000_000_000


def test_what_awaits_a_word_is_held_where_lanes_gather_and_what_awaits_an_employee_is_not(house: House) -> None:
    house.wechat.answer = house.sms.answer = lambda message: Accepted("same-1", awaiting=True)
    house.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}")
    house.deliver(NOON)
    house.send_one("2026-03-02 13:00", SMS)
    house.deliver("2026-03-02 13:00")
    assert house.states() == [("AWAITING", None)] * 2
    assert settle(house, "2026-03-03 12:00", {("wechat_main", "talk")}) == 1
    assert house.states() == [("AMBIGUOUS", "restored"), ("AWAITING", None)]
    assert [one for one in invariants.check(house.store) if one.count] == []


def test_a_held_message_counts_for_caps(house: House) -> None:
    house.send_one(NOON, SMS)
    settle(house, "2026-03-03 12:00")
    assert house.store.value("SELECT counted_at FROM message") == house.ts(NOON)


def test_a_backup_that_was_not_restored_is_told_from_a_database(house: House) -> None:
    restored.refuse_copy(house.store)
    with house.store.write() as tx:
        restored.mark(tx, restored.Copy(5, "abc"))
    assert restored.marked(house.store) == restored.Copy(5, "abc")
    with pytest.raises(errors.Refused, match="is a backup"):
        restored.refuse_copy(house.store)
    settle(house, NOON)
    restored.refuse_copy(house.store)
    assert restored.until(house.store) == house.ts(NOON)


def test_a_backup_in_the_middle_of_it_all_sends_nobody_anything_twice(sqlite_house: House, tmp_path: Path) -> None:
    """The life after the backup is lost; the copy goes through the same days again."""
    lost = sqlite_house
    lost.open(NOON, j=TWO)
    people = [lost.reachable("phone") for _ in range(12)]
    for person in people[:8]:
        lost.enter("j", person, NOON)
    lost.tick(NOON)
    lost.sms.answer = lambda message: Unknown("timeout") if message.address.endswith("3") else accept(message)
    for _ in range(3):  # some have it, some wait, one nobody knows of
        lost.delivery.step(lost.ts(NOON))
    copy = tmp_path / "copy.db"
    backup.save(lost.store, copy, force=False, finish=lambda made: None)
    for person in people[8:]:
        lost.enter("j", person, "2026-03-02 13:00")
    for at in ("2026-03-02 13:00", "2026-03-03 12:00", "2026-03-03 13:00", "2026-03-03 13:01"):
        lost.tick(at)
        lost.deliver(at)
    had = len(lost.sms.sent)
    assert had > 12, "more left after the backup"

    store = Store(f"sqlite:{copy}")
    (tmp_path / "again").mkdir()
    again = House(store, tmp_path / "again")
    again.open("2026-03-04 12:00", j=TWO)
    settle(again, "2026-03-04 12:00")
    resume(again, "2026-03-04 12:30")
    for at in ("2026-03-04 12:30", "2026-03-05 12:00", "2026-03-06 12:00"):
        again.tick(at)
        again.deliver(at)
    assert again.sms.sent == [], "all of it may have left before"
    for at in ("2026-03-08 13:00", "2026-03-09 13:00"):
        again.tick(at)
        again.deliver(at)
    assert Counter(message.address for message in again.sms.sent) == {f"+86138{number:08d}": 1 for number in people[:8]}
    states = Counter(state for state, _ in again.states())
    assert states["SENT"] + states["AMBIGUOUS"] == 24, "each message has its place"
    again.delivery.close()
    store.close()
