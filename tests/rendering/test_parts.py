"""Bodies of WeChat and WeCom: every part at its place, lengths in the platform's bytes, what is empty left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automation.rendering.faults import Fault
from automation.rendering.renderer import Failed, Job, LocalRenderer, Rendered
from automation.rendering.texts import Kind, Template, Texts

Shop = Callable[..., Texts]
VALUES: dict[str, Any] = {
    "customer": {"name": "王芳"},
    "entry": {"page": "pages/a?id=1", "empty": "", "lines": "\n ", "long": "字" * 700},
}
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


def made(shop: Shop, source: str, kind: str = "wechat") -> Any:
    texts = shop(**{f"a/{kind}.yaml": source})
    assert not texts.problems, texts.problems
    [result] = LocalRenderer(texts, zone="Asia/Shanghai", lunar=str).render([Job("a", "", kind, VALUES)])
    return result.body if isinstance(result, Rendered) else result


def template(shop: Shop, source: str, kind: str = "wechat") -> Template:
    found = shop(**{f"a/{kind}.yaml": source}).texts["a"].template("", kind)
    assert found is not None
    return found


def test_news_has_its_link_and_leaves_out_what_is_empty(shop: Shop) -> None:
    source = """
        news:
          title: "给{{ customer.name }}的{{ entry.lines }}新品"
          url: "https://shop.example.com/?n=1"
          description: "{{ entry.empty }}"
          picture: https://shop.example.com/a.jpg
        """
    assert made(shop, source) == {
        "news": {
            "title": "给王芳的 新品",
            "url": "https://shop.example.com/?n=1",
            "picture": "https://shop.example.com/a.jpg",
        }
    }


def test_a_menu_keeps_its_options_in_order(shop: Shop) -> None:
    source = """
        menu:
          head: "{{ customer.name }}，您满意吗？"
          options: [{id: good, content: 满意}, {id: bad, content: 不满意}]
        """
    assert made(shop, source) == {
        "menu": {
            "head": "王芳，您满意吗？",
            "options": [{"id": "good", "content": "满意"}, {"id": "bad", "content": "不满意"}],
        }
    }


def test_a_template_can_lead_to_a_page_and_to_a_mini_program(shop: Shop) -> None:
    source = """
        text: 您好
        template:
          key: note
          data: {thing1: "{{ customer.name }}", phrase2: 已发货}
          url: https://shop.example.com/o
          mini_program: {appid: wx1, page: "{{ entry.page }}"}
        subscribe: {key: note_once, data: {thing1: 好}, page: pages/o}
        mass: {article: draft-1}
        """
    assert made(shop, source) == {
        "text": "您好",
        "template": {
            "key": "note",
            "data": {"thing1": "王芳", "phrase2": "已发货"},
            "url": "https://shop.example.com/o",
            "mini_program": {"appid": "wx1", "page": "pages/a?id=1"},
        },
        "subscribe": {"key": "note_once", "data": {"thing1": "好"}, "page": "pages/o"},
        "mass": {"article": "draft-1"},
    }
    known = template(shop, source)
    assert known.parts == {"text", "template", "subscribe", "mass"}
    assert (known.key_of("template"), known.key_of("subscribe"), known.key_of("mass")) == ("note", "note_once", "")


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("image: {media: m1}", {"image": {"media": "m1"}}),
        ("mass: {text: '{{ customer.name }}'}", {"mass": {"text": "王芳"}}),
        (
            "mini_program: {title: 去看看, appid: wx1, page: '{{ entry.page }}', picture: m2}",
            {"mini_program": {"title": "去看看", "appid": "wx1", "page": "pages/a?id=1", "picture": "m2"}},
        ),
    ],
)
def test_other_parts_stand_as_they_were_written(source: str, body: Any, shop: Shop) -> None:
    assert made(shop, source + "\n") == body


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("image: {file: pictures/spring.png}", {"image": {"file": "SPRING"}}),
        (
            "text: '{{ customer.name }}'\nmass: {image: {file: pictures/spring.png}}",
            {"text": "王芳", "mass": {"image": {"file": "SPRING"}}},
        ),
        (
            "mini_program: {title: 去看看, appid: wx1, page: pages/a, picture: {file: pictures/spring.png}}",
            {"mini_program": {"title": "去看看", "appid": "wx1", "page": "pages/a", "picture": {"file": "SPRING"}}},
        ),
    ],
)
def test_a_picture_of_the_shops_own_stands_as_its_file(source: str, body: Any, shop: Shop) -> None:
    folder = Path("templates/pictures")
    folder.mkdir(parents=True)
    (folder / "spring.png").write_bytes(PNG)
    spring = str((folder / "spring.png").resolve())
    found = made(shop, source + "\n")
    assert json.loads(json.dumps(found, ensure_ascii=False).replace(spring, "SPRING")) == body
    assert list(shop().texts) == ["a"], "a folder of pictures is no text"
    (folder / "spring.png").write_bytes(PNG + b" " * (2 << 20))
    assert [one.code for one in shop().problems] == ["T055"]


def test_a_picture_that_only_seems_to_lie_below_the_texts_is_none(shop: Shop) -> None:
    folder = Path("templates/pictures")
    folder.mkdir(parents=True)
    Path("outside.png").write_bytes(PNG)
    (folder / "spring.png").symlink_to(Path("outside.png").resolve())
    (folder / "itself.png").symlink_to("itself.png")
    assert [one.code for one in shop(**{"a/wechat.yaml": "image: {file: pictures/itself.png}\n"}).problems] == ["T054"]
    assert [one.code for one in shop(**{"a/wechat.yaml": "image: {file: pictures/spring.png}\n"}).problems] == ["T054"]


def test_wecom_carries_a_text_and_attachments(shop: Shop) -> None:
    source = """
        text: "{{ customer.name }}，您好"
        attachments:
          - link: {title: "{{ entry.long }}", url: "https://shop.example.com/a", description: "{{ entry.long }}"}
          - image: {media: m1}
          - mini_program: {title: "{{ entry.long }}", appid: wx1, page: pages/a, picture: m2}
        """
    body = made(shop, source, "wecom")
    link, image, program = body["attachments"]
    assert body["text"] == "王芳，您好" and image == {"image": {"media": "m1"}}
    assert [len(text.encode()) for text in (link["link"]["title"], link["link"]["description"])] == [126, 510]
    assert program["mini_program"]["title"] == "字" * 20 + "…"
    assert template(shop, source, "wecom").parts == {"text", "attachments"}


@pytest.mark.parametrize(
    ("kind", "source", "code", "place"),
    [
        ("wechat", "text: '{{ entry.long }}'", Fault.TOO_LONG, "a/wechat.yaml:1"),
        ("wechat", "mass: {text: '{{ entry.long }}'}", Fault.TOO_LONG, "a/wechat.yaml:1"),
        ("wechat", "text: '{{ entry.empty }}'", Fault.MISSING_VALUE, "a/wechat.yaml:1"),
        ("wechat", "news:\n  title: '{{ entry.empty }}'\n  url: https://a.example", Fault.MISSING_VALUE, "yaml:2"),
        ("wechat", "news:\n  title: a\n  url: '{{ entry.empty }}'", Fault.BAD_VALUE, "yaml:3"),
        ("wechat", "news:\n  title: a\n  url: 'javascript:{{ entry.page }}'", Fault.BAD_VALUE, "yaml:3"),
        ("wechat", "template:\n  key: k\n  data:\n    phrase1: '{{ entry.page }}'", Fault.BAD_VALUE, "yaml:4"),
        ("wecom", "text: '{{ entry.long }}{{ entry.long }}'", Fault.TOO_LONG, "a/wecom.yaml:1"),
    ],
)
def test_what_the_platform_would_refuse_stops_here_with_its_line(
    kind: str, source: str, code: Fault, place: str, shop: Shop
) -> None:
    failed = made(shop, source + "\n", kind)
    assert isinstance(failed, Failed) and failed.reason is code
    assert failed.place.endswith(place)
    assert "字" not in failed.message and "pages" not in failed.message


def test_a_text_of_exactly_the_bytes_leaves(shop: Shop) -> None:
    assert made(shop, f"text: {'字' * 682}ab\n") == {"text": "字" * 682 + "ab"}
    assert isinstance(made(shop, f"text: {'字' * 683}\n"), Failed)


def test_a_mail_brings_the_pictures_it_shows(shop: Shop) -> None:
    page = '<html><body><img src="cid:logo.png" alt=""><p>{{ customer.name }}</p></body></html>\n'
    folder = Path("templates/a/vip")
    shop(**{"a/email.html": page})
    folder.mkdir()
    Path("templates/a/logo.png").write_bytes(PNG)
    (folder / "logo.png").write_bytes(PNG)
    texts = shop(**{"a/email.yaml": "subject: x\n", "a/text.yaml": "variants: {vip: {if: {tier: gold}}}\n"})
    assert not texts.problems
    shop(**{"a/vip/email.yaml": "subject: y\n"})
    texts = shop()
    renderer = LocalRenderer(texts, zone="UTC", lunar=str)
    for variant, path in (("", "templates/a/logo.png"), ("vip", "templates/a/vip/logo.png")):
        [found] = renderer.render([Job("a", variant, "email", VALUES)])
        assert isinstance(found, Rendered) and found.body["images"] == {"logo.png": str(Path(path).resolve())}
    Path("templates/a/logo.png").write_bytes(PNG * 4_000)
    Path("templates/a/other.png").write_bytes(PNG)
    assert [(one.code, one.path) for one in shop().problems] == [
        ("T055", "templates/a/email.html"), ("T041", "templates/a/other.png"),
    ]  # fmt: skip


def test_an_sms_parameter_is_never_empty_and_an_sms_never_too_long(shop: Shop) -> None:
    sms = 'template: t\nparams:\n  name: "{{ entry.%s }}"\npreview: 【旅程】{name}\n'
    empty, long = (made(shop, sms % name, "sms") for name in ("empty", "long"))
    assert (empty.reason, empty.place) == (Fault.MISSING_VALUE, "templates/a/sms.yaml:3")
    assert long.reason is Fault.TOO_LONG


def test_every_kind_has_its_file(shop: Shop) -> None:
    texts = shop(**{"a/wecom.yaml": "text: 您好\n"})
    assert texts.texts["a"].kinds == {Kind.WECOM}
