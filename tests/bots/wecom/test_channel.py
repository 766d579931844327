"""Sending through WeCom: tasks, app messages and welcomes, over real HTTP against the pretend company."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel import errors
from automation.kernel.ports import Accepted, Denied, Limit, Outcome, Reason, Unknown
from bots.sandbox import process
from bots.wecom.channel import WecomChannel
from tests import ports
from tests.bots.wecom.conftest import Company, Write, customer

Fault = Callable[..., None]
SECRETS = ("pretend-app-secret", "pretend-contact-secret", "pretend-token", "wm0000", "TOP-SECRET")


def test_one_text_to_many_is_one_task_and_waits_for_an_adviser(
    channel: WecomChannel, company: Company, write: Write
) -> None:
    sent = [write() for _ in range(5)]
    outcomes = channel.send(sent)
    tasks = {outcome.provider_id.partition("|")[0] for outcome in outcomes if isinstance(outcome, Accepted)}
    assert len(tasks) == 1
    assert outcomes == [Accepted(f"{min(tasks)}|{one.address}", awaiting=True) for one in sent]
    assert [company.taken("customer_message", one.address)[0].key for one in sent] == [one.idem_key for one in sent]


def test_each_text_is_a_task_and_a_customer_stands_in_one_task_once(channel: WecomChannel, write: Write) -> None:
    twice = customer()
    outcomes = channel.send([write(twice), write(twice), write(text="另一条"), write()])
    tasks = [outcome.provider_id.partition("|")[0] for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(tasks) == 4
    assert tasks[0] == tasks[3]
    assert len(set(tasks)) == 3


def test_a_customer_who_cannot_be_sent_to_is_refused_and_the_others_are_not(
    channel: WecomChannel, company: Company, write: Write
) -> None:
    gone = customer()
    company.act("add_friend", customer=gone)
    company.act("remove_friend", customer=gone)
    outcomes = channel.send([write(), write(gone), write()])
    assert outcomes[1] == Denied(Reason.NOT_REACHABLE, "fail_list")
    assert [type(outcome) for outcome in outcomes] == [Accepted, Denied, Accepted]
    assert channel.send([write(gone)]) == [Denied(Reason.NOT_REACHABLE, "41048")]


def test_a_sender_of_the_options_is_asked_for_every_task(company: Company, write: Write) -> None:
    channel = company.channel(sender="staff_02")
    outcome = channel.send([write()])[0]
    assert isinstance(outcome, Accepted)
    shown = company.act("show")["tasks"][outcome.provider_id.partition("|")[0]]
    assert list(shown["parts"]) == ["staff_02"]
    channel.close()


def test_attachments_go_out_under_their_official_names(channel: WecomChannel, company: Company, write: Write) -> None:
    attachments = [
        {"link": {"title": "会员日", "url": "https://example.com/a", "picture": "https://example.com/p.png"}},
        {"image": {"media": "MEDIA1"}},
        {"image": {"media": "https://example.com/p.png"}},
        {"mini_program": {"title": "商城", "appid": "wx1", "page": "pages/a", "picture": "MEDIA2"}},
    ]
    assert isinstance(channel.send([write(attachments=attachments)])[0], Accepted)
    entry = company.taken("customer_message")[-1]
    assert entry.body["attachments"] == ["link", "image", "image", "miniprogram"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ""}, "empty"),
        ({"text": "长" * 1334}, "text_too_long"),  # 4,002 bytes, 1,334 characters
        ({"text": "a", "attachments": [{"image": {"media": "M"}}] * 10}, "too_many_attachments"),
        ({"text": "a", "attachments": [{"voice": {}}]}, "attachments"),
        ({"text": "a", "attachments": [{"link": {"title": "t"}}]}, "no_url"),
        ({"text": "a", "attachments": "link"}, "attachments"),
        ({"text": ["a"]}, "text"),
    ],
)
def test_what_wecom_would_refuse_stops_itself_and_no_other(
    channel: WecomChannel, write: Write, body: dict[str, Any], code: str
) -> None:
    outcomes = channel.send([write(), write(**body), write()])
    assert outcomes[1] == Denied(Reason.BAD_CONTENT, code)
    assert isinstance(outcomes[0], Accepted)
    assert isinstance(outcomes[2], Accepted)


def test_a_text_of_exactly_the_bytes_allowed_is_taken(channel: WecomChannel, write: Write) -> None:
    assert isinstance(channel.send([write(text="长" * 1333 + "a")])[0], Accepted)


@pytest.mark.parametrize("mode", ["accept_then_timeout", "accept_then_reset", "garbage"])
def test_a_lost_answer_is_settled_by_the_list_of_tasks(
    channel: WecomChannel, company: Company, write: Write, fault: Fault, mode: str
) -> None:
    sent = [write(text=f"会员日 {mode}"), write(text=f"会员日 {mode}")]
    channel.send([write()])
    fault(mode, channel="wecom", times=1)
    outcomes = channel.send(sent)
    assert all(isinstance(one, Accepted) and one.awaiting for one in outcomes)
    assert len(company.taken("customer_message", sent[0].address)) == 1


def test_a_lost_answer_stays_unknown_where_two_tasks_could_be_meant(
    channel: WecomChannel, company: Company, write: Write, fault: Fault
) -> None:
    same = customer()
    company.raw(
        "externalcontact/add_msg_template",
        {"chat_type": "single", "external_userid": [same], "text": {"content": "两次"}},
        access_token=company.token(),
    )
    fault("accept_then_reset", channel="wecom", times=1)
    assert channel.send([write(same, text="两次")]) == [Unknown("reset")]


def test_a_lost_answer_stays_unknown_where_nothing_was_made(channel: WecomChannel, write: Write, fault: Fault) -> None:
    fault("hang", channel="wecom", times=1)
    assert channel.send([write()]) == [Unknown("timeout")]


def test_an_app_message_is_delivered_once_however_often_it_is_sent(
    channel: WecomChannel, company: Company, write: Write
) -> None:
    message = write("staff_07", lane="app_message", text="请跟进")
    first, second = channel.send([message]), channel.send([message])
    assert first == second
    assert isinstance(first[0], Accepted)
    assert len(company.taken("app_message", "staff_07")) == 1


def test_the_same_alarm_twice_is_two_messages(channel: WecomChannel, company: Company, write: Write) -> None:
    for _ in range(2):
        channel.send([write("staff_08", lane="app_message", text="同样的话")])
    assert len(company.taken("app_message", "staff_08")) == 2


def test_app_messages_become_text_cards_or_news(channel: WecomChannel, company: Company, write: Write) -> None:
    link = {"link": {"title": "工单", "url": "https://example.com/1"}}
    channel.send([write("staff_09", lane="app_message", text="请看", attachments=[link])])
    channel.send([write("staff_09", lane="app_message", text="", attachments=[link, link])])
    assert [entry.body["msgtype"] for entry in company.taken("app_message", "staff_09")] == ["textcard", "news"]
    pictures = [{"image": {"media": "M"}}, link]
    refused = channel.send([write("staff_09", lane="app_message", text="", attachments=pictures)])
    assert refused == [Denied(Reason.BAD_CONTENT, "not_for_employees")]
    assert channel.send([write("staff_09", lane="app_message", text="长" * 683)]) == [
        Denied(Reason.BAD_CONTENT, "text_too_long")
    ]


def test_an_employee_who_does_not_exist_is_a_bad_address(channel: WecomChannel, write: Write) -> None:
    outcome = channel.send([write("no_such_one", lane="app_message")])[0]
    assert outcome == Denied(Reason.BAD_ADDRESS, "81013")


def test_lanes_say_what_wecom_allows(channel: WecomChannel) -> None:
    tasks, app = channel.lanes
    assert tasks.limits == (Limit(None, "month", "WC-01"),)
    assert tasks.dedupe_window == 0
    assert app.limits == (Limit(30, "minute", "WC-02"), Limit(1000, "hour", "WC-02"))
    assert app.purposes == {"service"}
    assert app.dedupe_window == 14_400


def test_the_thirty_first_app_message_of_a_minute_is_dropped_in_silence_as_by_wecom(
    channel: WecomChannel, company: Company, write: Write
) -> None:
    outcomes = [channel.send([write("staff_10", lane="app_message")])[0] for _ in range(31)]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len(company.taken("app_message", "staff_10")) == 30


def test_a_revoked_token_is_fetched_once_for_eight_threads(
    channel: WecomChannel, company: Company, write: Write
) -> None:
    channel.send([write()])
    before = company.act("revoke_tokens")["fetched"]
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda: outcomes.extend(channel.send([write()]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert company.act("show")["fetched"] == before + 1


def test_another_process_uses_the_token_of_the_shared_cache(company: Company, write: Write) -> None:
    first, second = company.channel(), company.channel()
    first.send([write()])
    fetched = company.act("show")["fetched"]
    second.send([write()])
    assert company.act("show")["fetched"] == fetched
    kept = [name for name in company.cache.values if name.endswith(":token")]
    assert len(kept) == 1
    assert kept[0].startswith("wecom:wecom_main:customers:")
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (-1, Denied(Reason.UNAVAILABLE, "-1", permanent=False)),
        (45009, Denied(Reason.RATE_LIMITED, "45009", permanent=False, retry_after=60)),
        (48002, Denied(Reason.NOT_ALLOWED, "48002", permanent=False)),
        (60020, Denied(Reason.NOT_ALLOWED, "60020", permanent=False)),
        (40096, Denied(Reason.BAD_ADDRESS, "40096")),
        (84061, Denied(Reason.GONE, "84061")),
        (41048, Denied(Reason.NOT_REACHABLE, "41048")),
        (123456, Denied(Reason.BAD_CONTENT, "123456")),
    ],
)
def test_each_errcode_is_told_in_the_common_words(
    channel: WecomChannel, company: Company, write: Write, code: int, outcome: Denied
) -> None:
    company.act("refuse", path="externalcontact/add_msg_template", errcode=code)
    assert channel.send([write()]) == [outcome]


def test_a_wrong_secret_is_the_operators_to_mend(company: Company, write: Write) -> None:
    channel = company.channel(contact_secret="TOP-SECRET-wrong", corpid="ww0000000000sandbox")
    outcome = channel.send([write()])[0]
    assert outcome == Denied(Reason.NOT_ALLOWED, "40001", permanent=False)
    channel.close()


def test_a_broken_token_request_means_nothing_was_sent(channel: WecomChannel, write: Write, fault: Fault) -> None:
    for mode in ("reset", "garbage", "hang"):
        fault(mode, channel="wecom.api", times=1)
        outcome = channel.send([write()])[0]
        assert isinstance(outcome, Denied)
        assert outcome.reason is Reason.UNAVAILABLE
        assert not outcome.permanent


def test_a_welcome_goes_out_once_and_at_once(channel: WecomChannel, company: Company) -> None:
    new = customer()
    code = company.act("add_friend", customer=new)["welcome_code"]
    assert isinstance(channel.welcome(code, {"text": "欢迎"}), Accepted)
    assert [entry.body["text"] for entry in company.taken("welcome", new)] == ["欢迎"]
    assert channel.welcome(code, {"text": "欢迎"}) == Denied(Reason.NOT_REACHABLE, "41051")
    assert channel.welcome("no-code", {"text": "欢迎"}) == Denied(Reason.NOT_REACHABLE, "41050")
    assert channel.welcome(code, {"text": ""}) == Denied(Reason.BAD_CONTENT, "empty")


def test_a_welcome_that_another_app_is_giving_is_tried_once_more(channel: WecomChannel, company: Company) -> None:
    code = company.act("add_friend", customer=customer())["welcome_code"]
    company.act("refuse", path="externalcontact/send_welcome_msg", errcode=41096)
    assert isinstance(channel.welcome(code, {"text": "欢迎"}), Accepted)
    company.act("refuse", path="externalcontact/send_welcome_msg", errcode=41096, times=3)
    outcome = channel.welcome(code, {"text": "欢迎"})
    assert outcome == Denied(Reason.UNAVAILABLE, "41096", permanent=False)
    company.act("reset")


def test_check_asks_wecom_itself(channel: WecomChannel, company: Company) -> None:
    assert [found.ok for found in channel.check(0)] == [True] * 5
    wrong = company.channel(corpid="ww-nobody", employees=["staff_99"])
    findings = wrong.check(0)
    assert [found.ok for found in findings] == [False, False, False, False, True]
    assert "40013" in findings[0].said
    wrong.close()
    absent = company.channel(employees=["staff_01", "staff_99"])
    assert "staff_99" in absent.check(0)[3].said
    absent.close()
    assert list(channel.quotas(0)) == []


def test_no_secret_shows_in_any_outcome_or_error(company: Company, write: Write, sandbox: process.Sandbox) -> None:
    away = company.channel(sandbox=f"http://127.0.0.1:{ports.refusing()}")
    shown = [repr(away.send([write(text="TOP-SECRET")])), repr(away.check(0))]
    with pytest.raises(errors.ServiceAway) as caught:
        away.directory.employees()
    shown.append(str(caught.value))
    near = company.channel()
    company.act("refuse", path="externalcontact/get_follow_user_list", errcode=48002)
    shown.append(repr(near.check(0)))
    assert not any(secret in text for text in shown for secret in SECRETS)
    away.close()
    near.close()


def test_a_task_of_others_with_the_same_text_is_not_taken_for_ours(
    channel: WecomChannel, company: Company, write: Write, fault: Fault
) -> None:
    company.raw(
        "externalcontact/add_msg_template",
        {"chat_type": "single", "external_userid": [customer()], "text": {"content": "同一句话"}},
        access_token=company.token(),
    )
    fault("hang", channel="wecom", times=1)
    assert channel.send([write(text="同一句话")]) == [Unknown("timeout")]
