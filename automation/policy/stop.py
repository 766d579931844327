"""The stop switch: one row of `control`. While it is on nothing is claimed, and nothing claimed is dispatched."""

from __future__ import annotations

from automation.store.database import Statements, Transaction

SWITCH = "stop_all"


def is_on(statements: Statements) -> bool:
    return bool(statements.value("SELECT value FROM control WHERE name = :name", name=SWITCH) == "on")


def since(statements: Statements) -> tuple[int, str] | None:
    """When it was turned on (UTC seconds) and by whom; None while it is off."""
    found = statements.row("SELECT at, who FROM control WHERE name = :name AND value = 'on'", name=SWITCH)
    return (int(found[0]), str(found[1])) if found else None


def turn(tx: Transaction, now: int, on: bool, who: str) -> None:
    """Sets the switch. The audit row of the order is the caller's, in the same transaction."""
    tx.run(
        "INSERT INTO control (name, value, at, who) VALUES (:name, :value, :now, :who) ON CONFLICT (name) DO UPDATE"
        " SET value = excluded.value, at = excluded.at, who = excluded.who",
        name=SWITCH, value="on" if on else "off", now=now, who=who,
    )  # fmt: skip
