"""What became of a message, told as an event of its person: so that waits wake, goals count and conditions see it."""

from __future__ import annotations

from collections.abc import Sequence

from automation.engine.parts import Parts
from automation.store.database import Transaction

KINDS = ("sent", "failed", "delivered", "opened", "clicked")
SOURCE = "message"


def prepare(parts: Parts) -> None:
    """Gives the events their numbers. Must not be called inside a write transaction."""
    parts.names.ensure("event", [f"message.{kind}" for kind in KINDS])


def heard(parts: Parts, kind: str) -> bool:
    """Whether any version of a journey listens to the event; the rows are saved where none does."""
    number = parts.names.find("event", f"message.{kind}")
    return number is not None and bool(parts.registry.listening(number))


def tell(parts: Parts, tx: Transaction, kind: str, happened: Sequence[tuple[int, int]], now: int) -> None:
    """Adds and queues `message.KIND` for (message id, UTC seconds); one that was told before is not told again."""
    if happened:
        _tell(parts, tx, kind, [(number, min(at, now), "") for number, at in happened], now)


def tell_clicks(parts: Parts, tx: Transaction, happened: Sequence[tuple[int, int, str]], now: int) -> None:
    """The same for clicks with the names of the links: each link of a message is told once, with its earliest click."""
    first: dict[tuple[int, str], int] = {}
    for number, at, link in sorted(happened, key=lambda one: one[1]):
        first.setdefault((number, link), min(at, now))
    if first:
        _tell(parts, tx, "clicked", [(number, at, link) for (number, link), at in first.items()], now)


def _tell(parts: Parts, tx: Transaction, kind: str, happened: Sequence[tuple[int, int, str]], now: int) -> None:
    tx.temporary("told", "message_id BIGINT, at BIGINT, link TEXT")
    tx.many(
        "INSERT INTO told VALUES (:id, :at, :link)",
        [{"id": number, "at": at, "link": link} for number, at, link in happened],
    )
    of_a_link = {"link": "NULLIF(t.link, '')"} if kind == "clicked" else {}
    props = tx.dialect.json_object(run="m.run_id", step="s.key", journey="j.name", channel="m.channel", **of_a_link)
    dedupe = f"'{kind} ' || CAST(m.id AS TEXT) || CASE WHEN t.link = '' THEN '' ELSE ' ' || t.link END"
    then = tx.dialect.join_in_order
    bound = {"name": parts.names.find("event", f"message.{kind}"), "now": now}
    inserted = tx.rows(
        "INSERT INTO event (person_id, name_id, at, received_at, props, source, dedupe) SELECT m.person_id, :name,"
        f" t.at, :now, {props}, '{SOURCE}', {dedupe} FROM told t {then} message m ON m.id = t.message_id {then} step s"
        f" ON s.id = m.step {then} journey j ON j.id = s.journey_id WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id",
        **bound,
    )
    tx.temporary("told_event", "id BIGINT")
    tx.many("INSERT INTO told_event VALUES (:id)", [{"id": row[0]} for row in inserted])
    tx.run(
        "INSERT INTO event_queue (event_id, person_id, name_id, at) SELECT e.id, e.person_id, e.name_id, e.at"
        f" FROM told_event t {then} event e ON e.id = t.id ORDER BY e.id"
    )
