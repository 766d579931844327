"""Mails that a mail server pipes in."""

from __future__ import annotations

from typing import Any

from automation.store.database import Store
from tests.bots.mail.samples import KEY, ORDINARY, arf, dsn


def sent(shop: Any) -> None:
    """A mail that went to the first customer with an address."""
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    with store.write() as tx:
        tx.run(
            "INSERT INTO message (id, run_id, step, visit, person_id, version_id, purpose, priority, state, channel,"
            " lane, scheduled_at, expires_at, sent_at) SELECT 900, 900, 1, 0, person_id, 1, 1, 5, 3, 'mail_main',"
            " 'smtp', 1, 2, 1 FROM identity WHERE kind = 'email' ORDER BY id LIMIT 1"
        )
        tx.run(
            "INSERT INTO attempt (message_id, n, channel, lane, identity_id, idem_key, provider_id, state, at)"
            f" SELECT 900, 1, 'mail_main', 'smtp', id, '{KEY}', '{KEY}@example.com', 2, 1 FROM identity"
            " WHERE kind = 'email' ORDER BY id LIMIT 1"
        )
    store.close()


def what_is_known(shop: Any) -> tuple[list[Any], list[Any]]:
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    found = store.rows("SELECT state, reason FROM message WHERE id = 900"), store.rows("SELECT kind FROM suppression")
    store.close()
    return found


def put(shop: Any, mail: bytes) -> Any:
    (shop.folder / "mail.eml").write_bytes(mail)
    return shop("mail", "bounce", shop.folder / "mail.eml")


def test_a_bounce_ends_its_message_and_its_address(shop: Any) -> None:
    sent(shop)
    for _ in range(2):
        done = put(shop, dsn())
        assert (done.code, done.out) == (0, "1 recorded\n")
    assert what_is_known(shop) == ([(5, "bounced: 550 5.1.1")], [("email",)])


def test_a_full_mailbox_costs_no_address(shop: Any) -> None:
    sent(shop)
    put(shop, dsn(status="5.2.2", said="smtp; 552 full"))
    assert what_is_known(shop) == ([(5, "bounced: 552 5.2.2")], [])


def test_a_complaint_ends_the_address_and_not_the_message(shop: Any) -> None:
    sent(shop)
    put(shop, arf())
    assert what_is_known(shop) == ([(3, None)], [("email",)])


def test_a_forged_bounce_and_an_ordinary_mail_change_nothing(shop: Any) -> None:
    sent(shop)
    forged = dsn().replace(KEY.encode(), KEY[::-1].encode())
    assert put(shop, forged).code == 0
    assert put(shop, ORDINARY).out == "about no message of this shop\n"
    assert "left out" in put(shop, b"Content-Type: message/rfc822\r\n\r\n" * 500).out
    assert what_is_known(shop) == ([(3, None)], [])


def test_a_channel_that_is_not_there_is_named(shop: Any) -> None:
    done = shop("mail", "bounce", "--channel", "mail_man", shop.folder / "config.yaml")
    assert done.code == 2 and "did you mean mail_main?" in done.err
