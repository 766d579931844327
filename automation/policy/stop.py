"""The stop switch: one row of `control`. While it is on nothing is claimed, and nothing claimed is dispatched."""

from __future__ import annotations

from automation.store.database import Statements

SWITCH = "stop_all"


def is_on(statements: Statements) -> bool:
    return bool(statements.value("SELECT value FROM control WHERE name = :name", name=SWITCH) == "on")
