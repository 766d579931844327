"""A copy while others write, and the way back: nothing overwritten, nothing sent twice, the key apart."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import psycopg
import pytest

from automation.store import backup, schema
from automation.store.database import Store
from automation.store.turnstile import Turnstile
from tests import postgres
from tests.cli.conftest import Shop


def saved(shop: Shop, name: str = "copy.db") -> Path:
    path = shop.folder / name
    shop.fine("backup", path)
    return path


def put_away(shop: Shop) -> None:
    """What the command tells to do with the old database."""
    old = shop.folder / "old"
    old.mkdir()
    for path in (shop.folder / "var").glob("lucheng.db*"):
        path.rename(old / path.name)


def opened(shop: Shop) -> Store:
    return Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")


def test_a_backup_is_one_private_file_with_everything_but_the_key(shop: Shop) -> None:
    said = shop.fine("backup", shop.folder / "copy.db").out
    copy = shop.folder / "copy.db"
    assert "The key file is NOT in it" in said and "checked" in said
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in shop.folder.iterdir() if "copy.db" in path.name] == ["copy.db"]
    key = (shop.folder / "var" / "lucheng.key").read_text().splitlines()[-1].partition(":")[2]
    assert key.encode() not in copy.read_bytes()
    rows = shop.fine("audit", "list", "--json").json["audit"]
    assert (rows[0]["what"], rows[0]["detail"]["file"]) == ("backup made", "copy.db")


def test_a_file_that_exists_is_kept_unless_force_says_otherwise(shop: Shop) -> None:
    path = shop.write("copy.db", "mine")
    refused = shop("backup", path)
    assert refused.code == 1 and "exists already" in refused.err
    assert path.read_text() == "mine"
    path.write_text("")
    shop.fine("backup", path, "--force")
    assert path.read_bytes().startswith(b"SQLite format 3")
    assert shop("backup", path).code == 1
    shop.fine("backup", path, "--force")
    assert shop("backup", shop.folder).code == 2
    assert shop("backup", shop.folder / "nowhere" / "x.db").code == 1


def test_a_link_stays_and_what_is_no_file_is_left_alone(shop: Shop) -> None:
    (shop.folder / "disk").mkdir()
    real, link, lost, pipe = (shop.folder / name for name in ("disk/real.db", "link.db", "lost.db", "pipe"))
    real.touch()
    link.symlink_to(real)
    lost.symlink_to(shop.folder / "nowhere" / "x.db")
    os.mkfifo(pipe)
    shop.fine("backup", link, "--force")
    assert link.is_symlink() and real.read_bytes().startswith(b"SQLite format 3")
    assert shop("backup", lost).code == 1 and lost.is_symlink()
    assert shop("backup", pipe, "--force").code == 1 and pipe.is_fifo()


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", ".gate"])
def test_force_never_writes_over_the_live_database_or_a_file_of_its_own(shop: Shop, ending: str) -> None:
    live = shop.folder / "var" / "lucheng.db"
    store = opened(shop)
    before = store.value("SELECT count(*) FROM person")
    node = live.stat().st_ino
    said = shop("backup", f"{live}{ending}", "--force")
    assert said.code == 1 and "own database" in said.err
    assert live.stat().st_ino == node and store.value("SELECT count(*) FROM person") == before
    store.close()


def test_force_sees_through_another_name_of_the_live_database(shop: Shop) -> None:
    live = shop.folder / "var" / "lucheng.db"
    (shop.folder / "soft.db").symlink_to(live)
    (shop.folder / "hard.db").hardlink_to(live)
    for name in ("soft.db", "hard.db"):
        assert shop("backup", shop.folder / name, "--force").code == 1
    assert (shop.folder / "soft.db").is_symlink()


def test_force_takes_neither_the_key_file_nor_another_database_in_use(shop: Shop) -> None:
    key = shop.folder / "var" / "lucheng.key"
    before = key.read_bytes()
    assert "key file" in shop("backup", key, "--force").err
    assert key.read_bytes() == before
    other = Store(f"sqlite:{shop.folder / 'other.db'}")
    other.rows("CREATE TABLE one (a)")
    assert "in use" in shop("backup", shop.folder / "other.db", "--force").err
    other.close()


def test_force_overwrites_nothing_but_a_backup(shop: Shop) -> None:
    files = [shop.folder / "config.yaml", shop.folder / "other.db", shop.folder / "old.db"]
    files[1].write_bytes(backup.MAGIC + b"of something else")
    files[2].write_bytes((shop.folder / "var" / "lucheng.db").read_bytes())
    for file in files:
        before = file.read_bytes()
        refused = shop("backup", file, "--force")
        assert refused.code == 1 and "is no backup" in refused.err
        assert file.read_bytes() == before


def test_a_copy_is_one_moment_while_others_write(shop: Shop) -> None:
    """Each transaction adds a pair; a copy that sees half of one, or a torn page, is none."""
    with opened(shop).write() as tx:
        tx.run("CREATE TABLE pair (a TEXT, b TEXT)")
        tx.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
               " INSERT INTO pair SELECT hex(randomblob(500)), 'x' FROM n")  # fmt: skip
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        store = opened(shop)
        while not stop.is_set():
            with store.write() as tx:
                tx.run("INSERT INTO pair VALUES ('left', NULL)")
                tx.run("INSERT INTO pair VALUES (NULL, 'right')")
            begun.set()
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        copies = [saved(shop, f"copy{number}.db") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    seen = []
    for path in copies:
        copy = Store(f"sqlite:{path}")
        left, right = copy.row("SELECT count(*) FILTER (WHERE a = 'left'), count(*) FILTER (WHERE b = 'right')"
                               " FROM pair") or (0, 1)  # fmt: skip
        assert left == right and backup.damage(copy) == ""
        seen.append(left)
        copy.close()
    assert seen == sorted(seen)


def test_a_damaged_database_makes_no_backup(shop: Shop) -> None:
    saved(shop)
    path = shop.folder / "var" / "lucheng.db"
    store = opened(shop)
    root = int(store.value("SELECT rootpage FROM sqlite_schema WHERE name = 'event_person'"))
    store.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096 + 8)
        file.write(b"\xff" * 2000)
    said = shop("backup", shop.folder / "other.db")
    assert said.code in (1, 3)
    assert not (shop.folder / "other.db").exists() and not list(shop.folder.glob(".*.partial"))


def test_a_backup_comes_back_with_what_was_in_it(shop: Shop) -> None:
    copy = saved(shop)
    shop.fine("customers", "tag", "#1", "之后")
    put_away(shop)
    said = shop.fine("restore", copy).out
    assert "restored: the state of 2026-11-22" in said and "no messages held" in said
    assert "All is stopped" in said
    found = shop.fine("customers", "show", "13800000001", "--json").json
    assert "之后" not in str(found)
    assert shop.fine("audit").out.endswith("invariants hold\n")
    assert shop.fine("audit", "list", "--json").json["audit"][0]["what"] == "restored"
    assert "王芳" in str(shop.fine("customers", "show", "13800000001", "--unmask", "test").out)
    assert "stop switch" in shop("doctor").out
    assert not [path.name for path in (shop.folder / "var").iterdir() if "restoring" in path.name]
    shop.fine("resume-all")
    shop.fine("tick")


def test_nothing_is_overwritten_and_the_words_say_what_to_move(shop: Shop) -> None:
    copy = saved(shop)
    before = (shop.folder / "var" / "lucheng.db").read_bytes()
    said = shop("restore", copy)
    assert said.code == 1 and "mv " in said.err and "lucheng.db" in said.err
    assert (shop.folder / "var" / "lucheng.db").read_bytes() == before
    put_away(shop)
    (shop.folder / "var" / "lucheng.db-wal").write_bytes(b"an old log")
    assert "lucheng.db-wal" in shop("restore", copy).err
    (shop.folder / "var" / "lucheng.db-wal").unlink()
    spool = shop.folder / "var" / "lucheng.db.spool"
    spool.mkdir()
    (spool / "1-1.spool").write_text("x")
    assert "lucheng.db.spool" in shop("restore", copy).err


def test_not_while_an_engine_runs(shop: Shop) -> None:
    from automation.runtime import leader

    copy = saved(shop)
    put_away(shop)
    with leader.holding(shop.folder / "var" / "lucheng.db"):
        assert shop("restore", copy).code == 4
    told = shop.fine("restore", copy, "--json").json
    assert told == {"state_of": "2026-11-22T15:00:00+08:00", "held": 0, "stopped": True}


def test_a_database_that_somebody_makes_meanwhile_is_kept_and_nothing_is_restored(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = saved(shop)
    put_away(shop)
    seal = backup.seal

    def meanwhile(made: Store, path: Path) -> None:
        schema.migrate(opened(shop))
        seal(made, path)

    monkeypatch.setattr(backup, "seal", meanwhile)
    said = shop("restore", copy)
    assert said.code == 1 and "Move it away" in said.err
    assert opened(shop).value("SELECT count(*) FROM person") == 0
    assert not [path.name for path in (shop.folder / "var").iterdir() if "restoring" in path.name]


def test_a_new_database_is_made_only_behind_the_turnstile(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    begun = threading.Event()

    def make() -> None:
        begun.set()
        Store(f"sqlite:{path}").close()

    maker = threading.Thread(target=make)
    with Turnstile(path):
        maker.start()
        assert begun.wait(30)
        maker.join(0.2)
        assert not path.exists()
    maker.join(30)
    assert path.exists()


@pytest.mark.parametrize("what", ["text", "live", "no mark", "torn", "head", "foreign"])
def test_only_a_whole_backup_is_restored(shop: Shop, what: str) -> None:
    copy = saved(shop)
    put_away(shop)
    if what == "text":
        copy = shop.write("other.db", "no database")
    elif what == "live":
        copy = shop.folder / "old" / "lucheng.db"
    elif what == "no mark":
        store = Store(f"sqlite:{copy}")
        with store.write() as tx:
            tx.run("DELETE FROM control WHERE name = 'backup'")
        backup.seal(store, copy)
    elif what == "head":
        copy.write_bytes(copy.read_bytes()[:16])
    elif what == "foreign":
        copy.unlink()
        other = Store(f"sqlite:{copy}")
        with other.write() as tx:
            tx.run("CREATE TABLE control (a INTEGER)")
        backup.seal(other, copy)
    else:
        copy.write_bytes(copy.read_bytes()[: 4096 * 20])
    said = shop("restore", copy)
    assert said.code == 1 and ("no backup" in said.err or "damaged" in said.err or "in use" in said.err), said
    assert sorted(path.name for path in (shop.folder / "var").iterdir() if path.name.startswith("lucheng.db")) in (
        ["lucheng.db.engine"],
    )


def test_another_shops_key_is_refused(shop: Shop, tmp_path: Path) -> None:
    from automation.people import keyring

    copy = saved(shop)
    put_away(shop)
    key = shop.folder / "var" / "lucheng.key"
    key.rename(shop.folder / "mine.key")
    keyring.create(key)
    assert "key" in shop("restore", copy).err
    key.unlink()
    (shop.folder / "mine.key").rename(key)
    shop.fine("restore", copy)


def test_a_copy_put_in_place_by_hand_starts_no_engine(shop: Shop) -> None:
    copy = saved(shop)
    put_away(shop)
    copy.rename(shop.folder / "var" / "lucheng.db")
    said = shop("tick")
    assert said.code == 1 and "run.py restore" in said.err


def test_on_postgresql_its_own_programs_copy_and_we_hold_what_may_have_left(
    shop: Shop, postgres_server: postgres.Server
) -> None:
    with postgres_server.database() as url:
        shop.write("config.yaml", (shop.folder / "config.yaml").read_text() + f'store: {{url: "{url}"}}\n')
        assert "pg_dump --format=custom" in shop("backup", "x.db").err
        assert "pg_restore --clean" in shop("restore", "x.db").err
        assert "All is stopped" in shop.fine("restore").out
        assert shop.fine("restore", "--json").json == {"state_of": None, "held": 0, "stopped": True}
        said = shop("doctor").out
        assert "stop switch" in said
        with psycopg.connect(url) as connection:
            (kept,) = connection.execute("SHOW synchronous_commit").fetchone() or ("on",)
        assert ("synchronous_commit is off" in said) == (kept == "off"), "what a crash may lose is told"
