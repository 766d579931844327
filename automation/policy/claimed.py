"""The claimed set as rules see it: the temporary table `claim`, the ways of its messages, one rule's branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from automation.audience.compiler import Compiler
from automation.audience.parameters import Parameters
from automation.conditions.tree import Condition
from automation.festivals.workdays import Workdays
from automation.journey.policy_file import Policy, PurposeClass
from automation.kernel.ports import Limit
from automation.store.database import Transaction

from .verdicts import Verdict

CLAIM = (
    "id BIGINT, n BIGINT, run_id BIGINT, person_id BIGINT, version_id BIGINT, step BIGINT, visit BIGINT, variant TEXT,"
    " purpose BIGINT, option_ix BIGINT, expires_at BIGINT, attempts BIGINT, was TEXT, zone BIGINT, seed BIGINT,"
    " route BIGINT, door BIGINT, identity_id BIGINT, rule BIGINT, verdict BIGINT, reason TEXT, until BIGINT,"
    " trail TEXT, technical BIGINT, capped BIGINT, refused BIGINT, limited BIGINT, opens BIGINT"
)
"""One row a message, none a person twice. `n`: the order in which they leave. `rule`: the branch that decided,
`option_ix`: the way tried, of its route. `trail`: the ways that were refused; by what kinds of refusal: `refused` (the
person's own word), `capped`, `limited` (by the platform), `technical` (they cannot be reached so). `opens`: when the
first of the ways that only rest is open again."""


@dataclass(frozen=True, slots=True)
class Door:
    """One lane of one channel. `kind` is what consent and caps speak of, `address` the kind of identity it sends to.

    "" where the channel is the recipient: nobody's address, consent or suppression is asked for.
    """

    number: int
    channel: str
    kind: str
    lane: str
    address: str
    window: bool = False
    limits: tuple[Limit, ...] = ()


Options: TypeAlias = tuple[tuple[Door, str], ...]
"""The ways of a text in order: (door, why not)."""


@dataclass(frozen=True, slots=True)
class Route:
    """The ways of one text, in order: (door, why not). A way with a reason is closed to all, such as `no text`.

    `grants`: number of a door -> the shop's name of the template that has to be allowed there.
    """

    number: int
    version_id: int
    step: int
    variant: str | None
    options: Options
    ignore_quiet: bool = False
    unless: Condition | None = None
    key: str | None = None
    readable: bool = True
    grants: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """`WHEN test THEN this verdict`. `test`, `reason` and `until` are SQL over a row of `claim`."""

    test: str
    verdict: Verdict
    reason: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A way that is closed where `test` holds: the row goes on to its next one, and keeps what this one `says`.

    `mark`: the column of `claim` that remembers what kind of refusal it was; "" where it only rests, until `opens`
    (SQL).
    """

    test: str
    says: str
    mark: str = "technical"
    opens: str | None = None


@dataclass(slots=True)
class Asked:
    """One asking: what the rules may look at. `purposes`, `zones` and `routes` are those that occur in the claim."""

    tx: Transaction
    now: int
    policy: Policy
    compiler: Compiler
    calendar: Workdays
    shop_zone: ZoneInfo
    purposes: Mapping[int, PurposeClass]
    zones: Mapping[int, ZoneInfo]
    routes: Mapping[int, Route]
    channels: Mapping[str, Sequence[str]]  # kind -> names of its channels
    halted: Mapping[int, bool] = field(default_factory=dict)  # versions whose journey sends nothing; whether for good
    parameters: Parameters = field(default_factory=lambda: Parameters("q"))
    more: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        return self.parameters.add(value)

    def bound(self) -> dict[str, Any]:
        return self.parameters.values(self.now) | self.more

    def of_kind(self, kind: str) -> list[int]:
        """Numbers of the purposes that are marketing, or service, by law."""
        return sorted(number for number, known in self.purposes.items() if known.kind == kind)


def listed(numbers: Sequence[int]) -> str:
    """SQL list; one that nothing is in where it is empty."""
    return ", ".join(map(str, numbers)) or "-1"


def by_zone(asked: Asked, values: Mapping[int, int]) -> str:
    """SQL of one number by the zone of the row."""
    if len(values) == 1:
        return asked.bind(next(iter(values.values())))
    cases = " ".join(f"WHEN {zone} THEN {asked.bind(value)}" for zone, value in sorted(values.items()))
    return f"(CASE claim.zone {cases} END)"
