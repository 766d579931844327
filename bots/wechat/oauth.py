"""Who opens a page inside WeChat: the address that asks them, and what their answer proves (网页授权).

The `state` WeChat hands back says nothing secret but cannot be made by others: it is signed, ends after ten minutes,
and holds only together with the browser's own cookie (doc/service/guide/h5/auth: letters and digits, 128 at most).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import quote

from wechatpy import WeChatOAuth
from wechatpy.exceptions import WeChatOAuthException

from automation.kernel import errors
from automation.kernel.hooks import Who
from automation.kernel.visits import Visitor
from bots import http, wechatpy_transport
from bots.wechat.account import NONSENSE, ApiError
from bots.wechat.options import WechatOptions

LASTS: Final = 600
SPENT: Final = frozenset({40029, 40163})  # the code is none, or none any more; was used before
_SIGN, _TIME = 40, 8  # hexadecimal digits
_WHERE: Final = re.compile(r"[A-Za-z0-9]{0,64}")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
OPEN: Final = "https://open.weixin.qq.com"


class OAuth:
    """The Visits of an account. Serves many threads."""

    def __init__(self, options: WechatOptions, client: http.Client) -> None:
        self._base = OPEN if options.sandbox is None else options.base
        self._appid = options.id
        self._key = hashlib.sha256(b"wechat oauth state " + options.account_secret.encode()).digest()
        self._options, self._client = options, client

    def address(self, redirect: str, where: str, browser: str, now: int) -> str:
        """Where the browser is sent. `where`: letters and digits that come back; `browser`: the value of its cookie.

        Asks for nothing but who it is (snsapi_base): no page of WeChat is shown.
        """
        if not _WHERE.fullmatch(where):
            raise ValueError("letters and digits, at most 64")
        state = self._signed(where, f"{now + LASTS:08x}", browser)
        return (
            f"{self._base}/connect/oauth2/authorize?appid={self._appid}&redirect_uri={quote(redirect, safe='')}"
            f"&response_type=code&scope=snsapi_base&state={state}#wechat_redirect"
        )

    def visitor(self, code: str, state: str, browser: str, now: int) -> Visitor:
        """Who came back with this code and state. Refused where they are not ours, too old, or used before; what else
        WeChat refuses is no fault of the visitor's: ServiceAway, with the errcode."""
        where = self._where(state, browser, now)
        if not _CODE.fullmatch(code):
            raise errors.Refused("this is no code of WeChat")
        try:
            found = self._api().fetch_access_token(code)
        except WeChatOAuthException as error:
            if error.errcode is None:
                raise errors.ServiceAway("WeChat does not answer as it should") from None
            refusal = ApiError(error.errcode)
            if error.errcode in SPENT:
                raise refusal from None
            raise errors.ServiceAway(str(refusal)) from None
        except NONSENSE:
            raise errors.ServiceAway("WeChat gave an answer that is none") from None
        openid, unionid = found.get("openid"), found.get("unionid")
        if not isinstance(openid, str) or not openid:
            raise errors.ServiceAway("WeChat gave an answer that is none")
        also = {"unionid": unionid} if isinstance(unionid, str) and unionid else {}
        return Visitor(Who("openid", openid, also), where)

    def _api(self) -> WeChatOAuth:
        """Made for each visit: it keeps the visitor's token."""
        api = WeChatOAuth(self._options.id, self._options.account_secret, "")
        wechatpy_transport.mount(api._http, self._client, self._options.sandbox and self._options.base)
        return api

    def _where(self, state: str, browser: str, now: int) -> str:
        ends, where = state[_SIGN : _SIGN + _TIME], state[_SIGN + _TIME :]
        genuine = re.fullmatch(r"[0-9a-f]{48}[A-Za-z0-9]{0,64}", state) is not None
        if not genuine or not hmac.compare_digest(self._signed(where, ends, browser), state):
            raise errors.Refused("the state of this visit was not made here, or in another browser")
        if now > int(ends, 16):
            raise errors.Refused("the visit took too long: open the page again")
        return where

    def _signed(self, where: str, ends: str, browser: str) -> str:
        signed = hmac.new(self._key, f"{ends} {where} {browser}".encode(), hashlib.sha256).hexdigest()[:_SIGN]
        return f"{signed}{ends}{where}"
