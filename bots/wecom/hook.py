"""The way in of a WeCom account (接收事件服务器): genuine and fresh first, then decrypted, then read.

All of it is encrypted: there is no plain mode. WeCom repeats a request up to three times, five seconds apart, until it
is answered; repeats are let through, and their dedupe keys are known. Nothing is answered to: an empty 200.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from automation.kernel.hooks import Forgery, Happening, Reply, Request, Response, Unreadable
from automation.kernel.ports import Cache
from bots import callback_crypto as crypto
from bots import callback_xml as xml
from bots.replays import Replays
from bots.wecom.api import Api
from bots.wecom.events import Reader
from bots.wecom.groups import Groups
from bots.wecom.options import WecomOptions

MOST_WAIT: Final = 2  # seconds a group is asked for: WeCom wants an answer within five


class WecomHook:
    """Serves many threads. Who joined or left a group is asked of WeCom, so reading takes its time."""

    asks = True

    def __init__(self, name: str, options: WecomOptions, cache: Cache) -> None:
        """Without token and aes_key every request is a forgery."""
        self.name = name
        self._pairs = [(token, crypto.Envelope(key, options.company)) for token, key in options.callbacks]
        quick = options.model_copy(update={"timeout": min(options.timeout, MOST_WAIT)})
        self._reader = Reader(Groups(name, Api(name, quick, cache), cache))
        self._replays = Replays()

    def verify(self, request: Request, now: int) -> None:
        """Before anything is parsed: size, time, signature over the ciphertext, receiver, replay."""
        if len(request.body) > crypto.BIGGEST:
            raise Forgery("too_large")
        if request.method not in ("GET", "POST"):
            raise Forgery("method")
        crypto.check_fresh(request.query.get("timestamp", ""), now)
        self._open(request)
        if request.method == "POST":
            given = request.query.get("msg_signature", "")
            self._replays.check(given, now)
            self._replays.answered(given, now)

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        if request.method == "GET":
            return ()
        return self._reader.read(xml.read(self._open(request)), now)

    def answer(self, request: Request, reply: Reply | None) -> Response:
        """The decrypted echo to a trial of the address (90930), nothing to anything else."""
        if request.method == "GET":
            return Response(body=self._open(request))
        if self._reader.waits:
            with suppress(Unreadable):  # it was kept as it came
                self._reader.recorded(xml.read(self._open(request)))
        return Response(body=b"")

    def _open(self, request: Request) -> bytes:
        """What is inside. Forgery unless one of our tokens signed it and its key opens it."""
        query = request.query
        sealed = query.get("echostr", "") if request.method == "GET" else crypto.ciphertext(request.body)
        if not sealed or len(sealed) > crypto.BIGGEST:
            raise Forgery("no_ciphertext")
        given = query.get("msg_signature", "")
        genuine = False
        for token, envelope in self._pairs:
            with suppress(Forgery):
                crypto.check_signature(given, token, query.get("timestamp", ""), query.get("nonce", ""), sealed)
                genuine = True
                return envelope.open(sealed)
        raise Forgery("ciphertext" if genuine else "signature")
