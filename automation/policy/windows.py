"""Windows: on some lanes a person can only be answered, for a while and so often, after they did something.

One row of reply_window for an identity on a channel. Our count is an estimate: the platform's own answer closes the
window (WeChat official account, customer-service messages: 45015 and 45047).
"""

from __future__ import annotations

from collections.abc import Iterable

from automation.store.database import Transaction

from .claimed import Door, Refusal, listed
from .verdicts import Verdict, Word


def closed(door: Door) -> Refusal:
    """`:account` is the channel's name."""
    test = (
        "NOT EXISTS (SELECT 1 FROM reply_window w WHERE w.channel = :account AND w.identity_id = claim.identity_id"
        " AND w.until > :now AND (w.messages IS NULL OR w.messages > 0))"
    )
    return Refusal(test, f"{door.kind} {Word.WINDOW}")


def take(tx: Transaction, doors: Iterable[Door]) -> None:
    """One answer less for everybody who goes through these doors."""
    for channel, numbers in _by_channel(doors).items():
        tx.run(
            "UPDATE reply_window SET messages = messages - 1 WHERE channel = :channel AND messages IS NOT NULL"
            " AND identity_id IN (SELECT c.identity_id FROM claim c"
            f" WHERE c.verdict = {Verdict.GO} AND c.door IN ({listed(numbers)}))",
            channel=channel,
        )


def give_back(tx: Transaction, given: Iterable[tuple[str, int]]) -> None:
    """(channel, identity id) of messages that were booked and did not leave."""
    tx.many(
        "UPDATE reply_window SET messages = messages + 1 WHERE channel = :channel AND identity_id = :identity"
        " AND messages IS NOT NULL",
        [{"channel": channel, "identity": identity} for channel, identity in given],
    )


def close(tx: Transaction, known: Iterable[tuple[str, int]]) -> None:
    """(channel, identity id): the platform says it is closed, or its answers are used up."""
    tx.many(
        "DELETE FROM reply_window WHERE channel = :channel AND identity_id = :identity",
        [{"channel": channel, "identity": identity} for channel, identity in known],
    )


def _by_channel(doors: Iterable[Door]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for door in doors:
        found.setdefault(door.channel, []).append(door.number)
    return found
