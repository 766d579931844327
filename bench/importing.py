"""Imports customers from CSV, three identities each, normalised and sealed, into an empty SQLite file.

`python -m bench.importing [ROWS]` (default 1,000,000). The three identities are in unrelated orders, as in life; one
row in twenty repeats an earlier person. The machine's own speed decides: the processor's time a row is the steadier
figure where others share it.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Final

from automation.conditions.tree import FieldType
from automation.journey import built_in
from automation.journey.catalog import Catalog, Field, Home
from automation.kernel import clock
from automation.people import keyring, registry, sealing
from automation.people.importing import Options, Report, Watch, customers
from automation.store.database import Store
from automation.store.schema import migrate

NOW: Final = 1_767_225_600
CITIES: Final = ("上海", "北京", "广州", "成都", "杭州")
TIERS: Final = ("basic", "silver", "gold")
FIELDS: Final = {
    "tier": Field("tier", FieldType.CHOICE, "会员等级", order=TIERS),
    "city": Field("city", FieldType.TEXT, "城市"),
    "birthday": Field("birthday", FieldType.DATE, "生日", home=Home.DATE),
}
# Three orders that have nothing to do with one another: multiplication by a prime is one to one.
MIXED: Final = ((15_485_863, 10**8), (2_654_435_761, 2**32), (2_246_822_519, 2**32))
HEADINGS: Final = ("手机号", "邮箱", "openid", "姓名", "会员等级", "城市", "生日")


def write_customers(path: Path, rows: int) -> int:
    """Makes the file; how many people are in it. Every twentieth row repeats somebody who came before."""
    people = repeated = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for row in range(rows):
            again = row % 20 == 19
            number = repeated * 7 % people if again else people
            people, repeated = people + (not again), repeated + again
            phone, email, openid = (number * prime % size for prime, size in MIXED)
            birthday = f"19{60 + number % 40}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            writer.writerow((
                f"138{phone:08d}", f"user{email}@example.com", f"o{openid:027d}",
                f"客户{number % 997}", TIERS[number % 3], CITIES[number % 5], birthday,
            ))  # fmt: skip
    return people


def measure(folder: Path, rows: int) -> tuple[Report, int, float, Store]:
    """Imports a new file of that many rows; the report, the people expected, processor seconds, and the store."""
    expected = write_customers(folder / "customers.csv", rows)
    store = Store(f"sqlite:{folder / 'lucheng.db'}")
    migrate(store)
    vault = sealing.Vault(keyring.create(folder / "key"))
    catalog = Catalog(dict(built_in.FIELDS) | FIELDS, built_in.EVENTS, {})
    known = registry.opened(store, vault, catalog)
    options = Options(accounts={"openid": "wechat_main"})
    began = sum(os.times()[:4])
    report = customers(known, folder / "customers.csv", options, NOW, Watch(_bar))
    return report, expected, sum(os.times()[:4]) - began, store


def _most_memory() -> int:
    """MB at the most, of this process or of the one that reads the file."""
    used = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(max(used) / 1024)


def _bar(done: int, total: int | None) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:>10,} of {total or 0:,}", end="", file=sys.stderr)


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    began = clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="lucheng-bench-") as name:
        folder = Path(name)
        report, expected, seconds, store = measure(folder, rows)
        people = int(store.value("SELECT count(*) FROM person"))
        addresses = int(store.value("SELECT count(*) FROM identity"))
        size = (folder / "lucheng.db").stat().st_size
        store.close()
    right = people == expected and addresses == 3 * expected and report.rejected == 0
    figures = {
        "bench": "importing", "rows": report.rows, "seconds": round(report.seconds, 2),
        "rows_per_second": round(report.rows / report.seconds), "cpu_us_per_row": round(seconds / rows * 1e6, 1),
        "max_rss_mb": _most_memory(), "people": people,
        "identities": addresses, "database_mb": round(size / 2**20), "right": right,
        "whole_seconds": round(clock.monotonic() - began, 2),
    }  # fmt: skip
    print(f"\n{'figure':<20}value")
    for figure, value in figures.items():
        print(
            f"{figure:<20}{value:,}"
            if isinstance(value, int | float) and not isinstance(value, bool)
            else f"{figure:<20}{value}"
        )
    print(json.dumps(figures))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
