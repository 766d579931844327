"""The doctor names what is wrong and what will be, and hides nothing behind the first finding."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from automation.cli import health
from automation.runtime import leader
from automation.store.database import Store
from tests.cli.conftest import JOURNEYS, NOW


def looks(shop: Any, code: int = 0) -> dict[str, dict[str, str]]:
    done = shop("doctor", "--json")
    assert done.code == code, done.out
    return {one["about"]: one for one in done.json["looks"]}


def test_a_healthy_shop_has_no_problem_and_notes_that_nothing_runs(shop: Any) -> None:
    found = looks(shop)
    assert found["engine"]["level"] == "note"
    assert found["database"]["level"] == "ok"
    assert "mode 600" in found["key"]["says"]
    assert "in_flight 16" in found["channel sms_main"]["says"]
    assert found["workdays"]["level"] == "note"  # the next year is not published yet


def test_a_key_that_others_can_read_is_a_problem_and_the_rest_is_still_looked_at(shop: Any) -> None:
    (shop.folder / "var" / "lucheng.key").chmod(0o644)
    found = looks(shop, 1)
    assert "chmod 600" in found["key"]["says"]
    assert found["files"]["level"] == "ok"


def test_another_shops_key_is_told(shop: Any) -> None:
    from automation.people import keyring

    path = shop.folder / "var" / "lucheng.key"
    path.unlink()
    keyring.create(path)
    assert any(one["level"] == "problem" and "does not open" in one["says"] for one in looks(shop, 1).values())


def test_a_running_engine_is_seen_and_a_second_one_is_busy(shop: Any) -> None:
    store = Store(f"sqlite:{shop.folder}/var/lucheng.db")
    with leader.leading(store):
        assert looks(shop)["engine"]["says"] == "running"
        assert shop("tick").code == 4
    store.close()


def test_a_database_that_stands_in_the_past_is_told_with_the_day(shop: Any) -> None:
    """As after `demo`, whose year has ended, and after an engine that nobody missed."""
    shop.clock.set(NOW + health.DAY)
    shop.fine("tick")
    assert looks(shop)["engine"]["says"] == "not running: `run.py start`"
    shop.clock.set(NOW + 40 * health.DAY)
    says = looks(shop)["engine"]["says"]
    assert says.startswith("not running: `run.py start` catches up at once: nobody moved since 2026-11-23, 39 days ago")


def test_settings_that_cannot_be_read_are_the_finding(bare: Any) -> None:
    bare.write("config.yaml", "shop: 1\n")
    assert looks(bare, 1)["settings"]["level"] == "problem"


def other_files(shop: Any, folder: Path, **files: str) -> None:
    """From now on these files lie beside or instead of the shop's own, in this folder."""
    config = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    own = re.search(r"folders: \{journeys: ([^,]+)", config)
    assert own is not None
    if files.pop("beside", ""):
        shutil.copytree(own[1], folder, dirs_exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    shop.write("config.yaml", config.replace(own[0], f"folders: {{journeys: {folder}"))


def test_a_broken_file_is_told_with_the_version_that_runs_on(shop: Any, tmp_path: Path) -> None:
    other_files(shop, tmp_path / "journeys", paid="journey: paid\n", beside="yes")
    found = looks(shop, 1)
    path = next(about for about in found if about.endswith("paid.yaml"))
    assert "its last good version runs on" in found[path]["says"]
    assert "journey paid" not in found


def test_a_journey_that_cannot_do_without_what_is_gone_is_not_said_to_run_on(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "journeys").mkdir()
    other_files(shop, tmp_path / "journeys", paid=JOURNEYS["paid"])  # and no catalog that knows of orders
    found = looks(shop, 1)
    assert not any("runs on" in one["says"] for one in found.values())
    assert "nobody enters it" in found["journey paid"]["says"]
    assert "inside wait" in found["journey paid"]["says"]


def test_a_real_account_behind_an_address_of_this_machine_is_a_problem(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_SECRET", "not-a-secret")
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    real = 'channels:\n  wechat_main: {kind: wechat, appid: wx1234567890abcdef, secret: "${WECHAT_SECRET}"}'
    text = text.replace("channels:", real)
    shop.write("config.yaml", text.replace("{port: off}", "{port: 8080, public_url: http://127.0.0.1:8080}"))
    assert "callbacks of wechat_main go nowhere" in looks(shop, 1)["web.public_url"]["says"]
    shop.write("config.yaml", text.replace("{port: off}", "{port: 8080, public_url: https://crm.example.com}"))
    assert "web.public_url" not in looks(shop)


def test_what_is_late_is_said_in_the_unit_a_person_would_use() -> None:
    assert [health._long(seconds) for seconds in (360, 7199, 7200, 200_000)] == [
        "6 minutes", "119 minutes", "2 hours", "2 days",
    ]  # fmt: skip


def test_a_welcome_that_did_not_reach_anybody_is_told(shop: Any) -> None:
    looks(shop)
    store = Store(f"sqlite:{shop.folder}/var/lucheng.db")
    now = NOW
    with store.write() as tx:
        for number, (state, at) in enumerate([("sent", now), ("refused: x", now), ("refused: y", now), ("missed", 5)]):
            tx.run(
                "INSERT INTO inbound (channel, dedupe, at, kind, welcome)"
                " VALUES ('wecom_main', :n, :at, 'did', :state)",
                n=str(number), at=at, state=state,
            )  # fmt: skip
    store.close()
    assert looks(shop)["welcomes of wecom_main"]["says"] == "2 of the last day: refused; the log says why"


def test_a_broken_file_of_workdays_is_told_once_and_nothing_is_said_to_be_fine(shop: Any) -> None:
    path = shop.write("workdays.yaml", "2027-01-02: holiday\n")
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text + f"calendar: {{workdays: {path}}}\n")
    found = shop("doctor", "--json").json["looks"]
    assert [one["about"] for one in found if "K503" in one["says"]] == [str(path)]
    assert not any("no problems" in one["says"] for one in found)
