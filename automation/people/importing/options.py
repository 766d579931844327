"""What an import is told and what it tells back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from automation.people.consents import NO_PROOF, Proof
from automation.store.database import Transaction

MB = 1024 * 1024
Progress: TypeAlias = Callable[[int, int | None], None]  # rows done, rows in all (None where nobody knows)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an XLSX file may unpack to. Its texts are held in memory while it is read, hence their own limit."""

    unpacked: int = 2048 * MB
    shared_texts: int = 256 * MB
    ratio: int = 100  # unpacked to packed, for parts over 1 MB
    parts: int = 5000
    rows: int = 1_048_576
    columns: int = 500


@dataclass(frozen=True, slots=True)
class Options:
    """`columns`: heading -> field, identity, tags, consent.PURPOSE[.CHANNEL] or ignore, before the built-in words.

    `asked`: headings that the file must have. `accounts`: kind of identity -> whose it is, such as openid: wechat_main.
    `proof`: of all consents, where a row does not say it. `changes`: emit customer.changed. `event`: the name of every
    event of a file that has no column for it. `live`: imported events enter journeys. `again`: take a finished file
    once more. Empty cells change nothing.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    source: str = "import"
    consent_channels: tuple[str, ...] = ("sms", "email", "wechat", "wecom")
    proof: Proof = NO_PROOF
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    event: str | None = None
    changes: bool = False
    live: bool = False
    again: bool = False
    chunk: int = 10_000  # rows prepared and sorted together; a quarter while others want to write too
    limits: Limits = Limits()

    def meaning(self) -> str:
        """What decides how a file is read: with another meaning it is another import."""
        told = (sorted(self.columns.items()), sorted(self.accounts.items()), self.source, self.consent_channels)
        return repr((*told, self.proof, self.encoding, self.delimiter, self.sheet, self.event, self.chunk))


def silent(done: int, total: int | None) -> None:
    """No progress bar."""


@dataclass(frozen=True, slots=True)
class Watch:
    """`after_chunk` runs in the transaction of each chunk. The temporary table touched(person_id) has then, each once,
    the people whose computed values are no longer right: they got events, or were merged.
    """

    progress: Progress = silent
    after_chunk: Callable[[Transaction], None] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Of the whole file, also when it was finished after a kill: created + updated + rejected + blank = rows.

    `created`: people made (events written). `updated`: good rows that made none. `merged`: people found to be another.
    `rejects_path`: None where nothing was rejected. `unknown`: headings that mean nothing, with a hint.
    `already`: the file was finished before; nothing was done. `notes`: what the headings mean for all rows.
    """

    rows: int
    created: int
    updated: int
    merged: int
    rejected: int
    blank: int
    rejects_path: Path | None
    unknown: tuple[str, ...]
    seconds: float
    already: bool = False
    notes: tuple[str, ...] = ()
