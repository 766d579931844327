"""The signatures of both clouds, over the exact bytes that are sent. By hand: their SDKs weigh 5 to 43 MB.

Sources: Alibaba Cloud, "V3 request body and signature mechanism"; Tencent Cloud, "Signature Algorithm v3".
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Keys:
    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One POST to the root of a host. `host` as in the Host header, with a port that is not the usual one."""

    host: str
    action: str
    version: str
    content_type: str
    body: bytes = field(repr=False)


def acs3(call: Call, keys: Keys, now: int, nonce: str) -> dict[str, str]:
    """Headers of an Alibaba Cloud request. `now`: UTC seconds, at most 15 minutes off; `nonce`: never used before."""
    hashed = _sha256(call.body)
    headers = {
        "content-type": call.content_type,
        "host": call.host,
        "x-acs-action": call.action,
        "x-acs-content-sha256": hashed,
        "x-acs-date": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": call.version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashed}"
    signature = _hmac(keys.secret.encode(), f"ACS3-HMAC-SHA256\n{_sha256(canonical.encode())}").hex()
    authorization = f"ACS3-HMAC-SHA256 Credential={keys.id},SignedHeaders={names},Signature={signature}"
    return _sent(headers) | {"Authorization": authorization}


def tc3(call: Call, keys: Keys, now: int, region: str) -> dict[str, str]:
    """Headers of a Tencent Cloud request. `now`: UTC seconds, at most 5 minutes off."""
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    service = call.host.partition(".")[0] if call.host.endswith(".tencentcloudapi.com") else "sms"
    names = "content-type;host"
    lines = f"content-type:{call.content_type}\nhost:{call.host}\n"
    canonical = f"POST\n/\n\n{lines}\n{names}\n{_sha256(call.body)}"
    scope = f"{day}/{service}/tc3_request"
    to_sign = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{_sha256(canonical.encode())}"
    key = f"TC3{keys.secret}".encode()
    for part in (day, service, "tc3_request"):
        key = _hmac(key, part)
    signature = _hmac(key, to_sign).hex()
    return {
        "Content-Type": call.content_type,
        "X-TC-Action": call.action,
        "X-TC-Version": call.version,
        "X-TC-Timestamp": str(now),
        "X-TC-Region": region,
        "Authorization": f"TC3-HMAC-SHA256 Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}",
    }


def _sent(headers: dict[str, str]) -> dict[str, str]:
    """Without Host, which the client writes itself, and Content-Type under the name the client knows."""
    return {"Content-Type" if name == "content-type" else name: value for name, value in headers.items()
            if name != "host"}  # fmt: skip


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
