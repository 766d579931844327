"""Importing customers: each row is a person, found by any of its identities, or made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from automation.people.normalise import KINDS
from automation.people.registry import Registry
from automation.store.database import Transaction

from . import columns, pipeline, rows
from .groups import Batch, Packer
from .options import Options, Report, Watch
from .workers import Outcome, Taken
from .writing import Writer


def customers(registry: Registry, path: Path, options: Options, now: int, watch: Watch = Watch()) -> Report:  # noqa: B008
    """Imports a CSV or XLSX of customers, or goes on where a killed import stopped.

    Cells overwrite, empty cells do not; a yes without a date undoes no refusal. Refused where the file as a whole
    cannot be read, Busy where another process imports it.
    """
    return pipeline.run(registry.store, _Customers(registry, options, now), path, options, now, watch)


NO_CONSENT = "no column says who agreed to marketing: nobody gets any by this file (MAIL-06)"


class _Customers:
    kind = "customers"
    notes: tuple[str, ...] = ()

    def __init__(self, registry: Registry, options: Options, now: int) -> None:
        self._registry = registry
        self._now = now
        self._options = options
        self._writer = Writer(registry, options)
        self._packer = Packer(registry.vault, now)
        self._plan = rows.Plan(0, (), ())

    def understands(self, headings: Sequence[str]) -> bool:
        found = columns.targets(headings, self._options.columns, self._registry.catalog)
        return any(target in KINDS for target in found)

    def settle(self, headings: Sequence[str]) -> Sequence[str]:
        found = columns.read(headings, self._options.columns, self._registry.catalog)
        self._plan = rows.plan(self._registry, self._options, found.targets, self._now)
        if not any(target is not None and target.startswith(columns.CONSENT) for target in found.targets):
            self.notes = (NO_CONSENT,)
        return found.unknown

    def prepare(self, rows: Sequence[list[str]]) -> Taken[list[Batch]]:
        contacts, good, refused = self._plan.contacts(rows)
        return Taken(self._packer.batches(contacts), good, refused)

    def named(self, prepared: list[Batch]) -> bool:
        find = self._registry.names.find
        return all(find("tag", tag) for tag in _tags(prepared))

    def name(self, prepared: list[Batch]) -> None:
        self._registry.names.ensure("tag", sorted(_tags(prepared)))

    def tables(self, tx: Transaction) -> None:
        self._writer.tables(tx)

    def write(self, tx: Transaction, now: int, prepared: list[Batch]) -> Outcome:
        done = [self._writer.write(tx, now, batch) for batch in prepared]
        return Outcome(sum(one.created for one in done), sum(one.merged for one in done))


def _tags(prepared: list[Batch]) -> set[str]:
    return {tag for batch in prepared for _, tag in batch.tags}
