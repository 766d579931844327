"""The whole of config.yaml as one frozen value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import pydantic
from pydantic import Field, PrivateAttr

from automation.kernel import options
from automation.kernel.shapes import Many, Strict, refuse
from automation.settings import sections
from automation.settings.channels import Channel, channel

MEDIA: Final = ("wechat", "wecom", "sms", "email")  # what `via` may say instead of a channel's name


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise refuse(f"'{value[:40]}' is not possible as a name here", "small letters, digits and _, such as sms_main")
    return value


NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
Name: TypeAlias = Annotated[str, pydantic.AfterValidator(_name)]
Role: TypeAlias = Annotated[str, Field(min_length=1, max_length=40)]


def section() -> Any:
    """A section that may be left out: then each of its keys has its default."""
    return Field(default_factory=dict, validate_default=True)


class Settings(Strict):
    """Everything an operator decides. Paths are absolute; secrets are SecretStr and never in a repr."""

    shop: sections.Shop
    folders: sections.Folders = section()
    store: sections.Store = section()
    key: sections.Key = section()
    channels: dict[Name, Annotated[Channel, pydantic.PlainValidator(channel)]] = Field(default_factory=dict)
    via: Many[str] = ("wechat", "sms", "email")
    control_group: options.Percent = 0
    lifecycle: sections.Lifecycle = section()
    rfm: sections.Rfm = section()
    calendar: sections.Calendar = section()
    imports: sections.Imports = Field(default_factory=dict, validate_default=True, alias="import")
    staff: dict[Role, sections.Staff] = Field(default_factory=dict)
    webhooks: dict[Name, sections.Webhook] = Field(default_factory=dict)
    web: sections.Web = section()
    engine: sections.Engine = section()
    log: sections.Log = section()

    _folder: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        self._folder = (context or {}).get("folder", Path())

    @property
    def folder(self) -> Path:
        """The folder of config.yaml, which every relative path is relative to."""
        return self._folder
