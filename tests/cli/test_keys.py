"""A new key by command: what is told, what is refused, and that the shop goes on with it."""

from __future__ import annotations

from pathlib import Path

from automation.runtime import leader
from automation.store.database import Store
from tests.cli.conftest import NOW, Shop


def rows(shop: Shop) -> dict[int, tuple[int, str]]:
    return {row["key"]: (row["values"], row["use"]) for row in shop.fine("keys", "list", "--json").json["keys"]}


def key_file(shop: Shop) -> Path:
    return shop.folder / "var" / "lucheng.key"


def test_a_new_key_seals_everything_and_the_old_one_goes(shop: Shop) -> None:
    before = rows(shop)
    sealed = before[1][0]
    assert sealed >= 5 and before[1][1] == "seals" and before[0] == (0, "finds contacts, signs links")
    assert "Copy" in shop.fine("keys", "add").out
    assert "still sealed with key 1: `run.py keys reseal`" in shop("doctor").out
    assert shop("keys", "retire", "1").code == 1
    assert f"{sealed} values sealed anew with key 2" in shop.fine("keys", "reseal").out
    assert "run.py keys retire 1` from 2026-11-22 16:00" in shop("doctor").out
    refused = shop("keys", "retire", "1")
    assert refused.code == 1 and "wait until 2026-11-22 16:00" in refused.err
    shop.clock.set(NOW + 3600)
    assert "run.py keys retire 1` from" not in shop("doctor").out
    assert "retired-1" in shop.fine("keys", "retire", "1").out
    assert rows(shop) == {0: before[0], 2: (sealed, "seals")}
    assert "1380000" in shop.fine("customers", "show", "13800000001", "--unmask", "test").out
    said = [row["what"] for row in shop.fine("audit", "list", "--json").json["audit"]]
    assert said[1:4] == ["key retired", "values sealed anew", "key added"]
    assert shop.fine("keys", "reseal").out.startswith("no values")


def test_a_missing_old_key_is_a_problem_for_the_doctor(shop: Shop) -> None:
    shop.fine("keys", "add")
    shop.fine("keys", "add")
    key = key_file(shop)
    key.write_text("".join(line for line in key.read_text().splitlines(True) if not line.startswith("1:")))
    said = shop("doctor")
    assert said.code == 1 and "key" in said.out
    assert rows(shop)[1][1] == "MISSING"


def test_a_key_of_the_environment_is_added_there_and_values_wait_for_the_engine_to_end(shop: Shop) -> None:
    lines = [line for line in key_file(shop).read_text().splitlines() if not line.startswith("#")]
    secret = shop.write("secret", ",".join(lines))
    secret.chmod(0o600)
    config = (shop.folder / "config.yaml").read_text()
    shop.write("config.yaml", config + 'key: {value: "file:secret"}\n')
    said = shop("keys", "add")
    assert said.code == 1 and "environment" in said.err
    secret.write_text(",".join([*lines, "2:" + "A" * 43 + "="]))
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    with leader.leading(store):
        assert shop("keys", "reseal").code == 4
    store.close()
    shop.fine("keys", "reseal")
    assert rows(shop)[1][0] == 0


def test_a_backup_of_before_comes_back_with_the_retired_key_beside(shop: Shop) -> None:
    copy = shop.folder / "copy.db"
    shop.fine("backup", copy)
    for words in (("add",), ("reseal",)):
        shop.fine("keys", *words)
    shop.clock.set(NOW + 3600)
    shop.fine("keys", "retire", "1")
    old = shop.folder / "old"
    old.mkdir()
    for path in (shop.folder / "var").glob("lucheng.db*"):
        path.rename(old / path.name)
    assert shop("restore", copy).code == 1, "the key of then is missing"
    retired = key_file(shop).with_name("lucheng.key.retired-1").read_text()
    with key_file(shop).open("a") as file:
        file.write(retired)
    shop.fine("restore", copy)
    assert "1380000" in shop.fine("customers", "show", "13800000001", "--unmask", "test").out


def test_a_value_that_was_on_its_way_with_the_old_key_keeps_it(shop: Shop) -> None:
    """As a body that an engine sealed before, and committed after everything was sealed anew."""
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    number, late = store.row("SELECT id, sealed FROM identity ORDER BY id LIMIT 1") or (0, b"")
    shop.fine("keys", "add")
    shop.fine("keys", "reseal")
    with store.write() as tx:
        tx.run("UPDATE identity SET sealed = :late, key_id = 1 WHERE id = :id", late=late, id=number)
    store.close()
    shop.clock.set(NOW + 3600)
    refused = shop("keys", "retire", "1")
    assert refused.code == 1 and "1 value still needs key 1" in refused.err
    shop.fine("keys", "reseal")
    shop.fine("keys", "retire", "1")


def test_a_key_that_never_goes_is_told_at_once(shop: Shop) -> None:
    shop.fine("keys", "add")
    for number, said in (("9", "there is no key 9"), ("0", "so it stays"), ("2", "seals what is new")):
        refused = shop("keys", "retire", number)
        assert refused.code == 1 and said in refused.err
