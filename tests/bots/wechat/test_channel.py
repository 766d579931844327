"""The official account's lanes against the sandbox's own WeChat interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel.ports import Accepted, Denied, Limit, Message, Outcome, Reason
from bots.wechat import channel, reasons
from bots.wechat.options import WechatOptions

Say = Callable[..., Message]
PAID = {"id": "TPL-paid", "fields": {"thing1": "what", "amount2": "paid"}}
PART = {
    "template": {"key": "paid", "data": {"what": "咖啡豆", "paid": "¥99.00"}, "url": "https://shop.example.com/o/1"}
}


def test_a_subscription_account_has_no_template_lane_and_one_mass_message_a_day() -> None:
    given = {"appid": "wx123456", "secret": "x"}
    service = {lane.name: lane for lane in channel.lanes(WechatOptions.model_validate(given))}
    plain = {
        lane.name: lane for lane in channel.lanes(WechatOptions.model_validate(given | {"account": "subscription"}))
    }
    assert list(service) == ["customer_service", "template", "subscribe", "mass"]
    assert list(plain) == ["customer_service", "subscribe", "mass"]
    assert service["template"].purposes == {"service"}
    assert (service["customer_service"].window, service["subscribe"].grant) == (True, "subscribe")
    assert (service["customer_service"].dedupe_window, service["template"].dedupe_window) == (0, 600)
    assert service["mass"].limits == (Limit(4, "month", "WX-03"),)
    assert plain["mass"].limits == (Limit(1, "day", "WX-03"),)


@pytest.mark.parametrize(
    ("part", "kind", "content"),
    [
        ({"text": "您好"}, "text", {"content": "您好"}),
        (
            {"news": {"title": "春茶", "description": "到店", "url": "https://a.example.com", "picture": "https://a.example.com/p"}},
            "news",
            {"articles": [{"title": "春茶", "url": "https://a.example.com", "description": "到店", "picurl": "https://a.example.com/p"}]},
        ),
        ({"image": {"media": "M1"}}, "image", {"media_id": "M1"}),
        (
            {"menu": {"head": "满意吗", "options": [{"id": "1", "content": "是"}], "tail": "谢谢"}},
            "msgmenu",
            {"head_content": "满意吗", "list": [{"id": "1", "content": "是"}], "tail_content": "谢谢"},
        ),
        (
            {"mini_program": {"title": "会员", "appid": "wxmini", "page": "pages/a", "picture": "M2"}},
            "miniprogrampage",
            {"title": "会员", "appid": "wxmini", "pagepath": "pages/a", "thumb_media_id": "M2"},
        ),
    ],
    ids=["text", "news", "image", "menu", "mini program"],
)  # fmt: skip
def test_each_part_leaves_as_the_interface_wants_it(
    account: Any, say: Say, part: dict[str, Any], kind: str, content: dict[str, Any]
) -> None:
    account.set("window", openid="o1", messages=5)
    assert account.channel().send([say("customer_service", "o1", part)]) == [Accepted("")]
    (entry,) = account.got()
    assert entry.body["official"] == {"touser": "o1", "msgtype": kind, kind: content}


def test_a_template_message_has_the_providers_field_names_and_our_key(account: Any, say: Say) -> None:
    account.set("follow", openid="o1")
    sent = say("template", "o1", PART)
    (outcome,) = account.channel(templates={"paid": PAID}).send([sent])
    assert isinstance(outcome, Accepted)
    (entry,) = account.got()
    assert entry.body["official"] == {
        "touser": "o1", "template_id": "TPL-paid", "client_msg_id": sent.idem_key, "url": "https://shop.example.com/o/1",
        "data": {"thing1": {"value": "咖啡豆"}, "amount2": {"value": "¥99.00"}},
    }  # fmt: skip


def test_a_template_message_may_open_a_mini_program(account: Any, say: Say) -> None:
    account.set("follow", openid="o1")
    shop = account.channel(templates={"paid": PAID})
    for jump in ({"appid": "wxmini", "page": "pages/a"}, {"appid": "wxmini", "page": ""}):
        shop.send([say("template", "o1", {"template": {**PART["template"], "mini_program": jump}})])
    sent = [entry.body["official"]["miniprogram"] for entry in account.got()]
    assert sent == [{"appid": "wxmini", "pagepath": "pages/a"}, {"appid": "wxmini"}]


def test_a_template_message_repeated_with_its_key_is_delivered_once(account: Any, say: Say) -> None:
    account.set("follow", openid="o1")
    shop = account.channel(templates={"paid": PAID})
    sent = say("template", "o1", PART)
    assert shop.send([sent]) == shop.send([sent])
    assert len(account.got()) == 1


def test_without_a_window_or_with_its_answers_used_up_the_lane_is_closed(account: Any, say: Say) -> None:
    shop = account.channel()
    account.set("follow", openid="o1")
    closed = Denied(Reason.WINDOW_CLOSED, "45015")
    assert shop.send([say("customer_service", "o1", {"text": "一"})]) == [closed]
    account.set("window", openid="o1", messages=1)
    outcomes = [shop.send([say("customer_service", "o1", {"text": "二"})])[0] for _ in range(2)]
    assert outcomes == [Accepted(""), Denied(Reason.WINDOW_CLOSED, "45047")]


def test_a_grant_is_spent_and_then_missing(account: Any, say: Say) -> None:
    shop = account.channel(subscriptions={"drop": {"id": "SUB-1"}})
    account.set("grant", openid="o1", template="SUB-1", count=1)
    body = {"subscribe": {"key": "drop", "data": {"thing1": "新品"}, "page": "https://a.example.com"}}
    outcomes = [shop.send([say("subscribe", "o1", body)])[0] for _ in range(2)]
    assert outcomes == [Accepted(""), Denied(Reason.NO_GRANT, "43101")]


def test_each_kind_of_recipient_is_told_apart(account: Any, say: Say) -> None:
    shop = account.channel(templates={"paid": PAID})
    account.set("follow", openids=["gone", "blocks", "fine"])
    account.set("unfollow", openid="gone")
    account.set("block", openid="blocks")
    sent = [say("template", openid, PART) for openid in ("stranger", "gone", "blocks", "fine")]
    *denied, fine = shop.send(sent)
    assert denied == [
        Denied(Reason.BAD_ADDRESS, "40003"), Denied(Reason.GONE, "43004"), Denied(Reason.GONE, "48002"),
    ]  # fmt: skip
    assert isinstance(fine, Accepted)


def test_in_the_sandbox_any_template_has_a_name_until_one_is_listed(account: Any, say: Say) -> None:
    account.set("follow", openid="o1")
    account.set("grant", openid="o1", template="offers")
    shop = account.channel()
    parts = (("template", {"template": {"key": "any", "data": {"thing1": "x"}}}),
             ("subscribe", {"subscribe": {"key": "offers", "data": {"thing1": "x"}}}))  # fmt: skip
    assert all(isinstance(shop.send([say(lane, "o1", body)])[0], Accepted) for lane, body in parts)


@pytest.mark.parametrize(
    ("lane", "body", "code"),
    [
        ("customer_service", {"subject": "x"}, "no_part"),
        ("customer_service", {"text": ""}, "malformed"),
        ("customer_service", {"text": "长" * 700}, "too_long"),
        ("customer_service", {"news": {"title": "x"}}, "malformed"),
        ("customer_service", {"menu": {"options": []}}, "malformed"),
        ("template", {"text": "x"}, "no_part"),
        ("template", {"template": {"key": "other", "data": {}}}, "no_such_template"),
        ("template", {"template": {"key": "paid", "data": {"what": "x"}}}, "field_missing"),
        ("template", {"template": {"key": "paid", "data": "x"}}, "malformed"),
        ("mass", {"mass": {"video": "x"}}, "no_part"),
        ("mass", {"mass": "x"}, "malformed"),
    ],
)
def test_a_body_that_a_lane_cannot_say_is_refused_before_anything_leaves(
    account: Any, say: Say, lane: str, body: dict[str, Any], code: str
) -> None:
    shop = account.channel(templates={"paid": PAID}, sandbox="http://127.0.0.1:9")
    assert shop.send([say(lane, "o1", body)]) == [Denied(Reason.BAD_CONTENT, code)]


def test_one_bad_message_does_not_stop_the_others(account: Any, say: Say) -> None:
    account.set("window", openids=["o1", "o2"], messages=None)
    bodies = [{"text": "一"}, {"text": ""}, {"text": "三"}]
    outcomes = account.channel().send([say("customer_service", "o1", body) for body in bodies])
    assert [type(outcome) for outcome in outcomes] == [Accepted, Denied, Accepted]


def test_a_template_that_the_provider_does_not_know_is_bad_content(account: Any, say: Say) -> None:
    account.set("follow", openid="o1")
    account.set("account", templates=["other"])
    shop = account.channel(templates={"paid": PAID})
    assert shop.send([say("template", "o1", PART)]) == [Denied(Reason.BAD_CONTENT, "40037")]


def test_a_field_that_is_too_long_is_bad_content(account: Any, say: Say) -> None:
    account.set("follow", openid="o1")
    body = {"template": {"key": "paid", "data": {"what": "长" * 21, "paid": "9元"}}}
    shop = account.channel(templates={"paid": PAID})
    assert shop.send([say("template", "o1", body)]) == [Denied(Reason.BAD_CONTENT, "47003")]


def test_a_day_that_is_used_up_is_a_quota(account: Any, say: Say) -> None:
    account.set("window", openid="o1", messages=None)
    account.set("account", limits={"/cgi-bin/message/custom/send": 1})
    shop = account.channel()
    outcomes = [shop.send([say("customer_service", "o1", {"text": "x"})])[0] for _ in range(2)]
    assert outcomes == [Accepted(""), Denied(Reason.QUOTA, "45009", permanent=False)]


def mass(say: Say, *addresses: str, text: str = "全店八折") -> list[Message]:
    return [say("mass", address, {"mass": {"text": text}}) for address in addresses]


def test_equal_mass_messages_are_one_call_and_a_lone_one_is_for_the_next_channel(account: Any, say: Say) -> None:
    account.set("follow", openids=["o1", "o2", "o3"])
    outcomes = account.channel().send([*mass(say, "o1", "o2"), *mass(say, "o3", text="单独")])
    assert isinstance(outcomes[0], Accepted)
    assert outcomes == [outcomes[0], outcomes[0], reasons.TOO_FEW]
    assert [entry.address for entry in account.got()] == ["o1", "o2"]


def test_a_mass_call_repeated_with_its_key_is_a_success_with_the_first_id(account: Any, say: Say) -> None:
    account.set("follow", openids=["o1", "o2"])
    shop, sent = account.channel(), mass(say, "o1", "o2")
    first = shop.send(sent)
    assert isinstance(first[0], Accepted)
    assert shop.send(list(reversed(sent))) == first
    assert len(account.got()) == 2


def test_a_mass_call_refused_for_the_account_blames_no_recipient(account: Any, say: Say) -> None:
    shop = account.channel()
    account.set("follow", openids=["o1", "o2"])
    account.set("account", mass_left=0)
    assert shop.send(mass(say, "o1", "o2")) == [Denied(Reason.QUOTA, "45028", permanent=False)] * 2


def test_a_hundred_messages_are_on_their_way_at_once(account: Any, say: Say, fault: Callable[..., None]) -> None:
    openids = [f"o{n}" for n in range(100)]
    account.set("window", openids=openids, messages=5)
    fault("slow", seconds=0.2, channel=account.appid)
    sent = [say("customer_service", openid, {"text": openid}) for openid in openids]
    outcomes: list[Outcome] = list(account.channel(timeout="8s").send(sent))
    assert outcomes == [Accepted("")] * 100  # one after the other would have taken twenty seconds
    assert sorted(entry.body["text"] for entry in account.got()) == sorted(openids)


def test_two_equal_mass_messages_to_one_follower_are_two_calls_and_neither_is_lost(account: Any, say: Say) -> None:
    account.set("follow", openids=["o1", "o2", "o3"])
    outcomes = account.channel().send([*mass(say, "o1", "o2", "o1", "o2"), *mass(say, "o1")])
    assert all(isinstance(one, Accepted) and one.provider_id for one in outcomes[:4])
    assert len({one.provider_id for one in outcomes[:4] if isinstance(one, Accepted)}) == 2
    assert outcomes[4] == reasons.TOO_FEW  # what reaches nobody is not called accepted
    assert sorted(entry.address for entry in account.got()) == ["o1", "o1", "o2", "o2"]
