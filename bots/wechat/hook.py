"""The way in of an official account: genuine and fresh first, then decrypted, then read; answered as WeChat wants it.

WeChat sends a request up to three times, five seconds apart, until it is answered. Such a repeat is let through and
gets the same stored answer by its dedupe key; the same request later on is a replay (bots/replays.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from automation.kernel.hooks import Forgery, Happening, Reply, Request, Response
from automation.kernel.ports import Cache
from bots import callback_crypto as crypto
from bots import callback_xml as xml
from bots.replays import Replays
from bots.wechat.events import Found, Reader
from bots.wechat.options import WechatOptions

ECHO: Final = re.compile(r"[A-Za-z0-9+/=_-]{1,256}")
UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # not allowed in XML 1.0
MOST_TEXT: Final = 2048  # bytes of a text that WeChat carries (45002)
OURS: Final = "application/xml; charset=utf-8"


class WechatHook:
    """Serves many threads. Safe and compatible mode; plain mode only where the options say so."""

    def __init__(self, name: str, options: WechatOptions, cache: Cache | None = None) -> None:
        """`cache` is what its channel shares with other processes; a hook needs none."""
        self.name = name
        self._tokens = options.callback_tokens
        self._envelopes = [crypto.Envelope(key, options.id) for key in options.callback_keys]
        self._plain = options.plain
        self._reader = Reader(options)
        self._replays = Replays()

    def verify(self, request: Request, now: int) -> None:
        if len(request.body) > crypto.BIGGEST:
            raise Forgery("too_large")
        timestamp = request.query.get("timestamp", "")
        crypto.check_fresh(timestamp, now)
        if request.method == "GET":
            self._signed(request, "signature")
            if not ECHO.fullmatch(request.query.get("echostr", "")):
                raise Forgery("echo")
            return
        if request.method != "POST":
            raise Forgery("method")
        given = self._verify_post(request)
        self._replays.check(given, now)
        self._replays.answered(given, now)

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        return self._reader.read(self._found(request), now) if request.method == "POST" else ()

    def answer(self, request: Request, reply: Reply | None) -> Response:
        if request.method == "GET":
            return Response(body=request.query.get("echostr", "").encode())
        if reply is None or not reply.text.strip():
            return Response(body=b"success")
        timestamp, nonce = request.query.get("timestamp", "0"), request.query.get("nonce", "")
        ours = xml.word(self._found(request), "ToUserName")
        message = _text_message(reply, ours, timestamp)
        if self._is_plain(request):
            return Response(body=message, content_type=OURS)
        sealed = self._envelopes[0].seal(message)
        signed = crypto.sign(self._tokens[0], timestamp, nonce, sealed)
        return Response(body=_envelope(sealed, signed, timestamp, nonce), content_type=OURS)

    def _verify_post(self, request: Request) -> str:
        """The signature that holds. In safe mode it covers the body, and the body is this account's."""
        if self._is_plain(request):
            if not self._plain:
                raise Forgery("plain")
            return self._signed(request, "signature")
        sealed = crypto.ciphertext(request.body)
        given = self._signed(request, "msg_signature", sealed)
        self._open(sealed)
        return given

    def _signed(self, request: Request, name: str, *covered: str) -> str:
        """The given signature; Forgery unless one of the tokens made it."""
        given = request.query.get(name, "")
        parts = (request.query.get("timestamp", ""), request.query.get("nonce", ""), *covered)
        for token in self._tokens:
            with suppress(Forgery):
                crypto.check_signature(given, token, *parts)
                return given
        raise Forgery("signature")

    def _open(self, sealed: str) -> bytes:
        for envelope in self._envelopes:
            with suppress(Forgery):
                return envelope.open(sealed)
        raise Forgery("ciphertext")

    def _is_plain(self, request: Request) -> bool:
        """Whether nothing of it is encrypted. In compatible mode both are sent, and only the ciphertext is read."""
        return request.query.get("encrypt_type", "raw") != "aes" and "msg_signature" not in request.query

    def _found(self, request: Request) -> Found:
        body = request.body if self._is_plain(request) else self._open(crypto.ciphertext(request.body))
        # Nicknames and messages bring characters that XML does not allow, and WeChat does not take them out.
        text = UNSEEN.sub("", body.decode("utf-8", "replace"))
        return xml.read(text.encode())


def _text_message(reply: Reply, ours: str, timestamp: str) -> bytes:
    """A passive reply. Its time is that of the request, so that a repeat is answered with the same words."""
    members = (("ToUserName", reply.who.value), ("FromUserName", ours))
    said = "".join(f"<{name}>{_quoted(value)}</{name}>" for name, value in members)
    text = _quoted(_cut(UNSEEN.sub("", reply.text)))
    return (
        f"<xml>{said}<CreateTime>{timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content>{text}</Content></xml>"
    ).encode()


def _envelope(sealed: str, signed: str, timestamp: str, nonce: str) -> bytes:
    return (
        f"<xml><Encrypt>{_quoted(sealed)}</Encrypt><MsgSignature>{_quoted(signed)}</MsgSignature>"
        f"<TimeStamp>{timestamp}</TimeStamp><Nonce>{_quoted(nonce)}</Nonce></xml>"
    ).encode()


def _quoted(text: str) -> str:
    """CDATA, in which the one thing that would end it early is split over two."""
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _cut(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MOST_TEXT else raw[: MOST_TEXT - 3].decode("utf-8", "ignore") + "…"
