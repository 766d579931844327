"""The journeys that come with Lucheng are read back word for word, and every word of the language has its Chinese."""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest

import run
from automation.conditions import compare, parse, tree
from automation.festivals import schedules
from automation.festivals.moments import AnchorKind
from automation.journey import built_in, coupons, graph, model, policy_file, project
from automation.journey.project import Project
from automation.journey.telling import conditions, effects, entries, explaining, lines, steps, words
from automation.settings import Settings, load
from automation.settings.model import MEDIA

ROOT = Path(run.__file__).parent
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))
Explain = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(ROOT / "config.yaml", os.environ, run.kinds())


@pytest.fixture(scope="module")
def shop(settings: Settings) -> Project:
    """The shop that comes with Lucheng."""
    return project.load(settings)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_a_journey_that_comes_with_lucheng_is_read_back_word_for_word(
    golden: Path, shop: Project, settings: Settings
) -> None:
    told = [f"{'  ' * one.level}{one.text}" for one in explaining.tell(golden.stem, shop, settings)]
    assert told == golden.read_text(encoding="utf-8").splitlines()


def test_every_journey_that_comes_with_lucheng_is_held(shop: Project) -> None:
    assert {path.stem for path in GOLDEN} == set(shop.journeys)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_no_english_is_left_but_in_names_the_shop_gave(golden: Path) -> None:
    said = re.sub(r"「[^」]*」|（文件 [^）]*）|Asia/Shanghai", "", golden.read_text(encoding="utf-8"))
    assert re.findall(r"[A-Za-z_]+", said) == []


TABLES: dict[str, tuple[Collection[object], Collection[object]]] = {
    "comparators": (words.COMPARED, tree.Op),
    "comparators of a count": (
        words.COUNTED,
        set(compare.COMPARATORS[tree.FieldType.NUMBER]) - {tree.Op.NOT, tree.Op.EXISTS},
    ),
    "marks": (words.MARKED, tree.MarkKind),
    "marks that are awaited": (words.AWAITED, tree.MarkKind),
    "statuses": (words.STATUSES, graph.Status),
    "changes": (words.CHANGES, graph.OnChange),
    "anchors": (words.ANCHORS, AnchorKind),
    "stages": (words.STAGES, built_in.STAGES),
    "consents": (words.CONSENTS, parse.CONSENTS),
    "kinds of purpose": (words.KINDS, policy_file.KINDS),
    "channels": (words.CHANNELS, MEDIA),
    "periods": (words.PERIODS, policy_file.CALENDAR),
    "on_cap": (words.ON_CAP, policy_file.ON_CAP),
    "weekdays": (range(len(words.WEEKDAYS)), range(len(schedules.WEEKDAYS))),
    "coupons": (words.COUPON, coupons.MEMBERS),
    "properties": (words.PROPERTIES, {key for one in built_in.EVENTS.values() for key in one.properties}),
    "conditions": (conditions.SAID, typing.get_args(tree.Condition)),
    "entries": (entries.SAID, typing.get_args(graph.Entry)),
    "again": (words.AGAIN, graph.Again),
    "effects": (effects.SAID, typing.get_args(graph.Effect)),
    "steps": (steps.SAID, typing.get_args(model.Act)),
    "spans": (words.SPANS, tree.Span),
}


@pytest.mark.parametrize(("said", "known"), TABLES.values(), ids=TABLES)
def test_every_word_has_its_chinese(said: Collection[object], known: Collection[object]) -> None:
    assert set(said) == set(known)


@pytest.fixture(scope="module")
def explain(shop: Project, settings: Settings) -> Explain:
    """The lines of a journey whose text is given, in that shop with a control group and a webhook."""
    changed = settings.model_copy(update={"control_group": 2})
    base = replace(shop, shop=replace(shop.shop, webhooks=frozenset({"crm"})))

    def lines_of(text: str) -> list[str]:
        journey = project.load_source(f"journey: mine\n{text}", "mine", base)
        known = replace(base, journeys={**base.journeys, "mine": journey})
        return [one.text for one in explaining.tell("mine", known, changed)]

    return lines_of


HEAD = "purpose: service\nenter: {event: order.paid}\nagain: finished\n"


def step(explain: Explain, text: str) -> str:
    """The steps of a journey as one text."""
    found = explain(f"{HEAD}steps:\n{text}")
    return "\n".join(found[found.index("步骤：") + 1 :])


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("{tier: [gold, diamond]}", "会员等级是「gold」「diamond」之一"),
        ("{city: {not: 杭州}}", "城市不是「杭州」（没填的也算）"),
        ("{not: {city: {not: 杭州}}}", "城市是「杭州」"),
        ("{not: {tier: {at_least: gold}}}", "不是“会员等级不低于「gold」”（没填的也算）"),
        ("{spent_365d: {between: [100, 199.5]}}", "一年内消费在 100 元到 199.50 元之间（含两端）"),
        ("{points: {above: 1000}}", "积分高于 1,000"),
        ("{city: {starts_with: 杭}}", "城市以「杭」开头"),
        ("{not: {phone: {exists: false}}}", "有手机号"),
        ("{last_order_at: {within: 2w}}", "最近一次付款在最近 14 天内"),
        ("{birthday: {in_next: 7d}}", "生日在接下来 7 天内"),
        ("{last_order_at: {before: 2026-01-01}}", "最近一次付款早于 2026-01-01"),
        ("{member_since: {after: today}}", "入会日晚于当天"),
        ("{entry.amount: {below: 50}}", "进入时「付款」的实付金额低于 50 元"),
        (
            "{any: [{tag: 甲}, {all: [{tag: 乙}, {not: {tag: 丙}}]}]}",
            "有标签「甲」，或者（有标签「乙」，并且没有标签「丙」）",
        ),
        ("{not: {any: [{tag: 甲}, {segment: dormant_90d}]}}", "不是（有标签「甲」，或者属于人群「沉睡 90 天」）"),
        ("{stage: [dormant, lost]}", "处于「沉睡」「流失」之一阶段"),
        ("{consent: {purpose: marketing, channel: sms}}", "同意用短信接收营销消息"),
        ("{not: {in_journey: onboarding}}", "不在旅程「新客入门」里"),
        ("{not: {clicked: welcome}}", "没有点第 1 步「欢迎关注」里的链接"),
        ("{event: {name: product.viewed, within: 24h, count: {at_least: 2}}}", "最近 24 小时内「浏览商品」至少 2 次"),
        ("{not: {event: {name: order.paid, ever: true}}}", "曾经没有过「付款」"),
        ("{event: {name: order.paid, since: 2026-01-01}}", "从 2026-01-01 起有过「付款」"),
        ("{event: {name: order.paid, since: entry.at -30d}}", "从「付款」发生前 30 天起有过「付款」"),
        (
            "{event: {name: order.paid, same: category, where: {amount: {at_least: 100}}}}",
            "进入旅程后有过同一「品类」的「付款」（实付金额不低于 100 元）",
        ),
        (
            "{event: {name: customer.changed, where: {field: tier, direction: up}, ever: true}}",
            "曾经有过「资料变更」（资料项是「会员等级」，并且方向是「上升」）",
        ),
    ],
)  # fmt: skip
def test_a_condition_is_read_back_in_words(explain: Explain, condition: str, said: str) -> None:
    found = step(explain, f"  - {{send: welcome, via: [wechat]}}\n  - {{tag: 到, if: {condition}}}\n")
    assert lines.spaced(f"\n2. 只对{said}的人：打上标签「到」，一直保留") in found


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("09:30", "最近的一个 09:30"),
        ("tomorrow 10:00", "第二天 10:00"),
        ("monday 10:00", "最近的周一 10:00（当天还没过就是当天）"),
        ("workday", "最近的工作日（当天也算）"),
        ("month_end 18:00", "当月最后一天 18:00（过了就是下个月的）"),
        ("month_end -3d 10:00", "当月最后一天前 3 天 10:00（还没过去的第一个）"),
        ("2026-11-10 20:00", "2026-11-10 20:00，已经过了就不等"),
        ("entry.at +2h", "「付款」发生后 2 小时，已经过了就不等"),
        ("member_since +1y -1d 10:00", "入会日后 1 年再前一天 10:00，已经过了就不等"),
        ("entry.at +points -5d 10:00", "「付款」发生后若干天（天数是积分）再前 5 天 10:00，已经过了就不等"),
        ("+2 workdays 10:00", "此刻后 2 个工作日的 10:00"),
    ],
)
def test_a_moment_is_read_back_in_words(explain: Explain, moment: str, said: str) -> None:
    assert step(explain, f"  - {{wait: until {moment}}}\n") == lines.spaced(f"1. 等到{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{untag: 甲}", "1. 去掉标签「甲」"),
        ("{tag: 甲, for: 90d}", "1. 打上标签「甲」，90 天后自动去掉"),
        ("{set: {city: 杭州}}", "1. 修改资料：城市改为「杭州」"),
        ("{set: {first_source: {from: entry.category}}}", "1. 修改资料：首次来源改为进入时「付款」的品类"),
        ("{points: -20, reason: 退货}", "1. 扣 20 积分，原因写「退货」"),
        (
            "{webhook: crm, with: {order: {from: entry.order_id}}}",
            "1. 通知外部系统「crm」（带上 order = 进入时「付款」的订单号）",
        ),
        ("{notify: ops, text: 看一下}", "1. 通知运营：「看一下」（1 小时内有多条的，合成一条）"),
        ("{wait: 2 workdays}", "1. 等 2 个工作日"),
        (
            "{wait_for: {event: phone.bound}, up_to: today}",
            "1. 等顾客「绑定手机」，最晚等到当天，进入旅程后已经发生过的也算\n等到了或没等到，都接着往下",
        ),
        ("{stop: 不再打扰}", "1. 旅程到此结束，原因记为「不再打扰」"),
        (
            "{send: welcome, via: [wechat_main], at: 19:30, expires: 20:30}",
            "1. 发送「欢迎关注」：用微信公众号「wechat_main」；定在最近的一个 19:30 发；"
            "最近的一个 20:30 前发不出去就不发了",
        ),
        (
            "{send: welcome, via: [wechat_main], expires: entry.at}",
            "1. 发送「欢迎关注」：用微信公众号「wechat_main」；「付款」发生前发不出去就不发了",
        ),
    ],
)  # fmt: skip
def test_a_step_is_read_back_in_words(explain: Explain, text: str, said: str) -> None:
    assert step(explain, f"  - {text}\n") == said


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("enter: {manual: true}\nagain: never\n", "谁进入：不会自动进入，只由群发活动、人工操作或别的旅程送进来"),
        (
            "enter: {schedule: every month on 31 10:00, segment: dormant_90d, if: {tag: 甲}}\nagain: finished\n",
            "谁进入：每月 31 日（没有这一天的月份为月底）10:00，当时属于人群「沉睡 90 天」的顾客进入",
        ),
        (
            "enter: {segment: dormant_90d, check: every 6h, existing: skip}\nagain: finished\n",
            "上线时已经在这个人群里的顾客不进入，除非先离开人群再回来",
        ),
        (
            "enter: {date: member_since, years: [1, 3]}\n",
            "谁进入：只在满 1、3 周年的那几年，在每位顾客的入会日当天 09:00 进入",
        ),
        (
            "enter: {event: cart.updated, settle: 1h, if: {entry.total: {at_least: 50}}}\nagain: finished\n",
            "谁进入：发生了「购物车变化」的顾客，之后 1 小时里没有再发生才进入，以最后一次为准",
        ),
        (
            "enter: {event: cart.updated, settle: 1h, if: {entry.total: {at_least: 50}}}\nagain: finished\n",
            "进入时还要满足：进入时「购物车变化」的合计不低于 50 元",
        ),
        (
            "enter: {event: order.paid}\nkey: order_id\n",
            "能不能再次进入：每人的每个「订单号」各走各的，只走一次，以后不再进入",
        ),
        ("enter: {event: order.paid}\nagain: after 7d\nwhile_inside: restart\n", "还没走完又遇到一次的，从头再走"),
        (
            "enter: {manual: true}\nagain: never\nactive: 2026-10-20 to 2026-11-12\n",
            "只在 2026-10-20 到 2026-11-12（含首尾两天）有人进入",
        ),
        ("enter: {manual: true}\nagain: never\nstatus: closing\n", "状态：收尾，不再有人进入，里面的人走完为止"),
        (
            "enter: {manual: true}\nagain: never\nunless: {tag: 甲}\n",
            "每条消息发送前再看一次，符合就不发：有标签「甲」",
        ),
    ],
)  # fmt: skip
def test_the_head_is_read_back_in_words(explain: Explain, head: str, said: str) -> None:
    assert said in explain(f"purpose: service\n{head}steps:\n  - {{tag: 到}}\n")


def test_the_control_group_of_the_shop_is_told_for_marketing_only(explain: Explain) -> None:
    head = "enter: {manual: true}\nagain: never\nsteps:\n  - {tag: 到}\n"
    said = "全店对照组：另有 2% 的顾客不参加任何营销旅程"
    assert said in explain(f"purpose: promo\n{head}")
    assert said not in explain(f"purpose: service\n{head}")


def test_what_is_quoted_keeps_its_spaces_and_figures_stand_apart_from_chinese() -> None:
    assert lines.spaced("等3天，在「双11 大促」用EMAIL发10%的人") == "等 3 天，在「双11 大促」用 EMAIL 发 10% 的人"
