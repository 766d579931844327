"""Kinds of values in config.yaml that its own sections and the option models of channels share.

In the kernel because channels (bots) may import nothing else of ours. They need a validation context with `folder` (of
the config file, for relative paths) and `environ`.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import pydantic

from automation.kernel.shapes import Lax, refuse

SECONDS: Final = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "秒": 1,
    "分钟": 60,
    "小时": 3600,
    "天": 86_400,
}
DURATION = re.compile(r"(\d{1,9})\s?([a-z]{1,3}|秒|分钟|小时|天)")
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
HOW: Final = "write ${NAME} for an environment variable or file:PATH for a file"
MOST_SECRET: Final = 64 * 1024  # bytes of a secret file: keys and certificates are far smaller


def _duration(value: Any) -> int:
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found or found[2] not in SECONDS:
        raise refuse("a duration is due here", "write a whole number and a unit: 30s, 15m, 3h, 2d, 1w", "S022")
    return int(found[1]) * SECONDS[found[2]]


def _percent(value: Any) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise refuse("a percent is due here", f"write {value}%", "S021")
    found = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,2}))?\s?%", value) if isinstance(value, str) else None
    parts = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else -1
    if not 0 <= parts <= 10_000:
        raise refuse("a percent between 0% and 100% is due here", "write 5% or 2.5%", "S021")
    return parts


def _place(value: Any, info: pydantic.ValidationInfo) -> Any:
    if not isinstance(value, str) or not value or "\x00" in value:
        raise refuse("the path of a file or folder is due here", "relative to the folder of config.yaml", "S014")
    return (info.context or {}).get("folder", Path()) / value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address: nothing is asked of the network."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def resolve(value: Any, info: pydantic.ValidationInfo) -> str:
    """The secret that `${NAME}` or `file:PATH` stands for. Never says the value, not even when it is refused."""
    context = info.context or {}
    reference = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if reference:
        found = context.get("environ", {}).get(reference[1], "")
        if not found:
            raise refuse(
                f"the environment variable {reference[1]} is not set", "set it and run the command again", "S031"
            )
        return str(found)
    if isinstance(value, str) and value.startswith("file:") and len(value) > len("file:"):
        return _from_file(context.get("folder", Path()) / value.removeprefix("file:"), value)
    raise refuse("a secret does not belong in this file", HOW, "S030")


def _from_file(path: Path, written: str) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(MOST_SECRET).decode().strip()
    except (OSError, ValueError):
        found = ""
    if not found:
        raise refuse(f"the secret {written} cannot be read or is empty", "check the path and its permissions", "S032")
    return found


Seconds: TypeAlias = Annotated[int, pydantic.BeforeValidator(_duration)]
Percent: TypeAlias = Annotated[int, pydantic.BeforeValidator(_percent)]  # in hundredths of a percent: 2.5% is 250
Place: TypeAlias = Annotated[Path, Lax, pydantic.BeforeValidator(_place)]  # made absolute with the config file's folder
Secret: TypeAlias = Annotated[pydantic.SecretStr, Lax, pydantic.BeforeValidator(resolve)]
