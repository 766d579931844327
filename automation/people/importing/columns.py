"""What the headings of a table mean: the shop's own mapping first, then the catalog's names and titles, then the words
that Chinese exports use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from automation.conditions.parse import CONSENTS
from automation.journey.catalog import Catalog, Field, Home
from automation.kernel import errors
from automation.kernel.document import nearest
from automation.people.consents import Proof
from automation.rendering.texts import Kind

from . import rejects

TAGS, CREATED, CONSENT, IGNORE = "tags", "created_at", "consent", "ignore"
PROOFS: Final = tuple(f"{CONSENT}_{name}" for name in Proof._fields)
CONSENTED: Final = tuple(
    f"{CONSENT}.{purpose}{channel}" for purpose in CONSENTS for channel in ("", *(f".{kind}" for kind in Kind))
)
EVENT, AT, DEDUPE = "event", "at", "dedupe"

MAPPED: Final = "with --map HEADING=FIELD or under import.headers in config.yaml"

_SPELLINGS: Final[dict[str, str]] = {
    "phone": "手机号 手机 手机号码 电话 电话号码 联系电话 联系方式 移动电话 会员手机号 收货手机号 mobile tel",
    "email": "邮箱 电子邮箱 电子邮件 邮件 邮箱地址 mail e-mail",
    "openid": "openid 微信openid 公众号openid",
    "unionid": "unionid 微信unionid",
    "wecom_id": "外部联系人id external_userid externaluserid 企微id 企业微信id",
    "member_no": "会员号 会员卡号 会员编号 会员id 客户编号 客户id 卡号",
    "name": "姓名 昵称 客户姓名 会员姓名 客户名称 微信昵称 名字 name nickname",
    "birthday": "生日 出生日期 出生年月日 会员生日",
    "member_since": "入会日期 入会时间 开卡日期 开卡时间",
    "tier": "会员等级 等级 会员级别 客户等级",
    "gender": "性别",
    "city": "城市 所在城市",
    "province": "省份 省",
    "region": "地区 区域 所在地区",
    "source": "来源 客户来源 注册来源 渠道",
    "language": "语言",
    "zone": "时区",
    TAGS: "标签 客户标签 会员标签",
    CREATED: "注册时间 注册日期 创建时间 添加时间 建档时间",
    "consent.marketing": "营销同意 同意营销 是否接收营销 接受营销信息 营销授权",
    "consent.marketing.sms": "短信营销同意 是否接收短信 接收短信",
    "consent.marketing.email": "邮件营销同意 是否接收邮件 接收邮件",
    "consent_at": "同意时间 同意日期 授权时间 授权日期",
    "consent_source": "同意来源 同意渠道 授权来源 授权渠道",
    "consent_text_version": "同意书版本 授权书版本 隐私政策版本",
    "consent_evidence": "同意凭证 同意证据 授权凭证 授权证据",
}
_OF_EVENTS: Final[dict[str, str]] = {
    EVENT: "事件 事件名 事件名称 行为",
    AT: "时间 发生时间 事件时间 下单时间 支付时间",
    DEDUPE: "事件编号 流水号 事件id",
}
GUESSED: Final = 30  # unknown headings for which the nearest known one is looked for: that takes milliseconds each
SHOWN: Final = 40  # characters of a heading
_DATA: Final = re.compile(r"[0-9@]")
_NOTE: Final = re.compile(r"[(（\[【].*?[)）\]】]|[*＊:：\s_'\"-]")


def plain(heading: str) -> str:
    """A heading without case, spaces, stars and remarks in brackets: `*手机号（必填）` is 手机号."""
    return _NOTE.sub("", unicodedata.normalize("NFKC", heading).lower().replace("\ufeff", ""))


def _by_word(spellings: Mapping[str, str]) -> dict[str, str]:
    return {plain(word): target for target, words in spellings.items() for word in (target, *words.split())}


WORDS: Final = _by_word(_SPELLINGS)
EVENT_WORDS: Final = _by_word(_OF_EVENTS)


@dataclass(frozen=True, slots=True)
class Headings:
    """`targets[n]`: what column n means, None where nobody knows. `unknown`: those headings, each with a hint."""

    targets: tuple[str | None, ...]
    unknown: tuple[str, ...]


def targets(
    headings: Sequence[str], own: Mapping[str, str], catalog: Catalog, of_events: bool = False
) -> tuple[str | None, ...]:
    """Refused where the shop's own mapping names a target that does not exist."""
    known = _known(own, catalog, of_events)
    return tuple(known.get(plain(heading)) for heading in headings)


def read(headings: Sequence[str], own: Mapping[str, str], catalog: Catalog, of_events: bool = False) -> Headings:
    """The targets, and hints for the headings that have none. Refused as `targets` is."""
    known = _known(own, catalog, of_events)
    kept = _words(field for field in catalog.fields.values() if not _taken(field))
    found = tuple(known.get(plain(heading)) for heading in headings)
    unknown = [heading for heading, target in zip(headings, found, strict=True) if target is None and heading.strip()]
    guessed = [_unknown(heading, kept, known) for heading in unknown[:GUESSED]]
    return Headings(found, (*guessed, *(_unknown(heading, kept, ()) for heading in unknown[GUESSED:])))


def require(headings: Sequence[str], asked: Sequence[str]) -> None:
    """Refused where a heading that somebody asked for is none of the table's."""
    there = {plain(heading): shown(heading) for heading in headings if heading.strip()}
    for heading in asked:
        if plain(heading) not in there:
            near = nearest(plain(heading), there)
            hint = f"did you mean {there[near]}?" if near else f"there are {', '.join(there.values())[:200]}"
            raise errors.Refused(f"the table has no column {heading[:SHOWN]!r} ({hint})")


def shown(heading: str) -> str:
    """A heading for a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in heading.strip()[:SHOWN])


def first_row(rows: Iterable[Sequence[str]]) -> str:
    """What may be told of a table whose headings nobody understands: its first row may be a customer, or a code."""
    first = next(filter(any, rows), None)
    if first is None:
        return "there is nothing in them"
    told = f"the first row has {len(first)} column{'s' if len(first) > 1 else ''}"
    known = [shown(cell) for cell in first if plain(cell) in WORDS or plain(cell) in EVENT_WORDS]
    if known:
        return f"{told}, with {', '.join(known)[:200]}"
    return f"{told} and looks like data, not headings" if any(map(_DATA.search, first)) else f"{told}, none known"


def _known(own: Mapping[str, str], catalog: Catalog, of_events: bool) -> dict[str, str]:
    special = {EVENT, AT, DEDUPE, IGNORE} if of_events else {TAGS, CREATED, IGNORE}
    properties: dict[str, str] = {}
    for event in catalog.events.values() if of_events else ():
        for name, known in event.properties.items():
            properties |= {plain(known.title or name): name, plain(name): name}
    fields = _words(field for field in catalog.fields.values() if _taken(field))
    # The mapping in config.yaml is one for both kinds of file: what speaks of customers only is passed over in events.
    usable = {*special, TAGS, CREATED, *CONSENTED, *PROOFS, *fields.values(), *properties.values()}
    words = dict.fromkeys(map(plain, rejects.HEADING), IGNORE)
    words |= {word: target for word, target in WORDS.items() if target in usable}
    words |= fields | properties | (EVENT_WORDS if of_events else {})
    return words | {plain(heading): _usable(heading, target, usable, catalog) for heading, target in own.items()}


def _words(fields: Iterable[Field]) -> dict[str, str]:
    return {plain(word): field.name for field in fields for word in (field.title, field.name)}


def _taken(field: Field) -> bool:
    """Whether a file says it, and not Lucheng: an export of ours has columns such as points beside the others."""
    return field.home is Home.IDENTITY or not field.kept


def _usable(heading: str, target: str, usable: set[str], catalog: Catalog) -> str:
    if target in usable:
        return target
    if target in catalog.fields:
        kept = catalog.fields[target].kept
        raise errors.Refused(f"the column {heading!r} is mapped to {target!r}, which no file sets ({kept})")
    if target.startswith(f"{CONSENT}."):
        known = f"there are {', '.join(CONSENTED)}"
        raise errors.Refused(f"the column {heading!r} is mapped to {target!r}: there is no such consent ({known})")
    near = nearest(target, usable)
    hint = f"did you mean {near}?" if near else "declare it in catalog.yaml, or write ignore"
    raise errors.Refused(f"the column {heading!r} is mapped to {target!r}, which is not in the catalog ({hint})")


def _unknown(heading: str, kept: Mapping[str, str], guesses: Iterable[str]) -> str:
    """`kept`: words for what Lucheng says itself. `guesses`: words it may have been meant to be."""
    told, word = shown(heading), plain(heading)
    if word in kept:
        return f"{told}: would be {kept[word]}, which no file sets"
    if word in WORDS:
        return f"{told}: would be {WORDS[word]}, which catalog.yaml does not declare"
    near = nearest(word, guesses)
    return f"{told}: did you mean {near}?" if near else f"{told}: map it to a field or to ignore, {MAPPED}"
