from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import pytest

from automation.kernel import errors
from automation.people import keyring, sealing
from automation.people.registry import Registry
from automation.people.sealing import Vault
from automation.store.database import Store


def test_what_is_sealed_opens_in_its_place_only(vault: Vault) -> None:
    sealed = vault.seal("+8613800000001", b"here")
    assert vault.open(sealed, b"here") == "+8613800000001"
    with pytest.raises(errors.Refused):
        vault.open(sealed, b"there")


def test_every_changed_byte_is_noticed(vault: Vault) -> None:
    sealed = vault.seal("a@example.com", b"")
    for place in range(len(sealed)):
        broken = bytearray(sealed)
        broken[place] ^= 1
        with pytest.raises(errors.Refused):
            vault.open(bytes(broken), b"")


def test_the_same_value_is_never_sealed_to_the_same_bytes(vault: Vault) -> None:
    sealed = vault.seal_many(["x"] * 1000, [b""] * 1000)
    assert len(set(sealed)) == 1000
    assert len({value[2:14] for value in sealed}) == 1000


def test_a_phone_is_sealed_in_few_bytes(vault: Vault) -> None:
    assert len(vault.seal("+8613800000001", b"")) == 2 + 12 + 14 + 16


def test_the_blind_index_is_a_keyed_hash_with_a_key_of_its_own(vault: Vault) -> None:
    ring = keyring.read("1:" + "A" * 43 + "=", "x")
    whole = hashlib.blake2s(b"openid|wechat_main|oABC", digest_size=16, key=ring.index).digest()
    assert vault.lookup("openid", "wechat_main", "oABC") == whole


def test_the_blind_index_of_a_phone_begins_with_that_of_its_last_four_digits(vault: Vault) -> None:
    ring = keyring.read("1:" + "A" * 43 + "=", "x")
    whole = hashlib.blake2s(b"phone||+8613800000001", digest_size=16, key=ring.index).digest()
    assert vault.lookup("phone", "", "+8613800000001") == vault.tail("0001") + whole[:14]
    first, last = vault.ending("0001")
    assert first <= vault.lookup("phone", "", "+8613900000001") <= last
    assert not first <= vault.lookup("phone", "", "+8613900000002") <= last


def test_the_blind_index_tells_kinds_and_accounts_apart(vault: Vault) -> None:
    found = {vault.lookup(*known) for known in (("openid", "a", "x"), ("openid", "b", "x"), ("unionid", "a", "x"))}
    assert len(found) == 3


def test_the_tail_is_sixteen_bits_of_an_hmac_over_four_digits(vault: Vault) -> None:
    ring = keyring.read("1:" + "A" * 43 + "=", "x")
    whole = hmac.new(ring.tail, b"0001", hashlib.sha256).digest()
    assert vault.tail("0001") == vault.tail("0001") == whole[:2]


def test_the_seed_is_uniform_and_follows_from_the_uid() -> None:
    assert sealing.seed_of("abc") == int.from_bytes(hashlib.sha256(b"abc").digest()[:8]) % (2**31 - 1)
    low = sum(sealing.seed_of(str(number)) < (2**31 - 1) // 2 for number in range(4000))
    assert 1850 < low < 2150


def test_doctor_sees_a_wrong_key(shop: Registry, person: Callable[..., int]) -> None:
    other = Vault(keyring.read("1:" + "B" * 43 + "=", "x"))
    assert sealing.fits(shop.store, other)
    person(("phone", "13800000001"))
    assert sealing.fits(shop.store, shop.vault)
    assert not sealing.fits(shop.store, other)


def test_no_plain_address_stands_in_the_database(shop: Registry, person: Callable[..., int], store: Store) -> None:
    person(("phone", "13800000001"), ("email", "a@example.com"), ("openid", "oABCDEFGH", "wechat_main"))
    for row in store.rows("SELECT kind, account, lookup, sealed FROM identity"):
        held = b"".join(bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row)
        assert b"13800000001" not in held
        assert b"example" not in held
        assert b"oABC" not in held


def test_a_sealed_value_moved_to_another_row_does_not_open(shop: Registry, person: Callable[..., int]) -> None:
    from automation.people import identities

    first, second = person(("phone", "13800000001")), person(("phone", "13800000002"))
    with shop.store.write() as tx:
        stolen = tx.value("SELECT sealed FROM identity WHERE person_id = :id", id=first)
        tx.run("UPDATE identity SET sealed = :sealed WHERE person_id = :id", sealed=stolen, id=second)
    with pytest.raises(errors.Refused):
        identities.opened(shop, shop.store, second)
