from __future__ import annotations

from collections.abc import Callable

from automation.people import consents, suppression
from automation.people.consents import Consent
from automation.people.registry import Registry
from automation.policy import consent

NOW = 1_767_225_600


def said(who: int, granted: bool, at: int = NOW, channel: str = "sms", *, dated: bool = True) -> Consent:
    return Consent(who, channel, "marketing", granted, "form", at, "v2", "https://example.com/form/1", dated)


def holds(shop: Registry, who: int, channel: str = "sms") -> bool | None:
    sql = "SELECT granted FROM consent WHERE person_id = :who AND channel = :channel"
    found = shop.store.value(sql, who=who, channel=channel)
    return None if found is None else bool(found)


def put(shop: Registry, *words: Consent) -> None:
    with shop.store.write() as tx:
        consents.put(tx, words)


def test_the_newer_word_holds_and_every_word_is_kept(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    put(shop, said(one, True, NOW))
    put(shop, said(one, False, NOW + 1))
    put(shop, said(one, True, NOW - 5))
    assert holds(shop, one) is False
    put(shop, said(one, True, NOW + 2))
    assert holds(shop, one) is True
    log = shop.store.rows("SELECT granted, source, text_version, evidence FROM consent_log ORDER BY id")
    assert [row[0] for row in log] == [1, 0, 1, 1]
    assert log[0][1:] == ("form", "v2", "https://example.com/form/1")


def test_of_two_words_at_one_time_the_refusal_holds(shop: Registry, person: Callable[..., int]) -> None:
    one, two = person(("phone", "13800000001")), person(("phone", "13800000002"))
    put(shop, said(one, True), said(one, False))
    put(shop, said(two, False), said(two, True))
    assert (holds(shop, one), holds(shop, two)) == (False, False)


def test_a_yes_without_a_date_undoes_no_refusal(shop: Registry, person: Callable[..., int]) -> None:
    one, two = person(("phone", "13800000001")), person(("phone", "13800000002"))
    put(shop, said(one, False, NOW))
    put(shop, said(one, True, NOW + 100, dated=False), said(two, True, NOW + 100, dated=False))
    assert (holds(shop, one), holds(shop, two)) == (False, True)
    put(shop, said(two, False, NOW + 200, dated=False))
    assert holds(shop, two) is False


def test_a_refusal_with_a_date_undoes_a_yes_without_one_that_was_heard_of_first(
    shop: Registry, person: Callable[..., int]
) -> None:
    one = person(("phone", "13800000001"))
    put(shop, said(one, True, NOW, dated=False))
    put(shop, said(one, False, NOW - 1000))
    assert holds(shop, one) is False
    put(shop, said(one, True, NOW + 1, dated=False))
    assert holds(shop, one) is False
    assert [row[0] for row in shop.store.rows("SELECT at FROM consent_log ORDER BY id")] == [NOW, NOW - 1000, NOW + 1]


def test_a_yes_without_a_date_leaves_one_that_is_proved_as_it_is(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    put(shop, said(one, True, NOW - 1000))
    put(shop, Consent(one, "sms", "marketing", True, "import", NOW, dated=False))
    assert shop.store.rows("SELECT source, at FROM consent") == [("form", NOW - 1000)]


def test_a_yes_without_a_date_for_all_channels_undoes_no_refusal_of_one(
    shop: Registry, person: Callable[..., int]
) -> None:
    one = person(("phone", "13800000001"))
    put(shop, said(one, False, NOW - 1000))
    put(shop, said(one, True, NOW, "*", dated=False))
    refused = consent.refused("p.id", ":kind", "1 = 1")
    assert shop.store.value(f"SELECT count(*) FROM person p WHERE {refused}", kind="sms") == 1
    assert shop.store.value(f"SELECT count(*) FROM person p WHERE {refused}", kind="email") == 0


def test_channels_are_apart(shop: Registry, person: Callable[..., int]) -> None:
    one = person(("phone", "13800000001"))
    put(shop, said(one, True), said(one, False, channel="email"))
    assert (holds(shop, one), holds(shop, one, "email"), holds(shop, one, "wechat")) == (True, False, None)


def test_an_address_is_blocked_for_whoever_has_it(shop: Registry) -> None:
    lookup = suppression.address(shop, "phone", "138 0000 0001")
    with shop.store.write() as tx:
        assert suppression.add(tx, NOW, "phone", lookup, "bounced")
        assert not suppression.add(tx, NOW + 1, "phone", lookup, "complained")
    assert suppression.reason(shop.store, "phone", shop.vault.lookup("phone", "", "+8613800000001")) == "bounced"
    assert suppression.reason(shop.store, "email", lookup) is None
    with shop.store.write() as tx:
        assert suppression.remove(tx, "phone", lookup)
        assert not suppression.remove(tx, "phone", lookup)
