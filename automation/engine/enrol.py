"""Who may enter a journey, as SQL. Whoever asks to stands in the temporary table `entering`."""

from __future__ import annotations

from automation.audience import splits
from automation.journey import graph
from automation.store import occasions
from automation.store.database import Transaction
from automation.store.states import RunState

from . import timing
from .parts import Parts
from .registry import Loaded

COLUMNS = "person_id, key, episode, entered_at, clock, data, event_id, depth, parent_run"
ENTERING = (
    "person_id BIGINT, key TEXT, episode TEXT, entered_at BIGINT, clock BIGINT, data TEXT, event_id BIGINT,"
    " depth BIGINT, parent_run BIGINT, id {numbered}"
)
DEEPEST = 8  # runs that bring about one another


def gather(tx: Transaction, source: str, **bound: object) -> int:
    """Fills `entering` with the rows of a SELECT of `COLUMNS`; returns how many ask to enter."""
    tx.temporary("entering", ENTERING.format(numbered=tx.dialect.numbered("run")))
    return tx.run(f"INSERT INTO entering ({COLUMNS}) {source}", **bound)


def begun() -> str:
    """FROM: those of `entering` as the runs they become where they may."""
    return f"(SELECT :reserved + s.id AS id, 0 AS visit, {COLUMNS} FROM entering s)"


def admitted(loaded: Loaded) -> str:
    """SQL of who may enter, of the runs `r` of `begun` and their people `p`.

    Who was merged away, is inside, or has been here by the journey's `again`, stays out.
    """
    there = blocking(loaded, person="r.person_id", at="r.entered_at", key="r.key", episode="r.episode")
    return f"p.merged_into IS NULL AND r.depth <= {DEEPEST} AND NOT EXISTS ({there})"


def timely(loaded: Loaded, row: str) -> str:
    """SQL of the rows in line that still mean something: who was to begin anew is inside an older version."""
    old = inside(loaded, person=f"{row}.person_id", key=f"{row}.key")
    its_turn = occasions.takes_place_of(f"{row}.episode", "o")
    return (
        f"(NOT ({occasions.is_anew(f'{row}.episode')})"
        f" OR EXISTS ({old} AND o.version_id <> {loaded.version_id} AND {its_turn}))"
    )


def inside(loaded: Loaded, *, person: str, key: str = "''") -> str:
    """SQL of the run that stands in the journey now: a single entry of the index of open runs."""
    return (
        f"SELECT 1 FROM run o WHERE o.person_id = {person} AND o.journey_id = {loaded.journey_id} AND o.key = {key}"
        f" AND o.state = {RunState.INSIDE:d}"
    )


def blocking(loaded: Loaded, *, person: str, at: str, key: str = "''", episode: str | None = None) -> str:
    """SQL of the runs that keep a person out: the same entry again, one too recent, or one still inside, unless it is
    the one that the entry is to take the place of.

    A run that gave way to another was no stay of its own: `again` does not count it.
    """
    journey = loaded.journey
    same = f"SELECT 1 FROM run o WHERE o.journey_id = {loaded.journey_id} AND o.person_id = {person} AND o.key = {key}"
    stayed = f"o.state = {RunState.ENDED} AND o.reason NOT IN {occasions.NO_STAY}"
    open_ = f"o.state = {RunState.INSIDE}"
    if episode is not None:
        open_ += f" AND NOT ({occasions.takes_place_of(episode, 'o')})"
    tests = [] if journey.restart_inside else [open_]
    if episode is not None:
        tests.append(f"o.episode = {episode}")
    if journey.again is graph.Again.NEVER:
        tests.append(stayed)
    if journey.again is graph.Again.AFTER and journey.again_after is not None:
        tests.append(f"{stayed} AND o.entered_at > {at} - {timing.span_seconds(journey.again_after)}")
    return f"{same} AND ({' OR '.join(tests) or '1 = 0'})"


def holdout(parts: Parts, journey: graph.Journey) -> str:
    """SQL over the person `p`: 1 for the control group of this journey or of the whole shop's marketing."""
    tests = []
    if journey.holdout:
        tests.append(f"{splits.number_sql(journey.name, 'holdout', 'p.seed')} < {splits.share(journey.holdout)}")
    everywhere = parts.settings.control_group
    if everywhere and journey.kind == "marketing":
        tests.append(f"{splits.number_sql('', 'control_group', 'p.seed')} < {splits.share(everywhere / 100)}")
    return f"CASE WHEN {' OR '.join(tests)} THEN 1 ELSE 0 END" if tests else "0"


def episode_sql(loaded: Loaded, occurrence: str, at: str) -> str:
    """SQL of what tells two entries of one person and key apart."""
    again = loaded.journey.again
    if loaded.journey.restart_inside:
        return occurrence
    if again is graph.Again.NEVER:
        return "''"
    if again is graph.Again.AFTER:
        return f"CAST({at} AS TEXT)"
    return occurrence
