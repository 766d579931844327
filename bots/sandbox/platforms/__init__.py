"""The interfaces of the real platforms, spoken by the sandbox: each below a path of its own, such as /wechat.

A platform's paths, parameters, error codes and signatures are the official ones, so that a channel that works here
works there. What it takes goes into the one ledger, and is shown on the one page.
"""

from __future__ import annotations

from collections.abc import Mapping

from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Faults
from bots.sandbox.http_edge import Handler


def all_of(deliveries: Deliveries, faults: Faults) -> Mapping[str, Handler]:
    """First word of the path -> who answers below it."""
    return {}
