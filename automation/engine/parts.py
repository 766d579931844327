"""What every verb of the engine needs, gathered once by the application."""

from __future__ import annotations

from dataclasses import dataclass, field

from automation.audience.compiler import Compiler
from automation.audience.computed import ComputedValues
from automation.festivals.workdays import Workdays
from automation.journey.project import Project
from automation.settings import Settings
from automation.store.database import Store
from automation.store.names import Names

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

    def replace_journeys(self, project: Project, registry: Registry) -> None:
        """Takes new files and versions into use between two batches."""
        self.project, self.registry = project, registry
        self.programs.clear()
