"""The operator hears of an empty pool, and once when it runs low."""

from __future__ import annotations

import json

from tests.engine.shop import COUPONS, Shop

GIVING = "enter: {event: wechat.followed}\nagain: finished\nsteps: [{coupon: gift}, {send: hello}, {wait: 1d}]\n"


def told(shop: Shop) -> list[str]:
    rows = shop.store.rows("SELECT payload FROM effect WHERE kind = 'notify' AND ref = 'operator' ORDER BY id")
    return [json.loads(payload)["text"] for (payload,) in rows]


def follow(shop: Shop, people: list[int], at: str) -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


def test_an_empty_pool_is_told_once_a_batch(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GIVING)
    shop.codes("gift", "A1")
    follow(shop, shop.people(3), "2026-03-01 09:00")
    assert told(shop) == ["券池 gift 已发完，有人没有拿到券"]


def test_low_stock_is_told_when_it_is_reached_and_not_again(shop: Shop) -> None:
    shop.files["coupons"] = COUPONS.replace("valid: 30d}", "valid: 30d, low_stock: 3}")
    shop.open("2026-03-01 08:00", wake=GIVING)
    shop.codes("gift", "A1", "A2", "A3", "A4")
    follow(shop, shop.people(1), "2026-03-01 09:00")
    assert told(shop) == []
    follow(shop, shop.people(1), "2026-03-01 09:01")
    assert told(shop) == ["券池 gift 只剩 2 张券码"]
    follow(shop, shop.people(1), "2026-03-01 09:02")
    assert told(shop) == ["券池 gift 只剩 2 张券码"]


def test_a_redemption_stands_on_the_code_of_its_owner_and_the_first_time_counts(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=GIVING)
    shop.codes("gift", "A1", "A2")
    owner, other = shop.people(2)
    follow(shop, [owner, other], "2026-03-01 09:00")
    shop.event(other, "coupon.redeemed", "2026-03-02 09:00", code="A1")
    shop.event(owner, "coupon.redeemed", "2026-03-02 10:00", code="A1")
    shop.tick("2026-03-02 10:00")
    shop.event(owner, "coupon.redeemed", "2026-03-03 10:00", code="A1")
    shop.tick("2026-03-03 10:00")
    redeemed = shop.store.rows("SELECT code, redeemed_at FROM coupon ORDER BY code")
    assert redeemed == [("A1", shop.ts("2026-03-02 10:00")), ("A2", None)]
