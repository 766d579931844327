"""Values move to the newest key wherever they stand, nothing else changes, and both keys open meanwhile."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from automation.conditions.tree import FieldType
from automation.engine.delivery.prepared import body_context
from automation.inbound import making
from automation.journey import built_in
from automation.journey.catalog import Catalog, Field
from automation.kernel import errors
from automation.kernel.clock import FixedClock
from automation.people import fields, identities, keyring, merging, profiles, registry, resealing
from automation.people.cache import SharedCache
from automation.people.identities import Identity
from automation.people.registry import Registry
from automation.people.sealing import Vault, identity_context
from automation.runtime import sealed
from automation.store.database import Store
from automation.store.migrations import __path__ as migrations
from automation.tracking import targets

NOW = 1_767_225_600
CATALOG = Catalog(
    dict(built_in.FIELDS) | {"note": Field("note", FieldType.TEXT, "备注", sealed=True)}, built_in.EVENTS, {}
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keyring.create(tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture
def shop(store: Store, key: Path) -> Registry:
    """Something sealed in every place."""
    vault = Vault(keyring.load(key))
    shop = registry.opened(store, vault, CATALOG)
    with store.write() as tx:
        first = profiles.create(
            shop, tx, NOW, [Identity("phone", "+8613800000001"), Identity("email", "a@example.com")]
        )
        second = profiles.create(shop, tx, NOW, [Identity("phone", "+8613800000002")])
        profiles.set_fields(shop, tx, NOW, second, {"note": "第二"})
        merging.merge(tx, NOW, first, second, "test")
        tx.run("INSERT INTO attempt (message_id, n, channel, lane, idem_key, state, body, at) VALUES"
               " (1, 1, 'c', 'l', 'k1', 2, :body, 1)", body=vault.seal("{}", body_context("k1")))  # fmt: skip
        tx.run("INSERT INTO inbound (channel, dedupe, at, kind, answer) VALUES ('c', 'd1', 1, 'x', :box)",
               box=vault.seal("退订成功", making.context("d1")))  # fmt: skip
    SharedCache(lambda: store, lambda: vault, FixedClock(NOW)).put("token wechat", "secret", 100)
    link(store, vault, "https://example.com/")
    return shop


def link(store: Store, vault: Vault, url: str) -> None:
    targets.Targets(store, vault).numbers([targets.of_host(url)], NOW)


def all_open(store: Store, vault: Vault) -> None:
    found = store.rows("SELECT sealed, lookup FROM identity ORDER BY id")
    assert [vault.open(box, identity_context(lookup)) for box, lookup in found] == [
        "+8613800000001", "a@example.com", "+8613800000002",
    ]  # fmt: skip
    assert vault.open(store.value("SELECT body FROM attempt"), body_context("k1")) == "{}"
    assert vault.open(store.value("SELECT answer FROM inbound"), making.context("d1")) == "退订成功"
    led = targets.Targets(store, vault).link(store.value("SELECT min(id) FROM link_target"))
    assert led is not None and led.url == "https://example.com/"
    assert SharedCache(lambda: store, lambda: vault, FixedClock(NOW)).get("token wechat") == "secret"
    attrs = json.loads(store.value("SELECT attrs FROM person WHERE attrs IS NOT NULL"))
    assert fields.unsealed(vault, "note", attrs["note"]) == "第二"
    before = json.loads(store.value("SELECT before FROM merge"))
    assert fields.unsealed(vault, "note", before["gone"]["attrs"]["note"]) == "第二"


def test_everything_moves_to_the_newest_key_and_the_old_one_can_go(shop: Registry, key: Path) -> None:
    store, vault = shop.store, shop.vault
    before = resealing.keys_of(store, sealed.PLACES)
    assert before == {1: 10}
    lookups = store.rows("SELECT lookup FROM identity ORDER BY id")
    assert keyring.add(key) == 2
    done = resealing.reseal(store, vault, sealed.PLACES)
    assert (done.changed, done.unreadable) == (10, 0)
    assert resealing.keys_of(store, sealed.PLACES) == {2: 10}
    assert store.rows("SELECT DISTINCT key_id FROM identity") == [(2,)]
    assert store.rows("SELECT lookup FROM identity ORDER BY id") == lookups, "who is looked up is found as before"
    all_open(store, vault)
    apart = keyring.retire(key, 1)
    assert apart.read_text().startswith("1:")
    fresh = Vault(keyring.load(key))
    all_open(store, fresh)
    assert identities.owner(store, "phone", "", fresh.lookup("phone", "", "+8613800000001")) is not None
    assert resealing.reseal(store, fresh, sealed.PLACES).changed == 0


def test_a_merge_can_still_be_undone_to_the_letter(shop: Registry, key: Path) -> None:
    keyring.add(key)
    resealing.reseal(shop.store, shop.vault, sealed.PLACES)
    with shop.store.write() as tx:
        kept, gone = merging.unmerge(tx, NOW, 1)
    found = [shop.store.value("SELECT attrs FROM person WHERE id = :id", id=person) for person in (kept, gone)]
    assert found[0] is None, "copies of one sealed value stayed equal, so it is known whose it was"
    assert fields.unsealed(shop.vault, "note", json.loads(found[1])["note"]) == "第二"


def test_what_was_sealed_meanwhile_with_the_old_key_is_found_by_the_next_call(shop: Registry, key: Path) -> None:
    slow = Vault(keyring.read(key.read_text(), "a process that does not look"))
    keyring.add(key)
    assert resealing.reseal(shop.store, shop.vault, sealed.PLACES).changed == 10
    link(shop.store, slow, "https://example.com/late")
    assert resealing.keys_of(shop.store, sealed.PLACES)[1] == 1
    assert resealing.reseal(shop.store, shop.vault, sealed.PLACES).where == {"link_target": 1}


def test_what_nobody_can_open_stays_and_is_counted(shop: Registry, key: Path) -> None:
    with shop.store.write() as tx:
        tx.run("UPDATE attempt SET body = :bad", bad=b"\x01\x01" + b"x" * 40)
        tx.run("UPDATE person SET attrs = :bad WHERE attrs IS NOT NULL", bad=json.dumps({"note": {"sealed": "!!"}}))
    keyring.add(key)
    done = resealing.reseal(shop.store, shop.vault, sealed.PLACES)
    assert done.unreadable == 2
    assert shop.store.value("SELECT body FROM attempt") == b"\x01\x01" + b"x" * 40


def test_a_running_vault_follows_its_key_file(key: Path) -> None:
    running, other = Vault(keyring.load(key)), Vault(keyring.load(key))
    old = running.seal("x", b"")
    keyring.add(key)
    assert running.seal("x", b"")[1] == 2
    assert other.open(running.seal("x", b""), b"") == "x", "one that opens first learns it too"
    assert running.open(old, b"") == "x"
    keyring.retire(key, 1)
    running.seal("x", b"")
    with pytest.raises(errors.Refused, match="not in the key file"):
        running.open(old, b"")


def test_a_key_file_that_is_broken_or_of_another_shop_is_not_taken_into_use(key: Path, tmp_path: Path) -> None:
    running = Vault(keyring.load(key))
    sealed_before = running.seal("x", b"")
    good = key.read_text()
    for text in ("", "1:short", keyring.HEADING, f"0:{base64.b64encode(bytes(32)).decode()}\n1:{'A' * 43}=\n"):
        key.write_text(text)
        assert running.seal("x", b"")[1] == 1
        assert running.open(sealed_before, b"") == "x"
    key.unlink()
    assert running.open(running.seal("x", b""), b"") == "x"
    key.touch(0o600)
    key.write_text(good)
    keyring.add(key)
    assert running.seal("x", b"")[1] == 2


def test_keys_that_are_needed_cannot_be_retired(key: Path) -> None:
    for number, why in ((1, "seals what is new"), (7, "there is no key"), (0, "so it stays")):
        with pytest.raises(errors.Refused, match=why):
            keyring.retire(key, number)
    old = key.with_name("old")
    old.touch(0o600)
    old.write_text("1:" + "A" * 43 + "=\n")
    keyring.add(old)
    with pytest.raises(errors.Refused, match="finds contacts"):
        keyring.retire(old, 1)
    assert old.stat().st_mode & 0o777 == 0o600


def test_every_column_of_bytes_is_resealed_or_is_no_sealed_value() -> None:
    schema = "".join(path.read_text("utf-8") for path in Path(migrations[0]).glob("0*.py"))
    bytes_of = set()
    for part in schema.split("CREATE TABLE ")[1:]:
        bytes_of |= {(part.split(" ", 1)[0], column) for column in re.findall(r"(\w+) \{blob\}", part)}
    assert bytes_of - {("identity", "lookup"), ("suppression", "lookup")} == {
        (one.table, one.column) for one in sealed.PLACES
    }
