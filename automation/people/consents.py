"""What people agreed to, by channel and purpose, with source, time, version of the text and evidence; and its history.

The newer word holds; of two at the same time the refusal. A yes of which nobody says when it was given counts as older
than any other word: it may be older than a refusal, and proves less than a yes with a date. Every word is kept in the
log, also one that changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from automation.store.database import Statements, Transaction

from .suppression import OPTED_OUT

COLUMNS = "person_id, channel, purpose, granted, source, at, text_version, evidence"
SET = ", ".join(f"{name} = excluded.{name}" for name in ("granted", "source", "at", "text_version", "evidence"))
NEWER = "excluded.at > consent.at OR (excluded.at = consent.at AND excluded.granted < consent.granted)"
VALUES = ":person_id, :channel, :purpose, :granted, :source, :at, :text_version, :evidence"
LOG = f"INSERT INTO consent_log ({COLUMNS}) VALUES ({VALUES})"
PUT = f"""
    INSERT INTO consent ({COLUMNS})
    VALUES ({VALUES})
    ON CONFLICT (person_id, channel, purpose) DO UPDATE SET {SET} WHERE {NEWER}"""
# Who said yes after an opt-out by text message can be written to again.
LIFT = f"""
    DELETE FROM suppression WHERE kind = 'phone' AND reason = '{OPTED_OUT}' AND at < :at
    AND lookup IN (SELECT i.lookup FROM identity i WHERE i.person_id = :person_id AND i.kind = 'phone')"""
LIFTS = frozenset({"sms", "*"})
UNKNOWN: Final = 0
"""`consent.at` of a yes that says no time; the log has when it was heard of"""


@dataclass(frozen=True, slots=True)
class Consent:
    """One word of a person. `channel`: a kind (sms, email, wechat, wecom). `at`: UTC seconds of the person's act, or of
    when the shop heard of it where it is not `dated`."""

    person_id: int
    channel: str
    purpose: str
    granted: bool
    source: str
    at: int
    text_version: str | None = None
    evidence: str | None = None
    dated: bool = True


class Proof(NamedTuple):
    """What shows that a word was given: when (UTC seconds), where, to which version of the text, and the evidence."""

    at: int | None = None
    source: str | None = None
    text_version: str | None = None
    evidence: str | None = None


NO_PROOF: Final = Proof()


def put(tx: Transaction, consents: Sequence[Consent]) -> None:
    """Records words, in their order."""
    if not consents:
        return
    rows = [_row(word) for word in consents]
    tx.many(LOG, rows)
    for word, row in zip(consents, rows, strict=True):
        if word.granted and not word.dated:
            row["at"] = UNKNOWN
    tx.many(PUT, rows)
    lifted = [word for word in consents if word.granted and word.dated and word.channel in LIFTS]
    lifted = [word for word in lifted if word.purpose == "marketing"]
    if lifted:
        tx.many(LIFT, [{"at": word.at, "person_id": word.person_id} for word in lifted])


def holding(statements: Statements, person: int, channel: str, purpose: str) -> tuple[bool, int]:
    """The last word on this very channel and purpose: whether it is a yes, and its time or UNKNOWN."""
    found = statements.row(
        "SELECT granted, at FROM consent WHERE person_id = :person AND channel = :channel AND purpose = :purpose",
        person=person, channel=channel, purpose=purpose,
    )  # fmt: skip
    return (bool(found[0]), int(found[1])) if found else (False, UNKNOWN)


def _row(word: Consent) -> dict[str, Any]:
    # asdict() takes ten times as long, and an import has four words a row
    return {
        "person_id": word.person_id, "channel": word.channel, "purpose": word.purpose, "granted": int(word.granted),
        "source": word.source, "at": word.at, "text_version": word.text_version, "evidence": word.evidence,
    }  # fmt: skip
