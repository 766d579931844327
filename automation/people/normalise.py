"""One spelling for each address, so that the same phone in two systems is the same phone.

The plain forms, nearly all there are, take a path of a microsecond; the rest is asked of phonenumbers and
email-validator. A refusal says what is wrong and never repeats the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from automation.journey import built_in

PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+@(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)+([a-z]{2,24})"
).fullmatch
SPECIAL = frozenset(("test", "local", "invalid", "onion", "arpa", "localhost"))  # no mail goes there
SEPARATORS = str.maketrans("", "", " -.()\t\u00a0\u3000\u2010\u2011\u2013\u2014")
SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,3}")
TOKEN = re.compile(r"[!-~]{1,128}")
MAX_EMAIL, MAX_LOCAL, MAX_LABEL = 254, 64, 63  # RFC 5321, RFC 1035
MAX_TOKEN = 128


class Unusable(ValueError):
    """The value is none of its kind; the text says why, in a few words and without the value."""


def phone(text: str) -> str:
    """E.164, such as +8613800000001. Numbers without a country are Chinese, and Chinese ones must be mobile phones."""
    if len(text) == 11 and text.isascii() and text.isdigit() and text[0] == "1" and text[1] > "2":
        return "+86" + text
    wide = unicodedata.normalize("NFKC", text).strip().removesuffix(".0")
    plain = unrounded(wide).translate(SEPARATORS)
    digits = plain.removeprefix("+86") if plain.startswith("+") else plain.removeprefix("0086")
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if len(digits) == 11 and digits.isascii() and digits.isdigit() and digits[0] == "1" and digits[1] > "2":
        return "+86" + digits
    return _foreign("+" + plain[2:] if plain.startswith("00") else plain)


def unrounded(text: str) -> str:
    """The digits of a number that a spreadsheet writes as 1.3800000001E+10; Unusable where it left some of them out."""
    if not SCIENTIFIC.fullmatch(text):
        return text
    digits, _, exponent = text.lower().partition("e")
    whole, _, decimals = digits.partition(".")
    if len(decimals) != int(exponent):
        raise Unusable("a spreadsheet turned it into a rounded number: format the column as text and export again")
    return whole + decimals


def _foreign(plain: str) -> str:
    import phonenumbers  # 45 ms: only for the rare forms
    from phonenumbers import PhoneNumberType

    try:
        number = phonenumbers.parse(plain, "CN")
    except phonenumbers.NumberParseException:
        raise Unusable("not a phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise Unusable("not a phone number that exists")
    kind = phonenumbers.number_type(number)
    # 400 and 95 numbers and landlines are valid too, and take no message.
    if kind not in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        raise Unusable("not a mobile phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def email(text: str) -> str:
    """Lower case throughout: no provider of weight tells two mailboxes apart by case."""
    lowered = text.strip().lower()
    local = lowered.find("@")
    if local > MAX_LOCAL or len(lowered) > MAX_EMAIL:
        raise Unusable("not an email address: too long")
    if len(lowered) - local <= MAX_LABEL:
        plain = PLAIN_EMAIL(lowered)
        if plain and plain[1] not in SPECIAL:
            return lowered
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(unicodedata.normalize("NFKC", lowered), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise Unusable("not an email address") from None


def token(text: str) -> str:
    """openid, unionid and numbers of other systems: letters, digits and signs as they come, case kept."""
    plain = text.strip()
    if not (plain.isalnum() and plain.isascii() and len(plain) <= MAX_TOKEN) and not TOKEN.fullmatch(plain):
        plain = unicodedata.normalize("NFKC", plain)
        if not TOKEN.fullmatch(plain):
            raise Unusable("not an id: it has spaces or letters outside ASCII, or more than 128 characters")
    return plain if plain.isalnum() else unrounded(plain)


KINDS: Final[Mapping[str, Callable[[str], str]]] = {
    kind: {"phone": phone, "email": email}.get(kind, token) for kind in built_in.IDENTITIES
}


TAILED: Final = frozenset(("phone",))  # kinds that are found by their last four characters


def normalise(kind: str, text: str) -> str:
    """The one spelling of an identity of this kind; Unusable, or KeyError for a kind that does not exist."""
    return KINDS[kind](text)


def last_four(kind: str, normalised: str) -> str | None:
    """The digits a phone can be found by; None for other kinds."""
    return normalised[-4:] if kind in TAILED else None
