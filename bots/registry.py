"""Which kinds of channel there are: their options, and how to build one. The only list a new channel is added to.

Options are small and read at once; a channel's own module, with its libraries, is imported when one is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from pydantic import BaseModel

from automation.kernel import errors
from automation.kernel.ports import Channel
from bots.mail.options import MailOptions
from bots.sandbox.options import SandboxOptions

KINDS: Mapping[str, type[BaseModel]] = MappingProxyType({"mail": MailOptions, "sandbox": SandboxOptions})

_BUILDERS = {
    "mail": "bots.mail.channel:MailChannel",
    "sandbox": "bots.sandbox.channel:SandboxChannel",
}


def build(name: str, kind: str, options: BaseModel) -> Channel:
    """A channel called `name` of a kind of KINDS, from that kind's options. Opens no connection yet."""
    if kind not in KINDS:
        raise errors.Refused(f"there is no kind of channel {kind!r}; there are: {', '.join(sorted(KINDS))}")
    if not isinstance(options, KINDS[kind]):
        raise TypeError(f"a {kind} channel takes {KINDS[kind].__name__}")
    module, _, attribute = _BUILDERS[kind].partition(":")
    return cast(Channel, getattr(import_module(module), attribute)(name, options))
