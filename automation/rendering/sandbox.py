"""The Jinja environment of all texts: the second wall behind the allow-list of `language`.

Jinja's own sandbox stops known escapes and no exhaustion (pallets/jinja PR #2149: "set resource limits in the OS").
Here attributes of Python objects do not exist at all: a dot reads a key of a plain dict, nothing else. Operators take
numbers only, what is printed is a scalar, and loops draw from one budget a rendering. Templates come from the shop's
own files; text of a customer is never one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from automation.kernel import clock
from automation.rendering.faults import Fault, RenderFault, bad_value

MAX_LOOP = 1_000  # rounds of one loop
MAX_ROUNDS = 10_000  # rounds of all loops of one rendering
MAX_STRING = 64 * 1024  # characters an operator or filter may make
MAX_NUMBER = 10**15
DEADLINE = 1.0  # seconds
LOOP_WORDS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
NUMBERS = (int, float)


class MissingValue(RenderFault):
    """Raised by Jinja with what `Missing` says about itself: the last part of its name."""

    def __init__(self, name: str | None = None) -> None:
        message = "has no value here; write | default('…') or make it always present"
        super().__init__(Fault.MISSING_VALUE, message, name or "")


class Missing(StrictUndefined):
    """A value that is not there. Printing it or counting with it fails; as a condition it is false, as in journeys."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = None, name: str | None = None, exc: Any = None) -> None:
        super().__init__(hint, None, name, MissingValue)  # type: ignore[arg-type]

    @property
    def _undefined_message(self) -> str:
        return self._undefined_name or ""

    __hash__ = Undefined.__hash__  # type: ignore[assignment]
    __eq__ = Undefined.__eq__  # type: ignore[assignment]
    __ne__ = Undefined.__ne__  # type: ignore[assignment]
    __bool__ = Undefined.__bool__  # type: ignore[assignment]


class Budget:
    """What one rendering may still do: rounds of loops and seconds."""

    __slots__ = ("_end", "_rounds")

    def __init__(self, seconds: float = DEADLINE) -> None:
        self._rounds = MAX_ROUNDS
        self._end = clock.monotonic() + seconds

    def spend(self) -> None:
        self._rounds -= 1
        if self._rounds < 0:
            raise RenderFault(Fault.TOO_MUCH_WORK, f"loops of this text run more than {MAX_ROUNDS} rounds in all")
        self.check_time()

    def check_time(self) -> None:
        if clock.monotonic() > self._end:
            raise RenderFault(Fault.TOO_MUCH_WORK, f"this text takes longer than {DEADLINE:g} s to render")


class Rounds:
    """A list inside a `for`: every round is taken from the budget."""

    __slots__ = ("_budget", "_items")

    def __init__(self, items: Sequence[object], budget: Budget) -> None:
        self._items = items
        self._budget = budget

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[object]:
        for item in self._items:
            self._budget.spend()
            yield item


@pass_context
def rounds(context: Context, value: object) -> Rounds:
    """The iterable of every `for`; `language` puts it there. Only lists, at most MAX_LOOP long."""
    if isinstance(value, Undefined):
        raise missing(value)
    if not isinstance(value, list | tuple):
        raise bad_value("a loop runs over a list")
    if len(value) > MAX_LOOP:
        raise RenderFault(Fault.TOO_MUCH_WORK, f"a loop runs over more than {MAX_LOOP} items")
    return Rounds(value, context.parent["_budget"])


def missing(value: Undefined) -> RenderFault:
    return MissingValue(value._undefined_name)


def printable(value: Any) -> Any:
    """Jinja's `finalize`: scalars pass, and what would print as None, True or {...} does not."""
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is Markup:
        return value
    if value is None:
        raise MissingValue()
    if isinstance(value, Undefined):
        raise missing(value)
    raise bad_value("only text and numbers can be printed; join a list, ask a truth with if")


def number(value: object) -> int | float:
    if isinstance(value, Undefined):
        raise missing(value)
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        raise bad_value("arithmetic takes numbers; put texts together with ~")
    if abs(value) > MAX_NUMBER:
        raise bad_value("a number is too large to count with")
    return value


def plain_text(value: object) -> str:
    """A scalar as text, for `~` and for filters."""
    if isinstance(value, str):
        return value
    return str(printable(value))


def capped(text: str) -> str:
    if len(text) > MAX_STRING:
        raise RenderFault(Fault.TOO_LONG, f"a part of this text is longer than {MAX_STRING} characters")
    return text


class Sandbox(ImmutableSandboxedEnvironment):
    """One for plain text, one for HTML (`autoescape`); both are safe to share between threads once filled."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=Missing,
            finalize=printable,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=0,
        )
        self.globals.clear()
        self.filters.clear()
        self.tests.clear()

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            try:
                return obj[argument]
            except (KeyError, TypeError):
                return Missing(name=argument)
        if isinstance(obj, LoopContext):
            return getattr(obj, argument) if argument in LOOP_WORDS else Missing(name="loop")
        if isinstance(obj, str | list | tuple) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except (LookupError, TypeError, ValueError):
                return Missing(name="item")
        return Missing(name=argument if isinstance(argument, str) else "item")

    def is_safe_callable(self, obj: Any) -> bool:
        return False

    def call(self, *_args: Any, **_named: Any) -> Any:
        raise bad_value("a text calls nothing; use a filter")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        result = OPERATORS[operator](number(left), number(right))
        return number(result)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        return -number(arg) if operator == "-" else number(arg)


def _refuse_power(_left: int | float, _right: int | float) -> int | float:
    raise bad_value("there is no power in texts")


OPERATORS: Mapping[str, Callable[[int | float, int | float], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _refuse_power,
}
