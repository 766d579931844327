"""The `customer.*` values of a batch: what its texts ask for and no more, addresses and sealed fields opened too."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from automation.audience.values import Values
from automation.engine.parts import Parts
from automation.journey.catalog_values import Home
from automation.kernel import errors
from automation.people import fields
from automation.people.sealing import Vault, identity_context

PREFIX = "customer."


class Customers:
    """Loads in a few statements a batch, whatever the number of people."""

    def __init__(self, parts: Parts, vault: Vault) -> None:
        self._parts, self._vault = parts, vault
        self._project: object = None
        self._wanted: dict[str, frozenset[str]] = {}
        self._values: Values | None = None

    def load(self, people: Sequence[int], texts: Collection[str], now: int) -> Mapping[int, Mapping[str, Any]]:
        """Person id -> values for the union of what the texts use."""
        values = self._fresh()
        wanted = set().union(*(self._names(text) for text in texts)) if texts else set()
        found = values.load(self._parts.store, people, wanted, now)
        known = self._parts.project.catalog.fields
        addresses = {name for name in wanted if name in known and known[name].home is Home.IDENTITY}
        sealed = {name for name in wanted if name in known and known[name].sealed} - addresses
        if addresses:
            self._addresses(found, addresses)
        if sealed:
            self._sealed(found, sealed)
        return found

    def _fresh(self) -> Values:
        if self._values is None or self._project is not self._parts.project:
            self._project, self._wanted = self._parts.project, {}
            around = self._parts.compiler.around
            self._values = Values(self._parts.names, self._parts.project.catalog, around.calendar)
        return self._values

    def _names(self, text: str) -> frozenset[str]:
        found = self._wanted.get(text)
        if found is None:
            known = self._parts.project.texts.texts.get(text)
            used = known.variables if known else frozenset()
            heads = (
                name.removeprefix(PREFIX).partition(".")[0].partition("[")[0]
                for name in used
                if name.startswith(PREFIX)
            )
            found = self._wanted[text] = frozenset(heads)
        return found

    def _addresses(self, found: dict[int, dict[str, Any]], kinds: Collection[str]) -> None:
        rows = self._about(
            found, "i.person_id, i.kind, i.lookup, i.sealed", "identity i ON i.person_id = given.id ORDER BY i.id"
        )
        for person, kind, lookup, sealed in rows:
            if kind in kinds:
                with contextlib.suppress(errors.Refused):  # missing then, as a sealed field that does not open
                    found[person][kind] = self._vault.open(sealed, identity_context(lookup))

    def _sealed(self, found: dict[int, dict[str, Any]], names: Collection[str]) -> None:
        for person, document in self._about(found, "p.id, p.attrs", "person p ON p.id = given.id"):
            stored = json.loads(document) if document else {}
            for name in names & stored.keys():
                try:
                    found[person][name] = fields.unsealed(self._vault, name, stored[name])
                except (errors.Refused, TypeError, KeyError):
                    continue  # what does not open is missing, and a text that needs it says so

    def _about(self, found: Mapping[int, Any], columns: str, joined: str) -> list[tuple[Any, ...]]:
        dialect = self._parts.store.dialect
        sql = f"SELECT {columns} FROM {dialect.ids('ids')} AS given {dialect.join_in_order} {joined}"
        return self._parts.store.rows(sql, ids=dialect.array(list(found)))
