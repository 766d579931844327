"""wechatpy for one account, made safe: our HTTP client below it, our token, one bounded second try, errors of ours.

Its own retry fetches tokens without end (auto_retry), its own token call has no time-out, and making a client for each
call leaks (its pull request 772): so one client an account, with all that switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

import requests
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from automation.kernel import errors
from automation.kernel.ports import Reason
from bots import http, wechatpy_transport
from bots.access_tokens import NoToken, Tokens
from bots.wechat import reasons
from bots.wechat.options import WechatOptions

T = TypeVar("T")
ADVICE: Final = {
    40001: "the AppSecret is wrong or was reset",
    40013: "the appid is wrong",
    40125: "the AppSecret is wrong or was reset",
    40164: "add this server's address to the IP list of the account (IP白名单)",
    40243: "the AppSecret is frozen: thaw it at mp.weixin.qq.com",
    45009: "the calls of today are used up",
    48001: "the account has no right to this interface: is it verified, and a service account?",
    50002: "the account is restricted: look at mp.weixin.qq.com",
}


# What wechatpy lets through of an answer that is none: it reads members, numbers and nested JSON without asking.
NONSENSE: Final = (
    requests.RequestException, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip


class ApiError(errors.Refused):
    """WeChat refused a call of the account. `code`: its errcode."""

    def __init__(self, code: int) -> None:
        advice = ADVICE.get(code)
        super().__init__(f"WeChat refused with errcode {code}" + (f": {advice}" if advice else ""))
        self.code = code


class AccountClient:
    """Serves one thread at a time, as command lines do."""

    def __init__(self, options: WechatOptions, client: http.Client, tokens: Tokens) -> None:
        self._tokens = tokens
        self._client = _Client(options.id, tokens)
        wechatpy_transport.mount(self._client._http, client, options.sandbox and options.base)

    def call(self, ask: Callable[[WeChatClient], T]) -> T:
        """What `ask` gets of wechatpy. Raises ApiError, or ServiceAway where no good answer came."""
        for turn in (1, 2):
            try:
                return ask(self._client)
            except NoToken as error:
                _raise_for(error)
            except WeChatClientException as error:
                code = error.errcode
            except NONSENSE:
                raise errors.ServiceAway("WeChat gave an answer that is none") from None
            if turn == 1 and code in reasons.TOKEN:
                self._renew()
            elif isinstance(code, int) and reasons.refused(code).reason is not Reason.UNAVAILABLE:
                raise ApiError(code)
            else:
                raise errors.ServiceAway(f"WeChat is busy (errcode {code})")
        raise errors.ServiceAway("WeChat refuses every token")

    def object(self, ask: Callable[[WeChatClient], Any]) -> dict[str, Any]:
        """The same where the answer has to be a JSON object."""
        found = self.call(ask)
        if not isinstance(found, dict):
            raise errors.ServiceAway("WeChat gave an answer that is none")
        return found

    def _renew(self) -> None:
        try:
            self._tokens.renew(self._client.used)
        except NoToken as error:
            _raise_for(error)


class _Client(WeChatClient):  # type: ignore[misc]  # it is untyped
    """wechatpy's client with our token in the place of its own."""

    def __init__(self, appid: str, tokens: Tokens) -> None:
        super().__init__(appid, "", auto_retry=False)
        self._tokens, self.used = tokens, ""

    @property
    def access_token(self) -> str:
        self.used = self._tokens.get()
        return self.used


def _raise_for(error: NoToken) -> NoReturn:
    if error.refusal is not None:
        raise ApiError(error.refusal) from None
    raise errors.ServiceAway(f"no access token from WeChat ({error.outcome.code})") from None
