"""Where a person belongs: tags, consents, journeys, stages."""

from __future__ import annotations

from automation.conditions.tree import Consented, InJourney, InStage, Tagged
from automation.store.states import RunState

from .context import Context


def compile_tagged(context: Context, ask: Tagged) -> str:
    """One of the tags, as long as it holds."""
    tags = context.name_ids("tag", ask.tags)
    return context.has("person_tag t", "t", f"t.tag_id IN ({tags}) AND (t.until IS NULL OR t.until > :now)")


def compile_consented(context: Context, ask: Consented) -> str:
    """A granted consent for the purpose; a revoked one is a row with granted = 0."""
    test = f"g.purpose = {context.bind(ask.purpose)} AND g.granted = 1"
    if ask.channel is not None:
        test += f" AND g.channel = {context.bind(ask.channel)}"
    return context.has("consent g", "g", test)


def compile_in_journey(context: Context, ask: InJourney) -> str:
    """Inside one of the journeys now, the control group included."""
    names = ", ".join(context.bind(name) for name in ask.journeys)
    rows = "run x JOIN journey j ON j.id = x.journey_id"
    return context.has(rows, "x", f"x.state = {RunState.INSIDE} AND j.name IN ({names})")


def compile_in_stage(context: Context, ask: InStage) -> str:
    stages = ", ".join(context.bind(stage) for stage in ask.stages)
    return f"{context.person}.stage IN ({stages})"
