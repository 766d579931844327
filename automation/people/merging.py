"""Two people who turn out to be one: everything of the second goes to the first, each step written down, and back.

The one who is gone keeps an empty row that points to the one who was kept (`person.merged_into`). Computed values are
not added up here: whoever calls has them computed anew for both.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from automation.kernel import errors
from automation.store.database import Transaction

from . import merge_refusals, merge_runs
from .merge_tables import KEYED, MOVED, USED_UP, Keyed, Values

SCORES = ("recency", "frequency", "monetary")
COLUMNS = ("name", "stage", "zone_id", *SCORES, "points", "created_at", "attrs")
EMPTY: dict[str, Any] = dict.fromkeys(COLUMNS) | {"points": 0, "attrs": {}}
LOG = "INSERT INTO merge_move (merge_id, tbl, row_id, before) VALUES (:merge, :tbl, :row, :before)"


def merge(tx: Transaction, now: int, kept: int, gone: int, reason: str) -> int:
    """Merges `gone` into `kept`; the number of the merge. `reason`: what proved it, without personal data."""
    if kept == gone:
        raise errors.Refused(_same(tx, kept))
    before = {"kept": _columns(tx, kept), "gone": _columns(tx, gone)}
    before["merged"] = _united(before["kept"], before["gone"])
    merge_id = int(
        tx.value(
            "INSERT INTO merge (kept, gone, reason, at, before) VALUES (:kept, :gone, :reason, :now, :before)"
            " RETURNING id",
            kept=kept, gone=gone, reason=reason, now=now, before=json.dumps(before, ensure_ascii=False),
        )
    )  # fmt: skip
    merge_refusals.mark(tx, merge_id)
    for table, where in MOVED.items():
        rows = f"SELECT CAST(:merge AS BIGINT), '{table}', id FROM {table} WHERE {where}"
        if tx.run(f"INSERT INTO merge_move (merge_id, tbl, row_id) {rows}", merge=merge_id, person=gone):
            merge_runs.move_rows(tx, table, merge_id, gone, kept)
    merge_runs.move(tx, now, merge_id, kept, gone)
    for keyed in KEYED:
        _combine(tx, keyed, merge_id, kept, gone)
    _write(tx, now, kept, before["merged"])
    _write(tx, now, gone, EMPTY | {"created_at": before["gone"]["created_at"]})
    _point(tx, merge_id, kept, gone)
    return merge_id


def unmerge(tx: Transaction, now: int, merge_id: int) -> tuple[int, int]:
    """Takes a merge back: (kept, gone). What was added or changed since stays with the one who was kept, but for what
    the runs of the other did; a refusal holds for both.

    Refused where it was undone before, or where a later merge stands on it.
    """
    found = tx.row("SELECT kept, gone, before, undone_at FROM merge WHERE id = :id", id=merge_id)
    if found is None or found[3] is not None:
        raise errors.Refused(f"there is no merge {merge_id} to undo")
    kept, gone, before = int(found[0]), int(found[1]), json.loads(found[2])
    later = tx.value(
        "SELECT max(id) FROM merge WHERE id > :id AND undone_at IS NULL AND (kept = :kept OR gone = :kept)",
        id=merge_id, kept=kept,
    )  # fmt: skip
    if later is not None:
        raise errors.Refused(f"merge {later} came after it: undo that one first")
    for table in MOVED:
        merge_runs.move_rows(tx, table, merge_id, kept, gone)
    earned = merge_runs.move_back(tx, now, merge_id, kept, gone)
    for keyed in KEYED:
        _separate(tx, keyed, merge_id, kept, gone)
    merge_refusals.hold_for_both(tx, merge_id, kept, gone)
    _write(tx, now, kept, _parted(_columns(tx, kept), before, earned))
    _write(tx, now, gone, before["gone"] | {"points": before["gone"]["points"] + earned})
    _unpoint(tx, merge_id, kept, gone)
    tx.run("UPDATE merge SET undone_at = :now WHERE id = :id", now=now, id=merge_id)
    return kept, gone


def _same(tx: Transaction, person: int) -> str:
    """Why two words for this person name nobody to merge: an earlier merge may have made them one."""
    earlier = tx.rows(
        "SELECT m.id, m.gone FROM merge m JOIN person p ON p.id = m.gone WHERE p.merged_into = :person"
        " AND m.undone_at IS NULL ORDER BY m.id",
        person=person,
    )
    merges = "".join(f"; #{gone} was merged into them (merge {number})" for number, gone in earlier)
    return f"both are customer #{person}, who cannot be merged with themselves{merges}"


def _columns(tx: Transaction, person: int) -> dict[str, Any]:
    found = tx.row(f"SELECT {', '.join(COLUMNS)}, merged_into FROM person WHERE id = :id", id=person)
    if found is None or found[-1] is not None:
        raise errors.Refused("there is no such person, or they were merged already")
    columns = dict(zip(COLUMNS, found, strict=False))
    columns["attrs"] = json.loads(columns["attrs"]) if columns["attrs"] else {}
    return columns


def _united(kept: dict[str, Any], gone: dict[str, Any]) -> dict[str, Any]:
    united = {name: gone[name] if kept[name] is None else kept[name] for name in COLUMNS}
    for score in SCORES:  # until the next count adds their orders up
        united[score] = max((one[score] for one in (kept, gone) if one[score] is not None), default=None)
    united["points"] = kept["points"] + gone["points"]
    united["created_at"] = min(kept["created_at"], gone["created_at"])
    united["attrs"] = gone["attrs"] | kept["attrs"]
    return united


def _parted(now: dict[str, Any], before: dict[str, dict[str, Any]], earned: int) -> dict[str, Any]:
    """The kept person's columns as they were, but for what was changed since. `earned`: points since, by the other."""
    old, merged = before["kept"], before["merged"]
    parted = {name: old[name] if now[name] == merged[name] else now[name] for name in COLUMNS}
    parted["points"] = now["points"] - before["gone"]["points"] - earned
    attrs = {name: value for name, value in now["attrs"].items() if merged["attrs"].get(name) != value}
    untouched = {name: value for name, value in old["attrs"].items() if now["attrs"].get(name) == merged["attrs"][name]}
    parted["attrs"] = untouched | attrs
    return parted


def _write(tx: Transaction, now: int, person: int, columns: dict[str, Any]) -> None:
    attrs = json.dumps(columns["attrs"], ensure_ascii=False) if columns["attrs"] else None
    sets = ", ".join(f"{name} = :{name}" for name in COLUMNS)
    tx.run(
        f"UPDATE person SET {sets}, changed_at = :now WHERE id = :id", id=person, now=now, **columns | {"attrs": attrs}
    )


def _point(tx: Transaction, merge_id: int, kept: int, gone: int) -> None:
    """Whoever led to `gone` leads to `kept` now, so that no way is longer than one step."""
    earlier = tx.rows("SELECT id FROM person WHERE merged_into = :gone", gone=gone)
    for (person,) in earlier:
        tx.run(LOG, merge=merge_id, tbl="person", row=person, before=None)
        tx.run("UPDATE person SET merged_into = :kept WHERE id = :id", kept=kept, id=person)
    tx.run("UPDATE person SET merged_into = :kept WHERE id = :gone", kept=kept, gone=gone)


def _unpoint(tx: Transaction, merge_id: int, kept: int, gone: int) -> None:
    tx.run(
        "UPDATE person SET merged_into = :gone WHERE merged_into = :kept"
        " AND id IN (SELECT row_id FROM merge_move WHERE merge_id = :merge AND tbl = 'person')",
        gone=gone, kept=kept, merge=merge_id,
    )  # fmt: skip
    tx.run("UPDATE person SET merged_into = NULL WHERE id = :gone", gone=gone)


def _combine(tx: Transaction, keyed: Keyed, merge_id: int, kept: int, gone: int) -> None:
    theirs, ours = _read(tx, keyed, gone), _read(tx, keyed, kept)
    if not theirs:
        return
    merged = {key: keyed.combine(ours[key], values) if key in ours else values for key, values in theirs.items()}
    shared = {key: ours[key] for key in merged if key in ours}
    before = {"gone": _listed(theirs), "kept": _listed(shared), "merged": _listed(merged)}
    tx.run(LOG, merge=merge_id, tbl=keyed.name, row=0, before=json.dumps(before, ensure_ascii=False, default=_plain))
    for key, values in merged.items():
        _delete(tx, keyed, gone, key)
        _delete(tx, keyed, kept, key)
        _insert(tx, keyed, kept, key, values)


def _separate(tx: Transaction, keyed: Keyed, merge_id: int, kept: int, gone: int) -> None:
    text = tx.value(
        "SELECT before FROM merge_move WHERE merge_id = :merge AND tbl = :tbl", merge=merge_id, tbl=keyed.name
    )
    if text is None:
        return
    before = {part: _unlisted(rows) for part, rows in json.loads(text).items()}
    present = _unlisted(json.loads(json.dumps(_listed(_read(tx, keyed, kept)), default=_plain)))
    for key, values in before["merged"].items():
        if present.get(key) == values:
            _delete(tx, keyed, kept, key)
            if key in before["kept"]:
                _insert(tx, keyed, kept, key, before["kept"][key])
    for key, values in before["gone"].items():
        if keyed.name not in USED_UP or present.get(key) == before["merged"][key]:
            _delete(tx, keyed, gone, key)
            _insert(tx, keyed, gone, key, values)


def _read(tx: Transaction, keyed: Keyed, person: int) -> dict[Values, Values]:
    rows = tx.rows(f"SELECT {', '.join(keyed.key + keyed.values)} FROM {keyed.name} WHERE {keyed.where}", person=person)
    size = len(keyed.key)
    return {tuple(row[:size]): tuple(row[size:]) for row in rows}


def _delete(tx: Transaction, keyed: Keyed, person: int, key: Values) -> None:
    where = " AND ".join(f"{name} = :{name}" for name in keyed.key)
    sql = f"DELETE FROM {keyed.name} WHERE person_id = :person AND {where}"
    tx.run(sql, person=person, **dict(zip(keyed.key, key, strict=True)))


def _insert(tx: Transaction, keyed: Keyed, person: int, key: Values, values: Values) -> None:
    names = keyed.key + keyed.values
    bound = ", ".join(f":{name}" for name in names)
    sql = f"INSERT INTO {keyed.name} (person_id, {', '.join(names)}) VALUES (:person, {bound})"
    tx.run(sql, person=person, **dict(zip(names, key + values, strict=True)))


def _listed(rows: dict[Values, Values]) -> list[list[Any]]:
    return [[list(key), list(values)] for key, values in rows.items()]


def _unlisted(rows: list[list[Any]]) -> dict[Values, Values]:
    return {tuple(key): tuple(values) for key, values in rows}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)
