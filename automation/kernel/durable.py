"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def replace(made: Path, target: Path) -> None:
    """Gives a finished file, itself on the disk already, its name for good. Raises OSError."""
    made.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
