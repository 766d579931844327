"""docs/http-api.md: its examples work as they stand, and its tables are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from automation.app import App
from automation.web import forms, openapi
from tests.web.caller import Caller

PAGE = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text(encoding="utf-8")


def test_the_examples_are_taken(call: Caller, app: App) -> None:
    told, known = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    assert call.post("/api/events", told).json == {"status": "added"}
    assert call.post("/api/customers", known).json == {"status": "updated"}
    assert call.post("/api/customers", known).json == {"status": "updated"}  # tags and consents are said again


def test_every_refusal_and_key_is_on_the_page() -> None:
    assert set(openapi.ANSWERS) <= set(re.findall(r"\b[45]\d\d\b", PAGE))
    for model in (forms.Event, forms.Identities, forms.Customer):
        for name in model.model_fields:
            assert f"`{name}`" in PAGE or f'"{name}"' in PAGE, name
    assert f"{forms.MOST:,}" in PAGE
