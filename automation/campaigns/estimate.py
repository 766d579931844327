"""What would become of a campaign if it left now: who is reached by which channel, and who is kept back, by reason.

It asks the same rules as delivery, over a slice of people at a time, and changes nothing. Between now and the planned
moment consents, caps and addresses may change: it is an estimate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from automation.audience import slices
from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.engine import enrol
from automation.engine.parts import Parts
from automation.festivals import quiet
from automation.journey import graph
from automation.journey.policy_file import PurposeClass
from automation.kernel.ports import Channel
from automation.policy import asking, caps, consent, reach
from automation.policy.claimed import CLAIM, Asked
from automation.policy.verdicts import Word
from automation.rendering.texts import BASE
from automation.store.database import Transaction

SLICE = 1_000
REACHED = "by "  # how a reason begins that is none: the channel follows
CONTROL = "control group"
FILL = (
    "INSERT INTO claim (id, n, person_id, purpose, zone, seed)"
    " SELECT -p.id, p.id, p.id, :purpose, coalesce(p.zone_id, 0), p.seed"
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """`reached`: channel -> people, the first channel that can. `kept_back`: reason -> people. `closed`: channels in
    `via` that carry nothing of this, with why. `opens_at`: when quiet hours end, if the planned moment lies in them.
    """

    audience: int
    control_group: int
    reached: Mapping[str, int]
    kept_back: Mapping[str, int]
    closed: Mapping[str, str] = field(default_factory=dict)
    opens_at: int | None = None

    @property
    def messages(self) -> int:
        return sum(self.reached.values())


@dataclass(frozen=True, slots=True)
class _Way:
    channel: str
    kind: str
    address: str


def estimate(
    parts: Parts, channels: Mapping[str, Channel], journey: graph.Journey, ids: Sequence[int], at: int, now: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Estimate:  # fmt: skip
    """`journey`: a compiled campaign; `at`: its planned moment, `now`: both UTC seconds."""
    send = next(iter(journey.sends.values()))
    purpose = parts.project.policy.purposes[send.purpose]
    number = parts.names.ensure("purpose", [send.purpose])[send.purpose]
    ways, closed = _ways(parts, channels, send, purpose.kind)
    counts: Counter[str] = Counter()
    done = 0
    for chunk in slices.chunks(ids, SLICE):
        with parts.store.write() as tx:
            asked = _asked(parts, tx, {number: purpose}, channels, now)
            counts.update(_slice(parts, asked, journey, ways, chunk))
        done += len(chunk)
        progress(done, len(ids))
    control = counts.pop(CONTROL, 0)
    reached = {reason.removeprefix(REACHED): count for reason, count in counts.items() if reason.startswith(REACHED)}
    kept = {reason: count for reason, count in counts.most_common() if not reason.startswith(REACHED)}
    opens = None
    if purpose.quiet is not None and not send.ignore_quiet:
        opens = quiet.open_at(purpose.quiet, max(at, now), parts.zones.shop)
    return Estimate(len(ids), control, reached, kept, closed, opens if opens and opens > max(at, now) else None)


def _ways(
    parts: Parts, channels: Mapping[str, Channel], send: graph.Send, legal: str
) -> tuple[list[_Way], dict[str, str]]:
    text = parts.project.texts.texts.get(send.text)
    ways: list[_Way] = []
    closed: dict[str, str] = {}
    for word in send.via or parts.settings.via:
        for name, channel in channels.items():
            if word not in (name, channel.kind) or any(way.channel == name for way in ways):
                continue
            lanes = [lane for lane in channel.lanes if legal in lane.purposes]
            if text is not None and text.template(BASE, channel.kind) is None:
                closed[name] = "the text has no file for it"
            elif not lanes:
                closed[name] = f"it carries no {legal}"
            else:
                ways += [_Way(name, channel.kind, lane.address) for lane in lanes]
    return ways, closed


def _asked(
    parts: Parts, tx: Transaction, purposes: Mapping[int, PurposeClass], channels: Mapping[str, Channel], now: int
) -> Asked:
    kinds: dict[str, list[str]] = {}
    for name, channel in channels.items():
        kinds.setdefault(channel.kind, []).append(name)
    parts.zones.refresh(tx)
    return Asked(
        tx, now, parts.project.policy, parts.compiler, parts.calendar, parts.zones.shop, purposes, parts.zones.all(),
        {}, kinds,
    )  # fmt: skip


def _slice(
    parts: Parts, asked: Asked, journey: graph.Journey, ways: Sequence[_Way], ids: Sequence[int]
) -> dict[str, int]:
    """Counts by reason. The temporary table is all that is written."""
    tx = asked.tx
    tx.temporary("claim", CLAIM)
    given = tx.dialect.each("ids", {"id": "bigint"})
    number = next(iter(asked.purposes))
    tx.run(f"{FILL} FROM {given} i JOIN person p ON p.id = i.id WHERE p.merged_into IS NULL", purpose=number,
           ids=slices.bound(ids))  # fmt: skip
    whens = [f"WHEN {enrol.holdout(parts, journey)} = 1 THEN '{CONTROL}'"]
    whens += _kept_back(asked, journey.kind)
    bound, last = _doors(asked, ways, whens, journey.kind)
    case = f"CASE {' '.join(whens)} ELSE {last} END"
    sql = f"SELECT {case} AS why, count(*) FROM claim JOIN person p ON p.id = claim.person_id GROUP BY 1"
    return {str(why): int(count) for why, count in tx.rows(sql, **asked.bound() | bound)}


def _kept_back(asked: Asked, kind: str) -> list[str]:
    """What keeps a message back whatever the channel: the policy's `unless`, and caps over all channels."""
    whens = []
    condition = asked.policy.unless.get(kind)
    if condition is not None:
        parameters = Parameters("u")
        test = asked.compiler.predicate(condition, Target.BATCH, parameters, person="p")
        asked.more |= parameters.values(asked.now)
        whens.append(f"WHEN {test} THEN '{Word.UNLESS} (policy, {kind})'")
    return whens + [f"WHEN {branch.test} THEN {branch.reason}" for branch in caps.overall(asked)]


def _doors(asked: Asked, ways: Sequence[_Way], whens: list[str], kind: str) -> tuple[dict[str, Any], str]:
    """Adds a WHEN for each way; returns the bound values and the SQL of the reason where no way is open.

    As in delivery: a cap that does not pass on to the next channel ends the search, everything else goes on.
    """
    bound: dict[str, Any] = {}
    tried: list[_Tried] = []
    marketing = "1 = 1" if kind == consent.MARKETING else "1 = 0"
    for place, way in enumerate(ways):
        bound |= {f"address{place}": way.address, f"account{place}": way.channel, f"kind{place}": way.kind}
        names = ("claim.person_id", f":address{place}", f":account{place}")
        address, no = reach.address(*names), consent.refused("claim.person_id", f":kind{place}", marketing)
        open_ = f"{address} IS NOT NULL AND NOT {no}"
        full = []
        for branch, onward in caps.of_kind(asked, way.kind, open_):
            if onward:
                full.append(f"WHEN {branch.test} THEN {branch.reason}")
            else:
                whens.append(f"WHEN {branch.test} THEN {branch.reason}")
        capped = f"CASE {' '.join(full)} END" if full else "CAST(NULL AS TEXT)"
        whens.append(f"WHEN {open_} AND {capped} IS NULL THEN '{REACHED}{way.channel}'")
        nothing = f"{address} IS NULL AND NOT {reach.has_any(*names)}"
        said = (
            f"CASE WHEN {nothing} THEN '{way.kind} no address'"
            f" WHEN {address} IS NULL THEN '{way.kind} {Word.SUPPRESSED}'"
            f" WHEN {no} THEN '{way.kind} {Word.NO_CONSENT}' ELSE {capped} END"
        )
        tried.append(_Tried(said, nothing, f"{open_} AND {capped} IS NOT NULL"))
    return bound, _exhausted(tried)


class _Tried(NamedTuple):
    """SQL about one way: why it is closed, whether there is no address at all, whether a cap closed it."""

    said: str
    nothing: str
    capped: str


def _exhausted(tried: Sequence[_Tried]) -> str:
    """The reason as delivery words it: by a cap, by consent alone, or because no channel can."""
    if not tried:
        return f"'{Word.NO_CHANNEL}: {asking.EXHAUSTED}'"
    trail = " || ', ' || ".join(one.said for one in tried)
    word = (
        f"CASE WHEN {' OR '.join(one.capped for one in tried)} THEN '{Word.CAP}'"
        f" WHEN {' OR '.join(one.nothing for one in tried)} THEN '{Word.NO_CHANNEL}' ELSE '{Word.NO_CONSENT}' END"
    )
    return f"{word} || ': ' || {trail}"
