"""The OpenAPI 3.1 document of the interface for events and customers, made from its forms and the shop's catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from automation.conditions.tree import FieldType
from automation.journey.catalog import Catalog, EventType, Field, Home, Property
from automation.people.happenings import OURS

from . import forms

REF: Final = "#/components/schemas/"
KINDS: Final[Mapping[FieldType, Mapping[str, Any]]] = {
    FieldType.TEXT: {"type": "string", "maxLength": 2000},
    FieldType.CHOICE: {"type": "string"},
    FieldType.NUMBER: {"type": ["number", "string"]},
    FieldType.MONEY: {"type": ["number", "string"]},
    FieldType.BOOL: {"type": "boolean"},
    FieldType.DATE: {"type": "string", "description": "Such as 2026-03-08."},
    FieldType.TIME: {"type": ["integer", "string"], "description": "UTC seconds or 2026-11-20T12:30:00+08:00."},
    FieldType.LIST: {"type": "array", "maxItems": 1000},
}
ANSWERS: Final = {
    "400": "Not JSON, or a bad header.", "401": "No key, or a wrong one.",
    "408": "The body came too slowly.", "409": "The Idempotency-Key was sent with another body, or is at work.",
    "413": "Too large.", "422": "It cannot be taken as it is.", "429": "Too many wrong requests.",
    "503": "Full at the moment; see Retry-After. Send it again.",
}  # fmt: skip


def document(catalog: Catalog, title: str) -> dict[str, Any]:
    """The whole document. Events that only Lucheng tells are not in it."""
    _, models = models_json_schema(
        [(model, "validation") for model in (forms.Event, forms.Events, forms.Customer, forms.Customers, forms.Results,
                                             forms.Refusal)],
        ref_template=REF + "{model}",
    )  # fmt: skip
    schemas: dict[str, Any] = models["$defs"]
    told = {name: known for name, known in sorted(catalog.events.items()) if not name.startswith(OURS)}
    schemas |= {f"Event.{name}": _event(known) for name, known in told.items()}
    schemas["AnyEvent"] = {"oneOf": [{"$ref": f"{REF}Event.{name}"} for name in told]}
    schemas["CustomerFields"] = _fields(catalog)
    schemas["Events"]["properties"]["events"]["items"] = {"$ref": f"{REF}AnyEvent"}
    schemas["Customers"]["properties"]["customers"]["items"] = {"$ref": f"{REF}Customer"}
    schemas["Customer"]["properties"]["fields"] = {"$ref": f"{REF}CustomerFields"}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": forms.__doc__ or ""},
        "paths": {
            "/api/events": {"post": _operation("Tell what customers did", "AnyEvent", "Events")},
            "/api/customers": {"post": _operation("Tell who customers are", "Customer", "Customers")},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _operation(summary: str, one: str, many: str) -> dict[str, Any]:
    body = {"oneOf": [{"$ref": REF + one}, {"$ref": REF + many}]}
    key = {
        "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 200},
        "description": "The same key with the same body is answered the same and done once. Kept for 7 days.",
    }  # fmt: skip
    taken = {
        "type": "object",
        "properties": {"status": {"enum": ["added", "known", "created", "updated", "unchanged"]}},
    }
    answers: dict[str, Any] = {
        "200": _answer("All was taken.", {"oneOf": [taken, {"$ref": f"{REF}Results"}]}),
        "207": _answer("Some of many were refused.", {"$ref": f"{REF}Results"}),
    }
    answers |= {status: _answer(said, {"$ref": f"{REF}Refusal"}) for status, said in ANSWERS.items()}
    return {
        "summary": summary, "parameters": [key],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}}, "responses": answers,
    }  # fmt: skip


def _answer(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _event(known: EventType) -> dict[str, Any]:
    """The form of one event, with the properties its type has."""
    properties = _members(known.properties)
    if known.key is not None:
        properties["required"] = [known.key]
    own = {"event": {"const": known.name}, "properties": properties}
    required = ["event", "customer", *(["properties"] if known.key is not None else [])]
    return {
        "title": known.title, "type": "object", "required": required, "additionalProperties": False,
        "properties": {**_reference(forms.Event), **own},
    }  # fmt: skip


def _reference(model: type[forms.Form]) -> dict[str, Any]:
    return {name: {"$ref": f"{REF}{model.__name__}/properties/{name}"} for name in model.model_fields}


def _members(known: Mapping[str, Property]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _value(one) for name, one in known.items()},
        "additionalProperties": False,
    }


def _fields(catalog: Catalog) -> dict[str, Any]:
    settable = {name: known for name, known in catalog.fields.items() if not known.kept}
    properties = {}
    for name, known in settable.items():
        schema = {"type": "string", "description": "A day: 1990-03-08, 03-08 or 农历八月十五."}
        found = schema if known.home is Home.DATE else _value(known)
        properties[name] = {"anyOf": [found, {"type": "null"}], "title": known.title}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(known: Field | Property) -> dict[str, Any]:
    schema: dict[str, Any] = dict(KINDS.get(known.kind, {}))
    words = known.choices or known.order
    if words:
        schema["enum"] = list(words)
    if known.kind is FieldType.MONEY:
        unit = getattr(known, "unit", None)
        schema["description"] = "In fen." if unit == "fen" else "In yuan, such as 299.00."
    members = getattr(known, "of", None)
    if members:
        schema["items"] = _members(members)
    if known.example is not None and isinstance(known.example, str | int | float | bool):
        schema["examples"] = [known.example]
    return schema
