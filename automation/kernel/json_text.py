"""Plain values as short JSON and back, for what is written and read by the thousand."""

from __future__ import annotations

import json
from typing import Any, Final

_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_make = getattr(json.encoder, "c_make_encoder", None)
# The standard library builds its encoder anew for each call, which takes longer than encoding a short value.
_pieces: Any = _make and _make(
    None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, True
)  # fmt: skip
_decode: Final = json.JSONDecoder().raw_decode


def write(value: object) -> str:
    """On one line, without spaces. Raises TypeError, ValueError or RecursionError for what is no plain value."""
    return "".join(_pieces(value, 0)) if _pieces is not None else _encoder.encode(value)


def read(text: str) -> Any:
    """JSON that begins at the first character, as it stands in our own columns and frames."""
    return _decode(text)[0]
