"""Plays the fault in force around the taking of a request, the same for every interface of the sandbox.

Apart from the routes, because every platform has its own words for «slow down» and its own way of taking a message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from bots.sandbox.faults import Fault, Mode
from bots.sandbox.http_edge import Answer, Broken, End

Take = Callable[[Fault | None], Awaitable[Answer]]
"""Takes the request and answers. It is given a fault that concerns the taking itself: PARTIAL."""


async def around(fault: Fault | None, take: Take) -> Answer | Broken:
    """What the client sees of a request under a fault; without one, what `take` answers."""
    if fault is None:
        return await take(None)
    match fault.mode:
        case Mode.RATE:
            return json_answer(429, {"error": "too_fast"}, fault.retry_after)
        case Mode.ERROR:
            return json_answer(fault.status, {"error": "out_of_order"}, fault.retry_after)
        case Mode.HANG:
            return Broken(End.SILENCE, fault.seconds)
        case Mode.RESET:
            return Broken(End.RESET)
        case Mode.SLOW:
            await asyncio.sleep(fault.seconds)
    return _spoilt(await take(fault), fault)


def json_answer(status: int, value: object, retry_after: int | None = None) -> Answer:
    """A JSON answer. `retry_after` in seconds."""
    headers = (("retry-after", str(retry_after)),) if retry_after is not None else ()
    return Answer(status, json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), headers=headers)


def _spoilt(answer: Answer, fault: Fault) -> Answer | Broken:
    """What the client sees of an acceptance."""
    match fault.mode:
        case Mode.ACCEPT_THEN_TIMEOUT:
            return Broken(End.SILENCE, fault.seconds)
        case Mode.ACCEPT_THEN_RESET:
            return Broken(End.RESET)
        case Mode.ACCEPT_THEN_GARBAGE:
            return Answer(200, b"<html>It works!", "text/html")
    return answer
