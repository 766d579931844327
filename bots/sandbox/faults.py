"""Faults the sandbox plays on request, for one channel or all, for some requests or until told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Mode(StrEnum):
    """What goes wrong. Those beginning with accept take the message first; the others take nothing."""

    OK = "ok"
    RATE = "429"
    ERROR = "5xx"
    HANG = "hang"
    RESET = "reset"
    ACCEPT_THEN_TIMEOUT = "accept_then_timeout"
    ACCEPT_THEN_RESET = "accept_then_reset"
    ACCEPT_THEN_GARBAGE = "garbage"
    PARTIAL = "partial"  # every `every`th message of a request is refused with `error`
    SLOW = "slow"  # the right answer after `seconds`
    BUSY = "421"  # the rest: SMTP
    LATER = "450"
    NO_MAILBOX = "550"
    BAD_TEXT = "554"
    RESET_AFTER_DATA = "reset_after_data"  # the mail was read whole and is not taken


_HTTP = frozenset(Mode) - {Mode.BUSY, Mode.LATER, Mode.NO_MAILBOX, Mode.BAD_TEXT, Mode.RESET_AFTER_DATA}
_SMTP = frozenset(Mode) - {Mode.RATE, Mode.ERROR, Mode.PARTIAL, Mode.ACCEPT_THEN_GARBAGE, Mode.HANG}
RefusalWord = Literal[
    "bad_address", "not_reachable", "rate_limited", "quota", "unavailable", "bad_content", "not_allowed"
]


class Fault(BaseModel):
    """One order to misbehave. `times`: for so many requests (mails), None: until replaced. `channel` "": all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode
    on: Literal["http", "smtp"] = "http"
    channel: str = ""
    times: Annotated[int | None, Field(ge=1)] = None
    retry_after: Annotated[int | None, Field(ge=0)] = None
    status: Annotated[int, Field(ge=500, le=599)] = 503
    every: Annotated[int, Field(ge=1)] = 2
    error: RefusalWord = "bad_address"
    seconds: Annotated[float, Field(gt=0, le=3600)] = 600

    @model_validator(mode="after")
    def _exists_there(self) -> Self:
        if self.mode not in (_HTTP if self.on == "http" else _SMTP):
            raise ValueError(f"mode {self.mode.value} does not exist on {self.on}")
        return self


@dataclass(slots=True)
class Faults:
    """The faults in force: at most one for each protocol and channel."""

    _in_force: dict[tuple[str, str], tuple[Fault, int | None]] = field(default_factory=dict)

    def set(self, fault: Fault) -> None:
        """`fault` replaces the one for the same protocol and channel; mode ok for all channels clears the protocol."""
        if fault.mode is Mode.OK and not fault.channel:
            self._in_force = {where: kept for where, kept in self._in_force.items() if where[0] != fault.on}
        elif fault.mode is Mode.OK:
            self._in_force.pop((fault.on, fault.channel), None)
        else:
            self._in_force[fault.on, fault.channel] = (fault, fault.times)

    def take(self, on: str, channel: str, alone: bool = False) -> Fault | None:
        """The fault for one request, counted down; a channel's own comes before one for all.

        `alone`: only its own, for requests that carry no message, such as those for tokens.
        """
        for where in ((on, channel), (on, ""))[: 1 if alone else 2]:
            if where not in self._in_force:
                continue
            fault, left = self._in_force[where]
            if left == 1:
                del self._in_force[where]
            elif left is not None:
                self._in_force[where] = (fault, left - 1)
            return fault
        return None

    def shown(self) -> list[dict[str, object]]:
        """What is in force, for people and tests."""
        return [{**fault.model_dump(mode="json"), "left": left} for fault, left in self._in_force.values()]
