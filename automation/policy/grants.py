"""Grants: on some lanes a person allows each message of a template beforehand (WeChat subscription notifications).

One row of send_grant for an identity, a channel and the shop's name of the template. The platform's refusal (43101)
sets it to none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from automation.store.database import Transaction

from .claimed import Asked, Door, Refusal, listed
from .verdicts import Verdict, Word


def missing(asked: Asked, door: Door, routes: Sequence[int]) -> Refusal:
    """`:account` is the channel's name. Which template is asked for depends on the text, and so on the route."""
    cases = " ".join(
        f"WHEN {number} THEN {asked.bind(template)}" for number, template in _templates(asked, door, routes)
    )
    template = f"CASE claim.route {cases} END" if cases else "CAST(NULL AS TEXT)"
    test = (
        "NOT EXISTS (SELECT 1 FROM send_grant g WHERE g.channel = :account AND g.identity_id = claim.identity_id"
        f" AND g.template = {template} AND g.messages > 0)"
    )
    return Refusal(test, f"{door.kind} {Word.GRANT}")


def take(asked: Asked, doors: Iterable[Door]) -> None:
    """One message less of the template for everybody who goes through these doors."""
    for door in doors:
        routes: dict[str, list[int]] = {}
        for number, template in _templates(asked, door, sorted(asked.routes)):
            routes.setdefault(template, []).append(number)
        for template, numbers in routes.items():
            asked.tx.run(
                "UPDATE send_grant SET messages = messages - 1 WHERE channel = :channel AND template = :template"
                " AND messages > 0 AND identity_id IN (SELECT c.identity_id FROM claim c"
                f" WHERE c.verdict = {Verdict.GO} AND c.door = {door.number} AND c.route IN ({listed(numbers)}))",
                channel=door.channel, template=template,
            )  # fmt: skip


def give_back(tx: Transaction, given: Iterable[tuple[str, int, str]]) -> None:
    """(channel, identity id, template) of messages that were booked and did not leave."""
    tx.many(
        "UPDATE send_grant SET messages = messages + 1 WHERE channel = :channel AND identity_id = :identity"
        " AND template = :template",
        _named(given),
    )


def use_up(tx: Transaction, known: Iterable[tuple[str, int, str]]) -> None:
    """(channel, identity id, template): the platform says that nothing is allowed."""
    tx.many(
        "UPDATE send_grant SET messages = 0 WHERE channel = :channel AND identity_id = :identity"
        " AND template = :template",
        _named(known),
    )


def _templates(asked: Asked, door: Door, routes: Sequence[int]) -> list[tuple[int, str]]:
    found = ((number, asked.routes[number].grants.get(door.number)) for number in routes)
    return [(number, template) for number, template in found if template]


def _named(rows: Iterable[tuple[str, int, str]]) -> list[dict[str, object]]:
    return [{"channel": channel, "identity": identity, "template": template} for channel, identity, template in rows]
