"""The sandbox server: HTTP and SMTP on the loopback address only, one asyncio loop, one ledger."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

from automation.kernel import clock
from bots.sandbox import ledger
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Faults
from bots.sandbox.http_edge import Connection
from bots.sandbox.routes import Routes
from bots.sandbox.smtp_edge import MailHandler, MailServer

HOST = "127.0.0.1"
_GRACE_SECONDS = 2.0


class Server:
    """Listens until told to stop; then lets requests that are being answered finish."""

    def __init__(self, path: Path) -> None:
        known = list(ledger.entries(path))
        self._writer = ledger.LedgerWriter(path)
        self._deliveries = Deliveries(self._writer, clock.SystemClock())
        for entry in known:
            self._deliveries.restore(entry)
        self._faults = Faults()
        self._routes = Routes(self._deliveries, self._faults)
        self._open: dict[asyncio.Task[None], Connection] = {}

    async def run(self, http_port: int, smtp_port: int, stop: asyncio.Event) -> None:
        """Serve until `stop`. Prints one line of JSON with the ports (0 asks for free ones) when ready."""
        loop = asyncio.get_running_loop()
        web = await asyncio.start_server(self._connected, HOST, http_port, backlog=1024)
        mail = await loop.create_server(
            lambda: MailServer(MailHandler(self._deliveries, self._faults)), HOST, smtp_port
        )
        ports = {"http": web.sockets[0].getsockname()[1], "smtp": mail.sockets[0].getsockname()[1]}
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        if sys.stderr.isatty():
            sys.stderr.write(
                f"look at http://{HOST}:{ports['http']}; mail goes to port {ports['smtp']}; Ctrl-C stops\n"
            )
        await stop.wait()
        web.close()
        mail.close()
        await self._finish()
        await self._writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._routes, reader, writer)
        task = asyncio.current_task()
        if task is None:
            return
        self._open[task] = connection
        try:
            await connection.serve()
        finally:
            del self._open[task]

    async def _finish(self) -> None:
        for connection in self._open.values():
            connection.close()
        if self._open:
            await asyncio.wait(list(self._open), timeout=_GRACE_SECONDS)
        for task in list(self._open):
            task.cancel()


async def serve(http_port: int, smtp_port: int, path: Path, with_parent: bool) -> None:
    """Run a server until SIGTERM or SIGINT, or, `with_parent`, until standard input is closed."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's: it would write addresses
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        loop.add_reader(0, lambda: stop.set() if not os.read(0, 4096) else None)
    await Server(path).run(http_port, smtp_port, stop)
