"""Doubts ended by asking the provider: only what can be no other message is taken for the one that is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from automation.engine import invariants
from automation.engine.delivery import healing as module
from automation.engine.delivery import receipts, restored
from automation.engine.delivery.healing import DAYS, Healing
from automation.kernel import errors
from automation.kernel.hooks import Receipt, Sighting, Sought
from automation.kernel.ports import Accepted, Lane, Message, Outcome, Unknown
from automation.policy import stop
from automation.store.states import MessageState
from tests.delivery.house import BOTH, House, Script

NOON = "2026-03-02 12:00"
SMS = "{send: hello, via: [sms], expires: 3d}"


@dataclass
class Asking(Script):
    """A provider that can be asked after single messages. `knows`: address -> what may be it."""

    missed_after: int = 3600
    knows: dict[str, list[Sighting]] = field(default_factory=dict)
    asked: list[Sought] = field(default_factory=list)
    away: bool = False

    def search(self, sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        if self.away:
            raise errors.ServiceAway("nobody answers")
        self.asked += sought
        return [self.knows.get(one.message.address, []) for one in sought]


@pytest.fixture
def sms(house: House) -> Asking:
    lane = Lane("sms", "phone", BOTH, 100, receipts=frozenset({"delivered"}))
    made = Asking("sms_main", "sms", [lane], answer=lambda _: Unknown("timeout"))
    house.sms = made
    return made


def healing(house: House) -> Healing:
    one = house.delivery
    return Healing(house.parts, one.channels, one.recovery, one.recorder)


def phone(person: int) -> str:
    return f"+86138{person:08d}"


def seen(name: str, *, awaiting: bool = False, at: int = 0) -> Sighting:
    return Sighting(Accepted(name, awaiting), Receipt(name, "delivered", at) if at else None)


def held(house: House, people: int = 1) -> list[int]:
    found = house.send_one(NOON, SMS, people=people)
    house.deliver(NOON)
    assert {state for state, _ in house.states()} == {"AMBIGUOUS"}
    return found


def offended(house: House) -> list[str]:
    return [one.invariant.id for one in invariants.check(house.store) if one.count]


def test_what_the_provider_knows_had_left_and_is_never_sent_again(house: House, sms: Asking) -> None:
    one, other = held(house, 2)
    later = house.ts(NOON) + 600
    sms.knows = {phone(one): [seen("p1", at=later - 60)]}
    look = healing(house)
    assert look.names == ["sms_main"]
    assert look.look("sms_main", later) == (2, 1, 0)
    assert house.states() == [("SENT", None), ("AMBIGUOUS", "unknown: sms_main timeout")]
    assert house.store.value("SELECT delivered_at FROM message WHERE state = 3") == later - 60
    assert {(ask.since, ask.missed) for ask in sms.asked} == {(house.ts(NOON), False)}
    house.deliver(later + 4000)
    assert len(sms.sent) == 2 and offended(house) == []
    assert look.look("sms_main", later + 10).held == 1
    assert [ask.message.address for ask in sms.asked[2:]] == [phone(other)]


def test_a_task_that_is_found_awaits_its_employee(house: House, sms: Asking) -> None:
    (person,) = held(house)
    sms.knows = {phone(person): [seen("task|x", awaiting=True)]}
    healing(house).look("sms_main", house.ts(NOON) + 60)
    assert (house.states(), offended(house)) == ([("AWAITING", None)], [])
    assert house.store.value("SELECT sent_at FROM message") is None


def test_what_is_known_as_another_message_is_not_this_one(house: House, sms: Asking) -> None:
    (person,) = held(house)
    house.put("UPDATE attempt SET provider_id = 'mine'")
    sms.answer = lambda _: Accepted("other")
    house.enter("j", person, "2026-03-02 13:00")
    house.tick("2026-03-02 13:00")
    house.deliver("2026-03-02 13:00")
    sms.knows = {phone(person): [seen("other")]}
    look = healing(house)
    assert look.look("sms_main", house.ts("2026-03-02 13:01")).found == 0
    sms.knows = {phone(person): [seen("other"), seen("mine")]}
    assert look.look("sms_main", house.ts("2026-03-02 13:02")).found == 1
    assert [state for state, _ in house.states()] == ["SENT", "SENT"]


@pytest.mark.parametrize("case", ["two candidates", "two doubts"])
def test_where_two_could_be_it_all_stay_held(house: House, sms: Asking, case: str) -> None:
    people = held(house, 2)
    if case == "two candidates":
        sms.knows = {phone(people[0]): [seen("p1"), seen("p2")]}
    else:
        sms.knows = {phone(person): [seen("p1")] for person in people}
    assert healing(house).look("sms_main", house.ts(NOON) + 60) == (2, 0, 0)
    assert [state for state, _ in house.states()] == ["AMBIGUOUS"] * 2


def test_a_report_that_came_under_the_found_name_before_is_taken_up(house: House, sms: Asking) -> None:
    """As after a batch that was sent in halves by a process that was killed: nobody here knew the halves' names."""
    (person,) = held(house)
    at = house.ts(NOON) + 30
    with house.store.write() as tx:
        assert receipts.record_many(house.parts, tx, [("sms_main", Receipt("half|1", "delivered", at))], at) == 0
    sms.knows = {phone(person): [seen("half|1")]}
    healing(house).look("sms_main", at + 60)
    assert house.store.row("SELECT state, delivered_at FROM message") == (3, at)


def test_reports_that_never_came_are_asked_for_after_their_time(house: House, sms: Asking) -> None:
    sms.answer = lambda message: Accepted(f"id {message.address}")
    one, other = house.send_one(NOON, SMS, people=2)
    house.deliver(NOON)
    look = healing(house)
    at = house.ts(NOON) + 3600
    sms.knows = {phone(one): [seen(f"id {phone(one)}", at=at - 10)], phone(other): [seen(f"id {phone(other)}")]}
    assert look.look("sms_main", at - 1) == (0, 0, 0) and sms.asked == []
    assert look.look("sms_main", at) == (0, 0, 1)
    assert {(ask.name, ask.missed) for ask in sms.asked} == {(f"id {phone(who)}", True) for who in (one, other)}
    rows = house.store.rows("SELECT delivered_at FROM message ORDER BY id")
    assert [row[0] for row in rows] == [at - 10, None]
    look.look("sms_main", house.ts(NOON) + DAYS + 1)
    assert len(sms.asked) == 2, "after a week nobody asks any more"


def test_a_provider_that_is_away_leaves_all_as_it_is(house: House, sms: Asking) -> None:
    held(house)
    sms.away = True
    with pytest.raises(errors.ServiceAway):
        healing(house).look("sms_main", house.ts(NOON) + 60)
    assert house.state() == "AMBIGUOUS"


def test_an_operators_word_that_comes_first_holds(house: House, sms: Asking) -> None:
    (person,) = held(house)

    def meanwhile(message: Message) -> Outcome:
        return Accepted("again")

    search = sms.search

    def slow(sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        house.put("UPDATE message SET state = 0, due = :now, reason = NULL, token = NULL", now=now)
        return search(sought, now)

    sms.search = slow  # type: ignore[method-assign]
    sms.answer = meanwhile
    sms.knows = {phone(person): [seen("p1")]}
    before = house.store.rows("SELECT state, provider_id FROM attempt")
    assert healing(house).look("sms_main", house.ts(NOON) + 60) == (1, 0, 0)
    assert house.state() == "QUEUED"
    assert house.store.rows("SELECT state, provider_id FROM attempt") == before, "it leaves again: nothing is known"


def test_a_report_that_settles_it_during_the_search_is_counted_once(house: House, sms: Asking) -> None:
    (person,) = held(house)
    search = sms.search

    def slow(sought: Sequence[Sought], now: int) -> Sequence[Sequence[Sighting]]:
        house.put(f"UPDATE message SET state = {int(MessageState.SENT)}, sent_at = :now, done_at = :now", now=now - 5)
        return search(sought, now)

    sms.search = slow  # type: ignore[method-assign]
    sms.knows = {phone(person): [seen("p1", at=house.ts(NOON) + 30)]}
    assert healing(house).look("sms_main", house.ts(NOON) + 60).found == 0
    assert house.store.value("SELECT sent_at FROM message") == house.ts(NOON) + 55


@pytest.mark.parametrize("case", ["doubts", "reports"])
def test_those_that_cannot_be_asked_about_do_not_end_the_turn_of_the_others(
    house: House, sms: Asking, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(module, "MISSED_AT_ONCE", 2)
    monkeypatch.setattr(module, "MOST", 2)
    if case == "reports":
        sms.answer = lambda message: Accepted(f"id {message.address}")
    people = house.send_one(NOON, SMS, people=6)
    house.deliver(NOON)
    house.put("DELETE FROM identity WHERE kind = 'phone' AND person_id = :p", p=people[-1])
    look = healing(house)
    for number in range(4):
        look.look("sms_main", house.ts(NOON) + 3600 + number)
    assert {ask.message.address for ask in sms.asked} == {phone(person) for person in people[:-1]}
    asked = len(sms.asked)
    look.look("sms_main", house.ts(NOON) + 3700)
    assert len(sms.asked) > asked, "and then from the newest on again"


def test_what_was_sent_before_a_restore_is_asked_for_after_it(house: House, sms: Asking) -> None:
    sms.answer = lambda message: Accepted(f"id {message.address}")
    (person,) = house.send_one(NOON, SMS)
    house.deliver(NOON)
    with house.store.write() as tx:
        restored.settle(tx, house.ts(NOON) + 10, "anna", ())
        stop.turn(tx, house.ts(NOON) + 11, False, "anna")
    house.enter("j", person, "2026-03-02 13:00")
    house.tick("2026-03-02 13:00")
    house.deliver("2026-03-02 13:00")
    low, high = (row[0] for row in house.store.rows("SELECT id FROM attempt ORDER BY id"))
    assert high - low > module.LOOKED_AT
    healing(house).look("sms_main", house.ts("2026-03-02 14:30"))
    assert len(sms.asked) == 2


def test_what_a_restore_holds_is_left_to_the_operator(house: House, sms: Asking) -> None:
    """Messages that were made after the backup are not known any more, and the provider may mean one of those."""
    (person,) = held(house)
    house.put("UPDATE message SET state = 2")  # as the copy saw it
    with house.store.write() as tx:
        assert restored.settle(tx, house.ts(NOON) + 10, "anna", ()) == 1
    sms.knows = {phone(person): [seen("p1")]}
    assert healing(house).look("sms_main", house.ts(NOON) + 60) == (0, 0, 0)
    assert house.state() == "AMBIGUOUS"


def test_a_look_reads_the_newest_attempts_only(house: House, sms: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 2)
    people = held(house, 5)
    healing(house).look("sms_main", house.ts(NOON) + 60)
    assert [ask.message.address for ask in sms.asked] == [phone(person) for person in reversed(people[-2:])]
