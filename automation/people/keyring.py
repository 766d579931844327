"""The one secret of an installation and the keys made from it.

A key file holds lines `number:key`. The highest number seals new values, every number from 1 on opens old ones and can
go when nothing is sealed with it any more. What must stay the same for ever (blind index, last four digits,
idempotency, links) comes from the lowest, 0 in every file we make: it seals nothing, so it never has to change. The
file is apart from the database and its backups: whoever has both can read the contacts, whoever loses it has lost them.
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

from automation.kernel import durable, errors

BYTES = 32
MOST = 255  # a sealed value has one byte for the number of its key
WARNING = (
    "keep a copy of the key file in another place than the database and its backups: "
    "without it phones, emails and openids in the database cannot be read by anybody, for ever"
)
FORM = (
    "a key file has the lines 0:KEY and 1:KEY, the environment the same as 0:KEY,1:KEY;"
    " a new shop's two KEYs come from `openssl rand -base64 32`"
)
HEADING = """\
# Key file of Lucheng. Without it the contacts in the database are lost: keep a copy apart from the database.
# number:key - 0 finds contacts and signs links, the highest number seals, all others open what is old.
# Never take a line away by hand: `run.py keys` adds and retires them.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Derived keys of 32 bytes. `data`: by key number, to seal and open; `newest`: the number that seals; `lasting`:
    the number that all the others come from. `file`: where it was read, None for the environment."""

    data: Mapping[int, bytes]
    newest: int
    lasting: int
    index: bytes
    tail: bytes
    idem: bytes
    link: bytes
    fingerprint: str  # tells two shops' keyrings apart without telling the keys
    file: Path | None = None


def create(path: Path) -> Keyring:
    """Makes a key file of mode 600 and never touches one that exists (Refused)."""
    text = HEADING + _line(0) + _line(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise errors.Refused(
            f"{path} exists already and is kept: a new key could not open what the old one sealed"
        ) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return read(text, str(path), path)


def add(path: Path) -> int:
    """Adds a key that seals from now on; its number. Who calls sees to it that nobody else changes the file."""
    path = path.resolve()  # where a link leads, the key belongs
    ring = load(path)
    if ring.newest == MOST:
        raise errors.Refused(f"{path} has had its {MOST} keys")
    text = path.read_text("utf-8")
    _replace(path, text + ("" if text.endswith("\n") else "\n") + _line(ring.newest + 1), path.stat())
    return ring.newest + 1


def retire(path: Path, number: int) -> Path:
    """Moves a key that opens nothing any more into a file of its own beside; that file. As `add` for others.

    Refused for the one that seals and the one that finds.
    """
    path = path.resolve()
    refuse_lasting(load(path), number)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    ours = [line for line in lines if line.strip().partition(":")[0] == str(number)]
    apart = path.with_name(f"{path.name}.retired-{number}")
    like = path.stat()
    _replace(apart, "".join(ours), like)
    _replace(path, "".join(line for line in lines if line not in ours), like)
    return apart


def refuse_lasting(ring: Keyring, number: int) -> None:
    """Refused for a key that is not there, and for those that seal and find."""
    if number == ring.lasting:
        raise errors.Refused(f"key {number} finds contacts and signs links, so it stays; it seals nothing new")
    if number not in ring.data:
        raise errors.Refused(f"there is no key {number}; `run.py keys list` shows them")
    if number == ring.newest:
        raise errors.Refused(f"key {number} seals what is new: `run.py keys add` makes the next one first")


def _line(number: int) -> str:
    return f"{number}:{base64.b64encode(secrets.token_bytes(BYTES)).decode()}\n"


def _replace(path: Path, text: str, like: os.stat_result) -> None:
    """The whole of a file or nothing of it, for the owner of the key file alone: root may call for a service's user."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        durable.replace(fresh, path)
    except OSError as error:
        raise errors.ServiceAway(f"the key file {path} cannot be written: {error.strerror}") from error


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
            f"there is no key file {path}: restore your copy; for a new shop `run.py init DIR`, with the folder of its"
            " config.yaml, makes it there"
        ) from None
    except OSError as error:
        raise errors.ServiceAway(f"the key file {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise errors.Refused(f"{path} can be read by other users (mode {mode:03o}): run `chmod 600 {path}`")
    return read(text, str(path), path)


def read(text: str, where: str, file: Path | None = None) -> Keyring:
    """A keyring from lines `number:key`; `where` names the source in errors."""
    masters: dict[int, bytes] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("#"):
            continue
        number, sign, encoded = line.partition(":")
        if not sign:
            raise errors.Refused(f"{where}: a key stands without its number; {FORM}")
        masters[_number(number, where)] = _master(encoded, where)
    if not masters:
        raise errors.Refused(f"{where} holds no key: restore your copy of it")
    if not any(masters):
        raise errors.Refused(f"{where} has no key that seals, which is a second one with the number 1; {FORM}")
    return _derive(masters, file)


def _number(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST):
        raise errors.Refused(f"{where}: a key has a number from 0 to {MOST} before it; {FORM}")
    return int(text)


def _master(encoded: str, where: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != BYTES:
        raise errors.Refused(f"{where}: a key is {BYTES} bytes in base64; restore your copy of it ({FORM})")
    return key


def _derive(masters: Mapping[int, bytes], file: Path | None) -> Keyring:
    lasting = min(masters)
    first = masters[lasting]
    return Keyring(
        data={number: _key(master, "data") for number, master in masters.items() if number},
        newest=max(masters),
        lasting=lasting,
        index=_key(first, "index"),
        tail=_key(first, "tail"),
        idem=_key(first, "idem"),
        link=_key(first, "link"),
        fingerprint=_key(first, "fingerprint")[:4].hex(),
        file=file,
    )


def _key(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), BYTES, salt=None, info=f"lucheng {purpose}".encode()).derive(master)
