"""What stands where: journeys, their steps, one person's runs. Reads only, for operators' screens.

Rows are mappings with times in UTC seconds and steps by the key they have in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automation.festivals import walltime
from automation.journey import graph
from automation.kernel import errors, source
from automation.kernel.document import nearest
from automation.store.database import Statements
from automation.store.states import MessageState, RunState

from . import program
from .parts import Parts

JOURNEYS = """
    SELECT j.id, j.name, j.status, j.paused, j.source, v.hash, v.at, v.source FROM journey j
    LEFT JOIN version v ON v.id = j.live_version ORDER BY j.name"""
COUNTS = f"""
    SELECT journey_id, sum(CASE WHEN state = {RunState.INSIDE} AND holdout = 0 THEN 1 ELSE 0 END),
        sum(CASE WHEN holdout = 1 THEN 1 ELSE 0 END), sum(CASE WHEN entered_at >= :today THEN 1 ELSE 0 END)
    FROM run GROUP BY journey_id"""
WAITING = "SELECT journey_id, count(*) FROM entrant GROUP BY journey_id"
STUCK = "SELECT r.journey_id, count(*) FROM stuck s JOIN run r ON r.id = s.run_id GROUP BY r.journey_id"
STATES = (
    "SELECT m.state, count(*) FROM run r JOIN message m ON m.run_id = r.id WHERE r.journey_id = :j GROUP BY m.state"
)
STANDING = f"""
    SELECT s.key, r.version_id, count(*), min(coalesce(r.due, r.held_due)),
        sum(CASE WHEN r.due IS NULL THEN 1 ELSE 0 END)
    FROM run r JOIN step s ON s.id = r.node
    WHERE r.journey_id = :journey AND r.state = {RunState.INSIDE} AND r.holdout = 0 GROUP BY s.key, r.version_id"""
SENT = """
    SELECT s.key, m.state, count(*) FROM run r JOIN message m ON m.run_id = r.id JOIN step s ON s.id = m.step
    WHERE r.journey_id = :journey GROUP BY s.key, m.state"""
RUNS = """
    SELECT r.id, j.name, j.paused, j.status, r.key, r.state, r.holdout, s.key, r.due, r.held_due, r.entered_at,
        r.ended_at, r.reason, r.path, r.version_id, k.error, r.goal_at
    FROM run r JOIN journey j ON j.id = r.journey_id LEFT JOIN step s ON s.id = r.node
    LEFT JOIN stuck k ON k.run_id = r.id
    WHERE r.person_id = :person AND r.journey_id IN (SELECT id FROM journey) ORDER BY r.entered_at DESC, r.id DESC
    LIMIT :most"""

RUN_COLUMNS = (
    "id", "journey", "paused", "status", "key", "state", "holdout", "step", "due", "held_due", "entered_at", "ended_at",
    "reason", "path", "version", "error", "goal_at",
)  # fmt: skip
ON_THE_WAY = (MessageState.CLAIMED, MessageState.DISPATCHING)
WAITS = {graph.NodeKind.WAIT: "waits", graph.NodeKind.WAIT_FOR: "waits for something to happen"}


def journeys(parts: Parts, now: int) -> list[dict[str, Any]]:
    """Every journey of the store and of the files: who is inside, entered today, waits to enter, is stuck."""
    today = walltime.midnight(walltime.local(now, parts.zones.shop).date(), parts.zones.shop)
    counts = {row[0]: row[1:] for row in parts.store.rows(COUNTS, today=today)}
    waiting: dict[int, int] = dict(parts.store.rows(WAITING))
    stuck: dict[int, int] = dict(parts.store.rows(STUCK))
    found = {}
    for number, name, status, paused, origin, digest, since, text in parts.store.rows(JOURNEYS):
        inside, holdout, entered = counts.get(number, (0, 0, 0))
        if origin == "campaign":
            status = campaign_status(status, waiting.get(number, 0), dict(parts.store.rows(STATES, j=number)))
        found[name] = {
            "name": name, "title": _title(parts, name, text), "status": "paused by order" if paused else status,
            "version": (digest or "")[:8], "since": since, "inside": inside, "holdout": holdout,
            "entered_today": entered, "waiting": waiting.get(number, 0), "stuck": stuck.get(number, 0),
            "source": origin,
        }  # fmt: skip
    for name, journey in parts.project.journeys.items():
        if name not in found:
            status = "draft" if journey.status is graph.Status.DRAFT else f"{journey.status}, not yet installed"
            found[name] = {
                "name": name, "title": journey.title, "status": status, "version": journey.hash[:8], "since": None,
                "inside": 0, "holdout": 0, "entered_today": 0, "waiting": 0, "stuck": 0, "source": "file",
            }  # fmt: skip
    return [found[name] for name in sorted(found)]


def campaign_status(status: str, waiting: int, states: Mapping[Any, int]) -> str:
    """A campaign is over only when nothing of it waits any more. `waiting`: people in line; `states`: its messages by
    MessageState."""
    if status == graph.Status.STOPPED:
        return "stopped"
    if waiting or any(states.get(state) for state in (MessageState.QUEUED, *ON_THE_WAY)):
        return "running"
    if states.get(MessageState.AMBIGUOUS):
        return "held"
    return "awaiting employees" if states.get(MessageState.AWAITING) else "finished"


def steps(parts: Parts, name: str) -> list[dict[str, Any]]:
    """The standing places and sends of a journey in the order of its file, then those of older versions."""
    journey_id = number(parts.store, name)
    standing: dict[str, list[Any]] = {}
    live = parts.registry.by_name(name)
    for key, version, people, due, held in parts.store.rows(STANDING, journey=journey_id):
        row = standing.setdefault(key, [0, None, 0, 0])
        row[0] += people
        row[1] = due if row[1] is None else min(row[1], due or row[1])
        row[2] += held
        row[3] += people if live is None or version != live.version_id else 0
    sends: dict[str, dict[str, int]] = {}
    for key, state, count in parts.store.rows(SENT, journey=journey_id):
        sends.setdefault(key, {})[MessageState(state).name.lower()] = count
    known = _order(live.journey) if live else {}
    keys = [*known, *(key for key in [*standing, *sends] if key not in known)]
    return [
        {
            "step": key, "kind": known.get(key, "of an older version"), "people": standing.get(key, [0])[0],
            "next_due": standing[key][1] if key in standing else None,
            "held": standing[key][2] if key in standing else 0,
            "older": standing[key][3] if key in standing else 0, "messages": sends.get(key, {}),
        }
        for key in dict.fromkeys(keys)
        if key != graph.START or key in standing  # only a parked control group stands there
    ]  # fmt: skip


def number(statements: Statements, name: str) -> int:
    """The id of a journey; Refused for one that was never live."""
    known: dict[str, int] = dict(statements.rows("SELECT name, id FROM journey"))
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else "it does so with `run.py start`, once the file says status: live"
        raise errors.Refused(f"the engine has not taken up any journey '{name}'; {hint}")
    return int(known[name])


def runs(parts: Parts, person: int, most: int) -> list[dict[str, Any]]:
    """A person's runs, the newest first: where each stands, until when, why, and the way it came."""
    keys: dict[int, str] = dict(parts.store.rows("SELECT id, key FROM step"))
    rows = parts.store.rows(RUNS, person=person, most=most)
    return [_run(parts, dict(zip(RUN_COLUMNS, row, strict=True)), keys) for row in rows]


def way(path: str, keys: Mapping[int, str]) -> list[dict[str, Any]]:
    """The crossings of a run: the step it left, by an answer or not, which way (leaf), and when, to the minute."""
    found = []
    for crossing in filter(None, path.split(";")):
        place, _, minute = crossing.partition("@")
        answered = program.ANSWERED in place
        node, _, leaf = place.partition(program.ANSWERED if answered else program.DUE)
        found.append(
            {"step": keys.get(int(node), node), "answered": answered, "leaf": int(leaf), "at": int(minute) * 60}
        )
    return found


def _run(parts: Parts, row: Mapping[str, Any], keys: Mapping[int, str]) -> dict[str, Any]:
    inside = row["state"] == RunState.INSIDE
    return {
        "run": row["id"],
        "journey": row["journey"],
        "key": row["key"],
        "inside": inside,
        "step": row["step"] if inside else "",
        "due": row["held_due"] if row["due"] is None else row["due"],
        "why": _why(parts, row) if inside else row["reason"] or "",
        "entered_at": row["entered_at"],
        "ended_at": row["ended_at"],
        "goal_at": row["goal_at"],
        "path": way(row["path"], keys),
    }


def _title(parts: Parts, name: str, text: str | None) -> str:
    """`text`: the live version's YAML, which says it also where nobody can enter that version any more."""
    live = parts.registry.by_name(name)
    if live is not None:
        return live.journey.title
    return str((source.parse(text, name).data or {}).get("title", "")) if text else ""


def _order(journey: graph.Journey) -> dict[str, str]:
    """Standing places and sends, by key, with what they are. Fences are no place anybody is told of."""
    found: dict[str, str] = {}
    for key, node in journey.nodes.items():
        if node.kind is not graph.NodeKind.FENCE:
            found[key] = str(node.kind)
        crossings = [node.go] if node.awaited is None else [node.awaited.answered, node.go]
        for leaf in (leaf for crossing in crossings for leaf in crossing.leaves):
            found |= {one.key: "send" for one in leaf.effects if isinstance(one, graph.Send)}
    return found


def _why(parts: Parts, row: Mapping[str, Any]) -> str:
    if row["error"]:
        return f"stuck: {row['error']}"
    if row["paused"] or row["status"] == graph.Status.PAUSED:
        return "the journey is paused"
    if row["holdout"]:
        return "control group: nothing is sent"
    loaded = parts.registry.versions.get(row["version"])
    node = loaded.journey.nodes.get(row["step"] or "") if loaded else None
    if node is None:
        return "its version cannot be read: run.py check"
    return WAITS.get(node.kind, "moves on")
