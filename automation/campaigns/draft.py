"""What an operator asks for, and the journey it becomes: the YAML a marketer would have written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from automation.journey import graph, links_check, rules_check
from automation.journey.project import Project, load_source
from automation.journey.texts_check import OWN
from automation.kernel import errors, shapes
from automation.kernel.document import nearest
from automation.rendering.texts import Text

PREFIX = "campaign_"
STEP = "send"
LONGEST_SLUG = 40
OF_LIMITS = ("J031", "J032")


@dataclass(frozen=True, slots=True)
class Draft:
    """`via`: channels in order, () for the settings'. `at`: UTC seconds, the planned moment. `holdout` in per cent.

    `pace`: entries a day, None for all at once. `expires` as in journeys, such as 1d. `audience`: who gets it, in the
    words of who asked for it.
    """

    text: str
    via: tuple[str, ...]
    at: int
    purpose: str = "marketing"
    expires: str = "1d"
    holdout: float = 0
    pace: int | None = None
    title: str = ""
    ignore_quiet: bool = False
    audience: str = ""


def name_of(draft: Draft, zone: ZoneInfo, taken: Iterable[str]) -> str:
    """campaign_20261122_wakeup_hello, with a number where that name is taken."""
    slug = re.sub(r"\W+", "_", draft.text).strip("_")[:LONGEST_SLUG] or "send"
    base = f"{PREFIX}{datetime.fromtimestamp(draft.at, zone):%Y%m%d}_{slug}"
    known, name, number = set(taken), base, 1
    while name in known:
        number += 1
        name = f"{base}_{number}"
    return name


def source(draft: Draft, name: str) -> str:
    """The journey's YAML. Values are quoted as JSON, which is YAML too: nothing an operator types is structure."""
    send = [f"send: {_quoted(draft.text)}", f"id: {STEP}", f"expires: {_quoted(draft.expires)}"]
    if draft.via:
        send.append(f"via: [{', '.join(map(_quoted, draft.via))}]")
    if draft.ignore_quiet:
        send.append("ignore: quiet_hours")
    lines = [
        f"journey: {_quoted(name)}",
        f"title: {_quoted(draft.title or draft.text)}",
        f"purpose: {_quoted(draft.purpose)}",
        "status: live",
        "enter: {manual: true}",
        "again: never",
    ]
    if draft.holdout:
        lines.append(f"holdout: {draft.holdout:g}%")
    if draft.pace:
        lines.append(f"pace: {draft.pace} a day")
    return "\n".join([*lines, "steps:", f"  - {{{', '.join(send)}}}", ""])


def compiled(project: Project, draft: Draft, name: str) -> graph.Journey:
    """The campaign as a journey. Refused with what is wrong with the request: no such text, channel, purpose, limit."""
    if draft.text not in project.texts.texts:
        near = nearest(draft.text, project.texts.texts)
        hint = f"did you mean {near}?" if near else "it is a folder of templates/"
        wrong = "has problems: run `run.py check`" if draft.text in project.texts.broken else f"does not exist; {hint}"
        raise errors.Refused(f"the text '{draft.text}' {wrong}")
    try:
        made = load_source(source(draft, name), name, project, f"campaign {name}")
        shapes.report(links_check.check(project.shop, {name: made}).get(name, ()))
        shapes.report(rules_check.check(project.shop, {name: made}, project.policy.overrides).problems.get(name, ()))
    except errors.SourceErrors as wrong:
        told = "; ".join(_told(project.texts.texts[draft.text], wrong.problems))
        raise errors.Refused(f"this cannot be sent as a campaign: {told}") from None
    return made


def _told(text: Text, problems: Iterable[errors.Problem]) -> Iterator[str]:
    """What is wrong, in words for who wrote no journey: hints that speak of its steps would not help."""
    used = {*text.needs, *(use.name for use in text.uses if not use.optional)}
    given = sorted({path.partition(".")[0] for path in used} - OWN - {"customer", "entry"})
    if given:
        yield (
            f"the text '{text.name}' needs a {' and a '.join(given)}, which only a step of a journey gives: send it by"
            f" a journey with a `{given[0]}` step before it, or take a text without"
        )
    for one in problems:
        if one.code in OF_LIMITS:  # nothing else of a campaign is one
            yield f"--expires takes a length or a moment, such as 1d, today or 2026-11-25 20:00: {one.message}"
        elif not one.message.startswith(tuple(f"'{root}." for root in given)):
            yield f"{one.message} ({one.hint})" if one.hint else one.message


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
