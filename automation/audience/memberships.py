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
    """A grant that no later refusal took back. A word for one kind of channel and one for all (`*`) stand side by side:
    the newer holds, of two at the same time the refusal. Without a channel: granted on any.
    """
    test = f"g.purpose = {context.bind(ask.purpose)} AND g.granted = 1"
    if ask.channel is None:
        refused = "o.channel = '*'"
    else:
        channels = f"({context.bind(ask.channel)}, '*')"
        test += f" AND g.channel IN {channels}"
        refused = f"o.channel IN {channels}"
    later = (
        f"SELECT 1 FROM consent o WHERE o.person_id = g.person_id AND {refused} AND o.purpose = g.purpose"
        " AND o.granted = 0 AND o.at >= g.at"
    )
    return context.has("consent g", "g", f"{test} AND NOT EXISTS ({later})")


def compile_in_journey(context: Context, ask: InJourney) -> str:
    """Inside one of the journeys now, the control group included."""
    names = ", ".join(context.bind(name) for name in ask.journeys)
    rows = "run x JOIN journey j ON j.id = x.journey_id"
    return context.has(rows, "x", f"x.state = {RunState.INSIDE} AND j.name IN ({names})")


def compile_in_stage(context: Context, ask: InStage) -> str:
    stages = ", ".join(context.bind(stage) for stage in ask.stages)
    return f"{context.person}.stage IN ({stages})"
