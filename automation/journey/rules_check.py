"""Whether what a shop is about to say keeps the rules: each breach at its place in the text, with why and what to do.

Looks at texts together with the journeys that send them: the same text is a notice in one and marketing in another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from automation.conditions.findings import short
from automation.journey import elapsed, graph, rule_words
from automation.journey.rules import RULES
from automation.journey.shop import APPROVED, Shop
from automation.kernel import errors, segments, source
from automation.kernel.errors import Problem
from automation.rendering import fields
from automation.rendering.fields import Field
from automation.rendering.texts import Kind, Template, Text

MARKETING: Final = "marketing"
WINDOW: Final = 48 * 3600  # seconds: the longest in which WeChat takes a customer-service message


@dataclass(frozen=True, slots=True)
class Breaches:
    """`problems`: by journey, which does not go live with one of them. `warnings` stop nothing."""

    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sent:
    """One file of a text as a journey sends it. `accounts`: those of its channels that name approved templates.
    `silent`: seconds since the customer's own last act, at the least. `again`: one person may get it more than once."""

    text: Text
    template: Template
    marketing: bool
    only_way: bool
    accounts: Mapping[str, Mapping[str, Mapping[str, Any]]]
    silent: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Breach:
    """`field` None: at `loc` of the file. `near`: the word it is about."""

    rule: str
    what: str
    fix: str
    field: Field | None = None
    near: str = ""
    loc: tuple[str, ...] = ()


Look = Callable[[_Sent], Iterator[_Breach]]


def check(shop: Shop, journeys: Mapping[str, graph.Journey], overrides: Mapping[str, str]) -> Breaches:
    """`overrides`: rules set aside."""
    problems: dict[str, tuple[Problem, ...]] = {}
    warnings: dict[Problem, None] = {}
    for name, journey in journeys.items():
        wrong: dict[Problem, None] = {}
        for sent in _sent(shop, journey):
            for look in _LOOKS[sent.template.kind]:
                for breach in look(sent):
                    if breach.rule not in overrides:
                        (warnings if RULES[breach.rule].warns else wrong)[_problem(sent.template, breach)] = None
        if wrong:
            problems[name] = tuple(sorted(wrong))
    return Breaches(problems, tuple(sorted(warnings)))


def _sent(shop: Shop, journey: graph.Journey) -> Iterator[_Sent]:
    silent, times = elapsed.before_sends(journey), Counter(send.text for send in journey.sends.values())
    for send in journey.sends.values():
        often = journey.again is not graph.Again.NEVER or journey.key is not None
        again = often or times[send.text] > 1
        text = shop.texts.texts.get(send.text)
        if text is None:
            continue
        marketing = shop.purposes.get(send.purpose, MARKETING) == MARKETING
        kinds = {shop.channels.get(word, word) for word in send.via}
        ways = kinds & {str(kind) for _, kind in text.channels}
        for (_, kind), template in text.channels.items():
            if kind in ways:
                own = {name: one for name, one in shop.accounts.items() if shop.channels.get(name) == kind}
                yield _Sent(text, template, marketing, len(ways) == 1, own, silent.get(send.key, 0), again)


def _problem(template: Template, breach: _Breach) -> Problem:
    rule = RULES[breach.rule]
    code, message = f"POLICY {rule.id}:", f"{breach.what}. Why: {rule.why}"
    if breach.field is not None:
        line = rule_words.line_of(breach.field, breach.near) if breach.near else 1
        at = fields.place(breach.field, line, breach.near)
        return Problem(breach.field.path, *at, code, message, breach.fix)
    try:
        document = source.read(Path(template.path), template.path)
    except errors.SourceErrors:  # changed under our eyes
        return Problem(template.path, 1, 1, code, message, breach.fix)
    return document.problem(breach.loc, code, message, breach.fix)


def _sms(sent: _Sent) -> Iterator[_Breach]:
    preview, at = sent.template.preview, ("preview",)
    yield from _unsigned(preview)
    if sent.marketing and not rule_words.REFUSE.search(preview.rstrip(" 。.！!")):
        yield _Breach("SMS-02", "marketing that does not say how to refuse it", "end the text with 拒收请回复R", loc=at)
    for name, approved in sorted(sent.accounts.items()):
        known = approved.get("template", {}).get(sent.template.key)
        if "template" in approved and known is None:
            hint = f"add it to templates of {name} in config.yaml, once it is approved"
            yield _Breach("SMS-05", f"{name} has no approved template '{sent.template.key}'", hint, loc=("template",))
        elif sent.marketing and known is not None and str(getattr(known, "kind", "")) == "notice":
            hint = f"use a template that {name} has approved for marketing"
            yield _Breach("SMS-08", f"'{sent.template.key}' is approved for notices", hint, loc=("template",))
    if sent.again and rule_words.ASKS.search(preview):
        hint = "`again: never`, and ask in one step only: no answer is a refusal"
        yield _Breach("SMS-03", "asks for consent, and may ask the same person again", hint, loc=at)
    word = rule_words.found_in(preview, rule_words.SMS)
    if word and sent.marketing:
        yield _Breach("SMS-07", f"providers refuse texts about «{word}»", "say it in other words", loc=at)
    yield from _too_long(sent, preview)
    yield from _absolute(sent, preview)


def _unsigned(preview: str) -> Iterator[_Breach]:
    found = rule_words.SIGNED.match(preview.lstrip())
    if found is None:
        hint = "begin it with the approved signature, such as 【旅程良品】"
        yield _Breach("SMS-05", "the text does not begin with the signature", hint, loc=("preview",))
    elif not rule_words.SIGNATURE.fullmatch(found[1]):
        hint = "2 to 12 Chinese characters, letters or digits, without signs and spaces"
        length = f"{len(found[1])} character{'' if len(found[1]) == 1 else 's'}"
        what = f"no provider approves the signature 【{short(found[1])}】 of {length}"
        yield _Breach("SMS-05", what, hint, loc=("preview",))


def _too_long(sent: _Sent, preview: str) -> Iterator[_Breach]:
    """Counted without the parameters, whose values nobody knows yet: it is at least so long."""
    known = rule_words.PARAMETER.sub("", preview)
    characters, parts = segments.length(known), segments.segments(known)
    if characters > segments.MOST:
        said = f"{characters} characters, billed as {parts} messages; providers take {segments.MOST}"
    elif sent.marketing and parts > 1:
        said = f"{characters} characters, billed as {parts} messages to each recipient"
    else:
        return
    also = " and more with its parameters" if known != preview else ""
    yield _Breach("SMS-10", said + also, f"shorten it: one message holds {segments.SINGLE}", loc=("preview",))


def _email(sent: _Sent) -> Iterator[_Breach]:
    if not sent.marketing:
        return
    subject = next(one for one in sent.template.fields if one.name == "subject")
    if not rule_words.MARKED.match(subject.source):
        yield _Breach("MAIL-02", "the subject of marketing does not begin with 广告", "begin it with 【广告】", subject)
    if not any(use.name == "links.unsubscribe" for use in sent.template.uses):
        html = next((one for one in sent.template.fields if one.name == "html"), None)
        yield _Breach("MAIL-03", "marketing without a way to leave", 'add <a href="{{ links.unsubscribe }}">退订</a>',
                      html)  # fmt: skip
    yield from _absolute(sent)


def _wechat(sent: _Sent) -> Iterator[_Breach]:
    noticed = [one for one in sent.template.fields if one.name.startswith("template.")]
    if noticed and sent.marketing and sent.template.parts == {"template"}:
        hint = "add `text`, or send it as service where the recipient's own act asks for it"
        yield _Breach("WX-01", "a text that is sent as marketing is only a template message", hint, loc=("template",))
    for one in noticed if not sent.marketing else ():
        word = rule_words.found_in(one.source, rule_words.MARKETING)
        if word:
            yield _Breach("WX-01", f"«{word}» is marketing, and this is a template message", "say what happened",
                          one, word)  # fmt: skip
    free = not sent.template.parts & {"template", "subscribe", "mass"}
    if sent.only_way and free and not sent.text.kinds - {str(Kind.WECHAT)} and (sent.marketing or sent.silent > WINDOW):
        hint = "add sms.yaml or email.yaml, or a part `subscribe` or `mass`"
        late = f", and leaves {sent.silent // 86_400} days or more after they last did" if sent.silent > WINDOW else ""
        yield _Breach("WX-02", f"reaches only who wrote to us in the last 48 hours{late}", hint, loc=())
    for name, approved in sorted(sent.accounts.items()):
        for part, key in sent.template.keys:
            if key not in approved.get(part, {key: None}):
                hint = f"add it to {APPROVED[part]} of {name} in config.yaml, once it is approved"
                yield _Breach("WX-06", f"{name} has no approved template '{key}'", hint, loc=(part, "key"))
    for one in sent.template.fields:
        found = rule_words.INDUCED.search(one.source)
        if found:
            yield _Breach("WX-05", f"«{found[0]}» rewards sharing or following", "reward what they buy or do, not that",
                          one, found[0])  # fmt: skip
    yield from _absolute(sent)


def _wecom(sent: _Sent) -> Iterator[_Breach]:
    yield from _absolute(sent)


def _absolute(sent: _Sent, preview: str = "") -> Iterator[_Breach]:
    if not sent.marketing:
        return
    for word in rule_words.all_in(preview, rule_words.ABSOLUTE):
        yield _Breach("AD-02", f"«{word}» is an absolute word", "say what can be shown", loc=("preview",))
    for one in sent.template.fields:
        for word in rule_words.all_in(one.source, rule_words.ABSOLUTE):
            yield _Breach("AD-02", f"«{word}» is an absolute word", "say what can be shown", one, word)


_LOOKS: Final[Mapping[Kind, tuple[Look, ...]]] = {
    Kind.SMS: (_sms,), Kind.EMAIL: (_email,), Kind.WECHAT: (_wechat,), Kind.WECOM: (_wecom,),
}  # fmt: skip
