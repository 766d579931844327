"""Which kinds of channel there are: their options, and how to build one. The only list a new channel is added to.

Options are small and read at once; a channel's own module, with its libraries, is imported when one is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from automation.kernel import errors
from automation.kernel.hooks import Hook
from automation.kernel.ports import Cache, Channel
from bots.dingtalk_robot.options import DingtalkRobotOptions
from bots.mail.options import MailOptions
from bots.sandbox.options import SandboxOptions
from bots.sms.options import AliyunOptions, TencentOptions
from bots.wechat.options import WechatOptions
from bots.wecom.options import WecomOptions
from bots.wecom_robot.options import WecomRobotOptions


@dataclass(frozen=True, slots=True)
class Parts:
    """A kind of channel: its options and the dotted places of its parts. `hook`: its way in, where it has one.
    `shares`: channel and hook take the shop's Cache as a third argument and cannot be made without one."""

    options: type[BaseModel]
    channel: str
    hook: str = ""
    shares: bool = False


_PARTS: Mapping[str, Parts] = MappingProxyType({
    "aliyun_sms": Parts(AliyunOptions, "bots.sms.channel:AliyunSms", hook="bots.sms.hook:AliyunHook"),
    "dingtalk_robot": Parts(DingtalkRobotOptions, "bots.dingtalk_robot.channel:DingtalkRobotChannel"),
    "mail": Parts(MailOptions, "bots.mail.channel:MailChannel", hook="bots.mail.hook:MailHook"),
    "sandbox": Parts(SandboxOptions, "bots.sandbox.channel:SandboxChannel"),
    "tencent_sms": Parts(TencentOptions, "bots.sms.channel:TencentSms", hook="bots.sms.hook:TencentHook"),
    "wechat": Parts(WechatOptions, "bots.wechat.channel:WechatChannel", "bots.wechat.hook:WechatHook", shares=True),
    "wecom": Parts(WecomOptions, "bots.wecom.channel:WecomChannel", "bots.wecom.hook:WecomHook", shares=True),
    "wecom_robot": Parts(WecomRobotOptions, "bots.wecom_robot.channel:WecomRobotChannel"),
})  # fmt: skip

KINDS: Mapping[str, type[BaseModel]] = MappingProxyType({kind: parts.options for kind, parts in _PARTS.items()})


def build(name: str, kind: str, options: BaseModel, cache: Cache | None = None) -> Channel:
    """A channel called `name` of a kind of KINDS, from that kind's options. Opens no connection yet."""
    parts = _parts(kind, options)
    channel: Channel = _make(parts.channel, parts, name, options, cache)
    return channel


def hook(name: str, kind: str, options: BaseModel, cache: Cache | None = None) -> Hook | None:
    """The way in of the channel called `name`; None where its kind has none."""
    parts = _parts(kind, options)
    if not parts.hook:
        return None
    made: Hook = _make(parts.hook, parts, name, options, cache)
    return made


def _parts(kind: str, options: BaseModel) -> Parts:
    if kind not in KINDS:
        raise errors.Refused(f"there is no kind of channel {kind!r}; there are: {', '.join(sorted(KINDS))}")
    if not isinstance(options, KINDS[kind]):
        raise TypeError(f"a {kind} channel takes {KINDS[kind].__name__}")
    return _PARTS[kind]


def _make(place: str, parts: Parts, name: str, options: BaseModel, cache: Cache | None = None) -> Any:
    module, _, attribute = place.partition(":")
    made = getattr(import_module(module), attribute)
    if not parts.shares:
        return made(name, options)
    if cache is None:
        raise TypeError("channels of this kind share a cache")
    return made(name, options, cache)
