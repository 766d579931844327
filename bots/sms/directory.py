"""What an account has: whether its keys, signature and templates are accepted, and what is left of its packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from automation.kernel.ports import Finding, Quota
from bots import endpoints, http
from bots.sms.api import Answer, Api
from bots.sms.options import Purpose, SmsOptions, Template, TencentOptions

KEYS = "the keys are accepted"
_ALIYUN_MARKETING = 2  # TemplateType: 0 code, 1 notice, 2 marketing, 3 abroad
_ALIYUN_STATES = {0: "still being reviewed", 1: "", 2: "refused", 10: "withdrawn"}
_TENCENT_STATES = {0: "", 1: "still being reviewed", -1: "refused", 2: "not yet in force"}


def check_aliyun(account: Api, options: SmsOptions) -> list[Finding]:
    """Asks QuerySmsSign and QuerySmsTemplate, once for each template. Sends nothing."""
    answer, away = _ask(account, "QuerySmsSign", {"SignName": options.sign_name})
    if answer is None:
        return [away]
    if _is_auth(answer.code):
        return [Finding(KEYS, False, answer.code, _hint(answer.code))]
    state = _ALIYUN_STATES.get(_whole(answer.data, "SignStatus"), "unknown") if not answer.code else answer.code
    found = [Finding(KEYS, True, "signed and accepted"), _signature(options, state)]
    for key, template in sorted(options.templates.items()):
        answer, away = _ask(account, "QuerySmsTemplate", {"TemplateCode": template.id})
        if answer is None:
            return [*found, away]
        state = _ALIYUN_STATES.get(_whole(answer.data, "TemplateStatus"), "unknown") if not answer.code else answer.code
        found.append(_template(key, template, state))
        if not state:
            marketing = _whole(answer.data, "TemplateType") == _ALIYUN_MARKETING
            found += _differs(key, template, _text(answer.data, "TemplateContent"), "${%s}", marketing)
    return found


def check_tencent(account: Api, options: TencentOptions) -> list[Finding]:
    """Asks DescribeSmsTemplateList, and DescribeSmsSignList where `sign_id` is known. Sends nothing."""
    ids = [int(template.id) for template in options.templates.values()]
    answer, away = _ask(account, "DescribeSmsTemplateList", {"International": 0, "TemplateIdSet": ids[:100]})
    if answer is None:
        return [away]
    if answer.code:
        return [Finding(KEYS, False, answer.code, _hint(answer.code))]
    found = [Finding(KEYS, True, "signed and accepted"), *_tencent_signature(account, options)]
    known = {str(one.get("TemplateId")): one for one in _listed(answer.data, "DescribeTemplateStatusSet")}
    for key, template in sorted(options.templates.items()):
        one = known.get(template.id)
        state = "there is none of this id" if one is None else _TENCENT_STATES.get(_whole(one, "StatusCode"), "unknown")
        found.append(_template(key, template, state))
        if one is not None and not state:
            found += _differs(key, template, _text(one, "TemplateContent"), "", None)
    return found


def packages(account: Api, options: TencentOptions) -> list[Quota]:
    """The account's packages of messages. Empty where the provider does not answer."""
    answer, _ = _ask(account, "SmsPackagesStatistics", {"SmsSdkAppId": options.app_id, "Limit": 20, "Offset": 0})
    if answer is None or answer.code:
        return []
    return [
        Quota(f"package {one.get('PackageId')}", _whole(one, "CurrentUsage"), _whole(one, "AmountOfPackage"))
        for one in _listed(answer.data, "SmsPackagesStatisticsSet")
    ]


def _tencent_signature(account: Api, options: TencentOptions) -> Iterator[Finding]:
    if options.sign_id is None:
        yield Finding(f"signature 【{options.sign_name}】", None, "not looked at", "give sign_id to have it looked at")
        return
    answer, away = _ask(account, "DescribeSmsSignList", {"International": 0, "SignIdSet": [options.sign_id]})
    if answer is None:
        yield away
        return
    listed = _listed(answer.data, "DescribeSignListStatusSet")
    state = _TENCENT_STATES.get(_whole(listed[0], "StatusCode"), "unknown") if listed else "there is none of this id"
    if listed and listed[0].get("SignName") != options.sign_name:
        state = "another name belongs to sign_id"
    yield _signature(options, answer.code or state)


def _ask(account: Api, action: str, given: Mapping[str, Any]) -> tuple[Answer | None, Finding]:
    away = Finding(KEYS, False, "the provider could not be reached", endpoints.away(account.sandbox))
    try:
        answer = account.call(action, given)
    except http.TransportError as error:
        return None, Finding(KEYS, False, str(error), away.hint)
    if answer.refusal is not None:
        return None, Finding(KEYS, False, f"an answer that is not the provider's ({answer.refusal.code})", away.hint)
    return answer, away


def _signature(options: SmsOptions, state: str) -> Finding:
    hint = f"have it approved at {options.console}" if state else ""
    return Finding(f"signature 【{options.sign_name}】", not state, state or "approved", hint)


def _template(key: str, template: Template, state: str) -> Finding:
    hint = "have it approved, or correct its id in config.yaml" if state else ""
    return Finding(f"template {key} ({template.id})", not state, state or "approved", hint)


def _differs(key: str, template: Template, text: str, place: str, marketing: bool | None) -> Iterator[Finding]:
    """Where what was approved is not what config.yaml says of it."""
    what = f"template {key} ({template.id})"
    if template.text and text:
        ours = template.text
        for number, name in enumerate(template.params or (), start=1):
            ours = ours.replace(f"{{{name}}}", place % name if place else f"{{{number}}}")
        if place and not template.params:
            ours = ours.replace("{", "${")
        if ours.strip() != text.strip():
            yield Finding(what, None, "its text is not the approved one", "copy it from the provider's console")
    if marketing is not None and marketing != (template.kind is Purpose.MARKETING):
        said = "approved for marketing" if marketing else "approved for notices"
        yield Finding(what, False, f"{said}, and `kind` says otherwise", "correct `kind` in config.yaml (SMS-08)")


def _is_auth(code: str) -> bool:
    return code.startswith(("InvalidAccessKeyId", "Signature", "IncompleteSignature", "InvalidTimeStamp", "Forbidden",
                            "NoPermission", "isp.RAM", "isv.RAM"))  # fmt: skip


def _hint(code: str) -> str:
    if "TimeStamp" in code or "SignatureExpire" in code:
        return "the clock of this machine is wrong: set it by NTP"
    if "Forbidden" in code or "Permission" in code or "Unauthorized" in code or "RAM" in code:
        return "give the keys' user the right to send SMS"
    return "check id and secret of the keys"


def _whole(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else -999


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _listed(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = data.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
