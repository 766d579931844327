"""Reading what is sent: never more than is allowed, never for longer, and JSON of which there is one reading only."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from starlette.requests import Request

from .connection import DROPPED

SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class TooLarge(Exception):
    """More than `most` bytes. `is_endless`: so many that they are not waited for, not even to be dropped."""

    def __init__(self, most: int, is_endless: bool = False) -> None:
        super().__init__(most)
        self.most, self.is_endless = most, is_endless


class TooSlow(Exception):
    """The body did not arrive in time, or its sender left."""


class NotJson(ValueError):
    """Says what is wrong, none of the text."""


async def whole(request: Request, most: int) -> bytes:
    """The body. Raises TooLarge before more than that is kept, TooSlow. The connection watches the time."""
    if "expect" in request.headers and _length(request) > most:
        raise TooLarge(most, is_endless=True)  # whoever asks before the body need not send it
    message = await request.receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(body) <= most:
        return body
    if _length(request) > most:
        raise TooLarge(most, is_endless=_length(request) > DROPPED)
    parts, length = [body], len(body)
    while message.get("more_body") and length <= most:
        message = await request.receive()
        parts.append(message.get("body", b""))
        length += len(parts[-1])
    if message["type"] != "http.request":
        raise TooSlow
    if length > most:
        raise TooLarge(most)
    return b"".join(parts)


def _length(request: Request) -> int:
    """What the sender says it will be; 0 where nothing is said."""
    said = request.headers.get("content-length", "")
    return int(said[:18]) if said.isascii() and said.isdigit() else 0


def parse(body: bytes) -> Any:
    """JSON as RFC 8259 means it: UTF-8, no NaN, no key twice. Raises NotJson."""
    try:
        found = _decoder.decode(body.decode())
        if SURROGATE.search(body):
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:
        raise NotJson("half of a surrogate pair stands alone") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError as error:
        raise NotJson(str(error) if isinstance(error, _Odd) else "a number is too long") from None
    return found


class _Odd(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Odd("a key stands twice in one object")
    return found


def _no_constant(text: str) -> Any:
    raise _Odd(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    found = float(text)
    if found in (float("inf"), float("-inf")):
        raise _Odd("a number is too large")
    return found


_decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant, parse_float=_finite)
