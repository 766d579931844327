"""The bound values of a compiled statement: literals once, moments and ids again for every execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Deferred: TypeAlias = Callable[[int], Any]
"""A value that depends on `now` (UTC seconds), worked out when the statement is executed."""


class Parameters:
    """Collects values while SQL is composed. `:now` is always among them."""

    def __init__(self, prefix: str = "p") -> None:
        """`prefix`: letters; two collections used in one statement need different ones."""
        self._prefix = prefix
        self._fixed: dict[str, Any] = {}
        self._deferred: dict[str, Deferred] = {}

    def add(self, value: Any | Deferred) -> str:
        """The placeholder, such as `:p3`, for a value or for a function of `now`."""
        name = f"{self._prefix}{len(self._fixed) + len(self._deferred) + 1}"
        if callable(value):
            self._deferred[name] = value
        else:
            self._fixed[name] = int(value) if isinstance(value, bool) else value
        return f":{name}"

    def values(self, now: int) -> dict[str, Any]:
        """All of them by name, for a statement that is executed at `now`."""
        found = {"now": now, **self._fixed}
        for name, work_out in self._deferred.items():
            found[name] = work_out(now)
        return found
