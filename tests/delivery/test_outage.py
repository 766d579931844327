"""Hours without a provider, on a clock of our own: nothing lost, few probes, no burst when it is back."""

from __future__ import annotations

from collections import Counter
from itertools import cycle

from automation.engine import invariants
from automation.kernel.ports import Denied, Lane, Message, Outcome, Reason, Unknown
from automation.people.sealing import identity_context
from automation.store.states import MessageState
from tests.delivery.house import BOTH, House, accept

RATE, PAUSE, FAILURES = 2, 30, 10
DOWN = (
    Denied(Reason.UNAVAILABLE, "500", permanent=False),
    Denied(Reason.UNAVAILABLE, "refused", permanent=False),
    Denied(Reason.UNAVAILABLE, "-1", permanent=False),  # 200, and the error in its body
    Denied(Reason.RATE_LIMITED, "429", permanent=False, retry_after=40),
    Denied(Reason.UNAVAILABLE, "502", permanent=False),
    Denied(Reason.UNAVAILABLE, "503", permanent=False),
    Denied(Reason.UNAVAILABLE, "61450", permanent=False),
    Unknown("timeout"),
)
CONFIG = f"plays: sms, rate: {RATE}, breaker: {{failures: {FAILURES}, pause: {PAUSE}s}},"
STEPS = "{send: hello, via: [sms], expires: 3d}"
HOUR = 3600


def crowd(house: House, journey: str, count: int, at: str) -> list[int]:
    """People with a phone and consent who enter, in two transactions."""
    found = []
    with house.store.write() as tx:
        for number in range(count):
            person = tx.value(
                "INSERT INTO person (uid, seed, name, created_at, changed_at) VALUES (:uid, :seed, '客', 1, 1)"
                " RETURNING id", uid=f"{journey}{number}", seed=number * 37,
            )  # fmt: skip
            phone = f"+86138{person:08d}"
            lookup = house.vault.lookup("phone", "", phone)
            tx.run("INSERT INTO identity (kind, account, lookup, person_id, sealed, key_id) VALUES ('phone', '',"
                   " :lookup, :person, :sealed, 1)", lookup=lookup, person=person,
                   sealed=house.vault.seal(phone, identity_context(lookup)))  # fmt: skip
            tx.run("INSERT INTO consent (person_id, channel, purpose, granted, source, at) VALUES (:person, '*',"
                   " 'marketing', 1, 'test', 1)", person=person)  # fmt: skip
            tx.run("INSERT INTO entrant (journey_id, person_id, key, episode, at) SELECT id, :person, '', 'x', :at"
                   " FROM journey WHERE name = :journey", person=person, at=house.ts(at), journey=journey)  # fmt: skip
            found.append(person)
    house.tick(at)
    return found


def opened(house: House, at: str, rate: float = RATE) -> None:
    if house.store.path is not None:  # what a power cut leaves behind is another test's matter
        house.store.rows("PRAGMA synchronous = OFF")
    config = CONFIG.replace(f"rate: {RATE}", f"rate: {rate}")
    house.config = house.config.replace("plays: sms,", config).replace("in_flight: 4, connections: 2", "in_flight: 8")
    house.sms.lanes = [Lane("sms", "phone", BOTH, 4, 600)]
    head = "enter: {manual: true}\nagain: finished\nsteps:\n  - "
    house.open(at, j=f"purpose: plain\n{head}{STEPS}\n", k=f"purpose: ads\n{head}{STEPS}\n")


def spread(house: House, begin: int, every: int) -> None:
    """One message is due `every` seconds; each fifth is worth nothing after two hours, the others for a day."""
    house.put(
        "UPDATE message SET due = :begin + id * :every, scheduled_at = :begin + id * :every,"
        " expires_at = :begin + id * :every + CASE WHEN id % 5 = 0 THEN 7200 ELSE 86400 END",
        begin=begin, every=every,
    )  # fmt: skip


def taken(house: House, wanted: list[Message]) -> Counter[str]:
    """What the provider took, by key: it drops repeats."""
    return Counter(message.idem_key for message in wanted)


def test_six_hours_without_a_provider_lose_nothing_and_end_without_a_burst(sqlite_house: House) -> None:
    house = sqlite_house
    begin = "2026-03-02 15:30"
    opened(house, begin)
    service, ads = crowd(house, "j", 90, begin), crowd(house, "k", 90, begin)
    start = house.ts(begin)
    spread(house, start, 6 * HOUR // 180)
    answers = cycle(DOWN)
    house.sms.answer = lambda _: next(answers)
    opens_after = 0
    for now in range(start, start + 6 * HOUR, 60):
        house.deliver(now)
        state = house.store.row("SELECT open_until, failures FROM channel_state WHERE channel = 'sms_main'")
        if not opens_after and state is not None and state[1] >= FAILURES:
            opens_after = len(house.sms.sent)
    tries = len(house.sms.sent)
    assert 0 < opens_after <= FAILURES + len(DOWN)  # a 429 is no failure: it says when to come back
    assert tries <= opens_after + 6 * HOUR // PAUSE
    assert house.store.value(f"SELECT count(*) FROM message WHERE state = {MessageState.SENT}") == 0

    back = start + 6 * HOUR
    received: list[Message] = []
    seconds: Counter[int] = Counter()

    def works(message: Message) -> Outcome:
        received.append(message)
        return accept(message)

    house.sms.answer = works
    morning = house.ts("2026-03-03 09:00")
    for now in (*range(back, back + 120), *range(morning - 60, morning + 1200, 4)):
        before = len(received)
        house.deliver(now)
        seconds[now] += len(received) - before
        if now < morning:
            assert not {int(message.address[-8:]) for message in received[before:]} & set(ads), "quiet hours"
    assert max(seconds.values()) <= RATE
    states = Counter(MessageState(row[0]).name for row in house.store.rows("SELECT state FROM message"))
    assert set(states) <= {"SENT", "EXPIRED", "AMBIGUOUS"}
    assert states.total() == len(service) + len(ads) == 180
    assert states["AMBIGUOUS"] <= tries // len(DOWN) + 1  # the provider may have taken what timed out
    assert states["EXPIRED"] >= 20 and states["SENT"] >= 60
    assert set(taken(house, received).values()) == {1} and len(received) == states["SENT"]
    assert [one for one in invariants.check(house.store) if one.count] == []


def test_a_provider_that_comes_and_goes_gets_each_message_once(sqlite_house: House) -> None:
    house = sqlite_house
    begin = "2026-03-02 10:00"
    opened(house, begin)
    crowd(house, "j", 120, begin)
    start = house.ts(begin)
    spread(house, start, 15)
    accepted: Counter[str] = Counter()
    clock = [start]

    def flaps(message: Message) -> Outcome:
        if (clock[0] - start) // 60 % 2 and clock[0] < start + 1500:
            return Denied(Reason.UNAVAILABLE, "503", permanent=False)
        accepted[message.idem_key] += 1
        return accept(message)

    house.sms.answer = flaps
    for now in range(start, start + 3600, 10):
        clock[0] = now
        house.deliver(now)
    assert {state for state, _ in house.states()} == {"SENT"}
    assert set(accepted.values()) == {1} and len(accepted) == 120
    assert house.store.value("SELECT failures FROM channel_state WHERE channel = 'sms_main'") == 0


def test_rates_are_exact_over_two_processes(house: House) -> None:
    begin = "2026-03-02 10:00"
    opened(house, begin)
    crowd(house, "j", 30, begin)
    both = [house.made(), house.made()]
    start = house.ts(begin)
    for second in range(10):
        before = len(house.sms.sent)
        for one in both:
            one.step(start + second)
        assert len(house.sms.sent) - before == RATE
    for one in both:
        one.close()


def test_a_slow_rate_goes_on_where_it_stopped(house: House) -> None:
    begin = "2026-03-02 10:00"
    opened(house, begin, rate=0.4)
    crowd(house, "j", 10, begin)
    start = house.ts(begin)
    sent = [house.deliver(start + second).sent for second in range(20)]
    assert (max(sent), sum(sent)) == (1, 8)  # 0.4 a second
