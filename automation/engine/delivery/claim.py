"""Claiming: the oldest due messages, one a person, judged by policy in sets and taken under a lease and a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from automation.engine.parts import Parts
from automation.journey.policy_file import BUILT_IN, PurposeClass
from automation.policy import asking, standing, stop
from automation.policy.capacity import Rooms
from automation.policy.claimed import CLAIM, Asked, Door, Route, listed
from automation.policy.verdicts import Verdict, Word
from automation.store.database import Statements, Transaction
from automation.store.states import MessageState

from . import marks, restored
from .bookings import Bookings
from .gates import Books, Gates
from .routes import Case, Routes

TOKEN = "claim token"  # noqa: S105 - a row of `control`: the number of the last claim
NEXT_TOKEN = (
    f"INSERT INTO control (name, value, at, who) VALUES ('{TOKEN}', '1', :now, 'engine') ON CONFLICT (name) DO UPDATE"
    " SET value = CAST(CAST(control.value AS BIGINT) + 1 AS TEXT), at = excluded.at RETURNING value"
)
PICK = (
    "INSERT INTO picked (id, person_id, n) SELECT m.id, m.person_id, :taken + row_number() OVER (ORDER BY m.due, m.id)"
    " FROM (SELECT id, person_id, due FROM message WHERE priority = :priority AND due <= :now ORDER BY due, id"
    " LIMIT :most) m"
)
NEXT_PRIORITY = "SELECT min(priority) FROM message WHERE due IS NOT NULL AND priority > :after"
LAST_TOKEN = f"SELECT CAST(value AS BIGINT) FROM control WHERE name = '{TOKEN}'"
STILL_DUE = f"message.state = {MessageState.QUEUED} AND message.due <= :now"
NOT_TAKEN = (
    f"DELETE FROM claim WHERE verdict = {Verdict.GO}"
    " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = claim.id AND m.token = :token)"
)
FAILED = (
    f"SELECT c.id FROM claim c JOIN message m ON m.id = c.id WHERE c.verdict = {Verdict.FAIL}"
    f" AND m.state = {MessageState.FAILED}"
)
WAYS_TRIED = f"{Word.NO_CHANNEL}: "


class Taken(NamedTuple):
    """A claimed message with what preparing it needs. `sealed`, `lookup`: of the address it goes to."""

    version_id: int
    step: int
    variant: str | None
    purpose: int
    option: int
    door: int
    id: int
    run_id: int
    person_id: int
    zone: int
    identity_id: int | None
    trail: str | None
    expires_at: int
    visit: int
    attempts: int
    entered_at: int
    data: str | None
    lookup: bytes | None
    sealed: bytes | None

    @property
    def case(self) -> tuple[Any, ...]:
        """Version, step, variant, purpose, option and door: what it has in common with thousands of a batch."""
        return self[:6]


READ = (
    "SELECT c.version_id, c.step, c.variant, c.purpose, c.option_ix, c.door, c.id, c.run_id, c.person_id, c.zone,"
    " c.identity_id, c.trail, c.expires_at, c.visit, c.attempts, r.entered_at, r.data, i.lookup, i.sealed"
    " FROM claim c {then} run r ON r.id = c.run_id LEFT JOIN identity i ON i.id = c.identity_id"
    f" WHERE c.verdict = {Verdict.GO} ORDER BY c.n"
)


@dataclass(slots=True)
class Claimed:
    """What one claim found. `looked`: messages looked at; 0 means that nothing is due. `at`: UTC seconds."""

    looked: int = 0
    token: int = 0
    at: int = 0
    verdicts: dict[Verdict, int] = field(default_factory=dict)
    messages: list[Taken] = field(default_factory=list)


class Draft(NamedTuple):
    """A claim whose rules were asked before the database was locked. `last`: the token of the claim before it;
    `rooms`: what the channels had."""

    last: int
    looked: int
    asked: Asked | None
    rooms: Rooms


class Claimer:
    """Claims for one process; calls must not overlap."""

    def __init__(self, parts: Parts, routes: Routes, gates: Gates, bookings: Bookings) -> None:
        self._parts, self._routes, self._gates, self._bookings = parts, routes, gates, bookings
        self._policy = asking.Policy()
        self._going = _going(routes.doors, bookings.personal)
        self._restored = restored.until(parts.store)

    def claim(self, now: int, before: Callable[[], None] = lambda: None) -> Claimed:
        """One transaction; nothing is written where nothing is due or the stop switch is on. `before` is called when
        something is due: what it raises leaves the messages where they are."""
        parts = self._parts
        if stop.is_on(parts.store) or not self._anything_due(now):
            return Claimed()
        before()
        parts.zones.refresh(parts.store)
        purposes = self._purposes()
        draft = self._draft(now, purposes)
        if draft is not None and draft.asked is None:
            return Claimed()
        with parts.store.write() as tx:
            claimed = self._claim(tx, now, purposes, draft)
        if claimed.verdicts.get(Verdict.GO):
            # The temporary table is this connection's: it is read when the others may write again.
            sql = READ.format(then=parts.store.dialect.join_in_order)
            claimed.messages = list(map(Taken._make, parts.store.rows(sql)))
        return claimed

    def _anything_due(self, now: int) -> bool:
        return any(
            self._parts.store.row("SELECT 1 FROM message WHERE priority = :p AND due <= :now LIMIT 1", p=p, now=now)
            for p in _priorities(self._parts.store)
        )

    def _purposes(self) -> dict[int, PurposeClass]:
        """Every class a message can have; one that has left policy.yaml keeps the built-in limits of marketing."""
        known = self._parts.project.policy.purposes
        rows = self._parts.store.rows("SELECT id, name FROM name WHERE kind = 'purpose'")
        return {number: known.get(name, BUILT_IN["marketing"]) for number, name in rows}

    def _draft(self, now: int, purposes: Mapping[int, PurposeClass]) -> Draft | None:
        """On SQLite all who write wait for each other, and asking is most of a claim: so it is done before. None where
        it is left to the claim itself: on PostgreSQL only claims wait for claims, and a restore writes as it asks."""
        store = self._parts.store
        if store.path is None or self._restored is not None:
            return None
        with store.draft() as tx:
            last, rooms = tx.value(LAST_TOKEN) or 0, self._gates.rooms(Books.read(tx), now)
            return Draft(last, *self._ask(tx, now, purposes, rooms), rooms)

    def _claim(self, tx: Transaction, now: int, purposes: Mapping[int, PurposeClass], draft: Draft | None) -> Claimed:
        # On PostgreSQL the row of the token is also the lock that lets claims take turns: caps stay exact.
        token = int(tx.value(NEXT_TOKEN, now=now))
        if stop.is_on(tx):
            return Claimed()
        books = Books.read(tx)
        self._gates.go_by(books, now)
        rooms = self._gates.rooms(books, now)
        if draft is not None and (draft.last + 1, draft.rooms) == (token, rooms):
            looked, asked = draft.looked, draft.asked
        else:  # another process has claimed since, or a channel went away
            looked, asked = self._ask(tx, now, purposes, rooms)
        if asked is None:
            return Claimed(looked, token, now) if looked else Claimed()
        verdicts, doors = asking.counts(tx)
        lease = now + self._parts.settings.engine.lease
        if verdicts.get(Verdict.GO) and tx.run(self._going, now=now, lease=lease, token=token) < verdicts[Verdict.GO]:
            tx.run(NOT_TAKEN, token=token)  # withdrawn or put off since the rules were asked
            verdicts, doors = asking.counts(tx)
        by_door = {self._routes.doors[number]: count for number, count in doors.items()}
        self._write(replace(asked, tx=tx), verdicts, by_door)
        return Claimed(looked, token, now, verdicts)

    def _ask(
        self, tx: Transaction, now: int, purposes: Mapping[int, PurposeClass], rooms: Rooms
    ) -> tuple[int, Asked | None]:
        """How many messages are due, and what the rules saw that judged them in `claim`; None where none was judged."""
        looked = self._pick(tx, now)
        if not looked or (self._restored is not None and restored.hold(tx, self._restored, now) == looked):
            return looked, None
        self._fill(tx)
        asked = self._asked(tx, now, purposes)
        self._policy.ask(asked, rooms)
        return looked, asked

    def _pick(self, tx: Transaction, now: int) -> int:
        tx.temporary("picked", "id BIGINT, person_id BIGINT, n BIGINT")
        taken, batch = 0, self._parts.settings.engine.batch
        for priority in _priorities(tx):
            if taken >= batch:
                break
            taken += tx.run(PICK, taken=taken, priority=priority, now=now, most=batch - taken)
        return taken

    def _fill(self, tx: Transaction) -> None:
        then = tx.dialect.join_in_order
        tx.temporary("claim", CLAIM)
        tried = f"m.reason LIKE '{WAYS_TRIED}%'"
        tx.run(
            "INSERT INTO claim (id, n, run_id, person_id, version_id, step, visit, variant, purpose, option_ix,"
            " expires_at, attempts, was, zone, seed, trail, technical)"
            " SELECT m.id, t.n, m.run_id, m.person_id, m.version_id, m.step, m.visit, m.variant, m.purpose, m.via_ix,"
            " m.expires_at, m.attempts, m.reason, coalesce(p.zone_id, 0), coalesce(p.seed, 0),"
            f" CASE WHEN {tried} THEN substr(m.reason, {len(WAYS_TRIED) + 1}) END, CASE WHEN {tried} THEN 1 END"
            " FROM (SELECT id, n, row_number() OVER (PARTITION BY person_id ORDER BY n) AS turn FROM picked) t"
            f" {then} message m ON m.id = t.id LEFT JOIN person p ON p.id = m.person_id WHERE t.turn = 1"
        )

    def _asked(self, tx: Transaction, now: int, purposes: Mapping[int, PurposeClass]) -> Asked:
        parts = self._parts
        cases: list[Case] = [
            (v, s, variant) for v, s, variant in tx.rows("SELECT DISTINCT version_id, step, variant FROM claim")
        ]
        routes = {route.number: route for route in self._routes.of(cases).values()}
        _set_routes(tx, routes)
        _set_places(tx, routes)
        present = {row[0] for row in tx.rows("SELECT DISTINCT purpose FROM claim")}
        zones = {row[0]: parts.zones[row[0]] for row in tx.rows("SELECT DISTINCT zone FROM claim")}
        return Asked(
            tx, now, parts.project.policy, parts.compiler, parts.calendar, parts.zones.shop,
            {number: purposes.get(number, BUILT_IN["marketing"]) for number in present}, zones, routes,
            self._routes.kinds, standing.halted(tx, (version for version, _, _ in cases)),
        )  # fmt: skip

    def _write(self, asked: Asked, verdicts: Mapping[Verdict, int], doors: Mapping[Door, int]) -> None:
        """What was taken is booked, what does not go is put off or over."""
        tx, now = asked.tx, asked.now
        if verdicts.get(Verdict.GO):
            self._bookings.take(asked, self._routes.doors, doors)
        if verdicts.get(Verdict.POSTPONE):
            tx.run(
                "UPDATE message SET due = claim.until, reason = claim.reason FROM claim WHERE message.id = claim.id"
                f" AND claim.verdict = {Verdict.POSTPONE} AND {STILL_DUE}",
                now=now,
            )
        if any(count for verdict, count in verdicts.items() if verdict in ENDS):
            states = " ".join(f"WHEN {verdict} THEN {state}" for verdict, state in ENDS.items())
            tx.run(
                f"UPDATE message SET state = CASE claim.verdict {states} END, reason = claim.reason, due = NULL,"
                " done_at = :now FROM claim WHERE message.id = claim.id"
                f" AND claim.verdict IN ({', '.join(str(int(verdict)) for verdict in ENDS)}) AND {STILL_DUE}",
                now=now,
            )
        if verdicts.get(Verdict.FAIL) and marks.heard(self._parts, "failed"):
            failed = [row[0] for row in tx.rows(FAILED)]
            marks.tell(self._parts, tx, "failed", [(number, now) for number in failed], now)


ENDS: Mapping[Verdict, int] = {
    Verdict.SUPPRESS: int(MessageState.SUPPRESSED),
    Verdict.EXPIRE: int(MessageState.EXPIRED),
    Verdict.CANCEL: int(MessageState.CANCELLED),
    Verdict.FAIL: int(MessageState.FAILED),
}


def _priorities(statements: Statements) -> list[int]:
    """The priorities that occur among waiting messages, best first: one probe of the index each."""
    found: list[int] = []
    after = -1
    while (priority := statements.value(NEXT_PRIORITY, after=after)) is not None:
        found.append(priority)
        after = priority
    return found


def _set_routes(tx: Transaction, routes: Mapping[int, Route]) -> None:
    bound: dict[str, str] = {}
    whens = []
    for number, route in sorted(routes.items()):
        variant = "claim.variant IS NULL"
        if route.variant is not None:
            bound[f"v{number}"] = route.variant
            variant = f"claim.variant = :v{number}"
        whens.append(
            f"WHEN claim.version_id = {route.version_id} AND claim.step = {route.step} AND {variant} THEN {number}"
        )
    tx.run(f"UPDATE claim SET route = CASE {' '.join(whens)} END", **bound)


def _set_places(tx: Transaction, routes: Mapping[int, Route]) -> None:
    """Where files or settings changed since a message was tried, the ways it has left begin elsewhere: behind the one
    that refused it for good, at the one that shall be tried again, and anew where that one is no more."""
    then = tx.dialect.join_in_order
    tried = tx.rows(
        f"SELECT DISTINCT c.route, c.option_ix, coalesce(c.technical, 0), m.channel, m.lane FROM claim c {then}"
        " message m ON m.id = c.id WHERE c.option_ix > 0"
    )
    for route, known, refused, channel, lane in tried:
        ways = [(door.channel, door.lane) for door, _ in routes[route].options]
        place = ways.index((channel, lane)) + refused if (channel, lane) in ways else 0
        if place != known:
            tx.run(
                "UPDATE claim SET option_ix = :place WHERE route = :route AND option_ix = :known"
                " AND coalesce(technical, 0) = :refused AND EXISTS (SELECT 1 FROM message m WHERE m.id = claim.id"
                " AND m.channel = :channel AND m.lane = :lane)",
                place=place, route=route, known=known, refused=refused, channel=channel, lane=lane,
            )  # fmt: skip


def _going(doors: Sequence[Door], personal: Sequence[int]) -> str:
    """The statement that takes what goes. `personal`: doors whose booking stands in the name of the address."""
    channels = " ".join(f"WHEN {door.number} THEN '{door.channel}'" for door in doors)
    lanes = " ".join(f"WHEN {door.number} THEN '{door.lane}'" for door in doors)
    whose = ""
    if personal:
        whose = f" identity_id = CASE WHEN claim.door IN ({listed(personal)}) THEN claim.identity_id END,"
    return (
        f"UPDATE message SET state = {MessageState.CLAIMED}, due = NULL, counted_at = :now, via_ix = claim.option_ix,"
        f" channel = CASE claim.door {channels} END, lane = CASE claim.door {lanes} END,{whose} lease_until = :lease,"
        " token = :token, reason = NULL FROM claim WHERE message.id = claim.id"
        f" AND claim.verdict = {Verdict.GO} AND {STILL_DUE}"
    )
