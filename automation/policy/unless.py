"""`unless`: the condition of the policy for a kind of message, and that of the journey, asked at the last moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions.tree import Condition

from .claimed import Asked, Branch, listed
from .verdicts import Verdict, Word


class Unless:
    """Keeps what was compiled, until another compiler comes with changed files."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[Condition, str | None], tuple[str, Parameters]] = {}
        self._compiler: object = None

    def branches(self, asked: Asked) -> Iterator[Branch]:
        if self._compiler is not asked.compiler:
            self._compiler, self._compiled = asked.compiler, {}
        for kind, condition in sorted(asked.policy.unless.items()):
            rows = f"claim.purpose IN ({listed(asked.of_kind(kind))})"
            if asked.of_kind(kind):
                yield self._branch(asked, condition, None, rows, f"policy, {kind}")
        routes: dict[tuple[Condition, str | None], list[int]] = {}
        for number, route in sorted(asked.routes.items()):
            if route.unless is not None:
                routes.setdefault((route.unless, route.key), []).append(number)
        for (condition, key), numbers in routes.items():
            yield self._branch(asked, condition, key, f"claim.route IN ({listed(numbers)})", "journey")

    def _branch(self, asked: Asked, condition: Condition, key: str | None, rows: str, whose: str) -> Branch:
        known = self._compiled.get((condition, key))
        if known is None:
            parameters = Parameters(f"u{len(self._compiled)}_")
            place: dict[str, Any] = {"person": "p", "run": "r", "key": key}
            sql = asked.compiler.predicate(condition, Target.BATCH, parameters, **place)
            known = self._compiled[condition, key] = (sql, parameters)
        sql, parameters = known
        asked.more |= parameters.values(asked.now)
        about = "run r JOIN person p ON p.id = claim.person_id"
        test = f"{rows} AND EXISTS (SELECT 1 FROM {about} WHERE r.id = claim.run_id AND {sql})"
        return Branch(test, Verdict.SUPPRESS, f"'{Word.UNLESS} ({whose})'")
