"""The addresses and ids by which a person is known, and finding people by them.

Identities are stored sealed; they are found by blind index, a phone by its last four digits too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from automation.journey import built_in
from automation.store.database import Statements, Transaction

from .normalise import TAILED, Unusable, last_four, normalise
from .registry import Registry
from .sealing import Vault, identity_context

NUMBER = re.compile(r"#[0-9]{1,18}")  # more no column holds
UID = re.compile(r"[0-9a-f]{32}")
SEALED = ("kind", "account", "lookup", "sealed", "key_id", "verified_at")  # what does not depend on the person
INSERT = """
    INSERT INTO identity (kind, account, lookup, person_id, sealed, key_id, verified_at)
    VALUES (:kind, :account, :lookup, :person, :sealed, :key_id, :verified)"""
# Whoever was merged away is not found: the identities moved, and uid and id lead to the one who was kept.
KEPT = "SELECT coalesce(merged_into, id) FROM person WHERE"


class Identity(NamedTuple):
    """A normalised identity. `account`: whose openid it is (the channel's name), "" for kinds the same everywhere."""

    kind: str
    text: str
    account: str = ""


def identity(kind: str, text: str, account: str = "") -> Identity:
    """Normalises what somebody wrote; Unusable with the reason."""
    if kind not in built_in.IDENTITIES:
        raise Unusable(f"{kind[:40]!r} is not a kind of identity; there are {', '.join(built_in.IDENTITIES)}")
    return Identity(kind, normalise(kind, text), account)


def lookups(vault: Vault, identities: Iterable[Identity]) -> list[bytes]:
    return vault.lookups((known.kind, known.account, known.text) for known in identities)


def owner(statements: Statements, kind: str, account: str, lookup: bytes) -> int | None:
    """The person an identity belongs to."""
    sql = "SELECT person_id FROM identity WHERE lookup = :lookup AND kind = :kind AND account = :account"
    found = statements.value(sql, lookup=lookup, kind=kind, account=account)
    return None if found is None else int(found)


def insert(registry: Registry, tx: Transaction, person_id: int, known: Identity, verified_at: int | None) -> None:
    """Gives a person an identity that belongs to nobody yet."""
    vault = registry.vault
    lookup = vault.lookup(known.kind, known.account, known.text)
    sealed = vault.seal(known.text, identity_context(lookup))
    tx.run(
        INSERT, kind=known.kind, account=known.account, lookup=lookup, person=person_id, key_id=sealed[1],
        sealed=sealed, verified=verified_at,
    )  # fmt: skip


def remove(registry: Registry, tx: Transaction, person_id: int, known: Identity) -> bool:
    """Takes an identity from a person; False where it was not theirs."""
    lookup = registry.vault.lookup(known.kind, known.account, known.text)
    sql = "DELETE FROM identity WHERE lookup = :lookup AND kind = :kind AND account = :account AND person_id = :person"
    return bool(tx.run(sql, lookup=lookup, kind=known.kind, account=known.account, person=person_id))


def opened(registry: Registry, statements: Statements, person_id: int) -> list[tuple[Identity, int | None]]:
    """A person's identities in clear, with when each was verified; the newest of a kind first."""
    found = statements.rows(
        "SELECT kind, account, lookup, sealed, verified_at FROM identity WHERE person_id = :person"
        " ORDER BY kind, id DESC",
        person=person_id,
    )
    return [
        (Identity(kind, registry.vault.open(sealed, identity_context(lookup)), account), verified)
        for kind, account, lookup, sealed, verified in found
    ]


def search(registry: Registry, text: str, accounts: Sequence[str] = ()) -> list[int]:
    """People by whatever an operator has: #id, uid, a whole identity, or the last four digits of a phone.

    `accounts`: the accounts openids may belong to. Several people mostly for four digits.
    """
    plain = text.strip()
    found = whole(registry, plain, accounts)
    if len(plain) == 4 and plain.isascii() and plain.isdigit():
        found += by_last_four(registry, registry.store, plain)
    return list(dict.fromkeys(found))


def whole(registry: Registry, text: str, accounts: Sequence[str] = ()) -> list[int]:
    """People by what names one of them: #id, uid or a whole identity. A number without `#` is never an id."""
    plain = text.strip()
    store = registry.store
    if NUMBER.fullmatch(plain):
        return [row[0] for row in store.rows(f"{KEPT} id = :id", id=int(plain[1:]))]
    if UID.fullmatch(plain):
        return [row[0] for row in store.rows(f"{KEPT} uid = :uid", uid=plain)]
    found = (_owner(registry, kind, plain, account) for kind in built_in.IDENTITIES for account in ("", *accounts))
    return list(dict.fromkeys(person for person in found if person is not None))


def by_last_four(registry: Registry, statements: Statements, digits: str) -> list[int]:
    """People who have a phone with these last four digits, by id. Opens the few whose blind index begins so."""
    first, last = registry.vault.ending(digits)
    kinds = ", ".join(f"'{kind}'" for kind in sorted(TAILED))
    candidates = statements.rows(
        "SELECT person_id, kind, lookup, sealed FROM identity"
        f" WHERE lookup BETWEEN :first AND :last AND kind IN ({kinds}) ORDER BY person_id",
        first=first,
        last=last,
    )
    opened_by = registry.vault.open
    found = (
        person
        for person, kind, lookup, sealed in candidates
        if last_four(kind, opened_by(sealed, identity_context(lookup))) == digits
    )
    return list(dict.fromkeys(found))


def _owner(registry: Registry, kind: str, text: str, account: str) -> int | None:
    try:
        known = identity(kind, text, account)
    except Unusable:
        return None
    return owner(registry.store, kind, account, registry.vault.lookup(kind, account, known.text))
