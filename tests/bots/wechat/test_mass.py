"""Mass messages to lists: what is wrong with one recipient stops only that one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from automation.kernel.ports import Accepted, Denied, Message, Reason
from bots.wechat import reasons

Say = Callable[..., Message]
UNKNOWN = Denied(Reason.BAD_ADDRESS, "40003")


def mass(say: Say, addresses: Sequence[str], text: str = "全店八折") -> list[Message]:
    return [say("mass", address, {"mass": {"text": text}}) for address in addresses]


def test_one_openid_that_wechat_does_not_know_stops_only_itself(account: Any, say: Say) -> None:
    fine = [f"o{number:04}" for number in range(300)]
    account.set("follow", openids=fine)
    to = [*fine[:137], "stranger", *fine[137:]]
    outcomes = account.channel().send(mass(say, to))
    assert [number for number, one in enumerate(outcomes) if one == UNKNOWN] == [137]
    assert len({one.provider_id for one in outcomes if isinstance(one, Accepted)}) == 1
    assert sorted(entry.address for entry in account.got()) == fine


def test_finding_it_costs_one_more_mass_call_and_a_few_questions(account: Any, say: Say) -> None:
    fine = [f"o{number:04}" for number in range(300)]
    account.set("follow", openids=fine)
    account.channel().send(mass(say, [*fine, "stranger"]))
    used = account.set("world")["used"]
    assert used["/cgi-bin/message/mass/send"] == 2
    assert used["/cgi-bin/user/info/batchget"] <= 4 + 2 * 7  # a page each, and one page in halves


def test_everybody_unknown_and_a_lone_one_left_are_told_apart(account: Any, say: Say) -> None:
    account.set("follow", openids=["o1"])
    shop = account.channel()
    assert shop.send(mass(say, ["x1", "x2"])) == [UNKNOWN] * 2
    assert shop.send(mass(say, ["x1", "o1"])) == [UNKNOWN, reasons.TOO_FEW]
    assert account.got() == []


def test_who_left_meanwhile_is_told_as_gone_when_the_list_was_refused(account: Any, say: Say) -> None:
    account.set("follow", openids=["o1", "o2", "left"])
    account.set("unfollow", openid="left")
    outcomes = account.channel().send(mass(say, ["o1", "left", "o2", "stranger"]))
    assert outcomes[1] == reasons.NO_FOLLOWER
    assert outcomes[3] == UNKNOWN
    assert sorted(entry.address for entry in account.got()) == ["o1", "o2"]


def test_two_texts_one_of_them_with_a_stranger_are_two_calls_and_one_more(account: Any, say: Say) -> None:
    account.set("follow", openids=["o1", "o2", "o3", "o4"])
    outcomes = account.channel().send([*mass(say, ["o1", "o2"], "一"), *mass(say, ["o3", "stranger", "o4"], "二")])
    assert [isinstance(one, Accepted) for one in outcomes] == [True, True, True, False, True]
    assert account.set("world")["used"]["/cgi-bin/message/mass/send"] == 3


def by_tag(account: Any, **more: Any) -> Any:
    return account.channel(account="subscription", **more)


def test_a_subscription_account_gathers_and_nothing_leaves_yet(account: Any, say: Say) -> None:
    account.set("account", service=False)
    account.set("follow", openids=["o1", "o2"])
    shop = by_tag(account)
    outcomes = shop.send([*mass(say, ["o1", "o2"]), *mass(say, ["o3"], "别的")])
    assert [outcome.awaiting for outcome in outcomes] == [True] * 3
    assert outcomes[0] == outcomes[1] != outcomes[2]
    assert account.got() == []


def test_a_tag_is_held_by_exactly_those_who_may_get_the_message(account: Any) -> None:
    account.set("account", service=False)
    account.set("follow", openids=["o1", "o2", "o3", "left"])
    account.set("unfollow", openid="left")
    account.set("tag", tag="list_1", openids=["o3"])
    shop = by_tag(account)
    assert shop.gather("list_1", {"o1", "o2", "left", "stranger"}) == {"left", "stranger"}
    assert account.set("world")["tagged"] == {"list_1": ["o1", "o2"]}
    assert isinstance(shop.release("list_1", {"mass": {"text": "新茶"}}, "k1"), Accepted)
    assert sorted(entry.address for entry in account.got()) == ["o1", "o2"]
    shop.dissolve("list_1")
    shop.dissolve("list_1")
    assert account.set("world")["tagged"] == {}


def test_a_release_repeated_with_its_key_is_one_message(account: Any) -> None:
    account.set("follow", openids=["o1"])
    shop = account.channel(mass="tag")
    shop.gather("list_1", {"o1"})
    first = shop.release("list_1", {"mass": {"text": "新茶"}}, "k1")
    assert shop.release("list_1", {"mass": {"text": "新茶"}}, "k1") == first
    assert len(account.got()) == 1


def test_a_second_release_of_the_day_is_a_quota_for_a_subscription_account(account: Any) -> None:
    account.set("account", service=False)
    account.set("follow", openids=["o1"])
    shop = by_tag(account)
    shop.gather("list_1", {"o1"})
    shop.release("list_1", {"mass": {"text": "新茶"}}, "k1")
    second = shop.release("list_1", {"mass": {"text": "又一条"}}, "k2")
    assert second == Denied(Reason.QUOTA, "45028", permanent=False)


def test_a_list_of_openids_is_not_for_a_subscription_account(account: Any, say: Say) -> None:
    account.set("account", service=False)
    account.set("follow", openids=["o1", "o2"])
    outcomes = account.channel().send(mass(say, ["o1", "o2"]))
    assert outcomes == [Denied(Reason.NOT_ALLOWED, "48001", permanent=False)] * 2


def test_a_list_refused_for_nobody_that_can_be_found_is_not_sent_again(
    account: Any, say: Say, provider: Callable[[Callable[[str, int], bytes]], list[str]]
) -> None:
    answers = {
        "stable_token": b'{"access_token":"T","expires_in":7200}',
        "send": b'{"errcode":40003,"errmsg":"invalid openid"}',
        "batchget": b'{"user_info_list":[{"subscribe":1,"openid":"o1"},{"subscribe":1,"openid":"o2"}]}',
    }
    seen = provider(lambda word, _: answers[word])
    outcomes = account.channel(sandbox=seen[0]).send(mass(say, ["o1", "o2"]))
    assert outcomes == [Denied(Reason.NOT_REACHABLE, "40003")] * 2, "nobody is suppressed for it"
    assert seen[1:] == ["stable_token", "send", "batchget"]
