"""Pictures that may be sent, known by how they begin and not by their names: PNG, JPEG and GIF."""

from __future__ import annotations

from typing import Final

ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".gif"})
HEAD: Final = 8  # bytes that tell
_SIGNS: Final = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


def kind_of(content: bytes) -> str:
    """png, jpeg or gif, by the first HEAD bytes; "" for what is none."""
    return next((kind for sign, kind in _SIGNS if content.startswith(sign)), "")
