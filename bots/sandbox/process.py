"""Starts the sandbox server as a process of its own and stops it: for the demo and for tests."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from automation.kernel import errors
from bots import http
from bots.sms.options import pretend_id

SIGNATURE = re.compile(r"^【[^】]*】")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running server. As a context manager it stops at the end; it also ends when this process does."""

    url: str
    smtp_port: int
    ledger: Path
    process: subprocess.Popen[bytes]

    def know_everybody(self) -> None:
        """From now on whatever openid there could be follows the pretend official account, with its window open and a
        notice allowed: what may be sent when is then for the sender alone to keep."""
        client = http.Client(timeout=10)
        client.post_json(f"{self.url}/wechat/_account", {"everybody": True})
        client.close()

    def approve(self, texts: Mapping[str, tuple[str, Sequence[str]]]) -> None:
        """SMS templates by the shop's name: the text with {parameter} in it, and the parameters in order. From now on
        both providers know them, and the page shows what recipients read. A 【signature】 before it is left out."""
        client = http.Client(timeout=10)
        for provider, places in (("aliyun", _named), ("tencent", _counted)):
            known = {
                pretend_id(key): {"text": places(SIGNATURE.sub("", text), names)}
                for key, (text, names) in texts.items()
            }
            client.post_json(f"{self.url}/{provider}/_settings", {"templates": known})
        client.close()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to finish what it answers, and wait; after `timeout` seconds it is killed."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(ledger: Path, http_port: int = 0, smtp_port: int = 0, timeout: float = 30.0) -> Sandbox:
    """Start a server and wait until it listens. Port 0: a free one. ServiceAway if it does not come up."""
    command = [sys.executable, "-m", "bots.sandbox", "--with-parent"]
    command += ["--http", str(http_port), "--smtp", str(smtp_port), "--ledger", str(ledger.resolve())]
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    sandbox = Sandbox("", smtp_port, ledger, process)
    line = _line(process, timeout)
    if not line:
        sandbox.stop(1)
        raise errors.ServiceAway("the sandbox server did not start: is one of its ports taken?")
    ports = json.loads(line)
    return Sandbox(f"http://127.0.0.1:{ports['http']}", ports["smtp"], ledger, process)


def _line(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    """The first line it prints; empty where it ends, or says nothing for so long."""
    assert process.stdout is not None
    waiting = select.poll()  # select() takes no descriptor above 1,023
    waiting.register(process.stdout, select.POLLIN)
    return process.stdout.readline() if waiting.poll(timeout * 1000) else b""


def _named(text: str, names: Sequence[str]) -> str:
    return text


def _counted(text: str, names: Sequence[str]) -> str:
    """With {1}, {2}, ... where the provider counts its parameters."""
    for number, name in enumerate(names, start=1):
        text = text.replace(f"{{{name}}}", f"{{{number}}}")
    return text
