"""`wecom` against the sandbox's pretend company: contact ways, customers, tags, groups and tasks for their owners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from bots import http
from bots.sandbox import process

Act: TypeAlias = Callable[..., dict[str, Any]]
CHANNEL = """\
  wecom_main: {{kind: wecom, sandbox: "{url}"}}
via:"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Sandbox]:
    with process.start(tmp_path_factory.mktemp("sandbox") / "ledger.jsonl") as server:
        yield server


@pytest.fixture
def shop(shop: Any, running: process.Sandbox) -> Any:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text.replace("via:", CHANNEL.format(url=running.url)))
    return shop


@pytest.fixture
def act(running: process.Sandbox) -> Iterator[Act]:
    client = http.Client(timeout=5)

    def give(do: str, **order: Any) -> dict[str, Any]:
        reply = client.post_json(f"{running.url}/wecom/_act", {"do": do, **order})
        found = reply.json()
        assert reply.status == 200, found
        assert isinstance(found, dict)
        return found

    give("reset")
    yield give
    client.close()


def wm(number: int) -> str:
    return f"wm{number:030d}"


def test_a_contact_way_is_made_listed_and_deleted(shop: Any, act: Act) -> None:
    made = shop.fine("wecom", "contact-way", "make", "门店A", "--employee", "staff_01", "--json").json
    assert made["qr_code"].startswith("https://")
    assert shop.fine("wecom", "contact-way", "list", "--json").json["contact_ways"] == [made]
    shop.fine("wecom", "contact-way", "delete", made["id"])
    assert shop.fine("wecom", "contact-way", "list", "--json").json["contact_ways"] == []
    refused = shop("wecom", "contact-way", "make", "门店A", "--employee", "staff_99")
    assert refused.code == 1
    assert "errcode 60111: there is no such employee" in refused.err


def test_friends_become_customers_once_and_are_who_they_were_by_unionid(shop: Any, act: Act) -> None:
    shop.fine("import", "customers", shop.write("u.csv", "手机号,unionid\n13800000009,uA\n"))
    act("add_friend", customer=wm(1), unionid="uA")
    act("add_friend", customer=wm(1), unionid="uA", employee="staff_02")
    act("add_friend", customer=wm(2))
    for _ in range(2):
        assert "2 friends" in shop.fine("wecom", "contacts", "pull").out
    ids = {shop.fine("customers", "find", word, "--json").json["customers"][0]["id"] for word in ("13800000009", wm(1))}
    assert len(ids) == 1


def details(shop: Any, word: str) -> Any:
    return shop.fine("customers", "show", word, "--unmask", "a test", "--json").json


def fills(shop: Any, contacts: str) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text.replace("wecom_main: {", f"wecom_main: {{contacts: {contacts}, "))


def test_a_friend_brings_a_name_where_there_is_none_and_how_they_came(shop: Any, act: Act) -> None:
    fills(shop, "{name: name, remark: city, add_way: first_source, state: size}")
    shop.fine("import", "customers", shop.write("u.csv", "手机号,姓名,unionid\n13800000009,王女士,uA\n"))
    act("add_friend", customer=wm(1), unionid="uA", name="阿敏", state="门店A", way=1, remark="王姐 M码")
    act("add_friend", customer=wm(1), unionid="uA", employee="staff_02", name="阿敏", state="展会", way=3)
    act("add_friend", customer=wm(2), name="小李", way=99)
    assert "2 friends" in shop.fine("wecom", "contacts", "pull").out
    known = details(shop, wm(1))
    assert (known["name"], known["fields"]["first_source"]) == ("王女士", "扫描二维码")
    assert (known["fields"]["city"], known["fields"]["size"]) == ("王姐 M码", "门店A")
    assert details(shop, wm(2))["name"] == "小李"
    act("add_friend", customer=wm(1), unionid="uA", state="别处", way=2, remark="王姐 L码")
    shop.fine("wecom", "contacts", "pull")
    again = details(shop, wm(1))["fields"]
    assert (again["city"], again["first_source"], again["size"]) == ("王姐 L码", "扫描二维码", "门店A")


def test_the_employee_follows_the_friendship_and_not_a_pull_that_saw_a_part(shop: Any, act: Act) -> None:
    fills(shop, "{employee: city, state: size}")
    for number in range(150):
        act("add_friend", customer=wm(1000 + number), employee="staff_02", state="门店A")
    shop.fine("wecom", "contacts", "pull")
    for number in range(150):
        act("add_friend", customer=wm(1000 + number), employee="staff_01", state="展会")
        act("remove_friend", customer=wm(1000 + number), employee="staff_02", by="employee")

    def advisers() -> list[tuple[str, str]]:
        fields = [details(shop, wm(number))["fields"] for number in (1000, 1149)]
        return [(one["city"], one["size"]) for one in fields]

    act("refuse", path="externalcontact/batch/get_by_user", errcode=45009, after=1)
    assert shop("wecom", "contacts", "pull").code != 0
    shop.fine("wecom", "contacts", "pull")
    assert advisers() == [("staff_02", "门店A")] * 2
    shop.fine("wecom", "contacts", "pull")
    assert advisers() == [("staff_01", "门店A")] * 2


def test_company_tags_become_tags_and_go_with_them_but_not_those_given_here(shop: Any, act: Act) -> None:
    act("add_friend", customer=wm(1), tags=["et01", "et02"])
    act("add_friend", customer=wm(2), tags=["et02"], employee="staff_02")
    shop.fine("wecom", "contacts", "pull")
    shop.fine("customers", "tag", wm(2), "老客")
    assert [sorted(one["tag"] for one in details(shop, wm(n))["tags"]) for n in (1, 2)] == [["展会", "老客"]] * 2
    assert {one["source"] for one in details(shop, wm(1))["tags"]} == {"channel:wecom_main"}
    act("add_friend", customer=wm(1), tags=["et02"])
    act("add_friend", customer=wm(2), employee="staff_02")
    shop.fine("wecom", "contacts", "pull")
    assert [sorted(one["tag"] for one in details(shop, wm(n))["tags"]) for n in (1, 2)] == [["展会"], ["老客"]]


def test_a_pull_that_was_interrupted_goes_on_where_it_stopped(shop: Any, act: Act) -> None:
    for number in range(150):
        act("add_friend", customer=wm(1000 + number), tags=["et01"])
    act("refuse", path="externalcontact/batch/get_by_user", errcode=45009, after=1)
    stopped = shop("wecom", "contacts", "pull")
    assert stopped.code != 0 and "45009" in stopped.err
    told = shop.fine("wecom", "contacts", "pull").out
    assert told.startswith("50 friends") and "went on where the last pull was interrupted" in told
    assert [one["tag"] for number in (0, 149) for one in details(shop, wm(1000 + number))["tags"]] == ["老客"] * 2
    assert shop.fine("wecom", "contacts", "pull").out.startswith("150 friends")


def test_a_field_that_is_none_is_told_before_anybody_is_pulled(shop: Any, act: Act) -> None:
    fills(shop, "{remark: nickname}")
    act("add_friend", customer=wm(1))
    refused = shop("wecom", "contacts", "pull")
    assert (refused.code, "nickname" in refused.err) == (1, True)
    assert shop.fine("customers", "find", wm(1), "--json").json["customers"] == []


def test_a_company_tag_is_put_on_for_every_adviser(shop: Any, act: Act) -> None:
    for employee in ("staff_01", "staff_02"):
        act("add_friend", customer=wm(3), employee=employee)
    shop.fine("wecom", "contacts", "pull")
    assert "2 employees" in shop.fine("wecom", "tags", "mark", wm(3), "老客").out
    assert "2 employees" in shop.fine("wecom", "tags", "mark", wm(3), "老客", "--remove").out
    assert "展会" in shop("wecom", "tags", "mark", wm(3), "没有").err
    assert shop("wecom", "tags", "mark", "13800000001", "老客").code == 1
    assert {row["tag"] for row in shop.fine("wecom", "tags", "list", "--json").json["tags"]} == {"老客", "展会"}


def test_who_joined_and_left_a_group_has_the_events(shop: Any, act: Act) -> None:
    act("group", chat="wrA", customers=[wm(4), wm(5)], name="会员群")
    (row,) = shop.fine("wecom", "groups", "list", "--json").json["groups"]
    assert (row["id"], row["name"], row["owner"], row["customers"]) == ("wrA", "会员群", "staff_01", 2)
    assert "1 group read, no changes" in shop.fine("wecom", "groups", "pull").out
    act("leave", chat="wrA", customer=wm(4))
    act("join", chat="wrA", customer=wm(6))
    assert "2 changes" in shop.fine("wecom", "groups", "pull").out
    assert "no changes" in shop.fine("wecom", "groups", "pull").out
    for number, event in ((4, "group.left"), (6, "group.joined")):
        happened = shop.fine("customers", "show", wm(number), "--json").json["events"]
        assert [one["event"] for one in happened] == [event]


def test_groups_are_asked_for_by_their_owners_and_nothing_counts_before_they_confirm(shop: Any, act: Act) -> None:
    act("group", chat="wrA", employee="staff_01")
    act("group", chat="wrB", employee="staff_02")
    words = ("wecom", "mass-group", "--chat-id", "wrA", "--employee", "staff_02", "--text", "今晚八点会员日")
    rows = shop.fine(*words, "--yes", "--json").json["tasks"]
    assert [(row["state"], row["sent"], row["open"]) for row in rows] == [("awaiting_employee", 0, 1)] * 2
    task = rows[0]["task"]
    act("confirm", task=task)
    (row,) = shop.fine("wecom", "task", "show", f"{task}|wrA", "--json").json["tasks"]
    assert (row["state"], row["sent"], row["open"]) == ("sent", 1, 0)
    other = rows[1]["task"]
    assert "2 more today" in shop.fine("wecom", "remind", other).out
    shop.fine("wecom", "remind", other)
    shop.fine("wecom", "remind", other)
    assert "3 times in 24 hours" in shop("wecom", "remind", other).err
    shop.fine("wecom", "task", "stop", other)
    assert shop.fine("wecom", "task", "show", other, "--json").json["tasks"][0]["state"] == "expired"
    told = [row["what"] for row in shop.fine("audit", "list", "--json").json["audit"]]
    assert told.count("wecom group task made") == 2


def test_groups_are_chosen_by_their_owner_and_the_tags_of_their_members(shop: Any, act: Act) -> None:
    act("add_friend", customer=wm(1), tags=["et01"])
    act("add_friend", customer=wm(2), tags=["et02"])
    act("group", chat="wrA", employee="staff_01", customers=[wm(1)])
    act("group", chat="wrB", employee="staff_02", customers=[wm(1), wm(2)])
    act("group", chat="wrC", employee="staff_02", customers=[wm(2)])
    shop.fine("wecom", "contacts", "pull")
    words = ("wecom", "mass-group", "--text", "会员日", "--yes", "--json")
    assert len(shop.fine(*words, "--tag", "老客").json["tasks"]) == 2
    (row,) = shop.fine(*words, "--tag", "老客", "--owner", "staff_02").json["tasks"]
    assert row["open"] == 1
    assert len(shop.fine(*words, "--group", "wrC", "--tag", "展会").json["tasks"]) == 1
    assert shop(*words, "--group", "wrC", "--tag", "老客").code == 1
    assert "no customer has the tag" in shop(*words, "--tag", "没有的").err


def test_a_group_that_had_as_many_as_allowed_is_left_out(shop: Any, act: Act) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text.replace("wecom_main: {", "wecom_main: {mass_limit: day, "))
    act("group", chat="wrA")
    act("group", chat="wrB")
    words = ("wecom", "mass-group", "--text", "会员日", "--yes", "--json")
    shop.fine(*words, "--group", "wrA")
    again = shop(*words, "--owner", "staff_01")
    assert (again.code, "wrA" in again.err, again.json["tasks"][0]["open"]) == (0, True, 1)
    assert shop(*words, "--group", "wrA").code == 1


def test_what_wecom_allows_is_told_with_the_day_it_was_read(shop: Any, act: Act) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text.replace("wecom_main: {", "wecom_main: {mass_limit: week, accounts: 50, "))
    rows = {row["name"]: row for row in shop.fine("channels", "quota", "wecom_main", "--json").json["quotas"]}
    assert (rows["app_message"]["limit"], rows["app_message"]["left"]) == (10_000, 10_000)
    row = rows["customer_message, one recipient per 7d"]
    assert (row["whose"], row["limit"], row["as_of"]) == ("WC-01", 7, "2026-11-22")


def test_a_task_for_groups_is_not_made_by_mistake(shop: Any, act: Act) -> None:
    act("group", chat="wrA")
    words = ("wecom", "mass-group", "--chat-id", "wrA", "--text")
    shop.answers = "n\n"
    assert shop(*words, "今晚八点").code == 2
    assert shop(*words, "长" * 1334, "--yes").code == 2
    assert shop("wecom", "mass-group", "--text", "x", "--yes").code == 2
    shop.fine("stop-all")
    assert "resume-all" in shop(*words, "今晚八点", "--yes").err
    assert act("show")["tasks"] == {}


def test_a_shop_without_the_account_or_with_another_name_is_told(shop: Any, act: Act) -> None:
    assert "wecom_main" in shop("wecom", "groups", "list", "--channel", "sms_main").err
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    shop.write("config.yaml", text.replace("wecom_main: {kind: wecom", "wecom_main: {kind: dingtalk_robot"))
    assert "kind: wecom" in shop("wecom", "groups", "list").err


@pytest.mark.parametrize(
    ("errcode", "code", "said"),
    [
        (0, 3, ("whether staff_01 was asked is open", "not asked: staff_02")),  # taken, and no task was named
        (48002, 1, ("not asked: staff_01, staff_02",)),
    ],
)
def test_asking_owners_that_ends_half_way_says_who_was_asked(
    shop: Any, act: Act, errcode: int, code: int, said: tuple[str, ...]
) -> None:
    act("group", chat="wrA", employee="staff_01")
    act("group", chat="wrB", employee="staff_02")
    act("refuse", path="externalcontact/add_msg_template", errcode=errcode)
    ended = shop("wecom", "mass-group", "--chat-id", "wrA", "--chat-id", "wrB", "--text", "今晚", "--yes")
    assert ended.code == code
    assert all(words in ended.err for words in said)
