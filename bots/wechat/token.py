"""How WeChat gives the access token of one account.

stable_token (doc/service/api/base/api_getstableaccesstoken) answers every process with the same token, so no process
spoils another's; force_refresh (20 a day) is never used. Appid and secret travel in the body, not in an address.
"""

from __future__ import annotations

from typing import Final

from automation.kernel.ports import Cache
from bots import errcodes, http
from bots.access_tokens import NoToken, Tokens, read
from bots.wechat import reasons
from bots.wechat.options import WechatOptions

PATH: Final = "/cgi-bin/stable_token"


def tokens(client: http.Client, options: WechatOptions, cache: Cache) -> Tokens:
    url, body = options.base + PATH, {"grant_type": "client_credential", "appid": options.id}

    def fetch() -> tuple[str, int]:
        reply = client.post_json(url, {**body, "secret": options.account_secret})
        if reply.status != 200:
            raise NoToken(http.refusal(reply))
        found = errcodes.read(reply) or {}
        if (code := found.get("errcode", reasons.OK)) != reasons.OK:
            raise NoToken(reasons.refused(code))
        return read(found)

    return Tokens(f"wechat token {http.origin(options.base)} {options.id}", cache, fetch)
