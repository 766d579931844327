"""The one secret of an installation and the keys made from it.

A key file holds lines `number:key`. The highest number seals new values, every number opens old ones; what must stay
the same for ever (blind index, last four digits, idempotency, links) comes from the lowest. The file is apart from the
database and its backups: whoever has both can read the contacts, whoever loses it has lost them.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from automation.kernel import errors

BYTES = 32
WARNING = (
    "keep a copy of the key file in another place than the database and its backups: "
    "without it phones, emails and openids in the database cannot be read by anybody, for ever"
)
HEADING = """\
# Key file of Lucheng. Without it the contacts in the database are lost: keep a copy apart from the database.
# number:key - the highest number seals, all of them open. Never take a line away.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Derived keys of 32 bytes. `data`: by key number, to seal and open; `newest`: the number that seals."""

    data: Mapping[int, bytes]
    newest: int
    index: bytes
    tail: bytes
    idem: bytes
    link: bytes
    fingerprint: str  # tells two keyrings apart without telling the keys


def create(path: Path) -> Keyring:
    """Makes a key file of mode 600 and never touches one that exists (Refused)."""
    line = f"1:{base64.b64encode(secrets.token_bytes(BYTES)).decode()}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise errors.Refused(
            f"{path} exists already and is kept: a new key could not open what the old one sealed"
        ) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(HEADING + line)
        file.flush()
        os.fsync(file.fileno())
    return read(line, str(path))


def load(path: Path, environment: str | None = None) -> Keyring:
    """The keyring from the environment's value where there is one, else from the file; Refused with what to do."""
    if environment:
        return read(environment.replace(",", "\n"), "the key in the environment")
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(64 * 1024).decode("ascii", "replace")
    except FileNotFoundError:
        raise errors.Refused(
            f"there is no key file {path}: restore your copy, or make a new shop with `run.py init`"
        ) from None
    except OSError as error:
        raise errors.ServiceAway(f"the key file {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise errors.Refused(f"{path} can be read by other users (mode {mode:03o}): run `chmod 600 {path}`")
    return read(text, str(path))


def read(text: str, where: str) -> Keyring:
    """A keyring from lines `number:key`; `where` names the source in errors."""
    masters: dict[int, bytes] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("#"):
            continue
        number, _, encoded = line.partition(":")
        masters[_number(number, where)] = _master(encoded, where)
    if not masters:
        raise errors.Refused(f"{where} holds no key: restore your copy of it")
    return _derive(masters)


def _number(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 255):
        raise errors.Refused(f"{where}: each line is number:key with a number from 1 to 255")
    return int(text)


def _master(encoded: str, where: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != BYTES:
        raise errors.Refused(f"{where}: a key is {BYTES} bytes in base64; restore your copy of it")
    return key


def _derive(masters: Mapping[int, bytes]) -> Keyring:
    first = masters[min(masters)]
    return Keyring(
        data={number: _key(master, "data") for number, master in masters.items()},
        newest=max(masters),
        index=_key(first, "index"),
        tail=_key(first, "tail"),
        idem=_key(first, "idem"),
        link=_key(first, "link"),
        fingerprint=_key(first, "fingerprint")[:4].hex(),
    )


def _key(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), BYTES, salt=None, info=f"lucheng {purpose}".encode()).derive(master)
