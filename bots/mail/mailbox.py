"""The mailbox that bounces come back to, over IMAP (RFC 3501): unread mails, a bounded part of a bounded number.

A mail is marked as read at the look after the one that took it, when what it said is recorded; a crash between the two
reads it again, which changes nothing.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from automation.kernel import errors
from bots.mail.bounces import MOST
from bots.mail.options import BounceBox, Tls

TOGETHER: Final = 200  # mails of one look
_CHUNK: Final = 10  # mails of one request
_UID = re.compile(rb"\bUID (\d+)")


class Mailbox:
    """For one thread at a time. Opens a connection for each look and closes it."""

    def __init__(self, options: BounceBox) -> None:
        self._options = options
        self._taken: tuple[bytes, list[bytes]] = (b"", [])  # the folder's validity, and what the last look gave out

    def unread(self) -> list[bytes]:
        """The beginnings of unread mails. Raises ServiceAway."""
        try:
            connection = self._open()
            try:
                return self._look(connection)
            finally:
                with suppress(OSError, imaplib.IMAP4.error):
                    connection.logout()
        except (OSError, imaplib.IMAP4.error, UnicodeError) as error:
            # The server's words may hold the user's name.
            raise errors.ServiceAway(f"the mailbox for bounces cannot be read: {type(error).__name__}") from None

    def check(self) -> int:
        """How many unread mails wait; opens the folder without changing anything. Raises ServiceAway."""
        try:
            connection = self._open()
            try:
                _done(connection.select(f'"{self._options.folder}"', readonly=True))
                return len(self._search(connection))
            finally:
                with suppress(OSError, imaplib.IMAP4.error):
                    connection.logout()
        except (OSError, imaplib.IMAP4.error, UnicodeError) as error:
            raise errors.ServiceAway(f"the mailbox for bounces cannot be read: {type(error).__name__}") from None

    def _open(self) -> imaplib.IMAP4:
        options = self._options
        context = None
        if options.tls is not Tls.NONE:
            context = ssl.create_default_context(cafile=options.ca_file)
        connection: imaplib.IMAP4
        if options.tls is Tls.TLS:
            connection = imaplib.IMAP4_SSL(
                options.host, options.imap_port, ssl_context=context, timeout=options.timeout
            )
        else:
            connection = imaplib.IMAP4(options.host, options.imap_port, timeout=options.timeout)
        try:
            if options.tls is Tls.STARTTLS:
                connection.starttls(context)
            connection.login(options.user, options.password.get_secret_value())
        except BaseException:
            connection.shutdown()
            raise
        return connection

    def _look(self, connection: imaplib.IMAP4) -> list[bytes]:
        _done(connection.select(f'"{self._options.folder}"'))
        validity = (connection.response("UIDVALIDITY")[1] or [b""])[0] or b""
        if self._taken[1] and self._taken[0] == validity:
            _done(connection.uid("STORE", _joined(self._taken[1]), "+FLAGS.SILENT", r"(\Seen)"))
        self._taken = (b"", [])
        numbers, mails = self._search(connection)[:TOGETHER], []
        for start in range(0, len(numbers), _CHUNK):
            mails += self._fetch(connection, numbers[start : start + _CHUNK])
        self._taken = (validity, numbers)
        return mails

    def _search(self, connection: imaplib.IMAP4) -> list[bytes]:
        found: Any = _done(connection.uid("SEARCH", "UNSEEN"))
        return [number for number in (found[0] or b"").split() if number.isdigit()]

    def _fetch(self, connection: imaplib.IMAP4, numbers: Sequence[bytes]) -> list[bytes]:
        found: Any = _done(connection.uid("FETCH", _joined(numbers), f"(BODY.PEEK[]<0.{MOST}>)"))
        return [item[1][:MOST] for item in found if isinstance(item, tuple) and _UID.search(item[0])]


def _joined(numbers: Sequence[bytes]) -> str:
    return b",".join(numbers).decode("ascii")


def _done(answer: tuple[str, Any]) -> Any:
    word, data = answer
    if word != "OK":
        raise imaplib.IMAP4.error(word)
    return data
