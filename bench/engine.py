"""How fast the engine moves people, beside what else one could write, in one run on one machine.

`python -m bench.engine [--people 1000000]`. People who have not ordered for 90 days enter a journey read from YAML,
get a message, wait three days; three in ten order meanwhile and leave; the others are split in halves, get a second
message, wait seven days and leave. A transition is one executed step. Every variant starts from the same database,
commits with synchronous=FULL, runs in a process of its own, and must leave the same messages and runs behind.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from automation.engine import tick
from automation.engine.parts import Parts
from automation.store.checkpoints import Checkpoints
from bench import loops, measure, rivals, row_loop, world

ROW_LOOP_AT: Final = 10_000
SMALLER_AT: Final = 100_000
LIMITS: Final = {
    "ratio_row_loop": (">=", 100),
    "ratio_careful_loop": (">=", 3),
    "ratio_ceiling": (">=", 0.75),
    "linearity": (">=", 0.8),
    "peak_mb": ("<", 256),
    "idle_tick_ms": ("<", 10),
}
RESULT: Final = """
    SELECT (SELECT json_array(count(*), sum(person_id * step % 1009), sum(due - :check), sum(expires_at - due),
                              sum(purpose + priority + state + visit)) FROM message),
           (SELECT json_array(count(*), sum(person_id * node % 1009), sum(clock - :check), sum(node_at - :check),
                              sum(entered_at - :check), sum(ended_at - :check), sum(state), sum(holdout), sum(depth),
                              sum(length(episode)), count(due)) FROM run),
           (SELECT json_group_array(reason || ' ' || path || ' ' || n) FROM (SELECT reason, path, count(*) AS n FROM run
            GROUP BY reason, path ORDER BY reason, path))"""


class _Engine:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def tick(self, now: int) -> None:
        tick.tick(self._parts, now)


VARIANTS: Final[dict[str, Callable[[Parts], rivals.Rival]]] = {
    "engine": _Engine,
    "written SQL": rivals.WrittenSql,
    "careful loop": loops.CarefulLoop,
    "tuned loop": loops.TunedLoop,
    "hybrid loop": loops.HybridLoop,
    "row loop": lambda parts: row_loop.RowLoop(parts, alone=False),
    "row loop, a commit each": lambda parts: row_loop.RowLoop(parts, alone=True),
}


def run_variant(name: str, path: Path) -> dict[str, Any]:
    """In the child: the three ticks; what it cost and what it left behind."""
    parts = world.opened(path)
    people = int(parts.store.value("SELECT count(*) FROM person"))
    variant = VARIANTS[name](parts)
    watch = measure.Watch()
    idle = None
    with _checkpoints(variant, parts):
        for number, moment in enumerate(world.MOMENTS):
            if number == 1:
                measure.child("bench.world", "order", path)
            with watch:
                variant.tick(moment)
            if number == 0 and name == "engine":
                idle = _idle_ms(parts, moment + 60)
        peak = measure.peak_mb()
    result = parts.store.row(RESULT, check=world.CHECK)
    if parts.store.value("SELECT count(*) FROM message") != world.messages(people):
        raise SystemExit(f"{name} did not write the messages it should have")
    rate = world.transitions(people) / watch.seconds
    return {"variant": name, "people": people, "seconds": watch.seconds, "cpu": watch.cpu, "rate": rate,
            "peak_mb": peak, "idle_ms": idle, "result": result}  # fmt: skip


@contextmanager
def _checkpoints(variant: rivals.Rival, parts: Parts) -> Iterator[None]:
    """The product's checkpoint thread, where its connections may be open."""
    if isinstance(variant, loops.CarefulLoop):
        yield
        variant.close()
    else:
        checkpoints = Checkpoints(parts.store)
        checkpoints.start()
        yield
        checkpoints.stop()


def _idle_ms(parts: Parts, now: int) -> float:
    """A tick that finds nobody due, everybody waiting: the median of many."""
    taken = []
    for second in range(51):
        watch = measure.Watch()
        with watch:
            if tick.tick(parts, now + second).anything:
                raise SystemExit("the idle tick moved somebody")
        taken.append(watch.seconds * 1000)
    return statistics.median(taken)


def compare(folder: Path, people: int) -> list[dict[str, Any]]:
    """Every variant at its size, the engine beside it at the same size where figures are divided."""
    measured = []
    for size, names in _plan(people):
        base = folder / f"people_{size}.db"
        if not base.exists():
            measure.progress(f"seeding {size:,} people")
            measure.child("bench.world", "seed", base, size)
        for name in names:
            measure.progress(f"{name}, {size:,} people")
            path = folder / "variant.db"
            measure.child("bench.world", "copy", base, path)
            measured.append(measure.child("bench.engine", "--variant", name, path))
            world.remove(path)
    return measured


def _plan(people: int) -> list[tuple[int, Sequence[str]]]:
    small = min(ROW_LOOP_AT, people)
    medium = min(SMALLER_AT, people)
    return [
        (small, ("engine", "engine", "row loop", "engine", "engine", "engine")),
        (medium, ("engine", "engine", "engine")),
        (
            people,
            ("written SQL", "engine", "careful loop", "engine", "tuned loop", "written SQL", "engine", "hybrid loop"),
        ),
    ]


def figures(measured: Sequence[dict[str, Any]], people: int) -> dict[str, float]:
    """Ratios of medians; each divides two variants at one size, or the engine at two."""

    def rate(name: str, size: int, key: str = "rate") -> float:
        return float(statistics.median(it[key] for it in measured if it["variant"] == name and it["people"] == size))

    def spent(name: str, size: int) -> float:
        """How often the engine's processor time fits into the other's: steadier than the clock of a shared machine."""
        return round(rate(name, size, "cpu") / rate("engine", size, "cpu"), 2)

    engine = rate("engine", people)
    small = min(ROW_LOOP_AT, people)
    return {
        "people": people,
        "transitions_per_s": round(engine),
        "ratio_row_loop": round(rate("engine", small) / rate("row loop", small), 1),
        "ratio_careful_loop": round(engine / rate("careful loop", people), 2),
        "ratio_tuned_loop": round(engine / rate("tuned loop", people), 2),
        "ratio_hybrid_loop": round(engine / rate("hybrid loop", people), 2),
        "ratio_ceiling": round(engine / rate("written SQL", people), 3),
        "linearity": round(engine / rate("engine", min(SMALLER_AT, people)), 3),
        "peak_mb": round(max(it["peak_mb"] for it in measured if it["variant"] == "engine"), 1),
        "idle_tick_ms": round(rate("engine", people, "idle_ms"), 2),
        "cpu_ratio_row_loop": spent("row loop", small),
        "cpu_ratio_careful_loop": spent("careful loop", people),
        "cpu_ratio_tuned_loop": spent("tuned loop", people),
        "cpu_ratio_hybrid_loop": spent("hybrid loop", people),
        "cpu_ratio_ceiling": spent("written SQL", people),
    }


def refuse_differences(measured: Sequence[dict[str, Any]]) -> None:
    """Fast and wrong is not fast: all variants of a size leave the same rows behind."""
    for size in {it["people"] for it in measured}:
        results = {it["variant"]: it["result"] for it in measured if it["people"] == size}
        if any(result != results["engine"] for result in results.values()):
            raise SystemExit(f"the variants at {size:,} people left different rows behind: {results}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--variant", nargs=2, metavar=("NAME", "FILE"), help="one variant on a seeded file")
    chosen = parser.parse_args(arguments)
    if chosen.variant:
        measure.last_line(run_variant(chosen.variant[0], Path(chosen.variant[1])))
        return 0
    with tempfile.TemporaryDirectory(prefix="lucheng-bench-") as name:
        measured = compare(Path(name), chosen.people)
    refuse_differences(measured)
    measure.table(
        {"variant": it["variant"], "people": it["people"], "seconds": it["seconds"], "cpu s": it["cpu"],
         "transitions/s": it["rate"], "peak MB": it["peak_mb"]}
        for it in measured
    )  # fmt: skip
    print()
    found = figures(measured, chosen.people)
    measure.verdicts(found, LIMITS)
    print()
    measure.last_line(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
