"""Kills at every point between claim and record: nothing lost, nothing twice where a key protects, the rest held."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from automation.engine.delivery.prepared import Prepared
from automation.engine.delivery.spool import FileSpool, NoSpool, Ref
from automation.kernel.ports import Accepted, Lane, Message, Outcome
from automation.policy import stop
from tests.delivery.house import BOTH, House

NOON = "2026-03-02 12:00"
WECHAT, SMS = "{send: hello, via: [wechat], expires: 3d}", "{send: hello, via: [sms], expires: 3d}"


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


class DyingSpool:
    """The real spool of a process that dies at a word, and lets go of its lock as the dead do."""

    def __init__(self, inner: FileSpool, at: str, before: bool) -> None:
        self.inner, self.at, self.before = inner, at, before

    def _tell(self, word: str, *args: Any) -> None:
        if word == self.at and self.before:
            raise Killed
        getattr(self.inner, word)(*args)
        if word == self.at:
            raise Killed

    def intended(self, refs: Sequence[Ref]) -> None:
        self._tell("intended", refs)

    def started(self, refs: Sequence[Ref], names: Sequence[str] = ()) -> None:
        self._tell("started", refs, names)

    def answered(self, answers: Sequence[tuple[Ref, Outcome]]) -> None:
        self._tell("answered", answers)

    def recorded(self, refs: Iterable[Ref]) -> None:
        self._tell("recorded", list(refs))


class FullSpool(DyingSpool):
    """On a disk that fills up at a word."""

    def _tell(self, word: str, *args: Any) -> None:
        if word == self.at:
            raise OSError(errno.ENOSPC, "No space left on device")
        getattr(self.inner, word)(*args)


def die(house: House, at: str, before: bool = False) -> None:
    """A process of its own that takes what is due and dies there."""
    inner = FileSpool(house.delivery.folder)  # type: ignore[arg-type]
    dying = house.made(spool=DyingSpool(inner, at, before))
    with pytest.raises(Killed):
        dying.step(house.ts(NOON))
    for segment in (*inner._full, inner._current):
        import os

        os.close(segment.file)


def test_an_answer_that_the_spool_cannot_take_is_recorded_all_the_same(house: House) -> None:
    house.send_one(NOON, SMS)
    inner = FileSpool(house.delivery.folder)  # type: ignore[arg-type]
    house.made(spool=FullSpool(inner, "answered", True)).step(house.ts(NOON))
    inner.close()
    assert (house.state(), len(house.sms.sent)) == ("SENT", 1)


@pytest.mark.parametrize(
    ("at", "before", "delivered", "state"),
    [
        ("intended", True, 0, "SENT"),  # claimed, not dispatched
        ("intended", False, 0, "SENT"),
        ("started", True, 0, "SENT"),  # dispatched, nothing begun
        ("started", False, 0, "AMBIGUOUS"),  # perhaps begun
        ("answered", True, 1, "AMBIGUOUS"),  # accepted, and nobody heard it
        ("answered", False, 1, "SENT"),  # heard, not recorded: the spool tells
        ("recorded", True, 1, "SENT"),
    ],
)
def test_a_kill_on_a_lane_without_a_key_leaves_only_what_was_begun_and_not_answered_in_doubt(
    house: House, at: str, before: bool, delivered: int, state: str
) -> None:
    house.send_one(NOON, SMS)
    die(house, at, before)
    assert len(house.sms.sent) == delivered
    house.deliver(house.ts(NOON) + 61)
    house.deliver(house.ts(NOON) + 62)
    assert house.state() == state
    assert len(house.sms.sent) == (1 if state == "SENT" else delivered)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", ["intended", "started", "answered", "recorded"])
def test_a_kill_on_a_lane_with_a_key_ends_in_one_delivery(house: House, at: str, before: bool) -> None:
    house.send_one(NOON, WECHAT)
    die(house, at, before)
    for seconds in (61, 62, 63):
        house.deliver(house.ts(NOON) + seconds)
    assert house.state() == "SENT"
    assert len({(one.idem_key, str(one.body)) for one in house.wechat.sent}) == 1


def test_after_a_power_cut_the_spool_is_not_believed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.send_one(NOON, SMS)
    die(house, "started", before=True)
    monkeypatch.setattr("automation.engine.delivery.spool.boot_id", lambda: "another boot")
    house.deliver(house.ts(NOON) + 61)
    assert house.states() == [("AMBIGUOUS", "unknown, interrupted")]


def test_after_a_power_cut_an_answer_in_the_spool_is_not_believed_either(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.send_one(NOON, SMS)
    die(house, "answered")
    monkeypatch.setattr("automation.engine.delivery.spool.boot_id", lambda: "another boot")
    house.deliver(house.ts(NOON) + 61)
    assert house.states() == [("AMBIGUOUS", "unknown, interrupted")]


def test_what_a_restored_backup_was_sending_is_held(house: House) -> None:
    house.send_one(NOON, SMS)
    die(house, "started", before=True)
    for path in house.delivery.folder.glob("*.spool"):  # type: ignore[union-attr]
        path.unlink()
    house.deliver(house.ts(NOON) + 61)
    assert house.state() == "AMBIGUOUS"


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_kill_leaves_at_most_in_flight_in_doubt(house: House, in_flight: int) -> None:
    house.config = house.config.replace("in_flight: 4, connections: 2}", f"in_flight: {in_flight}, connections: 2}}", 1)
    house.send_one(NOON, SMS, people=10)
    die(house, "started")

    for path in house.delivery.folder.glob("*.spool"):  # type: ignore[union-attr]
        path.unlink()  # the worst case: no spool at all
    for seconds in range(61, 75):
        house.deliver(house.ts(NOON) + seconds)
    states = [state for state, _ in house.states()]
    assert states.count("AMBIGUOUS") == in_flight
    assert states.count("SENT") == 10 - in_flight


def test_a_process_that_starts_alone_need_not_wait_for_leases(house: House) -> None:
    house.send_one(NOON, WECHAT)
    die(house, "answered", before=True)
    house.delivery.clock.set(house.ts(NOON) + 1)  # type: ignore[attr-defined]
    assert house.delivery.start(alone=True).recovered == 1
    assert house.state() == "SENT"
    assert not list(house.delivery.folder.glob("*.spool"))[1:]  # type: ignore[union-attr]


def ready(house: House, now: int) -> list[Prepared]:
    """A second process that has claimed and prepared, and stands still there."""
    return house.made(spool=NoSpool()).prepare(now)[1]


def test_a_zombie_whose_claim_was_taken_over_may_not_send(house: House) -> None:
    house.send_one(NOON, SMS)
    zombie = ready(house, house.ts(NOON))
    later = house.ts(NOON) + 61
    house.deliver(later)
    house.deliver(later)
    assert (house.state(), len(house.sms.sent)) == ("SENT", 1)
    with house.store.write() as tx:
        assert house.delivery.dispatcher.commit(tx, zombie, later) == []
    assert house.state() == "SENT"


def test_a_zombie_that_wakes_up_while_the_claim_is_another_ones_sends_nothing(house: House) -> None:
    house.send_one(NOON, SMS)
    zombie = ready(house, house.ts(NOON))
    later = house.ts(NOON) + 61
    house.delivery.recover(later)
    ready(house, later)  # a third process has it now
    with house.store.write() as tx:
        assert house.delivery.dispatcher.commit(tx, zombie, later) == []
    assert house.state() == "CLAIMED"


def test_a_process_stopped_before_its_bytes_leaves_the_message_held_and_its_late_answer_counts(house: House) -> None:
    house.send_one(NOON, SMS)
    spool = FileSpool(house.delivery.folder)  # type: ignore[arg-type]
    zombie = house.made(spool=spool)
    _, prepared = zombie.prepare(house.ts(NOON))
    spool.intended([(one.id, one.token) for one in prepared])
    with house.store.write() as tx:
        admitted = house.delivery.dispatcher.commit(tx, prepared, house.ts(NOON))
    later = house.ts(NOON) + 61
    house.deliver(later)
    assert house.state() == "AMBIGUOUS"  # its process lives, so it may begin at any moment
    from automation.engine.delivery.record import Result

    with house.store.write() as tx:
        zombie.recorder.write(tx, [Result(admitted[0], Accepted("late"))], later)
    assert house.state() == "SENT"
    zombie.close()


def test_an_opt_out_between_claim_and_dispatch_is_kept(house: House) -> None:
    (person,) = house.send_one(NOON, SMS, purpose="ads")
    prepared = ready(house, house.ts(NOON))
    house.consent(person, "sms", granted=False, at=5)
    with house.store.write() as tx:
        assert house.delivery.dispatcher.commit(tx, prepared, house.ts(NOON)) == []
    house.deliver(NOON)
    assert house.states() == [("SUPPRESSED", "no consent: sms no consent")]


@pytest.mark.parametrize("how", ["suppressed", "erased", "stopped"])
def test_suppression_erasure_and_the_stop_switch_hold_until_the_first_byte(house: House, how: str) -> None:
    people = house.send_one(NOON, SMS, people=2)
    prepared = ready(house, house.ts(NOON))
    if how == "suppressed":
        house.put(
            "INSERT INTO suppression (kind, lookup, reason, at) SELECT kind, lookup, 'x', 1 FROM identity"
            " WHERE kind = 'phone' AND person_id = :person",
            person=people[0],
        )
    elif how == "erased":
        house.put("DELETE FROM identity WHERE kind = 'phone' AND person_id = :person", person=people[0])
    else:
        with house.store.write() as tx:
            stop.turn(tx, 1, True, "ann")
    with house.store.write() as tx:
        admitted = house.delivery.dispatcher.commit(tx, prepared, house.ts(NOON))
    assert [one.person_id for one in admitted] == ([] if how == "stopped" else [people[1]])
    assert house.states()[0] == ("QUEUED", None)
    assert house.store.value("SELECT counted_at FROM message WHERE person_id = :p", p=people[0]) is None


def test_a_message_withdrawn_while_it_is_claimed_is_not_sent(house: House) -> None:
    house.send_one(NOON, SMS)
    prepared = ready(house, house.ts(NOON))
    house.put("UPDATE message SET state = 8, reason = 'left', lease_until = NULL")
    with house.store.write() as tx:
        assert house.delivery.dispatcher.commit(tx, prepared, house.ts(NOON)) == []


def test_the_same_person_is_not_written_to_twice_when_a_keyed_answer_is_lost(house: House) -> None:
    house.send_one(NOON, WECHAT, people=5)
    seen: dict[str, int] = {}

    def provider(message: Message) -> Outcome:
        seen[message.idem_key] = seen.get(message.idem_key, 0) + 1
        if seen[message.idem_key] == 1:
            from automation.kernel.ports import Unknown

            return Unknown("reset")
        return Accepted("")

    house.wechat.answer = provider
    for seconds in (0, 40, 41):
        house.deliver(house.ts(NOON) + seconds)
    assert {state for state, _ in house.states()} == {"SENT"}
    assert sorted(seen.values()) == [2] * 5


def open_window(house: House, person: int) -> None:
    house.put(
        "INSERT INTO reply_window (channel, identity_id, until, messages) SELECT 'sms_main', id, :until, 3"
        " FROM identity WHERE person_id = :person AND kind = 'phone'",
        person=person,
        until=house.ts(NOON) + 3600,
    )


@pytest.mark.parametrize(
    ("at", "before", "state", "window"),
    [
        ("intended", True, "SENT", 2),  # claimed only: given back, and booked again by the next claim
        ("started", True, "SENT", 2),
        ("started", False, "AMBIGUOUS", 2),  # perhaps sent: the answer stays booked
        ("answered", True, "AMBIGUOUS", 2),
        ("answered", False, "SENT", 2),
    ],
)
def test_after_a_kill_an_answer_of_a_window_is_booked_once_or_not_at_all(
    house: House, at: str, before: bool, state: str, window: int
) -> None:
    house.sms.lanes = [Lane("talk", "phone", BOTH, 2, window=True)]
    (person,) = house.send_one(NOON, SMS)
    open_window(house, person)
    die(house, at, before)
    house.deliver(house.ts(NOON) + 61)
    house.deliver(house.ts(NOON) + 62)
    assert (house.state(), house.store.value("SELECT messages FROM reply_window")) == (state, window)


def test_a_message_withdrawn_between_claim_and_dispatch_gives_its_answer_back(house: House) -> None:
    house.sms.lanes = [Lane("talk", "phone", BOTH, 2, window=True)]
    (person,) = house.send_one(NOON, SMS)
    open_window(house, person)
    prepared = ready(house, house.ts(NOON))
    assert house.store.value("SELECT messages FROM reply_window") == 2
    house.put("UPDATE message SET state = 8, token = NULL, counted_at = NULL, lease_until = NULL")
    with house.store.write() as tx:
        assert house.delivery.dispatcher.commit(tx, prepared, house.ts(NOON)) == []
    assert house.store.value("SELECT messages FROM reply_window") == 3


@pytest.mark.parametrize(
    ("at", "before", "state"),
    [
        ("intended", True, "AWAITING"),
        ("started", True, "AWAITING"),
        ("started", False, "AMBIGUOUS"),
        ("answered", True, "AMBIGUOUS"),
        ("answered", False, "AWAITING"),  # the spool tells that it is a task, and no more
        ("recorded", True, "AWAITING"),
    ],
)
def test_a_kill_never_makes_a_task_count_as_sent(house: House, at: str, before: bool, state: str) -> None:
    house.sms.answer = lambda _: Accepted("task", awaiting=True)
    house.send_one(NOON, SMS)
    die(house, at, before)
    house.deliver(house.ts(NOON) + 61)
    house.deliver(house.ts(NOON) + 62)
    assert (house.state(), len(house.sms.sent)) == (state, 0 if state == "AMBIGUOUS" and at == "started" else 1)
    assert house.store.value("SELECT sent_at FROM message") is None
