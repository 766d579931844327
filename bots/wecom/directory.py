"""What WeCom knows of our customers: friends of employees, tags, and the QR codes by which they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from automation.kernel import errors
from automation.kernel.ports import Json
from bots.wecom import answers, limits
from bots.wecom.api import Api, Key
from bots.wecom.options import WecomOptions

EMPLOYEES_AT_ONCE: Final = 100  # of externalcontact/batch/get_by_user
ADD_WAYS: Final[Mapping[int, str]] = {
    1: "扫描二维码", 2: "搜索手机号", 3: "名片分享", 4: "群聊", 5: "手机通讯录", 6: "微信联系人",
    8: "安装第三方应用时自动添加的客服人员", 9: "搜索邮箱", 10: "视频号添加", 11: "通过日程参与人添加",
    12: "通过会议参与人添加", 13: "添加微信好友对应的企业微信", 14: "通过智慧硬件专属客服添加",
    15: "通过上门服务客服添加", 16: "通过获客链接添加", 17: "通过定制开发添加", 18: "通过需求回复添加",
    21: "通过第三方售前客服添加", 22: "通过可能的商务伙伴添加", 24: "通过接受微信账号收到的好友申请添加",
    201: "内部成员共享", 202: "管理员或负责人分配",
}  # fmt: skip
"""`add_way` in WeCom's own words (92114); 0 is an unknown way."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A friend of an employee. `remark`: what the employee calls them; `add_way`: how they became friends, in words;
    `state`: of the contact way they came by; `since`: UTC seconds; `tags`: ids of the company's tags."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    unionid: str = field(repr=False)
    employee: str
    state: str
    since: int
    tags: tuple[str, ...]
    remark: str = field(default="", repr=False)
    add_way: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some friends, and what `pages` has to be given to go on behind them; None behind the last."""

    customers: tuple[Customer, ...]
    after: str | None


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

    def pages(self, after: str = "") -> Iterator[Page]:
        """Every friendship of every employee, a hundred a request; one customer may come with several employees.

        `after`: of the page last seen, to go on there. Employees who are new since come behind all others.
        """
        asked = self.employees()
        first, _, cursor = after.partition(" ")
        for start in range(int(first or 0), len(asked), EMPLOYEES_AT_ONCE):
            few: Json = list(asked[start : start + EMPLOYEES_AT_ONCE])
            seen, ended = {"", cursor}, False
            while not ended:
                payload: dict[str, Json] = {"userid_list": few, "limit": limits.CUSTOMERS_PAGE}
                path = "externalcontact/batch/get_by_user"
                answer = self._api.post(Key.CUSTOMERS, path, payload | ({"cursor": cursor} if cursor else {}))
                rows = answers.rows(answer, "external_contact_list")
                following = answers.text(answer, "next_cursor")
                ended = following in seen
                cursor = "" if ended else following
                seen.add(cursor)
                there = f"{start} {cursor}" if cursor else f"{start + EMPLOYEES_AT_ONCE}"
                last = ended and start + EMPLOYEES_AT_ONCE >= len(asked)
                yield Page(tuple(one for row in rows if (one := _customer(row))), None if last else there)

    def customers(self) -> Iterator[Customer]:
        for page in self.pages():
            yield from page.customers

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
        answers.text(follow, "remark"),
        ADD_WAYS.get(answers.number(follow, "add_way"), ""),
    )
