"""The way in of an official account: who is let in, what is read out of it, what is answered."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from automation.kernel.hooks import Did, Forgery, Granted, Opens, Receipt, Reply, Request, Said, Unreadable, Who
from bots import callback_crypto, callback_xml
from bots.wechat.hook import MOST_TEXT, WechatHook
from tests.bots.wechat import account
from tests.bots.wechat.account import AES_KEY, FAN, NOW, OURS, Platform, event, message, options

OTHER_KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
MENU = Opens(3, 60)


@pytest.fixture
def hook() -> WechatHook:
    return WechatHook("wechat_main", options())


@pytest.fixture
def platform() -> Platform:
    return Platform()


def read(hook: WechatHook, request: Request, now: int = NOW) -> list[object]:
    hook.verify(request, now)
    return list(hook.parse(request, now))


def one(hook: WechatHook, request: Request) -> object:
    (found,) = read(hook, request)
    return found


def refused(hook: WechatHook, request: Request, now: int = NOW) -> str:
    with pytest.raises(Forgery) as caught:
        hook.verify(request, now)
    return caught.value.code


# -- who is let in -----------------------------------------------------------------------------------------------


def test_the_address_is_verified_by_an_echo(hook: WechatHook, platform: Platform) -> None:
    request = platform.echo()
    hook.verify(request, NOW)
    assert hook.parse(request, NOW) == ()
    assert hook.answer(request, None).body == b"6401234567890"


@pytest.mark.parametrize("echo", ["", "<script>", "a b", "x" * 300])
def test_an_echo_that_is_no_token_is_not_repeated(hook: WechatHook, platform: Platform, echo: str) -> None:
    assert refused(hook, platform.echo(echo)) == "echo"


def test_a_genuine_message_is_read(hook: WechatHook, platform: Platform) -> None:
    assert one(hook, platform.safe(message("你好"))) == Said(
        Who("openid", FAN), "你好", NOW - 1, f"{FAN} 23000000000000001", Opens(5, 172_800), {"kind": "text"}
    )


def test_in_compatible_mode_only_the_ciphertext_counts(hook: WechatHook, platform: Platform) -> None:
    said = one(hook, platform.compatible(message("真的")))
    assert isinstance(said, Said)
    assert said.text == "真的"


def spoilt(request: Request, **query: str) -> Request:
    return replace(request, query={**request.query, **query})


def without(request: Request, name: str) -> Request:
    return replace(request, query={key: value for key, value in request.query.items() if key != name})


def test_every_forgery_is_refused_alike(hook: WechatHook, platform: Platform) -> None:
    good = platform.safe(message())
    foreign = Platform(token="another-token").safe(message())
    flipped = good.body.replace(b"<Encrypt><![CDATA[", b"<Encrypt><![CDATA[AAAA")
    wrong = [
        spoilt(good, msg_signature="0" * 40), spoilt(good, msg_signature=""), spoilt(good, nonce="other"),
        spoilt(good, timestamp=str(NOW - 1)), spoilt(good, msg_signature="签" * 10), without(good, "msg_signature"),
        foreign, replace(good, body=flipped), replace(good, body=b""), replace(good, body=b"not xml"),
        replace(good, body=good.body + good.body), replace(good, method="PUT"), platform.plain(message()),
        replace(good, body=good.body + b" " * callback_crypto.BIGGEST), Request("POST", {}, {}, b""),
        spoilt(good, timestamp="abc"),
        spoilt(good, timestamp="9" * 30), spoilt(good, timestamp="-1"), Request("GET", {}, {}, b""),
    ]  # fmt: skip
    for request in wrong:
        refused(hook, request)
        with pytest.raises(Forgery) as caught:
            hook.verify(request, NOW)
        assert FAN not in str(caught.value)


def test_another_accounts_message_is_refused_though_the_token_is_the_same(hook: WechatHook) -> None:
    assert refused(hook, Platform(appid="wxffffffffffffffff").safe(message())) == "ciphertext"


@pytest.mark.parametrize("padding", [0, 33, 255])
def test_a_padding_that_is_none_is_refused_like_any_other_damage(
    hook: WechatHook, platform: Platform, padding: int
) -> None:
    assert refused(hook, platform.safe(message(), padding=padding)) == "ciphertext"


def test_xml_is_not_looked_at_before_the_signature_holds(
    hook: WechatHook, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(callback_xml, "fromstring", lambda body, **_: looked.append(body))
    monkeypatch.setattr(callback_crypto.Envelope, "open", lambda self, sealed: looked.append(sealed))
    refused(hook, spoilt(platform.safe(message()), msg_signature="0" * 40))
    assert looked == []


@pytest.mark.parametrize("off", [-301, 301])
def test_what_is_not_fresh_is_refused(hook: WechatHook, platform: Platform, off: int) -> None:
    assert refused(hook, platform.safe(message(), NOW + off)) == "stale"
    hook.verify(platform.safe(message(), NOW + off + (1 if off < 0 else -1)), NOW)


def test_a_retry_is_let_through_and_a_replay_is_not(hook: WechatHook, platform: Platform) -> None:
    request = platform.safe(message())
    for seconds in (0, 5, 10, 20):
        assert len(read(hook, request, NOW + seconds)) == 1
    for seconds in (21, 60, 299):
        assert refused(hook, request, NOW + seconds) == "replayed"


def test_a_forged_request_does_not_spoil_the_genuine_one(hook: WechatHook, platform: Platform) -> None:
    request = platform.safe(message())
    forged = replace(request, body=request.body.replace(b"<Encrypt><![CDATA[", b"<Encrypt><![CDATA[AAAA"))
    assert refused(hook, forged) == "signature"
    assert len(read(hook, request, NOW + 60)) == 1


def test_plain_mode_is_taken_only_where_the_options_say_so(platform: Platform) -> None:
    request = platform.plain(message("明文"))
    assert refused(WechatHook("a", options(aes_key=None)), request) == "plain"
    said = one(WechatHook("a", options(plain=True)), request)
    assert isinstance(said, Said)
    assert said.text == "明文"
    assert refused(WechatHook("a", options(plain=True)), spoilt(request, signature="0" * 40)) == "signature"


def test_without_a_token_nobody_comes_in(platform: Platform) -> None:
    assert refused(WechatHook("a", options(token=None, aes_key=None)), platform.safe(message())) == "signature"


def test_an_old_token_and_key_hold_while_they_are_changed(platform: Platform) -> None:
    hook = WechatHook("a", options(token="new-token", aes_key=OTHER_KEY, old_token=account.TOKEN, old_aes_key=AES_KEY))
    assert len(read(hook, platform.safe(message()))) == 1
    assert len(read(hook, Platform(token="new-token", key=OTHER_KEY).safe(message()))) == 1
    assert refused(WechatHook("a", options(token="new-token")), platform.safe(message())) == "signature"


# -- what is read ------------------------------------------------------------------------------------------------

BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xml><Content>&b;</Content></xml>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Content>&e;</Content></xml>'
DEEP = "<xml>" + "<a>" * 2000 + "</a>" * 2000 + "</xml>"


@pytest.mark.parametrize(
    "text", [BOMB, EXTERNAL, DEEP, "", "<xml>", "{}", "\x00", "<xml>&nbsp;</xml>", "<!DOCTYPE html><xml/>"]
)
def test_genuine_but_unreadable_is_said_so_without_its_words(hook: WechatHook, platform: Platform, text: str) -> None:
    request = platform.safe(text)
    hook.verify(request, NOW)
    with pytest.raises(Unreadable) as caught:
        hook.parse(request, NOW)
    assert "passwd" not in str(caught.value)
    assert len(str(caught.value)) < 80


def did(hook: WechatHook, xml: str) -> Did:
    found = one(hook, Platform().safe(xml))
    assert isinstance(found, Did)
    return found


def test_a_follow_names_its_scene_and_lifts_and_opens(hook: WechatHook) -> None:
    found = did(hook, event("subscribe", "qrscene_store_01"))
    assert (found.event, found.props, found.opens) == ("wechat.followed", {"scene": "store_01"}, MENU)
    assert (found.returns, found.leaves, found.who) == (True, False, Who("openid", FAN))
    assert did(hook, event("subscribe")).props == {}
    assert did(hook, event("subscribe", "last_trade_no_4200000000")).props == {}


def test_leaving_opens_nothing(hook: WechatHook) -> None:
    found = did(hook, event("unsubscribe"))
    assert (found.event, found.opens, found.returns, found.leaves) == ("wechat.unfollowed", None, False, True)


def test_a_scan_opens_a_short_window(hook: WechatHook) -> None:
    found = did(hook, event("SCAN", "store_01"))
    assert (found.event, found.props, found.opens) == ("wechat.scanned", {"scene": "store_01"}, MENU)


@pytest.mark.parametrize(
    ("name", "opens"),
    [
        ("CLICK", MENU), ("scancode_push", MENU), ("scancode_waitmsg", MENU), ("VIEW", None), ("pic_weixin", None),
        ("view_miniprogram", None), ("location_select", None),
    ],
)  # fmt: skip
def test_only_some_menu_buttons_let_us_answer(hook: WechatHook, name: str, opens: Opens | None) -> None:
    more = "<ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>6901</ScanResult></ScanCodeInfo>"
    found = did(hook, event(name, "benefits", more))
    assert (found.event, found.opens) == ("wechat.menu_clicked", opens)
    assert found.props == {"key": "benefits", "action": name.lower(), "result": "6901"}


def test_a_click_on_a_message_with_a_menu_is_no_message(hook: WechatHook) -> None:
    found = did(hook, message("满意", more="<bizmsgmenuid>101</bizmsgmenuid>"))
    assert (found.event, found.opens, found.dedupe) == ("wechat.menu_clicked", MENU, f"{FAN} 23000000000000001")
    assert found.props == {"key": "101", "action": "msgmenu", "text": "满意"}


@pytest.mark.parametrize("kind", ["image", "voice", "video", "shortvideo", "location", "link", "file_of_tomorrow"])
def test_every_kind_of_message_opens_the_long_window(hook: WechatHook, kind: str) -> None:
    said = one(hook, Platform().safe(message("", kind=kind, more="<MediaId>m1</MediaId>")))
    assert isinstance(said, Said)
    assert (said.text, said.data, said.opens) == ("", {"kind": kind, "media": "m1"}, Opens(5, 172_800))


def test_a_recognised_voice_has_words(hook: WechatHook) -> None:
    said = one(hook, Platform().safe(message("", kind="voice", more="<Recognition>退订。</Recognition>")))
    assert isinstance(said, Said)
    assert said.text == "退订。"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("success", "delivered", ""), ("failed:user block", "failed", "failed:user block"),
        ("failed: system failed", "failed", "failed: system failed"), ("", "failed", ""),
    ],
)  # fmt: skip
def test_a_template_message_is_reported(hook: WechatHook, status: str, kind: str, code: str) -> None:
    more = f"<MsgID>200163836</MsgID><Status>{account.cdata(status)}</Status>"
    assert one(hook, Platform().safe(event("TEMPLATESENDJOBFINISH", more=more))) == Receipt(
        "200163836", kind, NOW - 1, code
    )


@pytest.mark.parametrize(
    ("status", "counts", "kinds"),
    [
        ("send success", (100, 100, 100, 0), ["delivered"]), ("send success", (100, 80, 75, 5), []),
        ("send fail", (100, 0, 0, 0), ["failed"]), ("err(20001)", (0, 0, 0, 0), ["failed"]),
        ("err(40002)", (0, 0, 0, 0), ["failed"]),
    ],
)  # fmt: skip
def test_a_mass_message_is_reported_as_a_whole_or_not_at_all(
    hook: WechatHook, status: str, counts: tuple[int, ...], kinds: list[str]
) -> None:
    names = ("TotalCount", "FilterCount", "SentCount", "ErrorCount")
    more = "".join(f"<{name}>{count}</{name}>" for name, count in zip(names, counts, strict=True))
    more += f"<MsgID>1000001625</MsgID><Status>{status}</Status>"
    found = read(hook, Platform().safe(event("MASSSENDJOBFINISH", more=more)))
    assert [one.kind for one in found if isinstance(one, Receipt)] == kinds
    assert len(found) == len(kinds)


def listed(name: str, *entries: str) -> str:
    return f"<{name}>" + "".join(f"<List>{entry}</List>" for entry in entries) + f"</{name}>"


ACCEPT = "<TemplateId>T1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString><PopupScene>2</PopupScene>"
REJECT = "<TemplateId>T2</TemplateId><SubscribeStatusString>reject</SubscribeStatusString>"


@pytest.mark.parametrize("entries", [(ACCEPT,), (ACCEPT, REJECT), (ACCEPT, ACCEPT.replace("T1", "T3"))])
def test_grants_come_one_or_many(entries: tuple[str, ...]) -> None:
    hook = WechatHook("a", options(subscriptions={"order_shipped": {"id": "T1"}}))
    found = read(
        hook, Platform().safe(event("subscribe_msg_popup_event", more=listed("SubscribeMsgPopupEvent", *entries)))
    )
    accepted = [entry for entry in entries if "accept" in entry]
    assert [(one.template, one.count) for one in found if isinstance(one, Granted)] == [
        ("order_shipped" if "T1" in entry else "T3", 1) for entry in accepted
    ]
    assert len({one.dedupe for one in found if isinstance(one, Granted)}) == len(accepted) == len(found)


def test_a_refusal_in_the_settings_ends_every_grant(hook: WechatHook) -> None:
    found = one(
        hook, Platform().safe(event("subscribe_msg_change_event", more=listed("SubscribeMsgChangeEvent", REJECT)))
    )
    assert isinstance(found, Granted)
    assert (found.template, found.count) == ("T2", None)


def test_a_subscription_message_is_reported(hook: WechatHook) -> None:
    sent = "<TemplateId>T1</TemplateId><MsgID>1</MsgID><ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus>"
    lost = (
        "<TemplateId>T1</TemplateId><MsgID>2</MsgID><ErrorCode>43101</ErrorCode><ErrorStatus>user refused</ErrorStatus>"
    )
    found = read(
        hook, Platform().safe(event("subscribe_msg_sent_event", more=listed("SubscribeMsgSentEvent", sent, lost)))
    )
    assert found == [Receipt("1", "delivered", NOW - 1), Receipt("2", "failed", NOW - 1, "43101 user refused")]


def test_an_unknown_event_is_kept_by_its_name_only(hook: WechatHook) -> None:
    found = did(hook, event("card_of_tomorrow", "secret-key", "<Phone>13800000001</Phone>"))
    assert (found.event, found.props, found.opens) == ("wechat.other", {"event": "card_of_tomorrow"}, None)
    assert did(hook, account._xml("")).props == {}


def test_where_a_follower_walks_is_not_kept(hook: WechatHook) -> None:
    assert read(hook, Platform().safe(event("LOCATION", more="<Latitude>23.1</Latitude>"))) == []


def test_a_message_without_a_sender_is_nothing(hook: WechatHook) -> None:
    assert read(hook, Platform().safe("<xml><MsgType>text</MsgType><Content>x</Content></xml>")) == []


@pytest.mark.parametrize("at", ["", "abc", "-5", "99999999999999999999", str(NOW + 9999)])
def test_a_time_that_is_none_is_now(hook: WechatHook, at: str) -> None:
    found = did(hook, event("subscribe").replace(f"<CreateTime>{NOW - 1}", f"<CreateTime>{at}"))
    assert found.at == NOW


def test_two_events_of_one_second_are_told_apart(hook: WechatHook) -> None:
    keys = [did(hook, event("CLICK", key)).dedupe for key in ("a", "b", "a")]
    keys.append(did(hook, event("VIEW", "a")).dedupe)
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("text", ["a\x01b", "😀👨‍👩‍👧", "]]>", "<b>&amp;", "\x0b\x1f", "‮反", "a\ufffeb"])
def test_any_character_comes_through_or_is_left_out(hook: WechatHook, text: str) -> None:
    said = one(hook, Platform().safe(message(text)))
    assert isinstance(said, Said)
    assert said.text == re.sub("[\x00-\x08\x0b-\x1f\ufffe]", "", text).strip()


def test_a_message_that_quotes_a_document_type_is_only_a_message(hook: WechatHook) -> None:
    said = one(hook, Platform().safe(message('<!DOCTYPE x [<!ENTITY a "b">]> &a;')))
    assert isinstance(said, Said)
    assert said.text == '<!DOCTYPE x [<!ENTITY a "b">]> &a;'


@pytest.mark.parametrize("encoding", ["utf-16", "cp037", "utf-7", "none"])
def test_no_encoding_of_its_own_is_believed(hook: WechatHook, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{message("好")}'
    said = one(hook, Platform().safe(text))
    assert isinstance(said, Said)
    assert said.text == "好"


def test_bytes_that_are_no_utf8_do_not_lose_the_message(hook: WechatHook) -> None:
    said = one(hook, Platform().safe(message("XX").encode().replace(b"XX", b"\xff\xfe\xe4\xbd")))
    assert isinstance(said, Said)
    assert said.dedupe == f"{FAN} 23000000000000001"


# -- what is answered --------------------------------------------------------------------------------------------


def answered(hook: WechatHook, request: Request, text: str) -> dict[str, str]:
    """Decrypted and read as WeChat would."""
    response = hook.answer(request, Reply(Who("openid", FAN), text))
    outer = {part.tag: part.text or "" for part in ElementTree.fromstring(response.body)}
    if "Encrypt" not in outer:
        return outer
    signed = account.sha1(account.TOKEN, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    assert outer["MsgSignature"] == signed
    inner, appid = account.decrypt(outer["Encrypt"])
    assert appid == account.APPID
    return {part.tag: part.text or "" for part in ElementTree.fromstring(inner)}


def test_without_a_reply_success_is_answered(hook: WechatHook, platform: Platform) -> None:
    assert hook.answer(platform.safe(message()), None).body == b"success"
    assert hook.answer(platform.safe(message()), Reply(Who("openid", FAN), "  ")).body == b"success"


@pytest.mark.parametrize("text", ["已退订", "]]>", "a]]>b]]>", "<b>&", "😀", "行\n行"])
def test_a_reply_comes_out_as_it_went_in(hook: WechatHook, platform: Platform, text: str) -> None:
    found = answered(hook, platform.safe(message()), text)
    assert found["Content"] == text
    assert (found["ToUserName"], found["FromUserName"], found["MsgType"]) == (FAN, OURS, "text")


def test_a_reply_in_plain_mode_is_plain(platform: Platform) -> None:
    hook = WechatHook("a", options(plain=True))
    assert answered(hook, platform.plain(message()), "]]>好")["Content"] == "]]>好"


def test_a_reply_is_cut_to_what_wechat_carries(hook: WechatHook, platform: Platform) -> None:
    found = answered(hook, platform.safe(message()), "长" * 1000)
    assert len(found["Content"].encode()) <= MOST_TEXT
    assert found["Content"].endswith("长…")


def test_a_reply_leaves_out_what_xml_cannot_say(hook: WechatHook, platform: Platform) -> None:
    assert answered(hook, platform.safe(message()), "a\x00\x0b\x1fb")["Content"] == "ab"


def test_a_repeat_is_answered_with_the_same_words(hook: WechatHook, platform: Platform) -> None:
    request = platform.safe(message())
    assert answered(hook, request, "好") == answered(hook, request, "好")


def test_a_flood_is_refused_quickly(hook: WechatHook, platform: Platform) -> None:
    """Bodies made to be slow to look at: each within milliseconds."""
    good = platform.safe(message())
    for filling in (b"<Encrypt>" * 7000, b"<Encrypt>" + b" " * 65_000, b"<Encrypt>" + b"A" * 65_000, b"<xml>" * 13_000):
        started = time.process_time()
        refused(hook, replace(good, body=filling))
        assert time.process_time() - started < 0.5
