"""What the providers push: delivery reports and replies of customers.

Neither signs its pushes, so the secret path of the web edge guards them, and `callback_ips` where the shop lists the
provider's addresses. Sources: Alibaba Cloud, "HTTP batch push" (SmsReport, SmsUp); Tencent Cloud, document 59178.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from typing import Any

from automation.kernel.hooks import Forgery, Happening, Reply, Request, Response, Unreadable
from bots.sms import reports
from bots.sms.options import AliyunOptions, SmsOptions, TencentOptions

BIGGEST = 1 << 20  # bytes; a push has at most some hundred reports
MOST = 1000


class _SmsHook:
    def __init__(self, name: str, options: SmsOptions) -> None:
        self.name = name
        self._secret = options.keys()[1]
        self._from = tuple(ipaddress.ip_network(one) for one in options.callback_ips)

    def verify(self, request: Request, now: int) -> None:
        """The path was right already. A size that no push has, or a stranger's address, is refused."""
        if request.method != "POST":
            raise Forgery("method")
        if len(request.body) > BIGGEST:
            raise Forgery("too_large")
        if self._from and not self._is_known(request.peer):
            raise Forgery("ip")

    def _is_known(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._from)

    def _items(self, request: Request) -> list[Any]:
        """Both providers push lists; Tencent pushes a reply alone."""
        try:
            data = json.loads(request.body)
        except (ValueError, RecursionError):
            raise Unreadable("not JSON") from None
        items = data if isinstance(data, list) else [data]
        if len(items) > MOST:
            raise Unreadable(f"{len(items)} reports at once")
        return items


class AliyunHook(_SmsHook):
    def __init__(self, name: str, options: AliyunOptions) -> None:
        super().__init__(name, options)

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        return reports.each(self._items(request), lambda item: reports.aliyun(item, self._secret, now))

    def answer(self, request: Request, reply: Reply | None) -> Response:
        """Anything else makes Alibaba Cloud push again, after 1, 5 and 10 minutes."""
        return _json({"code": 0, "msg": "接收成功"})


class TencentHook(_SmsHook):
    def __init__(self, name: str, options: TencentOptions) -> None:
        super().__init__(name, options)
        self._echo = options.echo

    def parse(self, request: Request, now: int) -> Sequence[Happening]:
        return reports.each(self._items(request), lambda item: reports.tencent(item, self._secret, self._echo, now))

    def answer(self, request: Request, reply: Reply | None) -> Response:
        return _json({"result": 0, "errmsg": "OK"})


def _json(value: object) -> Response:
    return Response(200, json.dumps(value, ensure_ascii=False).encode(), "application/json; charset=utf-8")
