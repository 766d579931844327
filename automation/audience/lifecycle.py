"""Where a person stands with the shop, one of built_in.STAGES, by the age of what they did.

`new` is whose first such event is young. Who never did anything is as old as the day we first heard of them. The
stages are rewritten daily and only where they changed; nothing is emitted.
"""

from __future__ import annotations

from automation.settings.sections import Lifecycle
from automation.store.database import Store
from automation.store.names import Names

from . import slices


def refresh(
    store: Store, names: Names, rules: Lifecycle, now: int, progress: slices.Progress = lambda done: None
) -> int:
    """Recomputes everybody's stage; returns how many changed. `now` in UTC seconds."""
    event, changed = names.find("event", rules.event) or -1, 0
    for done, (low, high) in enumerate(slices.id_ranges(store), 1):
        rows = store.rows(
            _CHANGED, low=low, high=high, event=event, new=now - rules.new, active=now - rules.active,
            silent=now - rules.silent, dormant=now - rules.dormant,
        )  # fmt: skip
        slices.update_people(store, {"stage": "TEXT"}, rows)
        changed += len(rows)
        progress(done * slices.SIZE)
    return changed


_ACTS = "SELECT {}(e.at) FROM event e WHERE e.person_id = p.id AND e.name_id = :event"
_CHANGED = f"""
SELECT id, fresh FROM (
    SELECT id, stage, CASE WHEN first > :new THEN 'new' WHEN last > :active THEN 'active'
        WHEN last > :silent THEN 'silent' WHEN last > :dormant THEN 'dormant' ELSE 'lost' END AS fresh
    FROM (SELECT p.id, p.stage, coalesce(({_ACTS.format("min")}), p.created_at) AS first,
            coalesce(({_ACTS.format("max")}), p.created_at) AS last
        FROM person p WHERE p.id > :low AND p.id <= :high AND p.merged_into IS NULL) AS acts) AS staged
WHERE stage IS DISTINCT FROM fresh
"""
