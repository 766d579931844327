"""The JSON Schema of journey files, made from the table of words, so that editors complete and check while typing.

It is more generous than the reader: it knows shapes and words, not what exists in the shop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from automation.journey import words
from automation.journey.words import Key, Word

Json = dict[str, Any]
_ANYTHING: Final[Json] = {"type": ["object", "array"], "minProperties": 1, "minItems": 1}


def journey() -> Json:
    """The whole schema, ready for `json.dumps`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "journey",
        **_object(words.JOURNEY),
        "$defs": {
            "condition": {"description": "a mapping is AND of its keys, a list is one of", **_ANYTHING},
            "event": _event(),
            "goal": _goal(),
            "happening": _one_key(words.HAPPENINGS),
            "enter": {"oneOf": [_worded(name, word) for name, word in words.ENTRIES.items()]},
            "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            "step": {"oneOf": [_step(name, word) for name, word in words.STEP.items()]},
            "choose": _choose(),
            "paths": _paths(),
        },
    }


def _object(keys: Mapping[str, Key], extra: Iterable[str] = ()) -> Json:
    needed = [*extra, *(name for name, key in keys.items() if key.required)]
    shown = {name: _described(key) for name, key in keys.items()}
    return {"type": "object", "properties": shown, "required": needed, "additionalProperties": False}


def _described(key: Key) -> Json:
    """A reference stands alone in draft 7, so its description goes around it."""
    if "$ref" in key.schema:
        return {"allOf": [dict(key.schema)], "description": key.about} if key.about else dict(key.schema)
    return {**key.schema, "description": key.about}


def _worded(name: str, word: Word, beside: Mapping[str, Key] | None = None) -> Json:
    return _object({name: word.value, **word.keys, **(beside or {})}, [name])


def _step(name: str, word: Word) -> Json:
    beside = {key: known for key, known in words.ANY_STEP.items() if key != name}
    return {"title": name, **_worded(name, word, beside)}


def _event() -> Json:
    match = {
        "type": "object",
        "properties": {"name": dict(words.TEXTS), "where": {"type": "object"}, "same": dict(words.TEXT)},
        "required": ["name"],
        "additionalProperties": False,
    }
    return {"anyOf": [dict(words.TEXTS), match]}


def _goal() -> Json:
    return _object(
        {
            "event": Key(words.EVENT, "what is counted", True),
            "up_to": Key(words.LENGTH, "so long after entry", True),
            "value": Key(words.TEXT, "a money property of the event"),
        }
    )


def _one_key(names: Iterable[str]) -> Json:
    kinds = {name: dict(words.EVENT) if name == "event" else dict(words.TEXT) for name in names}
    return {
        "type": "object", "properties": kinds, "additionalProperties": False, "minProperties": 1, "maxProperties": 1,
    }  # fmt: skip


def _choose() -> Json:
    branch = _object({"if": Key(words.COND, "", True), "then": Key(words.STEPS, "", True)})
    rest = _object({"else": Key(words.STEPS, "everybody else", True)})
    return {"type": "array", "minItems": 1, "items": {"oneOf": [branch, rest]}}


def _paths() -> Json:
    path = _object({"share": Key(words.PERCENT, "of all", True), "then": Key(words.STEPS, "", True)})
    return {"type": "object", "minProperties": 2, "additionalProperties": path}
