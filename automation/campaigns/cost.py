"""What a campaign's text messages will be billed: parts of each message, and money where the channel names a price.

Parameters are not rendered for it: each counts as so many characters as a name or an amount mostly has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from automation.engine.parts import Parts
from automation.journey import graph
from automation.kernel import segments
from automation.rendering.texts import BASE, Kind

_PLACE: Final = re.compile(r"\{\w+\}")
_TYPICAL: Final = "字" * 6


@dataclass(frozen=True, slots=True)
class Cost:
    """`parts`: billed parts of one message; `fen`: of all messages together, None where no price is known."""

    channel: str
    messages: int
    parts: int
    fen: int | None


def of(parts: Parts, send: graph.Send, reached: Mapping[str, int]) -> tuple[Cost, ...]:
    """One for each channel of SMS that is reached. `reached`: channel -> messages."""
    text = parts.project.texts.texts.get(send.text)
    template = text.template(BASE, Kind.SMS) if text is not None else None
    found = []
    for channel, messages in reached.items():
        if template is None or parts.project.shop.channels.get(channel) != Kind.SMS or not messages:
            continue
        known = parts.settings.channels.get(channel)
        signature = str(getattr(known, "sign_name", ""))
        billed = segments.segments(_PLACE.sub(_TYPICAL, template.preview), signature)
        price = float(getattr(known, "price_fen", 0))
        found.append(Cost(channel, messages, billed, round(price * billed * messages) if price else None))
    return tuple(found)
