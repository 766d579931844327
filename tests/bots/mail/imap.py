"""A mailbox on the loopback address that speaks as much IMAP (RFC 3501) as reading bounces needs."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Imap:
    mails: list[bytes] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)  # numbers from 1
    validity: int = 1
    password: str = "pretend"
    commands: list[str] = field(default_factory=list)
    silent: bool = False
    port: int = 0

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as lines:
            if not self.silent:
                connection.sendall(b"* OK ready\r\n")
            for line in lines:
                tag, _, rest = line.decode().strip().partition(" ")
                self.commands.append(rest.replace(self.password, "..."))
                if not self.silent:
                    connection.sendall(self.answer(rest) + f"{tag} {self.word(rest)}\r\n".encode())

    def word(self, command: str) -> str:
        if command.startswith("LOGIN"):
            return "OK in" if f'"{self.password}"' in command else "NO user unknown"
        return "NO no such folder" if "nowhere" in command else "OK done"

    def answer(self, command: str) -> bytes:
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if command.startswith(("SELECT", "EXAMINE")):
            return f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] ok\r\n".encode()
        if command.startswith("UID SEARCH"):
            found = [str(n) for n in range(1, len(self.mails) + 1) if n not in self.seen]
            return f"* SEARCH {' '.join(found)}\r\n".encode()
        if command.startswith("UID STORE"):
            self.seen |= {int(n) for n in command.split()[2].split(",")}
        if fetch := re.match(r"UID FETCH (\S+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            return b"".join(self.one(int(n), int(fetch[2])) for n in fetch[1].split(","))
        return b"* BYE\r\n" if command == "LOGOUT" else b""

    def one(self, number: int, most: int) -> bytes:
        part = self.mails[number - 1][:most]
        return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%b)\r\n" % (number, number, len(part), part)


@contextmanager
def serving() -> Iterator[Imap]:
    listener, threads = socket.create_server(("127.0.0.1", 0)), []
    running = Imap(port=listener.getsockname()[1])

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(5)
                threads.append(threading.Thread(target=running.serve, args=(connection,), daemon=True))
                threads[-1].start()

    door = threading.Thread(target=accept, daemon=True)
    door.start()
    yield running
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    door.join(5)
