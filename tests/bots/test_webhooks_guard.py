"""Sixty ways to spell an address in our own network, each against a server that listens there: nothing connects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from automation.kernel.ports import Denied, Reason
from bots import http, public_addresses
from bots.webhooks import Poster

LOOPBACK = (
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1",
    "017700000001", "0177.0.0.1", "0177.1", "127.0.0.1.", "127.255.255.254", "0.0.0.0", "0", "00", "0x0", "localhost",
    "LOCALHOST", "localhost.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[0000:0000:0000:0000:0000:ffff:7f00:0001]", "%31%32%37.0.0.1", "１２７.０.０.１", "①②⑦.0.0.1",
)  # fmt: skip
INSIDE = (
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "0xc0a80001", "3232235521",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]", "100.64.0.1", "100.127.255.254", "198.18.0.1", "192.0.0.170", "192.0.2.1", "203.0.113.7",
    "224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]",
    "[2001:db8::1]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::]", "[2001:0:0a00:1::]", "[100::1]", "192.88.99.1",
)  # fmt: skip


class Listener:
    """Counts who connects to a port, on every address of this machine."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = self._socket.getsockname()[1]
        self.connects = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                found, _ = self._socket.accept()
            except OSError:
                return
            self.connects += 1
            found.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def test_the_list_is_long_enough() -> None:
    assert len({*LOOPBACK, *INSIDE}) >= 60


def test_no_spelling_of_an_inner_address_is_connected_to(listener: Listener) -> None:
    poster = Poster()
    for host in (*LOOPBACK, *INSIDE):
        answer = poster.post(f"https://{host}:{listener.port}/hook", b"{}", {})
        assert isinstance(answer, Denied), host
        assert answer.code in ("not_public", "no_such_host", "bad_url"), (host, answer)
        if answer.code == "not_public":
            assert answer == Denied(Reason.NOT_ALLOWED, "not_public", permanent=True)
    assert listener.connects == 0


def test_the_plain_spellings_are_refused_by_the_guard_and_not_by_chance(listener: Listener) -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"):
        answer = Poster().post(f"https://{host}:{listener.port}/hook", b"{}", {})
        assert isinstance(answer, Denied)
        assert answer.code == "not_public", host


def test_a_receiver_in_our_own_network_has_to_be_allowed(listener: Listener) -> None:
    answer = Poster().post(f"https://127.0.0.1:{listener.port}/hook", b"{}", {}, private=True)
    assert isinstance(answer, Denied)
    assert answer.code != "not_public"
    assert listener.connects == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "http://169.254.169.254/", "ftp://example.com/", "file:///etc/hosts", "http://127.1/",
        "gopher://127.0.0.1:70/", "//example.com/", "https://[::1", "https:///path",
    ],
)  # fmt: skip
def test_only_https_leaves_this_machine(url: str) -> None:
    answer = Poster().post(url, b"{}", {})
    assert isinstance(answer, Denied)
    assert answer.permanent


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    inner = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        found, _ = inner.accept()
        found.recv(65536)
        found.sendall(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:%d/\r\ncontent-length: 0\r\n\r\n" % listener.port
        )
        found.close()

    threading.Thread(target=answer, daemon=True).start()
    said = Poster().post(f"http://127.0.0.1:{inner.getsockname()[1]}/hook", b"{}", {})
    inner.close()
    assert said == Denied(Reason.UNAVAILABLE, "302", permanent=False)
    assert listener.connects == 0


@pytest.mark.parametrize("text", ["1.1.1.1", "8.8.8.8", "223.5.5.5", "2400:3200::1", "2606:4700::1111",
                                  "64:ff9b::8.8.8.8"])  # fmt: skip
def test_public_addresses_are_public(text: str) -> None:
    assert public_addresses.is_public(text)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "fe80::1%eth0", "1.1.1.1/32"])
def test_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not public_addresses.is_public(text)


def test_a_guard_is_asked_about_every_address_of_a_name(listener: Listener) -> None:
    asked: list[str] = []
    client = http.Client(2, may_connect=lambda address: bool(asked.append(address)))
    with pytest.raises(http.NotSent) as caught:
        client.post(f"http://localhost:{listener.port}/", b"{}")
    assert caught.value.code == http.NOT_PUBLIC
    assert asked
    assert all(not public_addresses.is_public(address) for address in asked)
    assert listener.connects == 0


def test_an_allowed_address_is_connected_to_and_checked_again_for_a_new_connection(listener: Listener) -> None:
    asked: list[str] = []
    client = http.Client(2, may_connect=lambda address: asked.append(address) is None)
    for _ in range(2):
        with pytest.raises(http.TransportError):
            client.post(f"http://127.0.0.1:{listener.port}/", b"{}")
    assert asked == ["127.0.0.1"] * 2
    assert listener.connects == 2
