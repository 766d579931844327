"""What the providers' codes mean, in the words all channels share: one table for each provider, one for reports.

Sources: Alibaba Cloud, "API error codes" of Short Message Service and "common errors"; Tencent Cloud, errorcodes.py of
its SDK for sms 2021-01-11. A refused account or signature is never permanent: it ends when an operator acts. A code
that leaves open whether the message left is Unknown: SMS has no key that would drop a repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from automation.kernel.ports import Denied, Reason, Unknown

MINUTE, HOUR, DAY = 60, 3600, 86_400
_CHINA = 8 * HOUR  # ahead of UTC, all year
_OPENS = 8 * HOUR  # seconds of the day at which marketing may leave again


@dataclass(frozen=True, slots=True)
class Means:
    """`reason` None: nobody knows. `each`: about one recipient, so the others of a batch may be sent without them.
    `wait`: seconds until a retry helps; `until`: "morning" or "midnight" in China instead."""

    reason: Reason | None
    permanent: bool = True
    each: bool = False
    wait: int | None = None
    until: str = ""

    def outcome(self, code: str, now: int) -> Denied | Unknown:
        if self.reason is None:
            return Unknown(code)
        return Denied(self.reason, code, self.permanent, _seconds(self, now))


def _seconds(means: Means, now: int) -> int | None:
    if not means.until:
        return means.wait
    second = (now + _CHINA) % DAY
    return (DAY - second) if means.until == "midnight" else (_OPENS - second) % DAY or DAY


_ADDRESS = Means(Reason.BAD_ADDRESS, each=True)
_GONE = Means(Reason.GONE, each=True)
_ELSEWHERE = Means(Reason.NOT_REACHABLE, each=True)
_TEXT = Means(Reason.BAD_CONTENT)
_ACCOUNT = Means(Reason.NOT_ALLOWED, permanent=False)
_SPENT = Means(Reason.QUOTA, permanent=False, until="midnight")
_BUSY = Means(Reason.RATE_LIMITED, permanent=False, wait=1)
_AWAY = Means(Reason.UNAVAILABLE, permanent=False)
_OPEN = Means(None)


def _slow(wait: int) -> Means:
    """Too much for one number: whoever comes after `wait` seconds may be sent."""
    return Means(Reason.RATE_LIMITED, permanent=False, each=True, wait=wait)


_TOMORROW = Means(Reason.RATE_LIMITED, permanent=False, each=True, until="midnight")
_MORNING = Means(Reason.RATE_LIMITED, permanent=False, until="morning")

ALIYUN: Final[Mapping[str, Means]] = {
    **dict.fromkeys(("isv.MOBILE_NUMBER_ILLEGAL", "isv.INVALID_MOBILE"), _ADDRESS),
    **dict.fromkeys(("isv.BLACKLIST_NUMBER", "isv.CUSTOMER_REFUSED"), _GONE),
    **dict.fromkeys(("isv.DOMESTIC_NUMBER_NOT_SUPPORTED", "isv.NOT_SUPPORTED_COUNTRY"), _ELSEWHERE),
    "isv.BUSINESS_LIMIT_CONTROL": _slow(HOUR),  # its message says which limit: see _limit
    **dict.fromkeys(("isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"), _SPENT),
    **dict.fromkeys((
        "isv.SMS_TEMPLATE_ILLEGAL", "isv.SMS_CONTENT_ILLEGAL", "isv.TEMPLATE_MISSING_PARAMETERS",
        "isv.TEMPLATE_PARAMS_ILLEGAL", "isv.INVALID_PARAMETERS", "isv.INVALID_JSON_PARAM", "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL", "isv.BLACK_KEY_CONTROL_LIMIT", "isv.ERROR_TEMPLATE_CODE",
        "isv.TEMPLATE_OVER_LIMIT", "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE", "isv.SMS_OVER_LIMIT",
    ), _TEXT),
    **dict.fromkeys((
        "isv.SMS_SIGNATURE_ILLEGAL", "isv.SMS_SIGN_ILLEGAL", "isv.SIGN_STATE_ILLEGAL", "isv.SIGN_NAME_ILLEGAL",
        "isv.SMS_SIGNATURE_SCENE_ILLEGAL", "isv.OUT_OF_SERVICE", "isv.AMOUNT_NOT_ENOUGH", "isv.ACCOUNT_NOT_EXISTS",
        "isv.ACCOUNT_ABNORMAL", "isv.PRODUCT_UNSUBSCRIBE", "isv.PRODUCT_UN_SUBSCRIPT", "isv.DENY_IP_RANGE",
        "isv.MOBILE_COUNT_OVER_LIMIT", "isv.EXTEND_CODE_ERROR", "isv.SMS_TEST_NUMBER_LIMIT", "isv.SMS_TEST_TEMPLATE_"
        "PARAMS_ILLEGAL", "isv.FORBIDDEN_ACTION", "isp.RAM_PERMISSION_DENY", "isv.RAM_CHECK_FAILED", "NoPermission",
        "Forbidden", "Forbidden.RAM", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive",
        "InvalidAccessKeyId", "SignatureDoesNotMatch", "IncompleteSignature", "SignatureNonceUsed",
        "InvalidTimeStamp.Expired", "InvalidTimeStamp.Format", "InvalidVersion", "InvalidAction.NotFound",
    ), _ACCOUNT),
    **dict.fromkeys(("Throttling", "Throttling.User", "Throttling.Api", "isv.FLOW_LIMIT"), _BUSY),
    **dict.fromkeys(("ServiceUnavailable", "ServiceUnavailableTemporary"), _AWAY),
    **dict.fromkeys(("isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN", "InternalError"), _OPEN),
}  # fmt: skip

TENCENT: Final[Mapping[str, Means]] = {
    **dict.fromkeys(
        ("InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberParseFail"), _ADDRESS
    ),
    "FailedOperation.PhoneNumberInBlacklist": _GONE,
    **dict.fromkeys((
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone", "UnsupportedOperation.UnsupportedRegion",
        "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
    ), _ELSEWHERE),
    **dict.fromkeys(
        ("LimitExceeded.DeliveryFrequencyLimit", "LimitExceeded.PhoneNumberThirtySecondLimit"), _slow(30)
    ),
    "LimitExceeded.PhoneNumberOneHourLimit": _slow(HOUR),
    **dict.fromkeys(
        ("LimitExceeded.PhoneNumberDailyLimit", "LimitExceeded.PhoneNumberSameContentDailyLimit"), _TOMORROW
    ),
    **dict.fromkeys((
        "LimitExceeded.AppDailyLimit", "LimitExceeded.AppGlobalDailyLimit", "LimitExceeded.DailyLimit",
        "LimitExceeded.AppMainlandChinaDailyLimit", "LimitExceeded.AppCountryOrRegionDailyLimit",
    ), _SPENT),
    "FailedOperation.MarketingSendTimeConstraint": _MORNING,  # SMS-04: 08:00 to 22:00 only
    **dict.fromkeys((
        "FailedOperation.ContainSensitiveWord", "FailedOperation.FailResolvePacket", "FailedOperation.JsonParseFail",
        "FailedOperation.MissingTemplateList", "FailedOperation.TemplateIncorrectOrUnapproved",
        "FailedOperation.TemplateUnapprovedOrNotExist", "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        "FailedOperation.MarketingTemplateWithoutUnsubscribe", "FailedOperation.ParametersOtherError",
        "FailedOperation.TemplateIdNotExist", "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.TemplateParameterFormatError", "InvalidParameterValue.TemplateParameterLengthLimit",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe", "InvalidParameterValue.TemplateWithDirtyWords",
        "FailedOperation.TemplateAlreadyPassedCheck", "InvalidParameter", "InvalidParameterValue", "MissingParameter",
    ), _TEXT),
    **dict.fromkeys((
        "FailedOperation.InsufficientBalanceInSmsPackage", "FailedOperation.MissingSignature",
        "FailedOperation.SignatureIncorrectOrUnapproved", "FailedOperation.ProhibitSubAccountUse",
        "FailedOperation.NotEnterpriseCertification", "FailedOperation.SignIdNotExist",
        "InvalidParameterValue.SdkAppIdNotExist", "LimitExceeded.PhoneNumberCountLimit",
        "InternalError.SigVerificationFail", "InternalError.SigFieldMissing",
    ), _ACCOUNT),
    "RequestLimitExceeded": _BUSY,
    "ResourceUnavailable": _AWAY,
}  # fmt: skip

_TENCENT_BY_KIND: Final[Mapping[str, Means]] = {
    "AuthFailure": _ACCOUNT,  # SignatureExpire: the clock is more than five minutes off
    "UnauthorizedOperation": _ACCOUNT,
    "InternalError": _OPEN,
    "RequestLimitExceeded": _BUSY,
    "LimitExceeded": _SPENT,
    "InvalidParameter": _TEXT,
    "InvalidParameterValue": _TEXT,
    "MissingParameter": _TEXT,
    "UnsupportedOperation": _ELSEWHERE,
}

DEAD: Final = frozenset({"INVALID_NUMBER", "MOBILE_NOT_EXIST", "MK:0001", "MN:0001", "MI:0001", "CA:0001", "SGIP:1"})
"""Codes of carriers for a number that nobody has (空号); of other failures a number recovers."""
BARRED: Final = frozenset({"MOBILE_IN_BLACK", "PhoneNumberInBlacklist", "BLACK"})
"""The number is on the provider's own list of those who refused."""


def aliyun(code: str, words: str) -> Means:
    """`words`: the provider's message, which alone says which limit of a number was reached."""
    if code == "isv.BUSINESS_LIMIT_CONTROL":
        return _TOMORROW if "天级" in words else _slow(MINUTE if "分钟级" in words else HOUR)
    known = ALIYUN.get(code)
    if known is None and code.startswith(("Throttling.", "InternalError", "isp.")):
        return _BUSY if code.startswith("Throttling.") else _OPEN
    return known or Means(Reason.NOT_REACHABLE)


def tencent(code: str) -> Means:
    return TENCENT.get(code) or _TENCENT_BY_KIND.get(code.partition(".")[0]) or Means(Reason.NOT_REACHABLE)
