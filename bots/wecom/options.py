"""What config.yaml may say about a WeCom account. Loads no client library.

With `sandbox` the channel speaks to the sandbox server and pretend credentials are used where none are given; without,
it speaks to WeCom, and the company's own are needed.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

import pydantic
from pydantic import ConfigDict, Field, model_validator

from automation.kernel import options
from automation.kernel.shapes import Many, Strict, refuse
from bots import endpoints
from bots.wecom import limits

OFFICIAL: Final = "https://qyapi.weixin.qq.com"
PLATFORM: Final = "wecom"  # the first word of the sandbox's path
PRETEND_CORPID: Final = "ww0000000000sandbox"
PRETEND_SECRET: Final = "pretend-app-secret"  # noqa: S105
PRETEND_CONTACT_SECRET: Final = "pretend-contact-secret"  # noqa: S105
PRETEND_AGENT: Final = 1_000_002
PRETEND_TOKEN: Final = "pretendtoken"  # noqa: S105
PRETEND_AES_KEY: Final = "pretendpretendpretendpretendpretendpretend0"

UserId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,64}$")]
Word = Literal["name", "remark", "add_way", "state", "employee"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class WecomOptions(Strict):
    """`secret` is the app's, `contact_secret` that of 客户联系 (without it the app must be one that may call it);
    `token` and `aes_key` belong to the callback (接收事件服务器).

    `employees`: whose customers and groups are read, all with 客户联系 where it is empty. `sender`: who confirms all
    tasks; null: each customer's own adviser. `welcome`: what a new friend is greeted with at once. `contacts`: what
    `wecom contacts pull` fills fields of the catalog with: name, remark, add_way, state, employee. `mass_limit`: what
    the admin set for mass messages to one customer. `accounts`: how many the company may have (账号上限), by which the
    day of an app is counted. `task_expires`: when a task that nobody confirmed is stopped. `pull`: how often results
    are asked for.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    corpid: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{6,64}$")] = None
    secret: pydantic.SecretStr | None = None
    agent_id: Annotated[int | None, Field(ge=1)] = None
    contact_secret: pydantic.SecretStr | None = None
    token: pydantic.SecretStr | None = None
    aes_key: pydantic.SecretStr | None = None
    old_token: pydantic.SecretStr | None = None
    old_aes_key: pydantic.SecretStr | None = None
    employees: Many[UserId] = ()
    sender: UserId | None = None
    welcome: Annotated[str | None, Field(min_length=1, max_length=2000)] = None
    mass_limit: Literal["month", "week", "day"] = "month"
    accounts: Annotated[int | None, Field(ge=1, le=10_000_000)] = None
    contacts: dict[Word, Name] = Field(default={"name": "name"})
    duplicate_check: options.Seconds = Field(default=limits.DEDUPE[1], ge=limits.DEDUPE[0], le=limits.DEDUPE[1])
    task_expires: options.Seconds = Field(default=3 * 86_400, ge=3600, le=6 * 86_400)  # the engine waits a week
    pull: options.Seconds = Field(default=600, ge=30, le=86_400)
    timeout: options.Seconds = Field(default=10, ge=1, le=30)
    sandbox: endpoints.Sandbox | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.sandbox is None:
            for name in ("corpid", "secret", "agent_id"):
                if getattr(self, name) is None:
                    hint = "work.weixin.qq.com, 我的企业 and 应用管理; or set sandbox"
                    raise refuse(f"'{name}' is missing", hint, "S002", (name,))
        for token, key in (("token", "aes_key"), ("old_token", "old_aes_key")):
            if (getattr(self, token) is None) != (getattr(self, key) is None):
                raise refuse(f"{token} and {key} belong together", "give both or neither", at=(token,))
            given = getattr(self, key)
            if given is not None and len(given.get_secret_value()) != 43:
                raise refuse("an EncodingAESKey has 43 characters", "copy it whole from 接收事件服务器", at=(key,))
        if self.welcome is not None and len(self.welcome.encode()) > limits.TEXT_BYTES:
            raise refuse("a welcome has at most 4000 bytes", "shorten it", at=("welcome",))
        return self

    @property
    def base(self) -> str:
        """Where the interface is: the official paths, /cgi-bin/..., follow."""
        return endpoints.root(OFFICIAL, self.sandbox, PLATFORM)

    @property
    def company(self) -> str:
        return self.corpid or PRETEND_CORPID

    @property
    def agent(self) -> int:
        return self.agent_id or PRETEND_AGENT

    @property
    def app_secret(self) -> str:
        return endpoints.or_pretend(self.secret, PRETEND_SECRET)

    @property
    def customer_secret(self) -> str:
        """Of the interface for customers: the app's own where no other is given."""
        if self.contact_secret is None and self.secret is not None:
            return self.app_secret
        return endpoints.or_pretend(self.contact_secret, PRETEND_CONTACT_SECRET)

    @property
    def callbacks(self) -> tuple[tuple[str, str], ...]:
        """Token and EncodingAESKey, the new pair first; none where no callback is configured."""
        pairs = [(self.token, self.aes_key), (self.old_token, self.old_aes_key)]
        given = [(token.get_secret_value(), key.get_secret_value()) for token, key in pairs if token and key]
        if not given and self.sandbox:
            given = [(PRETEND_TOKEN, PRETEND_AES_KEY)]
        return tuple(given)
