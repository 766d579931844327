"""A rule that policy.yaml sets aside goes into the operators' log when the file is taken into use, once."""

from __future__ import annotations

from automation.store import audit
from tests.engine.shop import POLICY, Shop

JOURNEY = "enter: {event: order.paid}\nagain: finished\nsteps:\n  - {send: hello}\n"
ASIDE = POLICY + "\noverrides: {SMS-07: 卖的就是红酒}\n"


def told(shop: Shop) -> list[tuple[str, dict[str, str]]]:
    rows = audit.listed(shop.store, 100)
    return [(row["what"], row["detail"]) for row in reversed(rows) if str(row["what"]).startswith("rule")]


def test_it_is_told_once_with_the_reason_and_once_more_when_it_ends(shop: Shop) -> None:
    shop.open("2026-03-01 09:00", j=JOURNEY)
    assert told(shop) == []
    shop.files["policy"] = ASIDE
    shop.open("2026-03-01 10:00")
    shop.reload("2026-03-01 11:00")
    aside = ("rule set aside", {"rule": "SMS-07", "reason": "卖的就是红酒"})
    assert told(shop) == [aside]
    shop.files["policy"] = POLICY
    shop.open("2026-03-01 12:00")
    assert told(shop) == [aside, ("rule kept again", {"rule": "SMS-07"})]
    assert audit.first_broken(shop.store) is None


def test_another_reason_is_told_again(shop: Shop) -> None:
    shop.files["policy"] = ASIDE
    shop.open("2026-03-01 09:00", j=JOURNEY)
    shop.files["policy"] = ASIDE.replace("红酒", "黄酒")
    shop.open("2026-03-01 10:00")
    assert [detail["reason"] for _, detail in told(shop)] == ["卖的就是红酒", "卖的就是黄酒"]
