"""The web edge as a part of the live engine: a socket, a loop in a thread of its own, and how both end."""

from __future__ import annotations

import errno
import gc
import logging
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn

from automation.app import App
from automation.inbound.welcome import Welcomer
from automation.kernel import errors

from . import site
from .connection import Connection
from .heads import Heads

log = logging.getLogger(__name__)
MOST: Final = 2_000  # connections, and requests at work, above which the answer is 503
KEEP_ALIVE: Final = 30  # seconds
BACKLOG: Final = 2_048
DRAIN: Final = 5  # seconds in which requests that were begun are answered


class Edge:
    """`start` it inside the engine's lock, `stop` it before the engine."""

    def __init__(self, app: App, leads: Callable[[], bool] = lambda: True) -> None:
        """`leads`: whether the engine of this process moves, for /healthz."""
        self._app, self._leads = app, leads
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self.failure: Exception | None = None

    @property
    def url(self) -> str:
        """Where it listens: http://127.0.0.1:8080."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Listens and answers. Raises ServiceAway where the port is taken or the address is not this machine's."""
        self._socket = _listening(self._app.settings.web.host, self._app.settings.web.port or 0)
        self._context = site.context(self._app)
        app = self._app
        self._welcomer = Welcomer(app.parts, app.vault, app.channels, app.renderer, app.clock)
        self._site = made = site.site(self._context, self._welcomer, self._leads)
        # What uvicorn tells of strangers' requests is noise; what fails inside is told by our own edge.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._server = _Server(
            uvicorn.Config(
                made.app, loop="uvloop", http=partial(Connection, made.quick, Heads()),  # type: ignore[arg-type]
                ws="none", lifespan="off", log_config=None, access_log=False,
                proxy_headers=False, server_header=False, limit_concurrency=MOST, timeout_keep_alive=KEEP_ALIVE,
                backlog=BACKLOG, timeout_graceful_shutdown=DRAIN,
            ),
            self._ready,
        )  # fmt: skip
        self._context.writer.start()
        self._context.readers.start()
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self.failure is not None:
            raise self.failure
        gc.freeze()  # what was made until now stays: looking through it again and again is a sixth of a request's cost
        log.info("the web edge listens on %s", self.url)

    def stop(self) -> None:
        """No new requests; those at work are answered; what was taken is written."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._site.close()
        self._context.writer.stop()
        self._context.readers.stop()
        self._welcomer.close()

    def _serve(self) -> None:
        assert self._server is not None
        assert self._socket is not None
        try:
            self._server.run(sockets=[self._socket])
        except Exception as error:
            log.exception("the web edge ended: %s", type(error).__name__)
            self.failure = errors.ServiceAway(f"the web edge cannot go on ({type(error).__name__})")
        finally:
            self._ready.set()
            self._socket.close()


class _Server(uvicorn.Server):
    """Tells when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise errors.ServiceAway(f"web.host {host!r} is no address of this machine: {error.strerror}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise errors.ServiceAway(
                f"port {port} of {host} is taken by another program: end it, or choose another web.port in config.yaml"
            ) from None
        raise errors.ServiceAway(f"the web edge cannot listen on {host}:{port}: {error.strerror}") from None
    return listening
