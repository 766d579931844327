"""Reports that have to be fetched: whom is asked about what, and that one bad channel stops only itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee
import pytest

from automation.inbound import pulling
from automation.inbound.pulling import Pulling
from automation.kernel import errors
from automation.kernel.hooks import Happening, Receipt
from automation.kernel.ports import Accepted, Unknown
from tests.inbound.desk import NOON, Desk, Making, phone


class Puller:
    every = 60

    def __init__(self, *said: Happening | Exception) -> None:
        self.said, self.asked = list(said), list[list[str]]()

    def pull(self, open_ids: Sequence[str], now: int) -> Sequence[Happening]:
        self.asked.append(list(open_ids))
        for one in self.said:
            if isinstance(one, Exception):
                raise one
        return [one for one in self.said if not isinstance(one, Exception)]


def made(desk: Desk, puller: Puller, name: str = "sms_main") -> Pulling:
    channel: Any = desk.channels[name]
    channel.every, channel.pull = puller.every, puller.pull
    return Pulling(desk.parts, desk.channels, desk.inbox)


def sent(desk: Desk, people: int = 1) -> list[str]:
    """Keys of text messages that were taken, their ids `id-KEY`."""
    desk.send_one(NOON, "{send: hello, via: [sms], expires: 3d}", people)
    for _ in range(people):
        desk.deliver(desk.noon)
    return [message.idem_key for message in desk.sms.sent]


def test_only_channels_that_say_how_often_are_asked(desk: Desk) -> None:
    assert Pulling(desk.parts, desk.channels, desk.inbox).every == {}
    assert made(desk, Puller()).every == {"sms_main": 60}


def test_open_messages_are_asked_about_and_reports_recorded(desk: Desk, make: Making) -> None:
    (key,) = sent(desk)
    puller = Puller(Receipt(f"id-{key}", "delivered", desk.noon + 5), make.said("TD", who=phone(), opens=None))
    pulls = made(desk, puller)
    assert pulls.pull("sms_main", desk.noon + 60) == 2
    assert desk.store.value("SELECT delivered_at FROM message") == desk.noon + 5
    assert desk.suppressed() == [("phone", "opted_out")]
    pulls.pull("sms_main", desk.noon + 120)
    assert puller.asked == [[f"id-{key}"], []]


def test_what_failed_is_not_asked_about_again(desk: Desk) -> None:
    (key,) = sent(desk)
    pulls = made(desk, puller := Puller(Receipt(f"id-{key}", "failed", desk.noon + 5, "DB:0141")))
    pulls.pull("sms_main", desk.noon + 60)
    pulls.pull("sms_main", desk.noon + 120)
    assert puller.asked[1] == []


def test_an_unclear_answer_is_asked_about_by_our_own_key(desk: Desk) -> None:
    desk.sms.answer = lambda _: Unknown("timeout")
    (key,) = sent(desk)
    pulls = made(desk, puller := Puller(Receipt(key, "delivered", desk.noon + 5)))
    pulls.pull("sms_main", desk.noon + 60)
    assert puller.asked == [[key]]
    assert desk.state() == "SENT"


def test_an_answer_without_an_id_leaves_nothing_to_ask(desk: Desk) -> None:
    desk.sms.answer = lambda _: Accepted()
    sent(desk)
    made(desk, puller := Puller()).pull("sms_main", desk.noon + 60)
    assert puller.asked == [[]]


def test_after_three_days_nobody_asks(desk: Desk) -> None:
    sent(desk)
    pulls = made(desk, puller := Puller())
    pulls.pull("sms_main", desk.noon + pulling.DAYS)
    pulls.pull("sms_main", desk.noon + pulling.DAYS + 1)
    assert [len(ids) for ids in puller.asked] == [1, 0]


def test_all_are_asked_about_in_turn_however_many(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "MOST", 2)
    keys = sent(desk, 5)
    pulls = made(desk, puller := Puller())
    for _ in range(4):
        pulls.pull("sms_main", desk.noon + 60)
    assert [len(ids) for ids in puller.asked] == [2, 2, 1, 2]
    assert {number for ids in puller.asked for number in ids} == {f"id-{key}" for key in keys}


def test_a_provider_that_is_away_is_asked_again_later(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    pulls = made(desk, Puller(errors.ServiceAway("https://sms.example.com: no answer")))
    assert pulls.pull("sms_main", desk.noon) == 0
    assert "could not be asked" in caplog.text


def test_many_happenings_are_recorded_in_slices(desk: Desk, make: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "TOGETHER", 3)
    pulls = made(desk, Puller(*(make.said("hallo", who=phone(n), opens=None) for n in range(8))))
    assert pulls.pull("sms_main", desk.noon) == 8
    assert desk.count("person") == desk.count("inbound") == 8


def test_one_thing_that_cannot_be_stored_costs_none_of_the_others(desk: Desk, make: Making) -> None:
    keys = sent(desk, 3)
    said = [Receipt(f"id-{key}", "delivered", desk.noon + 5) for key in keys]
    said[1] = Receipt("\ud800", "delivered", desk.noon + 5)
    made(desk, Puller(*said)).pull("sms_main", desk.noon + 60)
    assert desk.store.value("SELECT count(*) FROM message WHERE delivered_at IS NOT NULL") == 2


def test_what_the_database_could_not_take_is_recorded_at_the_next_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = sent(desk)
    puller = Puller(Receipt(f"id-{key}", "delivered", desk.noon + 5))
    pulls = made(desk, puller)
    with monkeypatch.context() as away:
        away.setattr(desk.inbox, "record", _locked)
        with pytest.raises(peewee.OperationalError):
            pulls.pull("sms_main", desk.noon + 60)
    puller.said = []
    pulls.pull("sms_main", desk.noon + 120)
    assert desk.store.value("SELECT delivered_at FROM message") == desk.noon + 5


def _locked(*_: object) -> None:
    raise peewee.OperationalError("database is locked")
