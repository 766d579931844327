"""Lines of `notify` gathered into digests: one message for each who is really told.

A line that is taken for the first time is marked in its payload, under a key of its own, with its digest, with who is
told and with the customer's number. What may have left is repeated by these marks as it was, whatever became of the
customer since, and however many digests were taken in one moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from automation.kernel.ports import Body
from automation.store.database import Transaction
from automation.store.states import EffectState

from .staff import Staff, Told

MOST: Final = 100  # rows taken at once
SPELLINGS: Final = 1_000  # of the colleagues whom waiting lines name
LINES: Final = 30  # of a digest; the others are counted
COLUMNS: Final = ("id", "kind", "ref", "payload", "attempts", "due", "person_id")
FROM: Final = f"FROM effect e LEFT JOIN person p ON p.id = e.person_id WHERE e.state = {EffectState.WAITING}"
WAITING: Final = f"SELECT {', '.join(f'e.{name}' for name in COLUMNS)}, p.uid {FROM}"
NEW: Final = "e.kind = 'notify' AND e.ref = :ref AND e.due IS NOT NULL AND e.attempts = 0"
SAME_ROLE: Final = f"{WAITING} AND {NEW} AND e.due > :now ORDER BY e.id LIMIT :most"
SAME_DIGEST: Final = f"{WAITING} AND e.kind = 'notify' AND e.ref = :ref AND e.due = :due AND e.attempts > 0"
NUL: Final = r"'\u0000'"  # as JSON has it
MARKS: Final = "marks"  # of a notice; what a web hook is given under this name is the journey's
MARK: Final = "UPDATE effect SET payload = :payload WHERE id = :id"


class Effect(NamedTuple):
    id: int
    kind: str
    ref: str
    payload: str | None
    attempts: int
    due: int
    person_id: int
    uid: str | None

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.payload or "{}")
        return found

    @property
    def marks(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said.get(MARKS, {}) if self.kind == "notify" else {}
        return found

    @property
    def told(self) -> Told:
        return Told(*self.marks.get("told", [self.ref]))

    @property
    def digest(self) -> tuple[str, int | None, int | None]:
        """What it leaves with: its role, the mark, and the moment that all lines of a digest share once it was
        tried."""
        return self.ref, self.marks.get("digest"), self.due if self.attempts else None

    def marked(self, **more: Any) -> Effect:
        return self._replace(payload=json.dumps(self.said | {MARKS: self.marks | more}, ensure_ascii=False))


class Digests:
    """Gathers in the transaction that takes the lines."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def gather(self, tx: Transaction, due: Sequence[Effect], now: int) -> list[Effect]:
        """Whole digests: each leaves with its oldest line, and what has gathered since goes with it. What was tried
        before is repeated as it was: with a line more it would be another message."""
        new = []
        for role in sorted({line.ref for line in due if not line.attempts}):
            lines = [line for line in due if line.ref == role and not line.attempts]
            name = self._staff.field(role)
            if name is None:
                lines += [Effect(*row) for row in tx.rows(SAME_ROLE, ref=role, now=now, most=MOST)]
                new += _marked(lines, {})
            else:
                new += self._by_colleague(tx, role, name, lines)
        tx.many(MARK, [{"id": line.id, "payload": line.payload} for line in new])
        old = [line for line in due if line.attempts]
        for role, at in sorted({(line.ref, line.due) for line in old}):
            old += [Effect(*row) for row in tx.rows(SAME_DIGEST, ref=role, due=at)]
        return [*new, *dict.fromkeys(old)]

    def _by_colleague(self, tx: Transaction, role: str, name: str, due: Sequence[Effect]) -> list[Effect]:
        """These lines and all that wait for the same colleagues, also what is due and found no room in the batch: each
        colleague would be told once a batch."""
        value = _value(tx, name)
        lines, words = {line.id: line for line in due}, _words(tx, value, due)
        waiting = tx.rows(f"SELECT DISTINCT {value} {FROM} AND {NEW} LIMIT :most", ref=role, most=SPELLINGS)
        meant = {word: self._staff.named(role, word) for word in {*words.values(), *(word for (word,) in waiting)}}
        leaving = {meant[word] for word in words.values()}
        wanted = json.dumps([[word] for word, told in meant.items() if told in leaving])
        for *row, word in tx.rows(_same_words(tx, value), ref=role, words=wanted, most=MOST):
            line = Effect(*row)
            lines[line.id], words[line.id] = line, word
        return _marked(list(lines.values()), {number: meant[word] for number, word in words.items()})


def _value(tx: Transaction, name: str) -> str:
    """A customer's text, "" for nothing. PostgreSQL reads no document with a NUL in it: one would stop all notices."""
    has_nul = f"{tx.dialect.position('p.attrs', NUL)} > 0"
    return f"(CASE WHEN {has_nul} THEN '' ELSE coalesce({tx.dialect.json_text('p.attrs', [name])}, '') END)"


def _words(tx: Transaction, value: str, lines: Sequence[Effect]) -> dict[int, str]:
    """Line -> what its customer's field says, "" for nothing."""
    people = tx.dialect.array(sorted({line.person_id for line in lines}))
    given = f"{tx.dialect.ids('ids')} g {tx.dialect.join_in_order} person p ON p.id = g.id"
    found: dict[int, str] = dict(tx.rows(f"SELECT p.id, {value} FROM {given}", ids=people))
    return {line.id: found.get(line.person_id, "") for line in lines}


def _same_words(tx: Transaction, value: str) -> str:
    """New lines of a role whose customers' value is one of `words`, with it: of each word the first ones."""
    columns = ", ".join(COLUMNS)
    words = tx.dialect.each("words", {"word": "TEXT"})
    return (
        f"SELECT {columns}, uid, word FROM (SELECT {', '.join(f'e.{name}' for name in COLUMNS)}, p.uid,"
        f" {value} AS word, row_number() OVER (PARTITION BY {value} ORDER BY e.id) AS place {FROM} AND {NEW}) one"
        f" WHERE word IN (SELECT word FROM {words} given) AND place <= :most ORDER BY id LIMIT {MOST * MOST}"
    )


def _marked(lines: Sequence[Effect], told: Mapping[int, Told]) -> list[Effect]:
    first: dict[Told, int] = {}
    for line in sorted(lines):
        first.setdefault(told.get(line.id, Told(line.ref)), line.id)
    found = []
    for line in lines:
        to = told.get(line.id, Told(line.ref))
        found.append(line.marked(digest=first[to], told=to, customer=line.person_id))
    return found


def body(kind: str, lines: Sequence[Effect]) -> Body:
    """A digest as the channel's kind takes it. Customers are named by number, never by name or address."""
    told = []
    for line in lines[:LINES]:
        said, customer = line.said, line.marks.get("customer", line.person_id)
        about = "，".join(filter(None, (said.get("journey", ""), f"客户 #{customer}")))
        told.append(f"· {said.get('text', '')}（{about}）")
    if len(lines) > LINES:
        told.append(f"……还有 {len(lines) - LINES} 条")
    subject = f"旅程提醒 {len(lines)} 条"
    text = "\n".join([subject, *told])
    if kind == "email":
        return {"subject": subject, "text": text + "\n"}
    if kind == "sms":
        return {"template": "staff_notice", "params": {"count": str(len(lines))}, "preview": subject}
    return {"text": text}
