"""Callbacks as WeChat sends them, in safe mode: genuine ones, repeated ones, forged ones and bombs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from automation.app import App
from automation.web import addresses
from bots import callback_crypto as crypto

TOKEN: Final = "bench-callback-token"
AES_KEY: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
APPID: Final = "wx0000000000sandbox"
OPTIONS: Final = '{kind: wechat, sandbox: "http://127.0.0.1:9", token: "${BENCH_TOKEN}", aes_key: "${BENCH_AES_KEY}"}'
ENVIRON: Final = {"BENCH_TOKEN": TOKEN, "BENCH_AES_KEY": AES_KEY}
PEOPLE: Final = 5_000
FORGED: Final = 0.2  # of all requests
REPEATED: Final = 0.1
BOMB: Final = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<xml><Encrypt>&b;</Encrypt></xml>"
)
TEXT: Final = (
    "<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA[o-bench-{person}]]></FromUserName>"
    "<CreateTime>{at}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好 {number}]]></Content>"
    "<MsgId>{number}</MsgId></xml>"
)


def path(app: App) -> str:
    return addresses.hook_path(app.vault.link_key, "wechat_main")


def requests(hook: str, count: int, post: Callable[[str, bytes, str], bytes]) -> tuple[list[tuple[str, bytes]], int]:
    """(sort, request) of so many, in a random order, and how many messages they hold that are genuine and distinct."""
    chance, envelope, at = random.Random(7), crypto.Envelope(AES_KEY, APPID), int(time.time())
    made: list[tuple[str, bytes]] = []
    genuine: list[bytes] = []
    for number in range(count):
        draw = chance.random()
        if draw < FORGED:
            made.append(("forged", _forged(hook, number, at, chance, post)))
        elif draw < FORGED + REPEATED and genuine:
            made.append(("repeated", chance.choice(genuine)))
        else:
            body = TEXT.format(person=number % PEOPLE, at=at, number=10**9 + number).encode()
            genuine.append(_signed(hook, number, at, envelope.seal(body), TOKEN, post))
            made.append(("genuine", genuine[-1]))
    return made, len(genuine)


def _signed(
    hook: str, number: int, at: int, sealed: str, token: str, post: Callable[[str, bytes, str], bytes]
) -> bytes:
    nonce = str(number)
    signed = crypto.sign(token, str(at), nonce, sealed)
    query = f"?timestamp={at}&nonce={nonce}&encrypt_type=aes&msg_signature={signed}"
    body = f"<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    return post(hook + query, body.encode(), "text/xml")


def _forged(hook: str, number: int, at: int, chance: random.Random, post: Callable[[str, bytes, str], bytes]) -> bytes:
    """Signed with another token, too old, changed after signing, or a bomb."""
    envelope = crypto.Envelope(AES_KEY, APPID)
    sealed = envelope.seal(TEXT.format(person=1, at=at, number=number).encode())
    kind = chance.randrange(4)
    if kind == 0:
        return _signed(hook, number, at, sealed, "a guess", post)
    if kind == 1:
        return _signed(hook, number, at - 4000, sealed, TOKEN, post)
    if kind == 2:
        return _signed(hook, number, at, sealed, TOKEN, post).replace(
            b"<![CDATA[" + sealed[:8].encode(), b"<![CDATA[AAAAAAAA"
        )
    return post(f"{hook}?timestamp={at}&nonce=1&encrypt_type=aes&msg_signature={'0' * 40}", BOMB, "text/xml")
