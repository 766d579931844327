"""An opt-out by text message blocks the number for marketing until its owner says yes again, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from automation.people import consents, suppression
from automation.people.consents import Consent
from automation.people.registry import Registry

NOW = 1_767_225_600
PHONE = "13800000001"


def blocked(shop: Registry, reason: str = suppression.OPTED_OUT, at: int = NOW) -> bool:
    with shop.store.write() as tx:
        return suppression.add(tx, at, "phone", suppression.address(shop, "phone", PHONE), reason)


def why(shop: Registry) -> str | None:
    return suppression.reason(shop.store, "phone", suppression.address(shop, "phone", PHONE))


def says(shop: Registry, word: Consent) -> None:
    with shop.store.write() as tx:
        consents.put(tx, [word])


@pytest.mark.parametrize("channel", ["sms", "*"])
def test_a_later_yes_to_marketing_by_sms_or_by_all_lifts_an_opt_out(
    shop: Registry, person: Callable[..., int], channel: str
) -> None:
    one = person(("phone", PHONE))
    blocked(shop)
    says(shop, Consent(one, channel, "marketing", True, "form", NOW + 1))
    assert why(shop) is None


@pytest.mark.parametrize(
    ("channel", "purpose", "granted", "at", "dated"),
    [
        ("email", "marketing", True, NOW + 1, True),
        ("sms", "service", True, NOW + 1, True),
        ("sms", "marketing", False, NOW + 1, True),
        ("sms", "marketing", True, NOW, True),
        ("sms", "marketing", True, NOW + 1, False),
    ],
)
def test_another_word_lifts_no_opt_out(
    shop: Registry, person: Callable[..., int], channel: str, purpose: str, granted: bool, at: int, dated: bool
) -> None:
    one = person(("phone", PHONE))
    blocked(shop)
    says(shop, Consent(one, channel, purpose, granted, "form", at, dated=dated))
    assert why(shop) == suppression.OPTED_OUT


def test_the_yes_of_another_lifts_nothing(shop: Registry, person: Callable[..., int]) -> None:
    person(("phone", PHONE))
    blocked(shop)
    says(shop, Consent(person(("phone", "13800000002")), "sms", "marketing", True, "form", NOW + 1))
    assert why(shop) == suppression.OPTED_OUT


@pytest.mark.parametrize("reason", [suppression.BAD_ADDRESS, suppression.COMPLAINT, suppression.GONE])
def test_a_yes_lifts_nothing_that_keeps_everything_back(
    shop: Registry, person: Callable[..., int], reason: str
) -> None:
    one = person(("phone", PHONE))
    blocked(shop, reason)
    says(shop, Consent(one, "sms", "marketing", True, "form", NOW + 1))
    assert why(shop) == reason


def test_of_two_opt_outs_the_first_stays_with_its_time(shop: Registry) -> None:
    assert [blocked(shop), blocked(shop, at=NOW + 9)] == [True, False]
    assert shop.store.rows("SELECT at FROM suppression") == [(NOW,)]
