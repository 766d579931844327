"""The figures of journeys as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .figures import Figures, Lift, lift

REASONS: Final = 4  # shown of each journey; the rest is summed up
KINDS: Final = ("wechat", "wecom", "sms", "email")
HEADINGS: Final = ("journey", "entered", "holdout", "sent", "not sent, and why", "goals", "conversion", "lift (95 %)")
COUNTS: Final = ("entered", "holdout", "goals")
SPARED: Final = ("holdout", "lift (95 %)", "conversion", "goals", "not sent, and why", "sent", "entered")
"""The headings that give way in a narrow terminal, in this order."""
WIDEST: Final = 10_000


def table(found: Sequence[Figures], width: int) -> tuple[Table, list[str]]:
    """One row a journey, about 110 characters wide, and the headings that there is no room for in `width`."""
    left: list[str] = []
    while _width(drawn := _table(found, left)) > width and len(left) < len(SPARED):
        left.append(SPARED[len(left)])
    return drawn, left


def _table(found: Sequence[Figures], left: Collection[str]) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=True, header_style="bold")
    for heading in HEADINGS:
        if heading not in left:
            drawn.add_column(heading, no_wrap=True, justify="right" if heading in COUNTS else "left")
    for one in found:
        drawn.add_row(*(Text(cell) for heading, cell in zip(HEADINGS, _row(one), strict=True) if heading not in left))
    return drawn


def _width(drawn: Table) -> int:
    return Console(width=WIDEST).measure(drawn).maximum


def total(found: Sequence[Figures]) -> str:
    """One line over all journeys."""
    sent = sum((one.sent for one in found), Counter[str]())
    by_kind = ", ".join(f"{sent[kind]:,} {kind}" for kind in _order(sent))
    given, redeemed = (sum(getattr(one, name) for one in found) for name in ("coupons", "redeemed"))
    return (
        f"{sum(one.entered for one in found):,} entries; {sent.total():,} messages sent ({by_kind});"
        f" {given:,} coupons given, {redeemed:,} redeemed"
    )


def doubts(found: Sequence[Figures]) -> list[str]:
    """Journeys of which the control group is too small to say whether they help."""
    unsure = [one.name for one in found if one.goal and (known := _lift(one)) is not None and not known.sure]
    if not unsure:
        return []
    return [
        f"{', '.join(unsure)}: the interval holds 0, so chance alone can explain the difference."
        " A larger holdout, or more time, would tell."
    ]


def _row(one: Figures) -> tuple[str, ...]:
    return (
        f"{one.title}\n{one.name}\n",
        f"{one.entered:,}",
        f"{one.control.runs:,}",
        _listed(one.sent, _order(one.sent)),
        _listed(one.kept_back, [word for word, _ in one.kept_back.most_common()]),
        f"{one.treated.goals:,}\n¥{one.treated.fen / 100:,.0f}" if one.goal else "none set",
        _conversion(one),
        _said(one),
    )


def _conversion(one: Figures) -> str:
    if not one.goal or not one.treated.runs:
        return ""
    control = f"\ncontrol {one.control.rate:.1%}" if one.control.runs else ""
    return f"{one.treated.rate:.1%}{control}"


def _said(one: Figures) -> str:
    known = _lift(one) if one.goal else None
    if known is None:
        return "no control group" if one.goal else ""
    verdict = "" if known.sure else "\ntoo few to say"
    return f"{known.by * 100:+.1f} points\n{known.low * 100:+.1f} to {known.high * 100:+.1f}{verdict}"


def _lift(one: Figures) -> Lift | None:
    return lift(one.treated, one.control)


def _listed(counts: Counter[str], order: Sequence[str]) -> str:
    shown = [f"{word} {counts[word]:,}" for word in order[:REASONS]]
    rest = sum(counts[word] for word in order[REASONS:])
    return "\n".join([*shown, f"other {rest:,}"] if rest else shown) or "none"


def _order(sent: Counter[str]) -> list[str]:
    return [kind for kind in KINDS if sent[kind]] + sorted(kind for kind in sent if kind not in KINDS)
