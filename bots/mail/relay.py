"""Connections to a mail relay: opened, protected, logged in, kept, and used for one mail at a time.

A mail's fate is decided by its final dot: before the dot has left in full the relay cannot have taken it, after that
only the relay's answer tells.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from automation.kernel import clock
from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from bots.mail.options import MailOptions, Tls
from bots.mail.reasons import Stage, refusal
from bots.mail.wire import Wire

_IDLE_SECONDS = 60.0  # relays close idle connections after minutes; a reopened one is cheaper than a lost one
_MAILS_PER_CONNECTION = 500


class Refusal(Exception):
    """The mail did not leave; `outcome` says why."""

    def __init__(self, outcome: Denied) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class _Stale(Exception):
    """A kept connection turned out dead before anything of a mail was said on it."""


@dataclass(slots=True)
class _Line:
    """An open connection, how many mails it carried and when it was last used (monotonic seconds)."""

    wire: Wire
    mails: int
    used: float


class Relay:
    """Keeps as many connections as threads send at once, the most recently used first. Thread-safe."""

    def __init__(self, options: MailOptions, helo: str) -> None:
        self._options = options
        self._helo = helo
        self._tls = None if options.tls is Tls.NONE else _context(options.ca_file)
        self._idle: list[_Line] = []
        self._lock = threading.Lock()

    def deliver(self, sender: str, recipient: str, mail: bytes, provider_id: str) -> Outcome:
        """One mail (CRLF lines, none beginning with a dot) to one recipient. Never raises for what a relay does."""
        try:
            line = self._take()
            try:
                return self._talk(line or self._open(), sender, recipient, mail, provider_id)
            except _Stale:
                return self._talk(self._open(), sender, recipient, mail, provider_id)
        except Refusal as refused:
            return refused.outcome

    def check(self) -> Denied | None:
        """Opens a connection, logs in and says goodbye; what was refused, None where all is well."""
        try:
            _goodbye(self._open().wire)
        except Refusal as refused:
            return refused.outcome
        return None

    def close(self) -> None:
        """Say goodbye on idle connections; one in use is closed when its mail is done."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            _goodbye(line.wire)

    def _take(self) -> _Line | None:
        now = clock.monotonic()
        with self._lock:
            line = self._idle.pop() if self._idle else None
            old = [] if line is None or now - line.used <= _IDLE_SECONDS else [line, *self._idle]
            if old:  # the most recently used one is too old, so all are
                self._idle = []
        for gone in old:
            gone.wire.close()
        return None if old else line

    def _give_back(self, line: _Line) -> None:
        line.mails += 1
        line.used = clock.monotonic()
        if line.mails >= _MAILS_PER_CONNECTION:
            _goodbye(line.wire)
            return
        with self._lock:
            self._idle.append(line)

    def _open(self) -> _Line:
        options = self._options
        stage = Stage.CONNECT
        smtp: smtplib.SMTP | None = None
        try:
            smtp = self._connect()
            smtp.ehlo_or_helo_if_needed()
            if options.tls is Tls.STARTTLS:
                if not smtp.has_extn("starttls"):
                    raise Refusal(Denied(Reason.NOT_ALLOWED, "no_starttls", permanent=False))
                smtp.starttls(context=self._tls)
                smtp.ehlo_or_helo_if_needed()
            if options.user is not None and options.password is not None:
                stage = Stage.AUTH
                smtp.login(options.user, options.password.get_secret_value())
            return _Line(Wire(smtp), 0, clock.monotonic())
        except Refusal:
            _drop(smtp)
            raise
        except (OSError, UnicodeError) as error:  # smtplib's own errors are OSErrors
            _drop(smtp)
            raise Refusal(_not_opened(stage, error)) from None

    def _connect(self) -> smtplib.SMTP:
        options = self._options
        if options.tls is Tls.TLS and self._tls is not None:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                options.host, options.relay_port, self._helo, timeout=options.timeout, context=self._tls
            )
        else:
            smtp = smtplib.SMTP(options.host, options.relay_port, self._helo, timeout=options.timeout)
        if smtp.sock is not None:
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _talk(self, line: _Line, sender: str, recipient: str, mail: bytes, provider_id: str) -> Outcome:
        try:
            self._announce(line, sender, recipient, len(mail))
            line.wire.say(mail + b".\r\n")
        except (Refusal, _Stale):
            raise
        except OSError as error:
            line.wire.close()
            code = "timeout" if isinstance(error, TimeoutError) else "connection_lost"
            raise Refusal(Denied(Reason.UNAVAILABLE, code, permanent=False)) from None
        return self._verdict(line, provider_id)

    def _announce(self, line: _Line, sender: str, recipient: str, size: int) -> None:
        """Up to the relay's word that it takes the mail: in one round trip where it pipelines (RFC 2920 3.1)."""
        wire = line.wire
        if 0 < wire.largest < size:
            self._give_back(line)
            raise Refusal(Denied(Reason.BAD_CONTENT, "too_large"))
        commands = (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA")
        answer = self._first_answer(line, commands if wire.pipelines else commands[:1])
        if wire.pipelines:
            answers = (answer, wire.reply(), wire.reply())
            refused = answers[0][0] != 250 or answers[1][0] not in (250, 251)
            if refused and answers[2][0] == 354:  # it waits for a mail to nobody: an empty one ends that
                wire.say(b"\r\n.\r\n")
                wire.reply()
        else:
            self._expect(line, Stage.SENDER, 250, answer)
            second = wire.ask(commands[1])
            self._expect(line, Stage.RECIPIENT, 250, second)
            answers = (answer, second, wire.ask(commands[2]))
        self._expect(line, Stage.SENDER, 250, answers[0])
        self._expect(line, Stage.RECIPIENT, 250, answers[1])
        self._expect(line, Stage.DATA, 354, answers[2])

    def _first_answer(self, line: _Line, commands: Sequence[str]) -> tuple[int, bytes]:
        """What the relay says to the beginning of a mail. _Stale if a kept connection proves dead by it."""
        wire = line.wire
        try:
            wire.say("".join(f"{command}\r\n" for command in commands).encode("ascii"))
            code, words = wire.reply()
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            if line.mails:
                wire.close()
                raise _Stale from None
            raise
        if code == 421 and line.mails:
            wire.close()
            raise _Stale
        return code, words

    def _expect(self, line: _Line, stage: Stage, wanted: int, answer: tuple[int, bytes]) -> None:
        code, words = answer
        if code == wanted or (wanted == 250 and code == 251):
            return
        if code < 400:  # an answer to something we did not say: the talk is out of step
            line.wire.close()
            raise Refusal(Denied(Reason.UNAVAILABLE, f"unexpected_{code}", permanent=False))
        self._after_refusal(line, code)
        raise Refusal(refusal(stage, code, words))

    def _after_refusal(self, line: _Line, code: int) -> None:
        """Keep the connection for the next mail if the relay forgets this one on request."""
        if code != 421:
            with suppress(OSError):
                if line.wire.ask("RSET")[0] == 250:
                    self._give_back(line)
                    return
        line.wire.close()

    def _verdict(self, line: _Line, provider_id: str) -> Outcome:
        wire = line.wire
        try:
            wire.socket.settimeout(self._options.data_timeout)
            code, words = wire.reply()
            wire.socket.settimeout(self._options.timeout)
        except OSError:
            wire.close()
            return Unknown("no_answer_after_data")
        if 200 <= code < 300:
            self._give_back(line)
            return Accepted(provider_id)
        if code < 400:
            wire.close()
            return Unknown(f"unexpected_{code}")
        if code == 421:
            wire.close()
        else:
            self._give_back(line)
        return refusal(Stage.DATA, code, words)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _not_opened(stage: Stage, error: Exception) -> Denied:
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode("ascii", "replace")
        if error.smtp_code >= 400:
            return refusal(stage, error.smtp_code, words)
    if isinstance(error, UnicodeError):
        return Denied(Reason.NOT_ALLOWED, "credentials_not_ascii", permanent=False)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Denied(Reason.NOT_ALLOWED, "no_login_offered", permanent=False)
    codes: dict[type[Exception], str] = {
        ssl.SSLCertVerificationError: "certificate",
        socket.gaierror: "no_such_host",
        ConnectionRefusedError: "refused",
        TimeoutError: "timeout",
    }
    other = "tls" if isinstance(error, ssl.SSLError) else "connection_lost"
    return Denied(Reason.UNAVAILABLE, codes.get(type(error), other), permanent=False)


def _goodbye(wire: Wire) -> None:
    with suppress(OSError):
        wire.socket.settimeout(1)
        wire.ask("QUIT")
    wire.close()


def _drop(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()
