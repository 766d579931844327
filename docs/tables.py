"""The tables of the reference, made from what the readers themselves read: one function a table, Markdown out.

Apart from generate.py, which puts them into the pages. What the code does not say in words (what a comparator takes, an
example of a filter) stands here beside its name; a name that is missing here stops the generator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from automation.conditions import codes as condition_codes
from automation.conditions import compare, parse
from automation.conditions.tree import FieldType, MarkKind, Op
from automation.festivals import feasts, lunar
from automation.journey import built_in, file_codes, journey_codes, policy_file, words
from automation.journey.rules import RULES
from automation.journey.words import Key
from automation.kernel import codes as kernel_codes
from automation.rendering import codes as text_codes
from automation.rendering import filters, language
from automation.simulate.cases import codes as trial_codes
from automation.simulate.cases import words as trial

NAMED = (
    (words.TEXT, "text"),
    (words.TEXTS, "text, or a list of them"),
    (words.TRUE, "`true`"),
    (words.PERCENT, "percent, such as `5%`"),
    (words.LENGTH, "duration"),
    (words.OFFSET, "duration, `-` for before"),
    (words.CLOCK, "time of day"),
    (words.COND, "condition"),
    (words.STEPS, "steps"),
    (words.EVENT, "event"),
    (words.VALUES, "name: value"),
)
REFERENCES = {
    "enter": "see below",
    "goal": "see below",
    "happening": "see below",
    "choose": "branches",
    "paths": "paths",
}
PATTERNS = {"active": "`DATE to DATE`", "pace": "`N a day`", "id": "letters, digits, `_`, `-`"}

JOURNEY_DEFAULTS = {
    "title": "the name",
    "owner": "nobody",
    "status": "`draft`",
    "on_change": "`pin`",
    "active": "always",
    "clock": "`customer`",
    "key": "none",
    "again": "by the kind of entry",
    "while_inside": "`ignore`",
    "holdout": "`0%`",
    "goal": "none",
    "exit": "none",
    "unless": "none",
    "pace": "no limit",
    "subject": "`customer`",
}

COMPARATORS = {
    Op.IS: (
        "`{tier: gold}`, `{tier: [gold, diamond]}`",
        "equal, or equal to one of the list; the short form is enough",
    ),
    Op.NOT: ("`{tier: {not: gold}}`", "the exact opposite of `is`: also true where there is no value"),
    Op.ABOVE: ("`{points: {above: 100}}`", "more than"),
    Op.AT_LEAST: ("`{tier: {at_least: gold}}`", "this or more"),
    Op.BELOW: ("`{points: {below: 100}}`", "less than"),
    Op.AT_MOST: ("`{points: {at_most: 100}}`", "this or less"),
    Op.BETWEEN: ("`{points: {between: [100, 500]}}`", "both ends included"),
    Op.CONTAINS: ("`{city: {contains: 州}}`", "has this text in it"),
    Op.STARTS_WITH: ("`{city: {starts_with: 杭}}`", "begins with this text"),
    Op.EXISTS: ("`{phone: {exists: false}}`", "whether there is a value at all"),
    Op.BEFORE: ("`{last_order_at: {before: 2026-01-01}}`", "earlier than a moment"),
    Op.AFTER: ("`{last_order_at: {after: 2026-01-01}}`", "later than a moment"),
    Op.WITHIN: ("`{created_at: {within: 30d}}`", "in the last 30 days"),
    Op.OLDER_THAN: ("`{last_order_at: {older_than: 90d}}`", "longer ago than 90 days"),
    Op.IN_NEXT: ("`{birthday: {in_next: 7d}}`", "comes within 7 days; a yearly date is asked for its next occurrence"),
}

WORDS = {
    "all": ("`all: [..., ...]`", "every part holds (a mapping says the same)"),
    "any": ("`any: [..., ...]`", "one of the parts holds (a list says the same)"),
    "not": ("`not: {...}`", "the part does not hold, or is unknown"),
    "tag": ("`tag: 会员`", "has the tag now; a list: one of them"),
    "segment": ("`segment: vip`", "is in a segment of segments.yaml now"),
    "stage": ("`stage: dormant`", "stands at this stage of `lifecycle` in config.yaml"),
    "consent": (
        "`consent: marketing`",
        "has given this consent and not taken it back; `{purpose: marketing, channel: sms}`",
    ),
    "in_journey": ("`in_journey: onboarding`", "is inside that journey now"),
    "event": ("`event: order.paid`", "it happened, see *Events*"),
    MarkKind.SENT: ("`sent: hello`", "the message of that step left"),
    MarkKind.DELIVERED: ("`delivered: hello`", "the provider says it arrived"),
    MarkKind.OPENED: ("`opened: hello`", "it was opened, where the channel can tell"),
    MarkKind.CLICKED: ("`clicked: hello`", "one of its links was clicked"),
    MarkKind.FAILED: ("`failed: hello`", "no channel could carry it"),
    MarkKind.ANSWERED: ("`answered: ID`", "not there yet"),
    "group": ("`group: ...`", "not there yet"),
    "open_ticket": ("`open_ticket: ...`", "not there yet"),
}

EXAMPLES = {
    "date": "'2026-03-08' | date('%Y年%-m月%-d日')",
    "default": "customer.name | default('亲爱的会员')",
    "discount": "0.85 | discount",
    "first": "['羽绒被', '枕头'] | first",
    "int": "'12' | int",
    "join": "['羽绒被', '枕头'] | join('、')",
    "last": "['羽绒被', '枕头'] | last",
    "length": "['羽绒被', '枕头'] | length",
    "lower": "'VIP' | lower",
    "lunar": "'2026-09-25' | lunar",
    "mask_email": "'somebody@example.com' | mask_email",
    "mask_phone": "'13800000001' | mask_phone",
    "money": "29900 | money",
    "percent": "0.85 | percent",
    "round": "3.14159 | round(2)",
    "time": "'20:00' | time('%-H点')",
    "trim": "'  王芳 ' | trim",
    "truncate_cn": "'春夏亚麻四件套' | truncate_cn(5)",
    "upper": "'vip' | upper",
    "urlencode": "'床 品' | urlencode",
    "weekday": "'2026-03-08' | weekday",
}


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a bar inside a cell is written so that it does not end the cell."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def holds(name: str, key: Key) -> str:
    """What a key may hold, in words."""
    schema = key.schema
    for known, said in NAMED:
        if schema is known:
            return said
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "$ref" in schema:
        return REFERENCES[schema["$ref"].rpartition("/")[2]]
    if name in PATTERNS:
        return PATTERNS[name]
    if schema.get("type") in ("integer", "string", "array"):
        return {"integer": "whole number", "string": "text", "array": "list of numbers"}[schema["type"]]
    return _alternatives(schema["anyOf"])


def _alternatives(parts: list[Mapping[str, Any]]) -> str:
    said = []
    for part in parts:
        if "enum" in part:
            said += [f"`{word}`" for word in part["enum"]]
        elif part.get("pattern") == "^after ":
            said.append("`after DURATION`")
        else:
            said.append(f"`{part['const']}`" if "const" in part else "list of conditions")
    return ", ".join(said)


def journey() -> str:
    rows = [
        (f"`{name}`", holds(name, key), "**required**" if key.required else JOURNEY_DEFAULTS[name], key.about)
        for name, key in words.JOURNEY.items()
    ]
    return table(("key", "holds", "default", "meaning"), rows)


def entries() -> str:
    return table(("entry", "keys beside it", "holds", "meaning"), _worded(words.ENTRIES, ()))


def steps() -> str:
    return table(("step", "keys beside it", "holds", "meaning"), _worded(words.STEP, ("**any step**",)))


def _worded(known: Mapping[str, words.Word], common: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    for name, word in known.items():
        yield f"**`{name}`**", "", holds(name, word.value), word.value.about
        for beside, key in word.keys.items():
            yield "", f"`{beside}`{' (required)' if key.required else ''}", holds(beside, key), key.about
    for title in common:
        for beside, key in words.ANY_STEP.items():
            yield title, f"`{beside}`", holds(beside, key), key.about
            title = ""


def reserved() -> str:
    later = {
        "keys of a journey": words.JOURNEY_LATER,
        "steps": words.STEP_LATER,
        "keys of `enter: {event: ...}`": words.ENTRIES["event"].later,
        "words of conditions": ("group", "open_ticket", "answered"),
    }
    return table(
        ("where", "reserved"), [(where, ", ".join(f"`{word}`" for word in known)) for where, known in later.items()]
    )


def comparators() -> str:
    return table(("comparator", "example", "true when"), [(f"`{op}`", *COMPARATORS[op]) for op in Op])


def types() -> str:
    rows = [(f"`{kind}`", ", ".join(f"`{op}`" for op in compare.COMPARATORS[kind])) for kind in FieldType]
    return table(("type", "comparators"), rows)


def condition_words() -> str:
    assert set(WORDS) == set(parse.WORDS), "a word of conditions is not described in docs/tables.py"
    return table(("word", "example", "true when"), [(f"`{word}`", *said) for word, said in WORDS.items()])


def text_filters() -> str:
    """Every filter with an example that is rendered here and now."""
    made = language.environment(autoescape=False)
    lunar_day = {"_lunar": _said_in_lunar, "_zone": "Asia/Shanghai", "customer": {}}
    rows = []
    for name in sorted(filters.FILTERS):
        source = f"{{{{ {EXAMPLES[name]} }}}}"
        rows.append((f"`{name}`", f"`{source}`", made.from_string(source, globals=lunar_day).render()))
    return table(("filter", "example", "gives"), rows)


def _said_in_lunar(day: date) -> str:
    found = lunar.to_lunar(day)
    return lunar.say_lunar(found.month, found.day, found.leap)


def text_tests() -> str:
    return "Tests (`is …`): " + ", ".join(f"`{name}`" for name in sorted(filters.TESTS)) + "."


def trials() -> str:
    """Every word of a test's file, a table for each place it may stand at."""
    places = (("key", trial.KEYS), ("of `customer`", trial.CUSTOMER), ("of `happens`", trial.HAPPENS),
              ("of `expect`", trial.EXPECT))  # fmt: skip
    return "\n\n".join(
        table((place, "meaning"), [(f"`{word}`", said) for word, said in known.items()]) for place, known in places
    )


def fields() -> str:
    rows = [(f"`{one.name}`", one.title, f"`{one.kind}`") for one in built_in.FIELDS.values()]
    return table(("field", "title", "type"), rows)


def events() -> str:
    rows = [
        (
            f"`{one.name}`",
            one.title,
            ", ".join(f"`{name}`" for name in one.properties),
            f"`{one.key}`" if one.key else "",
        )
        for one in built_in.EVENTS.values()
    ]
    return table(("event", "title", "properties", "key"), rows)


def festivals() -> str:
    """The built-in ones with their next days, counted from a fixed day so that the page does not change by itself."""
    first, last = date(2026, 1, 1), date(2027, 12, 31)
    rows = [
        (f"`{one.name}`", one.title, ", ".join(f"{day}" for day in feasts.occurrences(one, first, last)))
        for one in feasts.BUILT_IN.values()
    ]
    return table(("festival", "title", "in 2026 and 2027"), rows)


def purposes() -> str:
    rows = []
    for one in policy_file.BUILT_IN.values():
        caps = ", ".join(f"{cap.channel}: {cap.count} per {cap.per}" for cap in one.caps) or "none"
        rows.append((f"`{one.name}`", one.title, caps, one.on_cap, str(one.quiet or "none"), str(one.priority)))
    return table(("purpose", "title", "caps", "on_cap", "quiet", "priority"), rows)


def platform_rules() -> str:
    rows = [
        (f"`{rule.id}`", rule.what, rule.why, ", ".join(rule.when), "told only" if rule.warns else "",
         "never" if rule.fixed else "with a reason", rule.grade)
        for rule in RULES.values()
    ]  # fmt: skip
    return table(("rule", "what", "why", "kept at", "", "set aside", "source"), rows)


def _beginning(letter: str, known: Mapping[str, str]) -> dict[str, str]:
    return {code: said for code, said in known.items() if code.startswith(letter)}


_YAML, _JOURNEY, _FILES = kernel_codes.CODES, journey_codes.CODES, file_codes.CODES
CODES: Mapping[str, Mapping[str, str]] = {
    "Y: the text cannot be read as our strict YAML": _beginning("Y", _YAML),
    "S: it can be read, and does not have the shape that is due": _beginning("S", _YAML),
    "C: conditions": condition_codes.CODES,
    "J: journeys": _beginning("J", _JOURNEY),
    "K: catalog, segments, coupons, festivals, policy, workdays": _beginning("K", _FILES),
    "K6: tests of journeys": trial_codes.CODES,
    "T: texts": text_codes.CODES,
    "W4, W5: warnings, which stop nothing": _beginning("W", _FILES) | _beginning("W", _JOURNEY),
}


def errors() -> str:
    parts = []
    for title, known in CODES.items():
        parts += [
            f"## {title}",
            "",
            table(("code", "meaning"), [(f"`{code}`", said) for code, said in known.items()]),
            "",
        ]
    return "\n".join(parts).rstrip()
