"""Messages: the reason is there, trying again and ending doubt are orders in the audit."""

from __future__ import annotations

from typing import Any

import pytest

from automation.store.database import Store
from automation.store.states import MessageState


@pytest.fixture
def sent(shop: Any) -> Any:
    """A shop whose two buyers were written to: one has no consent, and the provider of the other is away."""
    shop.fine("campaign", "send", "--segment", "buyers_365d", "--text", "wakeup_hello", "--via", "sms", "--yes")
    shop.fine("tick")
    return shop


def messages(shop: Any, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = shop.fine("messages", "list", "--json", *words).json["messages"]
    return rows


def hold(shop: Any) -> int:
    """Makes the queued message one of which nobody knows whether it left."""
    number = messages(shop, "--state", "queued")[0]["id"]
    store = Store(f"sqlite:{shop.folder}/var/lucheng.db")
    with store.write() as tx:
        tx.run(f"UPDATE message SET state = {MessageState.AMBIGUOUS}, due = NULL WHERE id = :id", id=number)
    store.checkpoint("TRUNCATE")
    store.close()
    return int(number)


def test_messages_are_found_by_state_reason_journey_and_customer(sent: Any) -> None:
    assert {one["state"] for one in messages(sent)} == {"queued", "suppressed"}
    refused = messages(sent, "--reason", "no consent")
    assert [one["state"] for one in refused] == ["suppressed"]
    assert messages(sent, "--customer", "13800000002") == refused
    assert messages(sent, "--journey", refused[0]["journey"], "--limit", "1") == messages(sent, "--limit", "1")
    assert messages(sent, "--journey", "dormant_wakeup") == []


@pytest.mark.parametrize("words", ["list", "retry"])
def test_a_journey_that_never_was_is_refused_with_the_nearest_name(shop: Any, words: str) -> None:
    done = shop("messages", words, "--journey", "dormant_wakup")
    assert done.code == 1
    assert "did you mean dormant_wakeup?" in done.err


def test_a_message_shows_its_tries_and_its_body_only_with_a_reason(sent: Any) -> None:
    number = str(messages(sent, "--state", "queued")[0]["id"])
    found = sent.fine("messages", "show", number, "--json").json
    assert found["tries"][0]["channel"] == "sms_main"
    assert "body" not in found["tries"][0]
    clear = sent.fine("messages", "show", number, "--json", "--unmask", "投诉核查").json
    assert "body" in clear["tries"][0]
    assert sent.fine("audit", "list", "--json").json["audit"][0]["what"] == "personal data shown"


def test_doubt_is_ended_either_way_and_the_invariants_hold(sent: Any) -> None:
    number = str(hold(sent))
    assert sent("messages", "resolve", number).code == 2
    said = sent.fine("messages", "resolve", number, "--not-sent", "--who", "anna").out
    assert said == "1 message is sent again\n"
    assert messages(sent, "--state", "queued")[0]["id"] == int(number)
    hold(sent)
    assert sent.fine("messages", "resolve", "--all", "--sent").out == "1 message counts as sent\n"
    assert messages(sent, "--state", "sent")[0]["id"] == int(number)
    assert sent.fine("audit", "--json").json["holds"]


def test_both_answers_at_once_are_wrong_usage_and_send_nothing(sent: Any) -> None:
    number = str(hold(sent))
    for words in (("--sent", "--not-sent"), ("--not-sent", "--sent")):
        assert sent("messages", "resolve", number, *words).code == 2
    assert messages(sent, "--state", "ambiguous")[0]["id"] == int(number)


def test_a_suppressed_message_tries_again_after_the_consent_came(sent: Any) -> None:
    number = str(messages(sent, "--state", "suppressed")[0]["id"])
    sent.fine("messages", "retry", number)
    assert {one["state"] for one in messages(sent)} == {"queued"}
    assert sent("messages", "retry").code == 2


def test_held_messages_are_a_problem_for_the_doctor(sent: Any) -> None:
    hold(sent)
    done = sent("doctor", "--json")
    assert done.code == 1
    (look,) = [one for one in done.json["looks"] if one["about"] == "unclear messages"]
    assert look["says"].startswith("1 message may have left or not: ")


def test_the_stop_switch_holds_everything_and_is_seen(sent: Any) -> None:
    sent.fine("stop-all", "--who", "anna", "--why", "文案有误")
    assert sent("stop-all").code == 1
    done = sent("doctor", "--json")
    assert {"level": "problem", "about": "stop switch"}.items() <= next(
        one for one in done.json["looks"] if one["about"] == "stop switch"
    ).items()
    sent.clock.set(sent.clock.now() + 3600)
    assert sent.fine("tick", "--json").json["messages"] == {}
    sent.fine("resume-all")
    assert sent.fine("tick", "--json").json["messages"]


@pytest.mark.parametrize("words", [("messages", "show"), ("messages", "retry"), ("messages", "resolve", "--sent"),
                                   ("customers", "unmerge")])  # fmt: skip
def test_a_number_that_nothing_can_have_is_wrong_usage(shop: Any, words: tuple[str, ...]) -> None:
    assert shop(*words, "99999999999999999999").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("messages", "list", "--json"),
        ("tick", "--json"),
        ("campaign", "send", "--segment", "buyers_365d", "--text", "wakeup_hello", "--yes", "--json"),
    ],
)
def test_who_waits_for_messages_is_told_while_everything_is_stopped(shop: Any, words: tuple[str, ...]) -> None:
    shop.fine("stop-all", "--who", "anna", "--why", "文案有误")
    done = shop.fine(*words)
    assert "everything is stopped since 2026-11-22 15:00, by anna (文案有误): `run.py resume-all`" in done.err
    assert done.json
    shop.fine("resume-all")
    assert "stopped" not in shop.fine(*words).err


def test_the_stop_switch_works_whatever_else_is_wrong_with_the_settings(sent: Any) -> None:
    path = sent.folder / "config.yaml"
    good = path.read_text(encoding="utf-8")
    sent.write("config.yaml", good + "rfm: {nonsense: 1}\nwebhooks: {crm: {url: 'https://x', secret: '${NO_SUCH}'}}\n")
    assert sent("messages", "list").code == 1
    assert "stopped" in sent.fine("stop-all", "--why", "文案有误").out
    assert sent("stop-all").code == 1
    sent.fine("resume-all")
    sent.fine("stop-all")
    path.write_text(good, encoding="utf-8")
    assert [row["what"] for row in sent.fine("audit", "list", "--json").json["audit"]].count("stop all") == 2


def test_a_number_is_taken_as_tables_show_it(sent: Any) -> None:
    number = messages(sent)[0]["id"]
    database = Store(f"sqlite:{sent.folder / 'var' / 'lucheng.db'}")
    with database.write() as tx:
        tx.run("UPDATE message SET id = 13787 WHERE id = :id", id=number)
        tx.run("UPDATE attempt SET message_id = 13787 WHERE message_id = :id", id=number)
    database.close()
    assert "13,787" in sent.fine("messages", "list").out
    assert sent.fine("messages", "show", "13,787", "--json").json["id"] == 13787
    assert sent("messages", "show", "13,78").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("messages", "show", "abc"), "'abc' is no whole number"),
        (("messages", "list", "--limit", "1.5"), "'1.5' is no whole number"),
        (("keys", "retire", "abc"), "'abc' is no whole number"),
        (("campaign", "plan", "--text", "a", "--holdout", "abc"), "'abc' is no number"),
    ],
)
def test_what_is_no_number_is_told_so(shop: Any, words: tuple[str, ...], said: str) -> None:
    done = shop(*words)
    assert done.code == 2 and said in done.err


def test_a_report_of_no_campaign_speaks_of_campaigns(shop: Any) -> None:
    for name in ("nosuch", "dormant_wakeup"):
        done = shop("messages", "report", "--campaign", name)
        assert done.code == 1 and f"there is no campaign '{name}'; `run.py campaign list`" in done.err
