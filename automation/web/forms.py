"""What senders of events and customers write, and what they are answered: the models that the OpenAPI document shows.

What belongs to a shop's catalog (names of events, their properties, fields of customers) is checked afterwards.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import pydantic
from pydantic import ConfigDict, Field

MOST: Final = 1000  # in one request
SOONEST, LATEST = 0, 10**11  # UTC seconds; above stand milliseconds

Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Moment: TypeAlias = Annotated[int, Field(ge=SOONEST, le=LATEST)] | Annotated[str, Field(min_length=4, max_length=40)]


class Form(pydantic.BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Identities(Form):
    """Whom it is about: at least one. A record with several proves that all of them are one customer's."""

    phone: Word | None = None
    email: Word | None = None
    openid: Word | None = None
    unionid: Word | None = None
    wecom_id: Word | None = None
    member_no: Word | None = None
    account: Annotated[Word | None, Field(description="Whose openid or wecom_id it is: the name of a channel.")] = None


class Event(Form):
    """Something a customer did. A customer nobody knows yet is made."""

    event: Annotated[Word, Field(description="A name of the catalog, such as order.paid.")]
    customer: Identities
    properties: Annotated[dict[str, Any], Field(description="Those the catalog names; money in its unit.")] = {}
    at: Annotated[
        Moment | None, Field(description="UTC seconds or 2026-11-20T12:30:00+08:00. Without it: now. Never later.")
    ] = None
    id: Annotated[Word | None, Field(description="The sender's own id of it: the same id counts once.")] = None


class Events(Form):
    """Many at once. Good ones are taken, whatever stands beside them."""

    events: Annotated[list[Any], Field(min_length=1, max_length=MOST)]


class Consent(Form):
    """Whether the customer agreed, or no longer does."""

    channel: Literal["sms", "email", "wechat", "wecom"]
    purpose: Literal["marketing", "service"]
    granted: bool
    at: Annotated[Moment | None, Field(description="When they said so. A yes without it undoes no refusal.")] = None
    text_version: Word | None = None
    evidence: Word | None = None


class Customer(Form):
    """A customer as the shop knows them: found by any identity, or made."""

    customer: Identities
    fields: Annotated[dict[str, Any], Field(description="Values by name; null takes one away.")] = {}
    tags: Annotated[list[Word], Field(max_length=100, description="To add.")] = []
    consents: Annotated[list[Consent], Field(max_length=100)] = []


class Customers(Form):
    """Many at once. Good ones are taken, whatever stands beside them."""

    customers: Annotated[list[Any], Field(min_length=1, max_length=MOST)]


class Problem(Form):
    """What is wrong, where, and what to do. Never repeats a value."""

    code: str
    message: str
    where: str = ""


class Refusal(Form):
    """The body of every answer of 400 and above."""

    error: Problem


class Result(Form):
    """What became of one of them. `known`: it had been taken before and was not taken again."""

    index: Annotated[int, Field(description="Its place in the request, from 0.")]
    status: Literal["added", "known", "created", "updated", "unchanged", "refused"]
    error: Problem | None = None


class Results(Form):
    """`refused` of them were not taken; status 207 where there are any, else 200."""

    taken: int
    refused: int
    results: list[Result]


class Wrong(ValueError):
    """One form is not as it should be. Holds no value of it."""

    def __init__(self, message: str, where: str = "", code: str = "invalid") -> None:
        super().__init__(message)
        self.problem = {"code": code, "message": message, "where": where}


def wrong(error: pydantic.ValidationError) -> Wrong:
    """The first mistake of a form, in words that repeat nothing of it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"] if not str(part).startswith(("function", "constrained")))
    message = "there is no such key" if first["type"] == "extra_forbidden" else str(first["msg"])
    return Wrong(message[:1].lower() + message[1:], where)
