"""The schema for editors fits what the reader takes, and every word it offers is one the reader knows."""

from __future__ import annotations

import json

from automation.journey import schema, steps, words


def test_it_offers_every_word_of_the_reader_and_none_besides() -> None:
    made = schema.journey()
    offered = {step["title"] for step in made["$defs"]["step"]["oneOf"]}
    assert offered == set(steps.READERS) == set(words.STEP)
    assert set(made["properties"]) == set(words.JOURNEY)
    assert made["required"] == ["journey", "purpose", "enter", "steps"]


def test_every_reference_leads_somewhere() -> None:
    made = schema.journey()
    text = json.dumps(made)
    for name in made["$defs"]:
        assert f'"#/$defs/{name}"' in text, f"{name} is used by nothing"
    used = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used <= set(made["$defs"])


def test_a_later_word_is_not_offered() -> None:
    text = json.dumps(schema.journey())
    for word in (*words.STEP_LATER, *words.JOURNEY_LATER):
        assert f'"{word}"' not in text
