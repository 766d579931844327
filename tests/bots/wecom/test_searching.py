"""Tasks whose maker was killed before it heard of them, found among those that WeCom lists."""

from __future__ import annotations

from collections.abc import Sequence

from automation.kernel import clock
from automation.kernel.hooks import Sighting, Sought
from automation.kernel.ports import Accepted, Message
from bots.wecom.channel import WecomChannel
from tests.bots.memory import MemoryCache
from tests.bots.wecom.conftest import Company, Write, customer

DAY = 86_400


def now() -> int:
    return clock.SystemClock().now()


def sought(*messages: Message, ago: int = 0) -> list[Sought]:
    at = now() - ago
    return [Sought(one, at - 600, at) for one in messages]


def forgetful(company: Company, channel: WecomChannel) -> WecomChannel:
    """The account of a process that heard no answer, and keeps a cache of its own."""
    channel.close()
    company.cache = MemoryCache()
    return company.channel()


def ids(found: Sequence[Sequence[Sighting]]) -> list[list[str]]:
    return [[one.accepted.provider_id for one in seen] for seen in found]


def test_a_task_nobody_heard_of_is_found_by_its_text_its_customers_and_its_time(
    company: Company, channel: WecomChannel, write: Write
) -> None:
    lost = [write(customer()), write(customer()), write(customer(), text="别的话")]
    made = [one.provider_id for one in channel.send(lost) if isinstance(one, Accepted)]
    never = write(customer(), text="没有发出去")
    again = forgetful(company, channel)
    found = again.search(sought(*lost, never), now())
    assert ids(found) == [[made[0]], [made[1]], [made[2]], []]
    assert all(one.accepted.awaiting for seen in found for one in seen)
    assert ids(again.search(sought(*lost, ago=DAY), now())) == [[], [], []]


def test_halves_of_a_request_are_found_each_as_its_own_task(
    company: Company, channel: WecomChannel, write: Write
) -> None:
    lost = [write(customer()) for _ in range(4)]
    company.act("forget", customer=lost[0].address)
    made = {one.provider_id for one in channel.send(lost) if isinstance(one, Accepted)}
    found = forgetful(company, channel).search(sought(*lost), now())
    assert {one for seen in ids(found) for one in seen} == made
    assert len({one.partition("|")[0] for one in made}) > 1 and found[0] == []


def test_a_task_that_is_for_others_too_is_not_the_one(company: Company, channel: WecomChannel, write: Write) -> None:
    heard, stranger = write(customer()), write(customer())
    channel.send([heard, stranger])
    assert [len(seen) for seen in ids(channel.search(sought(heard, stranger), now()))] == [1, 1], "heard, not recorded"
    again = forgetful(company, channel)
    assert ids(again.search(sought(heard), now())) == [[]], "it is for somebody else as well"
    assert len(ids(again.search(sought(heard, stranger), now()))[0]) == 1


def test_messages_to_employees_are_asked_again_with_their_key_and_never_looked_for(
    company: Company, channel: WecomChannel, write: Write
) -> None:
    one = write(customer())
    channel.send([one])
    again = forgetful(company, channel)
    assert again.search(sought(write(one.address, lane="app_message")), now()) == [[]]
    assert len(again.search(sought(one), now())[0]) == 1
