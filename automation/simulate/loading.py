"""Bringing the sample into a world: customers, their past, coupon codes, and what follows from them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from automation.engine import install
from automation.people import importing
from automation.people.importing.options import Options, Report, Watch
from automation.rewards import pools
from automation.store.database import Transaction

from . import sample
from .world import World

Progress = Callable[[int, "int | None"], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files came to. `codes`: coupon codes of all pools."""

    customers: Report
    events: Report
    codes: int


def load(world: World, folder: Path, now: int, progress: Progress) -> Loaded:
    """Imports the files of `folder` as of `now`, works out computed values, stages and scores, and takes the journeys
    into use."""
    parts = world.parts
    columns = {word: name for name, words in parts.settings.imports.headers.items() for word in words}

    def compute(tx: Transaction) -> None:
        parts.computed.refresh(tx, now)

    watch = Watch(progress, compute)
    people = importing.customers(world.people, folder / "customers.csv", Options(columns=columns), now, watch)
    past = importing.events(world.people, folder / "events.csv", Options(columns=columns), now, watch)
    codes = sum(pools.add(parts.store, pool, _codes(folder / f"{pool}.csv"))[0] for pool in sample.CODES)
    parts.computed.rebuild(parts.store, now)
    world.upkeep(now)
    install.install(parts, now)
    return Loaded(people, past, codes)


def _codes(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]
