"""The channels section: what every channel has, joined with the options of its kind.

The kinds come from the composition root in the validation context (`kinds`), so that this floor knows no provider.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeAlias, cast, get_args

import pydantic
from pydantic import Field

from automation.kernel import options, sentences
from automation.kernel.shapes import Choice, Strict, refuse

Whole: TypeAlias = Annotated[int, pydantic.Strict()]


class Ambiguous(StrEnum):
    """What to do with a message of which nobody knows whether it left."""

    HOLD = "hold"  # an operator decides
    RESEND = "resend"  # rather twice than never
    DROP = "drop"  # rather never than twice


class OnAmbiguous(Strict):
    """By the legal kind of the message. Only for lanes without a key of the provider: the others are resent with it."""

    marketing: Choice[Ambiguous] = Ambiguous.HOLD
    service: Choice[Ambiguous] = Ambiguous.HOLD


class Breaker(Strict):
    """After `failures` in a row the channel rests for `pause` seconds, longer each time it is still away."""

    failures: Whole = Field(default=10, ge=1, le=10_000)
    pause: options.Seconds = Field(default=30, ge=1, le=86_400)


def _or_none(value: Any) -> Any:
    return None if value == "none" else value


class Channel(Strict):
    """One configured account. The instance is also one of its kind's option model.

    `in_flight`: recipients handed over and not yet answered, which is also the most that a crash leaves unclear.
    `rate`: messages a second; `daily_quota`: messages a day, of the shop's day.
    """

    kind: str
    in_flight: Whole = Field(default=16, ge=1, le=10_000)
    connections: Whole = Field(default=4, ge=1, le=64)
    rate: Annotated[float | None, pydantic.BeforeValidator(_or_none)] = Field(default=None, gt=0, le=100_000)
    daily_quota: Annotated[Whole | None, pydantic.BeforeValidator(_or_none)] = Field(default=None, ge=0)
    on_ambiguous: OnAmbiguous = OnAmbiguous()
    breaker: Breaker = Breaker()


def channel(value: Any, info: pydantic.ValidationInfo) -> Channel:
    """A channel from its mapping, checked against the common keys and those of its kind at once."""
    kinds = (info.context or {})["kinds"]
    if not isinstance(value, dict):
        code, message, hint = sentences.wrong_kind(value, "'key: value' pairs", "S012")
        raise refuse(message, hint, code)
    kind = value.get("kind")
    if "kind" not in value:
        raise refuse("'kind' is missing", f"one of {sentences.some(sorted(kinds))}", "S002")
    if not isinstance(kind, str) or kind not in kinds:
        code, message, hint = sentences.not_a_choice(kind, sorted(kinds))
        raise refuse(message, hint, code, at=("kind",))
    return joined(kinds[kind]).model_validate(value, context=info.context)


def joined(kind: type[pydantic.BaseModel]) -> type[Channel]:
    """A model with the common keys and a kind's own, whose secrets may only be references."""
    taken = set(Channel.model_fields) & set(kind.model_fields)
    if taken:
        raise TypeError(f"{kind.__name__} uses names that every channel has: {sorted(taken)}")
    sealed: dict[str, Any] = {
        name: (Annotated[field.annotation, pydantic.BeforeValidator(_reference)], field)
        for name, field in kind.model_fields.items()
        if _is_secret(field.annotation) and not any(_resolves(part) for part in field.metadata)
    }
    pace = getattr(kind, "RATE", None)
    if pace is not None:  # a kind whose provider allows a rate by itself
        sealed["rate"] = (Channel.model_fields["rate"].annotation, pydantic.fields.FieldInfo.merge_field_infos(
            Channel.model_fields["rate"], default=pace
        ))  # fmt: skip
    # Option models outside this tree are written for lax validation: words for their enums, whole numbers for seconds.
    base = type(kind.__name__, (Channel, kind), {"model_config": {"extra": "forbid", "frozen": True, "strict": False}})
    return cast(type[Channel], pydantic.create_model(kind.__name__, __base__=cast(type[Channel], base), **sealed))


def _is_secret(annotation: Any) -> bool:
    return annotation is pydantic.SecretStr or pydantic.SecretStr in get_args(annotation)


def _resolves(part: Any) -> bool:
    return isinstance(part, pydantic.BeforeValidator) and part.func is options.resolve


def _reference(value: Any, info: pydantic.ValidationInfo) -> Any:
    return None if value is None else options.resolve(value, info)
