"""Every key of a journey file in one table: what it may hold, in words and as JSON Schema, and what is not there yet.

The readers take their known keys from here, the editor's schema and the reference of the language are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from automation.conditions.tree import MarkKind
from automation.festivals import durations
from automation.journey.graph import OnChange, Status

TEXT: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1}
TEXTS: Final[Mapping[str, Any]] = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
TRUE: Final[Mapping[str, Any]] = {"const": True}
PERCENT: Final[Mapping[str, Any]] = {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,3})? ?%$"}
LENGTH: Final[Mapping[str, Any]] = {"type": "string", "pattern": durations.PATTERN}
OFFSET: Final[Mapping[str, Any]] = {"type": "string", "pattern": durations.SIGNED_PATTERN}
CLOCK: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"}
COND: Final[Mapping[str, Any]] = {"$ref": "#/$defs/condition"}
STEPS: Final[Mapping[str, Any]] = {"$ref": "#/$defs/steps"}
EVENT: Final[Mapping[str, Any]] = {"$ref": "#/$defs/event"}
VALUES: Final[Mapping[str, Any]] = {"type": "object", "minProperties": 1}


def one_of(*words: str) -> Mapping[str, Any]:
    return {"enum": list(words)}


@dataclass(frozen=True, slots=True)
class Key:
    """What a key holds (`schema`), whether it must be there, and one line for people."""

    schema: Mapping[str, Any]
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A kind of step or of entry: what its own key holds, and the keys beside it. `later`: reserved among them."""

    value: Key
    keys: Mapping[str, Key]
    later: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, key in self.keys.items() if key.required)


JOURNEY: Final[Mapping[str, Key]] = {
    "journey": Key(TEXT, "the file's name", True),
    "title": Key(TEXT, "shown to people"),
    "owner": Key(TEXT, "a member of staff, told when one of its people is stuck"),
    "purpose": Key(TEXT, "service, marketing, or a class of policy.yaml", True),
    "status": Key(one_of(*Status), "draft until you say live"),
    "on_change": Key(one_of(*OnChange), "what an edit means for those inside"),
    "active": Key(
        {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d$"}, "who enters only in these days"
    ),
    "clock": Key(one_of("customer", "shop"), "whose zone all times of this file mean"),
    "enter": Key({"$ref": "#/$defs/enter"}, "who enters, and when", True),
    "key": Key(TEXT, "a property of the entry: one run per person and value"),
    "again": Key(
        {"anyOf": [one_of("never", "finished", "each_occasion"), {"type": "string", "pattern": "^after "}]},
        "whether the same person may enter once more",
    ),
    "while_inside": Key(one_of("ignore", "restart"), "what a new entry means for one who is inside"),
    "holdout": Key(PERCENT, "control group: measured, never written to"),
    "goal": Key({"$ref": "#/$defs/goal"}, "what is counted, for the control group too"),
    "exit": Key(
        {"anyOf": [{"const": "goal"}, {"type": "array", "items": {"anyOf": [{"const": "goal"}, COND]}}]},
        "leaves when one of these holds",
    ),
    "unless": Key(COND, "asked again before each message: true = not sent"),
    "pace": Key({"type": "string", "pattern": "^[1-9][0-9]* a day$"}, "entries a day"),
    "subject": Key(one_of("customer"), "who walks"),
    "steps": Key(STEPS, "what happens", True),
}
JOURNEY_LATER: Final = ("exclusive", "priority", "inputs")

_IF: Final = Key(COND, "only those for whom it holds")
_CATCH_UP: Final = Key(LENGTH, "who comes later than this does not enter (1d)")
_AT: Final = Key(CLOCK, "time of day (09:00)")
_OFFSET: Final = Key(OFFSET, "so long before (-) or after the day")

ENTRIES: Final[Mapping[str, Word]] = {
    "event": Word(
        Key(EVENT, "a happening"),
        {"settle": Key(LENGTH, "once it has rested so long"), "if": _IF, "catch_up": _CATCH_UP},
        ("each", "who"),
    ),
    "date": Word(
        Key(TEXT, "a date field, every year"),
        {
            "offset": _OFFSET, "at": _AT, "catch_up": _CATCH_UP, "if": _IF,
            "years": Key({"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1}, "only these"),
        },
    ),
    "festival": Word(
        Key(TEXTS, "one or more festivals"), {"offset": _OFFSET, "at": _AT, "catch_up": _CATCH_UP, "if": _IF}
    ),
    "schedule": Word(
        Key(TEXT, "2026-06-18 10:00, or every month on 1 10:00"),
        {"segment": Key(TEXT, "whom", True), "catch_up": _CATCH_UP, "if": _IF},
    ),
    "segment": Word(
        Key(TEXT, "who is in it at the check"),
        {
            "check": Key(TEXT, "a schedule (daily 09:00)"),
            "existing": Key(one_of("include", "skip"), "those already in at go-live"),
            "catch_up": _CATCH_UP, "if": _IF,
        },
    ),
    "manual": Word(Key(TRUE, "by campaign, API or another journey's start"), {"if": _IF}),
}  # fmt: skip
"""In the order of recognition: a schedule names a segment too."""

ANY_STEP: Final[Mapping[str, Key]] = {
    "id": Key({"type": "string", "pattern": r"^\w[\w-]{0,63}$"}, "its name, for messages and later versions"),
    "if": Key(COND, "the step is skipped where this is false"),
    "note": Key({"type": "string"}, "for your colleagues"),
}
_LIMIT: Final = "duration, today, or moment"
_WITH: Final = Key(VALUES, "values it is given, literal or {from: path}")
_AS: Final = Key(TEXT, "the name under which later steps and texts find it")

STEP: Final[Mapping[str, Word]] = {
    "send": Word(
        Key(TEXT, "a folder of templates/"),
        {
            "via": Key(TEXTS, "channels in order: the first that can"),
            "expires": Key(TEXT, f"later it is skipped (1d): {_LIMIT}"),
            "purpose": Key(TEXT, "where it differs from the journey's"),
            "at": Key(TEXT, "a moment: not before"),
            "ignore": Key(one_of("quiet_hours"), "service only"),
        },
    ),
    "wait": Word(Key(TEXT, "a duration, or `until MOMENT`"), {}),
    "wait_for": Word(
        Key({"$ref": "#/$defs/happening"}, "an event, or what becomes of a message"),
        {
            "up_to": Key(TEXT, _LIMIT, True), "as": _AS,
            "then": Key(STEPS, "when it comes"), "else": Key(STEPS, "when it does not"),
        },
    ),
    "choose": Word(Key({"$ref": "#/$defs/choose"}, "the first branch that holds"), {}),
    "split": Word(Key(TEXT, "the name of the experiment"), {"paths": Key({"$ref": "#/$defs/paths"}, "shares", True)}),
    "coupon": Word(Key(TEXT, "a pool of coupons.yaml"), {"as": _AS, "else": Key(STEPS, "when the pool is empty")}),
    "tag": Word(Key(TEXT, "a tag to put on"), {"for": Key(LENGTH, "how long")}),
    "untag": Word(Key(TEXT, "a tag to take off"), {}),
    "set": Word(Key(VALUES, "fields of the customer"), {}),
    "points": Word(Key({"type": "integer"}, "booked once"), {"reason": Key(TEXT, "shown to the customer", True)}),
    "start": Word(Key(TEXT, "another journey"), {"with": _WITH}),
    "notify": Word(
        Key(TEXT, "a role of `staff:` in config.yaml"),
        {"text": Key(TEXT, "what they read"), "digest": Key(LENGTH, "many in so long are one message (1h)")},
    ),
    "webhook": Word(Key(TEXT, "a name of config.yaml"), {"with": _WITH}),
    "stop": Word(Key(TEXT, "the reason; the run ends"), {}),
    "if": Word(Key(COND, "a condition"), {"then": Key(STEPS, "", True), "else": Key(STEPS, "")}),
}  # fmt: skip
STEP_LATER: Final = ("survey", "ticket", "repeat", "approve", "post", "use")

HAPPENINGS: Final = ("event", *MarkKind)
