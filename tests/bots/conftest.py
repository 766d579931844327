"""A real sandbox server for the whole session, without faults at the start of each test, and a scripted mail relay."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bots import http
from bots.sandbox import process


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("sandbox") / "ledger.jsonl") as running:
        yield running


@pytest.fixture
def control() -> Iterator[http.Client]:
    client = http.Client(timeout=5)
    yield client
    client.close()


@pytest.fixture
def sandbox(sandbox_process: process.Sandbox, control: http.Client) -> process.Sandbox:
    for side in ("http", "smtp"):
        control.post_json(f"{sandbox_process.url}/faults", {"on": side, "mode": "ok"})
    return sandbox_process


@pytest.fixture
def fault(sandbox: process.Sandbox, control: http.Client) -> Callable[..., None]:
    def put(mode: str, **more: Any) -> None:
        reply = control.post_json(f"{sandbox.url}/faults", {"mode": mode, **more})
        assert reply.status == 200, reply.body

    return put


class Quiet(ThreadingHTTPServer):
    """Says nothing of clients that hang up on an endless answer."""

    def handle_error(self, request: object, client_address: object) -> None:
        return


@pytest.fixture
def provider() -> Iterator[Callable[[Callable[[str, int], bytes]], list[str]]]:
    """A provider on this machine that answers by a function of the path's last word and how often it was asked for it.

    What is given back: its address, then each word it was asked for.
    """
    running: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str, int], bytes]) -> list[str]:
        seen: list[str] = []
        lock = threading.Lock()

        class Page(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.answer()

            def answer(self) -> None:
                path = self.path.partition("?")[0].rsplit("/", 1)[-1]
                with lock:
                    seen.append(path)
                    number = seen.count(path)
                body = answer(path, number)
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        server = Quiet(("127.0.0.1", 0), Page)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        seen.append(f"http://127.0.0.1:{server.server_port}")
        return seen

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@dataclass
class Relay:
    """A mail relay that answers each command word by a script: the first unused line for the word, else 250."""

    port: int
    script: dict[str, list[str]] = field(default_factory=dict)
    mails: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0

    def answer(self, word: str, to_anybody: bool = True) -> str:
        lines = self.script.get(word, [])
        data = "354 go on" if to_anybody else "554 no valid recipients"
        usual = {"EHLO": "250-relay\r\n250 PIPELINING", "DATA": data, "QUIT": "221 bye", "CONNECT": "220 relay"}
        return lines.pop(0) if lines else usual.get(word, "250 ok")

    def serve(self, connection: socket.socket) -> None:
        with suppress(ConnectionError):  # who was told no may have left while we were still answering
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as lines:
            connection.sendall(self.answer("CONNECT").encode() + b"\r\n")
            begun = to_anybody = False
            for line in lines:
                word = line.split()[0].decode().upper()
                self.commands.append(word)
                answer = self.answer(word, to_anybody)
                if word == "MAIL":
                    begun, to_anybody = answer.startswith("25"), False
                elif word == "RCPT":
                    to_anybody = begun and answer.startswith("25")
                if answer == "HANG UP":
                    return
                connection.sendall(answer.encode() + b"\r\n")
                if answer.startswith("354"):
                    mail = b""
                    while not mail.endswith(b"\r\n.\r\n"):
                        mail += next(lines)
                    self.mails.append(mail[:-3])
                    answer = self.answer(".")
                    if answer == "HANG UP":
                        return
                    connection.sendall(answer.encode() + b"\r\n")


@pytest.fixture
def relay() -> Iterator[Relay]:
    listener = socket.create_server(("127.0.0.1", 0))
    running = Relay(listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            running.connections += 1
            threads.append(threading.Thread(target=running.serve, args=(connection,), daemon=True))
            threads[-1].start()

    door = threading.Thread(target=accept, daemon=True)
    door.start()
    yield running
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    door.join(5)


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
