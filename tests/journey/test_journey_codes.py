"""Every code a journey's problem can have is in the table, and every code of the table can happen."""

from __future__ import annotations

import re
from pathlib import Path

from automation.journey import journey_codes

FOLDER = Path(journey_codes.__file__).parent


def test_the_table_and_the_readers_agree() -> None:
    files = [path for path in FOLDER.glob("*.py") if path.stem != "journey_codes"]
    used = {code for path in files for code in re.findall(r'"((?:J0|W5)\d\d)"', path.read_text(encoding="utf-8"))}
    assert used == set(journey_codes.CODES)
