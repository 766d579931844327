"""What config.yaml may say about an SMS account. Loads no client library.

With `sandbox` the channel speaks to the sandbox server, with pretend keys even where real ones are given; without it to
the provider, and the account's own keys are needed. Limits of providers stand here, where a shop can change them.
"""

from __future__ import annotations

import hashlib
import ipaddress
from abc import abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

import pydantic
from pydantic import ConfigDict, Field, field_validator, model_validator

from automation.kernel import options
from automation.kernel.shapes import Choice, Many, Strict, refuse
from bots import endpoints

PRETEND_ID: Final = "pretend-id-of-the-sandbox"
PRETEND_SECRET: Final = "pretend-secret-of-the-sandbox"  # noqa: S105
PRETEND_APP: Final = "1400000000"
PRETEND_SIGN: Final = "旅程示例店"

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z]\w{0,31}$")]


class Purpose(StrEnum):
    """What the provider approved a template for. Marketing never goes out through one for notices (SMS-08)."""

    MARKETING = "marketing"  # 推广短信
    NOTICE = "notice"  # 通知短信


class Template(Strict):
    """An approved template. `params`: our names in the order of {1}, {2}, ... where the provider counts instead of
    naming; `text`: as it was approved, without the signature, {name} where a parameter stands."""

    id: Key
    kind: Choice[Purpose]
    params: Many[Name] = ()
    text: Annotated[str, Field(max_length=500)] = ""


class SmsOptions(Strict):
    """What both providers need. `sign_name`: the approved signature, without 【】; `price_fen`: of one billed part;
    `max_param`: characters of one parameter; `callback_ips`: who may report, none listed: whoever knows the path."""

    model_config = ConfigDict(hide_input_in_errors=True)

    official: ClassVar[str]
    platform: ClassVar[str]  # the first word of the sandbox's path
    console: ClassVar[str]
    plays: ClassVar[str] = "sms"  # what `via` calls it

    sign_name: Annotated[str, Field(pattern=r"^[^【】\s]{2,20}$")] = PRETEND_SIGN
    templates: dict[Key, Template] = Field(default_factory=dict)
    price_fen: Annotated[float, Field(ge=0, le=1000)] = 0
    max_param: Annotated[int, Field(ge=1, le=500)] = 35
    batch: Annotated[int, Field(ge=1, le=200)] = 100
    timeout: options.Seconds = Field(default=10, ge=1, le=30)
    callback_ips: Many[str] = ()
    sandbox: endpoints.Sandbox | None = None

    @field_validator("callback_ips")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, one in enumerate(value):
            try:
                ipaddress.ip_network(one)
            except ValueError:
                raise refuse("an IP address or a network is due here", "such as 203.0.113.0/24", at=(place,)) from None
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for name in self.needed():
            if self.sandbox is None and name not in self.model_fields_set:
                raise refuse(f"'{name}' is missing", f"{self.console}; or set sandbox", "S002", (name,))
        ids = [one.id for one in self.templates.values()]
        if len(ids) != len(set(ids)):
            raise refuse("two names for one template", "give each id once", at=("templates",))
        return self

    @classmethod
    def needed(cls) -> tuple[str, ...]:
        """What has to be given where there is no sandbox."""
        return ("sign_name", "templates")

    @property
    def base(self) -> str:
        """Where the interface is, without a slash at the end."""
        return endpoints.root(self.official, self.sandbox, self.platform)

    @abstractmethod
    def keys(self) -> tuple[str, str]:
        """Id and secret to sign with."""

    def template(self, key: str, names: Mapping[str, str]) -> Template | None:
        """The template of that name. In the sandbox any name has one, with the parameters in the order given."""
        known = self.templates.get(key)
        if known is None and self.sandbox is not None and not self.templates:
            return Template(id=pretend_id(key), kind=Purpose.MARKETING, params=tuple(names))
        return known


class AliyunOptions(SmsOptions):
    """Keys of a RAM user that may send SMS (dysms)."""

    official: ClassVar[str] = "https://dysmsapi.aliyuncs.com"
    platform: ClassVar[str] = "aliyun"
    console: ClassVar[str] = "dysms.console.aliyun.com"

    access_key_id: str | None = None
    access_key_secret: pydantic.SecretStr | None = None
    batch: Annotated[int, Field(ge=1, le=100)] = 100

    @classmethod
    def needed(cls) -> tuple[str, ...]:
        return ("access_key_id", "access_key_secret", *super().needed())

    def keys(self) -> tuple[str, str]:
        return _keys(self, self.access_key_id, self.access_key_secret)


class TencentOptions(SmsOptions):
    """Keys of CAM, and the application (SdkAppId) of the SMS console.

    `echo`: the account has the session context in its reports, which Tencent opens on demand: only then can a report
    find a message whose answer was lost. `pull`: reports are fetched this often instead of pushed. `foreign`: templates
    are approved for numbers outside mainland China. A request carries one set of parameters, so a batch of messages
    with different ones takes several: keep it small.
    """

    official: ClassVar[str] = "https://sms.tencentcloudapi.com"
    platform: ClassVar[str] = "tencent"
    console: ClassVar[str] = "console.cloud.tencent.com/smsv2"

    secret_id: str | None = None
    secret_key: pydantic.SecretStr | None = None
    app_id: Annotated[str, Field(pattern=r"^\d{6,12}$")] = PRETEND_APP
    region: Annotated[str, Field(pattern=r"^[a-z]{2}-[a-z]{2,20}$")] = "ap-guangzhou"
    sign_id: Annotated[int | None, Field(ge=1)] = None
    batch: Annotated[int, Field(ge=1, le=200)] = 20
    max_param: Annotated[int, Field(ge=1, le=500)] = 500  # 12 for accounts of individuals
    echo: bool = False
    foreign: bool = False
    pull: options.Seconds | None = Field(default=None, ge=5, le=3600)

    @classmethod
    def needed(cls) -> tuple[str, ...]:
        return ("secret_id", "secret_key", "app_id", *super().needed())

    @model_validator(mode="after")
    def _templates_have_numbers(self) -> Self:
        for key, one in self.templates.items():
            if not one.id.isdecimal():
                raise refuse("Tencent's ids of templates are numbers", "such as 1234567", at=("templates", key, "id"))
        return self

    def keys(self) -> tuple[str, str]:
        return _keys(self, self.secret_id, self.secret_key)


def pretend_id(key: str) -> str:
    """What the sandbox calls the template of this name, always the same."""
    return str(100_000_000 + int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 900_000_000)


def _keys(chosen: SmsOptions, key_id: str | None, secret: pydantic.SecretStr | None) -> tuple[str, str]:
    if chosen.sandbox is not None or key_id is None or secret is None:
        return PRETEND_ID, PRETEND_SECRET
    return key_id, secret.get_secret_value()
