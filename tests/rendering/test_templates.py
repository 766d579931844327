"""The texts of the shop itself: they load, read well with example values and keep the rules of the trade."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from automation.kernel import segments
from automation.rendering import catalogue
from automation.rendering.renderer import Job, LocalRenderer, Rendered

TEXTS = catalogue.load(Path(__file__).parents[2] / "templates")
RENDERER = LocalRenderer(TEXTS, zone="Asia/Shanghai", lunar=str)
SERVICE = {"welcome", "bind_phone_hint", "complaint_care", "complaint_second_touch", "complaint_thanks"}
JOURNEYS = {
    "onboarding": {"welcome", "bind_phone_hint", "first_order_gift", "first_order_reminder"},
    "birthday_care": {"birthday_gift", "birthday_wish", "birthday_coupon_expiring"},
    "festival_promotion": {
        "festival_warmup", "festival_add_on", "festival_big_day_warm", "festival_big_day_price",
        "festival_big_day_story",
    },
    "dormant_wakeup": {"wakeup_hello", "wakeup_browsed", "wakeup_coupon", "wakeup_story"},
    "complaint_followup": {"complaint_care", "complaint_second_touch", "complaint_thanks", "review_invite"},
}  # fmt: skip
COUPON = {"code": "BD-12345678", "amount": 5000, "expires": 1795000000}
FULL: dict[str, Any] = {
    "customer": {
        "name": "欧阳小婉儿妈妈", "tier": "gold", "last_order_at": 1760000000, "favourite_category": "四件套",
        "points": 1280,
    },
    "entry": {"date": "2026-11-11", "festival": "double_11", "complaint_id": "C1001", "order_id": "D1001"},
    "coupon": COUPON,
    "extra": {**COUPON, "amount": 3000},
}  # fmt: skip
BARE: dict[str, Any] = {**FULL, "customer": {"name": None}, "entry": {"date": "2026-11-11"}}
ABSOLUTE = re.compile(
    "最|第一|顶级|国家级|唯一|首选|绝对|极致|万能|全网|史上|永久|冠军|领先|100%|零风险|王牌"
)  # 广告法 article 9
CASES = [(name, variant, kind) for name, text in TEXTS.texts.items() for variant, kind in text.channels]


def body(name: str, variant: str, kind: str, values: dict[str, Any]) -> Any:
    [result] = RENDERER.render([Job(name, variant, kind, values)])
    assert isinstance(result, Rendered), result
    return result.body


def words(made: Any) -> str:
    if isinstance(made, dict):
        return "\n".join(words(part) for key, part in made.items() if key not in ("html", "key"))
    return str(made)


def test_all_texts_load() -> None:
    assert [str(problem) for problem in TEXTS.problems] == []
    assert set(TEXTS.texts) == set().union(*JOURNEYS.values())


@pytest.mark.parametrize("journey", JOURNEYS)
def test_every_journey_reaches_all_three_channels(journey: str) -> None:
    assert {"wechat", "sms", "email"} == set().union(*(TEXTS.texts[name].kinds for name in JOURNEYS[journey]))


@pytest.mark.parametrize(("name", "variant", "kind"), CASES)
@pytest.mark.parametrize("values", [FULL, BARE], ids=["full", "bare"])
def test_a_text_reads_well_with_and_without_what_we_know(
    name: str, variant: str, kind: str, values: dict[str, Any]
) -> None:
    said = words(body(name, variant, kind, values))
    assert not re.search(r"None|\{\{|\{%|\[\]|  \S|，，|。。|\n\n\n", said)
    assert not ABSOLUTE.search(said)
    assert not re.search(r"[一-鿿],|,[一-鿿]", said)


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name, variant, kind in CASES if kind == "sms"])
@pytest.mark.parametrize("values", [FULL, BARE], ids=["full", "bare"])
def test_an_sms_is_one_message_signed_and_says_how_to_refuse(name: str, variant: str, values: dict[str, Any]) -> None:
    made = body(name, variant, "sms", values)
    assert made["preview"].startswith("【旅程良品】")
    assert segments.segments(made["preview"]) == 1
    assert made["preview"].endswith(("拒收请回复R", "拒收請回覆R")) is (name not in SERVICE)
    assert all(made["params"].values())
    assert set(made["params"]) == set(re.findall(r"\{(\w+)\}", TEXTS.texts[name].template(variant, "sms").preview))  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name, variant, kind in CASES if kind == "email"])
def test_a_mail_is_light_responsive_and_says_how_to_leave(name: str, variant: str) -> None:
    link = "https://shop.example.com/u/abc"
    made = body(name, variant, "email", {**FULL, "links": {"unsubscribe": link}})
    assert len(made["html"].encode()) < 20_000
    assert "max-width: 600px" in made["html"] and "@media" in made["html"] and "viewport" in made["html"]
    assert len(made["subject"]) <= 30 and made["preview"]
    assert (link in made["html"]) is (link in made["text"]) is (name not in SERVICE)
    hrefs = [found.replace("&amp;", "&") for found in re.findall(r'href="([^"]+)"', made["html"])]
    assert all(href in made["text"] for href in hrefs)


def test_what_a_text_needs_is_what_it_uses_without_a_default() -> None:
    for text in TEXTS.texts.values():
        used = {use.name for use in text.uses if not use.optional and not use.name.startswith("links.")}
        assert {name for name in used if name.startswith(("coupon.", "extra."))} == {
            name for name in text.needs if name.startswith(("coupon.", "extra."))
        }
        assert not {name for name in used if name.startswith("customer.")}
        assert {name for name in used if name.startswith("entry.")} <= text.needs


def test_variants_of_the_festival_speak_of_their_festival() -> None:
    for variant, word in (("spring_festival", "年"), ("mid_autumn", "中秋"), ("double_11", "双11")):
        for kind in ("wechat", "sms", "email"):
            assert word in words(body("festival_warmup", variant, kind, FULL))
    assert "生日快樂" in words(body("birthday_wish", "zh_tw", "wechat", FULL))
