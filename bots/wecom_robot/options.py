"""What config.yaml may say about a WeCom group robot. Loads no client library."""

from __future__ import annotations

from typing import ClassVar, Final, Self

import pydantic
from pydantic import ConfigDict, Field, model_validator

from automation.kernel import options
from automation.kernel.shapes import Strict, refuse
from bots import endpoints

OFFICIAL: Final = "https://qyapi.weixin.qq.com"
PLATFORM: Final = "wecom"
PRETEND_KEY: Final = "pretend0-0000-4000-8000-000000000000"


class WecomRobotOptions(Strict):
    """`key`: what follows `key=` in the robot's address; whoever has it can write to the group."""

    RATE: ClassVar[float] = 20 / 60  # messages a second where config.yaml names no rate: 20 a minute (99110)

    model_config = ConfigDict(hide_input_in_errors=True)

    key: pydantic.SecretStr | None = None
    timeout: options.Seconds = Field(default=10, ge=1, le=30)
    sandbox: endpoints.Sandbox | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.sandbox is None and self.key is None:
            raise refuse("'key' is missing", "it ends the robot's address; or set sandbox", "S002", ("key",))
        return self

    @property
    def base(self) -> str:
        return endpoints.root(OFFICIAL, self.sandbox, PLATFORM)

    @property
    def secret_key(self) -> str:
        return endpoints.or_pretend(self.key, PRETEND_KEY)
