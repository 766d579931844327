"""What was expected against what happened: one problem for each difference, at its line in the test's file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from automation.festivals import walltime
from automation.kernel.errors import Problem

from .case import Case, Expected, Sort, Span
from .playing import Came, Played

CODE = "K609"
LONGEST = 60  # characters of a text in a line


def judge(case: Case, played: Played) -> list[Problem]:
    """Nothing where all came as expected. What came answers one expectation only."""
    left = list(played.came)
    found = []
    for one in case.expect:
        fits = next((came for came in left if _about(one, came) and not _differences(case, one, came)), None)
        if fits is not None:
            left.remove(fits)
        else:
            found.append(case.document.problem(one.loc, CODE, _missed(case, one, left)))
    for word, loc in case.never:
        for came in played.came:
            if came.sort is Sort.SEND and word in (came.word, came.text):
                said = f"{word} must not be sent: it left at {moment(case, came.at)} by {came.via}"
                found.append(case.document.problem(loc, CODE, said))
    return found + list(_end(case, played))


def _about(one: Expected, came: Came) -> bool:
    """Whether they speak of the same thing, be it one that left or not."""
    messages = (Sort.SEND, Sort.SKIPPED)
    alike = came.sort in messages if one.sort in messages else came.sort is one.sort
    return alike and one.word in (came.word, came.text)


def _missed(case: Case, one: Expected, left: list[Came]) -> str:
    about = [came for came in left if _about(one, came)]
    if about:
        differences = sorted((_differences(case, one, came) for came in about), key=len)
        return f"{one.word} {', '.join(differences[0])}"
    never = {Sort.SEND: "was never sent", Sort.SKIPPED: "was never due", Sort.TAG: "was never given"}
    what = "" if one.sort in (Sort.SEND, Sort.SKIPPED) else f"{one.sort} "
    return f"{what}{one.word} {never.get(one.sort, 'never came')}"


def _differences(case: Case, one: Expected, came: Came) -> list[str]:
    """In what they differ, in words; nothing where it is as expected."""
    if came.at is None:
        return ["still waits" + (f": {came.reason}" if came.reason else "")]
    if came.sort is not one.sort:
        return [_fate(came)]
    found = []
    if one.at is not None and not one.at.holds(came.at):
        verb = {Sort.SEND: "left", Sort.SKIPPED: "was given up"}.get(came.sort, "came")
        found.append(f"{verb} at {moment(case, came.at)}, not {span(case, one.at)}")
    if one.via is not None and one.via != came.via:
        found.append(f"left by {came.via}, not by {one.via}")
    if one.text is not None and one.text not in came.said:
        found.append(f"does not contain '{one.text}': {short(came.said)}")
    if one.reason is not None and not came.reason.startswith(one.reason):
        found.append(f"did not leave because of '{came.reason}', not '{one.reason}'")
    return found


def _end(case: Case, played: Played) -> Iterator[Problem]:
    if case.ends is None:
        return
    runs = [run for run in played.runs if run.journey == case.journey]
    at, reason = case.ends.at, case.ends.reason
    if not runs:
        yield case.document.problem(("ends",), CODE, "the customer never entered")
    elif (ended := runs[-1].ended) is None:
        yield case.document.problem(("ends",), CODE, "the customer is still inside")
    else:
        if at is not None and not at.holds(ended):
            said = f"the run ended at {moment(case, ended)}, not {span(case, at)}"
            yield case.document.problem(("ends", "at"), CODE, said)
        if reason is not None and reason != runs[-1].reason:
            said = f"the run ended by '{runs[-1].reason}', not '{reason}'"
            yield case.document.problem(("ends", "reason"), CODE, said)


def timeline(case: Case, played: Played) -> list[str]:
    """What happened, a line each, in order of time."""
    lines: list[tuple[int, int, str]] = []
    for run in played.runs:
        group = ", into the control group" if run.parked else ""
        lines.append((run.entered, 0, f"entered {run.journey}{group}"))
        if run.ended is not None:
            lines.append((run.ended, 2, f"left {run.journey}: {run.reason}"))
    lines += [(came.at, 1, line(came)) for came in played.came if came.at is not None]
    waits = [f"{'still waiting':16}  {came.word}" for came in played.came if came.at is None]
    inside = [f"{'still inside':16}  {run.journey}" for run in played.runs if run.ended is None]
    if not played.runs:
        return ["the customer never entered"]
    ordered = sorted(lines, key=lambda one: one[:2])
    return [f"{moment(case, at)}  {said}" for at, _, said in ordered] + waits + inside


def line(came: Came) -> str:
    """What came, in one line."""
    if came.sort in (Sort.SEND, Sort.SKIPPED):
        return f"{came.word} {_fate(came)}"
    return f"{came.sort} {came.word}" + (f": {came.said}" if came.said else "")


def _fate(came: Came) -> str:
    """What became of a message."""
    if came.sort is Sort.SEND:
        return f"left by {came.via}: {short(came.said)}"
    return f"did not leave: {came.reason}"


def moment(case: Case, at: int | None) -> str:
    """Local text of UTC seconds."""
    return _local(case, at or 0).strftime("%Y-%m-%d %H:%M")


def span(case: Case, wanted: Span) -> str:
    whole = wanted.last - wanted.first > 3600
    return ("on " if whole else "at ") + _local(case, wanted.first).strftime("%Y-%m-%d" + ("" if whole else " %H:%M"))


def _local(case: Case, at: int) -> datetime:
    return walltime.local(at, case.zone)


def short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else plain[:LONGEST] + "…"
