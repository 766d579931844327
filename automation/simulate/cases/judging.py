"""What was expected against what happened: one problem for each difference, at its line in the test's file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from automation.festivals import walltime
from automation.kernel.errors import Problem

from .case import Case, Expected, Span
from .playing import Left, Played

CODE = "K609"
LONGEST = 60  # characters of a text in a line


def judge(case: Case, played: Played) -> list[Problem]:
    """Nothing where all came as expected. One message answers one expectation."""
    left = list(played.messages)
    found = []
    for one in case.expect:
        fits = next((message for message in left if not _differences(case, one, message)), None)
        if fits is not None:
            left.remove(fits)
        else:
            found.append(case.document.problem(one.loc, CODE, _missed(case, one, left)))
    for word, loc in case.never:
        for message in played.messages:
            if message.sent and word in (message.step, message.text):
                said = f"{word} must not be sent: it left at {moment(case, message.at)} by {message.via}"
                found.append(case.document.problem(loc, CODE, said))
    return found + list(_end(case, played))


def _missed(case: Case, one: Expected, left: list[Left]) -> str:
    about = [message for message in left if one.step in (message.step, message.text)]
    if not about:
        return f"{one.step} was never {'sent' if one.sent else 'due'}"
    nearest = min((_differences(case, one, message) for message in about), key=len)
    return f"{one.step} {', '.join(nearest)}"


def _differences(case: Case, one: Expected, message: Left) -> list[str]:
    """In what they differ, in words; nothing where the message is the expected one."""
    if one.step not in (message.step, message.text):
        return ["is another message"]
    if message.at is None:
        return ["still waits" + (f": {message.reason}" if message.reason else "")]
    if message.sent != one.sent:
        return [line(case, message)]
    found = []
    if one.at is not None and not one.at.holds(message.at):
        verb = "left" if message.sent else "was given up"
        found.append(f"{verb} at {moment(case, message.at)}, not {span(case, one.at)}")
    if one.via is not None and one.via != message.via:
        found.append(f"left by {message.via}, not by {one.via}")
    if one.text is not None and one.text not in message.said:
        found.append(f"does not contain '{one.text}': {short(message.said)}")
    if one.reason is not None and not message.reason.startswith(one.reason):
        found.append(f"did not leave because of '{message.reason}', not '{one.reason}'")
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
    lines: list[tuple[int, str]] = []
    for run in played.runs:
        group = ", into the control group" if run.parked else ""
        lines.append((run.entered, f"entered {run.journey}{group}"))
        if run.ended is not None:
            lines.append((run.ended, f"left {run.journey}: {run.reason}"))
    lines += [(message.at, line(case, message)) for message in played.messages if message.at is not None]
    waits = [f"{'still waiting':16}  {message.step}" for message in played.messages if message.at is None]
    inside = [f"{'still inside':16}  {run.journey}" for run in played.runs if run.ended is None]
    ordered = sorted(enumerate(lines), key=lambda one: (one[1][0], one[0]))
    return [f"{moment(case, at)}  {said}" for _, (at, said) in ordered] + waits + inside


def line(case: Case, message: Left) -> str:
    """What became of a message."""
    if message.sent:
        return f"{message.step} left by {message.via}: {short(message.said)}"
    return f"{message.step} did not leave: {message.reason}"


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
