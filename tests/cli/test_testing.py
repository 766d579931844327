"""`run.py test`: a shop's tests of its journeys, played by the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from automation.simulate.cases import playing
from tests.cli.conftest import SHIPPED, Shop

CASE = """\
test: 没点开的，三天后打上标签
journey: dormant_wakeup
at: 2026-06-01 08:00
customer: {name: 王芳, can: [sms]}
happens:
  - {at: 2026-02-20 10:00, event: order.paid, amount: 299}
expect:
  - {at: 2026-06-01 09:00, send: wakeup_hello, via: sms, text: 王芳}
  - {at: 2026-06-04 09:00, tag: 流失风险}
ends: {at: 2026-06-04 09:00, reason: finished}
"""


def written(shop: Shop, text: str = CASE, name: str = "dormant") -> Path:
    (shop.folder / "tests").mkdir(exist_ok=True)
    return shop.write(f"tests/{name}.yaml", text)


def furnished(tmp_path: Path, bare: Shop) -> Shop:
    """A shop with the journeys and texts that a new one brings."""
    for name in ("journeys", "templates"):
        shutil.copytree(SHIPPED / name, tmp_path / "shop" / name)
    shutil.copy(SHIPPED / "config.yaml", tmp_path / "shop")
    return Shop(tmp_path / "shop", bare.clock, bare.capsys)


def lines(shop: Shop, text: str) -> list[str]:
    """The problems of a test that fails, without their file and code."""
    written(shop, text)
    done = shop("test", "--json")
    (one,) = done.json
    assert done.code == 1
    assert not one["passed"]
    return [f"{problem['line']}:{problem['column']} {problem['message']}" for problem in one["problems"]]


def test_a_test_that_holds_says_so_and_leaves_the_shops_database_alone(bare: Shop) -> None:
    written(bare)
    before = (bare.folder / "var" / "lucheng.db").read_bytes()
    done = bare.fine("test", "-v")
    assert done.out.splitlines()[0].startswith("ok      没点开的，三天后打上标签  ")
    assert "          2026-06-01 09:00  entered dormant_wakeup" in done.out
    assert done.out.splitlines()[-1] == "1 test, all passed"
    assert (bare.folder / "var" / "lucheng.db").read_bytes() == before


def test_what_came_otherwise_is_told_at_its_line_with_all_that_happened(bare: Shop) -> None:
    written(bare, CASE.replace("2026-06-01 09:00, send", "2026-06-01 09:30, send"))
    done = bare("test")
    assert done.code == 1
    assert "8:5 K609 wakeup_hello left at 2026-06-01 09:00, not at 2026-06-01 09:30" in done.out
    assert "2026-06-04 09:00  tag 流失风险" in done.out
    assert done.out.splitlines()[-1] == "1 test, 1 failed"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("via: sms", "via: email", "8:5 wakeup_hello left by sms, not by email"),
        ("text: 王芳", "text: 李雷", "8:5 wakeup_hello does not contain '李雷': "),
        ("send: wakeup_hello, via: sms, text: 王芳", "skipped: wakeup_hello", "8:5 wakeup_hello left by sms: "),
        ("tag: 流失风险", "tag: 老客", "9:5 tag 老客 was never given"),
        ("tag: 流失风险", "points: 5", "9:5 points 5 never came"),
        ("2026-06-04 09:00, tag", "2026-06-05, tag", "9:5 流失风险 came at 2026-06-04 09:00, not on 2026-06-05"),
        ("reason: finished", "reason: goal", "10:38 the run ended by 'finished', not 'goal'"),
        ("ends: {at: 2026-06-04", "ends: {at: 2026-06-05", "10:12 the run ended at 2026-06-04 09:00, not at 2026-06"),
        ("ends:", "never: [wakeup_hello]\nends:", "10:9 wakeup_hello must not be sent: it left at 2026-06-01 09:00"),
        ("2026-02-20", "2026-05-20", "8:5 wakeup_hello left at 2026-08-19 09:00, not at 2026-06-01 09:00"),
    ],
)  # fmt: skip
def test_every_difference_has_its_words(bare: Shop, old: str, new: str, said: str) -> None:
    assert lines(bare, CASE.replace(old, new))[0].startswith(said)


def test_a_text_is_what_a_customer_reads(bare: Shop) -> None:
    written(bare)
    (left,) = [line for line in bare.fine("test", "-v").out.splitlines() if "wakeup_hello left by sms" in line]
    assert left.count("王芳") == 1
    template = "wakeup_hello"  # of the provider
    assert "does not contain" in lines(bare, CASE.replace("text: 王芳", f"text: {template}"))[0]


def test_one_message_answers_one_expectation(bare: Shop) -> None:
    twice = CASE.replace("  - {at: 2026-06-04 09:00, tag", "  - {send: wakeup_hello}\n  - {at: 2026-06-04 09:00, tag")
    assert lines(bare, twice) == ["9:5 wakeup_hello was never sent"]


def test_a_click_wakes_whoever_waits_for_it_and_a_purchase_ends_the_test(bare: Shop) -> None:
    text = CASE.replace("expect:", "  - {at: 2026-06-02 07:30, clicked: wakeup_hello}\nexpect:")
    text = text.replace("2026-06-04 09:00", "2026-06-02 07:30")
    written(bare, text)
    bare.fine("test")


def test_the_control_group_gets_nothing(bare: Shop) -> None:
    assert lines(bare, CASE.replace("happens:", "holdout: true\nhappens:"))[0] == (
        "5:10 dormant_wakeup has no control group"
    )


def test_while_the_engine_is_down_nothing_happens_and_what_is_too_late_is_told(bare: Shop) -> None:
    down = "  - {engine: down, from: 2026-06-01 09:00, to: 2026-06-03 10:00}\nexpect:"
    text = CASE.replace("expect:", down).split("expect:")[0] + "expect:\n  - {at: 2026-06-03, send: wakeup_hello}\n"
    written(bare, text)
    bare.fine("test")


ASKED = """\
journey: asked
purpose: service
status: live
enter: {manual: true}
again: never
steps: [{tag: 来过}]
"""


@pytest.mark.parametrize(
    ("head", "happens", "at"),
    [
        ("active: 2026-09-01 to 2026-09-30\n", "", "2026-09-01 00:00"),
        ("", "happens: [{engine: down, from: 2026-06-01 08:00, to: 2026-06-01 10:00}]\n", "2026-06-01 10:00"),
    ],
)
def test_who_is_asked_in_by_hand_enters_when_the_journey_opens_and_the_engine_is_up(
    tmp_path: Path, bare: Shop, head: str, happens: str, at: str
) -> None:
    shop = furnished(tmp_path, bare)
    shop.write("journeys/asked.yaml", head + ASKED)
    case = f"test: 请进来\njourney: asked\nat: 2026-06-01 08:00\n{happens}expect: [{{at: {at}, tag: 来过}}]\n"
    written(shop, case, name="asked")
    shop.fine("test")


def test_who_agreed_to_nothing_gets_no_marketing_and_the_reason_is_compared(bare: Shop) -> None:
    text = CASE.replace("can: [sms]", "can: [sms], consent: false")
    assert lines(bare, text)[0].startswith("8:5 wakeup_hello was never sent")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("journey: dormant_wakeup", "journey: dormant_wakup", "2:10 no journey 'dormant_wakup'"),
        ("at: 2026-06-01 08:00", "at: tomorrow", "3:5 a date and a time are due here, not 'tomorrow'"),
        ("at: 2026-06-01 08:00", "at: 9999-06-01 08:00", "3:5 9999-06-01 is not from 2000 to 2099"),
        ("at: 2026-06-01 08:00", "at: 2026-06-31 08:00", "3:5 '2026-06-31' is not a date"),
        ("can: [sms]", "can: [fax]", "4:27 no channel is of the kind 'fax'"),
        ("name: 王芳", "nmae: 王芳", "4:12 no field 'nmae' in catalog.yaml"),
        ("name: 王芳", "phone: 1", "4:12 'phone' is an address"),
        ("name: 王芳", "birthday: 13-40", "4:22 birthday: "),
        ("event: order.paid", "event: order.payed", "6:35 no event 'order.payed'"),
        ("amount: 299", "amuont: 299", "6:47 event 'order.paid' has no property 'amuont'"),
        ("amount: 299", "amount: much", "6:55 amount: an amount of money is due, such as 299.00"),
        ("amount: 299", "amount: 99.999", "6:55 amount: an amount of money has at most two decimals"),
        ("amount: 299", "amount: {from: entry.amount}", "6:55 the run has no entry.amount by then"),
        ("amount: 299", "amount: {from: gif.code}", "6:62 the run never knows a 'gif'"),
        ("amount: 299", "amount: {form: entry.amount}", "6:56 unknown key 'form'"),
        ("- {at: 2026-02-20 10:00, event: order.paid, amount: 299}", "- {at: 2026-02-20 10:00}", "6:5 one thing that"),
        ("- {at: 2026-02-20 10:00, event: order.paid, amount: 299}", "- {at: 2026-06-01 08:30, clicked: wakeup_hello}",
         "6:37 wakeup_hello has not left by then"),
        ("send: wakeup_hello", "send: hello", "8:34 no step sends 'hello'"),
        ("tag: 流失风险", "notify: boss", "9:36 no notify 'boss'"),
        ("tag: 流失风险", "tag: 流失风险, via: sms", "9:39 'via' belongs to 'send'"),
        ("expect:", "paths: {offer: coupon}\nexpect:", "7:9 no split 'offer'"),
        ("expect:", "empty: [birthday]\nexpect:", "7:9 no pool 'birthday' whose codes are imported"),
        ("test: 没点开的", "tset: 没点开的", "1:1 unknown key 'tset'"),
    ],
)  # fmt: skip
def test_what_is_misspelt_is_told_where_it_stands(bare: Shop, old: str, new: str, said: str) -> None:
    assert old in CASE
    found = lines(bare, CASE.replace(old, new, 1))
    assert any(one.startswith(said) for one in found), found


def test_who_tests_a_broken_journey_is_told_where_its_problems_are(tmp_path: Path, bare: Shop) -> None:
    shop = furnished(tmp_path, bare)
    written(shop)
    file = shop.folder / "journeys" / "dormant_wakeup.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "colour: red\n", encoding="utf-8")
    (told,) = shop("test", "dormant_wakeup", "--json").json
    assert (told["journey"], "test: " + told["test"] in CASE) == ("dormant_wakeup", True)
    (problem,) = told["problems"]
    assert (problem["code"], problem["hint"]) == ("K601", "`run.py check` tells them")


def test_every_wrong_field_of_the_customer_is_told(bare: Shop) -> None:
    found = lines(bare, CASE.replace("name: 王芳", "tier: platinum, zone: Mars/X, birthday: 13-40"))
    assert [one.partition(": ")[0] for one in found] == ["4:18 tier", "4:34 zone", "4:52 birthday"]


def test_a_test_that_expects_nothing_is_none(bare: Shop) -> None:
    assert lines(bare, CASE.partition("expect:")[0]) == ["1:1 this test expects nothing"]


def test_who_never_enters_is_told_so(bare: Shop) -> None:
    written(bare, CASE.partition("expect:")[0].replace("2026-02-20", "2026-05-30") + "never: [wakeup_hello]\n")
    done = bare("test")
    assert done.code == 1  # 90 days later they are dormant after all
    written(bare, "test: 没买过的不算沉睡\njourney: dormant_wakeup\nat: 2026-06-01 08:00\nnever: [wakeup_hello]\n")
    assert "the customer never entered" in bare.fine("test", "-v").out


def test_a_test_that_is_too_long_says_so_instead_of_ending_early(bare: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "MOMENTS", 3)
    assert lines(bare, CASE) == ["3:5 more than 3 moments are due until 2026-06-03: this test is too long"]


def test_a_broken_file_fails_alone(bare: Shop) -> None:
    written(bare)
    written(bare, "test: [\n", "torn")
    done = bare("test")
    assert done.code == 1
    assert done.out.splitlines()[0].startswith("ok ")
    assert done.out.splitlines()[-1] == "2 tests, 1 failed"


def test_a_name_chooses_a_test_or_all_of_a_journey(bare: Shop) -> None:
    written(bare)
    written(bare, CASE.replace("没点开的", "还是"), "another")
    assert bare.fine("test", "another").out.splitlines()[-1] == "1 test, all passed"
    assert bare.fine("test", "dormant_wakeup").out.splitlines()[-1] == "2 tests, all passed"
    done = bare("test", "anothr")
    assert (done.code, done.err) == (1, "Error: no test or tested journey is called anothr: did you mean another?\n")


def test_a_shop_without_tests_is_told_where_they_belong(bare: Shop) -> None:
    assert bare.fine("test").out.startswith("there are no tests: write one in ")


def test_check_reads_tests_too(bare: Shop) -> None:
    written(bare, CASE.replace("wakeup_hello", "wakeup_helo"))
    done = bare("check")
    assert done.code == 1
    assert "tests/dormant.yaml:8:34 K602 no step sends 'wakeup_helo' (did you mean 'wakeup_hello'?)" in done.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: 王芳", "tier: goldd", "4:18 K608 tier: one of these is due"),
        ("name: 王芳", "birthday: 农历十三月初一", "4:22 K608 birthday: "),
        ("name: 王芳", "monetary: 6", "4:22 K608 monetary: a score from 1 to 5 is due"),
        ("event: order.paid, amount: 299", "set: {tier: goldd}", "6:40 K608 tier: one of these is due"),
        ("amount: 299", "amount: abc", "6:55 K608 amount: an amount of money is due, such as 299.00"),
        ("amount: 299", "amount: {from: gif.code}", "6:62 K602 the run never knows a 'gif'"),
    ],
)
def test_check_reads_the_values_of_tests_too(bare: Shop, old: str, new: str, said: str) -> None:
    written(bare, CASE.replace(old, new, 1))
    assert f"tests/dormant.yaml:{said}" in bare("check").out


def test_the_tests_that_a_new_shop_brings_hold(tmp_path: Path, bare: Shop) -> None:
    shop = furnished(tmp_path, bare)
    (shop.folder / "tests").mkdir()
    for path in (SHIPPED / "tests").glob("*.yaml"):
        shutil.copy(path, shop.folder / "tests")
    done = shop.fine("test", "--json").json
    assert len(done) >= 11
    assert all(one["passed"] for one in done)
    assert {one["journey"] for one in done} == {
        "birthday_care", "complaint_followup", "dormant_wakeup", "festival_promotion", "onboarding",
    }  # fmt: skip
