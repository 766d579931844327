"""The rules of platforms, providers and the law, as one table: what each asks, why, and where it is kept.

On by default. policy.yaml may set one aside with a reason (`overrides`), but for those marked `fixed`. What was not
read in its own text is `unverified`, with the day by which somebody has to look again. Engineering, not legal advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

REVIEW: Final = "2027-03-31"


@dataclass(frozen=True, slots=True)
class Rule:
    """`when`: check (before it goes live), send (at the last moment), import, channels (`channels check`), or design
    (the code knows no other way).
    `warns`: a breach is only told. `fixed`: nobody sets it aside. `review` "": the source itself was read."""

    id: str
    what: str
    why: str
    when: tuple[str, ...]
    review: str = ""
    warns: bool = False
    fixed: bool = False

    @property
    def grade(self) -> str:
        return f"unverified, look again by {self.review}" if self.review else "verified"


_TABLE: Final = (
    Rule("SMS-01",
         "marketing by SMS only to who agreed to it, and until they refuse",
         "通信短信息服务管理规定 (order 31 of 2015; order 74, in force since 2026-05-01, was not "
         "read); Advertising Law art. 43",
         ("send",), REVIEW, fixed=True),
    Rule("SMS-02",
         "a marketing text ends by saying how to refuse, such as 拒收请回复R",
         "template rules of Alibaba, Tencent and Huawei Cloud; 通信短信息服务管理规定",
         ("check", "send")),
    Rule("SMS-03",
         "who did not answer a request for consent has refused, and is not asked again",
         "order 31 art. 18; 网络数据安全管理条例 art. 22",
         ("check", "send"), REVIEW),
    Rule("SMS-04",
         "marketing leaves between 08:00 and 22:00 where the recipient is",
         "Alibaba Cloud 08:00-21:59:59, Huawei and Tencent Cloud 8-22; a rule of carriers, no statute",
         ("check", "send")),
    Rule("SMS-05",
         "a text begins with the approved signature in 【】, 2 to 12 Chinese characters, letters or digits, and uses "
         "an approved template",
         "Advertising Law art. 43(2); rules of all providers; the length: Alibaba Cloud, 签名规范",
         ("check",)),
    Rule("SMS-06",
         "at most 1 marketing message a day and 4 a month to one number, 10 notices a minute and 50 "
         "in 24 hours",
         "notices: limits of Huawei and Alibaba Cloud; marketing: ours, below where providers block",
         ("send",)),
    Rule("SMS-07",
         "no words that providers ban: lotteries, groups to join, loans, shares, property, schooling, "
         "medicine, alcohol, tobacco",
         "template ban list of Alibaba Cloud",
         ("check",), warns=True),
    Rule("SMS-08",
         "marketing never goes out through a template approved for notices",
         "providers block the signature for it; 2020 draft of the SMS rules",
         ("check", "send"), fixed=True),
    Rule("SMS-09",
         "what shows consent is kept for three years after the last message",
         "互联网广告管理办法",
         ("design",), REVIEW),
    Rule("SMS-10",
         "a text has at most 500 characters, and marketing fits one billed message of 70",
         "Tencent Cloud SMS, 计费概述 (44335): longer ones are billed by parts of 67, more than 500 are refused",
         ("check",), warns=True),
    Rule("MAIL-01",
         "commercial mail only to who agreed to it",
         "互联网电子邮件服务管理办法 art. 13(2)",
         ("send",), REVIEW, fixed=True),
    Rule("MAIL-02",
         "the subject of marketing begins with 广告 or AD, in brackets or not",
         "互联网电子邮件服务管理办法 art. 13(3)",
         ("check",), REVIEW),
    Rule("MAIL-03",
         "a marketing mail shows its reader how to leave",
         "互联网电子邮件服务管理办法 art. 14; Advertising Law art. 43",
         ("check",), REVIEW),
    Rule("MAIL-04",
         "marketing carries List-Unsubscribe and its one-click form",
         "RFC 8058; Gmail's rules for bulk mail",
         ("send",)),
    Rule("MAIL-05",
         "the sender is who it says; SPF, DKIM and DMARC stand",
         "互联网电子邮件服务管理办法 art. 13(1); Gmail's rules for bulk mail",
         ("channels",), REVIEW),
    Rule("MAIL-06",
         "imported people without a word of consent get no marketing",
         "互联网电子邮件服务管理办法 art. 12(2)",
         ("import", "send"), REVIEW, fixed=True),
    Rule("AD-02",
         "no absolute words such as 国家级, 最高级, 最佳",
         "Advertising Law art. 9(3)",
         ("check",), warns=True),
    Rule("WX-01",
         "template messages are notices of what the recipient did: no marketing, no words of it",
         "WeChat, template messages: 不支持广告等营销类消息",
         ("check", "send")),
    Rule("WX-02",
         "a customer-service message only to who wrote in the last 48 hours, or tapped or followed "
         "this minute",
         "WeChat, customer service messages, as of 2023-06-12",
         ("check", "send"), warns=True),
    Rule("WX-03",
         "a service account sends at most 4 mass messages a month to one person",
         "WeChat, batch sends",
         ("send",), fixed=True),
    Rule("WX-04",
         "one holder of the access token for all processes",
         "WeChat, getStableAccessToken",
         ("design",), fixed=True),
    Rule("WX-05",
         "no reward for sharing, following, liking or inviting",
         "微信外部链接内容管理规范, 2025-10-23",
         ("check",), REVIEW, warns=True),
    Rule("WX-06",
         "a template message and a notice use a template of the account",
         "WeChat refuses any other (40037)",
         ("check",), warns=True),
    Rule("WC-01",
         "a customer mass message is confirmed by an employee, at most as many a month as it has days",
         "WeCom, 92135, 2025-11-17",
         ("send",), fixed=True),
    Rule("WC-02",
         "at most 30 application messages a minute and 1,000 an hour to one member: more is dropped "
         "silently",
         "WeCom, 90454",
         ("send",)),
    Rule("WC-03",
         "the official interface only, no plug-in and no simulated client",
         "WeCom, 软件使用规范",
         ("design",), REVIEW, fixed=True),
    Rule("PI-01",
         "every message has a purpose, and marketing a consent for it and its channel",
         "Personal Information Protection Law art. 13, 14, 16",
         ("send",), fixed=True),
    Rule("PI-02",
         "taking consent back is as easy as giving it, and holds at once",
         "Personal Information Protection Law art. 15, 16",
         ("send",), fixed=True),
)  # fmt: skip

RULES: Final[Mapping[str, Rule]] = {rule.id: rule for rule in _TABLE}
