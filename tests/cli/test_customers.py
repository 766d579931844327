"""Finding a customer by what an operator has, seeing why, and changing what is known; masked and audited."""

from __future__ import annotations

from typing import Any

import pytest

from automation.store.database import Store
from tests.cli.conftest import NOW

WANG = "13800000001"


def log(shop: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = shop.fine("audit", "list", "--json").json["audit"]
    return rows


def number(shop: Any, text: str) -> int:
    found = shop.fine("customers", "find", text, "--json").json["customers"]
    assert len(found) == 1
    return int(found[0]["id"])


@pytest.mark.parametrize("text", [WANG, "+86 138-0000-0001", "a@example.com", "0001", "王"])
def test_a_customer_is_found_by_phone_email_last_digits_and_name(shop: Any, text: str) -> None:
    assert number(shop, text) == number(shop, WANG)


def test_a_customer_is_found_by_id_and_uid(shop: Any) -> None:
    found = shop.fine("customers", "find", WANG, "--json").json["customers"][0]
    assert number(shop, f"#{found['id']}") == found["id"]
    assert number(shop, found["uid"]) == found["id"]


@pytest.mark.parametrize(
    "words", [("events", "add", "{}", "order.paid", "order_id=D9", "amount=100"), ("customers", "tag", "{}", "黑名单"),
              ("customers", "show", "{}"), ("customers", "consent", "{}", "sms", "marketing", "no")],
)  # fmt: skip
def test_a_bare_number_is_never_an_id(shop: Any, words: tuple[str, ...]) -> None:
    known = str(number(shop, WANG))
    before = log(shop)
    done = shop(*(word.format(known) for word in words))
    assert done.code == 1
    assert f"written '#{known}'" in done.err
    assert log(shop) == before
    assert f"written '#{known}'" in shop.fine("customers", "find", known).out


@pytest.mark.parametrize("member", ["7", "0815", "20260001"])
def test_a_bare_number_is_a_member_number_where_one_is_known(shop: Any, member: str) -> None:
    shop.fine("import", "customers", shop.write("more.csv", f"手机号,会员号\n13900000009,{member}\n"))
    assert number(shop, member) == number(shop, "13900000009")


def test_signs_of_sql_patterns_are_plain_letters_in_a_name(shop: Any) -> None:
    assert shop.fine("customers", "find", "%", "--json").json["customers"] == []


@pytest.mark.parametrize("words", [("find", WANG), ("show", WANG)])
def test_personal_data_is_masked_unless_a_reason_is_given_which_is_audited(shop: Any, words: tuple[str, ...]) -> None:
    for extra in ((), ("--json",)):
        masked = shop.fine("customers", *words, *extra).out
        assert "138****0001" in masked
        for secret in ("13800000001", "王芳", "a@example.com", "1990"):
            assert secret not in masked
    before = len(log(shop))
    clear = shop.fine("customers", *words, "--unmask", "客户来电核实", "--who", "anna").out
    assert "13800000001" in clear
    assert "王芳" in clear
    newest = log(shop)[0]
    assert len(log(shop)) == before + 1
    assert (newest["who"], newest["what"], newest["detail"]["why"]) == ("anna", "personal data shown", "客户来电核实")


def test_a_tag_is_given_until_its_time_and_taken(shop: Any) -> None:
    shop.fine("customers", "tag", WANG, "试用", "--for", "3d", "--who", "anna")
    tags = {row["tag"]: row for row in shop.fine("customers", "show", WANG, "--json").json["tags"]}
    assert tags["试用"]["source"] == "staff:anna"
    assert tags["试用"]["until"].startswith("2026-11-25T15:00")
    shop.fine("customers", "tag", WANG, "试用", "--remove")
    assert "试用" not in {row["tag"] for row in shop.fine("customers", "show", WANG, "--json").json["tags"]}
    assert [row["what"] for row in log(shop)[:2]] == ["tag removed", "tag added"]


def test_a_tag_that_would_be_over_at_once_is_refused(shop: Any) -> None:
    for length in ("-3d", "0d"):
        done = shop("customers", "tag", WANG, "试用", "--for", length)
        assert (done.code, "such as 90d" in done.err) == (2, True)
    assert "试用" not in {row["tag"] for row in shop.fine("customers", "show", WANG, "--json").json["tags"]}


def test_a_refusal_is_written_down_and_a_consent_needs_its_proof(shop: Any) -> None:
    assert shop("customers", "consent", WANG, "sms", "marketing", "yes").code == 2
    shop.fine("customers", "consent", WANG, "sms", "marketing", "no")
    said = {
        (row["channel"], row["purpose"]): row["granted"]
        for row in shop.fine("customers", "show", WANG, "--json").json["consents"]
    }
    assert said["sms", "marketing"] is False
    assert said["email", "marketing"] is True
    assert log(shop)[0]["what"] == "consent"


def test_a_word_given_earlier_is_written_down_with_what_shows_it_and_undoes_no_later_one(shop: Any) -> None:
    words = (
        "--at",
        "2025-06-18 20:00",
        "--source",
        "南京西路店",
        "--text-version",
        "2025-1",
        "--evidence",
        "登记表 17",
    )
    said = shop.fine("customers", "consent", WANG, "wecom", "service", "yes", *words).out
    assert "holds" not in said
    found = shop.fine("customers", "show", WANG, "--json").json["consents"]
    (given,) = (row for row in found if (row["channel"], row["purpose"]) == ("wecom", "service"))
    assert (given["at"], given["source"]) == ("2025-06-18T20:00:00+08:00", "南京西路店")
    assert (given["text_version"], given["evidence"]) == ("2025-1", "登记表 17")
    refused = ("customers", "consent", WANG, "sms", "marketing", "no")
    shop.fine("customers", "consent", WANG, "sms", "marketing", "yes", "--evidence", "登记表 18")
    assert "what was said later holds: yes" in shop.fine(*refused, *words).out
    assert shop("customers", "consent", WANG, "sms", "marketing", "no", "--at", "2027-01-01").code == 2


def test_a_refusal_with_a_time_holds_against_a_list_that_says_none(shop: Any) -> None:
    before = shop.fine("customers", "show", WANG, "--json").json["consents"]
    (imported,) = (row for row in before if (row["channel"], row["purpose"]) == ("sms", "marketing"))
    assert (imported["granted"], imported["at"]) == (True, None)
    shop.fine("customers", "consent", WANG, "sms", "marketing", "no", "--at", "2025-06-18 20:00")
    after = shop.fine("customers", "show", WANG, "--json").json["consents"]
    assert [row["granted"] for row in after if (row["channel"], row["purpose"]) == ("sms", "marketing")] == [False]


@pytest.mark.parametrize(
    ("tag", "why"),
    [("", "TAG is empty"), ("  ", "TAG is empty"), ("甲,乙", "without commas"), ("长" * 61, "at most 60")],
)
def test_a_tag_is_a_name(shop: Any, tag: str, why: str) -> None:
    said = shop("customers", "tag", WANG, tag)
    assert (said.code, why in said.err) == (2, True)


def test_a_tag_that_nobody_gave_is_not_taken_away(shop: Any) -> None:
    said = shop("customers", "tag", WANG, "从没有过", "--remove")
    assert (said.code, "does not have the tag 从没有过" in said.err) == (1, True)
    assert "tag removed" not in shop.fine("audit", "list").out
    shop.fine("customers", "tag", WANG, " 试用 ")
    assert "has no longer the tag 试用" in shop.fine("customers", "tag", WANG, "试用", "--remove").out


def test_personal_data_is_shown_for_a_reason_only(shop: Any) -> None:
    assert "--unmask is empty" in shop("customers", "show", WANG, "--unmask", " ").err


def test_two_customers_are_merged_and_parted_again(shop: Any) -> None:
    wang, li = number(shop, WANG), number(shop, "13800000002")
    done = shop.fine("customers", "merge", f"#{wang}", f"#{li}", "--reason", "同一人", "--yes")
    assert number(shop, "13800000002") == wang
    assert shop.fine("customers", "show", WANG, "--json").json["computed"]["orders_365d"] == 2
    merge = done.out.split("merge ")[1].split(";")[0]
    shop.fine("customers", "unmerge", merge)
    assert number(shop, "13800000002") == li
    assert shop.fine("customers", "show", WANG, "--json").json["computed"]["orders_365d"] == 1
    assert [row["what"] for row in log(shop)[:2]] == ["merge undone", "customers merged"]


def test_a_merge_asks_and_nobody_answering_merges_nothing(shop: Any) -> None:
    done = shop("customers", "merge", WANG, "13800000002", "--reason", "x")
    assert done.code == 2
    assert "--yes" in done.err
    assert number(shop, "13800000002") != number(shop, WANG)


def test_several_that_fit_are_named_by_id(shop: Any) -> None:
    shop.fine("import", "customers", shop.write("more.csv", "手机号,姓名\n13900000001,王二\n"))
    done = shop("customers", "show", "0001")
    assert done.code == 1
    assert "2 customers fit: #" in done.err


def test_nobody_is_an_answer_with_a_way_on(shop: Any) -> None:
    done = shop("customers", "show", "13899999999")
    assert done.code == 1
    assert "customers find" in done.err


def test_why_she_did_not_get_it_is_in_show(shop: Any) -> None:
    file = shop.write("ids.txt", f"{WANG}\n13800000002\n")
    shop.fine("campaign", "send", "--file", file, "--text", "wakeup_hello", "--via", "sms", "--yes")
    shop.fine("tick")
    found = shop.fine("customers", "show", "13800000002", "--json").json
    assert [(one["state"], one["word"]) for one in found["messages"]] == [("suppressed", "no consent")]
    assert "no consent" in shop.fine("customers", "show", "13800000002").out


def test_open_windows_and_grants_explain_why_a_lane_was_closed(shop: Any) -> None:
    found = shop.fine("customers", "show", WANG, "--json").json
    with Store(f"sqlite:{shop.folder / 'var/lucheng.db'}").write() as tx:
        number = tx.value("SELECT min(id) FROM identity WHERE person_id = :id", id=found["id"])
        for channel, until, left in (("wechat_a", NOW + 3_600, 5), ("wechat_b", NOW + 60, None), ("old", NOW - 1, 5)):
            tx.run(
                "INSERT INTO reply_window VALUES (:channel, :identity, :until, :left)",
                channel=channel, identity=number, until=until, left=left,
            )  # fmt: skip
        tx.run("INSERT INTO send_grant VALUES ('wechat_a', :identity, 'arrived', 2)", identity=number)
    found = shop.fine("customers", "show", WANG, "--json").json
    assert [(row["channel"], row["left"]) for row in found["windows"]] == [("wechat_a", 5), ("wechat_b", None)]
    assert found["grants"] == [{"channel": "wechat_a", "template": "arrived", "left": 2}]
    printed = shop.fine("customers", "show", WANG).out
    assert "2026-11-22 16:00" in printed
    assert "any number" in printed
    assert "Grants of subscription notices" in printed


def test_an_id_is_taken_as_tables_show_it(shop: Any) -> None:
    store = Store(f"sqlite:{shop.folder / 'var' / 'lucheng.db'}")
    known = number(shop, WANG)
    with store.write() as tx:
        tx.run("UPDATE person SET id = 1915 WHERE id = :id", id=known)
        tx.run("UPDATE identity SET person_id = 1915 WHERE person_id = :id", id=known)
    store.close()
    assert number(shop, "#1,915") == 1915


def test_who_finds_nobody_is_told_what_is_looked_by(shop: Any) -> None:
    said = shop.fine("customers", "find", "没有这个人").out
    assert "the beginning of a name" in said and "last four digits" in said
    assert "customers find" not in said


def test_one_and_the_same_is_refused_before_it_is_asked_and_a_merge_has_a_reason(shop: Any) -> None:
    one = shop("customers", "merge", WANG, "a@example.com", "--reason", "twice")
    assert one.code == 1 and "cannot be merged with themselves" in one.err and "[y/N]" not in one.err
    none = shop("customers", "merge", WANG, "13800000002", "--reason", " ", "--yes")
    assert none.code == 2 and "--reason is empty" in none.err
