from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from typing import Any

import pytest

import run
from automation.cli import edge
from automation.cli.session import Session
from automation.kernel import errors
from automation.kernel.ports import Cache, Channel
from automation.settings import Settings


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """`start` takes the signals and the log of its process for itself."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    taken = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for number, handler in taken.items():
        signal.signal(number, handler)


def broken(name: str, settings: Settings, cache: Cache) -> Channel:
    raise errors.ServiceAway(f"the certificates of {name} cannot be read")


def test_an_engine_whose_delivery_cannot_go_on_ends_with_its_reason(
    shop: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(run.kinds, broken, shop.clock)
    assert edge.run(session, ["--config", str(shop.folder / "config.yaml"), "start"]) == errors.ServiceAway.exit_code
    assert "the certificates of sms_main cannot be read" in capsys.readouterr().err
