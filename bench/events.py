"""How long an event waits for its reaction while a tick moves a million people.

`python -m bench.events [--people 1000000]`. Somebody views a page; the event is written and queued, taken in by the
engine, and lets them into a second journey whose first step writes a message: the time from before the first write to
after the last commit. Meanwhile everybody's wait is over and a tick moves them, in a thread of the same process or in
another process; once with the product's turnstile, once with nothing but SQLite's own busy handler.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from automation.engine import due, events, tick
from automation.engine.parts import Parts
from automation.people import happenings, keyring, sealing
from automation.people.registry import Registry, opened
from automation.store.checkpoints import Checkpoints
from automation.store.turnstile import OpenGate
from bench import measure, world

WAITS: Final = ("turnstile", "busy")
PLACES: Final = ("thread", "process")
MOMENT: Final = world.MOMENTS[1]
PAUSE: Final = 0.005  # seconds between two events, on average
PATIENCE: Final = 600  # seconds; SQLite's busy handler gives up after this
LIMITS: Final = {
    "p99_ms": ("<", 40),
    "ratio_busy_handler": (">=", 40),
}


def prepare(path: Path, people: int) -> None:
    """In a child: everybody has entered and three in ten have ordered; at MOMENT all their waits are over."""
    world.seed(path, people)
    parts = world.opened(path)
    checkpoints = Checkpoints(parts.store)
    checkpoints.start()
    tick.tick(parts, world.CHECK)
    checkpoints.stop()
    parts.store.close()
    world.order(path)


def record(parts: Parts, registry: Registry, person: int) -> float:
    """One event and what follows from it; milliseconds."""
    began = time.perf_counter()
    event = happenings.checked(registry, MOMENT, happenings.Happening(person, "page.viewed", {"page": "/x"}))
    with parts.store.write() as tx:
        happenings.add(tx, MOMENT, event)
    while events.drain(parts, MOMENT):
        pass
    return (time.perf_counter() - began) * 1000


def advance(parts: Parts) -> float:
    """Moves everybody who is due; seconds."""
    began = time.perf_counter()
    while due.advance(parts, MOMENT, parts.settings.engine.batch):
        pass
    return time.perf_counter() - began


def measure_case(path: Path, waits: str, place: str) -> dict[str, Any]:
    """In a child: events one after another, with pauses, for as long as the tick runs."""
    parts, registry = _parts(path, waits), _registry(path)
    people = int(parts.store.value("SELECT count(*) FROM person"))
    chosen = iter(random.Random(3).sample(range(1, people + 1), min(people, 50_000)))
    idle = [record(parts, registry, next(chosen)) for _ in range(200)]
    checkpoints = Checkpoints(parts.store)
    if place == "thread":
        checkpoints.start()
    taken, seconds = _beside(_ticker(parts, path, waits, place), parts, registry, chosen)
    if place == "thread":
        checkpoints.stop()
    _refuse_losses(parts, len(idle) + len(taken))
    return {"waits": waits, "place": place, "events": len(taken), "idle_p99_ms": measure.percentile(idle, 0.99),
            "p50_ms": measure.percentile(taken, 0.5), "p99_ms": measure.percentile(taken, 0.99),
            "max_ms": max(taken), "tick_s": seconds}  # fmt: skip


def _ticker(parts: Parts, path: Path, waits: str, place: str) -> Callable[[], float]:
    if place == "process":
        return lambda: float(measure.child("bench.events", "--tick", path, waits)["seconds"])
    return lambda: advance(parts)


def _beside(
    ticker: Callable[[], float], parts: Parts, registry: Registry, chosen: Any
) -> tuple[list[float], float]:  # fmt: skip
    seconds: list[float] = []
    thread = threading.Thread(target=lambda: seconds.append(ticker()))
    left = int(parts.store.value("SELECT count(*) FROM run WHERE due <= :now", now=MOMENT))
    thread.start()
    while parts.store.value("SELECT count(*) FROM (SELECT 1 FROM run WHERE due <= :now LIMIT :left)",
                            now=MOMENT, left=left) == left and thread.is_alive():  # fmt: skip
        time.sleep(0.01)  # the other process reads its files first
    pauses, taken = random.Random(5), []
    while thread.is_alive():
        taken.append(record(parts, registry, next(chosen)))
        time.sleep(pauses.expovariate(1 / PAUSE))
    thread.join()
    if not seconds or not taken:
        raise SystemExit("the tick ended before enough events were measured: ask for more people")
    return taken, seconds[0]


def _refuse_losses(parts: Parts, expected: int) -> None:
    viewed = parts.registry.by_name("viewed")
    assert viewed is not None
    written = parts.store.value(
        "SELECT count(*) FROM message m JOIN run r ON r.id = m.run_id WHERE r.journey_id = :journey",
        journey=viewed.journey_id,
    )
    if written != expected:
        raise SystemExit(f"{expected} events wrote {written} messages")


def _parts(path: Path, waits: str) -> Parts:
    parts = world.opened(path)
    if waits == "busy":
        parts.store.turnstile = OpenGate()
        database: Any = parts.store.connections
        database.timeout = PATIENCE  # the connections are opened with it
        parts.store.close()
        parts.store.connections.connect()
    return parts


def _registry(path: Path) -> Registry:
    parts = world.opened(path)
    return opened(parts.store, sealing.Vault(keyring.create(path.parent / "key")), parts.project.catalog)


def run_tick(path: Path, waits: str) -> float:
    """In a child: the engine's process."""
    parts = _parts(path, waits)
    checkpoints = Checkpoints(parts.store)
    checkpoints.start()
    seconds = advance(parts)
    checkpoints.stop()
    return seconds


def compare(folder: Path, people: int) -> list[dict[str, Any]]:
    base = folder / "waiting.db"
    measure.progress(f"seeding {people:,} people who wait")
    measure.child("bench.events", "--prepare", base, people)
    measured = []
    for place in PLACES:
        for waits in WAITS:
            measure.progress(f"events beside a tick in a {place}, {waits}")
            path = folder / "case.db"
            measure.child("bench.world", "copy", base, path)
            measured.append(measure.child("bench.events", "--case", path, waits, place))
            world.remove(path)
            (folder / "key").unlink(missing_ok=True)
    return measured


def figures(measured: Sequence[dict[str, Any]], people: int) -> dict[str, float]:
    """The worst place counts."""
    p99 = {(it["waits"], it["place"]): it["p99_ms"] for it in measured}
    ratios = {place: p99["busy", place] / p99["turnstile", place] for place in PLACES}
    return {
        "people": people,
        "p99_ms": round(max(p99["turnstile", place] for place in PLACES), 1),
        "ratio_busy_handler": round(min(ratios.values()), 1),
        **{f"p99_ms_{place}": round(p99["turnstile", place], 1) for place in PLACES},
        **{f"busy_p99_ms_{place}": round(p99["busy", place], 1) for place in PLACES},
        "idle_p99_ms": round(max(it["idle_p99_ms"] for it in measured if it["waits"] == "turnstile"), 2),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--prepare", nargs=2, metavar=("FILE", "PEOPLE"), help="a child: the seeded file")
    parser.add_argument("--case", nargs=3, metavar=("FILE", "WAITS", "PLACE"), help="a child: one measurement")
    parser.add_argument("--tick", nargs=2, metavar=("FILE", "WAITS"), help="a child: the engine's process")
    chosen = parser.parse_args(arguments)
    if chosen.prepare:
        prepare(Path(chosen.prepare[0]), int(chosen.prepare[1]))
        measure.last_line({"done": "prepare"})
    elif chosen.case:
        measure.last_line(measure_case(Path(chosen.case[0]), chosen.case[1], chosen.case[2]))
    elif chosen.tick:
        measure.last_line({"seconds": run_tick(Path(chosen.tick[0]), chosen.tick[1])})
    else:
        with tempfile.TemporaryDirectory(prefix="lucheng-bench-") as name:
            measured = compare(Path(name), chosen.people)
        measure.table(measured)
        print()
        found = figures(measured, chosen.people)
        measure.verdicts(found, LIMITS)
        measure.last_line(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
