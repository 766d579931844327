"""Asks all rules over the claimed set: first those about the message itself, then the ways it could take, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from automation.store.database import Transaction

from . import capacity, caps, consent, grants, limits, reach, standing, windows
from .capacity import Rooms
from .claimed import Asked, Branch, Door, Refusal
from .lawful_hours import LawfulHours
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
        self._lawful = LawfulHours(self._quiet)

    def ask(self, asked: Asked, rooms: Rooms) -> None:
        """Gives every row of `claim` its verdict, reason, `until`, and to those that go their door and address."""
        answer(asked, self._about_message(asked), rooms)

    def _about_message(self, asked: Asked) -> list[Branch]:
        return [
            standing.left(asked),
            standing.expired(asked),
            standing.paused(asked),
            standing.unreadable(asked),
            standing.in_order(asked),
            *self._unless.branches(asked),
            *self._quiet.branches(asked),
            *self._lawful.branches(asked),
        ]


def answer(asked: Asked, about_message: Iterable[Branch], rooms: Rooms) -> None:
    """The same with the rules about the message given: an estimate asks fewer of them than a claim."""
    _decide(asked, about_message)
    doors = _walk(asked, rooms)
    _close(asked)
    capacity.keep_within(asked, doors, rooms)


def _decide(asked: Asked, branches: Iterable[Branch]) -> None:
    """The first branch that holds decides; its reason and moment are worked out only for the rows it decided."""
    known = list(branches)
    if not known:
        return
    first = _first(known)
    if asked.tx.run(f"UPDATE claim SET rule = {first} WHERE {OPEN} AND {first} IS NOT NULL", **asked.bound()):
        for number in _numbers(asked):
            _settle(asked, known[number], number)


def _first(tests: Sequence[Branch | Refusal]) -> str:
    """SQL of the number of the first one that holds, NULL where none does. Most rows pass: they are not written."""
    return f"(CASE {' '.join(f'WHEN {one.test} THEN {number}' for number, one in enumerate(tests))} END)"


def _numbers(asked: Asked) -> list[int]:
    """The rules that decide over rows and have not told their verdict yet."""
    return [
        row[0] for row in asked.tx.rows("SELECT DISTINCT rule FROM claim WHERE rule IS NOT NULL AND verdict IS NULL")
    ]


def _settle(asked: Asked, branch: Branch, number: int) -> None:
    until = "CAST(NULL AS BIGINT)"
    if branch.until is not None:
        # What cannot leave before it expires is looked at when it expires: then it is told so.
        until = asked.tx.dialect.least(branch.until, "claim.expires_at")
    asked.tx.run(
        f"UPDATE claim SET verdict = {int(branch.verdict)}, reason = {branch.reason}, until = {until}"
        f" WHERE rule = {number} AND verdict IS NULL",
        **asked.bound(),
    )


def _walk(asked: Asked, rooms: Rooms) -> dict[int, Door]:
    """Takes each open row along its route until a door lets it through."""
    doors: dict[int, Door] = {}
    longest = max((len(route.options) for route in asked.routes.values()), default=0)
    for option in range(longest):
        ways: dict[Door, list[int]] = {}
        for number, route in sorted(asked.routes.items()):
            if option < len(route.options):
                door, why_not = route.options[option]
                if why_not:
                    _skip(asked, number, option, f"{door.kind} {why_not}")
                else:
                    ways.setdefault(door, []).append(number)
        for door, routes in ways.items():
            doors[door.number] = door
            _try(asked, door, routes, (option, rooms))
        if not asked.tx.value(f"SELECT count(*) FROM claim WHERE {OPEN}"):
            break
    return doors


def _at(routes: Sequence[int], option: int) -> str:
    return f"{OPEN} AND claim.option_ix = {option} AND claim.route IN ({', '.join(map(str, routes))})"


def _skip(asked: Asked, route: int, option: int, why: str) -> None:
    """A way closed to all says nothing about the person: consent that was refused elsewhere stays the reason."""
    asked.tx.run(
        f"UPDATE claim SET option_ix = {option + 1}, trail = {_trail(':why')} WHERE {_at([route], option)}", why=why
    )


def _trail(word: str) -> str:
    """With one word more, unless it is the last one already: several lanes of a channel often say the same."""
    said = f"CAST({word} AS TEXT)"
    return (
        f"CASE WHEN claim.trail IS NULL THEN {said} WHEN claim.trail LIKE '%' || {said} THEN claim.trail"
        f" ELSE claim.trail || ', ' || {said} END"
    )


def _try(asked: Asked, door: Door, routes: Sequence[int], place: tuple[int, Rooms]) -> None:
    """One door for the rows that stand before it: through, decided by a cap or limit, or on to the next."""
    option, rooms = place
    here = _at(routes, option)
    bound = {"address": door.address, "account": door.channel, "kind": door.kind}
    address = reach.address("claim.person_id", ":address", ":account", consent.is_marketing(asked))
    found = f", identity_id = {address}" if door.address else ""
    if not asked.tx.run(f"UPDATE claim SET verdict = {Verdict.GO}, door = {door.number}{found} WHERE {here}", **bound):
        return
    tests = list(_tests(asked, door, routes, rooms))
    asked.more |= bound
    if not tests:
        return
    first = _first(tests)
    asked.tx.run(
        f"UPDATE claim SET rule = {first}, verdict = NULL WHERE claim.verdict = {Verdict.GO}"
        f" AND claim.door = {door.number} AND claim.option_ix = {option} AND {first} IS NOT NULL",
        **asked.bound(),
    )
    for number in _numbers(asked):
        one = tests[number]
        if isinstance(one, Branch):
            _settle(asked, one, number)
        else:
            _onward(asked, one, number, option)


def _tests(asked: Asked, door: Door, routes: Sequence[int], rooms: Rooms) -> Iterator[Branch | Refusal]:
    """What can close a door, in order. A lane that cannot be used is passed by before a cap could end the search."""
    if door.address:
        yield from reach.closed(door)
        yield consent.missing(asked, door)
    yield from caps.overall(asked)  # after consent: who refused is told so, whatever they already got
    if door.window:
        yield windows.closed(door)
    if any(door.number in asked.routes[number].grants for number in routes):
        yield grants.missing(asked, door, routes)
    yield from caps.of_kind(asked, door.kind)
    yield from limits.of_door(asked, door)
    resting = capacity.resting(asked, door, rooms)
    if resting is not None:
        yield resting


def _onward(asked: Asked, refusal: Refusal, number: int, option: int) -> None:
    remembered = f", {refusal.mark} = 1" if refusal.mark else ""
    if refusal.opens is not None:
        first = asked.tx.dialect.least(f"coalesce(claim.opens, {refusal.opens})", refusal.opens)
        remembered += f", opens = {first}"
    asked.tx.run(
        f"UPDATE claim SET option_ix = {option + 1}, rule = NULL, door = NULL, identity_id = NULL{remembered},"
        f" trail = {_trail(':why')} WHERE rule = {number} AND verdict IS NULL",
        **asked.bound(), why=refusal.says,
    )  # fmt: skip


def _close(asked: Asked) -> None:
    """Whom no door let through. Who found one that only rests waits for it; kept back where only caps, limits and the
    person's own word refused; else no channel could."""
    until = asked.tx.dialect.least("claim.opens", "claim.expires_at")
    asked.tx.run(
        f"UPDATE claim SET verdict = {Verdict.POSTPONE}, until = {until},"
        f" reason = '{Word.CHANNEL}: ' || claim.trail WHERE {OPEN} AND claim.opens IS NOT NULL"
    )
    word = (
        f"CASE WHEN capped = 1 THEN '{Word.CAP}' WHEN limited = 1 THEN '{Word.LIMIT}'"
        f" WHEN technical IS NULL AND refused = 1 THEN '{Word.NO_CONSENT}' ELSE '{Word.NO_CHANNEL}' END"
    )
    asked.tx.run(f"UPDATE claim SET reason = {word} || ': ' || coalesce(trail, '{EXHAUSTED}') WHERE {OPEN}")
    asked.tx.run(
        f"UPDATE claim SET verdict = CASE WHEN claim.reason LIKE '{Word.NO_CHANNEL}%' THEN {Verdict.FAIL}"
        f" ELSE {Verdict.SUPPRESS} END WHERE {OPEN}"
    )


def counts(tx: Transaction) -> tuple[dict[Verdict, int], dict[int, int]]:
    """How many rows got each verdict, and how many of them go through each door, by its number."""
    verdicts: Counter[Verdict] = Counter()
    doors: Counter[int] = Counter()
    for verdict, door, count in tx.rows("SELECT verdict, door, count(*) FROM claim GROUP BY verdict, door"):
        verdicts[Verdict(verdict)] += count
        if verdict == Verdict.GO:
            doors[door] += count
    return verdicts, doors
