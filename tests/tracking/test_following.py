"""Coming back with a link: what is found, what is recorded, and that a forged one finds nothing."""

from __future__ import annotations

import json
import re

from automation.tracking.following import Seen, Subject
from tests.tracking.linked import BASE, NOON, Linked
from tests.tracking.test_making import links


def events(shop: Linked) -> list[str]:
    rows = shop.store.rows("SELECT n.name FROM event e JOIN name n ON n.id = e.name_id ORDER BY e.id")
    return [name for (name,) in rows]


def test_clicks_and_opens_are_told_once_and_the_first_counts(shop: Linked) -> None:
    shop.sent("email")
    base = shop.ts(NOON)
    shop.seen(Seen(1, "clicked", base + 30), Seen(1, "opened", base + 25), Seen(1, "clicked", base + 20))
    shop.seen(Seen(1, "clicked", base + 10), Seen(1, "opened", base + 90))
    assert shop.store.row("SELECT opened_at, clicked_at FROM message") == (base + 25, base + 10)
    assert sorted(events(shop)) == ["message.clicked", "message.opened"]


def test_a_click_wakes_who_waits_for_it(shop: Linked) -> None:
    steps = (
        "{send: hello, via: [email]}\n  - {wait_for: {clicked: hello}, up_to: 3d, then: [{tag: 点了}]}\n  - {wait: 1d}"
    )
    shop.send_one(NOON, steps)
    shop.deliver(NOON)
    shop.seen(Seen(1, "clicked", shop.ts(NOON) + 5))
    shop.tick("2026-03-02 12:01")
    assert shop.store.value("SELECT count(*) FROM person_tag") == 1


def test_each_link_of_a_message_is_told_once_under_its_name(shop: Linked) -> None:
    shop.sent("email")
    base = shop.ts(NOON)
    shop.seen(Seen(1, "clicked", base + 20, "gift"), Seen(1, "clicked", base + 10, "shop"))
    shop.seen(Seen(1, "clicked", base + 5, "gift"), Seen(1, "clicked", base + 40, "other.example.com"))
    rows = shop.store.rows("SELECT props, at FROM event ORDER BY id")
    assert [(json.loads(props)["link"], at - base) for props, at in rows] == [
        ("shop", 10), ("gift", 20), ("other.example.com", 40),
    ]  # fmt: skip
    assert shop.store.value("SELECT clicked_at FROM message") == base + 5


def test_a_journey_waits_for_a_certain_link(shop: Linked) -> None:
    waits = "{wait_for: {event: {name: message.clicked, where: {link: shop}}}, up_to: 3d, then: [{tag: 看了}]}"
    (person,) = shop.send_one(NOON, f"{{send: hello, via: [email]}}\n  - {waits}\n  - {{wait: 1d}}")
    shop.deliver(NOON)
    shop.seen(Seen(1, "clicked", shop.ts(NOON) + 5, "other.example.com"))
    shop.tick("2026-03-02 12:01")
    assert shop.tags(person) == set()
    shop.seen(Seen(1, "clicked", shop.ts(NOON) + 70, "shop"))
    shop.tick("2026-03-02 12:02")
    assert shop.tags(person) == {"看了"}


def test_a_click_on_a_message_that_is_gone_changes_nothing(shop: Linked) -> None:
    shop.sent("email")
    shop.seen(Seen(77, "clicked", 5))
    assert events(shop) == [] and shop.store.value("SELECT clicked_at FROM message") is None


def test_a_moment_in_the_future_is_now(shop: Linked) -> None:
    shop.sent("email")
    shop.seen(Seen(1, "opened", 2**40))
    assert shop.store.value("SELECT opened_at FROM message") == shop.ts(NOON) + 3600


def test_a_target_knows_its_message(shop: Linked) -> None:
    shop.sent("wechat")
    target = shop.follower.follow(links(shop.wechat.sent[0])["c"][0])
    assert target is not None and target.label == "shop"
    assert (target.url, target.message_id) == ("https://shop.example.com/new", 1)


def test_a_merged_person_is_found_by_old_links(shop: Linked) -> None:
    gone = shop.sent("email")
    kept = shop.person()
    shop.put("UPDATE person SET merged_into = :kept WHERE id = :gone", kept=kept, gone=gone)
    token = links(shop.mail.sent[0])["u"][0]
    assert shop.follower.subject_of(token) == Subject(1, kept, "email")
    shop.put("DELETE FROM person WHERE id = :kept", kept=kept)
    assert shop.follower.subject_of(token) is None


def test_persons_merged_in_a_circle_end_the_search(sqlite_shop: Linked) -> None:
    shop = sqlite_shop
    person = shop.sent("email")
    shop.put("UPDATE person SET merged_into = :id WHERE id = :id", id=person)
    assert shop.follower.subject_of(links(shop.mail.sent[0])["u"][0]) is None


def test_the_token_of_one_kind_of_link_opens_no_other(shop: Linked) -> None:
    shop.sent("email", purpose="ads")
    found = links(shop.mail.sent[0])
    follower = shop.follower
    assert follower.opened(found["c"][0]) is None
    assert follower.subject_of(found["c"][0]) is None
    assert follower.follow(found["u"][0]) is None
    assert follower.follow(found["o"][0]) is None


def test_forged_tokens_ask_the_database_nothing(sqlite_shop: Linked) -> None:
    shop = sqlite_shop
    shop.sent("email")
    follower = shop.follower
    real = links(shop.mail.sent[0])["c"][0]
    shop.store.close()  # whoever asked would open it again
    asked: list[str] = []
    shop.store.rows = shop.store.row = lambda sql, **_: asked.append(sql)  # type: ignore[method-assign, assignment, return-value]
    for number in range(2_000):
        forged = f"{number:05d}{real[5:]}"
        assert follower.follow(forged) is None
        assert follower.opened(forged) is None
        assert follower.subject_of(forged) is None
    assert asked == []


def test_links_are_short_enough_for_a_text_message(shop: Linked) -> None:
    shop.sent("sms")
    (url,) = set(re.findall(rf"{BASE}/c/[\w-]+", str(shop.sms.sent[0].body)))
    assert len(url) - len(BASE) <= 43
