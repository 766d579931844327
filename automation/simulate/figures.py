"""What journeys achieved, counted from the database alone: entries, messages, refusals, goals against control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

from automation.engine.parts import Parts
from automation.policy import verdicts
from automation.store.states import MessageState

SURE: Final = 1.96  # standard errors of an interval that is right 95 times in 100
RUNS: Final = """
    SELECT j.name, r.holdout, count(*), count(r.goal_at), sum(coalesce(r.goal_value, 0))
    FROM run r JOIN journey j ON j.id = r.journey_id GROUP BY j.name, r.holdout"""
SENT: Final = f"""
    SELECT j.name, m.channel, count(*) FROM message m JOIN run r ON r.id = m.run_id
    JOIN journey j ON j.id = r.journey_id
    WHERE m.state = {MessageState.SENT} GROUP BY j.name, m.channel"""
KEPT_BACK: Final = f"""
    SELECT j.name, m.reason, count(*) FROM message m JOIN run r ON r.id = m.run_id JOIN journey j ON j.id = r.journey_id
    WHERE m.state > {MessageState.SENT} AND m.state <> {MessageState.AWAITING} GROUP BY j.name, m.reason"""
CLICKED: Final = """
    SELECT j.name, count(*) FROM message m JOIN run r ON r.id = m.run_id JOIN journey j ON j.id = r.journey_id
    WHERE m.clicked_at IS NOT NULL GROUP BY j.name"""
COUPONS: Final = """
    SELECT j.name, count(*), count(c.redeemed_at) FROM coupon c JOIN run r ON r.id = c.run_id
    JOIN journey j ON j.id = r.journey_id GROUP BY j.name"""


@dataclass(slots=True)
class Group:
    """Runs of one kind: how many, how many reached the goal, and fen of those goals."""

    runs: int = 0
    goals: int = 0
    fen: int = 0

    @property
    def rate(self) -> float:
        return self.goals / self.runs if self.runs else 0.0


@dataclass(slots=True)
class Figures:
    """One journey. `sent` by kind of channel, `kept_back` by the word of the rule; `goal`: whether it has one."""

    name: str
    title: str
    goal: bool
    treated: Group = field(default_factory=Group)
    control: Group = field(default_factory=Group)
    sent: Counter[str] = field(default_factory=Counter)
    kept_back: Counter[str] = field(default_factory=Counter)
    clicked: int = 0
    coupons: int = 0
    redeemed: int = 0

    @property
    def entered(self) -> int:
        return self.treated.runs + self.control.runs


@dataclass(frozen=True, slots=True)
class Lift:
    """Difference of two rates with its 95 % interval. `sure`: the interval leaves out zero."""

    by: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        return self.low > 0 or self.high < 0


def lift(treated: Group, control: Group) -> Lift | None:
    """How much more of the treated reached the goal; None without a control group. Newcombe's interval (1998, method
    10): it holds for small groups and rare goals, where the usual one does not."""
    if not treated.runs or not control.runs:
        return None
    by = treated.rate - control.rate
    low1, high1 = _wilson(treated)
    low2, high2 = _wilson(control)
    down = sqrt((treated.rate - low1) ** 2 + (high2 - control.rate) ** 2)
    up = sqrt((high1 - treated.rate) ** 2 + (control.rate - low2) ** 2)
    return Lift(by, by - down, by + up)


def of(parts: Parts, kinds: Mapping[str, str]) -> list[Figures]:
    """Every journey of the files that ever ran or may run, by name. `kinds`: channel -> what `via` calls it."""
    store = parts.store
    found = {
        name: Figures(name, journey.title, journey.goal is not None) for name, journey in parts.project.journeys.items()
    }
    for name, holdout, runs, goals, fen in store.rows(RUNS):
        one = found.setdefault(name, Figures(name, name, False))
        group = Group(runs, int(goals), int(fen))
        if holdout:
            one.control = group
        else:
            one.treated = group
    for name, channel, count in store.rows(SENT):
        found[name].sent[kinds.get(channel, channel)] += count
    for name, reason, count in store.rows(KEPT_BACK):
        found[name].kept_back[_why(reason)] += count
    for name, count in store.rows(CLICKED):
        found[name].clicked = count
    for name, given, redeemed in store.rows(COUPONS):
        found[name].coupons, found[name].redeemed = given, redeemed
    return [found[name] for name in sorted(found)]


def _why(reason: str | None) -> str:
    """The rule's word. "No channel" is told apart: who refused could be reached and does not want to be; who has the
    account and a closed window could have been, had they written or allowed a notice."""
    word = verdicts.word(reason)
    if word != verdicts.Word.NO_CHANNEL:
        return word or "other"
    told_apart = (verdicts.Word.NO_CONSENT, verdicts.Word.WINDOW, verdicts.Word.GRANT)
    return next((str(one) for one in told_apart if one in str(reason)), "no address")


def _wilson(group: Group) -> tuple[float, float]:
    n, rate, z = group.runs, group.rate, SURE
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return middle - half, middle + half
