"""What WeCom knows of our customers: friends of employees, tags, and the QR codes by which they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.kernel import errors
from automation.kernel.ports import Json
from bots.wecom import limits
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
        return [str(one) for one in answer.get("follow_user") or []]

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
        return ContactWay(_text(answer, "config_id"), state, _text(answer, "qr_code"), tuple(employees))

    def contact_ways(self) -> list[ContactWay]:
        """All that were made by the interface; the admin console's own are not told."""
        path = "externalcontact/list_contact_way"
        rows = self._api.pages(Key.CUSTOMERS, path, {"limit": limits.TASKS_PAGE}, "contact_way")
        return [self._contact_way(_text(row, "config_id")) for row in list(rows)]

    def delete_contact_way(self, config_id: str) -> None:
        self._api.post(Key.CUSTOMERS, "externalcontact/del_contact_way", {"config_id": config_id})

    def advisers(self, customer: str) -> list[str]:
        """The employees whose friend a customer is."""
        answer = self._api.get(Key.CUSTOMERS, "externalcontact/get", external_userid=customer)
        return [_text(one, "userid") for one in _rows(answer, "follow_user")]

    def tags(self) -> list[Tag]:
        answer = self._api.post(Key.CUSTOMERS, "externalcontact/get_corp_tag_list", {})
        return [
            Tag(_text(tag, "id"), _text(tag, "name"), _text(group, "group_name"))
            for group in _rows(answer, "tag_group")
            for tag in _rows(group, "tag")
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
        found = answer.get("contact_way") or {}
        users = tuple(str(one) for one in found.get("user") or [])
        return ContactWay(config_id, _text(found, "state"), _text(found, "qr_code"), users)


def _customer(row: Mapping[str, Any]) -> Customer | None:
    contact, follow = row.get("external_contact"), row.get("follow_info")
    if not isinstance(contact, Mapping) or not isinstance(follow, Mapping) or not _text(contact, "external_userid"):
        return None
    since = follow.get("createtime")
    return Customer(
        _text(contact, "external_userid"),
        _text(contact, "name"),
        _text(contact, "unionid"),
        _text(follow, "userid"),
        _text(follow, "state"),
        since if type(since) is int else 0,
        tuple(str(one) for one in follow.get("tag_id") or []),
    )


def _rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [row for row in answer.get(name) or [] if isinstance(row, Mapping)]


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
