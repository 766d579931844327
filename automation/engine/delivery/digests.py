"""Lines of `notify` gathered into digests: one message for each who is really told.

A line that is taken for the first time is marked in its payload, under a key of its own, with its digest, with who is
told and with the customer's number. What may have left is repeated by these marks as it was, whatever became of the
customer since, and however many digests were taken in one moment.

Whose line it is where a role has a field is found before the database is held: it means reading customers. Under the
lock lines are taken by their numbers, those that are still new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from automation.engine.steps.handed_over import ADVISER
from automation.kernel.ports import Body
from automation.store.database import Statements, Transaction
from automation.store.states import EffectState

from .staff import Staff, Told

MOST: Final = 100  # rows taken at once
LOOKED: Final = 20_000  # oldest new lines of a role with a field among which those of one colleague are found
TOGETHER: Final = 2_000  # lines of a role with a field taken at once, so also of one digest
LINES: Final = 30  # of a digest; the others are counted
COLUMNS: Final = ("id", "kind", "ref", "payload", "attempts", "due", "person_id")
SELECT: Final = f"SELECT {', '.join(f'e.{name}' for name in COLUMNS)}, p.uid"
STILL: Final = f"LEFT JOIN person p ON p.id = e.person_id WHERE e.state = {EffectState.WAITING}"
WAITING: Final = f"{SELECT} FROM effect e {STILL}"
NEW: Final = "e.kind = 'notify' AND e.ref = :ref AND e.due IS NOT NULL AND e.attempts = 0"
SAME_ROLE: Final = f"{WAITING} AND {NEW} AND e.due > :now ORDER BY e.id LIMIT :most"
SAME_DIGEST: Final = f"{WAITING} AND e.kind = 'notify' AND e.ref = :ref AND e.due = :due AND e.attempts > 0"
NUL: Final = r"'\u0000'"  # as JSON has it
MARKS: Final = "marks"  # of a notice; what a web hook is given under this name is the journey's


class Effect(NamedTuple):
    id: int
    kind: str
    ref: str
    payload: str | None
    attempts: int
    due: int | None
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
    """`choose` before the database is held, `gather` in the transaction that takes the lines."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff

    def choose(self, statements: Statements, due: Sequence[Effect]) -> dict[int, Told]:
        """Line -> who is told, of roles with a field: what is due, and what waits for the same colleagues."""
        found: dict[int, Told] = {}
        for role in _new_roles(due):
            name = self._staff.field(role)
            if name is not None:
                found |= _whole(self._meant(statements, role, name), [line.id for line in due if line.ref == role])
        return found

    def gather(self, tx: Transaction, due: Sequence[Effect], chosen: Mapping[int, Told], now: int) -> list[Effect]:
        """Whole digests, marked: each leaves with its oldest line, and what has gathered since goes with it. What was
        tried before is repeated as it was: with a line more it would be another message."""
        given = [Effect(*row) for row in tx.rows(_by_number(tx), ids=tx.dialect.array(sorted(chosen)))]
        new = [line for line in given if line.due is not None and not line.attempts]
        for role in _new_roles(due):
            if self._staff.field(role) is None:
                new += [line for line in due if line.ref == role and not line.attempts]
                new += [Effect(*row) for row in tx.rows(SAME_ROLE, ref=role, now=now, most=MOST)]
        old = [line for line in due if line.attempts]
        for role, at in sorted({(line.ref, line.due) for line in old}):
            old += [Effect(*row) for row in tx.rows(SAME_DIGEST, ref=role, due=at)]
        return [*_marked(new, chosen), *dict.fromkeys(old)]

    def _meant(self, statements: Statements, role: str, name: str) -> dict[int, Told]:
        """The oldest new lines of a role -> who is told. What the engine itself tells is for the role's own entry."""
        rows = statements.rows(_oldest(statements, name), ref=role, most=LOOKED)
        named = {word: self._staff.named(role, word) for word in {row[2] for row in rows}}
        return {
            number: named[word] if json.loads(payload or "{}").get(ADVISER) is True else Told(role)
            for number, payload, word in rows
        }


def _new_roles(due: Sequence[Effect]) -> list[str]:
    return sorted({line.ref for line in due if not line.attempts})


def _oldest(statements: Statements, name: str) -> str:
    value = _value(statements, name)
    return f"SELECT e.id, e.payload, {value} FROM effect e {STILL} AND {NEW} ORDER BY e.due, e.id LIMIT :most"


def _value(statements: Statements, name: str) -> str:
    """A customer's text, "" for nothing. PostgreSQL reads no document with a NUL in it: one would stop all notices."""
    has_nul = f"{statements.dialect.position('p.attrs', NUL)} > 0"
    return f"(CASE WHEN {has_nul} THEN '' ELSE coalesce({statements.dialect.json_text('p.attrs', [name])}, '') END)"


def _by_number(tx: Transaction) -> str:
    given = f"{tx.dialect.ids('ids')} g {tx.dialect.join_in_order} effect e ON e.id = g.id"
    return f"{SELECT} FROM {given} {STILL}"


def _whole(meant: Mapping[int, Told], due: Sequence[int]) -> dict[int, Told]:
    """The digests of these lines, as many as there is room for. One that finds no room leaves whole with the next."""
    digests: dict[Told, list[int]] = {}
    for number, told in meant.items():
        digests.setdefault(told, []).append(number)
    chosen: dict[int, Told] = {}
    for told in dict.fromkeys(meant[number] for number in due if number in meant):
        lines = digests[told][:TOGETHER]
        if len(chosen) + len(lines) > TOGETHER:
            break
        chosen |= dict.fromkeys(lines, told)
    return chosen


def _marked(lines: Sequence[Effect], told: Mapping[int, Told]) -> list[Effect]:
    first: dict[tuple[str, Told], int] = {}
    for line in sorted(lines):
        first.setdefault((line.ref, told.get(line.id, Told(line.ref))), line.id)
    found = []
    for line in lines:
        to = told.get(line.id, Told(line.ref))
        found.append(line.marked(digest=first[line.ref, to], told=to, customer=line.person_id))
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
