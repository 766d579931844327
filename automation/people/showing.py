"""Everything known about one person, for an operator's screen: addresses masked, sealed fields not opened."""

from __future__ import annotations

import json
from typing import Any

from automation.kernel import errors
from automation.store.database import Statements

from . import consents, fields, identities, masking
from .dates import YearDay
from .registry import Registry

COLUMNS = (
    "id", "uid", "name", "stage", "recency", "frequency", "monetary", "points", "zone", "attrs", "created_at",
    "changed_at", "merged_into",
)  # fmt: skip
RECENT = 20  # events, runs and messages shown
RUNS = """
    SELECT j.name, r.key, r.state, r.entered_at, r.due, r.reason FROM run r JOIN journey j ON j.id = r.journey_id
    WHERE r.journey_id IN (SELECT id FROM journey) AND r.person_id = :id ORDER BY r.entered_at DESC LIMIT :n"""
MESSAGES = """
    SELECT m.state, m.channel, m.reason, m.due, m.sent_at FROM message m WHERE m.run_id IN (
        SELECT r.id FROM run r WHERE r.journey_id IN (SELECT id FROM journey) AND r.person_id = :id)
    ORDER BY m.id DESC LIMIT :n"""


def show(registry: Registry, person_id: int, now: int) -> dict[str, Any]:
    """A JSON-like report; times in UTC seconds, money in fen. Refused for an unknown person."""
    with registry.store.snapshot() as statements:
        found = statements.row(
            "SELECT p.id, p.uid, p.name, p.stage, p.recency, p.frequency, p.monetary, p.points, z.name, p.attrs,"
            " p.created_at, p.changed_at, p.merged_into"
            " FROM person p LEFT JOIN zone z ON z.id = p.zone_id WHERE p.id = :id",
            id=person_id,
        )
        if found is None:
            raise errors.Refused("there is no such person")
        report = dict(zip(COLUMNS, found, strict=True))
        report["name"] = masking.name(report["name"] or "")
        report["fields"] = _shown(report.pop("attrs")) | _days(statements, person_id)
        report["identities"] = _identities(registry, statements, person_id)
        report["tags"] = _tags(registry, statements, person_id, now)
        report |= _tables(registry, statements, person_id) | _allowed(statements, person_id, now)
    return report


def _shown(attrs: str | None) -> dict[str, Any]:
    members = json.loads(attrs) if attrs else {}
    return {name: "…" if isinstance(value, dict) and "sealed" in value else value for name, value in members.items()}


def _days(statements: Statements, person_id: int) -> dict[str, str]:
    sql = "SELECT field, calendar, month, day, leap, year FROM person_date WHERE person_id = :id ORDER BY field"
    return {row[0]: fields.say_day(YearDay(*row[1:])) for row in statements.rows(sql, id=person_id)}


def _identities(registry: Registry, statements: Statements, person_id: int) -> list[dict[str, Any]]:
    return [
        {
            "kind": known.kind,
            "account": known.account,
            "shown": masking.identity(known.kind, known.text),
            "verified_at": at,
        }
        for known, at in identities.opened(registry, statements, person_id)
    ]


def _tags(registry: Registry, statements: Statements, person_id: int, now: int) -> list[dict[str, Any]]:
    sql = (
        "SELECT tag_id, source, since, until FROM person_tag WHERE person_id = :id AND (until IS NULL OR until > :now)"
    )
    tags = [
        {"tag": registry.names.word(tag), "source": source, "since": since, "until": until}
        for tag, source, since, until in statements.rows(sql, id=person_id, now=now)
    ]
    return sorted(tags, key=lambda tag: str(tag["tag"]))


def _allowed(statements: Statements, person_id: int, now: int) -> dict[str, list[dict[str, Any]]]:
    """What platforms let us send without being asked: replies while a window is open, notices a person allowed."""
    windows = statements.rows(
        "SELECT w.channel, w.until, w.messages FROM reply_window w JOIN identity i ON i.id = w.identity_id"
        " WHERE i.person_id = :id AND w.until > :now ORDER BY w.channel, w.until",
        id=person_id, now=now,
    )  # fmt: skip
    grants = statements.rows(
        "SELECT g.channel, g.template, g.messages FROM send_grant g JOIN identity i ON i.id = g.identity_id"
        " WHERE i.person_id = :id ORDER BY g.channel, g.template",
        id=person_id,
    )
    return {
        "windows": [{"channel": channel, "until": until, "left": left} for channel, until, left in windows],
        "grants": [{"channel": channel, "template": template, "left": left} for channel, template, left in grants],
    }


def _tables(registry: Registry, statements: Statements, person_id: int) -> dict[str, Any]:
    word = registry.names.word

    def read(sql: str, *names: str) -> list[dict[str, Any]]:
        return [dict(zip(names, row, strict=True)) for row in statements.rows(sql, id=person_id, n=RECENT)]

    computed = read("SELECT name_id, num, txt FROM computed_value WHERE person_id = :id LIMIT :n", "name", "num", "txt")
    events = read(
        "SELECT name_id, at, key FROM event WHERE person_id = :id ORDER BY at DESC, id DESC LIMIT :n",
        "event",
        "at",
        "key",
    )
    return {
        "computed": {word(row["name"]): row["txt"] if row["num"] is None else row["num"] for row in computed},
        "events": [row | {"event": word(row["event"])} for row in events],
        "consents": read(
            f"SELECT channel, purpose, granted, source, NULLIF(at, {consents.UNKNOWN}), text_version, evidence"
            " FROM consent WHERE person_id = :id ORDER BY channel, purpose LIMIT :n",
            "channel", "purpose", "granted", "source", "at", "text_version", "evidence",
        ),
        "runs": read(RUNS, "journey", "key", "state", "entered_at", "due", "reason"),
        "messages": read(MESSAGES, "state", "channel", "reason", "due", "sent_at"),
        "coupons": read(
            "SELECT p.name, c.given_at, c.expires_at, c.redeemed_at FROM coupon c"
            " JOIN coupon_pool p ON p.id = c.pool_id WHERE c.person_id = :id ORDER BY c.given_at DESC LIMIT :n",
            "pool", "given_at", "expires_at", "redeemed_at",
        ),
        "merges": read(
            "SELECT id, gone, reason, at, undone_at FROM merge WHERE kept = :id ORDER BY id DESC LIMIT :n",
            "merge", "gone", "reason", "at", "undone_at",
        ),
    }  # fmt: skip
