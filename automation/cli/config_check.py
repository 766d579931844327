"""What config.yaml names of the catalog: events, their properties, and the fields that headings of files mean.

Apart from reading config.yaml, which knows no catalog; the engine runs on with what is wrong here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from automation.conditions.tree import FieldType
from automation.journey.catalog import Catalog
from automation.journey.policy_file import KINDS
from automation.kernel import source
from automation.kernel.document import Document, Loc
from automation.kernel.errors import Problem
from automation.people.importing import columns
from automation.rendering.texts import Kind
from automation.settings import Settings

UNKNOWN: Final = "S024"
NAMES_STAFF: Final = "a field of type text that is not sealed, with the name of one of the staff in it"
_AMOUNTS: Final = (FieldType.MONEY, FieldType.NUMBER)


def check(path: Path, settings: Settings, catalog: Catalog) -> list[Problem]:
    """Every name below `lifecycle`, `import.headers` and `staff` that the catalog does not have. What is not written
    there has a default, which a shop without orders need not declare."""
    document = source.read(path)
    return [
        *_lifecycle(document, settings, catalog),
        *_headers(document, settings, catalog),
        *_staff(document, settings, catalog),
    ]


def _lifecycle(document: Document, settings: Settings, catalog: Catalog) -> Iterator[Problem]:
    written = document.data.get("lifecycle", {})
    event, amount = settings.lifecycle.event, settings.lifecycle.amount
    known = catalog.events.get(event)
    if known is None:
        if "event" in written:
            yield _unknown(document, ("lifecycle", "event"), f"there is no event '{event}'", event, catalog.events)
        return
    amounts = [name for name, one in known.properties.items() if one.kind in _AMOUNTS]
    if "amount" in written and amount not in amounts:
        message = f"'{amount}' is no amount of {event}"
        yield _unknown(document, ("lifecycle", "amount"), message, amount, amounts)


def _headers(document: Document, settings: Settings, catalog: Catalog) -> Iterator[Problem]:
    own = (
        columns.TAGS,
        columns.CREATED,
        columns.CONSENT,
        columns.IGNORE,
        columns.EVENT,
        columns.AT,
        columns.DEDUPE,
        *columns.PROOFS,
    )
    consents = [f"{columns.CONSENT}.{kind}" for kind in KINDS]
    consents += [f"{consent}.{channel}" for consent in consents for channel in Kind]
    properties = [name for event in catalog.events.values() for name in event.properties]
    known = dict.fromkeys((*catalog.fields, *own, *consents, *properties))
    for name in settings.imports.headers:
        if name not in known:
            loc = ("import", "headers", name)
            yield _unknown(document, loc, f"'{name[:40]}' is nothing that a file can give", name, known)


def _staff(document: Document, settings: Settings, catalog: Catalog) -> Iterator[Problem]:
    usable = [name for name, one in catalog.fields.items() if one.is_plain_text]
    for role, person in settings.staff.items():
        if person.field is None or person.field in usable:
            continue
        loc, known = ("staff", role, "field"), catalog.fields.get(person.field)
        if known is None:
            yield _unknown(document, loc, f"there is no field '{person.field[:40]}'", person.field, usable)
        else:
            why = "is sealed" if known.sealed else "is no text of the shop's own"
            yield document.problem(loc, UNKNOWN, f"'{known.name}' {why}, and cannot say who is told", NAMES_STAFF)


def _unknown(document: Document, loc: Loc, message: str, word: str, known: Collection[str]) -> Problem:
    close = source.nearest(word, known)
    hint = f"did you mean '{close}'?" if close else "declare it in catalog.yaml, or mend it here"
    return document.problem(loc, UNKNOWN, message, hint, key="headers" in loc)
