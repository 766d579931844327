"""The sandbox's mail side: a small SMTP server whose mails go into the same ledger, under the channel name smtp."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Fault, Faults, Mode
from bots.sandbox.http_edge import reset

CHANNEL = "smtp"
_KEY = re.compile(r"<([^@>]{1,64})@")
_MAX_MAIL_BYTES = 32 << 20


class MailHandler:
    """Takes the mails of one connection and plays the fault in force when a mail begins. aiosmtpd names the methods."""

    def __init__(self, deliveries: Deliveries, faults: Faults) -> None:
        self._deliveries = deliveries
        self._faults = faults
        self.fault: Fault | None = None

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.fault = self._faults.take("smtp", CHANNEL)
        if self._mode is Mode.BUSY:
            return "421 4.3.2 service not available"
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._mode is Mode.LATER:
            return "450 4.2.0 mailbox busy"
        if self._mode is Mode.NO_MAILBOX:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self.fault
        if self._mode is Mode.BAD_TEXT:
            return "554 5.6.0 content refused"
        if self._mode is Mode.RESET_AFTER_DATA:
            reset(server.transport)
            return "451 4.3.0 never seen"
        if fault is not None and fault.mode is Mode.SLOW:
            await asyncio.sleep(fault.seconds)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        ids = await self._deliveries.take(CHANNEL, "email", False, _messages(content, envelope.rcpt_tos))
        if fault is not None and fault.mode is Mode.ACCEPT_THEN_TIMEOUT:
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.mode is Mode.ACCEPT_THEN_RESET:
            reset(server.transport)
        return f"250 2.0.0 queued as {ids[0]}"

    @property
    def _mode(self) -> Mode:
        return self.fault.mode if self.fault is not None else Mode.OK


class MailServer(SMTP):
    """One connection. Breaks off before a mail's text when the fault says so."""

    def __init__(self, handler: MailHandler) -> None:
        super().__init__(handler, hostname="sandbox", ident="sandbox", data_size_limit=_MAX_MAIL_BYTES)
        self._mails = handler

    async def smtp_DATA(self, arg: str) -> None:
        if self._mails.fault is not None and self._mails.fault.mode is Mode.RESET:
            reset(self.transport)
            return
        await super().smtp_DATA(arg)


def _messages(content: bytes, recipients: list[str]) -> list[dict[str, Any]]:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    found = _KEY.search(str(mail.get("Message-ID", "")))
    text = mail.get_body(("plain", "html"))
    body = {"subject": str(mail.get("Subject", "")), "text": text.get_content() if text is not None else ""}
    key = found[1] if found else ""
    return [{"key": key, "lane": "smtp", "address": address, "body": body} for address in recipients]
