"""The envelope WeChat and WeCom put their callbacks in: a signature over the ciphertext, AES below it.

One signed string holds the token, the time stamp, the nonce and the ciphertext, so nothing of a body is parsed or
decrypted before it is known to be genuine: the ciphertext is cut out by a pattern, not by an XML parser. Every failure
below the signature looks the same to the sender: no padding oracle.

Sources: developer.work.weixin.qq.com/document/path/90968, developers.weixin.qq.com (消息加解密说明).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from automation.kernel.hooks import Forgery

FRESH = 300  # seconds a time stamp may be off
BIGGEST = 64 * 1024  # bytes of a body, looked at before anything else
_BLOCK = 32  # their PKCS#7 pads to 32 bytes, not to AES's 16
_CIPHERTEXT = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?([A-Za-z0-9+/=]{1,60000})(?:\]\]>)?\s*</Encrypt>")


def sign(token: str, *parts: str) -> str:
    """SHA-1 of the sorted parts and the token, as both platforms sign."""
    return hashlib.sha1("".join(sorted((token, *parts))).encode(), usedforsecurity=False).hexdigest()


def check_signature(given: str, token: str, *parts: str) -> None:
    """Raises Forgery unless `given` is the signature. Takes the same time for every wrong one."""
    if not hmac.compare_digest(sign(token, *parts).encode(), given.encode("utf-8", "replace")):
        raise Forgery("signature")


def check_fresh(timestamp: str, now: int) -> None:
    """Raises Forgery where a time stamp is no number or more than FRESH seconds off."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forgery("timestamp")
    if abs(now - int(timestamp)) > FRESH:
        raise Forgery("stale")


def ciphertext(body: bytes) -> str:
    """What stands between <Encrypt> and </Encrypt>. Forgery where there is none, or more than one, or too much."""
    if len(body) > BIGGEST:
        raise Forgery("too_large")
    found = _CIPHERTEXT.findall(body)
    if len(found) != 1:
        raise Forgery("no_ciphertext")
    return bytes(found[0]).decode("ascii")


class Envelope:
    """The AES half, for one account. `receiver`: the appid or corpid, which every message ends with."""

    def __init__(self, aes_key: str, receiver: str) -> None:
        """ValueError where the EncodingAESKey is not 43 characters of base64."""
        try:
            self._key = base64.b64decode(aes_key + "=", validate=True)
        except ValueError:
            self._key = b""
        if len(aes_key) != 43 or len(self._key) != 32:
            raise ValueError("an EncodingAESKey has 43 letters and digits")
        self._receiver = receiver.encode()

    def open(self, sealed: str) -> bytes:
        """The message. Forgery, always the same, where it is damaged or another account's."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            decryptor = self._cipher().decryptor()
            plain = decryptor.update(raw) + decryptor.finalize()
            padding = plain[-1]
            (length,) = struct.unpack(">I", plain[16:20])
        except (ValueError, IndexError, struct.error):
            raise Forgery("ciphertext") from None
        message, receiver = plain[20 : 20 + length], plain[20 + length : len(plain) - padding]
        right = 1 <= padding <= _BLOCK and plain.endswith(bytes([padding]) * padding)
        if not right or len(message) != length or not hmac.compare_digest(receiver, self._receiver):
            raise Forgery("ciphertext")
        return message

    def seal(self, message: bytes) -> str:
        """A message as the platform, or our answer, puts it."""
        plain = os.urandom(16) + struct.pack(">I", len(message)) + message + self._receiver
        padding = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))
