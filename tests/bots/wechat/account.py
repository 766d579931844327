"""An official account as WeChat's side sees it: signs, encrypts and posts what a callback is made of."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from automation.kernel.hooks import Request
from bots.wechat.options import WechatOptions

NOW = 1_772_323_200  # 2026-03-01 08:00 in Shanghai
APPID, TOKEN = "wx1234567890abcdef", "the-token-of-the-test"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
FAN, OURS = "oFAN-of-the-test_0000000001", "gh_0000000001"


def options(**more: Any) -> WechatOptions:
    given = {"appid": APPID, "secret": "s", "token": TOKEN, "aes_key": AES_KEY, **more}
    return WechatOptions.model_validate(given)


def sha1(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def encrypt(text: bytes, key: str = AES_KEY, appid: str = APPID, padding: int | None = None) -> str:
    """As the official sample code does it, written anew so that a mistake of ours is not made twice."""
    secret = base64.b64decode(key + "=")
    plain = os.urandom(16) + struct.pack(">I", len(text)) + text + appid.encode()
    missing = 32 - len(plain) % 32
    filled = plain + bytes([missing if padding is None else padding]) * missing
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    return base64.b64encode(encryptor.update(filled) + encryptor.finalize()).decode()


def decrypt(sealed: str, key: str = AES_KEY) -> tuple[bytes, str]:
    """(message, appid)"""
    secret = base64.b64decode(key + "=")
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    (size,) = struct.unpack(">I", plain[16:20])
    return plain[20 : 20 + size], plain[20 + size :].decode()


@dataclass
class Platform:
    """Makes requests. `nonce` counts up, so that each one is new."""

    token: str = TOKEN
    key: str = AES_KEY
    appid: str = APPID
    sent: int = field(default=0)

    def query(self, now: int, *covered: str) -> dict[str, str]:
        self.sent += 1
        timestamp, nonce = str(now), f"n{self.sent}"
        found = {"timestamp": timestamp, "nonce": nonce, "signature": sha1(self.token, timestamp, nonce)}
        if covered:
            found["encrypt_type"] = "aes"
            found["msg_signature"] = sha1(self.token, timestamp, nonce, *covered)
        return found

    def safe(self, xml: str | bytes, now: int = NOW, **more: Any) -> Request:
        """In safe mode: only the ciphertext stands in the body."""
        text = xml.encode() if isinstance(xml, str) else xml
        sealed = encrypt(text, self.key, self.appid, **more)
        body = f"<xml><ToUserName><![CDATA[{OURS}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        return Request("POST", self.query(now, sealed), {}, body.encode())

    def compatible(self, xml: str, now: int = NOW) -> Request:
        """In compatible mode both stand there; here they say different things."""
        sealed = encrypt(xml.encode(), self.key, self.appid)
        body = f"<xml><Content>forged</Content><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        return Request("POST", self.query(now, sealed), {}, body.encode())

    def plain(self, xml: str | bytes, now: int = NOW) -> Request:
        return Request("POST", self.query(now), {}, xml.encode() if isinstance(xml, str) else xml)

    def echo(self, text: str = "6401234567890", now: int = NOW) -> Request:
        return Request("GET", self.query(now) | {"echostr": text}, {}, b"")


def message(content: str = "你好", number: str = "23000000000000001", kind: str = "text", more: str = "") -> str:
    return _xml(
        f"<MsgType><![CDATA[{kind}]]></MsgType><Content>{cdata(content)}</Content><MsgId>{number}</MsgId>{more}"
    )


def event(name: str, key: str = "", more: str = "", at: int = NOW - 1) -> str:
    said = (
        f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{name}]]></Event><EventKey>{cdata(key)}</EventKey>{more}"
    )
    return _xml(said, at)


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _xml(inside: str, at: int = NOW - 1) -> str:
    who = f"<ToUserName>{cdata(OURS)}</ToUserName><FromUserName>{cdata(FAN)}</FromUserName>"
    return f"<xml>{who}<CreateTime>{at}</CreateTime>{inside}</xml>"
