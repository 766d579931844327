from __future__ import annotations

import email
import email.policy
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import SecretStr, ValidationError

from automation.kernel import clock
from automation.kernel.hooks import Receipt
from automation.kernel.ports import Accepted, Denied, Message, Reason, Unknown
from bots.mail import relay as relays
from bots.mail.channel import MailChannel
from bots.mail.options import MailOptions, Tls
from tests import ports

BODY = {"subject": "生日快乐", "text": "祝您快乐", "html": "<p>祝您快乐</p>"}


def options(port: int, **more: Any) -> MailOptions:
    """Options as a file gives them, and then time limits shorter than a file may set."""
    given = {"host": "127.0.0.1", "port": port, "tls": "none", "from_address": "shop@example.com"}
    checked = MailOptions.model_validate({**given, **more})
    return checked.model_copy(update={"timeout": 2, "data_timeout": 0.5})


def message(key: str = "k1", address: str = "a@example.com", **body: Any) -> Message:
    return Message(key, "smtp", address, {**BODY, **body})


@pytest.fixture
def channel(relay: Any) -> Iterator[MailChannel]:
    made = MailChannel("news", options(relay.port), clock.FixedClock(1_772_323_200))
    yield made
    made.close()


def test_a_mail_arrives_with_its_key_as_message_id_and_the_clocks_date(channel: MailChannel, relay: Any) -> None:
    assert channel.send([message()]) == [Accepted("k1@example.com")]
    mail = email.message_from_bytes(relay.mails[0], policy=email.policy.default)
    assert mail["Message-ID"] == "<k1@example.com>"
    assert mail["Date"].datetime.timestamp() == 1_772_323_200
    assert mail["Subject"] == "生日快乐"


def test_one_connection_carries_many_mails(channel: MailChannel, relay: Any) -> None:
    for n in range(20):
        channel.send([message(f"k{n}")])
    assert (len(relay.mails), relay.connections) == (20, 1)


def test_a_refused_recipient_does_not_cost_the_connection(channel: MailChannel, relay: Any) -> None:
    relay.script["RCPT"] = ["550 5.1.1 unknown"]
    assert channel.send([message("k1")]) == [Denied(Reason.BAD_ADDRESS, "550 5.1.1")]
    assert channel.send([message("k2")]) == [Accepted("k2@example.com")]
    assert (len(relay.mails), relay.connections) == (1, 1)


@pytest.mark.parametrize("last_words", ["421 4.4.2 idle too long", "HANG UP"])
def test_a_kept_connection_that_died_is_replaced_before_a_mail_begins(
    channel: MailChannel, relay: Any, last_words: str
) -> None:
    channel.send([message("k1")])
    relay.script["MAIL"] = [last_words]
    assert channel.send([message("k2")]) == [Accepted("k2@example.com")]
    assert (len(relay.mails), relay.connections) == (2, 2)


def test_an_idle_connection_is_not_trusted_after_a_minute(
    channel: MailChannel, relay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.send([message("k1")])
    later = clock.monotonic() + 61
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert channel.send([message("k2")]) == [Accepted("k2@example.com")]
    assert relay.connections == 2


@pytest.mark.parametrize("word", ["CONNECT", "MAIL", "RCPT"])
def test_a_busy_relay_is_unavailable_for_now(channel: MailChannel, relay: Any, word: str) -> None:
    relay.script[word] = ["421 4.3.2 later", "421 4.3.2 later"]
    [outcome] = channel.send([message()])
    assert outcome == Denied(Reason.UNAVAILABLE, "421 4.3.2", permanent=False)
    assert channel.send([message()]) == [outcome]
    assert channel.send([message()]) == [Accepted("k1@example.com")]


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_final_dot_may_be_tried_again(channel: MailChannel, relay: Any, word: str) -> None:
    relay.script[word] = ["HANG UP"]
    assert channel.send([message()]) == [Denied(Reason.UNAVAILABLE, "connection_lost", permanent=False)]
    assert relay.mails == []


def test_a_connection_lost_after_the_final_dot_is_unknown(channel: MailChannel, relay: Any) -> None:
    relay.script["."] = ["HANG UP"]
    assert channel.send([message()]) == [Unknown("no_answer_after_data")]
    assert len(relay.mails) == 1
    assert channel.send([message("k2")]) == [Accepted("k2@example.com")]


def test_a_refused_text_is_bad_content(channel: MailChannel, relay: Any) -> None:
    relay.script["."] = ["554 5.6.0 no"]
    assert channel.send([message()]) == [Denied(Reason.BAD_CONTENT, "554 5.6.0")]


def test_a_mail_larger_than_the_relay_takes_never_leaves(channel: MailChannel, relay: Any) -> None:
    relay.script["EHLO"] = ["250-relay\r\n250 SIZE 1000"]
    assert channel.send([message(html="<p>x</p>" * 200)]) == [Denied(Reason.BAD_CONTENT, "too_large")]
    assert channel.send([message(html="")]) == [Accepted("k1@example.com")]
    assert relay.connections == 1


def test_a_relay_out_of_step_is_left(channel: MailChannel, relay: Any) -> None:
    relay.script["DATA"] = ["250 ok"]
    assert channel.send([message()]) == [Denied(Reason.UNAVAILABLE, "unexpected_250", permanent=False)]
    assert channel.send([message()]) == [Accepted("k1@example.com")]
    assert relay.connections == 2


@pytest.mark.parametrize(
    ("address", "subject", "reason"),
    [
        ("a@example.com\r\nRCPT TO:<b@example.com>", "s", Reason.BAD_ADDRESS),
        ("a@example.com", "hello\r\nBcc: b@example.com", Reason.BAD_CONTENT),
        ("a@example.com", "hello\n", Reason.BAD_CONTENT),
    ],
)
def test_nothing_can_be_injected(channel: MailChannel, relay: Any, address: str, subject: str, reason: Reason) -> None:
    [outcome] = channel.send([message(address=address, subject=subject)])
    assert isinstance(outcome, Denied)
    assert (outcome.reason, outcome.permanent) == (reason, True)
    assert relay.connections == 0


def test_a_relay_without_starttls_gets_no_mail(relay: Any) -> None:
    channel = MailChannel("news", options(relay.port, tls="starttls"))
    assert channel.send([message()]) == [Denied(Reason.NOT_ALLOWED, "no_starttls", permanent=False)]
    assert relay.mails == []


def test_threads_have_a_connection_each_and_mix_nothing_up(relay: Any) -> None:
    channel = MailChannel("news", options(relay.port))
    outcomes: dict[str, Any] = {}

    def work(thread: int) -> None:
        for n in range(25):
            key = f"t{thread}n{n}"
            outcomes[key] = channel.send([message(key, f"{key}@example.com")])[0]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(outcome == Accepted(f"{key}@example.com") for key, outcome in outcomes.items())
    assert sorted({email.message_from_bytes(mail)["To"] for mail in relay.mails}) == sorted(
        f"{key}@example.com" for key in outcomes
    )
    assert relay.connections <= 8
    channel.close()


class Taker:
    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        return "250 ok"


class Listening(Controller):
    """aiosmtpd with TLS and a login: shop, s3cret."""

    def __init__(self, taker: Taker, context: ssl.SSLContext, tls: Tls) -> None:
        self._starttls = context if tls is Tls.STARTTLS else None
        self._login = "s3cret"
        super().__init__(taker, "127.0.0.1", ports.unused(), ssl_context=context if tls is Tls.TLS else None)

    def factory(self) -> SMTP:
        def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            return AuthResult(success=data.password == self._login.encode(), handled=False)

        return SMTP(
            self.handler,
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=check,
            auth_required=True,
            auth_require_tls=self._starttls is not None,
        )


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # TLS from the first byte
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.TLS])
def test_login_and_certificate_are_checked_on_a_protected_connection(pem: Path, tls: Tls) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    taker = Taker()
    controller = Listening(taker, context, tls)
    controller.start()
    try:
        more = {"tls": tls, "user": "shop", "password": SecretStr("s3cret")}
        good = MailChannel("news", options(controller.port, ca_file=str(pem), **more))
        assert good.send([message()]) == [Accepted("k1@example.com")]
        good.close()
        wrong = MailChannel(
            "news", options(controller.port, ca_file=str(pem), **{**more, "password": SecretStr("WR0NG")})
        )
        [refused] = wrong.send([message()])
        assert isinstance(refused, Denied)
        assert (refused.reason, refused.permanent, refused.code) == (Reason.NOT_ALLOWED, False, "535 5.7.8")
        untrusted = MailChannel("news", options(controller.port, **more))
        assert untrusted.send([message()]) == [Denied(Reason.UNAVAILABLE, "certificate", permanent=False)]
    finally:
        controller.stop()
    assert len(taker.mails) == 1


def test_a_password_never_travels_or_shows_in_the_open() -> None:
    with pytest.raises(ValidationError) as caught:
        options(25, host="mail.example.com", user="shop", password=SecretStr("s3cret"))
    assert "unprotected" in str(caught.value.errors()[0]["ctx"])
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(options(25, user="shop", password=SecretStr("s3cret")))


@pytest.mark.parametrize(
    "more",
    [
        {"from_address": "shop"},
        {"reply_to": "x\r\ny@example.com"},
        {"from_name": "a\r\nBcc: x"},
        {"user": "shop"},
        {"unknown": 1},
        {"tls": "ssl"},
    ],
)
def test_options_that_cannot_work_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        options(25, **more)


def test_the_wait_after_a_mail_is_ten_minutes_unless_told_otherwise() -> None:
    assert MailOptions(host="h", from_address="a@example.com").data_timeout == 600
    assert MailOptions(host="h", from_address="a@example.com").relay_port == 587
    assert relays._IDLE_SECONDS < 300


def test_a_relay_that_waits_for_a_mail_to_nobody_is_given_an_empty_one(channel: MailChannel, relay: Any) -> None:
    relay.script.update({"RCPT": ["550 5.1.1 unknown"], "DATA": ["354 go on"], ".": ["554 no valid recipients"]})
    assert channel.send([message("k1")]) == [Denied(Reason.BAD_ADDRESS, "550 5.1.1")]
    assert relay.mails == [b"\r\n"]
    assert channel.send([message("k2")]) == [Accepted("k2@example.com")]
    assert (len(relay.mails), relay.connections) == (2, 1)


def test_a_mail_takes_two_round_trips_where_the_relay_pipelines(channel: MailChannel, relay: Any) -> None:
    channel.send([message("k1")])
    assert relay.commands == ["EHLO", "MAIL", "RCPT", "DATA"]
    relay.script["EHLO"] = ["250 relay"]
    plain = MailChannel("plain", options(relay.port))
    assert plain.send([message("k2")]) == [Accepted("k2@example.com")]
    plain.close()


def test_bounces_may_go_to_an_international_domain(relay: Any) -> None:
    channel = MailChannel("news", options(relay.port, return_path="bounces+{key}@例子.example"))
    assert channel.send([message("k1")]) == [Accepted("k1@example.com")]
    back = "To: bounces+abcdefgh12@xn--fsqu00a.example\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
    (found,) = channel.returned(back.encode(), 1_772_323_200)
    assert isinstance(found, Receipt)
    assert (found.provider_id, found.complaint) == ("abcdefgh12@example.com", True)
    channel.close()


@pytest.mark.parametrize("size", ["9" * 5000, "９", "-1", "many"])
def test_a_relay_that_names_a_strange_size_is_written_to(relay: Any, size: str) -> None:
    relay.script["EHLO"] = [f"250-relay\r\n250 SIZE {size}"]
    channel = MailChannel("news", options(relay.port))
    assert channel.send([message("k1")]) == [Accepted("k1@example.com")]
    channel.close()
