"""A given code that was used: the event coupon.redeemed of its owner says so, and the first time counts."""

from __future__ import annotations

from automation.store.database import Transaction

EVENT = "coupon.redeemed"


def note(tx: Transaction, table: str) -> int:
    """Books the redemptions among the events of a temporary table (event_id, person_id, at); returns how many.

    A code that was never given to this person changes nothing.
    """
    tx.temporary("redeeming", "coupon_id BIGINT, at BIGINT")
    code = tx.dialect.json_text("e.props", ["code"])
    tx.run(
        f"INSERT INTO redeeming SELECT c.id, min(b.at) FROM {table} b JOIN event e ON e.id = b.event_id"
        " JOIN name n ON n.id = e.name_id JOIN coupon c ON c.person_id = b.person_id"
        f" WHERE n.kind = 'event' AND n.name = :event AND c.code = {code} AND c.redeemed_at IS NULL GROUP BY c.id",
        event=EVENT,
    )
    return tx.run("UPDATE coupon SET redeemed_at = redeeming.at FROM redeeming WHERE coupon.id = redeeming.coupon_id")
