"""What every verb of the engine needs, gathered once by the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from automation.audience.compiler import Compiler
from automation.audience.computed import ComputedValues
from automation.festivals.workdays import Workdays
from automation.journey.project import Project
from automation.settings import Settings
from automation.store.database import Store, Transaction
from automation.store.names import Names

from .batches import Batches
from .registry import Registry
from .zones import Zones


@dataclass(slots=True)
class Parts:
    """The engine's surroundings. `registry` is replaced as a whole when journeys change; the rest stays."""

    store: Store
    names: Names
    settings: Settings
    project: Project
    compiler: Compiler
    computed: ComputedValues
    zones: Zones
    calendar: Workdays
    registry: Registry
    programs: dict[tuple[object, ...], object] = field(default_factory=dict)  # compiled crossings, see program.py
    batches: Batches = field(default_factory=Batches)
    gate: Lock = field(default_factory=Lock)
    turn: Lock = field(default_factory=Lock)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction that moves people. The engine's threads take turns: two would move one person twice.

        On SQLite all writers take turns anyway; PostgreSQL would let the taking of events and the due runs overlap.
        Whoever waits holds the gate: a thread that begins again at once does not overtake one that waits.
        """
        with self.gate:
            self.turn.acquire()
        try:
            with self.store.write() as tx:
                yield tx
        finally:
            self.turn.release()

    def replace_journeys(self, project: Project, registry: Registry) -> None:
        """Takes new files and versions into use between two batches."""
        self.project, self.registry = project, registry
        self.programs.clear()
