"""What WeCom knows of our customers: friends of employees, tags, and the QR codes by which they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.kernel import errors
from automation.kernel.ports import Json
from bots.wecom import answers, limits
from bots.wecom.api import Api, Key
from bots.wecom.options import WecomOptions


@dataclass(frozen=True, slots=True)
class Customer:
    """A friend of an employee. `state`: of the contact way they came by; `since`: UTC seconds."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    unionid: str = field(repr=False)
    employee: str
    state: str
    since: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactWay:
    """A QR code that leads to employees. `state` comes back with everyone who used it."""

    id: str
    state: str
    qr_code: str
    employees: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the company (企业标签)."""

    id: str
    name: str
    group: str


class Directory:
    """Reads and writes one account's directory. All raise Refusal or ServiceAway."""

    def __init__(self, options: WecomOptions, api: Api) -> None:
        self._options, self._api = options, api

    def employees(self) -> list[str]:
        """Those of the options; without any, all who may have customers."""
        if self._options.employees:
            return list(self._options.employees)
        answer = self._api.get(Key.CUSTOMERS, "externalcontact/get_follow_user_list")
        return answers.words(answer, "follow_user")

    def customers(self) -> Iterator[Customer]:
        """Every friendship of every employee, a hundred a request; one customer may come with several employees."""
        asked = self.employees()
        for start in range(0, len(asked), 100):
            few: Json = list(asked[start : start + 100])
            payload: dict[str, Json] = {"userid_list": few, "limit": limits.CUSTOMERS_PAGE}
            path = "externalcontact/batch/get_by_user"
            for row in self._api.pages(Key.CUSTOMERS, path, payload, "external_contact_list"):
                customer = _customer(row)
                if customer is not None:
                    yield customer

    def make_contact_way(self, state: str, employees: Sequence[str], skip_verify: bool = True) -> ContactWay:
        """A QR code (92228) for one employee or for several, who take turns. `state`: at most 30 characters."""
        if not state or len(state) > limits.STATE_LETTERS:
            raise errors.Refused("the name of a contact way has 1 to 30 characters")
        if not employees or len(employees) > limits.CONTACT_EMPLOYEES:
            raise errors.Refused("a contact way leads to 1 to 100 employees")
        payload: dict[str, Json] = {
            "type": 1 if len(employees) == 1 else 2,
            "scene": 2,
            "state": state,
            "user": list(employees),
            "skip_verify": skip_verify,
        }
        answer = self._api.post(Key.CUSTOMERS, "externalcontact/add_contact_way", payload)
        return ContactWay(answers.text(answer, "config_id"), state, answers.text(answer, "qr_code"), tuple(employees))

    def contact_ways(self) -> list[ContactWay]:
        """All that were made by the interface; the admin console's own are not told."""
        path = "externalcontact/list_contact_way"
        rows = self._api.pages(Key.CUSTOMERS, path, {"limit": limits.TASKS_PAGE}, "contact_way")
        return [self._contact_way(answers.text(row, "config_id")) for row in list(rows)]

    def delete_contact_way(self, config_id: str) -> None:
        self._api.post(Key.CUSTOMERS, "externalcontact/del_contact_way", {"config_id": config_id})

    def advisers(self, customer: str) -> list[str]:
        """The employees whose friend a customer is."""
        answer = self._api.get(Key.CUSTOMERS, "externalcontact/get", external_userid=customer)
        return [answers.text(one, "userid") for one in answers.rows(answer, "follow_user")]

    def tags(self) -> list[Tag]:
        answer = self._api.post(Key.CUSTOMERS, "externalcontact/get_corp_tag_list", {})
        return [
            Tag(answers.text(tag, "id"), answers.text(tag, "name"), answers.text(group, "group_name"))
            for group in answers.rows(answer, "tag_group")
            for tag in answers.rows(group, "tag")
            if not tag.get("deleted")
        ]

    def mark(self, employee: str, customer: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Puts ids of tags on a friendship, or takes them off. Changes made here raise no callback."""
        payload: dict[str, Json] = {"userid": employee, "external_userid": customer}
        if add:
            payload["add_tag"] = list(add)
        if remove:
            payload["remove_tag"] = list(remove)
        self._api.post(Key.CUSTOMERS, "externalcontact/mark_tag", payload)

    def _contact_way(self, config_id: str) -> ContactWay:
        answer = self._api.post(Key.CUSTOMERS, "externalcontact/get_contact_way", {"config_id": config_id})
        found = answers.inner(answer, "contact_way")
        users = tuple(answers.words(found, "user"))
        return ContactWay(config_id, answers.text(found, "state"), answers.text(found, "qr_code"), users)


def _customer(row: Mapping[str, Any]) -> Customer | None:
    contact, follow = answers.inner(row, "external_contact"), answers.inner(row, "follow_info")
    number = answers.text(contact, "external_userid")
    if not number or not follow:
        return None
    return Customer(
        number,
        answers.text(contact, "name"),
        answers.text(contact, "unionid"),
        answers.text(follow, "userid"),
        answers.text(follow, "state"),
        answers.number(follow, "createtime"),
        tuple(answers.words(follow, "tag_id")),
    )
