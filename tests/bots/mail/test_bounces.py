"""Mails that come back: what they mean, and that nobody else's words kill an address."""

from __future__ import annotations

import email
import time
from email.message import EmailMessage

import pytest

from automation.kernel.hooks import Receipt, Unreadable
from bots.mail.bounces import Reports
from tests.bots.mail.samples import ID, KEY, ORDINARY, ORIGINAL, QMAIL, arf, dsn

NOW = 1_772_323_200
OURS = Reports("example.com")


def failed(code: str, dead: bool) -> Receipt:
    return Receipt(f"{KEY}@example.com", "failed", NOW, code, dead=dead)


@pytest.mark.parametrize(
    ("mail", "receipt"),
    [
        (dsn(), failed("550 5.1.1", dead=True)),
        (dsn(status="5.1.2", said="x"), failed("5.1.2", dead=True)),
        (dsn(status="5.2.1", said="smtp; 550 disabled"), failed("550 5.2.1", dead=True)),
        (dsn(status="5.0.0", said="smtp; 550 no such user"), failed("550 5.0.0", dead=True)),
        (dsn(status="5.2.2", said="smtp; 552 full"), failed("552 5.2.2", dead=False)),
        (dsn(status="5.7.1", said="smtp; 550 5.7.1 spam"), failed("550 5.7.1", dead=False)),
        (dsn(status="5.1.8", said="smtp; 550 sender"), failed("550 5.1.8", dead=False)),
        (dsn(status="4.4.7", said="smtp; 451 expired"), failed("451 4.4.7", dead=False)),
        (dsn(action="delivered", status="2.0.0"), Receipt(f"{KEY}@example.com", "delivered", NOW)),
        (dsn(action="delayed", status="4.4.1"), None),
        (arf(), Receipt(f"{KEY}@example.com", "delivered", NOW, "complaint abuse", complaint=True)),
        (arf(headers_only=True), Receipt(f"{KEY}@example.com", "delivered", NOW, "complaint abuse", complaint=True)),
        (arf("not-spam"), None),
        (QMAIL, failed("bounced", dead=True)),
        (ORDINARY, None),
    ],
)
def test_what_a_mail_says(mail: bytes, receipt: Receipt | None) -> None:
    assert OURS.read(mail, NOW) == receipt


@pytest.mark.parametrize(
    "original",
    [ORIGINAL.replace("@example.com>", "@other.example>"), ORIGINAL.replace(ID, "<short@example.com>"), "X: y\r\n"],
)
def test_a_bounce_of_somebody_elses_mail_says_nothing(original: str) -> None:
    assert OURS.read(dsn(original=original), NOW) is None


def test_the_address_it_came_to_names_the_message_too() -> None:
    verp = Reports("example.com", "bounces+{key}@example.com")
    mail = dsn(original="X: y\r\n").replace(b"To: shop@", f"To: bounces+{KEY}@".encode())
    assert verp.read(mail, NOW) == failed("550 5.1.1", dead=True)
    assert OURS.read(mail, NOW) is None


def test_an_original_in_base64_is_found() -> None:
    whole = email.message_from_bytes(dsn(original="X: y\r\n"))
    inner = EmailMessage()
    inner["Message-ID"] = ID
    inner.set_content("您好")
    whole.get_payload()[2].set_payload([inner])  # type: ignore[index, union-attr]
    assert OURS.read(whole.as_bytes(), NOW) == failed("550 5.1.1", dead=True)


def test_a_bounce_of_ten_megabytes_is_read_as_far_as_it_matters() -> None:
    mail = dsn()[:-9] + b"A" * 10_000_000
    began = time.process_time()
    assert OURS.read(mail, NOW) == failed("550 5.1.1", dead=True)
    assert time.process_time() - began < 1


def test_what_stands_too_far_down_is_not_looked_for() -> None:
    assert OURS.read(dsn().replace(b"This is the mail system.", b"A" * 300_000), NOW) is None


def nested(depth: int) -> bytes:
    head = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(depth))
    return f"Message-ID: {ID}\r\n{head}".encode()


HOSTILE = [
    nested(5_000),
    b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
    dsn().replace(b"Status: 5.1.1", b"Status: \xff\xfe" + b"9" * 100_000),
    dsn().replace(b"boundary=\"B1\"", b"boundary=" + b"\xe5" * 300),
    dsn().replace(b"text/plain", b"text/plain; charset=no-such-thing"),
    dsn().replace(b"Message-ID: <0", b"Message-ID: =?utf-8?b?PDA=?= <0"),
    b"", b"\x00" * 1000, b"\r\n" * 1000, b"From\r\n", b"Content-Type: multipart/report\r\n\r\n",
    bytes(range(256)) * 200,
]  # fmt: skip


@pytest.mark.parametrize("mail", HOSTILE, ids=range(len(HOSTILE)))
def test_broken_mails_are_refused_or_say_nothing_and_cost_little(mail: bytes) -> None:
    began = time.process_time()
    try:
        found = OURS.read(mail, NOW)
    except Unreadable as error:
        assert "example" not in str(error)
    else:
        assert found is None or found.provider_id == f"{KEY}@example.com"
    assert time.process_time() - began < 1


@pytest.mark.parametrize("mail", HOSTILE[:2], ids=["parts in parts", "mails in mails"])
def test_mails_in_mails_in_mails_are_not_even_opened(mail: bytes) -> None:
    with pytest.raises(Unreadable, match="too many parts"):
        OURS.read(mail, NOW)


def test_every_beginning_of_a_bounce_is_read_without_an_error() -> None:
    whole = dsn()
    for end in range(0, len(whole), 7):
        found = OURS.read(whole[:end], NOW)
        assert found is None or found.provider_id == f"{KEY}@example.com"
