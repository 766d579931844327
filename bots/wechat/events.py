"""What an official account's callbacks say, as happenings. One function a kind of message or event; no I/O.

Sources: developers.weixin.qq.com, 接收普通消息, 接收事件推送, 自定义菜单事件推送, 订阅通知事件推送. Names of events are
compared in small letters: the documents and the wire do not agree on capitals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from automation.kernel.hooks import Did, Granted, Happening, Opens, Receipt, Said, Who
from automation.kernel.ports import Json
from bots.callback_xml import Node, items, word
from bots.wechat.limits import Window
from bots.wechat.options import WechatOptions

Found: TypeAlias = dict[str, Node]
QR_SCENE: Final = "qrscene_"
LONGEST_WORD: Final = 128  # characters of a scene, a key or an unknown event's name that are kept
# Only these of the menu's events let us answer (Customer_Service_Messages, since 2023-06-12).
ANSWERABLE: Final = frozenset({"click", "scancode_push", "scancode_waitmsg"})
MENU: Final = ANSWERABLE | {
    "view", "view_miniprogram", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select",
}  # fmt: skip


class Reader:
    """Reads the callbacks of one account."""

    def __init__(self, options: WechatOptions) -> None:
        self._options, self._rules = options, options.rules

    def read(self, found: Found, now: int) -> Sequence[Happening]:
        """`now` stands in where no time is given. Whatever is not known is kept as wechat.other."""
        kind = word(found, "MsgType").lower()
        at = _at(found, now)
        if kind == "event":
            name = word(found, "Event").lower()
            known = _EVENTS.get(name)
            if known is not None:
                return known(self, found, at)
            if name in MENU:
                return self._menu(found, at, name)
            return self._other(found, at)
        return self._message(found, at, kind) if kind else self._other(found, at)

    def _message(self, found: Found, at: int, kind: str) -> Sequence[Happening]:
        who = _who(found)
        if who is None:
            return ()
        number = word(found, "MsgId")
        dedupe = f"{who.value} {number}" if number else _key(found)  # never another customer's answer
        clicked = word(found, "bizmsgmenuid")
        if clicked:  # a click on a message of ours with a menu arrives as text, and counts as a click
            props = {"key": clicked[:LONGEST_WORD], "action": "msgmenu", "text": word(found, "Content")}
            return [Did(who, "wechat.menu_clicked", at, dedupe, props, _opens(self._rules.clicked), returns=True)]
        # Where the account has speech recognition on, a voice message brings its words along.
        text = word(found, "Content") if kind == "text" else word(found, "Recognition")
        data: dict[str, Json] = {"kind": kind[:LONGEST_WORD]}
        if media := word(found, "MediaId"):
            data["media"] = media
        return [Said(who, text, at, dedupe, _opens(self._rules.said), data)]

    def _followed(self, found: Found, at: int) -> Sequence[Happening]:
        key = word(found, "EventKey")
        scene = key.removeprefix(QR_SCENE) if key.startswith(QR_SCENE) else ""
        return self._did(found, at, "wechat.followed", {"scene": scene}, self._rules.followed, returns=True)

    def _unfollowed(self, found: Found, at: int) -> Sequence[Happening]:
        who = _who(found)
        return [Did(who, "wechat.unfollowed", at, _key(found), leaves=True)] if who else ()

    def _scanned(self, found: Found, at: int) -> Sequence[Happening]:
        scene = word(found, "EventKey").removeprefix(QR_SCENE)
        return self._did(found, at, "wechat.scanned", {"scene": scene}, self._rules.scanned, returns=True)

    def _menu(self, found: Found, at: int, action: str) -> Sequence[Happening]:
        props = {"key": word(found, "EventKey"), "action": action}
        scanned = found.get("ScanCodeInfo")
        if isinstance(scanned, dict):
            props["result"] = word(scanned, "ScanResult")
        window = self._rules.clicked if action in ANSWERABLE else None
        return self._did(found, at, "wechat.menu_clicked", props, window, returns=True)

    def _template_sent(self, found: Found, at: int) -> Sequence[Happening]:
        status = word(found, "Status").lower()
        return _receipt(word(found, "MsgID"), status == "success", at, status)

    def _mass_sent(self, found: Found, at: int) -> Sequence[Happening]:
        """One report for a whole mass message. One that reached only some says nothing of each of them."""
        status = word(found, "Status").lower()
        partial = word(found, "ErrorCount") not in ("", "0") or word(found, "FilterCount") != word(found, "TotalCount")
        if status == "send success" and partial:
            return ()
        return _receipt(word(found, "MsgID"), status == "send success", at, status)

    def _asked_for_grant(self, found: Found, at: int) -> Sequence[Happening]:
        """The dialog: one acceptance is one message. Saying no to it takes back nothing that was given before."""
        return self._granted(found, at, "SubscribeMsgPopupEvent", {"accept": 1})

    def _changed_grant(self, found: Found, at: int) -> Sequence[Happening]:
        """The settings of the conversation: what is refused there is refused until it is allowed again."""
        return self._granted(found, at, "SubscribeMsgChangeEvent", {"reject": None})

    def _granted(self, found: Found, at: int, name: str, counts: Mapping[str, int | None]) -> Sequence[Happening]:
        who = _who(found)
        if who is None:
            return ()
        happened: list[Happening] = []
        for number, one in enumerate(_listed(found, name)):
            said, template = word(one, "SubscribeStatusString").lower(), word(one, "TemplateId")
            if template and said in counts:
                known = self._options.subscription_of(template) or template
                happened.append(Granted(who, known, counts[said], at, f"{_key(found)} {template} {number}"))
        return happened

    def _grant_used(self, found: Found, at: int) -> Sequence[Happening]:
        happened: list[Happening] = []
        for one in _listed(found, "SubscribeMsgSentEvent"):
            code = word(one, "ErrorCode")
            status = word(one, "ErrorStatus").lower()
            happened += _receipt(word(one, "MsgID"), code in ("", "0"), at, f"{code} {status}".strip())
        return happened

    def _other(self, found: Found, at: int) -> Sequence[Happening]:
        name = word(found, "Event") or word(found, "MsgType") or word(found, "InfoType")
        return self._did(found, at, "wechat.other", {"event": name.lower()}, None)

    def _nothing(self, found: Found, at: int) -> Sequence[Happening]:
        """Where a follower is, sent every few seconds while a conversation is open: nobody asked to keep that."""
        return ()

    def _did(
        self, found: Found, at: int, event: str, props: Mapping[str, str], window: Window | None, returns: bool = False
    ) -> Sequence[Happening]:
        who = _who(found)
        if who is None:
            return ()
        kept = {name: value[:LONGEST_WORD] for name, value in props.items() if value}
        opens = _opens(window) if window else None
        return [Did(who, event, at, _key(found), kept, opens, returns=returns)]


_EVENTS: Final[Mapping[str, Callable[[Reader, Found, int], Sequence[Happening]]]] = {
    "subscribe": Reader._followed,
    "unsubscribe": Reader._unfollowed,
    "scan": Reader._scanned,
    "location": Reader._nothing,
    "templatesendjobfinish": Reader._template_sent,
    "masssendjobfinish": Reader._mass_sent,
    "subscribe_msg_popup_event": Reader._asked_for_grant,
    "subscribe_msg_change_event": Reader._changed_grant,
    "subscribe_msg_sent_event": Reader._grant_used,
}


def _who(found: Found) -> Who | None:
    openid = word(found, "FromUserName")
    return Who("openid", openid) if openid else None


def _at(found: Found, now: int) -> int:
    text = word(found, "CreateTime")
    return min(int(text), now) if text.isascii() and text.isdigit() and len(text) <= 10 else now


def _key(found: Found) -> str:
    """Events have no id. Two of them by one follower in one second do happen, so what they are about counts too."""
    parts = ("FromUserName", "CreateTime", "Event", "EventKey", "MsgID")
    return " ".join(word(found, part) for part in parts)


def _opens(window: Window) -> Opens:
    return Opens(window.messages, window.lasts)


def _receipt(number: str, arrived: bool, at: int, code: str) -> Sequence[Happening]:
    if not number:
        return ()
    return [Receipt(number, "delivered", at) if arrived else Receipt(number, "failed", at, code[:LONGEST_WORD])]


def _listed(found: Found, name: str) -> list[Found]:
    """The entries of List, which is one mapping, or several, below the event's own name or beside it."""
    held = found.get(name)
    inside = held if isinstance(held, dict) else found
    entries = inside.get("List", "")
    several = entries if isinstance(entries, list) else [entries]
    more = items(inside, "List") if isinstance(entries, dict) and "Item" in entries else []
    return [one for one in (more or several) if isinstance(one, dict)]
