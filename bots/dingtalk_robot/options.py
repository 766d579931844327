"""What config.yaml may say about a DingTalk group robot. Loads no client library."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Self

import pydantic
from pydantic import ConfigDict, Field, model_validator

from automation.kernel import options
from automation.kernel.shapes import Strict, refuse
from bots import endpoints

OFFICIAL: Final = "https://oapi.dingtalk.com"
PLATFORM: Final = "dingtalk"  # the first word of the sandbox's path
PRETEND_TOKEN: Final = "pretend-robot-token"  # noqa: S105
PRETEND_SECRET: Final = "SECpretend-robot-secret"  # noqa: S105


class DingtalkRobotOptions(Strict):
    """`token`: what follows `access_token=` in the robot's address; `secret`: of 加签; `keyword`: of 自定义关键词,
    which every text must hold. A robot has a secret, a keyword, or a list of known IPs.
    """

    RATE: ClassVar[float] = 20 / 60  # messages a second where config.yaml names no rate: 20 a minute

    model_config = ConfigDict(hide_input_in_errors=True)

    token: pydantic.SecretStr | None = None
    secret: pydantic.SecretStr | None = None
    keyword: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    timeout: options.Seconds = Field(default=10, ge=1, le=30)
    sandbox: endpoints.Sandbox | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.sandbox is None and self.token is None:
            raise refuse("'token' is missing", "it ends the robot's address; or set sandbox", "S002", ("token",))
        return self

    @property
    def base(self) -> str:
        return endpoints.root(OFFICIAL, self.sandbox, PLATFORM)

    @property
    def access_token(self) -> str:
        return endpoints.or_pretend(self.token, PRETEND_TOKEN)

    @property
    def signs_with(self) -> str | None:
        """None where the robot is not one that signs."""
        if self.secret is not None:
            return self.secret.get_secret_value()
        return PRETEND_SECRET if self.sandbox and self.token is None and self.keyword is None else None
