"""Whether the account really works, and what is left of its quotas: asked of WeChat itself, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from automation.kernel import errors
from automation.kernel.ports import Finding, Quota
from bots import endpoints
from bots.wechat.account import ApiError
from bots.wechat.directory import Directory
from bots.wechat.options import Account, Template, WechatOptions

NO_RIGHT: Final = 48001
TEMPLATES: Final = "template/get_all_private_template"
SUBSCRIPTIONS: Final = "https://api.weixin.qq.com/wxaapi/newtmpl/gettemplate"


def check(directory: Directory, options: WechatOptions) -> Sequence[Finding]:
    """The token first: without one nothing else can be asked."""
    try:
        directory.get("getcallbackip")
    except errors.ServiceAway as error:
        return [Finding("access token", False, str(error), endpoints.away(options.sandbox))]
    except errors.LuchengError as error:
        return [Finding("access token", False, str(error), "compare appid and secret with mp.weixin.qq.com")]
    found = [Finding("access token", True, "WeChat takes appid, secret and this server's address")]
    found += _templates(directory, options)
    found += _subscriptions(directory, options)
    if options.callback_token is None:
        found.append(Finding("callback", None, "no token is set: nothing that followers do arrives", "set token"))
    return found


def quotas(directory: Directory, paths: Mapping[str, str]) -> Sequence[Quota]:
    """Calls of the day by lane (openapi/quota/get). Lanes that the account may not use are left out."""
    found = []
    for lane, path in paths.items():
        try:
            quota = directory.post("openapi/quota/get", {"cgi_path": path}).get("quota")
        except ApiError:
            continue
        if isinstance(quota, dict) and type(quota.get("used")) is int and type(quota.get("daily_limit")) is int:
            found.append(Quota(lane, quota["used"], quota["daily_limit"]))
    return found


def _templates(directory: Directory, options: WechatOptions) -> Sequence[Finding]:
    """Only verified service accounts may ask for their templates, which tells the kind of account too."""
    if options.account is not Account.SERVICE:
        return []
    try:
        listed = directory.get(TEMPLATES).get("template_list")
    except ApiError as error:
        if error.code == NO_RIGHT:
            hint = "set account: subscription, or have it verified"
            return [Finding("account", False, "it is no verified service account", hint)]
        return [Finding("templates", False, str(error))]
    except errors.ServiceAway as error:
        return [Finding("templates", None, str(error))]
    found = [Finding("account", True, "a verified service account")]
    return found + _known("template", options.templates, _ids(listed, "template_id"))


def _subscriptions(directory: Directory, options: WechatOptions) -> Sequence[Finding]:
    if not options.subscriptions:
        return []
    try:
        listed = directory.get(SUBSCRIPTIONS).get("data")
    except errors.LuchengError as error:
        return [Finding("subscriptions", None, str(error))]
    return _known("subscription", options.subscriptions, _ids(listed, "priTmplId"))


def _known(what: str, named: Mapping[str, Template], ids: set[str]) -> list[Finding]:
    return [
        Finding(f"{what} {key}", one.id in ids, "known to WeChat" if one.id in ids else "WeChat does not know its id",
                "" if one.id in ids else "copy the id from mp.weixin.qq.com")
        for key, one in named.items()
    ]  # fmt: skip


def _ids(listed: Any, name: str) -> set[str]:
    found = listed if isinstance(listed, list) else []
    return {one[name] for one in found if isinstance(one, dict) and isinstance(one.get(name), str)}
