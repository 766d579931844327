"""Alibaba Cloud SMS (dysmsapi, 2017-05-25) as the sandbox speaks it: ACS3 signatures checked, official codes.

The signature is worked out here on its own, from the received request, so that a mistake of the sender shows.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import json
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

from automation.kernel import clock
from bots.sandbox import playing
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Fault, Faults
from bots.sandbox.http_edge import Answer, Broken, Request
from bots.sandbox.platforms import sms_side
from bots.sandbox.platforms.sms_side import Act, Side, Taken
from bots.sms.options import PRETEND_ID, PRETEND_SECRET

_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
_NEEDED = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
_SKEW = 900  # seconds
_TEXTS = {
    "isv.BUSINESS_LIMIT_CONTROL": "触发小时级流控Permits:5",
    "isv.MOBILE_NUMBER_ILLEGAL": "号码格式错误",
    "OK": "OK",
}


class Refused(Exception):
    """`status` of HTTP and the official code. Business codes come with 200."""

    def __init__(self, code: str, status: int = 200) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class Aliyun:
    def __init__(self, deliveries: Deliveries, faults: Faults) -> None:
        self._deliveries, self._faults = deliveries, faults
        self._clock = clock.SystemClock()
        self._nonces: OrderedDict[str, None] = OrderedDict()
        self._number = 0
        self.side = Side(_report, _reply, alone=False, accepts=lambda said: said.get("code") == 0, tries=4)

    async def __call__(self, request: Request) -> Answer | Broken:
        word = request.path.removeprefix("/aliyun/")
        now = self._clock.now() + self.side.settings.offset
        if word.startswith("_"):
            return await self.side.control(word, request, now)
        fault = self._faults.take("http", "aliyun")
        return await playing.around(fault, lambda during: self._answer(request, now, during))

    async def _answer(self, request: Request, now: int, fault: Fault | None) -> Answer:
        self._number += 1
        number = f"SANDBOX-{self._number:08d}"
        try:
            given = self._genuine(request, now)
            data = await self._do(request.headers["x-acs-action"], given, now)
        except Refused as refused:
            said = {"Code": refused.code, "Message": _TEXTS.get(refused.code, refused.code), "RequestId": number}
            return playing.json_answer(refused.status, said)
        return playing.json_answer(200, {"Code": "OK", "Message": "OK", "RequestId": number, **data})

    def _genuine(self, request: Request, now: int) -> Mapping[str, str]:
        """The parameters of a request whose signature is right."""
        headers = request.headers
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if request.method not in ("POST", "GET") or request.path != "/aliyun/" or found is None:
            raise Refused("IncompleteSignature", 400)
        key, names, signature = found.groups()
        if key != PRETEND_ID:
            raise Refused("InvalidAccessKeyId.NotFound", 404)
        signed = names.split(";")
        if not _NEEDED <= set(signed) <= headers.keys() or signed != sorted(signed):
            raise Refused("IncompleteSignature", 400)
        digest = hashlib.sha256(request.body).hexdigest()
        query = "&".join(f"{_rfc(name)}={_rfc(value)}" for name, value in sorted(request.query.items()))
        lines = [request.method, "/", query, *(f"{name}:{headers[name].strip()}" for name in signed), "", names, digest]
        hashed = hashlib.sha256("\n".join(lines).encode("latin-1", "replace")).hexdigest()
        right = hmac.digest(PRETEND_SECRET.encode(), f"ACS3-HMAC-SHA256\n{hashed}".encode(), "sha256").hex()
        if headers["x-acs-content-sha256"] != digest or not hmac.compare_digest(right, signature):
            raise Refused("SignatureDoesNotMatch", 400)
        self._is_fresh(headers, now)
        if headers["x-acs-version"] != "2017-05-25":
            raise Refused("InvalidVersion", 400)
        form = request.content_type == "application/x-www-form-urlencoded"
        body = parse_qsl(request.body.decode(), keep_blank_values=True) if form else []
        return {**request.query, **dict(body)}

    def _is_fresh(self, headers: Mapping[str, str], now: int) -> None:
        try:
            at = calendar.timegm(time.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ"))
        except ValueError:
            raise Refused("InvalidTimeStamp.Format", 400) from None
        if abs(now - at) > _SKEW:
            raise Refused("InvalidTimeStamp.Expired", 400)
        nonce = headers["x-acs-signature-nonce"]
        if nonce in self._nonces:
            raise Refused("SignatureNonceUsed", 400)
        self._nonces[nonce] = None
        if len(self._nonces) > 100_000:
            self._nonces.popitem(last=False)

    async def _do(self, action: str, given: Mapping[str, str], now: int) -> dict[str, Any]:
        match action:
            case "SendSms":
                phones = _needed(given, "PhoneNumbers").split(",")
                params = _params(given.get("TemplateParam") or "{}")
                return await self._take(given, phones, [_needed(given, "SignName")] * len(phones),
                                        [params] * len(phones), now)  # fmt: skip
            case "SendBatchSms":
                phones, signs, listed = (
                    _list(_needed(given, name)) for name in ("PhoneNumberJson", "SignNameJson", "TemplateParamJson")
                )
                if not len(phones) == len(signs) == len(listed) or not phones:
                    raise Refused("isv.INVALID_PARAMETERS")
                if len(phones) > 100:
                    raise Refused("isv.MOBILE_COUNT_OVER_LIMIT")
                return await self._take(given, phones, signs, [_strings(one) for one in listed], now)
            case "QuerySmsSign":
                name = _needed(given, "SignName")
                known = not self.side.settings.signs or name in self.side.settings.signs
                return {"SignName": name, "SignStatus": 1 if known else 2}
            case "QuerySendDetails":
                return self._details(given)
            case "QuerySmsTemplate":
                return self._template(_needed(given, "TemplateCode"))
        raise Refused("InvalidAction.NotFound", 404)

    def _details(self, given: Mapping[str, str]) -> dict[str, Any]:
        """A page of what was sent to one number on one day. SendStatus: 1 no report yet, 2 failed, 3 received."""
        phone = _MOBILE.fullmatch(_needed(given, "PhoneNumber"))
        day, biz = _needed(given, "SendDate"), given.get("BizId", "")
        size, page = _needed(given, "PageSize"), _needed(given, "CurrentPage")
        if (
            phone is None
            or not re.fullmatch(r"\d{8}", day)
            or not (size + page).isdecimal()
            or not 1 <= int(size) <= 50
        ):
            raise Refused("isv.INVALID_PARAMETERS")
        found = [
            one
            for one in self.side.of(f"+86{phone[1]}")
            if _china(one.at)[:10].replace("-", "") == day and biz in ("", one.request.partition("\n")[2])
        ]
        start = (int(page) - 1) * int(size)
        rows = [_detail(one, self.side.told.get(one.id)) for one in found[start : start + int(size)]]
        return {"TotalCount": len(found), "SmsSendDetailDTOs": {"SmsSendDetailDTO": rows}}

    def _template(self, code: str) -> dict[str, Any]:
        known = self.side.settings.templates
        if known and code not in known:
            raise Refused("isv.SMS_TEMPLATE_ILLEGAL")
        one = known.get(code, sms_side.Template())
        state = 1 if one.state is None else one.state
        return {"TemplateCode": code, "TemplateStatus": state, "TemplateType": one.type, "TemplateContent": one.text}

    async def _take(
        self, given: Mapping[str, str], phones: Sequence[str], signs: Sequence[str],
        params: Sequence[Mapping[str, str]], now: int,
    ) -> dict[str, Any]:  # fmt: skip
        template, request = _needed(given, "TemplateCode"), given.get("OutId", "")
        if len(request) >= 256:
            raise Refused("isv.INVALID_PARAMETERS")
        numbers = [self._checked(*one, template) for one in zip(phones, signs, params, strict=True)]
        known = self.side.settings.templates
        messages = [
            {"key": request if len(phones) == 1 else f"{request}.{n}", "lane": "sms", "address": phone,
             "body": {"template": template, "params": dict(one),
                      "text": sms_side.filled(sign, template, known, one)}}
            for n, (phone, sign, one) in enumerate(zip(numbers, signs, params, strict=True))
        ]  # fmt: skip
        ids = await self._deliveries.take("aliyun", "sms", False, messages)
        biz = f"{ids[0]}^0"
        await self.side.take(
            [Taken(phone, f"{request}\n{biz}", id_, now, template) for phone, id_ in zip(numbers, ids, strict=True)]
        )
        return {"BizId": biz}

    def _checked(self, phone: str, sign: str, params: Mapping[str, str], template: str) -> str:
        settings = self.side.settings
        found = _MOBILE.fullmatch(phone)
        if found is None:
            raise Refused("isv.MOBILE_NUMBER_ILLEGAL")
        number = f"+86{found[1]}"
        refused = settings.refuse_all or settings.refuse.get(number)
        if refused:
            raise Refused(refused, 200 if refused.startswith("is") else 400)
        if settings.signs and sign not in settings.signs:
            raise Refused("isv.SMS_SIGNATURE_ILLEGAL")
        one = self._template(template)
        if one["TemplateStatus"] != 1:
            raise Refused("isv.SMS_TEMPLATE_ILLEGAL")
        if not set(re.findall(r"\$\{(\w+)\}", one["TemplateContent"])) <= params.keys() or "" in params.values():
            raise Refused("isv.TEMPLATE_MISSING_PARAMETERS")
        if any(len(value) > 35 for value in params.values()):
            raise Refused("isv.PARAM_LENGTH_LIMIT")
        if any("://" in value for value in params.values()):
            raise Refused("isv.PARAM_NOT_SUPPORT_URL")
        return number


def _report(taken: Taken, act: Act) -> dict[str, Any]:
    request, _, biz = taken.request.partition("\n")
    return {
        "phone_number": taken.phone.removeprefix("+86"), "send_time": _china(taken.at), "report_time": _china(taken.at),
        "success": act.success, "err_code": act.code or ("DELIVERED" if act.success else "UNDELIV"),
        "err_msg": "用户接收成功" if act.success else "发送失败", "sms_size": "1", "biz_id": biz, "out_id": request,
    }  # fmt: skip


def _detail(taken: Taken, told: Mapping[str, Any] | None) -> dict[str, Any]:
    status = 1 if told is None else 3 if told["success"] else 2
    return {
        "PhoneNum": taken.phone.removeprefix("+86"), "SendStatus": status, "TemplateCode": taken.template,
        "ErrCode": str(told["err_code"]) if told else "", "Content": "", "SendDate": _china(taken.at),
        "ReceiveDate": str(told["report_time"]) if told else "", "OutId": taken.request.partition("\n")[0],
    }  # fmt: skip


def _reply(act: Act, now: int) -> dict[str, Any]:
    at = now if act.at is None else act.at
    number = hashlib.sha256(f"{act.phone} {at} {act.text}".encode()).hexdigest()[:12]
    return {"phone_number": act.phone.removeprefix("+86"), "send_time": _china(at), "content": act.text,
            "sign_name": "旅程示例店", "dest_code": "1234567", "sequence_id": int(number, 16)}  # fmt: skip


def _china(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at + 28_800))


def _needed(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise Refused(f"Missing{name}", 400)
    return given[name]


def _list(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise Refused("isv.INVALID_JSON_PARAM")
    return found


def _params(text: str) -> dict[str, str]:
    try:
        return _strings(json.loads(text))
    except ValueError:
        raise Refused("isv.INVALID_JSON_PARAM") from None


def _strings(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Refused("isv.INVALID_JSON_PARAM")
    return value


def _rfc(text: str) -> str:
    return quote(text, safe="-_.~")
