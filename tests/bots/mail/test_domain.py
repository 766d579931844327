"""What `channels check` says of a sender: the relay, and the domain's records, asked of a real DNS server here."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from automation.kernel.ports import Finding
from bots.mail import domain as domains
from bots.mail.channel import MailChannel
from bots.mail.domain import Domain
from tests.bots.mail.test_channel import options

RECORDS: dict[str, list[str]] = {}


@pytest.fixture
def resolver() -> Iterator[dns.resolver.Resolver]:
    """Answers from RECORDS; silent for names that begin with `silent`."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            data, peer = server.recvfrom(4096)
            if data == b"end":
                return
            question = dns.message.from_wire(data)
            name = question.question[0].name.to_text().rstrip(".")
            reply = dns.message.make_response(question)
            if name.startswith("silent"):
                continue
            texts = RECORDS.get(name)
            if texts is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            elif texts:
                reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *(f'"{text}"' for text in texts)))
            server.sendto(reply.to_wire(), peer)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port = ["127.0.0.1"], server.getsockname()[1]
    RECORDS.clear()
    yield made
    server.sendto(b"end", server.getsockname())
    thread.join(5)
    server.close()


def oks(found: Any) -> dict[str, bool | None]:
    return {one.what: one.ok for one in found}


def test_a_domain_in_order(resolver: dns.resolver.Resolver) -> None:
    RECORDS.update({
        "example.com": ["google-site=1", "v=spf1 include:spf.example.net -all"],
        "s1._domainkey.example.com": ["v=DKIM1; k=rsa; p=MIGf"],
        "_dmarc.example.com": ["v=DMARC1; p=quarantine"],
    })  # fmt: skip
    found = Domain("example.com", "s1", resolver).findings()
    assert oks(found) == {"SPF": True, "DKIM": True, "DMARC": True}
    assert [one.hint for one in found] == ["", "", ""]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({}, {"SPF": False, "DKIM": False, "DMARC": False}),
        ({"example.com": ["v=spf1 a -all", "v=spf1 mx -all"]}, {"SPF": False, "DKIM": False, "DMARC": False}),
        ({"example.com": ["v=spf1 +all"]}, {"SPF": False, "DKIM": False, "DMARC": False}),
        ({"_dmarc.example.com": ["v=DMARC1; p=none"]}, {"SPF": False, "DKIM": False, "DMARC": None}),
        ({"s1._domainkey.example.com": ["v=DKIM1; p="]}, {"SPF": False, "DKIM": False, "DMARC": False}),
        ({"example.com": []}, {"SPF": False, "DKIM": False, "DMARC": False}),
    ],
)
def test_what_is_missing_or_wrong_says_what_to_do(
    resolver: dns.resolver.Resolver, records: dict[str, list[str]], expected: dict[str, bool | None]
) -> None:
    RECORDS.update(records)
    found = Domain("example.com", "s1", resolver).findings()
    assert oks(found) == expected
    assert all(one.hint for one in found)


def test_where_dns_is_away_nothing_is_known_and_it_does_not_take_long(
    resolver: dns.resolver.Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "PATIENCE", 0.2)
    began = time.monotonic()
    found = Domain("silent.example.com", None, resolver).findings()
    assert oks(found)["SPF"] is None
    assert time.monotonic() - began < 4


def test_the_relay_is_logged_in_to_and_nothing_is_sent(
    relay: Any, resolver: dns.resolver.Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)
    channel = MailChannel("news", options(relay.port))
    assert channel.check(1)[0] == Finding("relay", True, "connected")
    assert (relay.mails, relay.commands) == ([], ["EHLO", "QUIT"])
    relay.script["CONNECT"] = ["554 go away"]
    first = channel.check(1)[0]
    assert first.ok is False and "554" in first.said and first.hint
    assert channel.quotas(1) == []
