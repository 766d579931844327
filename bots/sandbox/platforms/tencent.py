"""Tencent Cloud SMS (2021-01-11) as the sandbox speaks it: TC3 signatures checked, official codes, an answer a number.

The signature is worked out here on its own, from the received request, so that a mistake of the sender shows.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from functools import reduce
from typing import Any

from automation.kernel import clock
from bots.sandbox import playing
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Fault, Faults, Mode
from bots.sandbox.http_edge import Answer, Broken, Request
from bots.sandbox.platforms import sms_side
from bots.sandbox.platforms.sms_side import Act, Side, Taken
from bots.sms.options import PRETEND_ID, PRETEND_SECRET

_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request, SignedHeaders=([a-z0-9;-]+),"
    r" Signature=([0-9a-f]{64})"
)
_MOBILE = re.compile(r"\+861[3-9][0-9]{9}")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
_SKEW = 300  # seconds
_CHINA = 28_800  # seconds ahead of UTC
_FAULTS = {
    "bad_address": "InvalidParameterValue.IncorrectPhoneNumber",
    "not_reachable": "UnsupportedOperation.UnsupportedRegion",
    "rate_limited": "LimitExceeded.PhoneNumberThirtySecondLimit",
    "quota": "LimitExceeded.AppDailyLimit",
    "unavailable": "ResourceUnavailable",
    "bad_content": "FailedOperation.ContainSensitiveWord",
    "not_allowed": "FailedOperation.InsufficientBalanceInSmsPackage",
}


class Refused(Exception):
    """The official code of an error of the whole request; the HTTP status is 200 all the same."""


class Tencent:
    def __init__(self, deliveries: Deliveries, faults: Faults) -> None:
        self._deliveries, self._faults = deliveries, faults
        self._clock = clock.SystemClock()
        self._number = 0
        self.side = Side(_report, _reply, alone=True, accepts=lambda said: said.get("result") == 0, tries=3)

    async def __call__(self, request: Request) -> Answer | Broken:
        word = request.path.removeprefix("/tencent/")
        now = self._clock.now() + self.side.settings.offset
        if word.startswith("_"):
            return await self.side.control(word, request, now)
        fault = self._faults.take("http", "tencent")
        return await playing.around(fault, lambda during: self._answer(request, now, during))

    async def _answer(self, request: Request, now: int, fault: Fault | None) -> Answer:
        self._number += 1
        number = f"sandbox-{self._number:08d}"
        try:
            given = _genuine(request, now)
            data = await self._do(request.headers.get("x-tc-action", ""), given, now, fault)
        except Refused as refused:
            data = {"Error": {"Code": str(refused), "Message": str(refused)}}
        return playing.json_answer(200, {"Response": {**data, "RequestId": number}})

    async def _do(self, action: str, given: Mapping[str, Any], now: int, fault: Fault | None) -> dict[str, Any]:
        match action:
            case "SendSms":
                return await self._send(given, now, fault)
            case "PullSmsSendStatus" | "PullSmsReplyStatus":
                return self._pull(action, given)
            case "PullSmsSendStatusByPhoneNumber":
                return self._status_of(given)
            case "DescribeSmsTemplateList":
                listed = [self._template(str(one)) for one in _list(given, "TemplateIdSet")]
                return {"DescribeTemplateStatusSet": [one for one in listed if one is not None]}
            case "DescribeSmsSignList":
                name = (self.side.settings.signs or ["旅程示例店"])[0]
                ids = _list(given, "SignIdSet")
                return {
                    "DescribeSignListStatusSet": [{"SignId": one, "SignName": name, "StatusCode": 0} for one in ids]
                }
            case "SmsPackagesStatistics":
                _text(given, "SmsSdkAppId")
                return {"SmsPackagesStatisticsSet": [
                    {"PackageId": 1, "AmountOfPackage": 1000, "CurrentUsage": len(self.side.taken)}
                ]}  # fmt: skip
        raise Refused("InvalidAction")

    async def _send(self, given: Mapping[str, Any], now: int, fault: Fault | None) -> dict[str, Any]:
        phones, params = _list(given, "PhoneNumberSet"), given.get("TemplateParamSet") or []
        template, request = _text(given, "TemplateId"), str(given.get("SessionContext") or "")
        self._check_request(given, phones, template, params)
        codes = [self._code(phone) for phone in phones]
        if fault is not None and fault.mode is Mode.PARTIAL:
            codes = [_FAULTS[fault.error] if (n + 1) % fault.every == 0 else code for n, code in enumerate(codes)]
        values = {str(n): value for n, value in enumerate(params, start=1)}
        text = sms_side.filled(_text(given, "SignName"), template, self.side.settings.templates, values)
        fine = [phone for phone, code in zip(phones, codes, strict=True) if code == "Ok"]
        messages = [
            {"key": request if len(phones) == 1 else f"{request}.{n}", "lane": "sms", "address": phone,
             "body": {"template": template, "params": values, "text": text}}
            for n, phone in enumerate(fine)
        ]  # fmt: skip
        ids = await self._deliveries.take("tencent", "sms", False, messages)
        await self.side.take([Taken(phone, request, id_, now) for phone, id_ in zip(fine, ids, strict=True)])
        serial = dict(zip(fine, ids, strict=True))
        return {"SendStatusSet": [
            {"SerialNo": serial.get(phone, "") if code == "Ok" else "", "PhoneNumber": phone, "Fee": int(code == "Ok"),
             "SessionContext": request, "Code": code, "Message": "send success" if code == "Ok" else code,
             "IsoCode": "CN"}
            for phone, code in zip(phones, codes, strict=True)
        ]}  # fmt: skip

    def _check_request(self, given: Mapping[str, Any], phones: list[Any], template: str, params: Any) -> None:
        settings = self.side.settings
        _text(given, "SmsSdkAppId")
        if settings.refuse_all:
            raise Refused(settings.refuse_all)
        if not 1 <= len(phones) <= 200:
            raise Refused("LimitExceeded.PhoneNumberCountLimit")
        if len(set(phones)) != len(phones) or not all(isinstance(phone, str) for phone in phones):
            raise Refused("InvalidParameterValue.IncorrectPhoneNumber")
        if len({str(phone).startswith("+86") for phone in phones}) > 1:
            raise Refused("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber")
        if len(str(given.get("SessionContext") or "").encode()) > 512:
            raise Refused("InvalidParameterValue")
        if settings.signs and _text(given, "SignName") not in settings.signs:
            raise Refused("FailedOperation.SignatureIncorrectOrUnapproved")
        if not isinstance(params, list) or not all(isinstance(one, str) for one in params):
            raise Refused("InvalidParameterValue.TemplateParameterFormatError")
        known = self._template(template)
        if known is None or known["StatusCode"] != 0:
            raise Refused("FailedOperation.TemplateUnapprovedOrNotExist")
        places = set(re.findall(r"\{(\d+)\}", known["TemplateContent"]))
        if known["TemplateContent"] and len(places) != len(params):
            raise Refused("FailedOperation.TemplateParamSetNotMatchApprovedTemplate")
        if any("://" in one for one in params):
            raise Refused("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter")

    def _code(self, phone: str) -> str:
        refused = self.side.settings.refuse.get(phone)
        if refused:
            return refused
        fine = _MOBILE.fullmatch(phone) or _ABROAD.fullmatch(phone)
        return "Ok" if fine else "InvalidParameterValue.IncorrectPhoneNumber"

    def _pull(self, action: str, given: Mapping[str, Any]) -> dict[str, Any]:
        limit = given.get("Limit")
        if not isinstance(limit, int) or not 1 <= limit <= 100:
            raise Refused("InvalidParameterValue")
        queue = self.side.reports if action == "PullSmsSendStatus" else self.side.replies
        some, queue[:] = queue[:limit], queue[limit:]
        if action == "PullSmsSendStatus":
            return {"PullSmsSendStatusSet": [_status(one) for one in some]}
        return {"PullSmsReplyStatusSet": [
            {"ExtendCode": one["extend"], "CountryCode": one["nationcode"], "SubscriberNumber": one["mobile"],
             "PhoneNumber": f"+{one['nationcode']}{one['mobile']}", "SignName": one["sign"],
             "ReplyContent": one["text"], "ReplyTime": one["time"]}
            for one in some
        ]}  # fmt: skip

    def _status_of(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Of one number in the last seven days: what carriers have reported, and nothing of what waits for that."""
        phone = _text(given, "PhoneNumber")
        _text(given, "SmsSdkAppId")
        begin, limit, offset = _number(given, "BeginTime"), _number(given, "Limit"), _number(given, "Offset")
        end = _number(given, "EndTime") if "EndTime" in given else self._clock.now()
        if not 1 <= limit <= 100:
            raise Refused("InvalidParameterValue")
        if begin < self._clock.now() - 7 * 86_400 - 60:
            raise Refused("InvalidParameterValue.BeginTimeVerifyFail")
        told = [self.side.told[one.id] for one in self.side.of(phone) if one.id in self.side.told]
        known = [one for one in map(_status, told) if begin <= one["UserReceiveTime"] <= end]
        return {"PullSmsSendStatusSet": known[offset : offset + limit]}

    def _template(self, number: str) -> dict[str, Any] | None:
        known = self.side.settings.templates
        if (known and number not in known) or not number.isdecimal():
            return None
        one = known.get(number, sms_side.Template())
        return {"TemplateId": int(number), "StatusCode": one.state or 0, "TemplateContent": one.text}


def _genuine(request: Request, now: int) -> Mapping[str, Any]:
    """The parameters of a request whose signature is right."""
    headers = request.headers
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if request.method != "POST" or request.path != "/tencent/" or found is None:
        raise Refused("AuthFailure.InvalidAuthorization")
    key, day, names, signature = found.groups()
    stamp = headers.get("x-tc-timestamp", "")
    if key != PRETEND_ID:
        raise Refused("AuthFailure.SecretIdNotFound")
    if not stamp.isdecimal() or abs(now - int(stamp)) > _SKEW:
        raise Refused("AuthFailure.SignatureExpire")
    signed = names.split(";")
    if not {"content-type", "host"} <= set(signed) <= headers.keys():
        raise Refused("AuthFailure.SignatureFailure")
    lines = [f"{name}:{headers[name].strip().lower()}" for name in signed]
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join(["POST", "/", "", *lines, "", names, digest])
    hashed = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    text = f"TC3-HMAC-SHA256\n{stamp}\n{day}/sms/tc3_request\n{hashed}"
    start = b"TC3" + PRETEND_SECRET.encode()
    steps = (day.encode(), b"sms", b"tc3_request")
    secret = reduce(lambda so_far, part: hmac.digest(so_far, part, "sha256"), steps, start)
    today = time.strftime("%Y-%m-%d", time.gmtime(int(stamp)))
    if day != today or not hmac.compare_digest(hmac.digest(secret, text.encode(), "sha256").hex(), signature):
        raise Refused("AuthFailure.SignatureFailure")
    if headers.get("x-tc-version") != "2021-01-11":
        raise Refused("NoSuchVersion")
    try:
        given = json.loads(request.body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused("InvalidParameter")
    return given


def _report(taken: Taken, act: Act) -> dict[str, Any]:
    return {
        "user_receive_time": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(taken.at + _CHINA)), "nationcode": "86",
        "mobile": taken.phone.removeprefix("+86"), "report_status": "SUCCESS" if act.success else "FAIL",
        "errmsg": act.code or ("DELIVRD" if act.success else "UNDELIV"), "description": "用户短信送达成功",
        "sid": taken.id, "ext": taken.request,
    }  # fmt: skip


def _status(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "UserReceiveTime": _unix(one["user_receive_time"]), "CountryCode": one["nationcode"],
        "SubscriberNumber": one["mobile"], "PhoneNumber": f"+{one['nationcode']}{one['mobile']}",
        "SerialNo": one["sid"], "ReportStatus": one["report_status"], "Description": one["errmsg"],
        "SessionContext": one["ext"],
    }  # fmt: skip


def _reply(act: Act, now: int) -> dict[str, Any]:
    at = now if act.at is None else act.at
    return {"extend": "01", "mobile": act.phone.removeprefix("+86"), "nationcode": "86", "sign": "旅程示例店",
            "text": act.text, "time": at}  # fmt: skip


def _unix(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) - _CHINA


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Refused("MissingParameter")
    return value


def _number(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if type(value) is not int or value < 0:
        raise Refused("InvalidParameterValue")
    return value


def _list(given: Mapping[str, Any], name: str) -> list[Any]:
    value = given.get(name)
    if not isinstance(value, list):
        raise Refused("MissingParameter")
    return value
