from __future__ import annotations

from collections.abc import Callable

import pytest

from automation.people import identities
from automation.people.identities import Identity, identity
from automation.people.normalise import Unusable
from automation.people.registry import Registry
from automation.people.sealing import identity_context
from automation.people.showing import show

NOW = 1_767_225_600


def test_a_person_is_found_by_anything_an_operator_has(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"), ("email", "a@example.com"), ("openid", "oABC", "wechat_main"))
    uid = shop.store.value("SELECT uid FROM person")
    for text in ("138 0000 0001", "A@example.com", f"#{one}", uid, "0001"):
        assert identities.search(shop, text) == [one], text
    assert identities.search(shop, "oABC") == []
    assert identities.search(shop, "oABC", ["wechat_main"]) == [one]
    for text in ("13800000002", "0002", "#99", "#99999999999999999999", "0" * 32, "nobody", ""):
        assert identities.search(shop, text) == [], text


def test_four_digits_find_everybody_who_has_them_and_nobody_whose_hash_only_agrees(
    shop: Registry, person: Callable[..., int]
) -> None:
    people = [person(("phone", f"138{number:04d}1234")) for number in range(3)]
    other = person(("phone", "13800005678"))
    with shop.store.write() as tx:
        lookup = shop.vault.tail("1234") + bytes(14)
        sealed = shop.vault.seal("+8613800005678", identity_context(lookup))
        tx.run(
            "UPDATE identity SET lookup = :lookup, sealed = :sealed WHERE person_id = :id",
            lookup=lookup, sealed=sealed, id=other,
        )  # fmt: skip
    assert identities.search(shop, "1234") == people


def test_an_identity_can_be_taken_away_from_its_owner_only(shop: Registry, person: Callable[..., int]) -> None:
    one, two = person(("phone", "13800000001")), person(("phone", "13800000002"))
    with shop.store.write() as tx:
        assert not identities.remove(shop, tx, two, identity("phone", "13800000001"))
        assert identities.remove(shop, tx, one, identity("phone", "13800000001"))
    assert identities.opened(shop, shop.store, one) == []
    assert identities.opened(shop, shop.store, two) == [(Identity("phone", "+8613800000002"), None)]


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Unusable, match="phone, email"):
        identity("fax", "1")


def test_a_person_is_shown_with_addresses_masked(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"), ("email", "anna@example.com"))
    report = show(shop, one, NOW)
    assert [known["shown"] for known in report["identities"]] == ["a***@example.com", "138****0001"]
    assert "13800000001" not in repr(report)
    assert "anna" not in repr(report)
