"""`send`: a message is queued in the transaction that moves its run. It leaves later, past policy and rendering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automation.audience import references
from automation.audience.parameters import Parameters
from automation.engine import decide, timing, values
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.festivals import quiet
from automation.journey import graph
from automation.policy.quiet_hours import SPREAD
from automation.store.database import Transaction

COLUMNS = "run_id, step, visit, person_id, version_id, purpose, priority, variant, due, scheduled_at, expires_at"
SENDING = "step BIGINT, run_id BIGINT, leaf BIGINT, at BIGINT, due BIGINT, expires BIGINT"
ONCE = "ON CONFLICT (run_id, step, visit) DO NOTHING"


def step(parts: Parts, loaded: Loaded, send: graph.Send, chosen: str, parameters: Parameters, now: int) -> Any:
    """Queues the message for the chosen leaves, at moments of `plan`, or at those that were worked out before."""
    fixed = _fixed(parts, loaded, send)
    source, variant = _source(parts, loaded, send, parameters)
    if is_worked_out(parts, send, now):
        source += f" {parts.store.dialect.join_in_order} sending ON sending.run_id = plan.run_id"
        chosen = f"sending.step = {loaded.steps[send.key]}"
        moments = "sending.due, sending.at, sending.expires"
    else:
        due = parts.store.dialect.greatest("plan.at", opening(parts, send, "plan.zone", "plan.seed"))
        moments = f"{due}, plan.at, plan.at + {timing.plain_seconds(parts, send.expires, now)}"
    sql = (
        f"{parts.store.dialect.insert} INTO message ({COLUMNS}) SELECT {fixed}, {variant}, {moments} FROM {source}"
        f" WHERE {chosen} {ONCE}"
    )
    return lambda tx, moment, bound: tx.run(sql, **bound)


def is_worked_out(parts: Parts, send: graph.Send, now: int) -> bool:
    """Whether the moments of its messages are more than a length after those of `plan`."""
    return send.at is not None or timing.plain_seconds(parts, send.expires, now) is None


def opening(parts: Parts, send: graph.Send, zone: str, seed: str) -> str:
    """SQL of the first moment that is not quiet for this purpose, spread where it lies ahead."""
    if window(parts, send) is None:
        return ":now"
    name = _opening_name(send)
    cases = " ".join(f"WHEN {number} THEN :{name}_{number}" for number in parts.zones.all() if number)
    opens = f"(CASE {zone} {cases} ELSE :{name}_0 END)" if cases else f":{name}_0"
    return f"({opens} + CASE WHEN {opens} > :now THEN {seed} % {SPREAD} ELSE 0 END)"


def openings(parts: Parts, sends: Sequence[graph.Send], now: int) -> dict[str, int]:
    """The bound values of `opening` for these sends: one for each purpose and zone."""
    found: dict[str, int] = {}
    for send in sends:
        closed = window(parts, send)
        if closed is not None:
            for number, zone in parts.zones.all().items():
                found[f"{_opening_name(send)}_{number}"] = quiet.open_at(closed, now, zone)
    return found


def reopening(parts: Parts, leaf: graph.Leaf) -> str | None:
    """SQL of the moment at which quiet hours let all messages of the leaf go, 0 where it is not quiet; None: never is.

    From the bare columns zone and seed. A message that may leave at once counts from its planned moment, not from now:
    else every late tick would put off all that follows.
    """
    sends = [effect for effect in leaf.effects if isinstance(effect, graph.Send) and effect.at is None]
    moments = dict.fromkeys(opening(parts, send, "zone", "seed") for send in sends if window(parts, send))
    cases = [f"CASE WHEN {opens} > :now THEN {opens} ELSE 0 END" for opens in moments]
    return parts.store.dialect.greatest(*cases, "0") if cases else None


def window(parts: Parts, send: graph.Send) -> quiet.Window | None:
    """The quiet hours this message has to keep."""
    return None if send.ignore_quiet else parts.project.policy.purposes[send.purpose].quiet


class Moments:
    """When the messages of a send are planned, may leave and expire, into `sending`: once for each distinct case."""

    def __init__(self, parts: Parts, loaded: Loaded, send: graph.Send, chosen: str, parameters: Parameters) -> None:
        self._parts, self._send, self._step = parts, send, loaded.steps[send.key]
        self._shop_clock = loaded.journey.shop_clock
        paths = [*timing.references(send.at), *timing.references(send.expires)]
        picked = "".join(f", {references.text(parts.compiler, path, parameters)}" for path in paths)
        runs = values.joined(parts, "plan")
        self._read = f"SELECT plan.run_id, plan.leaf, plan.zone, plan.seed, plan.at{picked} FROM {runs} WHERE {chosen}"

    def __call__(self, tx: Transaction, now: int, bound: dict[str, Any]) -> None:
        send, closed = self._send, window(self._parts, self._send)
        when = timing.resolver(self._parts, send.at, self._shop_clock, limit=False) if send.at else None
        until = timing.resolver(self._parts, send.expires, self._shop_clock, limit=True)
        split = len(timing.references(send.at))
        found = []
        for run_id, leaf, zone, seed, at, *given in tx.rows(self._read, **bound):
            planned = when(zone, at, given[:split]) if when else at
            due = max(planned, now)
            if closed is not None and (opens := quiet.open_at(closed, due, self._parts.zones[zone])) > due:
                due = opens + seed % SPREAD
            found.append((self._step, run_id, leaf, planned, due, until(zone, planned, given[split:])))
        tx.insert("sending", ("step", "run_id", "leaf", "at", "due", "expires"), found)


def _fixed(parts: Parts, loaded: Loaded, send: graph.Send) -> str:
    """The columns before the variant."""
    purpose = parts.names.ensure("purpose", [send.purpose])[send.purpose]
    priority = 100 - parts.project.policy.purposes[send.purpose].priority  # claims go up the index
    return f"plan.run_id, {loaded.steps[send.key]}, plan.visit, plan.person_id, :version, {purpose}, {priority}"


def _source(parts: Parts, loaded: Loaded, send: graph.Send, parameters: Parameters) -> tuple[str, str]:
    """FROM and the variant of the text; run and person are joined only where something asks about them."""
    variants = parts.project.variants.get(send.text, ())
    if not variants:
        return "plan", "CAST(NULL AS TEXT)"
    whens = []
    for name, condition in variants:
        test = decide.condition_sql(parts, loaded, condition, parameters)
        whens.append(f"WHEN {test} THEN {parameters.add(name)}")
    return values.joined(parts, "plan"), f"CASE {' '.join(whens)} END"


def _opening_name(send: graph.Send) -> str:
    return f"open_{send.purpose.encode().hex()}"
