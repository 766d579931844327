"""What becomes of tasks: confirmed, in part, not at all; asked of the pretend company over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from automation.kernel import clock, errors
from automation.kernel.hooks import Happening, Receipt
from automation.kernel.ports import Accepted
from bots.wecom.channel import WecomChannel
from bots.wecom.tasks import Result, State, told
from tests.bots.wecom.conftest import Company, Write, customer

NOW = clock.SystemClock().now()
DAY = 86_400


def sent(channel: WecomChannel, write: Write, *customers: str) -> list[str]:
    """The provider ids of one task for these customers."""
    outcomes = channel.send([write(one) for one in customers])
    return [one.provider_id for one in outcomes if isinstance(one, Accepted)]


def said(happened: Sequence[Happening]) -> list[tuple[str, str, str]]:
    return [(one.provider_id, one.kind, one.code) for one in happened if isinstance(one, Receipt)]


def test_nothing_is_reported_of_a_task_that_waits(channel: WecomChannel, write: Write) -> None:
    ids = sent(channel, write, customer(), customer())
    assert channel.pull(ids, NOW + DAY) == []
    assert channel.tasks.look(ids[0].partition("|")[0]).state is State.AWAITING


def test_a_confirmed_task_is_sent_to_each_customer(channel: WecomChannel, company: Company, write: Write) -> None:
    ids = sent(channel, write, customer(), customer())
    task = ids[0].partition("|")[0]
    company.act("confirm", task=task)
    happened = channel.pull(ids, NOW + 60)
    assert said(happened) == [(one, "sent", "") for one in ids]
    assert all(isinstance(one, Receipt) and abs(one.at - NOW) < 600 for one in happened)
    assert channel.tasks.look(task).state is State.SENT


def test_a_task_of_two_advisers_may_be_confirmed_in_part(channel: WecomChannel, company: Company, write: Write) -> None:
    hers, his = customer(), customer()
    company.act("add_friend", customer=hers, employee="staff_01")
    company.act("add_friend", customer=his, employee="staff_02")
    ids = sent(channel, write, hers, his)
    task = ids[0].partition("|")[0]
    company.act("confirm", task=task, employee="staff_02")
    assert said(channel.pull(ids, NOW + 60)) == [(ids[1], "sent", "")]
    assert channel.tasks.look(task).state is State.PARTIAL


def test_who_left_or_had_enough_is_reported_as_failed(channel: WecomChannel, company: Company, write: Write) -> None:
    gone, full = customer(), customer()
    for _ in range(31):  # as many as the longest month has days
        company.act("confirm", task=sent(channel, write, full)[0].partition("|")[0])
    ids = sent(channel, write, gone, full)
    company.act("add_friend", customer=gone)
    company.act("remove_friend", customer=gone)
    company.act("confirm", task=ids[0].partition("|")[0])
    assert said(channel.pull(ids, NOW + 60)) == sorted(
        [(ids[0], "failed", "not_a_friend"), (ids[1], "failed", "limit_of_tasks")]
    )


def test_a_task_nobody_confirms_is_stopped_at_wecom_and_then_reported(
    channel: WecomChannel, company: Company, write: Write
) -> None:
    ids = sent(channel, write, customer())
    task = ids[0].partition("|")[0]
    assert channel.pull(ids, NOW + 3 * DAY - 3600) == []
    assert said(channel.pull(ids, NOW + 3 * DAY + 3600)) == [(ids[0], "failed", "expired")]
    assert company.act("show")["tasks"][task]["stopped"]
    assert channel.tasks.look(task).state is State.EXPIRED
    with pytest.raises(AssertionError):
        company.act("confirm", task=task)  # nobody can send it after it was reported


def test_what_was_sent_before_the_stop_counts_as_sent(channel: WecomChannel, company: Company, write: Write) -> None:
    ids = sent(channel, write, customer())
    company.act("confirm", task=ids[0].partition("|")[0])
    assert said(channel.pull(ids, NOW + 9 * DAY)) == [(ids[0], "sent", "")]


def test_a_task_of_another_shop_is_looked_at_again_before_it_is_given_up(channel: WecomChannel) -> None:
    ids = ["msg-nobody-made|wm1"]
    assert channel.pull(ids, NOW) == []
    assert said(channel.pull(ids, NOW + 3 * DAY)) == [(ids[0], "failed", "40058")]


def test_ids_that_are_none_of_ours_are_left_alone(channel: WecomChannel) -> None:
    assert channel.pull(["", "app12", "|", "x|"], NOW) == []


def test_wecom_being_away_says_nothing_about_a_message(
    channel: WecomChannel, write: Write, fault: Callable[..., None]
) -> None:
    ids = sent(channel, write, customer())
    fault("reset", channel="wecom.api", times=1)
    with pytest.raises(errors.ServiceAway):
        channel.pull(ids, NOW)
    assert channel.pull(ids, NOW) == []


def test_results_of_many_pages_are_all_read(channel: WecomChannel, company: Company, write: Write) -> None:
    customers = [customer() for _ in range(620)]
    ids = [one for start in range(0, 620, 100) for one in sent(channel, write, *customers[start : start + 100])]
    for task in {one.partition("|")[0] for one in ids}:
        company.act("confirm", task=task)
    assert len(said(channel.pull(ids, NOW))) == 620
    members = {"text": {"content": "一"}}
    token = company.token()
    task = company.raw(
        "externalcontact/add_msg_template",
        {"chat_type": "single", "external_userid": [customer() for _ in range(1203)], **members},
        access_token=token,
    )["msgid"]
    assert len(channel.tasks.look(task).results) == 1203


def test_three_reminders_a_day_and_no_more(channel: WecomChannel, company: Company, write: Write) -> None:
    task = sent(channel, write, customer())[0].partition("|")[0]
    assert [channel.tasks.remind(task, NOW) for _ in range(3)] == [2, 1, 0]
    with pytest.raises(errors.Refused, match="again in 24 h"):
        channel.tasks.remind(task, NOW + 60)
    with pytest.raises(errors.Refused, match="errcode 40058"):  # WeCom counts for itself
        channel.tasks.remind(task, NOW + DAY + 60)


def test_a_task_for_groups_asks_their_owner(channel: WecomChannel, company: Company) -> None:
    company.act("group", chat="wr1", employee="staff_02", customers=[customer()])
    company.act("group", chat="wr2", employee="staff_01")
    (task,) = channel.tasks.to_groups(["wr1"], "staff_02", {"text": {"content": "群公告"}}, NOW)
    assert channel.tasks.look(task).state is State.AWAITING
    company.act("confirm", task=task)
    seen = channel.tasks.look(task)
    assert seen.state is State.SENT
    assert [(one.recipient, one.status) for one in seen.results] == [("wr1", 1)]
    with pytest.raises(errors.Refused, match="41048"):
        channel.tasks.to_groups(["wr2"], "staff_02", {"text": {"content": "群公告"}}, NOW)


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [((2,), "failed"), ((2, 3), "failed"), ((2, 0), None), ((0,), None), ((2, 1), "sent"), ((), None)],
)
def test_a_customer_of_two_advisers_fails_only_when_neither_can_send(
    statuses: tuple[int, ...], kind: str | None
) -> None:
    results = [Result("wm1", f"staff_{number}", status, 0) for number, status in enumerate(statuses)]
    found = told("msg1", "wm1", results, NOW, stopped=False)
    assert (found.kind if found else None) == kind
