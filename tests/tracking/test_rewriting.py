"""Links are exchanged where they are links, and every other character stays."""

from __future__ import annotations

import time

import pytest

from automation.tracking import rewriting

URL, OTHER = "https://a.cn/x", "https://go.cn/c/T"


def led(page: str) -> str:
    return rewriting.in_html(page, lambda url: f"https://go.cn/c/{len(url)}")


@pytest.mark.parametrize(
    ("page", "after"),
    [
        ('<a href="https://a.cn/">x</a>', '<a href="https://go.cn/c/13">x</a>'),
        ('<A title="a > b" HREF="http://a.cn/">x</A>', '<A title="a > b" HREF="https://go.cn/c/12">x</A>'),
        ('<a\n class="b"\n href="https://a.cn/?a=1&amp;b=2">', '<a\n class="b"\n href="https://go.cn/c/21">'),
        ('<a href=" https://a.cn/ ">', '<a href="https://go.cn/c/13">'),
    ],
)
def test_a_link_is_led_over_us(page: str, after: str) -> None:
    assert led(page) == after


@pytest.mark.parametrize(
    "page",
    [
        "<p>https://a.cn/ in words</p>",
        '<a href="mailto:a@example.com">x</a>',
        '<a href="tel:4001">x</a><a href="#top">y</a><a href="/path">z</a><a href="">e</a>',
        '<a data-href="https://a.cn/">x</a>',
        "<a title='href=\"https://a.cn/\"'>x</a>"[:0] + '<a title="&quot; href=&quot;https://a.cn/">x</a>',
        '<img src="https://a.cn/p.png"><link href="https://a.cn/s.css"><abbr href="https://a.cn/">',
        '<a href="javascript:alert(1)">x</a><a href="weixin://dl/chat">y</a>',
    ],
)
def test_everything_else_stays(page: str) -> None:
    assert led(page) == page
    assert rewriting.hrefs(page) == []


def test_a_page_of_broken_tags_takes_no_time() -> None:
    page = '<a href="https://a.cn/' * 5_000 + "<a " * 50_000 + '<a title="' * 3_000
    began = time.process_time()
    led(page)
    assert time.process_time() - began < 1


def test_a_link_with_quotes_in_it_cannot_leave_its_attribute() -> None:
    assert rewriting.in_html('<a href="https://a.cn/">', lambda _: 'x" onclick="y') == (
        '<a href="x&quot; onclick=&quot;y">'
    )


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (f"看 {URL}，再见", f"看 {OTHER}，再见"),
        (f"看{URL}。", f"看{OTHER}。"),
        (f"({URL}) {URL}", f"({OTHER}) {OTHER}"),
        (f"end {URL}.", f"end {OTHER}."),
        (f"{URL}/more", f"{URL}/more"),
        (f"{URL}?q=1 {URL}", f"{URL}?q=1 {OTHER}"),
        (f"{URL}.html", f"{URL}.html"),
        (f"{URL}yz", f"{URL}yz"),
    ],
)
def test_in_words_only_the_whole_address_is_exchanged(text: str, after: str) -> None:
    assert rewriting.in_body({"text": text}, {URL: OTHER}) == {"text": after}


def test_the_longer_of_two_addresses_goes_first() -> None:
    urls = {"https://a.cn": "https://go.cn/c/1", "https://a.cn/x": "https://go.cn/c/2"}
    assert rewriting.in_body({"text": "https://a.cn/x https://a.cn"}, urls) == {
        "text": "https://go.cn/c/2 https://go.cn/c/1"
    }


def test_our_own_address_may_begin_like_the_target() -> None:
    urls = {"https://a.cn": "https://a.cn/c/1"}
    assert rewriting.in_body({"text": "https://a.cn https://a.cn"}, urls) == {
        "text": "https://a.cn/c/1 https://a.cn/c/1"
    }


def test_parts_of_a_body_are_exchanged_and_pictures_are_not() -> None:
    body = {
        "news": {"url": URL, "picture": URL, "title": "新品"},
        "attachments": [{"link": {"url": URL, "picture": URL}}, {"n": 1, "yes": True, "none": None}],
        "html": URL,
    }
    assert rewriting.in_body(body, {URL: OTHER}) == {
        "news": {"url": OTHER, "picture": URL, "title": "新品"},
        "attachments": [{"link": {"url": OTHER, "picture": URL}}, {"n": 1, "yes": True, "none": None}],
        "html": URL,
    }


def test_the_picture_stands_at_the_end_of_the_page() -> None:
    assert rewriting.with_pixel("<body>a</body></html>", "https://go.cn/o/T").startswith(
        '<body>a<img src="https://go.cn/'
    )
    assert rewriting.with_pixel("no body", "https://go.cn/o/T").endswith('style="border:0">')
