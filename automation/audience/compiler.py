"""The one compiler: a condition becomes SQL. There is no second evaluator anywhere in the project.

A missing value makes every comparison false; `not` is the exact complement, so there is no third truth value. Merged
persons are excluded by the callers: `p.merged_into IS NULL`.
"""

from __future__ import annotations

from typing import TypedDict, Unpack

from automation.conditions import tree
from automation.journey.catalog_values import Catalog
from automation.kernel import errors
from automation.store.dialect import Dialect
from automation.store.names import Names

from .comparing import compile_compare
from .context import FALSE, TRUE, Context, ShopCalendar, Surroundings, Target, complement
from .happenings import compile_happened, compile_marked, event_tests
from .memberships import compile_consented, compile_in_journey, compile_in_stage, compile_tagged
from .parameters import Parameters
from .wheres import joined

__all__ = ["Compiler", "Place", "ShopCalendar", "Target"]


class Place(TypedDict, total=False):
    """Names in the statement. `person` (p): an alias of person. `run` (r): an alias with id, person_id, data, key,
    entered_at and event_id, needed only by conditions that speak of the run. `key`: the journey's key property."""

    person: str
    run: str
    key: str | None


class Compiler:
    """Compiles conditions for one database and catalog."""

    def __init__(self, dialect: Dialect, names: Names, catalog: Catalog, calendar: ShopCalendar) -> None:
        self.around = Surroundings(dialect, names, catalog, calendar)

    def predicate(
        self, condition: tree.Condition, target: Target, parameters: Parameters, **place: Unpack[Place]
    ) -> str:
        """A boolean SQL text. Execute it with `parameters.values(now)`; it may be kept and executed again later."""
        return _compile(self._context(target, parameters, place), condition)

    def event_predicate(
        self, ask: tree.Happened, parameters: Parameters, event: str = "e", **place: Unpack[Place]
    ) -> str:
        """Whether one event, an alias of table event that is already at hand, meets `where` and `same` of the match.

        Its name and the span are the caller's: new events are looked up by name, and are new.
        """
        return event_tests(self._context(Target.ONE, parameters, place), ask, event)

    def _context(self, target: Target, parameters: Parameters, place: Place) -> Context:
        return Context(
            self.around, target, parameters, place.get("person", "p"), place.get("run", "r"), place.get("key")
        )


def _compile(context: Context, condition: tree.Condition) -> str:
    match condition:
        case tree.Always():
            return TRUE
        case tree.All(parts):
            return joined(" AND ", [_compile(context, part) for part in parts], TRUE)
        case tree.AnyOf(parts):
            return joined(" OR ", [_compile(context, part) for part in parts], FALSE)
        case tree.Not(part):
            return complement(_compile(context, part))
        case tree.InSegment():
            return _compile(context, condition.condition)
        case tree.Compare():
            return compile_compare(context, condition)
        case tree.Tagged():
            return compile_tagged(context, condition)
        case tree.InStage():
            return compile_in_stage(context, condition)
        case tree.Consented():
            return compile_consented(context, condition)
        case tree.InJourney():
            return compile_in_journey(context, condition)
        case tree.Marked():
            return compile_marked(context, condition)
        case tree.Happened():
            return compile_happened(context, condition)
    raise errors.Refused(f"no SQL for {type(condition).__name__}")
