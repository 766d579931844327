"""What was asked for in campaigns, and what became of it, in counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from automation.engine import overview
from automation.journey import graph
from automation.kernel import errors, source
from automation.policy import verdicts
from automation.store.database import Statements
from automation.store.states import MessageState

from .sending import SENT, SOURCE
from .sending import WAITING as WAITING_STATES

CAMPAIGNS = """
    SELECT j.id, j.name, j.status, v.at, v.source FROM journey j LEFT JOIN version v ON v.id = j.live_version
    WHERE j.source = :source AND j.name = coalesce(CAST(:name AS TEXT), j.name)
    ORDER BY v.at DESC, j.id DESC LIMIT :most"""
UNFINISHED = f"""
    SELECT j.name, v.source FROM journey j JOIN version v ON v.id = j.live_version
    WHERE j.source = :source AND j.status <> '{graph.Status.STOPPED}' AND (
        EXISTS (SELECT 1 FROM entrant e WHERE e.journey_id = j.id)
        OR j.id IN (SELECT r.journey_id FROM message m JOIN run r ON r.id = m.run_id
                    WHERE (m.due IS NOT NULL OR m.lease_until IS NOT NULL) AND m.state IN ({WAITING_STATES})))
    ORDER BY v.at DESC, j.id DESC"""
ASKED = "SELECT detail FROM audit WHERE what = :what ORDER BY id"
WAITING = "SELECT count(*), min(at) FROM entrant WHERE journey_id = :journey"
ENTERED = "SELECT count(*), coalesce(sum(holdout), 0) FROM run WHERE journey_id = :journey"
MESSAGES = """
    SELECT m.state, m.channel, m.reason, count(*), count(m.delivered_at), count(m.opened_at), count(m.clicked_at)
    FROM run r JOIN message m ON m.run_id = r.id WHERE r.journey_id = :journey GROUP BY m.state, m.channel, m.reason"""


def campaigns(statements: Statements, most: int) -> list[dict[str, Any]]:
    """The newest first: what each sends, to whom and when, its status, waiting, entered, and its messages by state."""
    return _found(statements, None, most)


def one(statements: Statements, name: str) -> dict[str, Any]:
    """The same of one campaign. Refused for no campaign."""
    found = _found(statements, name, 1)
    if not found:
        raise errors.Refused(f"there is no campaign '{name}'; `run.py campaign list` shows them")
    return found[0]


def unfinished(statements: Statements, text: str) -> list[str]:
    """Campaigns of this text that still have people in line or messages that wait, the newest first."""
    rows = statements.rows(UNFINISHED, source=SOURCE)
    return [name for name, source_text in rows if _said(source_text, name)["text"] == text]


def _found(statements: Statements, name: str | None, most: int) -> list[dict[str, Any]]:
    rows = statements.rows(CAMPAIGNS, source=SOURCE, name=name, most=most)
    told = [json.loads(detail) for (detail,) in statements.rows(ASKED, what=SENT)] if rows else []
    asked = {detail["campaign"]: detail for detail in told}
    return [
        {"name": name, "made_at": at, **_said(text, name), **_planned(asked.get(name, {}))}
        | _counted(statements, number, status)
        for number, name, status, at, text in rows
    ]


def _planned(detail: Mapping[str, Any]) -> dict[str, Any]:
    """`people`: how many were put in line. `audience` "" where a campaign is older than this word."""
    return {"planned_at": detail.get("at"), "audience": detail.get("audience", ""), "people": detail.get("people", 0)}


def _said(text: str | None, name: str) -> dict[str, Any]:
    """What its YAML says, which is read without the shop: its text may be gone since."""
    journey = source.parse(text, name).data if text else {}
    send = journey.get("steps", [{}])[0]
    return {
        "title": journey.get("title", ""), "text": send.get("send", ""), "via": send.get("via", []),
        "purpose": journey.get("purpose", ""), "expires": send.get("expires", ""),
        "control_group": journey.get("holdout", ""), "pace": journey.get("pace", ""),
    }  # fmt: skip


def _counted(statements: Statements, journey: int, status: str) -> dict[str, Any]:
    waiting, starts = statements.row(WAITING, journey=journey) or (0, None)
    entered, holdout = statements.row(ENTERED, journey=journey) or (0, 0)
    states: Counter[MessageState] = Counter()
    channels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    for state, channel, reason, count, delivered, opened, clicked in statements.rows(MESSAGES, journey=journey):
        states[MessageState(state)] += count
        if state == MessageState.SENT:
            channels[channel or ""] += count
        elif reason:
            reasons[verdicts.word(reason)] += count
        marks.update(delivered=delivered, opened=opened, clicked=clicked)
    return {
        "status": overview.campaign_status(status, waiting, states), "starts_at": starts,
        "waiting": waiting, "entered": entered, "holdout": int(holdout), "messages": _by_name(states),
        "channels": dict(channels), "reasons": dict(reasons),
        **{mark: marks[mark] for mark in ("delivered", "opened", "clicked")},
    }  # fmt: skip


def _by_name(states: Counter[MessageState]) -> dict[str, int]:
    return {state.name.lower(): count for state, count in states.items()}
