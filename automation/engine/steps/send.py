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
from automation.store.database import Transaction

SPREAD = 900  # seconds over which messages leave after quiet hours, by the person's seed
COLUMNS = "run_id, step, visit, person_id, version_id, purpose, priority, variant, due, scheduled_at, expires_at"
ONCE = "ON CONFLICT (run_id, step, visit) DO NOTHING"


def step(parts: Parts, loaded: Loaded, send: graph.Send, chosen: str, parameters: Parameters, now: int) -> Any:
    """Queues the message for the chosen leaves: one statement, or per case where a moment has to be worked out."""
    seconds = timing.plain_seconds(parts, send.expires, now)
    if send.at is not None or seconds is None:
        return _WorkedOut(parts, loaded, send, chosen, parameters)
    source, variant = _source(parts, loaded, send, "plan", parameters)
    due = parts.store.dialect.greatest("plan.at", opening(parts, send, "plan.zone", "plan.seed"))
    sql = (
        f"{parts.store.dialect.insert} INTO message ({COLUMNS}) SELECT plan.run_id, {_fixed(parts, loaded, send)},"
        f" {variant}, {due}, plan.at, plan.at + {seconds} FROM {source} WHERE {chosen} {ONCE}"
    )
    return lambda tx, moment, bound: tx.run(sql, **bound)


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


class _WorkedOut:
    """A send with `at`, or a limit that is no plain length: due and expiry are resolved once per distinct case."""

    def __init__(self, parts: Parts, loaded: Loaded, send: graph.Send, chosen: str, parameters: Parameters) -> None:
        self._parts, self._send = parts, send
        self._shop_clock = loaded.journey.shop_clock
        self._paths = [*timing.references(send.at), *timing.references(send.expires)]
        picked = "".join(f", {references.text(parts.compiler, path, parameters)}" for path in self._paths)
        runs = values.joined(parts, "plan")
        self._read = f"SELECT plan.run_id, plan.zone, plan.seed, plan.at{picked} FROM {runs} WHERE {chosen}"
        source, variant = _source(parts, loaded, send, "sending", parameters)
        self._insert = (
            f"{parts.store.dialect.insert} INTO message ({COLUMNS}) SELECT sending.run_id,"
            f" {_fixed(parts, loaded, send, 'sending')}, {variant}, sending.due, sending.at, sending.expires"
            f" FROM {source} WHERE true {ONCE}"
        )

    def __call__(self, tx: Transaction, now: int, bound: dict[str, Any]) -> None:
        timed = self.timed(tx, now, bound)
        if not timed:
            return
        tx.temporary("sending", "run_id BIGINT, at BIGINT, due BIGINT, expires BIGINT, person_id BIGINT, visit BIGINT")
        tx.many("INSERT INTO sending (run_id, at, due, expires) VALUES (:run_id, :at, :due, :expires)", timed)
        tx.run(self._insert, **bound)

    def timed(self, tx: Transaction, now: int, bound: dict[str, Any]) -> list[dict[str, int]]:
        """Of each run: when its message is planned, when it may leave, and when it expires."""
        rows = tx.rows(self._read, **bound)
        send, closed = self._send, window(self._parts, self._send)
        when = timing.resolver(self._parts, send.at, self._shop_clock, limit=False) if send.at else None
        until = timing.resolver(self._parts, send.expires, self._shop_clock, limit=True)
        split = len(timing.references(send.at))
        found = []
        for run_id, zone, seed, at, *given in rows:
            planned = when(zone, at, given[:split]) if when else at
            due = max(planned, now)
            if closed is not None and (opens := quiet.open_at(closed, due, self._parts.zones[zone])) > due:
                due = opens + seed % SPREAD
            found.append({"run_id": run_id, "at": planned, "due": due, "expires": until(zone, planned, given[split:])})
        return found


class PutOff:
    """What follows a send with `at` counts from when that message may leave, so that two never come together."""

    def __init__(
        self, parts: Parts, loaded: Loaded, send: graph.Send, leaf: int, wait: int | None, parameters: Parameters
    ) -> None:
        """`wait`: the seconds that those of the leaf wait next, None where their moment is worked out later."""
        self._sent = _WorkedOut(parts, loaded, send, f"plan.leaf = {leaf}", parameters)
        # Who need not wait, because what they wait for has come, goes on at once.
        waits = f"CASE WHEN run.due = run.clock + {wait} THEN put_off.until + {wait} ELSE run.due END"
        self._move = (
            f"UPDATE run SET due = {'run.due' if wait is None else waits}, clock = put_off.until FROM put_off"
            " WHERE run.id = put_off.run_id AND run.clock < put_off.until"
        )

    def __call__(self, tx: Transaction, now: int, bound: dict[str, Any]) -> None:
        timed = self._sent.timed(tx, now, bound)
        if not timed:
            return
        tx.temporary("put_off", "run_id BIGINT, until BIGINT")
        tx.many("INSERT INTO put_off (run_id, until) VALUES (:run_id, :due)", timed)
        tx.run(self._move)
        tx.run(
            "UPDATE plan SET base = put_off.until FROM put_off"
            " WHERE plan.run_id = put_off.run_id AND plan.base < put_off.until"
        )


def _fixed(parts: Parts, loaded: Loaded, send: graph.Send, source: str = "plan") -> str:
    purpose = parts.names.ensure("purpose", [send.purpose])[send.purpose]
    priority = 100 - parts.project.policy.purposes[send.purpose].priority  # claims go up the index
    rows = "plan" if source == "plan" else "r"
    return f"{loaded.steps[send.key]}, {rows}.visit, {rows}.person_id, :version, {purpose}, {priority}"


def _source(parts: Parts, loaded: Loaded, send: graph.Send, table: str, parameters: Parameters) -> tuple[str, str]:
    """FROM and the variant of the text; run and person are joined only where something asks about them."""
    variants = parts.project.variants.get(send.text, ())
    if not variants:
        return ("plan" if table == "plan" else values.joined(parts, table)), "CAST(NULL AS TEXT)"
    whens = []
    for name, condition in variants:
        test = decide.condition_sql(parts, loaded, condition, parameters)
        whens.append(f"WHEN {test} THEN {parameters.add(name)}")
    return values.joined(parts, table), f"CASE {' '.join(whens)} END"


def _opening_name(send: graph.Send) -> str:
    return f"open_{send.purpose.encode().hex()}"
