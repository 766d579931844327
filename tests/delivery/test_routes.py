"""Routes asked for by several threads at once."""

from __future__ import annotations

import sys
import threading

from automation.engine.delivery.routes import Case, Routes
from tests.delivery.house import House

NOON = "2026-03-02 12:00"


def test_no_two_texts_get_one_number(sqlite_house: House) -> None:
    sqlite_house.open(NOON, j="enter: {manual: true}\nagain: finished\nsteps: [{send: hello}]\n")
    routes = Routes(sqlite_house.parts, {})
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        own = [[(1000 * thread + number, 1, None) for number in range(300)] for thread in range(4)]
        threads = [threading.Thread(target=_ask, args=(routes, cases)) for cases in own]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    everything = routes.of([case for cases in own for case in cases])
    assert len({route.number for route in everything.values()}) == 1200


def _ask(routes: Routes, cases: list[Case]) -> None:
    for case in cases:
        routes.of([case])
