"""A Cache in memory, with a clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class MemoryCache:
    now: int = 1_772_323_200
    values: dict[str, tuple[str, int]] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        value, until = self.values.get(name, ("", 0))
        return value if until > self.now else None

    def put(self, name: str, value: str, seconds: int) -> None:
        self.values[name] = (value, self.now + seconds)
