"""The WeCom account that a command means, as this floor sees it: what its channel offers beside sending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from automation.kernel.hooks import Did

from . import accounts
from .session import Session


class Friend(Protocol):
    """A customer as one employee knows them."""

    @property
    def id(self) -> str: ...
    @property
    def unionid(self) -> str: ...


class Way(Protocol):
    """A QR code that leads to employees."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def qr_code(self) -> str: ...
    @property
    def employees(self) -> Sequence[str]: ...


class Tag(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...


class Chat(Protocol):
    """A customer group."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def since(self) -> int: ...
    @property
    def members(self) -> Sequence[Any]: ...


class Result(Protocol):
    @property
    def employee(self) -> str: ...
    @property
    def status(self) -> int: ...


class Task(Protocol):
    """What employees were asked to send."""

    @property
    def state(self) -> str: ...
    @property
    def employees(self) -> int: ...
    @property
    def confirmed(self) -> int: ...
    @property
    def results(self) -> Sequence[Result]: ...


class Directory(Protocol):
    def customers(self) -> Iterable[Friend]: ...
    def advisers(self, customer: str) -> list[str]: ...
    def make_contact_way(self, state: str, employees: Sequence[str], skip_verify: bool = True) -> Way: ...
    def contact_ways(self) -> Sequence[Way]: ...
    def delete_contact_way(self, config_id: str) -> None: ...
    def tags(self) -> Sequence[Tag]: ...
    def mark(self, employee: str, customer: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None: ...


class Groups(Protocol):
    def ids(self, owners: Sequence[str] = ()) -> Iterator[str]: ...
    def read(self, chat: str) -> Chat: ...
    def changes(self, chat: str, now: int, told: bool = False) -> list[Did]: ...
    def recorded(self, chat: str) -> None: ...


class Tasks(Protocol):
    def to_groups(self, groups: Sequence[str], sender: str, members: Mapping[str, Any], now: int) -> list[str]: ...
    def look(self, task: str) -> Task: ...
    def remind(self, task: str, now: int) -> int: ...
    def stop(self, task: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Account:
    """`name`: of its channel."""

    name: str
    directory: Directory
    groups: Groups
    tasks: Tasks


def chosen(session: Session, name: str | None) -> Account:
    """The account that is meant, by its channel's name."""
    meant, channel = accounts.chosen(session, name, "wecom", "WeCom account")
    return Account(meant, channel.directory, channel.groups, channel.tasks)
