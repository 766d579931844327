"""What would become of a campaign if it left now: who is reached by which channel, and who is kept back, by reason.

It asks delivery's own rules over a slice of people at a time, and changes nothing. Between now and the planned moment
consents, caps, windows and addresses may change: it is an estimate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from automation.audience import slices
from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.engine import enrol, timing
from automation.engine.delivery import budgets
from automation.engine.delivery.routes import Routes
from automation.engine.parts import Parts
from automation.engine.steps import send as sends
from automation.festivals import quiet
from automation.journey import graph
from automation.journey.policy_file import PurposeClass
from automation.kernel.ports import Channel, Limit
from automation.policy import asking
from automation.policy.capacity import Rooms
from automation.policy.claimed import CLAIM, Asked, Branch, Options, Route, by_zone, listed
from automation.policy.quiet_hours import SPREAD
from automation.policy.verdicts import Verdict, Word
from automation.rendering.texts import BASE
from automation.store.database import Transaction

from . import cost

SLICE = 1_000
NEVER = 2**53  # a claim of an estimate expires never
FILL = (
    "INSERT INTO claim (id, n, person_id, purpose, zone, seed, route, option_ix, expires_at, verdict)"
    f" SELECT -p.id, p.id, p.id, :purpose, coalesce(p.zone_id, 0), p.seed, 0, 0, {NEVER},"
    f" CASE WHEN {{holdout}} = 1 THEN {Verdict.CANCEL} END"
)
COUNTS = "SELECT verdict, door, reason, count(*) FROM claim GROUP BY verdict, door, reason"


@dataclass(frozen=True, slots=True)
class Estimate:
    """`reached`: channel -> people, the first channel that can; `lanes`: the same by (channel, lane). `kept_back`:
    reason -> people. `closed`: channels in `via` that carry nothing of this, with why. `opens_at`: when quiet hours
    end, if the planned moment lies in them. `over`: budgets of the day that do not hold what would leave by them.
    `limits`: what platforms allow one recipient on the lanes it would take, by (channel, lane): who has had as many is
    kept back. `costs`: what text messages are billed.
    """

    audience: int
    control_group: int
    reached: Mapping[str, int]
    kept_back: Mapping[str, int]
    closed: Mapping[str, str] = field(default_factory=dict)
    opens_at: int | None = None
    lanes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    over: Sequence[budgets.Over] = ()
    costs: Sequence[cost.Cost] = ()
    limits: Mapping[tuple[str, str], Sequence[Limit]] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        return sum(self.reached.values())


def estimate(
    parts: Parts, channels: Mapping[str, Channel], journey: graph.Journey, ids: Sequence[int], at: int, now: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Estimate:  # fmt: skip
    """`journey`: a compiled campaign; `at`: its planned moment, `now`: both UTC seconds."""
    send = next(iter(journey.sends.values()))
    purpose = parts.project.policy.purposes[send.purpose]
    number = parts.names.ensure("purpose", [send.purpose])[send.purpose]
    routes = Routes(parts, channels)
    options, grants = routes.ways(send, BASE)
    begins = max(at, now)
    route = Route(0, 0, 0, None, options, grants=grants)
    ask = _Question(parts, journey, send, route, routes.kinds, {number: purpose}, now, begins)
    counts: Counter[tuple[int, int | None, str | None]] = Counter()
    done = 0
    for chunk in slices.chunks(ids, SLICE):
        with parts.store.write() as tx:
            counts.update(_slice(ask, tx, chunk))
        done += len(chunk)
        progress(done, len(ids))
    lanes: Counter[tuple[str, str]] = Counter()
    kept: Counter[str] = Counter()
    for (verdict, door, reason), count in counts.items():
        if verdict == Verdict.GO and door is not None:
            lanes[routes.doors[door].channel, routes.doors[door].lane] += count
        elif verdict != Verdict.CANCEL:
            kept[reason or str(Word.NO_CHANNEL)] += count
    reached = _by_channel(options, lanes)
    return Estimate(
        len(ids), sum(count for (verdict, _, _), count in counts.items() if verdict == Verdict.CANCEL),
        reached, dict(kept.most_common()), _closed(options),
        _opens(parts, send, begins), dict(lanes),
        budgets.over(parts.store, parts.settings, channels, lanes, begins), cost.of(parts, send, reached),
        {(one.channel, one.lane): one.limits for one in routes.doors if lanes[one.channel, one.lane] and one.limits},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Question:
    """What stays the same over all slices. `begins`: when messages are queued, UTC seconds."""

    parts: Parts
    journey: graph.Journey
    send: graph.Send
    route: Route
    kinds: Mapping[str, Sequence[str]]
    purposes: Mapping[int, PurposeClass]
    now: int
    begins: int


def _by_channel(ways: Options, lanes: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """In the order of the ways."""
    names = dict.fromkeys(door.channel for door, _ in ways)
    found = {name: sum(count for (channel, _), count in lanes.items() if channel == name) for name in names}
    return {name: count for name, count in found.items() if count}


def _closed(options: Options) -> dict[str, str]:
    """Channels none of whose lanes is open to anybody; the first lane's reason stands for it."""
    open_ = {door.channel for door, why in options if not why}
    found: dict[str, str] = {}
    for door, why in options:
        if door.channel not in open_:
            found.setdefault(door.channel, "the text has no file for it" if why == "no text" else why)
    return found


def _opens(parts: Parts, send: graph.Send, begins: int) -> int | None:
    window = sends.window(parts, send)
    if window is None:
        return None
    opens = quiet.open_at(window, begins, parts.zones.shop)
    return opens if opens > begins else None


def _slice(ask: _Question, tx: Transaction, ids: Sequence[int]) -> dict[tuple[int, int | None, str | None], int]:
    """Counts by verdict, door and reason. The temporary table is all that is written."""
    parts = ask.parts
    parts.zones.refresh(tx)
    asked = Asked(
        tx, ask.now, parts.project.policy, parts.compiler, parts.calendar, parts.zones.shop, ask.purposes,
        parts.zones.all(), {ask.route.number: ask.route}, ask.kinds,
    )  # fmt: skip
    tx.temporary("claim", CLAIM)
    given = tx.dialect.each("ids", {"id": "bigint"})
    fill = FILL.format(holdout=enrol.holdout(parts, ask.journey))
    tx.run(f"{fill} FROM {given} i JOIN person p ON p.id = i.id WHERE p.merged_into IS NULL",
           purpose=next(iter(ask.purposes)), ids=slices.bound(ids))  # fmt: skip
    about_message = [*_unless(asked, ask.journey.kind), *_expired(ask, asked)]
    asking.answer(asked, about_message, Rooms())
    return {(verdict, door, reason): count for verdict, door, reason, count in tx.rows(COUNTS)}


def _unless(asked: Asked, kind: str) -> Iterator[Branch]:
    """What keeps a message back whatever the channel: the policy's `unless`."""
    condition = asked.policy.unless.get(kind)
    if condition is not None:
        parameters = Parameters("u")
        test = asked.compiler.predicate(condition, Target.BATCH, parameters, person="p")
        asked.more |= parameters.values(asked.now)
        yield Branch(f"EXISTS (SELECT 1 FROM person p WHERE p.id = claim.person_id AND {test})", Verdict.SUPPRESS,
                     f"'{Word.UNLESS} (policy, {kind})'")  # fmt: skip


def _expired(ask: _Question, asked: Asked) -> Iterator[Branch]:
    """Who lives where quiet hours end only after the message expires."""
    window = sends.window(ask.parts, ask.send)
    if window is None or timing.references(ask.send.expires):
        return
    until = timing.resolver(ask.parts, ask.send.expires, ask.journey.shop_clock, limit=True)
    opens = {zone: quiet.open_at(window, ask.begins, where) for zone, where in asked.zones.items()}
    closed = {zone: at for zone, at in opens.items() if at > ask.begins}
    if closed:
        expires = by_zone(asked, {zone: until(zone, ask.begins, ()) for zone in closed})
        rows = f"claim.zone IN ({listed(sorted(closed))})"
        yield Branch(f"{rows} AND {by_zone(asked, closed)} + claim.seed % {SPREAD} >= {expires}", Verdict.EXPIRE,
                     f"'{Word.EXPIRED}'")  # fmt: skip
