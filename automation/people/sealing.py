"""Seals what points to a person, and finds it again without opening it.

A sealed value is AES-256-GCM: version byte, key number, 12 bytes of nonce, text and tag. Its context is authenticated,
so a value copied to another row does not open. Looked up is a keyed hash (blind index): equal values are seen to be
equal, guessing needs the key. The last four digits of a phone have a hash of 16 bits of their own, the one index over
few possible values: it shows a thief of the database which phones share an ending, not which ending.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.hmac import HMAC

from automation.kernel import errors
from automation.store.database import Statements

from .keyring import Keyring

VERSION = 1
NONCE = 12
LOOKUP = 16  # bytes of a blind index
IDENTITY = b"identity"
UID_SALT = b"lucheng uid"
SEEDS = 2**31 - 1
NEW_HASH = Hash(SHA256())


class Vault:
    """Keys at work. Threads share it."""

    def __init__(self, keyring: Keyring) -> None:
        self.key_id = keyring.newest
        self.idem_key = keyring.idem
        self.link_key = keyring.link
        self.fingerprint = keyring.fingerprint
        self._ciphers = {number: AESGCM(key) for number, key in keyring.data.items()}
        self._index = HMAC(keyring.index, SHA256())
        self._tail = HMAC(keyring.tail, SHA256())
        self._tails: dict[str, int] = {}
        self._uid = hashlib.blake2b(digest_size=16, key=keyring.link, person=UID_SALT)

    def lookup(self, kind: str, account: str, normalised: str) -> bytes:
        """The blind index of an identity, 16 bytes. `account` is "" for kinds that are the same everywhere."""
        return self.lookups((f"{kind}|{account}|{normalised}",))[0]

    def lookups(self, texts: Iterable[str]) -> list[bytes]:
        """Blind indexes of many `kind|account|normalised`."""
        # A prepared HMAC is copied: hashlib's own copies cost twice as much.
        prepared = self._index.copy
        found = []
        for text in texts:
            state = prepared()
            state.update(text.encode())
            found.append(state.finalize()[:LOOKUP])
        return found

    def uid(self, lookup: bytes) -> str:
        """The public id of a person first seen by this identity: 32 hex digits, the same in every repeated import."""
        state = self._uid.copy()
        state.update(lookup)
        return state.hexdigest()

    def tail(self, digits: str) -> int:
        """The hash of four digits, 0 to 65535. There are 10,000 of them, so each is computed once."""
        known = self._tails.get(digits)
        if known is None:
            state = self._tail.copy()
            state.update(digits.encode())
            known = self._tails[digits] = int.from_bytes(state.finalize()[:2])
        return known

    def seal(self, text: str, context: bytes) -> bytes:
        """`context` says where the value stands; the same is needed to open it."""
        return self.seal_many((text,), (context,))[0]

    def seal_many(self, texts: Sequence[str], contexts: Sequence[bytes]) -> list[bytes]:
        # One draw of randomness for all. It is never kept: a copy in a forked process would use nonces twice.
        random = os.urandom(NONCE * len(texts))
        nonces = [random[at : at + NONCE] for at in range(0, len(random), NONCE)]
        head = bytes((VERSION, self.key_id))
        encrypt = self._ciphers[self.key_id].encrypt
        return [
            head + nonce + encrypt(nonce, text.encode(), context)
            for nonce, text, context in zip(nonces, texts, contexts, strict=True)
        ]

    def open(self, sealed: bytes, context: bytes) -> str:
        """Raises Refused where the key is another one or the value was changed or moved."""
        sealed = bytes(sealed)
        cipher = self._ciphers.get(sealed[1]) if len(sealed) > NONCE + 2 and sealed[0] == VERSION else None
        if cipher is None:
            raise errors.Refused(
                "a sealed value was made with a key that is not in the key file: restore your copy of it"
            )
        try:
            return cipher.decrypt(sealed[2 : 2 + NONCE], sealed[2 + NONCE :], context).decode()
        except InvalidTag:
            raise errors.Refused("a sealed value does not open: the key file is not the one of this database") from None


def identity_context(lookup: bytes) -> bytes:
    """Binds a sealed identity to its row: the blind index is unique, and stays when persons are merged."""
    return IDENTITY + bytes(lookup)


def fits(statements: Statements, vault: Vault) -> bool:
    """Whether this key opens this database's contacts (also when it has none yet): for `doctor`."""
    found = statements.row("SELECT sealed, lookup FROM identity ORDER BY id DESC LIMIT 1")
    if found is None:
        return True
    try:
        vault.open(found[0], identity_context(found[1]))
    except errors.Refused:
        return False
    return True


def seed_of(uid: str) -> int:
    """The number all choices about a person are made from: uniform in [0, 2**31 - 1)."""
    state = NEW_HASH.copy()
    state.update(uid.encode())
    return int.from_bytes(state.finalize()[:8]) % SEEDS
