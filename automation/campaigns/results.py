"""What became of campaigns, in counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from automation.kernel import errors
from automation.policy import verdicts
from automation.store.database import Statements
from automation.store.states import MessageState

from .sending import SOURCE

CAMPAIGNS = """
    SELECT j.id, j.name, j.status, v.at FROM journey j LEFT JOIN version v ON v.id = j.live_version
    WHERE j.source = :source ORDER BY v.at DESC, j.id DESC LIMIT :most"""
WAITING = "SELECT count(*), min(at) FROM entrant WHERE journey_id = :journey"
ENTERED = "SELECT count(*), coalesce(sum(holdout), 0) FROM run WHERE journey_id = :journey"
MESSAGES = """
    SELECT m.state, m.channel, m.reason, count(*), count(m.delivered_at), count(m.opened_at), count(m.clicked_at)
    FROM run r JOIN message m ON m.run_id = r.id WHERE r.journey_id = :journey GROUP BY m.state, m.channel, m.reason"""


def campaigns(statements: Statements, most: int) -> list[dict[str, Any]]:
    """The newest first: name, status, when it was sent, waiting, entered, and its messages by state."""
    rows = statements.rows(CAMPAIGNS, source=SOURCE, most=most)
    return [_counted(statements, *row) for row in rows]


def one(statements: Statements, name: str) -> dict[str, Any]:
    """The same of one campaign, with `channels`, `reasons` and what came of what was sent. Refused for no campaign."""
    row = statements.row(
        "SELECT j.id, j.name, j.status, v.at FROM journey j LEFT JOIN version v ON v.id = j.live_version"
        " WHERE j.name = :name AND j.source = :source",
        name=name, source=SOURCE,
    )  # fmt: skip
    if row is None:
        raise errors.Refused(f"there is no campaign '{name}'; `run.py campaign list` shows them")
    return _counted(statements, *row)


def _counted(statements: Statements, journey: int, name: str, status: str, at: int | None) -> dict[str, Any]:
    waiting, starts = statements.row(WAITING, journey=journey) or (0, None)
    entered, holdout = statements.row(ENTERED, journey=journey) or (0, 0)
    states: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    for state, channel, reason, count, delivered, opened, clicked in statements.rows(MESSAGES, journey=journey):
        states[MessageState(state).name.lower()] += count
        if state == MessageState.SENT:
            channels[channel or ""] += count
        elif reason:
            reasons[verdicts.word(reason)] += count
        marks.update(delivered=delivered, opened=opened, clicked=clicked)
    return {
        "name": name, "status": _status(status, waiting, states), "sent_at": at, "starts_at": starts,
        "waiting": waiting, "entered": entered, "holdout": int(holdout), "messages": dict(states),
        "channels": dict(channels), "reasons": dict(reasons),
        **{mark: marks[mark] for mark in ("delivered", "opened", "clicked")},
    }  # fmt: skip


def _status(status: str, waiting: int, states: Counter[str]) -> str:
    """A campaign is over only when nothing of it waits any more."""
    if status == "stopped":
        return "stopped"
    if waiting + states["queued"] + states["claimed"] + states["dispatching"]:
        return "running"
    return "held" if states["ambiguous"] else "awaiting employees" if states["awaiting"] else "finished"
