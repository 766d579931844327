"""Rendered messages as an SMS account sends them, refused here where the provider would refuse them anyway.

Also the names under which messages are reported on: both the channel and the hook make them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from automation.kernel import segments
from automation.kernel.ports import Denied, Message, Reason
from bots.sms.options import SmsOptions, Template

MAX_TEXT = 500  # characters, signature included (Alibaba and Tencent Cloud alike)
_MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
_KEY = re.compile(r"[0-9a-z]{1,32}")
_URL = re.compile(r"https?://|www\.|[a-z0-9-]+\.(?:com|cn|net|top|cc)\b", re.IGNORECASE)
_PLACE = re.compile(r"\{(\w+)\}")
_BATCH = "b-"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that may leave. `phone` in E.164; `values`: of the template's parameters, in its order."""

    key: str
    phone: str = field(repr=False)
    template: Template
    values: Mapping[str, str] = field(repr=False)

    @property
    def abroad(self) -> bool:
        return not self.phone.startswith("+86")


def read(options: SmsOptions, message: Message, foreign: bool) -> Letter | Denied:
    """The message ready to send, or why it never will be. `foreign`: numbers of other countries are taken."""
    phone = e164(message.address)
    if phone is None:
        return Denied(Reason.BAD_ADDRESS, "malformed")
    if not foreign and not phone.startswith("+86"):
        return Denied(Reason.NOT_REACHABLE, "foreign")
    params = message.body.get("params")
    given = {str(name): str(value) for name, value in params.items()} if isinstance(params, Mapping) else {}
    if isinstance(params, Mapping) and not all(_is_text(value) for value in params.values()):
        return Denied(Reason.BAD_CONTENT, "bad_param")
    template = options.template(str(message.body.get("template", "")), given)
    if template is None:
        return Denied(Reason.BAD_CONTENT, "no_template")
    wrong = _wrong(options, template, given)
    if wrong:
        return Denied(Reason.BAD_CONTENT, wrong)
    values = {name: given[name] for name in template.params or given}
    if segments.length(text_of(template, values, message.body.get("preview")), options.sign_name) > MAX_TEXT:
        return Denied(Reason.BAD_CONTENT, "too_long")
    return Letter(message.idem_key, phone, template, values)


def _is_text(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _wrong(options: SmsOptions, template: Template, given: Mapping[str, str]) -> str:
    if not set(template.params) <= given.keys():
        return "missing_param"
    for name in template.params or given:
        value = given[name]
        if not value.strip():
            return "empty_param"
        if len(value) > options.max_param:
            return "long_param"
        if _URL.search(value):  # links have to be part of the approved text
            return "url_in_param"
    return ""


def text_of(template: Template, values: Mapping[str, str], preview: object) -> str:
    """What the recipient reads: the approved text where it is known, else our preview of it."""
    if template.text:
        return _PLACE.sub(lambda found: values.get(found[1], found[0]), template.text)
    return preview if isinstance(preview, str) else "".join(values.values())


def e164(address: str) -> str | None:
    """+86 and eleven digits of a mobile, or another country's number with its +; None for anything else."""
    mobile = _MOBILE.fullmatch(address)
    if mobile:
        return f"+86{mobile[1]}"
    return address if _ABROAD.fullmatch(address) else None


def batch_id(letters: Sequence[Letter]) -> str:
    """What a request is called in the reports on it: the key of its only message, or one for this set of keys."""
    if len(letters) == 1:
        return letters[0].key
    joined = "\n".join(letter.key for letter in letters)
    return _BATCH + hashlib.sha256(joined.encode()).hexdigest()[:30]


def is_batch(request: str) -> bool:
    return request.startswith(_BATCH)


def reference(request: str, phone: str, secret: str) -> str:
    """What one message of a request is called: reports on a batch name the request and the phone.

    Keyed, so that who reads the database cannot try all phones; `secret` is the account's.
    """
    if _KEY.fullmatch(request):  # the key itself, by which the message is known
        return request
    digest = hmac.new(secret.encode(), f"{request}\n{phone}".encode(), hashlib.sha256).hexdigest()
    return f"{request}|{digest[:20]}"
