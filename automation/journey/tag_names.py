"""What a tag may be called. Files of customers put several into one cell, so no tag has a sign that parts them."""

from __future__ import annotations

import re
from typing import Final

SIGNS: Final = re.compile(r"[,，;；、|\n]+")
LONGEST: Final = 60  # characters


def is_possible(name: str) -> bool:
    return (
        bool(name) and len(name) <= LONGEST and name == name.strip() and name.isprintable() and not SIGNS.search(name)
    )
