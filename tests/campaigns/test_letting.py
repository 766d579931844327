"""A gathered mass message leaves once, to exactly those who may get it at that moment; on both databases."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from automation.campaigns import letting
from automation.engine import invariants
from automation.engine.delivery import gathered, receipts, restored
from automation.kernel import errors
from automation.kernel.clock import FixedClock
from automation.kernel.hooks import Receipt
from automation.kernel.ports import Accepted, Body, Denied, Lane, Outcome, Reason, Unknown
from automation.policy import stop
from automation.store.database import Store, Transaction
from tests.delivery.house import BOTH, House, Script

NOON = "2026-03-04 12:00"
LATER = "2026-03-04 12:30"
SAME = Accepted("same-1", awaiting=True)


class Gathering(Script):
    """A channel whose provider keeps lists."""

    def __init__(self) -> None:
        super().__init__("wechat_main", "wechat", [Lane("mass", "openid", BOTH, 1000, gathers=True)])
        self.answer = lambda message: SAME
        self.lists: dict[str, set[str]] = {}
        self.released: list[tuple[set[str], str]] = []
        self.outcomes: list[Outcome] = []
        self.strangers: set[str] = set()
        self.meanwhile: Callable[[], None] = lambda: None

    def gather(self, name: str, addresses: Collection[str]) -> Collection[str]:
        self.meanwhile()
        self.lists[name] = set(addresses) - self.strangers
        return set(addresses) & self.strangers

    def release(self, name: str, body: Body, key: str) -> Outcome:
        assert body, "what it says"
        self.released.append((set(self.lists[name]), key))
        return self.outcomes.pop(0) if self.outcomes else Accepted("3001")

    def dissolve(self, name: str) -> None:
        self.lists.pop(name, None)


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    made = House(store, tmp_path)
    made.files["policy"] = "purposes:\n  ads: {kind: marketing, quiet: 21:00-09:00, caps: {all: 5 per 7d}}\n"
    made.wechat = Gathering()
    return made


def gather(house: House, people: int = 3, via: str = "[wechat]") -> list[int]:
    found = house.send_one(NOON, f"{{send: hello, via: {via}, expires: 1d}}", people=people, purpose="ads")
    house.deliver(NOON)
    assert {state for state, _ in house.states()} == {"AWAITING"}
    return found


def group(house: House) -> gathered.Group:
    (found,) = gathered.groups(house.parts, {"wechat_main": house.wechat})
    return found


def let_go(house: House, at: str = LATER) -> letting.Released:
    assert isinstance(house.wechat, Gathering)
    return letting.release(house.parts, house.vault, house.wechat, group(house), "anna", FixedClock(house.ts(at)))


def addresses(people: list[int]) -> set[str]:
    return {f"o{person}" for person in people}


def offended(house: House) -> list[str]:
    return [one.invariant.id for one in invariants.check(house.store) if one.count]


def channel(house: House) -> Gathering:
    assert isinstance(house.wechat, Gathering)
    return house.wechat


def test_all_leave_in_one_request_and_are_sent_then(house: House) -> None:
    people = gather(house)
    done = let_go(house)
    assert (done.sent, done.provider_id) == (3, "3001")
    assert [who for who, _ in channel(house).released] == [addresses(people)]
    assert {state for state, _ in house.states()} == {"SENT"}
    assert gathered.groups(house.parts, {"wechat_main": house.wechat}) == []
    assert offended(house) == []


def test_whoever_opted_out_or_was_suppressed_since_is_on_no_list(house: House) -> None:
    stays, leaves, blocked = gather(house)
    house.consent(leaves, "wechat", granted=False, at=house.ts(LATER))
    house.put("INSERT INTO suppression (kind, lookup, reason, at) SELECT kind, lookup, 'gone', 1 FROM identity"
              " WHERE person_id = :person AND kind = 'openid'", person=blocked)  # fmt: skip
    done = let_go(house)
    assert channel(house).released[0][0] == {f"o{stays}"}
    assert done.kept_back == {"no consent": 1, "suppressed": 1}
    assert house.states() == [("SENT", None), ("SUPPRESSED", "no consent"), ("SUPPRESSED", "suppressed")]
    assert house.store.value("SELECT count(*) FROM message WHERE counted_at IS NOT NULL") == 1, "of caps"
    assert offended(house) == []


def test_who_opts_out_while_the_list_is_made_is_taken_off_it(house: House) -> None:
    stays, leaves = gather(house, 2)
    channel(house).meanwhile = lambda: house.consent(leaves, "wechat", granted=False, at=house.ts(LATER))
    assert let_go(house).sent == 1
    assert channel(house).released[0][0] == {f"o{stays}"}


def test_what_ran_out_is_not_sent(house: House) -> None:
    gather(house)
    done = let_go(house, "2026-03-05 12:30")
    assert (done.sent, done.kept_back, channel(house).released) == (0, {"expired": 3}, [])


def test_who_is_not_taken_by_the_provider_takes_the_next_way_and_the_others_leave(house: House) -> None:
    people = gather(house, via="[wechat, sms]")
    channel(house).strangers = {f"o{people[1]}"}
    done = let_go(house)
    assert (done.sent, done.kept_back) == (2, {"not taken by the provider": 1})
    assert gathered.groups(house.parts, {"wechat_main": channel(house)}) == []
    house.deliver("2026-03-04 12:31")
    house.deliver("2026-03-04 12:32")
    assert house.states() == [("SENT", None)] * 3
    assert [message.address[-1] for message in house.sms.sent] == [str(people[1])]
    assert offended(house) == []


def test_who_is_not_taken_and_has_no_other_way_failed(house: House) -> None:
    (person,) = gather(house, 1)
    channel(house).strangers = {f"o{person}"}
    assert let_go(house).sent == 0
    assert channel(house).released == []
    house.deliver("2026-03-04 12:31")
    assert house.states() == [("FAILED", "not confirmed: not taken by the provider")]


def test_a_lost_answer_goes_on_with_the_same_key(house: House) -> None:
    gather(house)
    channel(house).outcomes = [Unknown("time-out")]
    with pytest.raises(errors.ServiceAway, match="sends nothing twice"):
        let_go(house)
    assert {state for state, _ in house.states()} == {"AWAITING"}
    let_go(house, "2026-03-04 13:30")
    keys = [key for _, key in channel(house).released]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(keys[0]) <= 64
    assert {state for state, _ in house.states()} == {"SENT"}


def test_a_lost_answer_that_nobody_asked_again_for_is_held_and_not_sent_twice(house: House) -> None:
    house_of = gather(house)
    channel(house).outcomes = [Unknown("time-out")]
    with pytest.raises(errors.ServiceAway):
        let_go(house)
    with pytest.raises(errors.Refused, match="held"):
        let_go(house, "2026-03-05 11:00")
    assert {state for state, _ in house.states()} == {"AMBIGUOUS"}
    assert len(channel(house).released) == 1
    assert len(house_of) == 3
    assert offended(house) == []


def test_a_refusal_leaves_everybody_gathered_and_the_next_try_has_another_key(house: House) -> None:
    gather(house)
    channel(house).outcomes = [Denied(Reason.QUOTA, "45028", permanent=False)]
    with pytest.raises(errors.Refused, match="45028"):
        let_go(house)
    assert let_go(house, "2026-03-04 13:30").sent == 3
    assert len({key for _, key in channel(house).released}) == 2


def test_a_refused_repeat_keeps_its_key_because_the_first_may_have_left(house: House) -> None:
    gather(house)
    channel(house).outcomes = [Unknown("time-out"), Denied(Reason.UNAVAILABLE, "-1", permanent=False)]
    for at in (LATER, "2026-03-04 13:00"):
        with pytest.raises(errors.ServiceAway, match="sends nothing twice"):
            let_go(house, at)
    with pytest.raises(errors.Refused, match="begun"):
        letting.call_off(house.parts, group(house), "anna", house.ts("2026-03-04 13:10"))
    assert let_go(house, "2026-03-04 13:30").sent == 3
    assert len({key for _, key in channel(house).released}) == 1


def test_a_stop_or_quiet_hours_that_begin_while_the_list_is_made_hold_it_back(house: House) -> None:
    gather(house)
    clock = FixedClock(house.ts("2026-03-04 20:50"))
    channel(house).meanwhile = lambda: clock.set(house.ts("2026-03-04 21:10"))
    with pytest.raises(errors.Refused, match="quiet"):
        letting.release(house.parts, house.vault, channel(house), group(house), "anna", clock)

    def turn() -> None:
        with house.store.write() as tx:
            stop.turn(tx, house.ts(LATER), True, "anna")

    channel(house).meanwhile = turn
    with pytest.raises(errors.Refused, match="stopped"):
        let_go(house)
    assert channel(house).released == []
    assert group(house).begun_at is None


@pytest.mark.parametrize("error", [errors.Refused("45056 too many tags"), KeyboardInterrupt()])
def test_where_the_list_cannot_be_made_nothing_was_begun_and_it_may_be_called_off(
    house: House, error: BaseException
) -> None:
    gather(house)

    def fail() -> None:
        raise error

    channel(house).meanwhile = fail
    with pytest.raises(type(error)):
        let_go(house)
    assert letting.tidy(house.parts, {"wechat_main": channel(house)}, house.ts(LATER)) == 1, "its list goes at once"
    assert letting.call_off(house.parts, group(house), "anna", house.ts(LATER)) == 3


def test_where_the_list_cannot_be_made_again_the_key_stays(house: House) -> None:
    gather(house)
    channel(house).outcomes = [Unknown("time-out")]
    with pytest.raises(errors.ServiceAway):
        let_go(house)

    def fail() -> None:
        raise errors.Refused("48001 not allowed")

    channel(house).meanwhile = fail
    with pytest.raises(errors.Refused, match="48001"):
        let_go(house, "2026-03-04 13:00")
    assert group(house).begun_at == house.ts(LATER)


def test_what_another_command_named_in_between_keeps_that_name(house: House) -> None:
    gather(house)
    seen = group(house)
    with house.store.write() as tx:
        tx.temporary("gathered", gathered.GATHERED)
        tx.run(gathered.FILL, **gathered._bound(seen), after=0)
        tx.run("UPDATE attempt SET provider_id = 'let-6-other'")  # PostgreSQL lets another transaction in here
        gathered._name(tx, seen, "let-5-mine")
    assert group(house).known == "let-6-other"


def test_two_commands_at_once_never_share_a_message(house: House) -> None:
    gather(house)
    seen = group(house)
    mine = gathered.rename(house.parts.store, seen, gathered.key(house.store, seen, house.ts(LATER)))
    gathered.rename(house.parts.store, seen, gathered.key(house.store, seen, house.ts(LATER) + 1))
    assert group(house).known == mine.known
    assert len(gathered.recipients(house.store, house.vault, mine)) == 3


def test_an_address_that_does_not_open_is_set_aside_alone(house: House) -> None:
    people = gather(house)
    house.put("UPDATE identity SET sealed = :sealed WHERE kind = 'openid' AND person_id = :person", sealed=b"1" * 40,
              person=people[1])  # fmt: skip
    done = let_go(house)
    assert (done.sent, done.kept_back) == (2, {"the address does not open": 1})
    assert channel(house).released[0][0] == addresses([people[0], people[2]])
    house.deliver("2026-03-04 12:31")
    assert sorted(house.states(), key=str) == [
        ("FAILED", "not confirmed: the address does not open"), ("SENT", None), ("SENT", None)
    ]  # fmt: skip


def test_where_no_address_opens_the_key_is_another_one_and_nobody_is_set_aside(house: House) -> None:
    gather(house)
    house.put("UPDATE identity SET sealed = :sealed WHERE kind = 'openid'", sealed=b"1" * 40)
    with pytest.raises(errors.Refused, match="key"):
        let_go(house)
    assert letting.call_off(house.parts, group(house), "anna", house.ts(LATER)) == 3


def report(house: House, at: int) -> None:
    with house.store.write() as tx:
        receipts.record_many(house.parts, tx, [("wechat_main", Receipt("3001", "delivered", at))], at)


def delivered(house: House) -> int:
    return int(house.store.value("SELECT count(*) FROM message WHERE delivered_at IS NOT NULL"))


def test_a_report_that_comes_before_the_books_is_a_receipt_of_each(house: House) -> None:
    gather(house)
    channel(house).outcomes = [Unknown("time-out")]
    with pytest.raises(errors.ServiceAway):
        let_go(house)
    report(house, house.ts(LATER) + 60)
    let_go(house, "2026-03-04 13:30")
    assert delivered(house) == 3
    assert house.store.value("SELECT count(*) FROM receipt") == 0
    assert offended(house) == []


def in_twos(monkeypatch: pytest.MonkeyPatch, after_the_first: Callable[[], None]) -> None:
    """Books in slices of two people."""
    monkeypatch.setattr(gathered, "FILL", gathered.FILL.replace("LIMIT 1000", "LIMIT 2"))
    real, slices = gathered._in_slices, [0]

    def counted(store: Store, group: gathered.Group, work: Callable[[Transaction], object]) -> None:
        first = True

        def one(tx: Transaction) -> None:
            nonlocal first
            if not first and "sent" in work.__qualname__ and not slices[0]:
                slices[0] = 1
                raise _Pause
            first = False
            work(tx)

        try:
            real(store, group, one)
        except _Pause:
            after_the_first()
            real(store, group, work)

    monkeypatch.setattr(gathered, "_in_slices", counted)


class _Pause(Exception):
    pass


def test_a_report_between_two_slices_of_the_books_is_a_receipt_of_each(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather(house, 5)
    told: list[int] = []

    def tell() -> None:
        told.append(house.states().count(("SENT", None)))
        report(house, house.ts(LATER) + 5)

    in_twos(monkeypatch, tell)
    let_go(house)
    assert told == [2], "in the middle"
    assert delivered(house) == 5


def test_whoever_is_killed_in_the_books_goes_on_with_them_and_asks_the_provider_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = gather(house, 5)

    def kill() -> None:
        raise KeyboardInterrupt

    in_twos(monkeypatch, kill)
    with pytest.raises(KeyboardInterrupt):
        let_go(house)
    monkeypatch.undo()
    assert house.states().count(("SENT", None)) == 2
    house.consent(people[4], "wechat", granted=False, at=house.ts(LATER))
    done = let_go(house, "2026-03-05 11:00")
    assert (done.sent, done.provider_id, len(channel(house).released)) == (3, "3001", 1)
    assert list(channel(house).lists.values()) == [addresses(people)], "WeChat may read it still"
    assert house.states() == [("SENT", None)] * 5
    assert gathered.taken(house.store, seen_of(house)) == ""


def seen_of(house: House) -> gathered.Group:
    """The group as it was while it was let go."""
    key = channel(house).released[0][1]
    return gathered.Group("j", "wechat_main", "mass", key, 0, 5, 0, 0)


def test_what_was_gathered_before_a_backup_may_have_been_let_go_since_and_is_held_after_a_restore(house: House) -> None:
    gather(house)
    known = {"wechat_main": channel(house)}
    with house.store.write() as tx:
        restored.settle(tx, house.ts(LATER), "anna", gathered.gathering(known), house.ts(NOON))
    assert gathered.groups(house.parts, known) == []
    assert house.states() == [("AMBIGUOUS", "restored")] * 3


def test_nothing_leaves_in_quiet_hours_or_while_all_is_stopped(house: House) -> None:
    gather(house)
    with pytest.raises(errors.Refused, match="quiet"):
        let_go(house, "2026-03-04 21:30")
    with house.store.write() as tx:
        stop.turn(tx, house.ts(LATER), True, "anna")
    with pytest.raises(errors.Refused, match="stopped"):
        let_go(house)
    assert channel(house).released == []


def test_the_report_of_the_mass_message_is_a_receipt_of_each_and_ends_the_list(house: House) -> None:
    gather(house)
    let_go(house)
    channels = {"wechat_main": channel(house)}
    assert letting.tidy(house.parts, channels, house.ts(LATER)) == 0  # WeChat may still read it
    with house.store.write() as tx:
        told = [("wechat_main", Receipt("3001", "delivered", house.ts(LATER) + 60))]
        assert receipts.record_many(house.parts, tx, told, house.ts(LATER) + 60) == 1
    assert house.store.value("SELECT count(*) FROM message WHERE delivered_at IS NOT NULL") == 3
    assert letting.tidy(house.parts, channels, house.ts(LATER) + 120) == 1
    assert channel(house).lists == {}
    assert house.store.value("SELECT count(*) FROM control WHERE name LIKE 'gathered list%'") == 0


def test_a_list_without_a_report_is_kept_for_three_days(house: House) -> None:
    gather(house)
    let_go(house)
    channels = {"wechat_main": channel(house)}
    assert letting.tidy(house.parts, channels, house.ts(LATER) + letting.LISTS_KEPT) == 0
    assert letting.tidy(house.parts, channels, house.ts(LATER) + letting.LISTS_KEPT + 1) == 1


def test_calling_off_ends_them_and_frees_their_caps(house: House) -> None:
    gather(house)
    assert letting.call_off(house.parts, group(house), "anna", house.ts(LATER)) == 3
    assert {state for state, _ in house.states()} == {"CANCELLED"}
    assert house.store.value("SELECT count(*) FROM message WHERE counted_at IS NOT NULL") == 0
    assert offended(house) == []


def test_more_than_a_slice_leaves_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "SLICE", 2)
    monkeypatch.setattr(gathered, "FILL", gathered.FILL.replace("LIMIT 1000", "LIMIT 2"))
    people = gather(house, 5)
    assert let_go(house).sent == 5
    assert channel(house).released[0][0] == addresses(people)


def test_who_opts_out_while_two_make_the_list_is_on_none(house: House) -> None:
    _, leaves = gather(house, 2)

    def meanwhile() -> None:
        channel(house).meanwhile = lambda: None
        house.consent(leaves, "wechat", granted=False, at=house.ts(LATER))
        channel(house).outcomes = [Unknown("time-out")]
        with pytest.raises(errors.LuchengError):
            let_go(house)  # it keeps the one back; the first must see that, too

    channel(house).meanwhile = meanwhile
    let_go(house)
    assert channel(house).released
    assert all(f"o{leaves}" not in people for people, _ in channel(house).released)


def test_a_call_off_that_read_before_the_sending_began_calls_nobody_off(house: House) -> None:
    gather(house, 2)
    stale, called_off = group(house), []

    def meanwhile() -> None:
        why = "operator: called off"
        called_off.append(gathered.call_off(house.store, stale, why, house.ts(LATER)))

    channel(house).meanwhile = meanwhile
    assert let_go(house).sent == 2
    assert called_off == [0]
    assert [state for state, _ in house.states()] == ["SENT", "SENT"]
