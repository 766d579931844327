from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from automation.kernel import errors
from automation.people import fields, identities, profiles, showing
from automation.people.fields import Change
from automation.people.identities import identity
from automation.people.normalise import Unusable
from automation.people.registry import Registry

NOW = 1_767_225_600


def test_one_person_is_made_and_found_again_by_each_identity(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"), ("email", "a@example.com"))
    assert person(("email", "A@Example.com")) == one
    assert person(("phone", "+86 138-0000-0001"), ("openid", "oABC", "wechat_main")) == one
    assert person(("openid", "oABC", "wechat_other")) != one
    assert shop.store.value("SELECT count(*) FROM identity WHERE person_id = :id", id=one) == 3


def test_a_record_with_identities_of_two_people_makes_them_one(shop: Registry, person: Callable[..., int]) -> None:
    one, two = person(("phone", "13800000001")), person(("openid", "oABC", "wechat_main"))
    assert person(("openid", "oABC", "wechat_main"), ("phone", "13800000001")) == one
    assert shop.store.rows("SELECT kept, gone FROM merge") == [(one, two)]
    assert identities.search(shop, f"#{two}") == [one]


def test_the_uid_follows_from_the_first_identity_and_a_taken_one_is_replaced(
    shop: Registry, person: Callable[..., int]
) -> None:
    one = person(("phone", "13800000001"))
    known = identity("phone", "13800000001")
    uid = shop.vault.uid(identities.lookups(shop.vault, [known])[0])
    assert shop.store.value("SELECT uid FROM person WHERE id = :id", id=one) == uid
    with shop.store.write() as tx:
        identities.remove(shop, tx, one, known)
    two = person(("phone", "13800000001"))
    assert two != one
    assert shop.store.value("SELECT uid FROM person WHERE id = :id", id=two) != uid


def test_fields_go_where_the_catalog_says(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    raw = {
        "name": "王芳",
        "tier": "gold",
        "spent": "299.50",
        "birthday": "农历八月十五",
        "zone": "Asia/Tokyo",
        "id_card": "TEST1",
    }
    with shop.store.write() as tx:
        profiles.set_fields(shop, tx, NOW, one, raw)
    name, attrs = shop.store.row("SELECT name, attrs FROM person WHERE id = :id", id=one) or ("", "")
    members = json.loads(attrs)
    assert (name, members["tier"], members["spent"]) == ("王芳", "gold", 29950)
    assert "TEST1" not in attrs
    assert fields.unsealed(shop.vault, "id_card", members["id_card"]) == "TEST1"
    report = showing.show(shop, one, NOW)
    assert report["fields"] == {"tier": "gold", "spent": 29950, "birthday": "农历八月十五", "id_card": "…"}
    assert (report["zone"], report["name"]) == ("Asia/Tokyo", "王*")


def test_what_really_changed_is_told_with_its_direction(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    with shop.store.write() as tx:
        profiles.set_fields(
            shop, tx, NOW, one, {"tier": "silver", "visits": 3, "city": "上海", "birthday": "1990-03-08"}
        )
        raw = {"tier": "gold", "visits": 2, "city": "上海", "birthday": None}
        changes = profiles.set_fields(shop, tx, NOW, one, raw)
        profiles.emit(shop, tx, NOW, one, changes)
    assert {change.field: change for change in changes} == {
        "tier": Change("tier", "silver", "gold", "up"),
        "visits": Change("visits", "3", "2", "down"),
        "birthday": Change("birthday", "1990-03-08", None),
    }
    told = [json.loads(props) for (props,) in shop.store.rows("SELECT props FROM event ORDER BY id")]
    assert {"field": "tier", "old": "silver", "new": "gold", "direction": "up"} in told
    assert len(told) == 3
    assert shop.store.value("SELECT count(*) FROM event_queue") == 3


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"teir": "gold"}, "did you mean tier"),
        ({"tier": "platinum"}, "^tier: "),
        ({"points": 5}, "cannot be set"),
        ({"frequency": 5}, "cannot be set"),
        ({"phone": "13800000001"}, "not a field"),
        ({"zone": "Mars/Base"}, "time zone"),
        ({"birthday": "x"}, "^birthday: "),
    ],
)
def test_a_bad_field_is_named(shop: Registry, raw: dict[str, str], reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        fields.drafted(shop, raw)


def test_nobody_has_no_fields(shop: Registry) -> None:
    with pytest.raises(errors.Refused, match="no such person"), shop.store.write() as tx:
        profiles.set_fields(shop, tx, NOW, 99, {"name": "王芳"})
