"""Links in messages that leave: what the customer gets, and what it leads to."""

from __future__ import annotations

import re

from automation.kernel.ports import Accepted, Denied, Message, Reason
from automation.tracking.following import Subject
from tests.tracking.linked import BASE, NOON, Linked

SHOP = "https://shop.example.com/new"
LINK = re.compile(rf"{BASE}/([cou])/([\w-]+)")


def links(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for use, token in LINK.findall(str(message.body)):
        found.setdefault(use, []).append(token)
    return found


def leads(shop: Linked, token: str) -> str:
    target = shop.follower.follow(token)
    assert target is not None
    return target.url


def test_a_declared_link_is_tracked_on_every_channel(shop: Linked) -> None:
    shop.sent("wechat")
    (message,) = shop.wechat.sent
    ((token,),) = links(message).values()
    assert message.body == {"text": f"您好 客1，看看 {BASE}/c/{token}，再见"}
    assert leads(shop, token) == SHOP
    shop.sent("sms")
    (sms,) = shop.sms.sent
    (first, second) = links(sms)["c"]
    assert first == second != token
    assert sms.body["params"] == {"url": f"{BASE}/c/{first}"}


def test_links_of_a_mail_are_exact(shop: Linked) -> None:
    person = shop.sent("email", purpose="ads")
    (mail,) = shop.mail.sent
    html, text = str(mail.body["html"]), str(mail.body["text"])
    assert "<p>https://shop.example.com/new 见</p>" in html
    assert 'href="mailto:a@example.com"' in html
    tokens = re.findall(rf'href="{BASE}/c/([\w-]+)"', html)
    assert [leads(shop, token) for token in tokens] == [SHOP, "https://other.example.com/?a=1&b=2"]
    assert f"看 {BASE}/c/{tokens[0]}" in text
    (pixel,) = re.findall(rf'<img src="{BASE}/o/([\w-]+)"', html)
    assert shop.follower.opened(pixel) == 1
    leave = mail.body["unsubscribe"]
    assert f'href="{leave}"' in html and str(leave) in text
    assert shop.follower.subject_of(str(leave).rpartition("/")[2]) == Subject(1, person, "email")


def test_only_marketing_mail_has_the_header(shop: Linked) -> None:
    shop.sent("email", purpose="plain")
    (mail,) = shop.mail.sent
    assert "unsubscribe" not in mail.body
    assert f'href="{BASE}/u/' in str(mail.body["html"])


def test_both_kinds_of_tracking_can_be_switched_off(shop: Linked) -> None:
    shop.web(f"public_url: '{BASE}'", "track_clicks: false", "track_opens: false")
    shop.sent("email", purpose="ads")
    (mail,) = shop.mail.sent
    assert set(links(mail)) == {"u"}
    assert f'href="{SHOP}"' in str(mail.body["html"])


def test_without_a_web_address_nothing_is_changed(shop: Linked) -> None:
    shop._delivery = None
    shop.open(NOON, j="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")
    shop._delivery = shop.made()
    shop.sent("email", purpose="ads")
    (mail,) = shop.mail.sent
    assert links(mail) == {} and "unsubscribe" not in mail.body
    assert SHOP in str(mail.body["html"])


def test_a_link_with_a_code_in_it_is_an_address_of_its_own(shop: Linked) -> None:
    shop.head = 'links:\n  shop: "https://shop.example.com/?who={{ customer.name }}"\n'
    shop.send_one(NOON, "{send: hello, via: [wechat], expires: 3d}", people=3)
    shop.deliver(NOON)
    made = [leads(shop, links(message)["c"][0]) for message in shop.wechat.sent]
    assert made == [f"https://shop.example.com/?who=%E5%AE%A2{number}" for number in (1, 2, 3)]


def test_a_link_of_ours_is_not_led_over_us_again(shop: Linked) -> None:
    shop.head = f'links:\n  shop: "{BASE}/c/x"\n'
    shop.sent("wechat")
    assert f"{BASE}/c/x，" in str(shop.wechat.sent[0].body["text"])


def test_a_second_try_sends_the_same_bytes(shop: Linked) -> None:
    shop.mail.answer = lambda _: Denied(Reason.UNAVAILABLE, "x", permanent=False)
    shop.sent("email", purpose="ads")
    shop.mail.answer = lambda _: Accepted("x")
    shop.deliver(shop.store.value("SELECT due FROM message"))
    first, second = shop.mail.sent
    assert first.body == second.body and links(first)
