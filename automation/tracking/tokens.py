"""Tokens of links: a few numbers and a seal over them, in at most 40 characters of a URL.

A token names rows and never an address of the web or a person's contact. Its seal is a keyed BLAKE2b of 96 bits
(RFC 7693 2.9) over the numbers, what the link is for, and a mark of this database: another database made with the same
key counts its rows from 1 again, and its old links must not speak of others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from enum import StrEnum

from automation.store.database import Store

KINDS = ("wechat", "wecom", "sms", "email")  # of channel, by the number in tokens: only ever added to
SEAL = 12  # bytes; 80 bits is the least that resists guessing over the net
MOST = 40  # characters
MARK = "link mark"  # a row of `control`
_TOKEN = re.compile(r"[A-Za-z0-9_-]{18,40}")
_PAD = {0: "", 2: "==", 3: "="}


class Use(StrEnum):
    """What a link is for; the first part of its path."""

    CLICK = "c"  # message, target
    OPEN = "o"  # message
    LEAVE = "u"  # message, person, kind of channel
    VISIT = "m"  # person, kind of channel, UTC seconds of its end


class Tokens:
    """Makes and reads tokens. Asks nothing of the database after it was made. Serves many threads."""

    def __init__(self, store: Store, key: bytes) -> None:
        """Must not be made inside a write transaction: the first one marks the database."""
        mark = bytes.fromhex(_mark(store))
        self._sealers = {use: hashlib.blake2b(digest_size=SEAL, key=key, salt=mark, person=use.encode()) for use in Use}

    def make(self, use: Use, *numbers: int) -> str:
        """`numbers`: none is negative."""
        payload = b"".join(map(_packed, numbers))
        return base64.urlsafe_b64encode(payload + self._seal(use, payload)).rstrip(b"=").decode()

    def read(self, use: Use, token: str, count: int) -> tuple[int, ...] | None:
        """The numbers of a token that we made for this use; None for anything else, in the same time."""
        if not _TOKEN.fullmatch(token) or len(token) % 4 not in _PAD:
            return None
        raw = base64.urlsafe_b64decode(token + _PAD[len(token) % 4])
        payload, seal = raw[:-SEAL], raw[-SEAL:]
        if not hmac.compare_digest(seal, self._seal(use, payload)):
            return None
        numbers = _unpacked(payload)
        return numbers if len(numbers) == count else None

    def _seal(self, use: Use, payload: bytes) -> bytes:
        state = self._sealers[use].copy()
        state.update(payload)
        return state.digest()


def _mark(store: Store) -> str:
    """Eight random bytes of this database, in hexadecimal digits."""
    find = "SELECT value FROM control WHERE name = :name"
    found = store.value(find, name=MARK)
    if found is None:
        with store.write() as tx:
            tx.run(
                "INSERT INTO control (name, value, at, who) VALUES (:name, :value, 0, 'engine') ON CONFLICT DO NOTHING",
                name=MARK, value=secrets.token_hex(8),
            )  # fmt: skip
        found = store.value(find, name=MARK)
    return str(found)


def _packed(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the eighth bit set."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _unpacked(payload: bytes) -> tuple[int, ...]:
    numbers, number, shift = [], 0, 0
    for byte in payload:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    return tuple(numbers)
