"""The decision of a crossing as SQL: one nested CASE that gives each person the number of a leaf."""

from __future__ import annotations

from dataclasses import replace

from automation.audience import splits
from automation.audience.compiler import Target
from automation.audience.parameters import Parameters
from automation.conditions import tree
from automation.journey import graph

from .parts import Parts
from .registry import Loaded

EXITED = -1  # leaf numbers below zero: -1 - n is the n-th condition of `exit`
PARKED = -100  # the control group: stands at the start, no step runs


def leaf_sql(parts: Parts, loaded: Loaded, crossing: graph.Crossing, parameters: Parameters) -> str:
    """SQL of the leaf for aliases `p` (person) and `r` (run, or candidate before entry)."""
    return _Decision(parts, loaded, parameters).sql(crossing.decision)


def condition_sql(parts: Parts, loaded: Loaded, condition: tree.Condition, parameters: Parameters) -> str:
    """SQL truth of a condition for about a batch of people, aliases `p` and `r`."""
    return parts.compiler.predicate(condition, Target.BATCH, parameters, person="p", run="r", key=loaded.journey.key)


def state_exits(loaded: Loaded) -> list[tuple[int, tree.Condition]]:
    """The exit conditions on states, asked whenever a run moves; events act by themselves."""
    return [(n, exit_) for n, exit_ in enumerate(loaded.journey.exit) if not isinstance(exit_, tree.Happened)]


def stayed_since_entry(parts: Parts, loaded: Loaded, parameters: Parameters) -> str:
    """SQL truth of whether no event that ends runs has come since run `r` of person `p` entered."""
    ends = [exit_ for exit_ in loaded.journey.exit if isinstance(exit_, tree.Happened)]
    if loaded.journey.exit_on_goal and loaded.journey.goal is not None:
        ends.append(loaded.journey.goal.event)
    # An exit that counts, or has a span of its own, is asked in full, but only when such an event comes.
    came = [tree.All((replace(end, count=None, span=tree.Span.ENTRY, value=None), end)) for end in ends]
    return condition_sql(parts, loaded, tree.Not(tree.AnyOf(tuple(came))), parameters)


def has_control_group(parts: Parts, journey: graph.Journey) -> bool:
    """Whether some who enter are only watched: a share of this journey, or of the whole shop's marketing."""
    return bool(journey.holdout or (parts.settings.control_group and journey.kind == "marketing"))


class _Decision:
    def __init__(self, parts: Parts, loaded: Loaded, parameters: Parameters) -> None:
        self._parts, self._loaded, self._parameters = parts, loaded, parameters

    def sql(self, decision: graph.Decision) -> str:
        if isinstance(decision, graph.Leaf):
            return str(decision.number)
        whens = " ".join(f"WHEN {self._test(test)} THEN {self.sql(then)}" for test, then in decision.branches)
        return f"CASE {whens} ELSE {self.sql(decision.otherwise)} END"

    def _test(self, test: graph.Test) -> str:
        if isinstance(test, graph.Share):
            number = splits.number_sql(self._loaded.name, test.point, "p.seed")
            above = f"{number} >= {test.low} AND " if test.low else ""
            return f"{above}{number} < {test.high}"
        if isinstance(test, graph.HasCoupon):
            code = self._parts.store.dialect.json_text("r.data", [test.as_name, "code"])
            return f"{code} IS NOT NULL"
        return condition_sql(self._parts, self._loaded, test, self._parameters)
