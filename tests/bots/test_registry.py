from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from automation.kernel import errors
from bots import registry
from bots.sandbox.options import SandboxOptions

SMS = SandboxOptions.model_validate({"plays": "sms"})


@pytest.mark.parametrize("kind", sorted(registry.KINDS))
def test_options_are_strict_and_frozen(kind: str) -> None:
    config = registry.KINDS[kind].model_config
    assert (config.get("extra"), config.get("frozen"), config.get("hide_input_in_errors")) == ("forbid", True, True)


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(errors.Refused, match=r"mail, .*sandbox"):
        registry.build("x", "pigeon", SMS)


def test_options_of_another_kind_are_a_programming_error() -> None:
    with pytest.raises(TypeError, match="MailOptions"):
        registry.build("x", "mail", SMS)


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8025", "http://u:p@x", "http://x/?token=1", "http://"])
def test_a_sandbox_url_is_plain(url: str) -> None:
    with pytest.raises(ValidationError):
        SandboxOptions.model_validate({"plays": "sms", "url": url})


def test_reading_options_loads_no_client_library() -> None:
    code = "import sys, bots.registry; print([m for m in ('pycurl', 'smtplib', 'h11', 'aiosmtpd') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
