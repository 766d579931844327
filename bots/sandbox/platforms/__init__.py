"""The interfaces of the real platforms, spoken by the sandbox: each below a path of its own, such as /wechat.

A platform's paths, parameters, error codes and signatures are the official ones, so that a channel that works here
works there. What it takes goes into the one ledger, and is shown on the one page.
"""

from __future__ import annotations

from collections.abc import Mapping

from automation.kernel import clock
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Faults
from bots.sandbox.http_edge import Handler
from bots.sandbox.platforms import wechat
from bots.sandbox.platforms.aliyun import Aliyun
from bots.sandbox.platforms.robots import DingtalkRobots
from bots.sandbox.platforms.tencent import Tencent
from bots.sandbox.platforms.wecom import Wecom


def all_of(deliveries: Deliveries, faults: Faults) -> Mapping[str, Handler]:
    """First word of the path -> who answers below it."""
    now = clock.SystemClock()
    return {
        "aliyun": Aliyun(deliveries, faults),
        "dingtalk": DingtalkRobots(deliveries, faults, now),
        "tencent": Tencent(deliveries, faults),
        "wechat": wechat.Platform(deliveries, faults),
        "wecom": Wecom(deliveries, faults, now),
    }
