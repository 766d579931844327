"""Whether a simulation kept its word: the pretend providers' own books against the store's, and the invariants.

Compared by recipient, because not every provider's interface carries a key of ours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Final

from automation.engine import invariants
from automation.people.sealing import Vault, identity_context
from automation.store.database import Store
from automation.store.states import AttemptState, MessageState

SENT: Final = f"""
    SELECT i.kind, i.lookup, i.sealed, count(*) FROM message m
    JOIN attempt a ON a.message_id = m.id AND a.state = {AttemptState.ACCEPTED} JOIN identity i ON i.id = a.identity_id
    WHERE m.state = {MessageState.SENT} GROUP BY i.id, i.kind, i.lookup, i.sealed"""
ADDRESSES: Final = {"openid": "wechat", "phone": "sms", "email": "email", "wecom_id": "wecom"}


def wrong(store: Store, vault: Vault, ledger: Path, staff: Collection[str]) -> list[str]:
    """Everything that does not hold, in words; empty when all is well. `ledger`: JSON lines with `plays`, `address`
    and `repeat`; what went to `staff` (addresses) are notices and no messages to customers."""
    found = []
    sent = _sent(store, vault)
    messages = store.value(f"SELECT count(*) FROM message WHERE state = {MessageState.SENT}")
    delivered = _delivered(ledger, staff)
    if sent.total() != messages:
        found.append(f"{messages:,} messages count as sent, but {sent.total():,} have an accepted attempt")
    for what, more in (
        ("sent by the store's books and unknown to the providers", sent - delivered),
        ("delivered by the providers and not sent by the store's books", delivered - sent),
    ):
        if more:
            found.append(f"{more.total():,} messages were {what}")
    for one in invariants.check(store):
        if one.count:
            found.append(f"{one.invariant.id} does not hold for {one.count:,} rows: {one.invariant.says}")
    return found


def _sent(store: Store, vault: Vault) -> Counter[tuple[str, str]]:
    """How many messages count as sent to each medium and address."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, lookup, sealed, count in store.rows(SENT):
        address = vault.open(sealed, identity_context(lookup))
        found[ADDRESSES[kind], address] += count
    return found


def _delivered(ledger: Path, staff: Collection[str]) -> Counter[tuple[str, str]]:
    """How many each medium and address got; a repeat that a provider dropped is no delivery."""
    found: Counter[tuple[str, str]] = Counter()
    with ledger.open("rb") as lines:
        for line in lines:
            entry = json.loads(line)
            if not entry["repeat"] and entry["address"] not in staff:
                found[entry["plays"], entry["address"]] += 1
    return found
