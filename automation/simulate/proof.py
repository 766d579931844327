"""Whether a simulation kept its word: the pretend providers' own books against the store's, and the invariants."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Final

from automation.engine import invariants
from automation.store.database import Store
from automation.store.states import AttemptState, MessageState

SENT: Final = f"""
    SELECT a.idem_key FROM message m JOIN attempt a ON a.message_id = m.id AND a.state = {AttemptState.ACCEPTED}
    WHERE m.state = {MessageState.SENT}"""


def wrong(store: Store, ledger: Path, staff: Collection[str]) -> list[str]:
    """Everything that does not hold, in words; empty when all is well. `ledger`: JSON lines with `key`, `address`
    and `repeat`; what went to `staff` (addresses) are notices and no messages to customers."""
    found = []
    sent = Counter(str(row[0]) for row in store.rows(SENT))
    messages = store.value(f"SELECT count(*) FROM message WHERE state = {MessageState.SENT}")
    delivered = delivered_keys(ledger, staff)
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


def delivered_keys(ledger: Path, staff: Collection[str] = ()) -> Counter[str]:
    """How often each key was delivered; a repeat that a provider dropped is no delivery."""
    found: Counter[str] = Counter()
    with ledger.open("rb") as lines:
        for line in lines:
            entry = json.loads(line)
            if not entry["repeat"] and entry["address"] not in staff:
                found[entry["key"]] += 1
    return found
