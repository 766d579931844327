"""A mail as bytes, put together by hand: the headers around base64 parts: text, HTML and its pictures.

The standard library's EmailMessage takes 2 ms a mail, this some hundredths of that; the tests parse its output with the
standard parser. Line breaks in anything that becomes a header are refused, so nothing can be injected.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate

from automation.kernel.ports import Json
from bots.mail.pictures import BadContent, lines

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_PLAIN_TEXT = re.compile(r"(?!.*(=\?|  ))[A-Za-z0-9]([ -~]{0,64}[!-~])?")
_PLAIN_PHRASE = re.compile(r"(?!.*  )[A-Za-z0-9]([A-Za-z0-9 !#$%&'*+/^_`{|}~-]{0,64}[A-Za-z0-9])?")  # RFC 5322 3.2.3
_BOUNDARY = "=_lucheng_part"  # an underscore occurs in no base64 line, so one fixed boundary is always unique
_INNER = "=_lucheng_more"
_LINK = re.compile(r"https?://[A-Za-z0-9][!-;=?-~]{0,900}")  # a header's line holds 998 (RFC 5322 2.1.1)
_WORD_BYTES = 39  # of UTF-8 in an encoded word: with the longest header name the line stays below 76 (RFC 2047 2)


@dataclass(frozen=True, slots=True)
class Letter:
    """What differs between the mails of one sender. `message_id` without its brackets; `now` in UTC seconds."""

    to: str
    message_id: str
    now: int
    subject: str
    text: str
    html: str
    unsubscribe: str = ""
    pictures: Sequence[bytes] = ()


def letter(to: str, message_id: str, now: int, body: Mapping[str, Json], pictures: Sequence[bytes] = ()) -> Letter:
    """Reads a message's body: subject and text (both needed), html, which holds its preview line already, and
    unsubscribe, a web address.

    Raises BadContent for what is missing, is no text, or does not belong in a header.
    """
    subject, text = _text(body, "subject"), _text(body, "text")
    if is_unsafe(subject):
        raise BadContent("line_break_in_subject")
    if not subject.strip() or not text.strip():
        raise BadContent("no_text" if subject.strip() else "no_subject")
    leave = _text(body, "unsubscribe")
    if leave and not _LINK.fullmatch(leave):
        raise BadContent("bad_unsubscribe")
    return Letter(to, message_id, now, subject, text, _text(body, "html"), leave, pictures)


def is_unsafe(value: str) -> bool:
    """Whether a header's value holds a line break or another control character."""
    return _CONTROL.search(value) is not None


def address(value: str) -> str | None:
    """The form that goes on the wire, with an international domain in ASCII (RFC 5891); None if it is no address.

    Local parts are ASCII and unquoted: others need SMTPUTF8 all the way, which few mailboxes have.
    """
    local, at, domain = value.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    fits = at and len(local) <= 64 and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)
    return f"{local}@{domain}" if fits else None


class Sender:
    """The headers that every mail of a channel shares, put together once."""

    def __init__(self, address: str, name: str, reply_to: str | None) -> None:
        name = " ".join(name.split())  # as every reader of a display name does
        self.address = address
        self.domain = address.rpartition("@")[2]
        mailbox = f"{encoded(name, _PLAIN_PHRASE)}\r\n <{address}>" if name else address
        reply = f"Reply-To: {reply_to}\r\n" if reply_to else ""
        self._head = f"From: {mailbox}\r\n{reply}MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
        self._date = (0, "")

    def compose(self, letter: Letter) -> bytes:
        """The whole mail with CRLF line ends, all ASCII, no line over 998 characters, none beginning with a dot.

        Raises BadContent if the text is not valid Unicode.
        """
        head = (
            f"{self._head}To: {letter.to}\r\nSubject: {encoded(letter.subject)}\r\n"
            f"Message-ID: <{letter.message_id}>\r\nDate: {self._date_of(letter.now)}\r\n{_leaving(letter.unsubscribe)}"
        )
        if not letter.html.strip():
            return head.encode("ascii") + _part("plain", letter.text)
        return b"".join((
            head.encode("ascii"),
            f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n\r\n--{_BOUNDARY}\r\n'.encode("ascii"),
            _part("plain", letter.text),
            f"--{_BOUNDARY}\r\n".encode("ascii"),
            _related(_part("html", letter.html), letter.pictures),
            f"--{_BOUNDARY}--\r\n".encode("ascii"),
        ))  # fmt: skip

    def _date_of(self, now: int) -> str:
        then, text = self._date
        if then != now:
            text = formatdate(now)
            self._date = (now, text)
        return text


def encoded(value: str, plain: re.Pattern[str] = _PLAIN_TEXT) -> str:
    """A header's value as ASCII: as it is when short and `plain`, else in encoded words (RFC 2047), folded."""
    if plain.fullmatch(value):
        return value
    data, at, words = _utf8(value), 0, []
    while at < len(data):
        end = min(at + _WORD_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        words.append(_word(data[at:end]))
        at = end
    return "\r\n ".join(words)


def _word(piece: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(piece, newline=False).decode('ascii')}?="


def _part(subtype: str, text: str) -> bytes:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    canonical = text.replace("\n", "\r\n")  # RFC 2046 4.1.1
    code = b2a_base64(_utf8(canonical), newline=False)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return b"".join((head.encode("ascii"), b"\r\n".join(lines(code)), b"\r\n"))


def _related(page: bytes, pictures: Sequence[bytes]) -> bytes:
    """The page together with the pictures it shows (RFC 2387)."""
    if not pictures:
        return page
    head = f'Content-Type: multipart/related; type="text/html"; boundary="{_INNER}"\r\n\r\n'
    between = f"--{_INNER}\r\n".encode("ascii")
    inside = b"".join(between + part for part in (page, *pictures))
    return head.encode("ascii") + inside + f"--{_INNER}--\r\n".encode("ascii")


def _leaving(url: str) -> str:
    """What mail programs make their own button of; one click only over https (RFC 8058 3.1). Never folded or encoded:
    they would no longer find the address."""
    if not url:
        return ""
    one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if url.startswith("https:") else ""
    return f"List-Unsubscribe: <{url}>\r\n{one_click}"


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadContent("not_unicode") from None


def _text(body: Mapping[str, Json], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadContent(f"{name}_is_no_text")
    return value
