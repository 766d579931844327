"""Crash points C8 to C15 over the platforms' own interfaces: what a kill leaves on WeChat, SMS and mail.

The sandbox plays the platforms and survives; the judge goes by what reached people (harness/accounts.py).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from automation.store.states import MessageState
from tests.processes.conftest import Bench
from tests.processes.harness import accounts, checker, shop

pytestmark = [pytest.mark.processes, pytest.mark.timeout(280)]
Make = Callable[..., Bench]
IN_DOUBT = f"SELECT id FROM message WHERE state = {MessageState.DISPATCHING}"
# place -> what becomes of the message on its way where no key protects it: known to be sent or not, delivered or not
PLACES = {
    "C8 after the commit of the intent": ("dispatch.after:1", True, 1),
    "C8 start told to the spool": ("spool.started:1", False, 0),
    "C8 before the first byte": ("send.before:1", False, 0),
    "C9 half a request": ("send.half:1", False, 0),
    "C10 taken, not answered": ("send.taken:1", False, 1),
    "C11 answered, not told to the spool": ("send.after:1", False, 1),
    "C11 answer told to the spool": ("spool.answered:1", True, 1),
    "C11 before the commit of the record": ("accept.before:1", True, 1),
    "C12 after the commit of the record": ("accept.after:2", True, 1),
}
ON = {"mail": ("smtp", "smtp"), "aliyun": ("http", "aliyun"), "tencent": ("http", "tencent")}


def _silent(one: Bench, channel: str) -> None:
    """The provider takes the next message and does not answer."""
    theirs = {ours: theirs for theirs, ours in one.ledger.names.items()}
    on, name = ON.get(channel, ("http", theirs.get(channel, channel)))
    one.fault(mode="accept_then_timeout", on=on, channel=name, times=1, seconds=10)


@pytest.mark.parametrize("channel", ["template", *accounts.UNKEYED])
def test_kills_at_each_place_leave_what_the_table_says(bench: Make, channel: str) -> None:
    """One shop that dies at each place, one after the other, with one message on its way at a time."""
    one = bench(real=True, people=len(PLACES) + 2, in_flight=1, channels=(channel,), entries=(shop.SINGLE,))
    one.order(*range(1, len(PLACES) + 3))
    hit: dict[int, str] = {}  # what went back unharmed is hit again at the next place
    for name, (wound, *_) in PLACES.items():
        if "taken" in wound:
            _silent(one, channel)
        one.dies(wound)
        on_its_way = [row[0] for row in one.store.rows(IN_DOUBT)]
        assert len(on_its_way) <= 1, "more on its way than in_flight"
        hit |= dict.fromkeys(on_its_way, name)
    one.drains()
    found = one.check()
    delivered = {entry.key for entry in one.ledger.deliveries()}
    fates = {row[0]: (row[3] == MessageState.SENT, int(row[5] in delivered)) for row in one.store.rows(checker.MARKED)}
    keyed = channel == "template"
    assert {name: fates[number] for number, name in hit.items()} == {
        name: (True, 1) if keyed else PLACES[name][1:] for name in hit.values()
    }
    assert len(hit) >= (1 if keyed else len(PLACES) - 2), hit
    assert found.ambiguous == (0 if keyed else sum(not known for _, known, _ in PLACES.values()))


@pytest.mark.parametrize(("channel", "in_flight"), [("aliyun", 1), ("aliyun", 16), ("tencent", 16)])
def test_a_report_tells_what_became_of_an_sms_whose_sender_was_killed(
    bench: Make, channel: str, in_flight: int
) -> None:
    """C10 and C11: alone, and many in one request. What never left stays held."""
    people = 3 * in_flight
    one = bench(real=True, people=people, in_flight=in_flight, channels=(channel,), entries=(shop.SINGLE,))
    one.order(*range(1, people + 1))
    one.dies("send.before:1")
    never = [row[0] for row in one.store.rows(IN_DOUBT)]
    _silent(one, channel)
    one.dies("send.taken:1")
    taken = [row[0] for row in one.store.rows(IN_DOUBT)]
    one.dies("send.after:1")
    taken += [row[0] for row in one.store.rows(IN_DOUBT)]
    life = one.start(web=True)
    checker.drain(one.shop, one.store)
    assert one.check().ambiguous == len(never) + len(taken) >= 3 * (in_flight > 1)
    one.hooked(channel, channel)
    phones = accounts.phones(one.shop.folder, people)
    told = accounts.ask(one.url, f"{channel}/_act", do="report", phones=phones, times=2, reverse=True)
    assert all(answer["taken"] for answer in told["answers"]), told
    one.until(f"SELECT count(*) FROM message WHERE state = {MessageState.AMBIGUOUS}", lambda left: left == len(never))
    assert one.forks.stop(life).code == 0
    found = one.check()
    assert (found.ambiguous, found.states["SENT"]) == (len(never), people - len(never))
    assert one.store.value("SELECT count(*) FROM receipt") == 0, "a report found no message"
    assert one.store.value("SELECT count(*) FROM message WHERE delivered_at IS NULL") == len(never)


BATCHES = {
    # place -> known to be sent, unclear, delivered in the end: of 12, of which every third was refused at first
    "answered, not told to the spool": ("send.after:1", 0, 12, 8),
    "told to the spool, before the commit": ("spool.answered:1", 12, 0, 12),
    "recorded": ("accept.after:1", 12, 0, 12),
}


@pytest.mark.parametrize("name", BATCHES)
def test_c13_of_a_request_taken_in_part_only_the_refused_are_sent_again(bench: Make, name: str) -> None:
    wound, sent, unclear, delivered = BATCHES[name]
    one = _batched(bench, "tencent")
    one.fault(mode="partial", channel="tencent", every=3, error="rate_limited", times=1)
    one.dies(wound)
    assert len(one.ledger.deliveries()) == 8, "the provider took two of three"
    one.drains()
    found = one.check()
    assert (found.states["SENT"], found.ambiguous, found.delivered["tencent"]) == (sent, unclear, delivered)


def test_c13_a_kill_between_the_halves_of_a_refused_batch_doubles_nothing(bench: Make) -> None:
    """One number is refused by Alibaba Cloud, so all are; then it is sent in halves, of which one left."""
    one = _batched(bench, "aliyun")
    bad = accounts.phones(one.shop.folder, 12)[-1]
    accounts.ask(one.url, "aliyun/_settings", refuse={bad: "isv.BUSINESS_LIMIT_CONTROL"})
    try:
        one.dies("post.after:2")
        half = len(one.ledger.deliveries())
        assert 0 < half < 12, "one half left"
    finally:
        accounts.ask(one.url, "aliyun/_settings")
    one.drains()
    found = one.check()
    assert (found.ambiguous, found.delivered["aliyun"]) == (12, half), "nobody was told which half it was"


def _batched(bench: Make, channel: str) -> Bench:
    """Twelve messages with the same words, all in one request."""
    one = bench(real=True, people=12, in_flight=16, channels=(channel,), entries=(shop.SINGLE,))
    accounts.say_the_same(one.shop.folder)
    one.order(*range(1, 13))
    return one


C14, C15 = ("token.fetched:1", 2), ("token.kept:1", 1)  # and the calls for a token that it may take


@pytest.mark.parametrize(("channel", "point"), [("template", C14), ("service", C15), ("wecom", C14), ("wecom", C15)])
def test_a_kill_around_a_token_costs_at_most_one_more(bench: Make, channel: str, point: tuple[str, int]) -> None:
    """At the first start, and again when the provider takes the token back in the middle of the work."""
    wound, most = point
    one = bench(real=True, people=20, in_flight=16, channels=(channel,), entries=(shop.SINGLE,))
    one.order(*range(1, 10))
    one.dies(wound)
    assert not one.ledger.deliveries(), "no message leaves without a token"
    _finish(one, channel, 10)
    first = accounts.fetched(one.shop.folder, one.url, channel)
    assert first <= most
    accounts.revoke(one.shop.folder, one.url, channel)
    one.order(*range(11, 20))
    one.dies(wound)
    _finish(one, channel, 20)
    assert accounts.fetched(one.shop.folder, one.url, channel) <= first + most
    states = dict(one.store.rows("SELECT state, count(*) FROM message GROUP BY state"))
    held = states.pop(MessageState.AMBIGUOUS, 0)
    assert held == 0 if channel == "template" else held <= 2 * 16
    assert set(states) <= {MessageState.SENT, MessageState.AWAITING}, "a message failed for want of a token"


def _finish(one: Bench, channel: str, person: int) -> None:
    """With one order more: what was on its way may be held, and then nobody else would need the token.
    The clock may not jump, or the token would be too old."""
    one.order(person)
    one.drains(jumps=False)
    found = checker.check(one.shop, one.store, one.ledger, over=channel != "wecom")
    assert not found.wrong, found.wrong
