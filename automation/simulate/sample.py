"""The bundled sample: customers and 18 months of what they did, as the exports of a Chinese office would have them.

`python -m automation.simulate.sample` writes samples/ anew, byte for byte the same. Nobody in it exists: phones are of
the range 1380000xxxx, addresses of example.com. A few rows are wrong on purpose, as in every real export.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from . import chance, complaints, shoppers
from .shoppers import Deed, Shopper

FOLDER: Final = Path(__file__).resolve().parents[2] / "samples"
CUSTOMERS: Final = ("会员号", "姓名", "手机号", "邮箱", "微信openid", "性别", "生日", "会员等级", "城市", "注册时间",
                    "创建时间", "语言", "标签", "营销同意")  # fmt: skip
EVENTS: Final = ("会员号", "事件", "时间", "order_id", "实付金额", "品类", "product_id", "price", "合计",
                 "complaint_id", "级别", "事由", "scene")  # fmt: skip
CODES: Final = {"birthday_50": "BD", "festival_30": "FE"}
CODES_EACH: Final = 5_000

SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
GIVEN: Final = ("芳", "敏", "静", "丽", "娟", "艳", "秀英", "桂兰", "玉梅", "婷", "雪", "慧", "思雨", "欣怡", "梓涵",
                "佳琪", "雨桐", "晓燕", "伟", "强", "磊", "军", "洋", "勇", "杰", "涛", "明", "超", "建国", "志强",
                "浩然", "子轩", "俊杰", "宇航", "文博", "天佑", "国庆", "海燕", "春梅", "立新")  # fmt: skip
CITIES: Final = ("上海", "北京", "杭州", "广州", "深圳", "成都", "武汉", "南京", "西安", "苏州", "重庆", "长沙", "宁波",
                 "青岛", "厦门", "合肥", "郑州", "昆明", "沈阳", "无锡")  # fmt: skip
TAGS: Final = ("门店客户", "直播间", "老客推荐", "企业团购", "宝妈", "换季囤货")
LUNAR_MONTHS: Final = ("正", "二", "三", "四", "五", "六", "七", "八", "九", "十", "冬", "腊")
TENS, DIGITS = ("初", "十", "廿"), ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")

WRONG: Final = (
    {"手机号": "1380000", "邮箱": "", "微信openid": "", "会员号": ""},
    {"手机号": "1.38E+10"},
    {"手机号": "021-60000000"},
    {"邮箱": "wangfang#example.com"},
    {"生日": "1990-02-30"},
    {"生日": "05/03/1988"},
    {"会员等级": "铂金plus"},
    {"手机号": "", "邮箱": "", "微信openid": "", "会员号": ""},
    {"营销同意": "待确认"},
    {"注册时间": "去年"},
)


def main() -> None:
    write(FOLDER)


def write(folder: Path) -> None:
    """All files of the sample into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files():
        (folder / name).write_bytes(content)


def files() -> Iterator[tuple[str, bytes]]:
    """Name and content of each file."""
    yield "customers.csv", _table(CUSTOMERS, customers())
    yield "events.csv", _table(EVENTS, events())
    for pool, letters in CODES.items():
        codes = ((f"{letters}-{chance.share('code', pool, n).hex()[4:10].upper()}{n:04d}",) for n in range(CODES_EACH))
        yield f"{pool}.csv", _table(("券码",), codes)


def customers() -> Iterator[Sequence[str]]:
    """The rows of customers.csv: every sixtieth is followed by one that is wrong or there already."""
    for number in range(1, shoppers.MEMBERS + 1):
        row = _customer(number)
        yield tuple(row.values())
        if number % 60 == 0:
            turn = number // 60
            spoilt = row if turn % 4 == 0 else {**row, **WRONG[turn % len(WRONG)], "姓名": "录入有误"}
            yield tuple(spoilt.values())


def events() -> Iterator[Sequence[str]]:
    """The rows of events.csv in the order of time."""
    rows: list[tuple[datetime, dict[str, str]]] = []
    for number in range(1, shoppers.MEMBERS + 1):
        who = shoppers.member(number)
        for deed in shoppers.deeds(who, shoppers.HISTORY_BEGINS, shoppers.YEAR_BEGINS):
            rows += _told(who, deed)
        if has_wechat(who.key) and who.joined >= shoppers.HISTORY_BEGINS:
            rows.append(_row(who, datetime.combine(who.joined, time(12, 30)), "wechat.followed", {"scene": "store_qr"}))
    rows.sort(key=lambda one: (one[0], one[1]["会员号"], one[1]["事件"]))
    for _, row in rows:
        yield tuple(row.get(column, "") for column in EVENTS)
    yield ("M99999", "order.paid", "2025-10-31 12:00", "D999990001", "19900", "床品", *[""] * 7)  # nobody's
    yield ("M00001", "order.payed", "2025-10-31 12:00", "D999990002", "19900", "床品", *[""] * 7)  # no such event
    yield ("M00002", "order.paid", "2025-10-31 12:00", "D999990003", "一百九", "床品", *[""] * 7)  # no amount


def has_wechat(key: str) -> bool:
    return chance.happens(0.64, key, "wechat")


def _customer(number: int) -> dict[str, str]:
    who = shoppers.member(number)
    key = who.key
    wechat, phone = has_wechat(key), chance.happens(0.86, key, "phone")
    email = chance.happens(0.34, key, "email") or not (wechat or phone)
    return dict(zip(CUSTOMERS, (
        key,
        chance.one_of(SURNAMES, key, "surname") + chance.one_of(GIVEN, key, "given"),
        f"1380000{number:04d}" if phone else "",
        f"member{number:04d}@example.com" if email else "",
        f"oDemo{number:06d}" if wechat else "",
        chance.weighted((("female", 0.68), ("male", 0.32)), key, "gender"),
        _birthday(key),
        who.tier,
        chance.one_of(CITIES, key, "city"),
        f"{who.joined:%Y-%m-%d}",
        f"{who.joined:%Y/%m/%d} {chance.one_of(range(9, 22), key, 'hour'):02d}:15",
        chance.weighted((("zh-CN", 0.9), ("", 0.08), ("zh-TW", 0.02)), key, "language"),
        _tags(key),
        chance.weighted((("是", 0.8), ("否", 0.09), ("", 0.11)), key, "consent"),
    ), strict=True))  # fmt: skip


def _birthday(key: str) -> str:
    """Written in the ways offices write it; a fifth by the lunar calendar, a tenth not at all."""
    born = date(1962, 1, 1) + timedelta(days=int(chance.share(key, "born") * 42 * 365))
    how = chance.share(key, "birthday")
    if how < 0.2:
        day = int(chance.share(key, "lunar day") * 29)
        month = chance.one_of(LUNAR_MONTHS, key, "lunar month")
        return (
            f"农历{month}月{'初' if day == 9 else TENS[day // 10]}{DIGITS[day % 10]}"
            if day != 19
            else f"农历{month}月二十"
        )
    if how < 0.3:
        return ""
    if how < 0.5:
        return f"{born.year}年{born.month}月{born.day}日"
    if how < 0.65:
        return f"{born:%Y/%m/%d}"
    return f"{born:%m-%d}" if how < 0.7 else f"{born:%Y-%m-%d}"


def _tags(key: str) -> str:
    if not chance.happens(0.3, key, "tags"):
        return ""
    first, second = (chance.one_of(TAGS, key, "tag", turn) for turn in (1, 2))
    if chance.happens(0.01, key, "blacklisted"):
        return f"{first}、黑名单"
    return first if first == second or chance.happens(0.7, key, "one tag") else f"{first}、{second}"


def _told(who: Shopper, deed: Deed) -> Iterator[tuple[datetime, dict[str, str]]]:
    """The events of one deed; an order may be followed by a complaint."""
    at = datetime.combine(deed.day, time(deed.hour, deed.minute))
    kind, money = shoppers.category(who, deed), str(shoppers.amount(who, deed))
    if deed.kind == "visit":
        yield _row(who, at, "product.viewed", {"product_id": shoppers.product(who, deed), "品类": kind, "price": money})
    elif deed.kind == "cart":
        yield _row(who, at, "cart.updated", {"合计": money})
    else:
        order = order_id(who, deed)
        yield _row(who, at, "order.paid", {"order_id": order, "实付金额": money, "品类": kind})
        complaint = complaints.about(who.key, order)
        for name, later in complaint.course() if complaint else ():
            when = at + timedelta(hours=later)
            if complaint and when.date() < shoppers.YEAR_BEGINS:
                said = {"complaint_id": complaint.number, "级别": complaint.level, "事由": complaint.topic}
                yield _row(who, when, name, said)


def order_id(who: Shopper, deed: Deed) -> str:
    return f"D{deed.number}{who.key[1:]}"


def _row(who: Shopper, at: datetime, name: str, more: dict[str, str]) -> tuple[datetime, dict[str, str]]:
    return at, {"会员号": who.key, "事件": name, "时间": f"{at:%Y-%m-%d %H:%M}", **more}


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """CSV as Excel in China opens it: UTF-8 with a mark at the beginning, lines ended by CR LF."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heading)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


if __name__ == "__main__":
    main()
