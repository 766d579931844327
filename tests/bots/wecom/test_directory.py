"""Customers, tags, contact ways and groups of the pretend company, over real HTTP."""

from __future__ import annotations

import pytest

from automation.kernel import clock, errors
from automation.kernel.hooks import Did
from bots.wecom.channel import WecomChannel
from bots.wecom.directory import Tag
from tests.bots.wecom.conftest import Company, customer

NOW = clock.SystemClock().now()


def names(happened: list[Did]) -> list[tuple[str, str]]:
    return [(one.event, one.who.value) for one in happened]


def test_customers_come_with_their_adviser_their_state_and_their_unionid(
    channel: WecomChannel, company: Company
) -> None:
    one, other = customer(), customer()
    company.act("add_friend", customer=one, employee="staff_01", state="门店A", name="王芳", unionid="uA")
    company.act("add_friend", customer=other, employee="staff_02")
    found = {found.id: found for found in channel.directory.customers()}
    assert set(found) == {one, other}
    assert (found[one].employee, found[one].state, found[one].unionid) == ("staff_01", "门店A", "uA")
    assert "王芳" not in repr(found[one])
    assert one not in repr(found[one])
    narrow = company.channel(employees=["staff_02"])
    assert [found.id for found in narrow.directory.customers()] == [other]
    narrow.close()


def test_more_customers_than_a_page_holds_are_all_read(channel: WecomChannel, company: Company) -> None:
    ids = [customer() for _ in range(130)]
    for one in ids:
        company.act("add_friend", customer=one, callback=False)
    assert sorted(found.id for found in channel.directory.customers()) == ids


def test_a_contact_way_is_made_listed_and_deleted(channel: WecomChannel) -> None:
    made = channel.directory.make_contact_way("门店A", ["staff_01", "staff_02"])
    assert made.qr_code.startswith("https://")
    assert channel.directory.contact_ways() == [made]
    channel.directory.delete_contact_way(made.id)
    assert channel.directory.contact_ways() == []
    with pytest.raises(errors.Refused, match="errcode 60111"):
        channel.directory.make_contact_way("门店B", ["staff_99"])
    for state, employees in (("", ["staff_01"]), ("一" * 31, ["staff_01"]), ("门店", [])):
        with pytest.raises(errors.Refused, match="contact way"):
            channel.directory.make_contact_way(state, employees)


def test_company_tags_are_listed_and_put_on_a_friendship(channel: WecomChannel, company: Company) -> None:
    one = customer()
    company.act("add_friend", customer=one)
    assert Tag("et01", "老客", "来源") in channel.directory.tags()
    channel.directory.mark("staff_01", one, add=["et01", "et02"])
    channel.directory.mark("staff_01", one, remove=["et02"])
    assert [found.tags for found in channel.directory.customers()] == [("et01",)]
    with pytest.raises(errors.Refused, match="84061"):
        channel.directory.mark("staff_02", one, add=["et01"])


def test_groups_are_listed_by_owner_and_read_without_employees(channel: WecomChannel, company: Company) -> None:
    one = customer()
    company.act("group", chat="wr1", employee="staff_01", customers=[one], name="会员群")
    company.act("group", chat="wr2", employee="staff_02")
    assert list(channel.groups.ids()) == ["wr1", "wr2"]
    assert list(channel.groups.ids(["staff_02"])) == ["wr2"]
    group = channel.groups.read("wr1")
    assert (group.name, group.owner, group.size) == ("会员群", "staff_01", 2)
    assert [member.id for member in group.members] == [one]
    with pytest.raises(errors.Refused, match="40058"):
        channel.groups.read("wr-nobody")


def test_who_came_and_went_is_the_difference_of_two_readings(channel: WecomChannel, company: Company) -> None:
    stays, leaves, comes = customer(), customer(), customer()
    company.act("group", chat="wr1", customers=[stays, leaves])
    assert channel.groups.changes("wr1", NOW) == []  # the first reading is where counting begins
    channel.groups.recorded("wr1")
    company.act("leave", chat="wr1", customer=leaves)
    company.act("join", chat="wr1", customer=comes, state="海报")
    happened = channel.groups.changes("wr1", NOW)
    assert names(happened) == [("group.joined", comes), ("group.left", leaves)]
    assert happened[0].props == {"group": "wr1", "employee": "staff_01", "scene": "海报"}
    # Whoever was killed before it was recorded is told the same again, under the same keys.
    again = channel.groups.changes("wr1", NOW + 5)
    assert [one.dedupe for one in again] == [one.dedupe for one in happened]
    channel.groups.recorded("wr1")
    assert channel.groups.changes("wr1", NOW) == []


def test_the_list_of_members_is_shared_by_processes(channel: WecomChannel, company: Company) -> None:
    one = customer()
    company.act("group", chat="wr1", customers=[one])
    channel.groups.changes("wr1", NOW)
    channel.groups.recorded("wr1")
    company.act("leave", chat="wr1", customer=one)
    other = company.channel()
    assert names(other.groups.changes("wr1", NOW)) == [("group.left", one)]
    other.groups.recorded("wr1")
    assert channel.groups.changes("wr1", NOW) == []
    other.close()
