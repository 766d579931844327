"""What people agreed to, by channel and purpose, with source, time, version of the text and evidence; and its history.

The newer word holds; of two at the same time the refusal. Every word is kept in the log, also one that changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
# A list that says "yes" without saying since when does not undo a refusal: it may be older than the refusal.
PUT_UNDATED = f"{PUT.removesuffix(NEWER)} (excluded.granted = 0 OR consent.granted = 1) AND ({NEWER})"


@dataclass(frozen=True, slots=True)
class Consent:
    """One word of a person. `channel`: a kind (sms, email, wechat, wecom). `at`: UTC seconds of the person's act."""

    person_id: int
    channel: str
    purpose: str
    granted: bool
    source: str
    at: int
    text_version: str | None = None
    evidence: str | None = None


class Proof(NamedTuple):
    """What shows that a word was given: when (UTC seconds), where, to which version of the text, and the evidence."""

    at: int | None = None
    source: str | None = None
    text_version: str | None = None
    evidence: str | None = None


NO_PROOF: Final = Proof()


def put(tx: Transaction, consents: Sequence[Consent], undated: bool = False) -> None:
    """Records words. `undated`: `at` is when we heard of it, not when it was given; then a grant undoes no refusal."""
    rows = [_row(consent) for consent in consents]
    if rows:
        tx.many(LOG, rows)
        tx.many(PUT_UNDATED if undated else PUT, rows)
    lifted = [one for one in consents if one.granted and one.channel in LIFTS and one.purpose == "marketing"]
    if lifted and not undated:
        tx.many(LIFT, [{"at": one.at, "person_id": one.person_id} for one in lifted])


def granted(statements: Statements, person: int, channel: str, purpose: str) -> bool:
    """Whether the last word on this very channel and purpose is a yes."""
    sql = "SELECT granted FROM consent WHERE person_id = :person AND channel = :channel AND purpose = :purpose"
    return bool(statements.value(sql, person=person, channel=channel, purpose=purpose))


def _row(word: Consent) -> dict[str, Any]:
    # asdict() takes ten times as long, and an import has four words a row
    return {
        "person_id": word.person_id, "channel": word.channel, "purpose": word.purpose, "granted": int(word.granted),
        "source": word.source, "at": word.at, "text_version": word.text_version, "evidence": word.evidence,
    }  # fmt: skip


def grant_all(tx: Transaction, table: str, word: Consent) -> int:
    """The same grant for everybody in a table with a column person_id; `word.person_id` is not read. Rows changed."""
    return _set(tx, table, word, True)


def revoke_all(tx: Transaction, table: str, word: Consent) -> int:
    """The same refusal for everybody in a table with a column person_id; `word.person_id` is not read. Rows changed."""
    return _set(tx, table, word, False)


def _set(tx: Transaction, table: str, word: Consent, granted: bool) -> int:
    picked = f"""
        SELECT person_id, CAST(:channel AS TEXT), CAST(:purpose AS TEXT), CAST(:granted AS SMALLINT),
               CAST(:source AS TEXT), CAST(:at AS BIGINT), CAST(:text_version AS TEXT), CAST(:evidence AS TEXT)
        FROM {table} WHERE 1 = 1"""
    said = {name: value for name, value in asdict(word).items() if name != "person_id"} | {"granted": int(granted)}
    tx.run(f"INSERT INTO consent_log ({COLUMNS}) {picked}", **said)
    upsert = f"ON CONFLICT (person_id, channel, purpose) DO UPDATE SET {SET} WHERE {NEWER}"
    return tx.run(f"INSERT INTO consent ({COLUMNS}) {picked} {upsert}", **said)
