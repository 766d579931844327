"""Seals what points to a person, and finds it again without opening it.

A sealed value is AES-256-GCM: version byte, key number, 12 bytes of nonce, text and tag. Its context is authenticated,
so a value copied to another row does not open. Looked up is a keyed hash (blind index): equal values are seen to be
equal, guessing needs the key. That of a phone begins with 16 bits made from its last four digits alone, the one index
over few possible values: it shows a thief of the database which phones share an ending, not which ending.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from automation.kernel import errors
from automation.store.database import Statements

from . import keyring as rings
from .keyring import Keyring
from .normalise import TAILED

log = logging.getLogger(__name__)

VERSION = 1
NONCE = 12
LOOKUP = 16  # bytes of a blind index
TAIL = 2  # the first of them, where the kind is found by its last four digits
IDENTITY = b"identity"
UID_SALT = b"lucheng uid"
SEEDS = 2**31 - 1


Stamp: TypeAlias = tuple[int, int, int]
Begun: TypeAlias = Callable[[], hashlib.blake2s]


class Vault:
    """Keys at work. Threads share it. It follows its key file: a key that was added seals from then on."""

    def __init__(self, keyring: Keyring) -> None:
        self._file = keyring.file
        self._stamp: Stamp | None = None  # the file may have changed since it was read
        self._ciphers = _Ciphers(keyring)
        self.idem_key = keyring.idem
        self.link_key = keyring.link
        self.fingerprint = keyring.fingerprint
        self._index = keyring.index
        self._begun: dict[tuple[str, str], Begun] = {}
        self._tail = HMAC(keyring.tail, SHA256())
        self._tails: dict[str, bytes] = {}
        self._uid = hashlib.blake2b(digest_size=16, key=keyring.link, person=UID_SALT)

    def lookup(self, kind: str, account: str, normalised: str) -> bytes:
        """The blind index of an identity, 16 bytes. `account` is "" for kinds that are the same everywhere."""
        return self.lookup_column(kind, account, (normalised,))[0]

    def lookups(self, known: Iterable[tuple[str, str, str]]) -> list[bytes]:
        """Blind indexes of many (kind, account, normalised)."""
        return [self.lookup_column(kind, account, (text,))[0] for kind, account, text in known]

    def lookup_column(self, kind: str, account: str, texts: Sequence[str]) -> list[bytes]:
        """Blind indexes of many identities of one kind and account."""
        begun = self._begun.get((kind, account)) or self._begin(kind, account)
        found = []
        for text in texts:
            state = begun()
            state.update(text.encode())
            found.append(state.digest())
        if kind in TAILED:
            tails, digits = self._tails, [text[-4:] for text in texts]
            ends = [tails.get(four) or self.tail(four) for four in digits]
            found = [end + index[:-TAIL] for end, index in zip(ends, found, strict=True)]
        return found

    def uid(self, lookup: bytes) -> str:
        """The public id of a person first seen by this identity: 32 hex digits, the same in every repeated import."""
        state = self._uid.copy()
        state.update(lookup)
        return state.hexdigest()

    def tail(self, digits: str) -> bytes:
        """The hash of four digits, 2 bytes. There are 10,000 of them, so each is computed once."""
        known = self._tails.get(digits)
        if known is None:
            state = self._tail.copy()
            state.update(digits.encode())
            known = self._tails[digits] = state.finalize()[:TAIL]
        return known

    def ending(self, digits: str) -> tuple[bytes, bytes]:
        """The first and the last blind index a phone with these last four digits can have."""
        tail = self.tail(digits)
        return tail + bytes(LOOKUP - TAIL), tail + b"\xff" * (LOOKUP - TAIL)

    def seal(self, text: str, context: bytes) -> bytes:
        """`context` says where the value stands; the same is needed to open it."""
        return self.seal_many((text,), (context,))[0]

    def seal_many(self, texts: Sequence[str], contexts: Sequence[bytes]) -> list[bytes]:
        # One draw of randomness for all. It is never kept: a copy in a forked process would use nonces twice.
        random = os.urandom(NONCE * len(texts))
        nonces = [random[at : at + NONCE] for at in range(0, len(random), NONCE)]
        self._follow()
        ciphers = self._ciphers
        head, encrypt = ciphers.head, ciphers.newest.encrypt
        return [
            head + nonce + encrypt(nonce, text.encode(), context)
            for nonce, text, context in zip(nonces, texts, contexts, strict=True)
        ]

    def open(self, sealed: bytes, context: bytes) -> str:
        """Raises Refused where the key is another one or the value was changed or moved."""
        return self._open(bytes(sealed), context).decode()

    def resealed(self, sealed: bytes, context: bytes) -> bytes | None:
        """The same value under the key of now, None where it is already.

        The nonce stays, so that copies of one sealed value stay equal; under a new key it is as fresh as any.
        """
        self._follow()
        sealed, ciphers = bytes(sealed), self._ciphers
        if sealed[: len(ciphers.head)] == ciphers.head:
            return None
        nonce = sealed[2 : 2 + NONCE]
        return ciphers.head + nonce + ciphers.newest.encrypt(nonce, self._open(sealed, context), context)

    @property
    def newest(self) -> int:
        """The number of the key that seals now."""
        self._follow()
        return self._ciphers.head[1]

    def _begin(self, kind: str, account: str) -> Begun:
        """BLAKE2s with a key is a MAC of its own (RFC 7693): it has half the work of HMAC-SHA256."""
        begun = hashlib.blake2s(f"{kind}|{account}|".encode(), digest_size=LOOKUP, key=self._index).copy
        self._begun[kind, account] = begun
        return begun

    def _open(self, sealed: bytes, context: bytes) -> bytes:
        cipher = None
        if len(sealed) > NONCE + 2 and sealed[0] == VERSION:
            cipher = self._ciphers.all.get(sealed[1])
            if cipher is None:
                self._follow()
                cipher = self._ciphers.all.get(sealed[1])
        if cipher is None:
            raise errors.Refused(
                "a sealed value was made with a key that is not in the key file: restore your copy of it"
            )
        try:
            return cipher.decrypt(sealed[2 : 2 + NONCE], sealed[2 + NONCE :], context)
        except InvalidTag:
            raise errors.Refused("a sealed value does not open: the key file is not the one of this database") from None

    def _follow(self) -> None:
        """Takes a changed key file into use; one that cannot be read, or is another shop's, changes nothing."""
        if self._file is None or (stamp := _stamp(self._file)) == self._stamp or stamp is None:
            return
        try:
            fresh = rings.load(self._file)
        except errors.LuchengError as error:
            log.warning("the key file changed and is not taken into use: %s", error)
        else:
            if fresh.fingerprint == self.fingerprint:
                self._ciphers = _Ciphers(fresh)
            else:
                log.warning("the key file became another shop's and is not taken into use")
        self._stamp = stamp


class _Ciphers:
    """Of one state of the key file, replaced as a whole: threads see the old or the new one."""

    def __init__(self, keyring: Keyring) -> None:
        self.all = {number: AESGCM(key) for number, key in keyring.data.items()}
        self.newest = self.all[keyring.newest]
        self.head = bytes((VERSION, keyring.newest))


def _stamp(file: Path | None) -> Stamp | None:
    """Another one whenever the file was replaced or written."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size) if found else None


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
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:8]) % SEEDS
