"""Mails that come back: what a bounce or complaint says about a message of ours. Everything in it is a stranger's.

A report counts only when it names a message by the key that we gave it: nobody else knows those keys, so a forged
bounce kills no address. Delivery reports (RFC 3464) and complaints (RFC 5965) are read here, the older prose of mail
servers by flufl.bounce. Nothing of a mail is kept or logged.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Iterator
from email.message import Message
from typing import Final

from flufl.bounce import all_failures

from automation.kernel.hooks import Receipt, Unreadable
from bots.mail.options import KEY

MOST: Final = 256 * 1024  # bytes read of a mail: the report and the original's headers come before its body
DEEP: Final = 40  # parts of a mail, or mails in one another
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list"})
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_CODE = re.compile(r"\b([45]\d\d)\b")
_NO_SUCH: Final = frozenset({550, 551, 553})  # RFC 5321 4.2.3: mailbox unavailable, not local, name not allowed
logging.getLogger("flufl.bounce").disabled = True  # it logs the mails that it cannot read


class Reports:
    """Reads for one sender. `domain`: of our Message-IDs; `return_path` may hold the key of the message (VERP)."""

    def __init__(self, domain: str, return_path: str | None = None) -> None:
        self._domain = domain
        key, ours = "([0-9a-z]{8,32})", re.escape(domain)
        self._id = re.compile(f"<{key}@{ours}>", re.IGNORECASE)
        self._quoted = re.compile(rf"^[ >]*message-id:\s*<{key}@{ours}>", re.IGNORECASE | re.MULTILINE)
        self._verp: re.Pattern[str] | None = None
        if return_path and KEY in return_path:
            before, _, after = return_path.partition(KEY)
            self._verp = re.compile(f"{re.escape(before)}{key}{re.escape(after)}", re.IGNORECASE)

    def read(self, data: bytes, now: int) -> Receipt | None:
        """What a mail says of a message of ours; None where it says nothing. Raises Unreadable.

        Only the beginning of a large mail is looked at.
        """
        data = data[:MOST]
        lower = data.lower()
        if lower.count(b"boundary") > DEEP or lower.count(b"message/") > DEEP:
            raise Unreadable("a mail of too many parts")
        try:
            mail = email.message_from_bytes(data)
            parts = list(mail.walk())
            key = self._key(mail, parts, data)
            return _said(mail, parts, f"{key}@{self._domain}", now) if key else None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError) as error:
            # The library raises all of these, and flufl.bounce asserts, on mails that are broken enough.
            raise Unreadable(f"a mail that cannot be read: {type(error).__name__}") from None

    def _key(self, mail: Message, parts: list[Message], data: bytes) -> str:
        """The key of the message that came back: by the address it came to, or by the Message-ID of the original."""
        if self._verp:
            for name in ("To", "Delivered-To", "X-Original-To", "Envelope-To"):
                for value in mail.get_all(name, []):
                    if found := self._verp.search(str(value)):
                        return found[1].lower()
        for text in _originals(parts):
            if found := self._id.search(text):
                return found[1].lower()
        for name in ("In-Reply-To", "References", "X-Original-Message-ID"):
            if found := self._id.search(str(mail.get(name, ""))):
                return found[1].lower()
        quoted = self._quoted.search(data.decode("latin-1"))
        return quoted[1].lower() if quoted else ""


def _originals(parts: list[Message]) -> Iterator[str]:
    """The Message-ID of each mail inside, or the headers that stand for it."""
    for part in parts[1:]:
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            text = payload.decode("latin-1") if isinstance(payload, bytes) else ""
            yield str(email.message_from_string(text).get("Message-ID", ""))
        elif "Message-ID" in part:
            yield str(part["Message-ID"])


def _said(mail: Message, parts: list[Message], provider_id: str, now: int) -> Receipt | None:
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return _complaint(part, provider_id, now)
        if kind == "message/delivery-status":
            return _status(part, provider_id, now)
    _, permanent = all_failures(mail)
    return Receipt(provider_id, "failed", now, "bounced", dead=True) if permanent else None


def _complaint(part: Message, provider_id: str, now: int) -> Receipt | None:
    """RFC 5965 7.3; `not-spam` is the opposite of a complaint, and others are no word of the recipient."""
    payload = part.get_payload()
    fields = payload[0] if isinstance(payload, list) and payload else email.message_from_string(str(payload))
    kind = str(fields.get("Feedback-Type", "")).strip().lower() if isinstance(fields, Message) else ""
    return Receipt(provider_id, "delivered", now, f"complaint {kind}", complaint=True) if kind in _COMPLAINTS else None


def _status(part: Message, provider_id: str, now: int) -> Receipt | None:
    """RFC 3464 2.3: of our one recipient. A delay is not the end, and tells nothing that lasts."""
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Message):
            continue
        action = str(block.get("Action", "")).strip().lower()
        if action == "delivered":
            return Receipt(provider_id, "delivered", now)
        if action == "failed":
            status = _STATUS.search(str(block.get("Status", "")))
            code = _CODE.search(str(block.get("Diagnostic-Code", "")))
            shown = f"{code[1] if code else ''} {status[0] if status else ''}".strip()
            return Receipt(provider_id, "failed", now, shown, dead=_is_dead(status, int(code[1]) if code else 0))
    return None


def _is_dead(status: re.Match[str] | None, code: int) -> bool:
    """Whether the address takes nothing, for good. A full mailbox, a policy and a broken server are no such reasons."""
    if status is None or (status[1], status[2], status[3]) == ("5", "0", "0"):
        return code in _NO_SUCH
    if status[1] != "5":
        return False
    if status[2] == "1":  # X.1: the address (RFC 3463 3.2), but for those about the sender's
        return status[3] not in ("7", "8")
    return (status[2], status[3]) == ("2", "1")  # X.2.1: the mailbox is disabled
