"""The demo's own shop: a folder with settings, key, database and copies of the sample, apart from the real one.

Its settings are the shop's own, but every channel goes to pretend providers on this machine. Made anew each time; only
what an earlier demo left is removed.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from automation.kernel import source
from automation.settings import MEDIA, Settings

from . import sample

LINKS: Final = "https://lucheng.example.com"  # what links in the demo's mails begin with; nobody follows them
BY_HAND: Final = ("http://127.0.0.1:8025", 8026)  # a sandbox started by hand: HTTP, SMTP
OURS: Final = (
    "config.yaml",
    "demo.key",
    "demo.db*",
    "sandbox.jsonl",
    "customers*.csv",
    "events*.csv",
    "*_[0-9][0-9].csv",
)
HEADING: Final = (
    "# Written by `run.py demo`, and again each time. The shop's own settings; all channels are pretend ones.\n"
)
NUMBER: Final = "会员号"
KEPT: Final = ("kind", "account", "sign_name")  # of a channel


@dataclass(frozen=True, slots=True)
class Stage:
    """Paths below the demo's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def database(self) -> Path:
        return self.folder / "demo.db"

    @property
    def ledger(self) -> Path:
        return self.folder / "sandbox.jsonl"

    def clear(self) -> None:
        """Removes what an earlier demo made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for pattern in OURS:
            for path in self.folder.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def furnish(self, members: int) -> None:
        """The key and copies of the sample: rejected rows are written beside the file they come from."""
        key = base64.b64encode(hashlib.sha256(b"made-up customers").digest()).decode()
        descriptor = os.open(self.folder / "demo.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # Always the same, so that everybody's demo deals the same people into the same groups.
            file.write(f"# The key of made-up customers. Never use it for real ones: everybody knows it.\n1:{key}\n")
        for path in sorted(sample.FOLDER.glob("*.csv")):
            _copy(path, self.folder / path.name, members)

    def write_config(self, settings: Settings, config: Path, media: Mapping[str, str], at: tuple[str, int]) -> None:
        """The settings of the shop at `config`, with channels that lead to a sandbox at (HTTP address, SMTP port).

        `media`: name of a channel -> wechat, wecom, sms or email; those that are none of these are left out.
        """
        data: dict[str, Any] = dict(source.read(config).data)
        folders = settings.folders
        data["folders"] = {
            name: os.path.relpath(getattr(folders, name), self.folder) for name in ("journeys", "templates", "tests")
        }
        data["store"] = {"url": f"sqlite:{self.database.name}"}
        data["key"] = {"file": "demo.key"}
        data["channels"] = {
            name: _channel(given, media[name], at) for name, given in data["channels"].items() if media[name] in MEDIA
        }
        data["web"] = {"port": "off", "public_url": LINKS}
        lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in data.items())
        self.config.write_text(HEADING + "".join(lines), encoding="utf-8")


def _channel(given: Mapping[str, Any], medium: str, at: tuple[str, int]) -> Mapping[str, Any]:
    """The same interface, with nothing of the shop's account but what its texts say."""
    if medium == "email":
        return {"kind": "mail", "host": "127.0.0.1", "port": at[1], "tls": "none", "from_address": "shop@example.com",
                "from_name": "旅程良品", "in_flight": 200}  # fmt: skip
    kept = {name: given[name] for name in KEPT if name in given}
    where = {"plays": medium, "url": at[0]} if given["kind"] == "sandbox" else {"sandbox": at[0]}
    return {**kept, **where, "in_flight": 400, "rate": "none"}


def _copy(path: Path, to: Path, members: int) -> None:
    """The rows of the first `members` customers; files about nobody in particular as they are."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index(NUMBER) if NUMBER in rows[0] else None
    with to.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            row for number, row in enumerate(rows) if number == 0 or place is None or row[place][1:] <= f"{members:05d}"
        )
