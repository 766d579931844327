"""Words by which a customer opts out, and the folding under which a whole message is compared with words.

管理规定 of commercial text messages and the providers' template rules ask that a reply of R, TD, T, N or 退订 ends them
at once (SMS-02). The single letters count only where addresses are phones: in a conversation N may just mean no.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 40  # characters of a message that may be a word
AROUND: Final = " \t\r\n\u3000.。!！?？,，;；:：~～、'\"“”‘’「」【】[]()（）<>《》-—_*#"

EVERYWHERE: Final = frozenset({
    "td", "tuiding", "unsubscribe", "退订", "退訂", "取消订阅", "取消訂閱", "拒收", "拒绝接收", "不再接收", "停止订阅",
    "回复td", "回td", "td退订", "我要退订", "退订短信", "短信退订",
})  # fmt: skip
BY_PHONE: Final = EVERYWHERE | {
    "t", "n", "r", "0000", "00000", "qx", "stop", "拒收r", "拒收请回复r", "回复r", "回复t", "回复n",
}  # fmt: skip


def folded(text: str) -> str:
    """Width, case and surrounding punctuation do not matter: Ｔｄ。 is td. "" for what is too long to be a word."""
    plain = text.strip()
    if len(plain) > LONGEST:
        return ""
    return unicodedata.normalize("NFKC", plain).strip(AROUND).casefold().replace(" ", "")


def opts_out(text: str, by_phone: bool) -> str:
    """The word by which the whole message opts out, "" where it does not."""
    word = folded(text)
    return word if word in (BY_PHONE if by_phone else EVERYWHERE) else ""


def confirmation(shop: str) -> str:
    """What is answered to it, where the channel can carry an answer."""
    return f"已为您退订{shop}的营销消息，我们不会再打扰您。订单、售后等服务通知不受影响。"
