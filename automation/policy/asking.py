"""Asks all rules over the claimed set: first those about the message itself, then the ways it could take, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from automation.store.database import Transaction

from . import capacity, caps, consent, reach, standing
from .claimed import Asked, Branch, Door
from .quiet_hours import QuietHours
from .unless import Unless
from .verdicts import Verdict, Word

OPEN = "claim.rule IS NULL AND claim.verdict IS NULL"
EXHAUSTED = "none is configured"


class Policy:
    """The rules, with what they remember between claims."""

    def __init__(self) -> None:
        self._unless = Unless()
        self._quiet = QuietHours()

    def ask(self, asked: Asked, rooms: Mapping[str, capacity.Room]) -> None:
        """Gives every row of `claim` its verdict, reason, `until`, and to those that go their door and address."""
        _decide(asked, self._about_message(asked), OPEN)
        doors = _walk(asked)
        _close(asked)
        capacity.keep_within(asked.tx, doors, rooms)

    def _about_message(self, asked: Asked) -> list[Branch]:
        return [
            standing.left(asked),
            standing.expired(asked),
            standing.paused(asked),
            standing.unreadable(asked),
            standing.in_order(asked),
            *self._unless.branches(asked),
            *self._quiet.branches(asked),
            *caps.overall(asked),
        ]


def _decide(asked: Asked, branches: Iterable[Branch], rows: str) -> None:
    """The first branch that holds decides; its reason and moment are worked out only for the rows it decided."""
    known = list(branches)
    whens = " ".join(f"WHEN {branch.test} THEN {number}" for number, branch in enumerate(known))
    bound = asked.bound()
    asked.tx.run(f"UPDATE claim SET rule = CASE {whens} END WHERE {rows}", **bound)
    for (number,) in asked.tx.rows("SELECT DISTINCT rule FROM claim WHERE rule IS NOT NULL AND verdict IS NULL"):
        branch = known[number]
        until = "CAST(NULL AS BIGINT)"
        if branch.until is not None:
            # What cannot leave before it expires is looked at when it expires: then it is told so.
            until = asked.tx.dialect.least(branch.until, "claim.expires_at")
        asked.tx.run(
            f"UPDATE claim SET verdict = {int(branch.verdict)}, reason = {branch.reason}, until = {until}"
            f" WHERE rule = {number} AND verdict IS NULL",
            **bound,
        )


def _walk(asked: Asked) -> dict[int, Door]:
    """Takes each open row along its route until a door lets it through."""
    doors: dict[int, Door] = {}
    longest = max((len(route.options) for route in asked.routes.values()), default=0)
    for option in range(longest):
        ways: dict[Door, list[int]] = {}
        for number, route in sorted(asked.routes.items()):
            if option < len(route.options):
                door, why_not = route.options[option]
                if why_not:
                    _skip(asked, [number], option, f"{door.kind} {why_not}")
                else:
                    ways.setdefault(door, []).append(number)
        for door, routes in ways.items():
            doors[door.number] = door
            _try(asked, door, routes, option)
        if not asked.tx.value(f"SELECT count(*) FROM claim WHERE {OPEN}"):
            break
    return doors


def _at(routes: list[int], option: int) -> str:
    return f"{OPEN} AND claim.option_ix = {option} AND claim.route IN ({', '.join(map(str, routes))})"


def _skip(asked: Asked, routes: list[int], option: int, why: str) -> None:
    asked.tx.run(
        f"UPDATE claim SET option_ix = {option + 1}, technical = 1, trail = {_trail(':why')} WHERE"
        f" {_at(routes, option)}",
        why=why,
    )


def _trail(word: str) -> str:
    return f"CASE WHEN claim.trail IS NULL THEN {word} ELSE claim.trail || ', ' || {word} END"


def _try(asked: Asked, door: Door, routes: list[int], option: int) -> None:
    """One door for the rows that stand before it: through, postponed by a cap, or on to the next."""
    here = _at(routes, option)
    place = {"address": door.address, "account": door.channel, "kind": door.kind}
    found = asked.tx.run(
        f"UPDATE claim SET door = {door.number}, identity_id ="
        f" {reach.address('claim.person_id', ':address', ':account')}"
        f" WHERE {here}",
        **place,
    )
    if not found:
        return
    marketing = f"claim.purpose IN ({', '.join(map(str, asked.of_kind(consent.MARKETING))) or '-1'})"
    limits = list(caps.of_kind(asked, door.kind, "1 = 1"))
    tests = [
        ("claim.identity_id IS NULL", Branch("", Verdict.FAIL, ""))  # told apart below: no address, or suppressed
    ]
    tests.append((consent.refused("claim.person_id", ":kind", marketing), Branch("", Verdict.FAIL, "")))
    tests += [(branch.test, branch) for branch, _ in limits]
    whens = " ".join(f"WHEN {test} THEN {number}" for number, (test, _) in enumerate(tests))
    bound = asked.bound() | place
    asked.tx.run(f"UPDATE claim SET rule = CASE {whens} ELSE -1 END WHERE {here}", **bound)
    asked.tx.run(f"UPDATE claim SET verdict = {Verdict.GO}, rule = NULL WHERE rule = -1 AND verdict IS NULL")
    for (number,) in asked.tx.rows("SELECT DISTINCT rule FROM claim WHERE rule >= 0 AND verdict IS NULL"):
        _turned_away(asked, door, (number, limits), option, bound)


def _turned_away(
    asked: Asked, door: Door, ruled: tuple[int, list[tuple[Branch, bool]]], option: int, bound: dict[str, object]
) -> None:
    number, limits = ruled
    rows = f"rule = {number} AND verdict IS NULL"
    if number >= 2 and not limits[number - 2][1]:
        branch = limits[number - 2][0]
        until = asked.tx.dialect.least(branch.until, "claim.expires_at") if branch.until else "CAST(NULL AS BIGINT)"
        asked.tx.run(
            f"UPDATE claim SET verdict = {int(branch.verdict)}, reason = {branch.reason}, until = {until} WHERE {rows}",
            **bound,
        )
        return
    on = f"option_ix = {option + 1}, rule = NULL, door = NULL, identity_id = NULL"
    if number == 0:
        any_at_all = reach.has_any("claim.person_id", ":address", ":account")
        word = f"CASE WHEN {any_at_all} THEN :suppressed ELSE :nothing END"
        asked.tx.run(
            f"UPDATE claim SET {on}, trail = {_trail(word)}, technical = CASE WHEN {any_at_all} THEN claim.technical"
            f" ELSE 1 END WHERE {rows}",
            **bound, suppressed=f"{door.kind} {Word.SUPPRESSED}", nothing=f"{door.kind} no address",
        )  # fmt: skip
    elif number == 1:
        asked.tx.run(
            f"UPDATE claim SET {on}, trail = {_trail(':why')} WHERE {rows}", why=f"{door.kind} {Word.NO_CONSENT}"
        )
    else:
        reason = limits[number - 2][0].reason
        asked.tx.run(f"UPDATE claim SET {on}, capped = 1, trail = {_trail(reason)} WHERE {rows}", **bound)


def _close(asked: Asked) -> None:
    """Whom no door let through: kept back where only caps and consent refused, else no channel could."""
    kept_back = "capped = 1 OR (technical IS NULL AND trail IS NOT NULL)"
    words = (
        f"CASE WHEN capped = 1 THEN '{Word.CAP}' WHEN {kept_back} THEN '{Word.NO_CONSENT}' ELSE '{Word.NO_CHANNEL}' END"
    )
    asked.tx.run(
        f"UPDATE claim SET verdict = CASE WHEN {kept_back} THEN {Verdict.SUPPRESS} ELSE {Verdict.FAIL} END,"
        f" reason = {words} || ': ' || coalesce(trail, '{EXHAUSTED}') WHERE {OPEN}"
    )


def counts(tx: Transaction) -> dict[Verdict, int]:
    """How many rows got each verdict."""
    return {Verdict(verdict): n for verdict, n in tx.rows("SELECT verdict, count(*) FROM claim GROUP BY verdict")}
