"""Pulled friends: the field for the employee is as WeCom has it after all pages, whoever stood on which page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from automation.inbound.friends import Friend, Pull
from automation.people import registry
from automation.store.database import Store
from tests.inbound.desk import WECOM, Desk


def customer(number: int) -> str:
    return f"wm{number:030d}"


def friend(number: int, employee: str, since: int, unionid: str | None = None) -> Friend:
    return Friend(customer(number), unionid, since, {"employee": employee, "state": "门店A"})


class Pulls:
    """Whole pulls of these pages; a list alone is one page."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def all_of(self, *pages: Sequence[Friend]) -> None:
        self.pages(*pages).follow(self.desk.noon)

    def pages(self, *pages: Sequence[Friend]) -> Pull:
        desk = self.desk
        known = registry.opened(desk.store, desk.vault, desk.parts.project.catalog)
        pulled = Pull(known, desk.parts.computed, WECOM, {"employee": "city", "state": "size"}, {})
        for page in pages:
            with desk.store.write() as tx:
                pulled.take(tx, page, None, desk.noon)
        return pulled

    def of(self, number: int) -> tuple[str | None, str | None]:
        person = self.desk.person_of("wecom_id", customer(number), WECOM)
        dialect = self.desk.store.dialect
        values = ", ".join(dialect.json_text("attrs", [name]) for name in ("city", "size"))
        ((employee, state),) = self.desk.store.rows(f"SELECT {values} FROM person WHERE id = :id", id=person)
        return employee, state


@pytest.fixture
def pulls(store: Store, desk: Desk) -> Pulls:
    desk.files["catalog"] = desk.files["catalog"].replace("city: text", "city: text\n  size: text")
    desk.open("2026-03-02 12:00")
    return Pulls(desk)


def test_of_friendships_on_several_pages_the_oldest_tells(pulls: Pulls) -> None:
    pulls.all_of([friend(1, "new", 200), friend(2, "new", 100)], [friend(1, "old", 100), friend(2, "old", 200)])
    assert (pulls.of(1), pulls.of(2)) == (("old", "门店A"), ("new", "门店A"))


def test_a_friendship_that_passed_to_another_is_followed_and_all_else_stays(pulls: Pulls) -> None:
    pulls.all_of([friend(1, "first", 100), friend(1, "second", 200)])
    assert pulls.of(1) == ("first", "门店A")
    pulls.all_of([Friend(customer(1), None, 200, {"employee": "second", "state": "展会"})])
    assert pulls.of(1) == ("second", "门店A")
    pulls.all_of([])
    assert pulls.of(1) == ("second", "门店A")


def test_a_pull_that_saw_some_pages_only_fills_what_is_empty(pulls: Pulls) -> None:
    pulls.all_of([friend(1, "old", 100)], [friend(1, "new", 200)])
    pulls.pages([friend(1, "new", 200), friend(2, "new", 200)])
    assert (pulls.of(1)[0], pulls.of(2)[0]) == ("old", "new")


def test_of_more_people_than_a_transaction_each_is_followed_and_nobody_is_touched_who_stays(pulls: Pulls) -> None:
    pulls.all_of([friend(number, "first", 100) for number in range(700)])
    pulls.desk.put("UPDATE person SET changed_at = 1")
    pulls.all_of([friend(number, "second" if number in (3, 699) else "first", 100) for number in range(700)])
    assert {pulls.of(number)[0] for number in (3, 699)} == {"second"}
    assert pulls.of(4)[0] == "first"
    assert pulls.desk.store.value("SELECT count(*) FROM person WHERE changed_at > 1") == 2


@pytest.mark.parametrize("employee", ["", " ", "x" * 3000])
def test_an_employee_that_cannot_be_stored_changes_nothing(pulls: Pulls, employee: str) -> None:
    pulls.all_of([friend(1, "first", 100)])
    pulls.all_of([friend(1, employee, 100)])
    assert pulls.of(1)[0] == "first"
