from __future__ import annotations

import logging
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import run
from automation.cli import edge
from automation.cli.session import Session
from automation.engine import bringing, install
from automation.kernel import errors
from automation.kernel.ports import Cache, Channel
from automation.people import keyring
from automation.runtime import upkeep
from automation.runtime.service import Service
from automation.settings import Settings
from automation.store.database import Store
from tests import postgres


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """`start` takes the signals and the log of its process for itself."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    taken = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for number, handler in taken.items():
        signal.signal(number, handler)


def broken(name: str, settings: Settings, cache: Cache) -> Channel:
    raise errors.ServiceAway(f"the certificates of {name} cannot be read")


def test_an_engine_whose_delivery_cannot_go_on_ends_with_its_reason(
    shop: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(run.kinds, broken, shop.clock)
    assert edge.run(session, ["--config", str(shop.folder / "config.yaml"), "start"]) == errors.ServiceAway.exit_code
    assert "the certificates of sms_main cannot be read" in capsys.readouterr().err


def indexes(shop: Any) -> list[str]:
    """The expressions of attributes that have an index."""
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    rows = store.rows("SELECT sql FROM sqlite_master WHERE type = 'index' AND substr(name, 1, 5) = 'attr_'")
    store.close()
    return [row[0] for row in rows]


@pytest.fixture
def own(shop: Any) -> Any:
    """A shop with a catalog that a test may change."""
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shelf = re.search(r"journeys: (\S+)/journeys", text)
    assert shelf
    shutil.copytree(shelf[1], shop.folder / "shelf")
    shop.write("config.yaml", text.replace(shelf[1], str(shop.folder / "shelf")))
    return shop


def test_the_catalog_says_what_has_an_index_and_a_broken_one_says_nothing(own: Any) -> None:
    catalog = own.folder / "shelf" / "journeys" / "catalog.yaml"
    good = catalog.read_text(encoding="utf-8")
    (tier,) = indexes(own)
    assert "tier" in tier

    catalog.write_text(good.replace("title: 城市", "title: 城市, indexed: true"), encoding="utf-8")
    assert "the index of 'city' is made" in own.fine("tick").err
    assert len(indexes(own)) == 2
    assert "index" not in own.fine("tick").err

    catalog.write_text(good.replace("type: text, title: 城市", "type: txt, title: 城市"), encoding="utf-8")
    own("tick")
    assert len(indexes(own)) == 2

    catalog.write_text(good.replace(", indexed: true", ""), encoding="utf-8")
    own.fine("tick")
    assert indexes(own) == []


def test_on_postgresql_whoever_leads_does_not_wait_for_itself(own: Any, postgres_server: postgres.Server) -> None:
    """There an index is made outside of any transaction, and only when older ones have ended."""
    with postgres_server.bare() as url:
        config = (own.folder / "config.yaml").read_text(encoding="utf-8")
        own.write("config.yaml", f'{config}store: {{url: "{url}"}}\n')
        assert "the index of 'tier' is made" in own.fine("tick").err
        assert "index" not in own.fine("tick").err


def test_a_running_engine_makes_indexes_at_night_and_says_so(own: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever writes would wait for one that is made at noon."""
    session = Session(run.kinds, run.build, own.clock)
    session.config = own.folder / "config.yaml"
    watch = upkeep.Watch(session.app)
    caplog.set_level(logging.INFO)
    catalog = own.folder / "shelf" / "journeys" / "catalog.yaml"
    good = catalog.read_text(encoding="utf-8")
    catalog.write_text(good + "# the same\n", encoding="utf-8")
    watch.look()
    assert "index" not in caplog.text
    catalog.write_text(good.replace("title: 城市", "title: 城市, indexed: true"), encoding="utf-8")
    watch.look()
    assert "what catalog.yaml says of indexes is done tonight" in caplog.text
    assert len(indexes(own)) == 1
    Service(session.app, threading.Event())._night()
    assert len(indexes(own)) == 2
    session.close()


def test_a_running_engine_takes_up_a_version_that_an_order_brought_back(own: Any) -> None:
    session = Session(run.kinds, run.build, own.clock)
    session.config = own.folder / "config.yaml"
    parts = session.app.parts
    known = set(parts.registry.versions)
    with parts.store.write() as tx:
        tx.run("UPDATE version SET retired_at = 1")
    install.take_up(parts)
    watch = upkeep.Watch(session.app)
    watch.look()
    assert known and not parts.registry.versions
    with parts.store.write() as tx:
        tx.run("UPDATE version SET retired_at = NULL")
    watch.look()
    assert set(parts.registry.versions) == known
    session.close()


def test_an_order_given_while_files_are_taken_into_use_is_not_lost(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(run.kinds, run.build, own.clock)
    session.config = own.folder / "config.yaml"
    parts = session.app.parts
    watch = upkeep.Watch(session.app)
    name = parts.registry.live[0].name
    monkeypatch.setattr(bringing, "finish", lambda *_: own.fine("journeys", "pause", name))  # it may take long
    catalog = own.folder / "shelf" / "journeys" / "catalog.yaml"
    catalog.write_text(catalog.read_text(encoding="utf-8") + "# the same\n", encoding="utf-8")
    watch.look()
    monkeypatch.undo()
    watch.look()
    assert [one.paused for one in parts.registry.live if one.name == name] == [True]
    session.close()


def test_the_index_follows_imports_merges_and_what_takes_them_back(own: Any) -> None:
    segments = own.folder / "shelf" / "journeys" / "segments.yaml"
    with segments.open("a", encoding="utf-8") as file:
        file.write("\ngold: {title: 金卡, if: {tier: {at_least: gold}}}\n")

    def gold() -> int:
        count: int = own.fine("segment", "count", "gold", "--json").json["people"]
        return count

    assert gold() == 1
    own.fine("import", "customers", own.write("more.csv", "手机号,会员等级\n13800000002,diamond\n13800000009,gold\n"))
    assert gold() == 3
    own.fine("customers", "merge", "13800000001", "13800000002", "--reason", "twice", "--yes")
    assert gold() == 2
    own.fine("customers", "unmerge", "1")
    assert gold() == 3
    store = Store(f"sqlite:{own.folder / 'var' / 'lucheng.db'}")
    assert store.value("PRAGMA integrity_check") == "ok"
    store.close()


def test_an_empty_folder_of_journeys_stops_a_tick_before_it_does_anything(shop: Any) -> None:
    shop.fine("tick")
    empty = shop.folder / "empty"
    empty.mkdir()
    config = (shop.folder / "config.yaml").read_text(encoding="utf-8").splitlines()
    lines = [f"folders: {{journeys: {empty}}}" if line.startswith("folders") else line for line in config]
    shop.write("config.yaml", "\n".join(lines))
    for command in ("tick", "start"):
        done = shop(command)
        assert done.code == 1
        assert "nothing is closed" in done.err
    assert not shop("check", "--json").json["problems"], "what config.yaml names of a catalog is not asked without one"
    told = shop("doctor", "--json").json
    assert any(one["about"] == "files" and "nothing is closed" in one["says"] for one in told["looks"])
    (shop.folder / "empty").rmdir()
    assert "S023" in shop("check").out
    assert [shop(command).code for command in ("tick", "start")] == [1, 1]


def test_a_tick_counts_who_was_let_in_by_an_event_and_not_who_asked(shop: Any) -> None:
    for _ in range(2):  # the second is the same order
        shop.fine("events", "add", "13800000001", "order.paid", "order_id=D9", "amount=29900")
    said = shop.fine("tick", "--json").json
    assert (said["events"], said["entered"]) == (2, 1)
    assert "0 entered" in shop.fine("tick").out


def test_the_engine_does_not_begin_with_another_shops_key(shop: Any) -> None:
    """Every message would fail, as if it were its own fault."""
    key = shop.folder / "var" / "lucheng.key"
    key.unlink()
    keyring.create(key)
    for command in ("tick", "start"):
        done = shop(command)
        assert done.code == errors.Refused.exit_code
        assert "the key does not open the contacts of this database" in done.err
