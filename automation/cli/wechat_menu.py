"""The menu of an official account as a file of the shop: wechat_menu.yaml, checked before it leaves.

buttons:
  - {name: 会员中心, view: "https://shop.example.com/me"}
  - name: 服务
    buttons:
      - {name: 我的积分, click: points}
      - {name: 扫码领券, scan: coupon}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from automation.kernel import errors, source
from automation.kernel.shapes import Many, Strict, refuse, validate

FILE: Final = "wechat_menu.yaml"
# doc/service/api/custommenu/api_createcustommenu, in bytes of UTF-8; checked 2026-11-22
BUTTONS, SUB_BUTTONS = 3, 5
NAME_BYTES, SUB_NAME_BYTES, KEY_BYTES, URL_BYTES = 16, 60, 128, 1024
_ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "click": ("click", "key"),
    "view": ("view", "url"),
    "scan": ("scancode_push", "key"),
    "scan_wait": ("scancode_waitmsg", "key"),
}


class MiniProgram(Strict):
    """`url`: what older WeChat versions open instead."""

    appid: Annotated[str, Field(pattern=r"^wx[A-Za-z0-9_-]{4,62}$")]
    page: Annotated[str, Field(min_length=1, max_length=1024)]
    url: Annotated[str, Field(pattern=r"^https?://")]


class Button(Strict):
    """One button that does something: exactly one of the words that say what."""

    name: Annotated[str, Field(min_length=1)]
    click: str | None = None
    view: Annotated[str | None, Field(pattern=r"^https?://")] = None
    scan: str | None = None
    scan_wait: str | None = None
    mini_program: MiniProgram | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if len(self.name.encode()) > SUB_NAME_BYTES:
            raise refuse(f"a name of at most {SUB_NAME_BYTES // 3} Chinese characters is due", at=("name",))
        given = [name for name in (*_ACTIONS, "mini_program") if getattr(self, name) is not None]
        if len(given) != 1:
            raise refuse("a button does one thing", "one of: click, view, scan, scan_wait, mini_program", key=True)
        value = getattr(self, given[0])
        longest = URL_BYTES if given[0] == "view" else KEY_BYTES
        if isinstance(value, str) and not 1 <= len(value.encode()) <= longest:
            raise refuse(f"at most {longest} bytes are due here", at=(given[0],))
        return self

    def official(self) -> dict[str, Any]:
        """As WeChat's interface wants it."""
        if self.mini_program is not None:
            card = self.mini_program
            return {"type": "miniprogram", "name": self.name, "url": card.url, "appid": card.appid,
                    "pagepath": card.page}  # fmt: skip
        for word, (kind, member) in _ACTIONS.items():
            if getattr(self, word) is not None:
                return {"type": kind, "name": self.name, member: getattr(self, word)}
        raise TypeError("a button does one thing")


class TopButton(Button):
    """One of the three at the bottom: it does something, or opens up to five others."""

    buttons: Many[Button] | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if len(self.name.encode()) > NAME_BYTES:
            raise refuse(f"a name of at most {NAME_BYTES // 3} Chinese characters is due", at=("name",))
        if self.buttons is None:
            return super()._does_one_thing()  # type: ignore[operator, no-any-return]
        if any(getattr(self, name) is not None for name in (*_ACTIONS, "mini_program")):
            raise refuse("a button that opens others does nothing itself", at=("buttons",), key=True)
        if not 1 <= len(self.buttons) <= SUB_BUTTONS:
            raise refuse(f"one to {SUB_BUTTONS} buttons are due here", at=("buttons",))
        return self

    def official(self) -> dict[str, Any]:
        if self.buttons is None:
            return super().official()
        return {"name": self.name, "sub_button": [one.official() for one in self.buttons]}


class Menu(Strict):
    buttons: Many[TopButton]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not 1 <= len(self.buttons) <= BUTTONS:
            raise refuse(f"one to {BUTTONS} buttons are due here", at=("buttons",))
        return self

    def official(self) -> list[dict[str, Any]]:
        return [one.official() for one in self.buttons]


def read(folder: Path) -> Menu:
    """The menu of the shop. Raises SourceErrors with the place of every mistake, Refused where there is no file."""
    if not (folder / FILE).exists():
        raise errors.Refused(f"there is no {FILE} beside config.yaml: write one, docs/channels.md shows how")
    return source.read_as(folder / FILE, lambda document: validate(document, Menu))


def rows(buttons: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """A menu as WeChat tells it, a row a button: its name, what it does, and with what."""
    found = []
    for button in buttons:
        below = button.get("sub_button")
        listed = below.get("list", []) if isinstance(below, Mapping) else below or []
        found.append(_row(button, ""))
        found += [_row(one, "  ") for one in listed if isinstance(one, Mapping)]
    return found


def _row(button: Mapping[str, Any], indent: str) -> dict[str, str]:
    value = button.get("key") or button.get("url") or ""
    return {"name": indent + str(button.get("name", "")), "does": str(button.get("type") or ""), "with": str(value)}
