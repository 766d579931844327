"""Who is calling: the address behind a trusted proxy, and how often that address was wrong lately.

Only wrong requests count, in memory and for a bounded number of addresses: whoever guesses keys or tokens is put off,
and whoever floods the table with addresses only makes it forget the oldest.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from starlette.datastructures import Headers
from starlette.types import Scope

from automation.kernel import clock, errors

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
WRONG: Final = 30  # wrong requests an address may make in a minute
WINDOW: Final = 60.0  # seconds
REMEMBERED: Final = 10_000  # addresses
FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


class Callers:
    """For the loop's thread only."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted`: addresses or networks of proxies. Refused where one is neither."""
        self._trusted = [_network(text) for text in trusted]
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def address(self, scope: Scope) -> str:
        """The address that speaks, as text; that of the proxy where it does not say for whom it speaks."""
        peer = scope["client"][0] if scope.get("client") else ""
        found = _address(peer)
        if found is None or not self._is_trusted(found):
            return _text(peer)
        said = [part.strip() for line in Headers(scope=scope).getlist("x-forwarded-for") for part in line.split(",")]
        for part in reversed(said):
            hop = _address(part)
            if hop is None:
                break
            if not self._is_trusted(hop):
                return str(hop)
        return str(found)

    def is_local(self, scope: Scope) -> bool:
        """Whether somebody on this machine asks, and no proxy for another."""
        found = _address(scope["client"][0] if scope.get("client") else "")
        headers = Headers(scope=scope)
        return found is not None and found.is_loopback and not any(name in headers for name in FORWARDED)

    def wrong(self, scope: Scope) -> None:
        """Counts a wrong request."""
        group = self._group(self.address(scope))
        if group is None:
            return
        since, count = self._wrong.pop(group, (clock.monotonic(), 0))
        if clock.monotonic() - since > WINDOW:
            since, count = clock.monotonic(), 0
        self._wrong[group] = (since, count + 1)
        while len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)

    def put_off(self, scope: Scope) -> int:
        """For how many seconds who calls is not listened to; 0 for everybody else."""
        if not self._wrong:
            return 0
        group = self._group(self.address(scope))
        since, count = self._wrong.get(group or "", (0.0, 0))
        left = since + WINDOW - clock.monotonic()
        return max(1, int(left)) if count >= WRONG and left > 0 else 0

    def _group(self, address: str) -> str | None:
        """Whoever has one IPv6 address has its whole /64. None for a proxy: all would suffer for one."""
        found = _address(address)
        if found is None or self._is_trusted(found):
            return None
        if isinstance(found, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((found, 64), strict=False))
        return str(found)

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise errors.Refused(
            f"web.trusted_proxies: {text[:60]!r} is no address or network, such as 127.0.0.1 or 10.0.0.0/8"
        ) from None


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


@lru_cache(maxsize=4096)
def _text(peer: str) -> str:
    """The one way to write an address; what is none stays as it is."""
    return str(_address(peer) or peer)
