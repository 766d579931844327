"""What every channel checks about the batch it is handed, before anything leaves. A breach is a programming error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from automation.kernel.ports import Denied, Lane, Message, Reason

NOT_TRIED: Final = Denied(Reason.UNAVAILABLE, "not_tried", permanent=False, retry_after=1)
"""What could not leave within the time of one send."""
_KEY = re.compile(r"[0-9a-z]{1,32}")


def lane_of(lanes: Sequence[Lane], messages: Sequence[Message]) -> Lane:
    """The one lane of a non-empty batch. ValueError for an unknown lane, mixed lanes, too many messages or a key
    that is not 1 to 32 characters of [0-9a-z]."""
    name = messages[0].lane
    lane = next((lane for lane in lanes if lane.name == name), None)
    if lane is None:
        raise ValueError(f"this channel has no lane {name!r}")
    if len(messages) > lane.batch:
        raise ValueError(f"{len(messages)} messages for a lane that takes {lane.batch} at once")
    for message in messages:
        if message.lane != name:
            raise ValueError("a batch is of one lane")
        if not _KEY.fullmatch(message.idem_key):
            raise ValueError("an idempotency key is 1 to 32 characters of [0-9a-z]")
    return lane
