"""Words that providers, platforms and the law do not want in a message, by the rule that names them.

Beginnings, not everything: a check cannot judge. Each word is as short as it can be without meaning something else.
"""

from __future__ import annotations

import re
from typing import Final

from automation.rendering.fields import Field


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SMS: Final = _words(
    "中奖 抽奖 摇奖 开奖 进群 加群 入群 加微信 贷款 放贷 借款 炒股 股票 荐股 配资 楼盘 房源 首付 招生 "
    "培训班 补习 疗效 药品 处方 保健品 白酒 红酒 香烟 电子烟 彩票 博彩 会所 代开发票 taobao:// tbopen:// "
    "weixin://"
)
ABSOLUTE: Final = _words(
    "国家级 世界级 最高级 最佳 最优 最低价 最便宜 最先进 第一品牌 销量第一 全国第一 全网第一 "
    "全网最低 史上最低 顶级 极品 独一无二 绝无仅有 万能 100%有效 永久有效"
)
MARKETING: Final = _words(
    "优惠 促销 券 满减 立减 打折 折扣 特价 秒杀 抢购 限时 抽奖 红包 福利 新品 爆款 上新 大促 双11 双十一 "
    "免费领 活动 下单 选购 购物车"
)
INDUCED: Final = re.compile(
    r"(?:分享|转发|集赞|点赞|关注|邀请|助力|砍一刀)[^。！!？?\n]{0,12}?(?:有礼|送|得|领|返|减|赚|奖|红包|积分)"
)
REFUSE: Final = re.compile(
    r"(?:拒收|退订|退訂)[请請]?(?:回[复覆]?|发)?(?:R|TD|T|N)$|回[复覆]?(?:R|TD|T|N)(?:即可)?(?:退订|退訂|拒收)$"
)
ASKS: Final = re.compile(
    r"(?:是否|愿意|願意)(?:同意|愿意|願意)?(?:接收|收到|订阅|訂閱)|同意(?:接收|收到|订阅|訂閱)|"
    r"回[复覆]?\s*(?:Y|1|同意|是)[^。！!？?\n]{0,6}(?:接收|收到|订阅|訂閱|同意)"
)
"""A text that asks whether one may write at all."""
PARAMETER: Final = re.compile(r"\{\w+\}")
"""Where a value goes in the preview of an SMS."""
SIGNED: Final = re.compile(r"^【([^【】]*)】")
"""What stands in the brackets that a text begins with."""
SIGNATURE: Final = re.compile(r"[^\W_]{2,12}")
"""Alibaba Cloud, 签名规范: 2 to 12 Chinese characters, letters and digits, no signs and spaces."""
MARKED: Final = re.compile(r"^\s*[【\[（(]?\s*(?:广告|廣告|AD)(?![A-Za-z])", re.IGNORECASE)


def found_in(text: str, words: tuple[str, ...]) -> str:
    """The first of the words that stands in the text, "" for none."""
    places = [(text.find(word), word) for word in words if word in text]
    return min(places)[1] if places else ""


def all_in(text: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Each of the words that stands in the text, once, in its order; of two that share characters the longer."""
    longest_first = sorted(words, key=len, reverse=True)
    return tuple(dict.fromkeys(re.findall("|".join(map(re.escape, longest_first)), text)))


def line_of(field: Field, word: str) -> int:
    """The line of the field, from 1, where a word stands."""
    return field.source[: max(0, field.source.find(word))].count("\n") + 1
