"""Fixed words of a text that its approved WeChat template would cut: nobody sees it before the first recipient does.

Apart from rules_check.py, because it depends on no journey and is no rule of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from automation.kernel.errors import Problem
from automation.rendering import wechat_fields
from automation.rendering.fields import Field
from automation.rendering.texts import Texts

_VALUE: Final = re.compile(r"\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_PARTS: Final = ("template.data.", "subscribe.data.")


def check(texts: Texts) -> Iterator[Problem]:
    """A warning for each field whose fixed characters alone are more than it shows."""
    for text in texts.texts.values():
        for template in text.channels.values():
            for one in template.fields:
                if one.name.startswith(_PARTS) and "{%" not in one.source:
                    yield from _cut(one)


def _cut(field: Field) -> Iterator[Problem]:
    name = field.name.rpartition(".")[2]
    fixed = wechat_fields.SEPARATE.sub(" ", _VALUE.sub("", field.source)).strip()
    most = wechat_fields.most(name, fixed)
    if most is not None and len(fixed) > most:
        message = f"{name} shows {most} characters, and here stand {len(fixed)}: the rest is cut"
        yield Problem(field.path, field.line, field.column, "W601", message, f"shorten it to «{fixed[:most]}» or less")
