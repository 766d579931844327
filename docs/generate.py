"""Writes the parts of the documentation that are made from the code: `python -m docs.generate` (`--check`: only look).

A page holds `<!-- made: NAME -->` and `<!-- end -->`; what stands between them is made here, the rest is written by
hand. tests/docs/test_made.py fails where a page is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from docs import operating, tables

FOLDER: Final = Path(__file__).resolve().parent
MADE: Final[Mapping[str, Callable[[], str]]] = {
    "journey": tables.journey,
    "entries": tables.entries,
    "steps": tables.steps,
    "reserved": tables.reserved,
    "comparators": tables.comparators,
    "types": tables.types,
    "words": tables.condition_words,
    "filters": tables.text_filters,
    "tests": tables.text_tests,
    "fields": tables.fields,
    "events": tables.events,
    "festivals": tables.festivals,
    "purposes": tables.purposes,
    "trials": tables.trials,
    "errors": tables.errors,
    "rules": tables.platform_rules,
    "commands": operating.command_pages,
    "settings": operating.settings,
}
PART: Final = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """A page with every made part made anew. KeyError for a part that nothing makes."""
    return PART.sub(lambda found: f"{found[1]}\n{MADE[found[2]]()}\n\n{found[3]}", page)


def stale() -> dict[Path, str]:
    """The pages that are not as they would be made now, with what they should be."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    return {path: new for path, old in pages.items() if (new := renewed(old)) != old}


def main(arguments: list[str]) -> int:
    found = stale()
    for path, new in found.items():
        click.echo(f"{'stale' if '--check' in arguments else 'made'}: docs/{path.name}")
        if "--check" not in arguments:
            path.write_text(new, encoding="utf-8")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
