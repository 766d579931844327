"""What config.yaml may say about an official account. Loads no client library.

With `sandbox` the channel speaks to the sandbox server and pretend credentials are used where none are given; without,
it speaks to WeChat, and the account's own are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Self

import pydantic
from pydantic import ConfigDict, Field, model_validator

from automation.kernel import options
from automation.kernel.shapes import Choice, Many, Strict, refuse
from bots import endpoints
from bots.wechat.limits import SCENE_LETTERS, TAG_LETTERS, Rules

OFFICIAL: Final = "https://api.weixin.qq.com"
PLATFORM: Final = "wechat"  # the first word of the sandbox's path
PRETEND_APPID: Final = "wx0000000000sandbox"
PRETEND_SECRET: Final = "pretend-secret-of-the-sandbox"  # noqa: S105
PRETEND_TOKEN: Final = "pretendtoken"  # noqa: S105
PRETEND_AES_KEY: Final = "pretendpretendpretendpretendpretendpretend0"  # 43 characters, as WeChat's

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z_]{1,24}[0-9]{0,3}$")]
SceneName = Annotated[str, Field(pattern=rf"^[A-Za-z0-9_-]{{1,{SCENE_LETTERS}}}$")]


class Account(StrEnum):
    """The kind of account. Template messages are for verified service accounts only."""

    SERVICE = "service"  # 服务号
    SUBSCRIPTION = "subscription"  # 公众号, formerly 订阅号


class MassBy(StrEnum):
    """Whom a mass message names: each follower, or a tag. Lists are for verified service accounts only."""

    OPENIDS = "openids"
    TAG = "tag"


class Template(Strict):
    """A template of the account. `fields`: the provider's name of a field (thing1) -> the name our texts give it.

    Names that are not listed go out as they are.
    """

    id: Key
    fields: dict[FieldName, Annotated[str, Field(min_length=1, max_length=64)]] = Field(default_factory=dict)

    def filled(self, data: dict[str, str]) -> dict[str, dict[str, str]] | None:
        """`data` under the provider's names, as its interface wants it; None where a listed field has no value."""
        if not set(self.fields.values()) <= set(data):
            return None
        named = {ours: theirs for theirs, ours in self.fields.items()}
        return {named.get(ours, ours): {"value": value} for ours, value in data.items()}


class Scene(Strict):
    """A QR code that says where somebody came from. `tag`: what whoever comes through it is tagged with."""

    title: Annotated[str, Field(min_length=1, max_length=64)]
    tag: Annotated[str | None, Field(min_length=1, max_length=TAG_LETTERS)] = None


class WechatOptions(Strict):
    """`token` and `aes_key` belong to the callback (服务器配置); `tags`: names kept the same here and at WeChat.

    `old_token`, `old_aes_key`: taken too while new ones are being put in. `plain`: takes callbacks in 明文模式, whose
    signature does not cover what they say.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    appid: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{6,64}$")] = None
    secret: pydantic.SecretStr | None = None
    token: pydantic.SecretStr | None = None
    aes_key: pydantic.SecretStr | None = None
    old_token: pydantic.SecretStr | None = None
    old_aes_key: pydantic.SecretStr | None = None
    plain: bool = False
    account: Choice[Account] = Account.SERVICE
    mass: Choice[MassBy] | None = None
    templates: dict[Key, Template] = Field(default_factory=dict)
    subscriptions: dict[Key, Template] = Field(default_factory=dict)
    scenes: dict[SceneName, Scene] = Field(default_factory=dict)
    tags: Many[Annotated[str, Field(min_length=1, max_length=TAG_LETTERS)]] = ()
    rules: Rules = Rules()
    timeout: options.Seconds = Field(default=10, ge=1, le=30)
    sandbox: endpoints.Sandbox | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.sandbox is None:
            for name in ("appid", "secret"):
                if getattr(self, name) is None:
                    raise refuse(
                        f"'{name}' is missing", "mp.weixin.qq.com, 设置与开发; or set sandbox", "S002", (name,)
                    )
        for name in ("aes_key", "old_aes_key"):
            key = getattr(self, name)
            if key is not None and len(key.get_secret_value()) != 43:
                raise refuse("an EncodingAESKey has 43 characters", "copy it whole from 服务器配置", at=(name,))
        if self.account is Account.SUBSCRIPTION and self.templates:
            hint = "template messages are for service accounts: use subscriptions"
            raise refuse("a subscription account has no template messages", hint, at=("templates",))
        if self.account is Account.SUBSCRIPTION and self.mass is MassBy.OPENIDS:
            hint = "mass messages to lists are for service accounts: use mass: tag"
            raise refuse("a subscription account sends mass messages by tag", hint, at=("mass",))
        for name in ("templates", "subscriptions"):
            ids = [one.id for one in getattr(self, name).values()]
            if len(ids) != len(set(ids)):
                raise refuse("two names for one template", "give each id once", at=(name,))
        return self

    @property
    def masses_by_tag(self) -> bool:
        return self.mass is MassBy.TAG or self.account is Account.SUBSCRIPTION

    @property
    def base(self) -> str:
        """Where the interface is, without a slash at the end: the official paths follow."""
        return endpoints.root(OFFICIAL, self.sandbox, PLATFORM)

    @property
    def id(self) -> str:
        return self.appid or PRETEND_APPID

    @property
    def account_secret(self) -> str:
        return endpoints.or_pretend(self.secret, PRETEND_SECRET)

    @property
    def callback_token(self) -> str | None:
        """What callbacks are signed with; None where none is configured and no sandbox pretends one."""
        return endpoints.or_pretend(self.token, PRETEND_TOKEN) if self.token or self.sandbox else None

    @property
    def callback_key(self) -> str | None:
        """The EncodingAESKey of callbacks in safe mode, likewise."""
        return endpoints.or_pretend(self.aes_key, PRETEND_AES_KEY) if self.aes_key or self.sandbox else None

    @property
    def callback_tokens(self) -> tuple[str, ...]:
        """Every token that counts now, the new one first."""
        old = self.old_token.get_secret_value() if self.old_token else None
        return tuple(token for token in (self.callback_token, old) if token)

    @property
    def callback_keys(self) -> tuple[str, ...]:
        """Every EncodingAESKey that counts now, the new one first."""
        old = self.old_aes_key.get_secret_value() if self.old_aes_key else None
        return tuple(key for key in (self.callback_key, old) if key)

    def template(self, key: str) -> Template | None:
        """The template message of that name. In the sandbox any name has one, as long as none is listed."""
        return self._named(self.templates, key)

    def subscription(self, key: str) -> Template | None:
        """The subscription notice of that name, likewise."""
        return self._named(self.subscriptions, key)

    def subscription_of(self, template_id: str) -> str | None:
        """The shop's name of a subscription template, None for one that the shop does not name."""
        return next((key for key, known in self.subscriptions.items() if known.id == template_id), None)

    def _named(self, listed: Mapping[str, Template], key: str) -> Template | None:
        known = listed.get(key)
        if known is None and self.sandbox is not None and not listed:
            return Template(id=key)
        return known
