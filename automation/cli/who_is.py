"""Which customer an operator means: by phone, email, openid, member number, #id, uid or the last four digits."""

from __future__ import annotations

from automation.kernel import errors
from automation.people import identities
from automation.store.database import Statements

from . import options
from .session import Session

MOST = 50
BY = "a phone, email, openid, member number, #id or uid, the last four digits of a phone, or the beginning of a name"
SHORTEST_PHONE = 10  # digits: what is shorter may have been meant as an id
NAMED = """
    SELECT id FROM person WHERE merged_into IS NULL AND substr(name, 1, :length) = :beginning ORDER BY name, id
    LIMIT :most"""


def found(session: Session, text: str) -> list[int]:
    """Everybody the words may mean, by their id; a name by its beginning."""
    registry, plain = session.people, _id_in_digits(text.strip())
    people = identities.search(registry, plain, tuple(session.settings.channels))
    return people or (_named(registry.store, plain) if plain else [])


def one(session: Session, text: str) -> int:
    """The one customer; Refused where there is none or several."""
    people = found(session, text)
    if not people:
        raise errors.Refused(nobody(text, "`run.py customers find`"))
    if len(people) > 1:
        listed = ", ".join(f"#{person}" for person in people[:10])
        raise errors.Refused(f"{len(people)} customers fit: {listed}; name one by its #id")
    return people[0]


def nobody(text: str, command: str = "this") -> str:
    """That nobody is found, and what `command` takes. A bare number is no id: a member number may have a slip."""
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) < SHORTEST_PHONE:
        return (
            f"nobody has the phone, member number or last four digits {plain}; the customer's id is written '#{plain}'"
        )
    return f"there is no such customer; {command} looks by {BY}"


def _id_in_digits(text: str) -> str:
    """#1,915 as tables show it is #1915."""
    return f"#{options.without_commas(text[1:])}" if text.startswith("#") else text


def _named(statements: Statements, beginning: str) -> list[int]:
    # Not LIKE: no sign of the name is a wildcard, and capitals count in both databases.
    rows = statements.rows(NAMED, beginning=beginning, length=len(beginning), most=MOST)
    return [row[0] for row in rows]
