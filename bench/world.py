"""The shop of the engine's benches: people who have not ordered for long, and what other processes do to it.

`python -m bench.world seed FILE PEOPLE`, `... copy FROM TO`, `... order FILE`. Run as children, so that none of their
memory is the engine's.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import apsw

from automation import settings
from automation.audience.compiler import Compiler, ShopCalendar
from automation.audience.computed import ComputedValues
from automation.engine import install, registry
from automation.engine.parts import Parts
from automation.engine.zones import Zones
from automation.festivals.workdays import Workdays
from automation.journey import project
from automation.people import sealing
from automation.store import schema
from automation.store.database import Store
from automation.store.names import Names
from bench import measure
from bots import registry as bots

SHOP: Final = Path(__file__).parent / "shop" / "config.yaml"
DAY: Final = 86_400
CHECK: Final = int(datetime(2026, 6, 1, 9, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
LIVE: Final = CHECK - 600  # the journey goes live ten minutes before its first check
ORDERED_AT: Final = CHECK + DAY
MOMENTS: Final = (CHECK, CHECK + 3 * DAY, CHECK + 10 * DAY)  # the ticks: the check, after `wait: 3d`, after `wait: 7d`

PEOPLE = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :people)
    INSERT INTO person (id, uid, seed, name, attrs, created_at, changed_at)
    SELECT i, 'bench-' || i, seed_of('bench-' || i), '客户' || i % 997, '{"city":"上海"}', :long_ago, :long_ago
    FROM n"""
IDENTITIES = """
    INSERT INTO identity (kind, account, lookup, person_id, sealed, key_id, verified_at)
    SELECT k.column1, '', CAST(printf('%s%015d', k.column2, id) AS BLOB), id, zeroblob(43), 1, NULL
    FROM (VALUES ('phone', 'p'), ('email', 'e'), ('openid', 'o')) k CROSS JOIN person"""
LAST_ORDERS = """
    INSERT INTO event (person_id, name_id, at, received_at, key, props)
    SELECT id, :event, at, at, 'A' || id, '{"order_id":"A' || id || '","amount":9900}'
    FROM (SELECT id, :check - (91 + id * 7919 % 300) * 86400 AS at FROM person)"""
LAST_ORDER_AT = """
    INSERT INTO computed_value (name_id, person_id, num)
    SELECT :computed, person_id, at FROM event ORDER BY person_id"""
NEW_ORDERS = """
    INSERT INTO event (person_id, name_id, at, received_at, key, props)
    SELECT id, :event, :at, :at, 'B' || id, '{"order_id":"B' || id || '","amount":9900}'
    FROM person WHERE id % 10 < 3"""
NEW_ORDER_AT = "UPDATE computed_value SET num = :at WHERE name_id = :computed AND person_id % 10 < 3"


def opened(path: Path) -> Parts:
    """The engine's parts on a database file, as the application assembles them."""
    chosen = settings.load(SHOP, os.environ, bots.KINDS)
    files = project.load(chosen)
    if files.problems:
        raise SystemExit("\n".join(map(str, files.problems)))
    store = Store(f"sqlite:{path}")
    schema.migrate(store)
    names = Names(store)
    calendar = ShopCalendar(chosen.shop.zone)
    compiler = Compiler(store.dialect, names, files.catalog, calendar)
    computed = ComputedValues(names, files.catalog, calendar)
    zones = Zones(chosen.shop.timezone)
    loaded = registry.load(store, names, files)
    return Parts(store, names, chosen, files, compiler, computed, zones, Workdays(), loaded)


def transitions(people: int) -> int:
    """Steps executed in all: five for those who order while they wait, eight for the others."""
    ordered = buyers(people)
    return 5 * ordered + 8 * (people - ordered)


def messages(people: int) -> int:
    return 2 * people - buyers(people)


def buyers(people: int) -> int:
    """How many of the people 1..n order: those whose number ends in 0, 1 or 2."""
    return 3 * (people // 10) + min(people % 10, 2)


def seed(path: Path, people: int) -> None:
    """Everybody with three identities and one order of more than 90 days ago; then the journey goes live."""
    parts = opened(path)
    connection = parts.store.connections.connection()
    connection.create_scalar_function("seed_of", sealing.seed_of, 1, deterministic=True)
    connection.execute("PRAGMA cache_size = -262144")
    numbers = _numbers(parts)
    with parts.store.write() as tx:
        tx.run(PEOPLE, people=people, long_ago=CHECK - 800 * DAY)
        tx.run(IDENTITIES)
        tx.run(LAST_ORDERS, check=CHECK, event=numbers["event"])
        tx.run(LAST_ORDER_AT, computed=numbers["computed"])
    install.install(parts, LIVE)
    parts.store.checkpoint("TRUNCATE")
    parts.store.close()


def order(path: Path) -> None:
    """Three in ten order a day later. Their events are already worked on, so none is queued."""
    parts = opened(path)
    numbers = _numbers(parts)
    with parts.store.write() as tx:
        tx.run(NEW_ORDERS, at=ORDERED_AT, event=numbers["event"])
        tx.run(NEW_ORDER_AT, at=ORDERED_AT, computed=numbers["computed"])
    parts.store.checkpoint("TRUNCATE")
    parts.store.close()


def copy(source: Path, target: Path) -> None:
    """A second database with the same content, by SQLite's own backup."""
    old, new = apsw.Connection(str(source)), apsw.Connection(str(target))
    with new.backup("main", old, "main") as backup:
        backup.step()
    new.close()
    old.close()


def remove(path: Path) -> None:
    for found in path.parent.glob(f"{path.name}*"):
        found.unlink()


def _numbers(parts: Parts) -> dict[str, int]:
    return {
        "event": parts.names.ensure("event", ["order.paid"])["order.paid"],
        "computed": parts.names.ensure("computed", ["last_order_at"])["last_order_at"],
    }


def main(verb: str, path: str, *more: str) -> int:
    if verb == "seed":
        seed(Path(path), int(more[0]))
    elif verb == "copy":
        copy(Path(path), Path(more[0]))
    else:
        order(Path(path))
    measure.last_line({"done": verb})
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
