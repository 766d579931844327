"""`coupon`: each code is given once. Wanting runs and free codes are numbered and joined; who finds none gets none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from automation.audience.parameters import Parameters
from automation.engine import timing
from automation.engine.parts import Parts
from automation.engine.registry import Loaded
from automation.engine.zones import SHOP
from automation.journey import graph
from automation.rewards import pools
from automation.store.database import Row, Transaction

from . import handed_over

GIVING = "n BIGINT, run_id BIGINT, person_id BIGINT, visit BIGINT, coupon_id BIGINT, expires BIGINT, body TEXT"
OPERATOR = "operator"  # the role of config.yaml's staff that hears of empty pools


def step(parts: Parts, loaded: Loaded, effect: graph.GiveCoupon, chosen: str, parameters: Parameters, now: int) -> Any:
    return _Give(parts, loaded, effect, chosen)


class _Give:
    def __init__(self, parts: Parts, loaded: Loaded, effect: graph.GiveCoupon, chosen: str) -> None:
        self._parts, self._loaded, self._effect = parts, loaded, effect
        self._pool = parts.project.coupons[effect.pool]
        self._want = (
            "SELECT plan.run_id, plan.person_id, plan.visit, plan.zone, plan.at FROM plan"
            f" WHERE {chosen} AND NOT EXISTS (SELECT 1 FROM coupon o WHERE o.run_id = plan.run_id"
            f" AND o.step = {loaded.steps[effect.key]} AND o.visit = plan.visit) ORDER BY plan.run_id"
        )
        put = parts.store.dialect.json_put("run.data", effect.as_name, "giving.body")
        self._tell = f"UPDATE run SET data = {put} FROM giving WHERE run.id = giving.run_id"

    def __call__(self, tx: Transaction, now: int, bound: dict[str, Any]) -> None:
        wanting = tx.rows(self._want, **bound)
        if not wanting:
            return
        codes = pools.take(tx, self._pool, len(wanting))
        shop_clock = self._loaded.journey.shop_clock
        until = timing.resolver(self._parts, self._pool.valid, shop_clock, limit=True)
        given = []
        for (run_id, person_id, visit, zone, at), (coupon_id, code) in zip(wanting, codes, strict=False):
            expires = until(zone, max(at, now), ())
            body = pools.body(self._pool, code, expires, self._parts.zones[SHOP if shop_clock else zone])
            given.append({"run_id": run_id, "person_id": person_id, "visit": visit, "coupon_id": coupon_id,
                          "expires": expires, "body": body})  # fmt: skip
        tx.temporary("giving", GIVING)
        tx.many(
            "INSERT INTO giving (run_id, person_id, visit, coupon_id, expires, body)"
            " VALUES (:run_id, :person_id, :visit, :coupon_id, :expires, :body)",
            given,
        )
        tx.run(
            "UPDATE coupon SET person_id = giving.person_id, run_id = giving.run_id, step = :step,"
            " visit = giving.visit, given_at = :now, expires_at = giving.expires FROM giving"
            " WHERE coupon.id = giving.coupon_id",
            step=self._loaded.steps[self._effect.key], now=now,
        )  # fmt: skip
        tx.run(self._tell)
        if self._pool.imported:
            self._watch_stock(tx, now, wanting, len(given))

    def _watch_stock(self, tx: Transaction, now: int, wanting: Sequence[Row], given: int) -> None:
        """Tells the operator once when the pool runs dry, and once when it falls below `low_stock`."""
        low = self._pool.low_stock
        left = pools.left(tx, self._pool.name, most=low + given)
        if given < len(wanting):
            self._notify(tx, now, wanting[given], f"券池 {self._pool.name} 已发完，有人没有拿到券")
        elif left < low <= left + given:
            self._notify(tx, now, wanting[-1], f"券池 {self._pool.name} 只剩 {left} 张券码")

    def _notify(self, tx: Transaction, now: int, about: Row, text: str) -> None:
        payload = {"text": text, "journey": self._loaded.name}
        tx.run(
            "INSERT INTO effect (kind, ref, run_id, step, visit, person_id, at, due, payload)"
            " VALUES (:kind, :role, :run, :step, :visit, :person, :now, :now, :payload) ON CONFLICT DO NOTHING",
            kind=handed_over.NOTIFY, role=OPERATOR, run=about[0], step=self._loaded.steps[self._effect.key],
            visit=about[2], person=about[1], now=now, payload=json.dumps(payload, ensure_ascii=False),
        )  # fmt: skip
