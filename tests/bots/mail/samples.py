"""Mails that come back, as servers write them. All names are made up."""

from __future__ import annotations

KEY = "0123456789abcdef0123456789abcdef"
ID = f"<{KEY}@example.com>"
ORIGINAL = f"From: shop@example.com\r\nTo: a@example.com\r\nSubject: =?utf-8?b?5oKo5aW9?=\r\nMessage-ID: {ID}\r\n"


def dsn(
    action: str = "failed", status: str = "5.1.1", said: str = "smtp; 550 5.1.1 unknown", original: str = ""
) -> bytes:
    """RFC 3464, as Postfix writes it."""
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: shop@example.com\r\n"
        "Message-ID: <20261122.1A2B3C@mx.example.net>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="B1"\r\n\r\n'
        "--B1\r\nContent-Type: text/plain\r\n\r\nThis is the mail system.\r\n"
        "--B1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
        f"Final-Recipient: rfc822; a@example.com\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {said}\r\n\r\n"
        f"--B1\r\nContent-Type: message/rfc822\r\n\r\n{original or ORIGINAL}\r\nbody\r\n--B1--\r\n"
    ).encode()


def arf(kind: str = "abuse", headers_only: bool = False) -> bytes:
    """RFC 5965."""
    inside = "text/rfc822-headers" if headers_only else "message/rfc822"
    return (
        "From: fbl@mail.example.net\r\nTo: shop@example.com\r\nSubject: FW: complaint\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="B2"\r\n\r\n'
        "--B2\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n"
        f"--B2\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: X/1\r\n"
        "Version: 1\r\n\r\n"
        f"--B2\r\nContent-Type: {inside}\r\n\r\n{ORIGINAL}\r\n--B2--\r\n"
    ).encode()


QMAIL = (
    "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: shop@example.com\r\nSubject: failure notice\r\n\r\n"
    "Hi. This is the qmail-send program at mx.example.net.\r\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
    "<a@example.com>:\r\n192.0.2.1 does not like recipient.\r\nRemote host said: 550 no such user\r\n\r\n"
    f"--- Below this line is a copy of the message.\r\n\r\n{ORIGINAL}\r\nbody\r\n"
).encode()
ORDINARY = (
    f"From: b@example.com\r\nTo: shop@example.com\r\nIn-Reply-To: {ID}\r\nSubject: Re: hi\r\n\r\nThank you\r\n".encode()
)
