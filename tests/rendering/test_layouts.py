"""Mails share a frame: joined before styles are inlined, each file with its own mistakes and pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from automation.rendering.renderer import Failed, Job, LocalRenderer, Rendered
from automation.rendering.texts import Texts

Shop: TypeAlias = Callable[..., Texts]
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
LAYOUT = """<html><head><style>
  .words { color: #111111; margin: 0; }
</style></head>
<body>
<!-- content -->
{% if links.unsubscribe is defined %}<a href="{{ links.unsubscribe }}">退订</a>{% endif %}
<p>{{ customer.city }}</p>
</body></html>
"""
MAIL = {"a/email.yaml": "subject: 您好\nlayout: shop\n", "_layouts/shop.html": LAYOUT}
ROWS = '<style>.words { color: #222222; }</style>\n<p class="words">{{ customer.name }}</p>\n'


def made(texts: Texts, **customer: Any) -> Rendered | Failed:
    [found] = LocalRenderer(texts, zone="UTC", lunar=str).render([Job("a", "", "email", {"customer": customer})])
    return found


def test_a_mail_stands_in_its_layout_and_its_own_styles_win(shop: Shop) -> None:
    found = made(shop(**MAIL, **{"a/email.html": ROWS}), name="<王芳>", city="上海")
    assert isinstance(found, Rendered)
    html = str(found.body["html"])
    assert '<p class="words" style="color: #222222;margin: 0;">&lt;王芳&gt;</p>' in html
    assert html.index("王芳") < html.index("上海") and "退订" not in html and "content" not in html


def test_a_failure_names_the_file_and_the_line_where_it_was_written(shop: Shop) -> None:
    texts = shop(**MAIL, **{"a/email.html": ROWS + "<p>{{ customer.points }}</p>\n"})
    for customer, place in (
        ({"city": "上海", "points": 1}, "templates/a/email.html:2"),
        ({"city": "上海", "name": "王芳"}, "templates/a/email.html:3"),
        ({"name": "王芳", "points": 1}, "templates/_layouts/shop.html:7"),
    ):
        found = made(texts, **customer)
        assert isinstance(found, Failed) and found.place == place


def test_a_mistake_in_the_layout_is_told_once_and_stops_the_mails_that_use_it(shop: Shop) -> None:
    broken = LAYOUT.replace("customer.city", "customer.city | mony")
    more = {"b/email.yaml": "subject: x\nlayout: shop\n", "b/email.html": "<p>x</p>\n"}
    plain = {"c/email.yaml": "subject: x\n", "c/email.html": "<html><body><p>x</p></body></html>\n"}
    texts = shop(**{**MAIL, "_layouts/shop.html": broken, "a/email.html": ROWS}, **more, **plain)
    assert [(one.path, one.line, one.code) for one in texts.problems] == [("templates/_layouts/shop.html", 7, "T011")]
    assert texts.broken == {"a", "b"} and set(texts.texts) == {"c"}


def test_a_changed_layout_is_a_new_version_of_its_mails(shop: Shop) -> None:
    one = shop(**MAIL, **{"a/email.html": ROWS}).texts["a"].template("", "email")
    other = shop(**{"_layouts/shop.html": LAYOUT.replace("#111111", "#333333")}).texts["a"].template("", "email")
    assert one and other and one.digest != other.digest


def test_pictures_of_the_layout_lie_beside_it(shop: Shop) -> None:
    shown = LAYOUT.replace("<body>", '<body><img src="cid:logo.png" alt="">')
    files = {**MAIL, "_layouts/shop.html": shown, "a/email.html": ROWS + '<img src="cid:own.png" alt="">\n'}
    missing = shop(**files)
    assert [(one.code, one.path) for one in missing.problems] == [
        ("T054", "templates/_layouts/shop.html"), ("T054", "templates/a/email.html"),
    ]  # fmt: skip
    Path("templates/_layouts/logo.png").write_bytes(PNG)
    Path("templates/a/own.png").write_bytes(PNG)
    found = made(shop(), name="王芳", city="上海")
    assert isinstance(found, Rendered)
    assert found.body["images"] == {
        name: str(Path("templates", folder, name).resolve())
        for folder, name in (("_layouts", "logo.png"), ("a", "own.png"))
    }


@pytest.mark.parametrize(
    "slot", ["", "{# <!-- content --> #}", "{% raw %}<!-- content -->{% endraw %}", "<!-- content --><!-- content -->"]
)
def test_a_layout_that_would_swallow_the_mail_is_refused(slot: str, shop: Shop) -> None:
    texts = shop(**{**MAIL, "_layouts/shop.html": LAYOUT.replace("<!-- content -->", slot), "a/email.html": ROWS})
    assert ("templates/_layouts/shop.html", "T046") in [(one.path, one.code) for one in texts.problems] or any(
        one.code == "T001" for one in texts.problems
    )
    assert texts.broken == {"a"}


def test_a_layout_that_is_a_pipe_is_not_waited_for(shop: Shop) -> None:
    shop(**{"a/email.yaml": "subject: 您好\nlayout: shop\n", "a/email.html": ROWS, "_layouts/other.html": LAYOUT})
    os.mkfifo("templates/_layouts/shop.html")
    Path("templates/a/email.html").unlink()
    os.mkfifo("templates/a/email.html")
    assert {one.code for one in shop().problems} >= {"T044", "T045"}


def test_words_that_look_like_masks_stay(shop: Shop) -> None:
    found = made(
        shop(**MAIL, **{"a/email.html": "<p>z0j0e zj0jz z99999je {{ customer.name }}</p>\n"}), name="王", city="沪"
    )
    assert isinstance(found, Rendered) and "z0j0e zj0jz z99999je 王" in str(found.body["html"])
