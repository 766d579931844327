"""Folders of texts: what is read, how variants fall back, and what each mistake says and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from automation.rendering import codes
from automation.rendering.texts import Texts

Shop = Callable[..., Texts]
SMS = 'template: wish\nparams: {name: "{{ customer.name }}"}\npreview: "【旅程】{name}，生日快乐"\n'
WECHAT = "template:\n  key: note\n  data:\n    thing1: x\n"
HTML = "<html><body><p>{{ customer.name }}</p></body></html>\n"


def problems(texts: Texts) -> list[tuple[str, str]]:
    return [(f"{found.path}:{found.line}:{found.column}", found.code) for found in texts.problems]


def test_a_text_has_its_channels_variants_and_variables(shop: Shop) -> None:
    texts = shop(
        **{
            "wish/text.yaml": """
                title: 祝福
                variants:
                  vip: {if: {tier: {at_least: gold}}}
                needs: [coupon.code]
                links: {shop: "https://shop.example.com/?c={{ coupon.code }}"}
                """,
            "wish/wechat.yaml": "text: |\n  {{ customer.name }}：{{ links.shop }}\n",
            "wish/sms.yaml": SMS,
            "wish/vip/wechat.yaml": "text: 贵宾 {{ entry.years }}\n",
        }
    )
    assert texts.problems == ()
    text = texts.texts["wish"]
    assert (text.title, text.needs, text.links) == ("祝福", {"coupon.code"}, {"shop"})
    assert text.kinds == {"wechat", "sms"}
    assert text.variables == {"customer.name", "links.shop", "coupon.code", "entry.years"}
    [vip] = text.variants
    assert (vip.name, vip.raw_if) == ("vip", {"tier": {"at_least": "gold"}})
    assert text.document.mark(vip.loc).line == 3
    assert text.template("vip", "wechat").path == "templates/wish/vip/wechat.yaml"  # type: ignore[union-attr]
    assert text.template("vip", "sms").path == "templates/wish/sms.yaml"  # type: ignore[union-attr]
    assert text.template("", "email") is None
    assert text.template("", "pigeon") is None


def test_a_variant_may_change_only_a_part_of_a_mail(shop: Shop) -> None:
    texts = shop(
        **{
            "a/text.yaml": "variants: {vip: {if: {tier: gold}}, tw: {if: {language: zh-TW}}}\n",
            "a/email.yaml": "subject: 一\n",
            "a/email.html": HTML,
            "a/email.txt": "一\n",
            "a/vip/email.yaml": "subject: 二\n",
            "a/tw/email.html": HTML.replace("p>", "h1>"),
        }
    )
    assert texts.problems == ()
    text = texts.texts["a"]
    vip, tw = text.template("vip", "email"), text.template("tw", "email")
    assert vip is not None and tw is not None
    assert [field.path for field in vip.fields] == [
        "templates/a/vip/email.yaml", "templates/a/email.html", "templates/a/email.txt",
    ]  # fmt: skip
    assert [field.path for field in tw.fields] == ["templates/a/email.yaml", "templates/a/tw/email.html"]


def test_one_bad_text_disables_only_itself(shop: Shop) -> None:
    texts = shop(
        **{
            "good/sms.yaml": SMS,
            "bad/sms.yaml": SMS.replace("customer.name", "customer.name | uper"),
            "worse/sms.yaml": "template: [\n",
        }
    )
    assert set(texts.texts) == {"good"}
    assert texts.broken == {"bad", "worse"}
    assert {found.path for found in texts.problems} == {"templates/bad/sms.yaml", "templates/worse/sms.yaml"}


def test_the_same_content_has_the_same_version(shop: Shop) -> None:
    one = shop(**{"a/sms.yaml": SMS}).texts["a"].template("", "sms")
    again = shop(**{"a/sms.yaml": SMS}).texts["a"].template("", "sms")
    other = shop(**{"a/sms.yaml": SMS.replace("快乐", "好")}).texts["a"].template("", "sms")
    assert one and again and other
    assert one.digest == again.digest != other.digest


LAYOUT = "<html><body><!-- content --></body></html>\n"
BAD: list[tuple[str, dict[str, str], str, str]] = [
    ("T001", {"a/wechat.yaml": "text: |\n  您好\n    {{ customer.name }\n"}, "a/wechat.yaml:3:5", "{{ name }}"),
    ("T001", {"a/wechat.yaml": "text: 您好{{ customer.name | default(‘您’) }}\n"}, "a/wechat.yaml:1:36", "write ' or"),
    (
        "T001",
        {"a/wechat.yaml": "text: 您好{% if customer.name == “王” %}x{% endif %}\n"},
        "a/wechat.yaml:1:32",
        "write ' or",
    ),
    (
        "T054",
        {"a/email.yaml": "subject: x\n", "a/email.html": '<img src="cid:lgo.png" alt="">', "a/logo.png": "x"},
        "a/email.html:1:15",
        "did you mean logo.png?",
    ),
    (
        "T054",
        {"a/wechat.yaml": "image: {file: pictures/sprng.png}\n", "pictures/spring.png": "x"},
        "a/wechat.yaml:1:15",
        "did you mean pictures/spring.png?",
    ),
    ("T002", {"a/email.yaml": "subject: x\n", "a/email.html": "x" * 140_000}, "a/email.html:1:1", "longer"),
    ("T010", {"a/wechat.yaml": "text: |\n  {% include 'x' %}\n"}, "a/wechat.yaml:2:3", "include"),
    ("T011", {"a/sms.yaml": SMS.replace("customer.name", "a | mony")}, "a/sms.yaml:2:24", "did you mean money?"),
    ("T012", {"a/wechat.yaml": 'text: "{{ a is odds }}"\n'}, "a/wechat.yaml:1:16", "did you mean odd?"),
    ("T013", {"a/wechat.yaml": 'text: "{{ a | money(1, 2) }}"\n'}, "a/wechat.yaml:1:15", "money"),
    ("T014", {"a/wechat.yaml": 'text: "{{ _x }}"\n'}, "a/wechat.yaml:1:8", "underscore"),
    (
        "T014",
        {"a/text.yaml": 'links: {unsubscribe: "https://a.example"}\n', "a/sms.yaml": SMS},
        "a/text.yaml:1:9",
        "name of a link",
    ),
    (
        "T020",
        {"a/text.yaml": 'links: {shop: "https://a.example"}\n', "a/wechat.yaml": 'text: "{{ links.shp }}"\n'},
        "a/wechat.yaml:1:11",
        "did you mean shop?",
    ),
    ("T021", {"a/text.yaml": 'links: {shop: "shop.example.com"}\n', "a/sms.yaml": SMS}, "a/text.yaml:1:9", "https://"),
    ("T021", {"a/text.yaml": 'links: {shop: "javascript:x"}\n', "a/sms.yaml": SMS}, "a/text.yaml:1:9", "https://"),
    (
        "T022",
        {"a/text.yaml": 'links: {b: "https://b.example", c: "https://a.example/{{ links.b }}"}\n', "a/sms.yaml": SMS},
        "a/text.yaml:1:33",
        "other links",
    ),
    (
        "T022",
        {"a/email.yaml": "subject: x\n", "a/email.html": "<a href='{{ x.y }}'>a</a>"},
        "a/email.html:1:10",
        "links:",
    ),
    ("T030", {"a/sms.yaml": SMS.replace("{name}，", "{nmae}，")}, "a/sms.yaml:3:15", "did you mean name?"),
    ("T030", {"a/sms.yaml": "template: w\npreview: |\n  【旅程】您好\n  再见 {q}\n"}, "a/sms.yaml:4:6", "known"),
    ("T031", {"a/sms.yaml": SMS.replace("{name}，", "{{ customer.name }}，")}, "a/sms.yaml:3:1", "{name}"),
    ("T040", {"a/text.yaml": "title: x\n"}, "a/text.yaml:1:1", "wechat.yaml"),
    ("T041", {"a/sms.yaml": SMS, "a/weechat.yaml": "text: x\n"}, "a/weechat.yaml:1:1", "did you mean wechat.yaml?"),
    ("T041", {"a/sms.yaml": SMS, "a/vip/sms.yaml": SMS}, "a/vip:1:1", "no variant"),
    (
        "T041",
        {"a/sms.yaml": SMS, "a/text.yaml": "variants: {vip: {if: {x: 1}}}\n", "a/vip/sns.yaml": SMS},
        "a/vip/sns.yaml:1:1",
        "did you mean sms.yaml?",
    ),
    ("T042", {"a/sms.yaml": SMS, "a/text.yaml": "variants: {vip: {if: {x: 1}}}\n"}, "a/text.yaml:1:12", "no folder"),
    ("T043", {"a/email.yaml": "subject: x\n"}, "a/email.yaml:1:1", "email.html"),
    ("T044", {"a/sms.yaml": SMS, "a/email.html": HTML}, "a/email.yaml:1:1", "subject"),
    ("T050", {"a/email.yaml": "subject: x\n", "a/email.html": "<p title={{ x }}>"}, "a/email.html:1:10", "quotation"),
    ("T051", {"a/email.yaml": "subject: x\n", "a/email.html": "<p class='{{ x }}'>"}, "a/email.html:1:11", "inlined"),
    ("T052", {"a/email.yaml": "subject: x\n", "a/email.html": "<iframe></iframe>"}, "a/email.html:1:2", "iframe"),
    (
        "T053",
        {"a/email.yaml": "subject: x\n", "a/email.html": "<style>p{color:red}</style><p style='@wrong { x'>a</p>"},
        "a/email.html:1:1",
        "CSS",
    ),
    ("T031", {"a/wechat.yaml": "template:\n  key: '{{ a }}'\n  data: {thing1: x}\n"}, "a/wechat.yaml:2:3", "fixed"),
    (
        "T054",
        {"a/email.yaml": "subject: x\n", "a/email.html": '<p>\n<img src="cid:logo.png" alt="">'},
        "a/email.html:2:15",
        "logo.png",
    ),
    (
        "T055",
        {"a/email.yaml": "subject: x\n", "a/email.html": '<img src="cid:logo.png" alt="">', "a/logo.png": "text"},
        "a/email.html:1:15",
        "named like a picture",
    ),
    (
        "T055",
        {"a/email.yaml": "subject: x\n", "a/email.html": '<img src="cid:a.svg" alt="">', "a/a.svg": "<svg/>"},
        "a/email.html:1:15",
        "no picture",
    ),
    (
        "T045",
        {"a/email.yaml": "subject: x\nlayout: shp\n", "a/email.html": "<p>x</p>", "_layouts/shop.html": LAYOUT},
        "a/email.yaml:2:9",
        "did you mean shop?",
    ),
    (
        "T045",
        {"a/email.yaml": "subject: x\nlayout: ../a/x\n", "a/email.html": "x", "a/x.html": LAYOUT},
        "a/email.yaml:2:9",
        "make templates/_layouts/",
    ),
    (
        "T046",
        {
            "a/email.yaml": "subject: x\nlayout: shop\n",
            "a/email.html": "<p>x</p>",
            "_layouts/shop.html": "<html></html>",
        },
        "_layouts/shop.html:1:1",
        "<!-- content -->",
    ),
    (
        "T054",
        {"a/wechat.yaml": "text: 好\nmass:\n  image: {file: pictures/x.png}\n"},
        "a/wechat.yaml:3:17",
        "no picture pictures/x.png",
    ),
    ("T054", {"a/wechat.yaml": "image: {file: ../x.png}\n"}, "a/wechat.yaml:1:15", "pictures/spring.png"),
    ("T054", {"a/wechat.yaml": "image: {file: /etc/passwd}\n"}, "a/wechat.yaml:1:15", "pictures/spring.png"),
    (
        "T055",
        {"a/wechat.yaml": "image: {file: pictures/x.png}\n", "pictures/x.png": "text"},
        "a/wechat.yaml:1:15",
        "named like",
    ),
    ("T055", {"a/wechat.yaml": "image: {file: a/wechat.yaml}\n"}, "a/wechat.yaml:1:15", "no picture that WeChat shows"),
    ("T031", {"a/wechat.yaml": "image: {file: '{{ customer.name }}.png'}\n"}, "a/wechat.yaml:1:15", "fixed path"),
    ("T061", {"a/wechat.yaml": "image: {file: x.png, media: m}\n"}, "a/wechat.yaml:1:8", "a file or a media id"),
    ("S001", {"a/wechat.yaml": "mass: {image: {fil: x.png}}\n"}, "a/wechat.yaml:1:16", "did you mean 'file'"),
    ("T060", {"a/wechat.yaml": WECHAT.replace("thing1", "thng1")}, "a/wechat.yaml:4:5", "did you mean thing1?"),
    ("T060", {"a/wechat.yaml": WECHAT.replace("thing1: x", "time1: 明天")}, "a/wechat.yaml:4:12", "15:01"),
    (
        "T060",
        {"a/wechat.yaml": WECHAT.replace("template", "subscribe").replace("thing1: x", "number2: 三")},
        "a/wechat.yaml:4:14",
        "a number",
    ),
    ("T061", {"a/wechat.yaml": "{}\n"}, "a/wechat.yaml:1:1", "says nothing"),
    ("T061", {"a/wechat.yaml": "text: 您好\nimage: {media: m}\n"}, "a/wechat.yaml:2:1", "keep text or image"),
    ("T061", {"a/wechat.yaml": "mass: {text: 您好, article: a}\n"}, "a/wechat.yaml:1:7", "keep one"),
    ("T061", {"a/wecom.yaml": "{}\n"}, "a/wecom.yaml:1:1", "attachments"),
    ("T061", {"a/wecom.yaml": "attachments:\n" + "  - image: {media: m}\n" * 10}, "a/wecom.yaml:1:1", "at most 9"),
    (
        "T061",
        {"a/wecom.yaml": "attachments:\n  - image: {media: m}\n    link: {title: a, url: b}\n"},
        "a/wecom.yaml:2:5",
        "one of link",
    ),
    ("S001", {"a/sms.yaml": SMS + "txt: x\n"}, "a/sms.yaml:4:1", "unknown key"),
    ("S002", {"a/sms.yaml": "template: x\n"}, "a/sms.yaml:1:1", "preview"),
]


@pytest.mark.parametrize(("code", "files", "place", "said"), BAD, ids=[f"{code}-{place}" for code, _, place, _ in BAD])
def test_a_mistake_has_a_code_a_place_and_a_way_out(
    code: str, files: dict[str, str], place: str, said: str, shop: Shop
) -> None:
    texts = shop(**files)
    assert (f"templates/{place}", code) in problems(texts)
    assert said in " ".join(str(found) for found in texts.problems)
    assert texts.broken == {"a"}


def test_every_code_is_listed_and_tried() -> None:
    used = set()
    for path in Path(codes.__file__).parent.glob("*.py"):
        if path.name != "codes.py":
            used |= set(re.findall(r'"(T\d{3})"', path.read_text("utf-8")))
    assert used == set(codes.CODES)
    assert set(codes.CODES) <= {code for code, *_ in BAD}


def test_a_file_that_is_not_utf8_is_named(shop: Shop) -> None:
    shop(**{"a/email.yaml": "subject: x\n"})
    Path("templates/a/email.html").write_bytes("<p>中文</p>".encode("gbk"))
    assert ("templates/a/email.html:1:1", "T044") in problems(shop())


def test_a_shop_without_templates_has_no_texts(shop: Shop) -> None:
    assert shop() == Texts({})


def test_an_unknown_key_hides_nothing_else_that_is_wrong(shop: Shop) -> None:
    head = 'foo: 1\nneeds: 3\nvariants: {vip: {if: {x: 1}}}\nlinks: {home: "shop.example.com"}\n'
    found = problems(shop(**{"a/sms.yaml": SMS, "a/text.yaml": head}))
    assert [code for _, code in found] == ["S001", "S011", "T042", "T021"]


def test_what_depends_on_wrong_links_or_variants_is_not_told(shop: Shop) -> None:
    head = "links: 3\nvariants: {vip: 3}\n"
    found = problems(shop(**{"a/sms.yaml": SMS, "a/text.yaml": head, "a/vip/sms.yaml": SMS}))
    assert [code for _, code in found] == ["S012", "S012"]
