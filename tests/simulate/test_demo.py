"""The demo as people run it, small: 200 customers and 40 days, over HTTP and SMTP to a sandbox in its own process."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import run
from automation import cli
from automation.people import keyring
from automation.people.sealing import Vault
from automation.simulate import proof
from automation.store.database import Store

SHOP = Path(run.__file__).parent
SIZE = ("demo", "--customers", "200", "--days", "40")


def play(shop: Path, *arguments: str) -> int:
    return cli.main(run.kinds, run.build, run.sandbox, arguments=["--config", str(shop / "config.yaml"), *arguments])


def new_shop(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(SHOP / "config.yaml", folder)
    for name in ("journeys", "templates"):
        shutil.copytree(SHOP / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("demo")
    return new_shop(place / "one"), new_shop(place / "two")


@pytest.fixture(scope="module")
def told(shops: tuple[Path, Path], request: pytest.FixtureRequest) -> list[str]:
    """What two runs printed, without how long they took."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    found = []
    for shop in shops:
        capture.read_global_capture()
        assert play(shop, *SIZE) == 0
        found.append(re.sub(r"\d+ s\.", "", capture.read_global_capture().out.replace(str(shop), "")))
    return found


def demo_store(shop: Path) -> Store:
    return Store(f"sqlite:{shop / 'var/demo/demo.db'}")


def test_two_runs_tell_the_same(told: list[str]) -> None:
    assert told[0] == told[1]
    assert "birthday_care" in told[0]


def test_every_journey_lets_people_in_and_reaches_them(told: list[str], shops: tuple[Path, Path]) -> None:
    store = demo_store(shops[0])
    sent: dict[str, int] = dict(store.rows(
        "SELECT j.name, count(m.id) FROM journey j LEFT JOIN run r ON r.journey_id = j.id"
        " LEFT JOIN message m ON m.run_id = r.id AND m.state = 3 GROUP BY j.name"
    ))  # fmt: skip
    store.close()
    assert sorted(sent) == sorted(
        ["birthday_care", "complaint_followup", "dormant_wakeup", "festival_promotion", "onboarding"]
    )
    assert min(sent.values()) > 0


def test_it_goes_through_the_lanes_of_the_platforms_and_each_as_far_as_it_may(
    told: list[str], shops: tuple[Path, Path]
) -> None:
    store = demo_store(shops[0])
    lanes = {lane for (lane,) in store.rows("SELECT DISTINCT lane FROM attempt WHERE state = 2")}
    closed = store.value("SELECT count(*) FROM message WHERE reason LIKE '%wechat window closed%'")
    grants = store.value("SELECT count(*) FROM send_grant WHERE messages = 0")
    store.close()
    assert lanes >= {"customer_service", "template", "subscribe", "marketing", "smtp"}
    assert closed > 0 and grants > 0  # some could not be written to, and some allowed one notice and got it


def test_a_delivery_missing_from_the_providers_books_is_noticed(
    told: list[str], shops: tuple[Path, Path], tmp_path: Path
) -> None:
    whole = shops[0] / "var/demo/sandbox.jsonl"
    lines = [line for line in whole.read_bytes().splitlines(True) if b"@example.com" not in line]
    torn, doubled = tmp_path / "torn.jsonl", tmp_path / "doubled.jsonl"
    torn.write_bytes(b"".join(lines[1:]))
    doubled.write_bytes(whole.read_bytes() + lines[0])
    store = demo_store(shops[0])
    vault = Vault(keyring.load(shops[0] / "var/demo/demo.key", None))
    staff = {"ops@example.com", "complaints@example.com", "advisers@example.com", "operator@example.com"}
    try:
        assert proof.wrong(store, vault, whole, staff) == []
        assert "unknown to the providers" in proof.wrong(store, vault, torn, staff)[0]
        assert "not sent by the store's books" in proof.wrong(store, vault, doubled, staff)[0]
    finally:
        store.close()


def test_what_the_demo_suggests_works(
    told: list[str], shops: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    commands = re.findall(r"python run\.py --config \S*config\.yaml (.+?) +#", told[0])
    assert len(commands) == 4
    for command in commands:
        code = cli.main(
            run.kinds, run.build, run.sandbox,
            arguments=["--config", str(shops[0] / "var/demo/config.yaml"), *command.split()],
        )  # fmt: skip
        assert (code, command) == (0, command)
        assert capsys.readouterr().out.strip()


def test_the_real_database_is_not_touched(told: list[str], shops: tuple[Path, Path]) -> None:
    assert [path.name for path in (shops[0] / "var").iterdir()] == ["demo"]
