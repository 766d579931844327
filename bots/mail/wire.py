"""What goes over an open SMTP connection: commands out, replies in, nothing read before it is there.

smtplib opens the connection and logs in; its own reader takes a third of the time of a mail, so the many mails after
that are spoken of here.
"""

from __future__ import annotations

import smtplib
import socket

_MOST = 64 * 1024  # bytes of a reply: RFC 5321 4.5.3.1.5 allows lines of 512
_CHUNK = 4096


class Wire:
    """A connection that smtplib opened, for one thread at a time. Raises OSError (smtplib's errors are such) when it
    breaks."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self.smtp = smtp
        self.pipelines = smtp.has_extn("pipelining")  # RFC 2920: commands before the answers to earlier ones
        limit = smtp.esmtp_features.get("size", "")
        self.largest = (
            int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 20 else 0
        )  # bytes of a mail; 0 where it is not said (RFC 1870)
        self._waiting = b""

    @property
    def socket(self) -> socket.socket:
        """smtplib drops its socket when it closes."""
        if self.smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        return self.smtp.sock

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, command: str) -> tuple[int, bytes]:
        self.say(f"{command}\r\n".encode("ascii"))
        return self.reply()

    def reply(self) -> tuple[int, bytes]:
        """The code and the words of the last line of the next reply; code -1 for what is no reply (RFC 5321 4.2)."""
        total = 0
        while True:
            line = self._line()
            total += len(line)
            code = line[:3]
            if not code.isdigit() or total > _MOST:
                return -1, b""
            if line[3:4] != b"-":
                return int(code), line[4:]

    def close(self) -> None:
        self.smtp.close()

    def _line(self) -> bytes:
        while (end := self._waiting.find(b"\n")) < 0:
            more = self.socket.recv(_CHUNK)
            if not more:
                raise smtplib.SMTPServerDisconnected("closed by the relay")
            self._waiting += more
            if len(self._waiting) > _MOST:
                raise smtplib.SMTPServerDisconnected("no end of a line")
        line, self._waiting = self._waiting[:end], self._waiting[end + 1 :]
        return line.rstrip(b"\r")
