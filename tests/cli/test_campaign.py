"""A campaign is estimated, confirmed, sent through the engine, watched and stopped."""

from __future__ import annotations

from typing import Any

import pytest

from automation.audience import splits
from automation.store.database import Store

TO_ALL = ("--segment", "buyers_365d", "--text", "wakeup_hello", "--via", "sms")


def log(shop: Any) -> list[str]:
    return [row["what"] for row in shop.fine("audit", "list", "--json").json["audit"]]


def send(shop: Any, *more: str) -> str:
    return str(shop.fine("campaign", "send", *TO_ALL, *more, "--yes", "--json").json["campaign"])


def outside_the_control_group(shop: Any, campaign: str, percent: int) -> None:
    """The key of a shop is made by chance, and so would the groups be."""
    seed = next(n for n in range(1, 1000) if splits.number(campaign, "holdout", n) >= splits.share(percent))
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    with store.write() as tx:
        tx.run("UPDATE person SET seed = :seed", seed=seed)
    store.close()


def test_a_plan_says_who_is_reached_and_who_is_not_and_why(shop: Any) -> None:
    plan = shop.fine("campaign", "plan", *TO_ALL, "--json").json
    assert (plan["audience"], plan["messages"]) == (2, 1)
    assert plan["reached"] == {"sms_main": 1}
    assert plan["kept_back"] == {"no consent: sms no consent": 1}


def test_a_plan_changes_nothing(shop: Any) -> None:
    before = log(shop)
    shop.fine("campaign", "plan", *TO_ALL)
    assert log(shop) == before
    assert shop.fine("campaign", "list", "--json").json["campaigns"] == []


def test_a_plan_sees_quiet_hours_and_the_control_group(shop: Any) -> None:
    plan = shop.fine("campaign", "plan", *TO_ALL, "--at", "2026-11-22 23:00", "--holdout", "50", "--json").json
    assert plan["quiet_until"].startswith("2026-11-23T09:00")
    assert plan["messages"] + plan["control_group"] + sum(plan["kept_back"].values()) == plan["audience"]


def test_sending_asks_and_no_sends_nothing(shop: Any) -> None:
    shop.answers = "n\n"
    assert shop("campaign", "send", *TO_ALL).code == 1
    shop.answers = ""
    assert shop("campaign", "send", *TO_ALL).code == 2
    assert shop.fine("campaign", "list", "--json").json["campaigns"] == []


def test_yes_typed_sends_and_the_audit_says_who(shop: Any) -> None:
    shop.answers = "y\n"
    shop.fine("campaign", "send", *TO_ALL, "--who", "anna")
    newest = shop.fine("audit", "list", "--json").json["audit"][0]
    assert (newest["what"], newest["who"], newest["detail"]["people"]) == ("campaign sent", "anna", 2)


def test_a_campaign_of_the_same_text_that_is_not_finished_is_named_before_another_is_sent(shop: Any) -> None:
    name, told = send(shop), "sends the same text and is not finished"
    shop.answers = "n\n"
    asked = shop("campaign", "send", *TO_ALL)
    assert asked.code == 1 and f"{name} {told}" in asked.err
    shop.fine("stop-all")
    shop.fine("tick")
    assert shop.fine("campaign", "show", name, "--json").json["waiting"] == 0, "their messages wait"
    again = shop.fine("campaign", "send", *TO_ALL, "--yes")
    assert f"{name} {told}" in again.err
    for one in shop.fine("campaign", "list", "--json").json["campaigns"]:
        shop.fine("campaign", "stop", one["name"])
    assert told not in shop.fine("campaign", "send", *TO_ALL, "--yes").err


def test_a_campaign_walks_through_the_engine_and_is_counted(shop: Any) -> None:
    name = send(shop)
    assert shop.fine("campaign", "show", name, "--json").json["waiting"] == 2
    said = shop.fine("tick", "--json").json
    assert said["entered"] == 2
    assert said["messages"] == {"queued": 1, "suppressed": 1}, "the words that lists of messages use"
    found = shop.fine("campaign", "show", name, "--json").json
    assert (found["waiting"], found["entered"]) == (0, 2)
    assert found["reasons"]["no consent"] == 1
    assert sum(found["messages"].values()) == 2
    assert shop.fine("audit", "--json").json["holds"]


def test_a_planned_campaign_waits_for_its_moment(shop: Any) -> None:
    name = send(shop, "--at", "2026-11-23 10:00")
    shop.fine("tick")
    assert shop.fine("campaign", "show", name, "--json").json["waiting"] == 2
    shop.clock.set(shop.clock.now() + 86_400)
    shop.fine("tick")
    assert shop.fine("campaign", "show", name, "--json").json["entered"] == 2


def test_a_planned_campaign_shows_what_it_will_send_to_whom_and_when(shop: Any) -> None:
    outside_the_control_group(shop, "campaign_20261123_wakeup_hello", 10)
    name = send(shop, "--at", "2026-11-23 10:00", "--title", "十一月 回访", "--holdout", "10", "--pace", "500")
    found = shop.fine("campaign", "show", name, "--json").json
    assert (found["planned_at"], found["made_at"]) == ("2026-11-23T10:00:00+08:00", "2026-11-22T15:00:00+08:00")
    assert (found["text"], found["via"], found["title"]) == ("wakeup_hello", ["sms"], "十一月 回访")
    assert (found["audience"], found["people"], found["purpose"]) == ("segment buyers_365d", 2, "marketing")
    said = shop.fine("campaign", "show", name).out
    assert "十一月 回访: text wakeup_hello via sms, marketing, expires after 1d" in said
    assert "to 2 people (segment buyers_365d), control group 10%, 500 a day" in said
    assert "2026-11-23 10:00" in said
    (listed,) = shop.fine("campaign", "list", "--json").json["campaigns"]
    assert listed == {key: value for key, value in found.items() if key != "report"}


def test_stopping_withdraws_what_has_not_left(shop: Any) -> None:
    name = send(shop)
    shop.fine("stop-all")
    shop.fine("tick")
    assert shop.fine("campaign", "show", name, "--json").json["messages"] == {"queued": 2}
    assert "2 messages were withdrawn" in shop.fine("campaign", "stop", name).out
    found = shop.fine("campaign", "show", name, "--json").json
    assert (found["status"], found["messages"]) == ("stopped", {"cancelled": 2})
    shop.fine("resume-all")
    assert shop.fine("tick", "--json").json["messages"] == {}
    assert log(shop)[:2] == ["resume all", "campaign stopped"]


def test_one_message_is_told_as_one(shop: Any) -> None:
    file = shop.write("ids.txt", "13800000001\n")
    said = shop.fine("campaign", "send", "--file", file, *TO_ALL[2:], "--yes").out
    assert "1 person is in line" in said
    shop.fine("stop-all")
    shop.fine("tick")
    name = shop.fine("campaign", "list", "--json").json["campaigns"][0]["name"]
    assert "1 message was withdrawn" in shop.fine("campaign", "stop", name).out


def test_stopping_before_anybody_entered_empties_the_line(shop: Any) -> None:
    name = send(shop, "--at", "2026-11-23 10:00")
    shop.fine("campaign", "stop", name)
    shop.clock.set(shop.clock.now() + 86_400)
    shop.fine("tick")
    found = shop.fine("campaign", "show", name, "--json").json
    assert (found["waiting"], found["entered"]) == (0, 0)


def test_two_campaigns_of_one_text_on_one_day_have_two_names(shop: Any) -> None:
    assert send(shop) != send(shop)


def test_a_file_of_ids_reaches_whom_it_names_and_tells_the_other_lines(shop: Any) -> None:
    file = shop.write("ids.csv", "手机号\n13800000001\n13899999999\na@example.com\n")
    plan = shop.fine("campaign", "plan", "--file", file, "--text", "wakeup_hello", "--via", "sms", "--json").json
    assert (plan["audience"], plan["unknown_lines"]) == (1, [3])


def test_a_bare_number_in_a_file_is_no_id_and_no_last_digits(shop: Any) -> None:
    file = shop.write("ids.csv", "会员号\n0001\n2\n3\n#1\n")
    words = ("campaign", "plan", "--file", file, "--text", "wakeup_hello", "--via", "sms")
    plan = shop.fine(*words, "--json").json
    assert (plan["audience"], plan["unknown_lines"]) == (1, [2, 3, 4])
    assert "3 lines of the file name no customer, or several (lines 2, 3, 4); an id is written" in shop.fine(*words).out
    shop.fine("import", "customers", shop.write("more.csv", "手机号,会员号\n13900000009,0001\n"))
    assert shop.fine(*words, "--json").json["unknown_lines"] == [3, 4]
    alone = (
        "campaign",
        "plan",
        "--file",
        shop.write("one.csv", "#1\n#999\n"),
        "--text",
        "wakeup_hello",
        "--via",
        "sms",
    )
    assert "line 2 of the file names no customer" in shop.fine(*alone).out


def test_a_pace_is_told_in_days(shop: Any) -> None:
    everybody = shop.fine("campaign", "plan", *TO_ALL, "--json").json["audience"]
    assert everybody == 2
    for pace, days in ((1, "2 days"), (2, "1 day")):
        told = shop.fine("campaign", "plan", *TO_ALL, "--pace", str(pace)).out
        assert f"at {pace} a day it takes {days} until all had their turn" in told


def test_a_request_that_makes_no_sense_says_what_would(shop: Any) -> None:
    assert shop("campaign", "plan", "--text", "wakeup_hello").code == 2
    assert "did you mean wakeup_hello" in shop("campaign", "plan", *TO_ALL[:2], "--text", "wakeup_helo").err
    assert "did you mean" in shop("campaign", "plan", "--segment", "buyers", "--text", "wakeup_hello").err
    assert shop("campaign", "plan", *TO_ALL, "--expires", "soon").code == 1
    assert shop("campaign", "plan", *TO_ALL, "--at", "2026-01-01 10:00").code == 2
    assert "write 2024-03-05 12:30" in shop("campaign", "plan", *TO_ALL, "--at", "tomorrow").err
    assert "time of day is missing" in shop("campaign", "plan", *TO_ALL, "--at", "2026-11-25").err
    assert shop("campaign", "show", "campaign_none").code == 1


def test_what_an_operator_types_is_never_structure_of_the_journey(shop: Any) -> None:
    title = '}\nstatus: stopped # "'
    name = send(shop, "--title", title)
    listed = shop.fine("journeys", "list", "--json").json["journeys"]
    assert next(row for row in listed if row["name"] == name)["title"] == title


@pytest.mark.parametrize("text", ["soon", "+1d", "until today"])
def test_a_limit_that_cannot_be_read_is_named_with_what_could(shop: Any, text: str) -> None:
    done = shop("campaign", "plan", *TO_ALL, "--expires", text)
    assert done.code == 1
    assert "--expires takes a length or a moment, such as 1d, today or 2026-11-25 20:00" in done.err
    shop.fine("campaign", "plan", *TO_ALL, "--expires", "2026-11-25 20:00")
