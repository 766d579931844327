"""What comes back becomes rows once, with everything that follows from it."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from automation.inbound import inbox as inboxes
from automation.inbound.values import Arrival
from automation.kernel.hooks import Receipt, Who
from automation.kernel.ports import Accepted
from automation.people import identities, suppression
from tests.inbound.desk import MAIL, SHORT, SMS, WECHAT, WECOM, Desk, Making, Scene, fan, phone, text_of


def test_a_message_makes_its_person_opens_the_window_and_is_queued(desk: Desk, make: Making) -> None:
    desk.tell(make.said("你好", at=-10))
    assert desk.person_of("openid", "oFAN-1", WECHAT) is not None
    assert desk.events() == [("message.received", {"channel": WECHAT, "kind": "text"})]
    assert desk.queued() == 1
    assert desk.windows() == [(WECHAT, 172_790, 5)]


def test_a_repeat_does_nothing_and_gets_the_same_answer(desk: Desk, make: Making) -> None:
    said = make.said("退订", dedupe="m1")
    first = desk.tell(said)
    before = desk.dump()
    again = desk.tell(said, now=desk.noon + 5)
    assert text_of(first.reply) == text_of(again.reply) != ""
    assert again.reply is not None
    assert again.reply.who == fan()
    assert desk.dump() == before
    assert desk.count("consent_log") == 1


def test_a_repeat_within_one_batch_is_one_too(desk: Desk, make: Making) -> None:
    said = make.said("TD", dedupe="m1")
    taken = desk.inbox.record([Arrival(WECHAT, (said,)), Arrival(WECHAT, (said,)), Arrival(WECHAT, ())], desk.noon)
    assert [bool(one.reply) for one in taken] == [True, True, False]
    assert len(desk.events()) == desk.count("inbound") == desk.count("consent_log") == 1


def test_the_same_key_on_another_channel_is_something_else(desk: Desk, make: Making) -> None:
    desk.tell(make.said("a", who=fan(), dedupe="m1"), channel=WECHAT)
    desk.tell(make.said("a", who=Who("wecom_id", "wm1"), dedupe="m1"), channel=WECOM)
    assert len(desk.events()) == 2


def test_each_request_of_a_batch_is_answered_in_its_place(desk: Desk, make: Making) -> None:
    batch = [Arrival(WECHAT, (make.said(text, who=fan(n)),)) for n, text in enumerate(("a", "退订", "b", "TD"))]
    taken = desk.inbox.record(batch, desk.noon)
    assert [bool(one.reply) for one in taken] == [False, True, False, True]
    assert [one.reply.who.value for one in taken if one.reply] == ["oFAN-1", "oFAN-3"]


def test_nothing_is_kept_of_a_transaction_that_fails(desk: Desk, make: Making) -> None:
    said = make.said("退订", who=fan(7))
    write = desk.inbox.prepare(desk.noon, [Arrival(WECHAT, (said,))])
    with pytest.raises(RuntimeError), desk.store.write() as tx:
        write(tx)
        raise RuntimeError("the power fails before the commit")
    assert desk.count("inbound") == desk.count("event") == desk.count("consent") == desk.count("person") == 0
    assert text_of(desk.tell(said).reply) != ""
    assert desk.count("consent_log") == desk.count("inbound") == 1


# -- who it was --------------------------------------------------------------------------------------------------


def test_the_same_openid_on_two_accounts_is_two_people(desk: Desk, make: Making) -> None:
    desk.tell(make.said("a"))
    desk.tell(make.said("a", who=fan()), channel=SMS)
    assert desk.count("person") == 2


def test_an_id_that_was_imported_without_its_account_is_known(desk: Desk, make: Making) -> None:
    person = desk.person()
    desk.address(person, "openid", text="oFAN-1")
    desk.tell(make.said("a"))
    assert desk.count("person") == desk.count("identity") == 1
    assert desk.windows() == [(WECHAT, 172_800, 5)]


def test_a_unionid_proves_that_two_are_one(desk: Desk, make: Making) -> None:
    desk.tell(make.said("a", who=Who("wecom_id", "wm1", {"unionid": "u1"})), channel=WECOM)
    desk.tell(make.followed())
    assert desk.count("person") == 2
    desk.tell(make.said("b", who=fan(unionid="u1")))
    kept = desk.person_of("unionid", "u1")
    assert kept == desk.person_of("openid", "oFAN-1", WECHAT) == desk.person_of("wecom_id", "wm1", WECOM)
    assert desk.store.column("SELECT DISTINCT person_id FROM event").tolist() == [kept]
    assert desk.store.column("SELECT DISTINCT person_id FROM inbound").tolist() == [kept]


def test_computed_values_of_two_are_worked_out_anew_for_the_one(desk: Desk, make: Making) -> None:
    for number, (kind, text) in enumerate((("openid", "oFAN-1"), ("unionid", "u1"))):
        person = desk.person()
        desk.address(person, kind, WECHAT if kind == "openid" else "", text)
        desk.event(person, "order.paid", f"2026-03-0{number + 1} 09:00", order_id=f"o{number}", amount=1)
    desk.tick("2026-03-02 12:00")
    desk.tell(make.said("a", who=fan(unionid="u1")))
    assert [int(row[0]) for row in desk.store.rows("SELECT num FROM computed_value")] == [desk.ts("2026-03-02 09:00")]


def test_a_batch_may_meet_merge_and_speak_of_the_same_people(desk: Desk, make: Making) -> None:
    desk.tell(
        make.followed(), make.said("a", who=Who("unionid", "u1")), make.said("b", who=fan(unionid="u1")), make.said("c")
    )
    assert desk.store.value("SELECT count(DISTINCT person_id) FROM event") == 1
    assert desk.count("merge") == 1


@pytest.mark.parametrize(
    "who", [Who("openid", "有 空格"), Who("phone", "12"), Who("shoe_size", "42"), Who("openid", "")]
)
def test_an_id_that_is_nobodys_is_kept_and_stops_nobody(desk: Desk, make: Making, who: Who) -> None:
    taken = desk.tell(make.said("退订", who=who), make.said("hallo"))
    assert taken.reply is None
    assert [name for name, _ in desk.events()] == ["message.received"]
    assert desk.store.rows("SELECT kind FROM inbound ORDER BY id") == [("unusable",), ("said",)]


# -- events ------------------------------------------------------------------------------------------------------


def test_a_journey_hears_of_it(desk: Desk, make: Making) -> None:
    desk.tell(make.said("签到"))
    desk.tick("2026-03-02 12:01")
    person = desk.person_of("openid", "oFAN-1", WECHAT)
    assert person is not None
    assert desk.tags(person) == {"来抽奖"}


def test_an_event_the_catalog_does_not_know_loses_only_itself(desk: Desk, make: Making) -> None:
    desk.tell(make.did("wechat.of_tomorrow", opens=SHORT), make.followed(at=1, scene="s"))
    assert [name for name, _ in desk.events()] == ["wechat.followed"]
    assert desk.windows() == [(WECHAT, 61, 3)]


def test_a_property_that_cannot_be_stored_is_left_out(desk: Desk, make: Making) -> None:
    desk.tell(make.did("wechat.menu_clicked", props={"key": "k", "action": ["no", "text"], "of_tomorrow": 1}))
    assert desk.events() == [("wechat.menu_clicked", {"key": "k"})]


def test_the_scene_tags_whoever_came_through_it(desk: Desk, make: Making) -> None:
    desk.options(WECHAT, scenes=MappingProxyType({"store_01": Scene("门店"), "poster": Scene(None)}))
    desk.tell(make.followed(scene="store_01"), make.followed(scene="poster", who=fan(2)), make.followed(who=fan(3)))
    tagged = [desk.tags(desk.person_of("openid", f"oFAN-{n}", WECHAT) or 0) for n in (1, 2, 3)]
    assert tagged == [{"门店"}, set(), set()]
    assert desk.store.value("SELECT source FROM person_tag") == "qr"


# -- opting out --------------------------------------------------------------------------------------------------


def test_a_word_takes_consent_back_at_once_with_evidence(desk: Desk, make: Making) -> None:
    taken = desk.tell(make.said(" ＴＤ。"))
    assert desk.consents() == [("wechat", "marketing", 0, "回复 td")]
    assert desk.suppressed() == []
    assert "旅程良品" in text_of(taken.reply)


def test_by_text_message_the_phone_is_blocked_besides(desk: Desk, make: Making) -> None:
    desk.tell(make.said("R", who=phone(), opens=None), channel=SMS)
    assert desk.consents() == [("sms", "marketing", 0, "回复 r")]
    assert desk.suppressed() == [("phone", "opted_out")]


def test_a_refusal_older_than_a_later_yes_does_not_undo_it(desk: Desk, make: Making) -> None:
    person = desk.person()
    desk.address(person, "phone", text="+8613800000001")
    desk.consent(person, "sms", True, at=desk.noon + 5)
    desk.tell(make.opted_out(at=3), channel=SMS)
    assert desk.consents()[0][2] == 1


@pytest.mark.parametrize(("everything", "purposes"), [(False, ["marketing"]), (True, ["marketing", "service"])])
def test_who_opts_out_says_of_what(desk: Desk, make: Making, everything: bool, purposes: list[str]) -> None:
    desk.tell(make.opted_out(everything, Who("email", "a@example.com")), channel=MAIL)
    assert [(channel, purpose) for channel, purpose, _, _ in desk.consents()] == [("email", one) for one in purposes]
    assert desk.suppressed() == []


def test_a_menu_item_that_says_so_counts_too(desk: Desk, make: Making) -> None:
    taken = desk.tell(make.did("wechat.menu_clicked", props={"key": "out", "text": "退订"}, opens=SHORT))
    assert desk.consents()[0][:3] == ("wechat", "marketing", 0)
    assert text_of(taken.reply) != ""


# -- windows, coming and going -----------------------------------------------------------------------------------


def test_of_two_windows_the_greater_number_and_the_later_end_hold(desk: Desk, make: Making) -> None:
    desk.tell(make.said("a"))
    desk.put("UPDATE reply_window SET messages = 1")
    desk.tell(make.did("wechat.menu_clicked", at=10, opens=SHORT))
    assert desk.windows() == [(WECHAT, 172_800, 3)]
    desk.tell(make.said("b", at=20), now=desk.noon + 20)
    desk.tell(make.did("wechat.menu_clicked", at=30, opens=SHORT), now=desk.noon + 30)
    assert desk.windows() == [(WECHAT, 172_820, 5)]


def test_of_a_window_that_is_over_nothing_is_left(desk: Desk, make: Making) -> None:
    desk.tell(make.said("a"))
    later = 172_800 + 5
    desk.tell(make.did("wechat.menu_clicked", at=later, opens=SHORT), now=desk.noon + later)
    assert desk.windows() == [(WECHAT, later + 60, 3)]


def test_a_window_without_a_number_stays_without_one(desk: Desk, make: Making) -> None:
    from automation.kernel.hooks import Opens

    desk.tell(make.said("a", opens=Opens(None, 100)))
    desk.tell(make.said("b", at=1))
    assert desk.windows() == [(WECHAT, 172_801, None)]


def test_what_is_told_too_late_opens_nothing(desk: Desk, make: Making) -> None:
    desk.tell(make.did("wechat.menu_clicked", at=-60, opens=SHORT))
    assert desk.windows() == []


def test_who_leaves_is_gone_until_they_come_back(desk: Desk, make: Making) -> None:
    desk.tell(make.said("a"), make.granted(2))
    desk.tell(make.left(10), now=desk.noon + 10)
    assert (desk.suppressed(), desk.windows(), desk.grants()) == ([("openid", "gone")], [], [])
    desk.tell(make.followed(20), now=desk.noon + 20)
    assert (desk.suppressed(), desk.windows()) == ([], [(WECHAT, 80, 3)])


def test_whoever_writes_is_not_gone(desk: Desk, make: Making) -> None:
    desk.tell(make.left())
    desk.tell(make.said("我又来了", at=5), now=desk.noon + 5)
    assert desk.suppressed() == []


def test_only_being_gone_is_lifted(desk: Desk, make: Making) -> None:
    desk.tell(make.left(who=fan(2)))
    lookup = identities.lookups(desk.vault, [identities.identity("openid", "oFAN-1", WECHAT)])[0]
    with desk.store.write() as tx:
        suppression.add(tx, desk.noon - 9, "openid", lookup, "bad_address")
    desk.tell(make.followed(), make.said("a"))
    assert desk.suppressed() == [("openid", "bad_address"), ("openid", "gone")]


@pytest.mark.parametrize("apart", [True, False])
def test_coming_and_going_ends_alike_in_any_order(desk: Desk, make: Making, apart: bool) -> None:
    """They left at 10 and were back at 20; the news of it comes the other way round."""
    told = [make.followed(20), make.left(10)]
    for batch in [[one] for one in told] if apart else [told]:
        desk.tell(*batch, now=desk.noon + 30)
    assert (desk.suppressed(), desk.windows()) == ([], [(WECHAT, 80, 3)])


def test_a_window_from_before_they_left_stays_closed(desk: Desk, make: Making) -> None:
    desk.tell(make.left(10), now=desk.noon + 10)
    desk.tell(make.said("spät", at=5), now=desk.noon + 11)
    assert (desk.suppressed(), desk.windows()) == ([("openid", "gone")], [])


def test_grants_add_up_and_a_refusal_ends_them(desk: Desk, make: Making) -> None:
    desk.tell(make.granted(1), make.granted(1, 1), make.granted(1, 2, "other"))
    assert desk.grants() == [("other", 1), ("shipped", 2)]
    desk.tell(make.granted(None, 3))
    assert desk.grants() == [("other", 1), ("shipped", 0)]
    desk.tell(make.granted(1, 14), make.granted(None, 13), now=desk.noon + 20)
    assert desk.grants() == [("other", 1), ("shipped", 1)]


# -- reports, remains, privacy -----------------------------------------------------------------------------------


def test_reports_stand_beside_what_people_did(desk: Desk, make: Making) -> None:
    desk.send_one("2026-03-02 12:00")
    desk.deliver(desk.noon)
    number = f"id-{desk.wechat.sent[0].idem_key}"
    desk.tell(Receipt(number, "delivered", desk.noon - 3), make.said("谢谢"), Receipt("strange", "opened", desk.noon))
    assert desk.store.value("SELECT delivered_at FROM message") == desk.noon - 3
    assert desk.store.rows("SELECT provider_id FROM receipt") == [("strange",)]
    assert "message.received" in [name for name, _ in desk.events()]


def test_a_complaint_takes_back_consent_and_blocks_the_address(desk: Desk) -> None:
    """Whether it comes before the answer to the request or after it."""
    for early in (True, False):
        desk.send_one("2026-03-02 12:00", "{send: hello, via: [sms], expires: 3d}")
        complaint = Receipt(f"c{early}", "delivered", desk.noon + 3, complaint=True)
        desk.sms.answer = lambda _, early=early: Accepted(f"c{early}")  # type: ignore[misc]
        if early:
            desk.tell(complaint, channel=SMS)
        desk.deliver(desk.noon)
        if not early:
            desk.tell(complaint, channel=SMS)
    refused = desk.store.rows("SELECT channel, purpose, evidence FROM consent WHERE granted = 0")
    assert refused == [("sms", "marketing", "complaint")] * 2
    assert desk.suppressed() == [("phone", "complaint")] * 2


def test_what_could_not_be_read_is_kept_sealed_and_once(desk: Desk) -> None:
    arrival = Arrival(WECHAT, (), b"<xml>\xff 13800000001", "not plain XML")
    assert [one.reply for one in desk.inbox.record([arrival, arrival], desk.noon)] == [None, None]
    assert desk.store.rows("SELECT kind FROM inbound") == [("unreadable",)]
    assert "13800000001" not in desk.dump()


def test_nothing_of_a_customer_stands_there_in_clear(desk: Desk, make: Making) -> None:
    desk.tell(make.said("我叫王芳，电话 13800000009", dedupe="oFAN-1 1772323200 text"), make.said("退订 oFAN-1"))
    shown = desk.dump()
    for secret in ("王芳", "13800000009", "oFAN-1"):
        assert secret not in shown


def test_old_rows_are_forgotten_and_the_event_still_comes_once(desk: Desk, make: Making) -> None:
    said = make.said("a", dedupe="m1")
    desk.tell(said)
    with desk.store.write() as tx:
        assert inboxes.prune(tx, desk.noon + inboxes.KEPT) == 0
        assert inboxes.prune(tx, desk.noon + inboxes.KEPT + 1) == 1
    desk.tell(said)
    assert len(desk.events()) == 1


def test_two_processes_told_the_same_record_it_once(desk: Desk, make: Making) -> None:
    """Both looked before either wrote; the unique key decides."""
    said = make.said("退订", dedupe="m1")
    one = desk.inbox.prepare(desk.noon, [Arrival(WECHAT, (said,))])
    other = inboxes.Inbox(desk.parts, desk.vault, desk.channels).prepare(desk.noon, [Arrival(WECHAT, (said,))])
    for write in (one, other):
        with desk.store.write() as tx:
            assert text_of(write(tx)[0].reply) != ""
    assert desk.count("consent_log") == len(desk.events()) == 1


def test_a_channel_that_is_not_configured_is_a_programming_error(desk: Desk, make: Making) -> None:
    with pytest.raises(KeyError):
        desk.tell(make.said("a"), channel="no_such_channel")
