"""What others write between the asking of the rules and the claim: on SQLite the rules are asked before the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from automation.engine.delivery.breaker import State
from automation.engine.delivery.claim import Claimed
from automation.engine.delivery.facade import Delivery
from automation.engine.delivery.gates import Books, Gates
from automation.policy import stop
from automation.policy.capacity import Rooms
from automation.store.database import Transaction
from automation.store.states import MessageState
from tests.delivery.house import House

NOON = "2026-03-02 12:00"
SMS = "{send: hello, via: [sms], expires: 3d}"
Beside = Callable[[Delivery, Callable[[Transaction], object]], Claimed]


@pytest.fixture
def beside(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> Beside:
    """A claim, and what is written when its rules have been asked and before it has the lock."""
    house, rooms = sqlite_house, Gates.rooms

    def claimed(delivery: Delivery, write: Callable[[Transaction], object]) -> Claimed:
        asked, found = threading.Event(), list[Claimed]()

        def told(gates: Gates, books: Books, now: int) -> Rooms:
            if threading.current_thread() is work:
                asked.set()
            return rooms(gates, books, now)

        def claim() -> None:
            found.append(delivery.claim(house.ts(NOON)))
            house.store.close()

        monkeypatch.setattr(Gates, "rooms", told)
        work = threading.Thread(target=claim)
        with house.store.write() as tx:
            work.start()
            assert asked.wait(20)
            write(tx)
        work.join(20)
        return found[0]

    return claimed


def test_what_is_withdrawn_meanwhile_is_not_taken_and_takes_no_room(sqlite_house: House, beside: Beside) -> None:
    house = sqlite_house
    house.config = house.config.replace("plays: sms, keyed: false", "plays: sms, keyed: false, daily_quota: 9")
    house.send_one(NOON, SMS, people=3)
    second = house.store.value("SELECT id FROM message ORDER BY id LIMIT 1 OFFSET 1")
    withdrawn = f"UPDATE message SET state = {MessageState.CANCELLED}, due = NULL WHERE id = :id"
    claimed = beside(house.made(), lambda tx: tx.run(withdrawn, id=second))
    assert len(claimed.messages) == 2 and second not in [one.id for one in claimed.messages]
    assert [state for state, _ in house.states()] == ["CLAIMED", "CANCELLED", "CLAIMED"]
    assert house.store.value("SELECT used FROM channel_state WHERE channel = 'sms_main'") == 2


def test_what_is_put_off_meanwhile_stays_put_off(sqlite_house: House, beside: Beside) -> None:
    house = sqlite_house
    house.send_one(NOON, SMS)
    claimed = beside(house.made(), lambda tx: tx.run("UPDATE message SET due = due + 60"))
    assert claimed.messages == [] and house.due() == "2026-03-02 12:01"


NO_LONGER = {
    "expired": "UPDATE message SET expires_at = scheduled_at",
    "nobody to write to": "DELETE FROM identity",
    "quiet hours": "UPDATE message SET due = 1",
}


@pytest.mark.parametrize("rule", NO_LONGER)
def test_what_does_not_go_and_is_withdrawn_meanwhile_stays_withdrawn(
    sqlite_house: House, beside: Beside, rule: str
) -> None:
    house = sqlite_house
    quiet = ", quiet: 11:00-14:00" if rule == "quiet hours" else ""
    house.files["policy"] = f"purposes: {{plain: {{kind: service{quiet}}}}}\n"
    house.send_one(NOON, f"{SMS}\n  - {{wait_for: {{event: message.failed}}, up_to: 9d, then: []}}")
    house.put(NO_LONGER[rule])
    withdrawn = f"UPDATE message SET state = {MessageState.CANCELLED}, due = NULL, reason = 'told'"
    claimed = beside(house.made(), lambda tx: tx.run(withdrawn))
    assert claimed.messages == [] and house.states() == [("CANCELLED", "told")]
    assert house.due() is None and house.store.value("SELECT count(*) FROM event") == 0


def test_what_another_process_claims_meanwhile_counts(sqlite_house: House, beside: Beside) -> None:
    """Two messages to one person, of whom one a day may leave: the other process takes the earlier one."""
    house = sqlite_house
    house.files["policy"] = "purposes: {plain: {kind: service, caps: {all: 1 per day}}}\n"
    house.send_one(NOON, SMS)
    sent = (
        f"INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, state, scheduled_at,"
        f" expires_at, counted_at, channel) SELECT run_id, step, 99, person_id, version_id, purpose, priority,"
        f" {MessageState.CLAIMED}, scheduled_at, expires_at, :now, 'sms_main' FROM message"
    )
    again = "UPDATE control SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'claim token'"
    house.put("INSERT INTO control (name, value, at, who) VALUES ('claim token', '7', 1, 'test')")

    def other(tx: Transaction) -> None:
        tx.run(sent, now=house.ts(NOON))
        tx.run(again)

    assert beside(house.made(), other).messages == []
    assert house.states()[0] == ("SUPPRESSED", "cap all 1 per day")


AWAY = {
    "channel": "INSERT INTO channel_state (channel, failures, open_until) VALUES ('sms_main', 10, :until)",
    "lane": "INSERT INTO lane_state (channel, lane, closed_until, why) VALUES ('sms_main', 'sms', :until, 'test')",
}


@pytest.mark.parametrize("what", AWAY)
def test_nothing_is_taken_for_what_goes_away_meanwhile(sqlite_house: House, beside: Beside, what: str) -> None:
    house = sqlite_house
    house.send_one(NOON, SMS)
    claimed = beside(house.made(), lambda tx: tx.run(AWAY[what], until=house.ts(NOON) + 90))
    assert claimed.messages == [] and house.state() == "QUEUED"
    assert house.due() == "2026-03-02 12:01:30"


def test_asking_forgets_nothing_that_the_books_have_learned(sqlite_house: House) -> None:
    house = sqlite_house
    house.send_one(NOON, SMS)
    gates, now = house.delivery.gates, house.ts(NOON)
    (door,) = [one for one in house.delivery.routes.doors if one.channel == "sms_main"]
    gates.learned({"sms_main": State(9, now + 30)}, {("sms_main", "sms"): now + 60})
    gates.rooms(Books.read(house.store), now)
    assert gates.trust("sms_main") == 1 and gates.rests_until(door, now) == now + 60
    gates.go_by(Books.read(house.store), now)
    assert gates.trust("sms_main") == 4 and gates.rests_until(door, now) is None


def test_nothing_is_taken_once_all_is_stopped(sqlite_house: House, beside: Beside) -> None:
    house = sqlite_house
    house.send_one(NOON, SMS)
    assert beside(house.made(), lambda tx: stop.turn(tx, 1, True, "test")).messages == []
    assert house.state() == "QUEUED"
