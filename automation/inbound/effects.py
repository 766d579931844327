"""What follows at once from what people did: whether and how they can be written to from now on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from automation.kernel.hooks import Did, Granted, Opens, Said
from automation.people import consents, suppression, tags
from automation.people.consents import Consent
from automation.store.database import Transaction

from .values import Settled

BY_QR: Final = "qr"  # who gave the tag
# Windows do not add up: the greater number and the later end hold, and of one that is over nothing is left.
OPEN: Final = f"""
    INSERT INTO reply_window (channel, identity_id, until, messages)
    SELECT CAST(:channel AS TEXT), CAST(:identity AS BIGINT), CAST(:until AS BIGINT), CAST(:messages AS INTEGER)
    WHERE NOT EXISTS (SELECT 1 FROM suppression s
        WHERE s.kind = :kind AND s.lookup = :lookup AND s.reason = '{suppression.GONE}')
    ON CONFLICT (channel, identity_id) DO UPDATE SET
        messages = CASE WHEN reply_window.until <= :now THEN excluded.messages
                        WHEN reply_window.messages IS NULL OR excluded.messages IS NULL THEN NULL
                        WHEN reply_window.messages > excluded.messages THEN reply_window.messages
                        ELSE excluded.messages END,
        until = CASE WHEN reply_window.until > excluded.until THEN reply_window.until ELSE excluded.until END"""
LIFT: Final = (
    f"DELETE FROM suppression WHERE kind = :kind AND lookup = :lookup AND reason = '{suppression.GONE}' AND at <= :at"
)
ANYBODY_GONE: Final = f"SELECT 1 FROM suppression WHERE reason = '{suppression.GONE}' LIMIT 1"
GRANT: Final = """
    INSERT INTO send_grant (channel, identity_id, template, messages) VALUES (:channel, :identity, :template, :count)
    ON CONFLICT (channel, identity_id, template) DO UPDATE SET messages = send_grant.messages + excluded.messages"""
NO_GRANT: Final = """
    INSERT INTO send_grant (channel, identity_id, template, messages) VALUES (:channel, :identity, :template, 0)
    ON CONFLICT (channel, identity_id, template) DO UPDATE SET messages = 0"""
LATER: Final = (
    "SELECT 1 FROM inbound WHERE person_id = :person AND channel = :channel AND kind = :kind AND at > :at LIMIT 1"
)


def follow(tx: Transaction, settled: Sequence[Settled], kinds: Mapping[str, str], now: int) -> None:
    """All of it, in the order of arrival. `kinds`: name of a channel -> the word consent is given for."""
    _reach(tx, settled, now)
    _consent(tx, settled, kinds)
    rows = [
        {"tag": one.item.tag_id, "person": one.person, "source": BY_QR, "until": None, "now": now}
        for one in settled
        if one.item.tag_id is not None
    ]
    tags.add_rows(tx, rows)


def _reach(tx: Transaction, settled: Sequence[Settled], now: int) -> None:
    """Windows and grants opened and closed. Runs of happenings that only open are written together."""
    lifted: list[dict[str, Any]] = []
    opened: list[dict[str, Any]] = []
    for one in settled:
        happening = one.item.happening
        if isinstance(happening, Did) and happening.leaves:
            _open(tx, lifted, opened)
            lifted, opened = [], []
            _leave(tx, one)
        elif isinstance(happening, Granted):
            _grant(tx, one, happening)
        elif isinstance(happening, Said | Did):
            if isinstance(happening, Said) or happening.returns:
                lifted.append(_address(one) | {"at": happening.at})
            if happening.opens is not None and happening.at + happening.opens.seconds > now:
                opened.append(_window(one, happening.opens, happening.at, now))
    _open(tx, lifted, opened)


def _open(tx: Transaction, lifted: list[dict[str, Any]], opened: list[dict[str, Any]]) -> None:
    if lifted and tx.value(ANYBODY_GONE) is not None:
        tx.many(LIFT, lifted)
    if opened:
        tx.many(OPEN, opened)


def _window(one: Settled, opens: Opens, at: int, now: int) -> dict[str, Any]:
    return _address(one) | {
        "channel": one.item.channel, "identity": one.identity, "until": at + opens.seconds,
        "messages": opens.messages, "now": now,
    }  # fmt: skip


def _address(one: Settled) -> dict[str, Any]:
    return {"kind": one.item.known[0].kind, "lookup": one.item.lookups[0]}


def _leave(tx: Transaction, one: Settled) -> None:
    """They can no longer be written to, unless they came back later than that: then this was only told late."""
    at, channel = one.item.happening.at, one.item.channel
    for kind in ("returned", "said"):
        if tx.value(LATER, person=one.person, channel=channel, kind=kind, at=at) is not None:
            return
    suppression.add(tx, at, one.item.known[0].kind, one.item.lookups[0], suppression.GONE)
    for table in ("reply_window", "send_grant"):
        tx.run(
            f"DELETE FROM {table} WHERE channel = :channel AND identity_id = :identity",
            channel=channel, identity=one.identity,
        )  # fmt: skip


def _grant(tx: Transaction, one: Settled, granted: Granted) -> None:
    bound = {"channel": one.item.channel, "identity": one.identity, "template": granted.template}
    if granted.count is not None:
        tx.run(GRANT, count=granted.count, **bound)
    elif tx.value(LATER, person=one.person, channel=one.item.channel, kind="granted", at=granted.at) is None:
        tx.run(NO_GRANT, **bound)


def _consent(tx: Transaction, settled: Sequence[Settled], kinds: Mapping[str, str]) -> None:
    """Taken back for this kind of channel. A phone is blocked for marketing besides, whoever has it later (SMS-02)."""
    words = []
    for one in settled:
        item = one.item
        for purpose in item.refused:
            words.append(
                Consent(
                    one.person, kinds[item.channel], purpose, False, item.channel, item.happening.at,
                    evidence=item.evidence or None,
                )
            )  # fmt: skip
        if item.refused and item.known[0].kind == "phone":
            suppression.add(tx, item.happening.at, "phone", item.lookups[0], suppression.OPTED_OUT)
    consents.put(tx, words)
