"""The shortest outbox there is, to measure the machine by: it claims, reads, renders and records, and nothing else.

No rule is asked, nothing is sealed or kept for a doubt, the text is rendered beside the keys, and a message that was
claimed when the process ended is sent once more. What it makes a second says how fast the machine is in this hour.
`python -m bench.bare_outbox FOLDER COUNT` makes its database in the folder; one line of JSON.
"""

from __future__ import annotations

import json
import sqlite3  # noqa: TID251 - what everybody has; no connection of the product is open beside it
import sys
import time
from pathlib import Path
from typing import Any, Final

from jinja2.sandbox import SandboxedEnvironment

BATCH: Final = 500
NOW: Final = 1_700_000_000
LEASE: Final = 300
TABLES: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -262144;
CREATE TABLE customer (id INTEGER PRIMARY KEY, phone TEXT NOT NULL UNIQUE, city TEXT NOT NULL, attrs TEXT NOT NULL);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, customer_id BIGINT NOT NULL, state SMALLINT NOT NULL, attempts SMALLINT NOT NULL,
    due BIGINT, provider_id TEXT, sent_at BIGINT);
CREATE INDEX outbox_due ON outbox (due) WHERE due IS NOT NULL;
"""
CLAIM: Final = (
    "UPDATE outbox SET state = 1, attempts = attempts + 1, due = ? WHERE id IN (SELECT id FROM outbox WHERE due <= ?"
    f" ORDER BY due LIMIT {BATCH}) RETURNING id, customer_id"
)
READ: Final = "SELECT id, phone, city, attrs FROM customer WHERE id IN ({})"
RECORD: Final = "UPDATE outbox SET state = 2, due = NULL, provider_id = ?, sent_at = ? WHERE id = ?"
TEXT: Final = "【旅程】{{ name }}，{{ city }}的老朋友，您有{{ points }}积分，券码{{ code }}，拒收请回复R"


def main(folder: str, count: int) -> int:
    print(json.dumps({"per_second": round(_speed(Path(folder), count))}))
    return 0


def _speed(folder: Path, count: int) -> float:
    """Messages a second, of so many that are due."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.executescript(TABLES)
    _fill(connection, count)
    template, sent = SandboxedEnvironment().from_string(TEXT), 0
    began = time.perf_counter()
    while claimed := _claim(connection):
        people = _people(connection, [customer for _, customer in claimed])
        texts = [(number, template.render(people[customer])) for number, customer in claimed]
        _record(connection, [(f"sent {number}", NOW, number) for number, _ in texts])
        sent += len(texts)
    seconds = time.perf_counter() - began
    connection.close()
    if sent != count:
        raise SystemExit(f"{sent} of {count} were sent")
    return sent / seconds


def _fill(connection: sqlite3.Connection, count: int) -> None:
    numbers = range(1, count + 1)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO customer VALUES (?, ?, ?, ?)",
        (
            (
                n,
                f"138{n:08d}",
                "上海",
                json.dumps({"name": f"客户{n % 997}", "points": n % 5000, "code": "BD-00000001"}),
            )
            for n in numbers
        ),
    )
    connection.executemany(
        "INSERT INTO outbox (id, customer_id, state, attempts, due) VALUES (?, ?, 0, 0, ?)",
        ((n, n, NOW - 1) for n in numbers),
    )
    connection.execute("COMMIT")


def _claim(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    connection.execute("BEGIN IMMEDIATE")
    claimed: list[tuple[int, int]] = connection.execute(CLAIM, (NOW + LEASE, NOW)).fetchall()
    connection.execute("COMMIT")
    return claimed


def _people(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, dict[str, Any]]:
    rows = connection.execute(READ.format(", ".join("?" * len(numbers))), numbers)
    return {number: {"city": city, "phone": phone, **json.loads(attrs)} for number, phone, city, attrs in rows}


def _record(connection: sqlite3.Connection, rows: list[tuple[str, int, int]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(RECORD, rows)
    connection.execute("COMMIT")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
