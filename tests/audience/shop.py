"""Few lines to put people and events into a database, for tests of what is computed from them."""

from __future__ import annotations

import json
from typing import Any

from automation.store.database import Store
from automation.store.names import Names


class Shop:
    """Writes people and events; ids count from 1."""

    def __init__(self, store: Store) -> None:
        self.store, self.names = store, Names(store)
        self._events = 0

    def person(self, number: int, created_at: int = 0, **columns: Any) -> int:
        names = "".join(f", {name}" for name in columns)
        values = "".join(f", :{name}" for name in columns)
        with self.store.write() as tx:
            tx.run(
                f"INSERT INTO person (id, uid, seed, created_at, changed_at{names})"
                f" VALUES (:id, :uid, :id, :created, 0{values})",
                id=number, uid=f"u{number}", created=created_at, **columns,
            )  # fmt: skip
        return number

    def event(self, person: int, name: str, at: int, **props: Any) -> None:
        number = self.names.ensure("event", [name])[name]
        self._events += 1
        with self.store.write() as tx:
            tx.run(
                "INSERT INTO event (id, person_id, name_id, at, received_at, props)"
                " VALUES (:id, :person, :name, :at, :at, :props)",
                id=self._events, person=person, name=number, at=at, props=json.dumps(props, ensure_ascii=False),
            )  # fmt: skip
