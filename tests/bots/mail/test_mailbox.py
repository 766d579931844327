"""The mailbox for bounces: read in bounded parts, marked only when what it said is recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from automation.kernel import errors
from bots.mail.channel import MailChannel
from bots.mail.mailbox import TOGETHER, Mailbox
from bots.mail.options import BounceBox, MailOptions
from tests.bots.mail import imap
from tests.bots.mail.samples import KEY, ORDINARY, arf, dsn

NOW = 1_772_323_200


@pytest.fixture
def server() -> Iterator[imap.Imap]:
    with imap.serving() as running:
        yield running


def box(server: imap.Imap, timeout: float = 2, **more: Any) -> BounceBox:
    context = {"environ": {"IMAP_PASSWORD": server.password}}
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "user": "u",
        "password": "${IMAP_PASSWORD}",
        **more,
    }
    return BounceBox.model_validate(given, context=context).model_copy(update={"timeout": timeout})


def channel(server: imap.Imap, **more: Any) -> MailChannel:
    options = MailOptions(host="127.0.0.1", from_address="shop@example.com", bounces=box(server, **more))
    return MailChannel("mail_main", options)


def test_unread_mails_are_told_and_marked_at_the_next_look(server: imap.Imap) -> None:
    server.mails = [dsn(), ORDINARY, arf()]
    mail = channel(server)
    assert mail.every == 300
    found = mail.pull([], NOW)
    assert [(one.provider_id, one.dead, one.complaint) for one in found] == [  # type: ignore[union-attr]
        (f"{KEY}@example.com", True, False), (f"{KEY}@example.com", False, True),
    ]  # fmt: skip
    assert server.seen == set()
    server.mails.append(dsn(status="5.2.2"))
    assert len(mail.pull([], NOW)) == 1
    assert server.seen == {1, 2, 3}


def test_after_a_crash_they_are_read_again(server: imap.Imap) -> None:
    server.mails = [dsn()]
    assert channel(server).pull([], NOW) == channel(server).pull([], NOW) != []


def test_a_folder_made_anew_is_not_marked(server: imap.Imap) -> None:
    server.mails = [dsn()]
    mail = channel(server)
    mail.pull([], NOW)
    server.validity, server.mails = 2, [dsn(status="5.7.1")]
    assert len(mail.pull([], NOW)) == 1
    assert server.seen == set()


def test_a_flood_is_read_in_parts(server: imap.Imap) -> None:
    server.mails = [ORDINARY] * (TOGETHER + 5)
    reader = Mailbox(box(server))
    assert [len(reader.unread()) for _ in range(3)] == [TOGETHER, 5, 0]


def test_only_the_beginning_of_a_large_mail_is_fetched(server: imap.Imap) -> None:
    server.mails = [dsn() + b"A" * 10_000_000]
    (mail,) = Mailbox(box(server)).unread()
    assert len(mail) == 256 * 1024


def test_a_mail_that_cannot_be_read_does_not_stop_the_others(
    server: imap.Imap, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.mails = [b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"a@example.com", dsn()]
    assert len(channel(server).pull([], NOW)) == 1
    assert "too many parts" in caplog.text and "a@example.com" not in caplog.text


def test_a_mailbox_that_is_away_says_so_without_secrets(server: imap.Imap) -> None:
    for changed in ({"folder": "nowhere"}, {"port": 1}):
        with pytest.raises(errors.ServiceAway) as caught:
            channel(server, **changed).pull([], NOW)
        assert server.password not in str(caught.value)
    good = box(server)
    server.password = "another"
    with pytest.raises(errors.ServiceAway):
        Mailbox(good).unread()
    server.silent = True
    began = time.monotonic()
    with pytest.raises(errors.ServiceAway):
        Mailbox(box(server, timeout=0.2)).unread()
    assert time.monotonic() - began < 20


def test_a_look_changes_nothing_but_marks(server: imap.Imap) -> None:
    server.mails = [dsn()]
    assert Mailbox(box(server)).check() == 1
    assert not any(word in " ".join(server.commands) for word in ("STORE", "EXPUNGE", "DELETE"))


def test_without_a_mailbox_there_is_nothing_to_pull() -> None:
    mail = MailChannel("mail_main", MailOptions(host="127.0.0.1", from_address="shop@example.com"))
    assert (mail.every, mail.pull([], NOW)) == (0, [])


def test_an_unprotected_mailbox_elsewhere_is_refused(server: imap.Imap) -> None:
    with pytest.raises(ValueError, match="refused"):
        box(server, host="imap.example.com")
