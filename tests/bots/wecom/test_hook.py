"""WeCom's callbacks, genuine and forged, as the pretend company signs and encrypts them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from automation.kernel import clock
from automation.kernel.hooks import Did, Forgery, Happening, Request, Unreadable, Who
from bots import callback_crypto as crypto
from bots.sandbox.platforms.wecom_callback import AES_KEY, TOKEN, People
from bots.sandbox.platforms.wecom_company import CORPID, Company
from bots.wecom.hook import WecomHook
from bots.wecom.options import WecomOptions
from tests.bots.memory import MemoryCache
from tests.bots.wecom.conftest import Company as Server
from tests.bots.wecom.conftest import customer

NOW = 1_795_330_800
OTHER_KEY = "otherotherotherotherotherotherotherotherot0"


@pytest.fixture
def people() -> People:
    return People(Company(), clock.FixedClock(NOW))


def hook_for(url: str = "http://127.0.0.1:9", cache: MemoryCache | None = None, **options: Any) -> WecomHook:
    return WecomHook("wecom_main", WecomOptions.model_validate({"sandbox": url, **options}), cache or MemoryCache())


@pytest.fixture
def hook() -> WecomHook:
    return hook_for()


def request(people: People, members: Mapping[str, Any]) -> Request:
    body, query = people.sealed(members)
    return Request("POST", query, {}, body)


def taken(hook: WecomHook, sent: Request, now: int = NOW) -> list[Happening]:
    hook.verify(sent, now)
    happened = list(hook.parse(sent, now))
    answer = hook.answer(sent, None)
    assert (answer.status, answer.body) == (200, b"")
    return happened


def friend(change: str, **more: str) -> dict[str, Any]:
    head = {"Event": "change_external_contact", "ChangeType": change}
    return {**head, "UserID": "staff_01", "ExternalUserID": "wmCUSTOMER", **more}


def test_a_new_friend_can_be_written_to_and_brings_a_welcome_code(hook: WecomHook, people: People) -> None:
    sent = request(people, friend("add_external_contact", State="门店A", WelcomeCode="CODE"))
    (did,) = taken(hook, sent)
    assert did == Did(
        Who("wecom_id", "wmCUSTOMER"),
        "wecom.friend_added",
        NOW,
        f"sys {NOW} change_external_contact add_external_contact staff_01 wmCUSTOMER",
        {"employee": "staff_01", "scene": "门店A"},
        returns=True,
        welcome="CODE",
    )
    assert "CODE" not in repr(did)
    assert "wmCUSTOMER" not in repr(did.who)


@pytest.mark.parametrize("change", ["del_external_contact", "del_follow_user"])
def test_a_friend_who_is_gone_can_no_longer_be_written_to(hook: WecomHook, people: People, change: str) -> None:
    (did,) = taken(hook, request(people, friend(change)))
    assert isinstance(did, Did)
    assert (did.event, did.leaves, did.returns) == ("wecom.friend_removed", True, False)


def test_a_friend_not_yet_accepted_may_be_greeted_and_is_no_friend(hook: WecomHook, people: People) -> None:
    (did,) = taken(hook, request(people, friend("add_half_external_contact", WelcomeCode="CODE")))
    assert isinstance(did, Did)
    assert (did.event, did.welcome, did.returns) == ("wecom.other", "CODE", False)
    assert did.props == {"event": "add_half_external_contact"}


def test_two_advisers_added_in_one_second_are_two_things(hook: WecomHook, people: People) -> None:
    first = taken(hook, request(people, friend("add_external_contact")))
    second = taken(hook, request(people, friend("add_external_contact", UserID="staff_02")))
    keys = {one.dedupe for one in (*first, *second) if isinstance(one, Did)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "members",
    [
        friend("edit_external_contact"),
        {"Event": "change_external_contact", "ChangeType": "add_external_contact"},
        {"Event": "change_external_tag", "ChangeType": "create", "Id": "et1", "TagType": "tag"},
        {"Event": "change_external_chat", "ChangeType": "update", "ChatId": "wr1", "UpdateDetail": "change_name"},
        {"Event": "change_external_chat", "ChangeType": "update"},
        {"Event": "enter_agent"},
        {"InfoType": "suite_ticket", "SuiteId": "s", "SuiteTicket": "t"},
        {"InfoType": "change_external_contact", "ChangeType": "add_external_contact"},
        {},
    ],
)
def test_what_concerns_no_customer_is_taken_and_says_nothing(
    hook: WecomHook, people: People, members: dict[str, Any]
) -> None:
    assert taken(hook, request(people, members)) == []


def test_an_unknown_change_of_a_friendship_is_kept(hook: WecomHook, people: People) -> None:
    (did,) = taken(hook, request(people, friend("transfer_fail", FailReason="customer_refused")))
    assert isinstance(did, Did)
    assert (did.event, did.props) == ("wecom.other", {"event": "transfer_fail"})


def test_the_trial_of_the_address_is_answered_with_what_is_inside(hook: WecomHook) -> None:
    sealed = crypto.Envelope(AES_KEY, CORPID).seal(b"616140317555161061")
    signed = crypto.sign(TOKEN, str(NOW), "n", sealed)
    query = {"msg_signature": signed, "timestamp": str(NOW), "nonce": "n", "echostr": sealed}
    sent = Request("GET", query, {}, b"")
    hook.verify(sent, NOW)
    assert hook.parse(sent, NOW) == ()
    assert hook.answer(sent, None).body == b"616140317555161061"


def forged(sent: Request, **query: str) -> Request:
    return replace(sent, query={**sent.query, **query})


def test_forged_stale_and_strange_requests_are_refused_before_anything_is_read(hook: WecomHook, people: People) -> None:
    good = request(people, friend("add_external_contact"))
    sealed = crypto.Envelope(AES_KEY, "ww-another-company").seal(b"<xml/>")
    other = {**good.query, "msg_signature": crypto.sign(TOKEN, good.query["timestamp"], good.query["nonce"], sealed)}
    wrong: dict[str, Request] = {
        "signature": forged(good, msg_signature="0" * 40),
        "timestamp": forged(good, timestamp="now"),
        "stale": forged(good, timestamp=str(NOW - 301)),
        "no_ciphertext": replace(good, body=b"<xml><Content>hi</Content></xml>"),
        "too_large": replace(good, body=b"<xml>" + b" " * 70_000),
        "method": replace(good, method="PUT"),
        "ciphertext": Request("POST", other, {}, f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode()),
    }
    for code, sent in wrong.items():
        with pytest.raises(Forgery) as caught:
            hook.verify(sent, NOW)
        assert caught.value.code == code
    for body in (b"", b"\xff\xfe", good.body + good.body, good.body.replace(b"<Encrypt>", b"<encrypt>")):
        with pytest.raises(Forgery):
            hook.verify(replace(good, body=body), NOW)
    assert len(taken(hook, good)) == 1


def test_every_bit_of_a_body_is_covered(hook: WecomHook, people: People) -> None:
    good = request(people, friend("add_external_contact"))
    start = good.body.index(b"<Encrypt>") + 18
    for place in range(start, start + 40, 7):
        changed = bytearray(good.body)
        changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
        with pytest.raises(Forgery):
            hook.verify(replace(good, body=bytes(changed)), NOW)


def test_a_repeat_at_once_is_let_through_and_a_late_one_is_a_replay(hook: WecomHook, people: People) -> None:
    sent = request(people, friend("add_external_contact"))
    first = taken(hook, sent)
    assert taken(hook, sent, NOW + 10) == first
    with pytest.raises(Forgery) as caught:
        hook.verify(sent, NOW + 60)
    assert caught.value.code == "replayed"


def test_bombs_inside_a_genuine_callback_are_unreadable_and_not_expanded(hook: WecomHook) -> None:
    bombs = (
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><Event>&a;</Event></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        b"<xml>" + b"<a>" * 50 + b"</a>" * 50 + b"</xml>",
        b"no xml at all",
        b"<xml>",
        b"",
    )
    for inner in bombs:
        sealed = crypto.Envelope(AES_KEY, CORPID).seal(inner)
        signed = crypto.sign(TOKEN, str(NOW), hashlib.sha256(inner).hexdigest(), sealed)
        query = {"msg_signature": signed, "timestamp": str(NOW), "nonce": hashlib.sha256(inner).hexdigest()}
        sent = Request("POST", query, {}, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode())
        hook.verify(sent, NOW)
        with pytest.raises(Unreadable) as caught:
            hook.parse(sent, NOW)
        assert "passwd" not in str(caught.value)


def test_an_old_pair_counts_while_a_new_one_is_put_in(people: People) -> None:
    both = hook_for(token="newtoken", aes_key=OTHER_KEY, old_token=TOKEN, old_aes_key=AES_KEY)
    assert len(taken(both, request(people, friend("add_external_contact")))) == 1
    new = hook_for(token="newtoken", aes_key=OTHER_KEY)
    with pytest.raises(Forgery):
        new.verify(request(people, friend("add_external_contact")), NOW)


def test_without_token_and_key_everything_is_a_forgery(people: People) -> None:
    real = WecomOptions.model_validate({"corpid": CORPID, "secret": "s", "agent_id": 1})
    with pytest.raises(Forgery):
        WecomHook("wecom_main", real, MemoryCache()).verify(request(people, friend("add_external_contact")), NOW)


def test_members_named_by_the_callback_need_no_reading(hook: WecomHook, people: People) -> None:
    one = customer()
    members = {"Event": "change_external_chat", "ChatId": "wr1", "ChangeType": "update", "UpdateDetail": "add_member"}
    named = {"MemChangeList": {"Item": one}}
    (did,) = taken(hook, request(people, {**members, **named}))
    assert isinstance(did, Did)
    assert (did.event, did.who, did.props) == ("group.joined", Who("wecom_id", one), {"group": "wr1"})
    employee = {"MemChangeList": {"Item": "wong"}}  # an employee: the group is read, and nobody is there to answer
    assert taken(hook, request(people, {**members, **employee})) == []
    (did,) = taken(hook, request(people, {**members, **named, "UpdateDetail": "del_member"}))
    assert isinstance(did, Did)
    assert did.event == "group.left"


def test_members_the_callback_does_not_name_are_read_from_the_group(company: Server, people: People) -> None:
    hook = hook_for(company.server.url, company.cache)
    stays, comes = customer(), customer()
    now = clock.SystemClock().now()
    company.act("group", chat="wr1", customers=[stays], since=now - 9000)
    company.act("join", chat="wr1", customer=comes)
    later = People(Company(), clock.FixedClock(now))
    event = {"Event": "change_external_chat", "ChatId": "wr1", "ChangeType": "update"}
    (did,) = taken(hook, request(later, {**event, "UpdateDetail": "add_member"}), now)
    assert isinstance(did, Did)
    assert (did.event, did.who.value) == ("group.joined", comes)  # no earlier list: who joined just now
    company.act("leave", chat="wr1", customer=stays)
    (did,) = taken(hook, request(later, {**event, "UpdateDetail": "del_member", "QuitScene": "0"}), now)
    assert isinstance(did, Did)
    assert (did.event, did.who.value) == ("group.left", stays)
    dismissed = {"Event": "change_external_chat", "ChatId": "wr1", "ChangeType": "dismiss"}
    (did,) = taken(hook, request(later, dismissed), now)
    assert isinstance(did, Did)
    assert (did.event, did.who.value) == ("group.left", comes)
    assert taken(hook, request(later, {**dismissed, "X": "1"}), now) == []


def test_a_group_that_cannot_be_read_now_is_read_with_the_next_event(company: Server) -> None:
    hook = hook_for(company.server.url, company.cache)
    first, second = customer(), customer()
    now = clock.SystemClock().now()
    people = People(Company(), clock.FixedClock(now))
    company.act("group", chat="wr1", customers=[])
    event = {"Event": "change_external_chat", "ChatId": "wr1", "ChangeType": "update", "UpdateDetail": "add_member"}
    assert taken(hook, request(people, event), now) == []
    company.act("join", chat="wr1", customer=first)
    company.act("refuse", path="externalcontact/groupchat/get", errcode=-1)
    assert taken(hook, request(people, event), now) == []
    company.act("join", chat="wr1", customer=second)
    happened = taken(hook, request(people, event), now)
    assert [one.who.value for one in happened if isinstance(one, Did)] == [first, second]


@pytest.mark.parametrize("change", ["dismiss", "update"])
def test_a_callback_that_was_not_recorded_says_the_same_when_it_is_repeated(
    company: Server, people: People, change: str
) -> None:
    hook = hook_for(company.server.url, company.cache)
    now, one = clock.SystemClock().now(), customer()
    people = People(Company(), clock.FixedClock(now))
    company.act("group", chat="wr1", customers=[one], since=now - 9000)
    event = {"Event": "change_external_chat", "ChatId": "wr1", "ChangeType": "create"}
    assert taken(hook, request(people, event), now) == []
    company.act("leave", chat="wr1", customer=one)
    sent = request(people, {**event, "ChangeType": change, "UpdateDetail": "del_member"})
    lost = list(hook.parse(sent, now))  # and then the database was away
    assert [one.event for one in lost if isinstance(one, Did)] == ["group.left"]
    assert [one.dedupe for one in taken(hook, sent, now + 5) if isinstance(one, Did)] == [
        one.dedupe for one in lost if isinstance(one, Did)
    ]
    assert taken(hook, request(people, {**event, "ChangeType": change, "X": "1"}), now) == []
