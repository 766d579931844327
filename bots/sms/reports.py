"""Delivery reports and replies as both providers write them, pushed or pulled, turned into what happened."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from automation.kernel.hooks import Happening, OptedOut, Receipt, Said, Unreadable, Who
from bots.sms import letters, reasons

_CHINA = timezone(timedelta(hours=8))
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
Report = Mapping[str, Any]


def each(items: Sequence[Any], read: Callable[[Report], Sequence[Happening]]) -> list[Happening]:
    """All that can be read; one bad report does not cost the others. Unreadable where there are some and none can."""
    found: list[Happening] = []
    bad = 0
    for item in items:
        try:
            found += read(item)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            bad += 1
    if bad and not found:
        raise Unreadable(f"{bad} reports without the fields a report has")
    return found


def aliyun(item: Report, secret: str, now: int) -> Sequence[Happening]:
    """SmsReport, or SmsUp where the customer wrote. `secret`: of the account, see letters.reference."""
    phone = _phone(item["phone_number"])
    if "content" in item:
        number = item.get("sequence_id")
        at = moment(item.get("send_time"), now)
        text = str(item["content"])
        return [_said(phone, text, at, f"up:{number}" if number else _name(phone, at, text), item.get("dest_code"))]
    request = str(item.get("out_id") or item.get("biz_id") or "")
    reached = item["success"] is True or item["success"] == "true"
    return report(phone, _reference(request, phone, secret), reached, str(item.get("err_code") or ""),
                   moment(item.get("report_time"), now))  # fmt: skip


def tencent(item: Report, secret: str, echo: bool, now: int) -> Sequence[Happening]:
    """A pushed status, or a reply. `echo`: the account gets our own name for the request back in `ext`."""
    phone = _phone(item["mobile"], item.get("nationcode"))
    if "text" in item:
        at = moment(item.get("time"), now)
        text = str(item["text"])
        return [_said(phone, text, at, _name(phone, at, text), item.get("extend"))]
    ext = str(item.get("ext") or "") if echo else ""
    name = _reference(ext, phone, secret) if ext else str(item["sid"])
    return report(phone, name, item["report_status"] == "SUCCESS", str(item.get("errmsg") or ""),
                   moment(item.get("user_receive_time"), now))  # fmt: skip


def pulled_status(item: Report, secret: str, echo: bool, now: int) -> Sequence[Happening]:
    """One of PullSmsSendStatusSet."""
    phone = _phone(item["PhoneNumber"])
    ext = str(item.get("SessionContext") or "") if echo else ""
    name = _reference(ext, phone, secret) if ext else str(item["SerialNo"])
    return report(phone, name, item["ReportStatus"] == "SUCCESS", str(item.get("Description") or ""),
                   moment(item.get("UserReceiveTime"), now))  # fmt: skip


def pulled_reply(item: Report, now: int) -> Sequence[Happening]:
    """One of PullSmsReplyStatusSet."""
    phone = _phone(item["PhoneNumber"])
    at = moment(item.get("ReplyTime"), now)
    text = str(item["ReplyContent"])
    return [_said(phone, text, at, _name(phone, at, text), item.get("ExtendCode"))]


def report(phone: str, name: str, reached: bool, code: str, at: int) -> list[Happening]:
    """One report of a provider, under the name the message has there; ValueError without one."""
    if not name or len(name) > 128:
        raise ValueError("a report without a name")
    if reached:
        return [Receipt(name, "delivered", at)]
    code = code if _CODE.fullmatch(code) else "failed"
    found: list[Happening] = [Receipt(name, "failed", at, code, dead=code in reasons.DEAD)]
    if code in reasons.BARRED:
        evidence = f"provider's list of refusals ({code})"
        found.append(OptedOut(Who("phone", phone), at, f"barred:{_digest(phone, name)}", evidence=evidence))
    return found


def _said(phone: str, text: str, at: int, dedupe: str, code: object) -> Said:
    return Said(Who("phone", phone), text, at, dedupe, data={"extend_code": str(code)} if code else {})


def _reference(request: str, phone: str, secret: str) -> str:
    return letters.reference(request, phone, secret) if request else ""


def _name(phone: str, at: int, text: str) -> str:
    """Stands for the id that the provider does not give a reply."""
    return f"up:{_digest(phone, str(at), text)}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _phone(number: object, country: object = None) -> str:
    text = str(number)
    code = str(country or "86")
    found = letters.e164(text if code == "86" or text.startswith("+") else f"+{code}{text}")
    if found is None:
        raise ValueError("not a phone number")
    return found


def moment(value: object, now: int) -> int:
    """UTC seconds of a number, or of a wall time in China; `now` where it is missing or lies ahead."""
    at = stated(value)
    return now if at is None or at > now else at


def stated(value: object) -> int | None:
    """The same as it is written; None where it is missing. ValueError where it is no time."""
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        at = int(value)
    else:
        at = int(datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA).timestamp())
    return at if at > 0 else None
