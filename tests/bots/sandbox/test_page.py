from __future__ import annotations

from collections import deque

import pytest

from bots import http
from bots.sandbox import page, process
from bots.sandbox.ledger import Entry


def entry(**more: object) -> Entry:
    body = {"text": "生日快乐"}
    given = {"at": 1_772_323_200, "channel": "c", "plays": "sms", "lane": "sms", "key": "k", "address": "13800000001"}
    return Entry(**{**given, "body": body, "id": "sb1", **more})  # type: ignore[arg-type]


def shown(*entries: Entry) -> str:
    inboxes: dict[tuple[str, str], deque[Entry]] = {}
    for one in entries:
        inboxes.setdefault((one.plays, one.address), deque()).append(one)
    return page.answer(inboxes).body.decode()


def test_a_phone_shows_its_messages_newest_first_in_local_time() -> None:
    html = shown(entry(body={"text": "first"}), entry(body={"text": "second"}, at=1_772_330_400))
    assert html.index("second") < html.index("first")
    assert "03-01 08:00" in html
    assert html.count("<section>") == 1


def test_everything_written_by_others_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    html = shown(entry(body={"subject": evil, "text": evil}, lane=evil, plays=evil, address=evil * 2))
    assert "<script" not in html


def test_a_link_can_be_clicked_and_breaks_out_of_nothing() -> None:
    html = shown(entry(body={"text": '看：https://a.example.com/c/1?a=1&b=2，好\nhttp://b/"><script>'}))
    assert '<a href="https://a.example.com/c/1?a=1&amp;b=2" target="_blank" rel="noreferrer">' in html
    assert "</a>，好" in html
    assert "<script" not in html
    assert html.count('"&gt;&lt;') == 0


def test_the_page_loads_nothing_from_anywhere() -> None:
    answer = page.answer({})
    assert dict(answer.headers)["content-security-policy"].startswith("default-src 'none'")
    assert b"http://" not in answer.body
    assert b"https://" not in answer.body


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("13800000001", "138****0001"),
        ("+8613800000001", "+86138****0001"),
        ("li.na@example.com", "l***@example.com"),
        ("oCUSTOMER0001", "oCUS****0001"),
        ("oABCDEF", "oABC****"),
        ("", "****"),
    ],
)
def test_addresses_are_masked(address: str, masked: str) -> None:
    assert page.masked(address) == masked


def test_a_message_is_read_out_whatever_its_channel() -> None:
    assert page.spoken({"subject": "s", "text": "t", "html": "<p>"}) == ("s", "t")
    sms = {"template": "b", "params": {"name": "王芳", "code": "A1"}, "preview": "{name}，您的券 {code}"}
    assert page.spoken(sms) == ("", "王芳，您的券 A1")
    assert "thing1" in page.spoken({"template": {"data": {"thing1": "礼券"}}})[1]


def test_a_real_page_masks_its_recipients(sandbox: process.Sandbox, control: http.Client) -> None:
    wire = [{"key": "page1", "lane": "sms", "address": "13800000001", "body": {"text": "页面上的字"}}]
    batch = {"channel": "p", "plays": "sms", "keyed": True, "messages": wire}
    control.post_json(f"{sandbox.url}/send", batch)
    text = control.get(f"{sandbox.url}/").body.decode()
    assert "页面上的字" in text
    assert "13800000001" not in text
