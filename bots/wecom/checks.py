"""Whether a configured account really works, asked of WeCom itself. Sends nothing to anybody."""

from __future__ import annotations

from automation.kernel import errors
from automation.kernel.ports import Finding
from bots import endpoints
from bots.wecom import answers
from bots.wecom.api import Api, Key
from bots.wecom.options import WecomOptions


def check(api: Api, options: WecomOptions) -> list[Finding]:
    """Both secrets, the app, the employees who may have customers, and the callback."""
    found = [
        _token(api, Key.APP, "secret of the app", options),
        _token(api, Key.CUSTOMERS, "secret for customers", options),
        _agent(api, options),
        _employees(api, options),
    ]
    configured = bool(options.callbacks)
    said = "token and EncodingAESKey are set" if configured else "no token and aes_key: nothing comes back"
    hint = "" if configured else "set both here and in 接收事件服务器"
    return [*found, Finding("callback", True if configured else None, said, hint)]


def _hint(error: errors.LuchengError, options: WecomOptions, otherwise: str) -> str:
    return endpoints.away(options.sandbox) if isinstance(error, errors.ServiceAway) else otherwise


def _token(api: Api, key: Key, what: str, options: WecomOptions) -> Finding:
    try:
        api.try_token(key)
    except errors.LuchengError as error:
        return Finding(
            what, False, str(error), _hint(error, options, "compare corpid and secret with the admin console")
        )
    return Finding(what, True, "accepted")


def _agent(api: Api, options: WecomOptions) -> Finding:
    try:
        answer = api.get(Key.APP, "agent/get", agentid=options.agent)
    except errors.LuchengError as error:
        return Finding(
            "app", False, str(error), _hint(error, options, "agent_id stands in 应用管理, beside the secret")
        )
    if answer.get("close") == 1:
        return Finding("app", False, "the app is switched off", "switch it on in 应用管理")
    return Finding("app", True, f"agent {options.agent} is there")


def _employees(api: Api, options: WecomOptions) -> Finding:
    try:
        answer = api.get(Key.CUSTOMERS, "externalcontact/get_follow_user_list")
    except errors.LuchengError as error:
        return Finding(
            "employees", False, str(error), _hint(error, options, "let the app call 客户联系, in 可调用接口的应用")
        )
    known = set(answers.words(answer, "follow_user"))
    named = {*options.employees, *([options.sender] if options.sender else [])}
    missing = sorted(named - known)
    if missing:
        hint = "add them in 客户联系, 使用范围"
        return Finding("employees", False, f"{', '.join(missing)} may not have customers", hint)
    return Finding("employees", bool(known) or None, f"{len(known)} may have customers")
