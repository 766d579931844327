"""Who of the staff is told: the adviser whom a field of the customer names, for all others the role's own address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from automation.engine.delivery import digests, notices
from automation.engine.delivery.digests import Digests
from automation.engine.delivery.effects import TRIES, Effects
from automation.engine.delivery.staff import Told
from automation.kernel.ports import Accepted, Denied, Lane, Message, Outcome, Reason, Unknown
from automation.people import merging
from automation.policy import stop
from automation.store.database import Transaction
from automation.store.states import EffectState
from tests.delivery.house import BOTH, CONFIG, FILES, KEY, House
from tests.engine.shop import COUPONS

NOON, ONE, TWO = "2026-03-02 12:00", "2026-03-02 13:00", "2026-03-02 14:00"
NOTIFY = "{notify: owner, text: 贵宾下单, digest: 1h}"
OWN, WANG, LI = "advisers@example.com", "wang@example.com", "+8613800000009"
STAFF = f"""
staff:
  operator: {{name: 运营, channel: mail_main, address: op@example.com}}
  owner: {{name: 专属顾问, channel: mail_main, address: {OWN}, field: adviser}}
  wang: {{name: 王芳, channel: mail_main, address: {WANG}}}
  li: {{name: 李雷, channel: sms_main, address: "{LI}"}}
  chen_a: {{name: 陈晨, channel: mail_main, address: chen.a@example.com}}
  chen_b: {{name: 陈晨, channel: mail_main, address: chen.b@example.com}}
  zhao: {{name: 赵敏, channel: mail_main}}
"""
COLLEAGUES = [Lane("app_message", "wecom_user", BOTH)]


@pytest.fixture
def shop(house: House) -> House:
    before, _, after = CONFIG.partition("staff: ")
    house.config = before + STAFF + after.partition("\n")[2]
    house.files["catalog"] = house.files["catalog"].replace("city: text", "city: text\n  adviser: text")
    house.open(NOON, j=f"enter: {{manual: true}}\nagain: finished\nsteps:\n  - {NOTIFY}\n")
    return house


def effects(shop: House) -> Effects:
    return Effects(shop.parts, {one.name: one for one in (shop.wechat, shop.sms, shop.mail)}, KEY.idem, None)


def ordered(shop: House, *advisers: str | None, at: str = NOON) -> list[int]:
    """Customers of these advisers, of whom a notice is due an hour later."""
    people = [shop.person(**({} if one is None else {"adviser": one})) for one in advisers]
    for person in people:
        shop.enter("j", person, at)
    shop.tick(at)
    return people


def told(shop: House) -> dict[str, int]:
    """Address -> lines of the one digest it got."""
    sent = [(message.address, message.body.get("subject", message.body.get("preview"))) for message in outgoing(shop)]
    assert len({address for address, _ in sent}) == len(sent)
    return {address: int(str(subject).split()[1]) for address, subject in sent}


def outgoing(shop: House) -> list[Message]:
    return [*shop.mail.sent, *shop.sms.sent]


def advised_by(shop: House, person: int, adviser: str) -> None:
    shop.put("UPDATE person SET attrs = :attrs WHERE id = :id", id=person, attrs=f'{{"adviser": "{adviser}"}}')


def states(shop: House) -> list[tuple[int, str | None]]:
    return [(state, error) for state, error in shop.store.rows("SELECT state, error FROM effect ORDER BY id")]


def first(answer: Outcome) -> Callable[[Message], Outcome]:
    """A provider that answers so once, and accepts what comes later."""
    given: list[Message] = []

    def provider(message: Message) -> Outcome:
        given.append(message)
        return answer if len(given) == 1 else Accepted()

    return provider


def test_each_adviser_is_told_of_their_own_customers_in_one_message(shop: House) -> None:
    ann, bob, eve = ordered(shop, "wang", "李雷", "王芳")
    assert effects(shop).step(shop.ts(ONE)) == 3
    assert told(shop) == {WANG: 2, LI: 1}
    (message,) = shop.mail.sent
    assert [f"客户 #{one}" in str(message.body["text"]) for one in (ann, bob, eve)] == [True, False, True]
    assert states(shop) == [(EffectState.DONE, None)] * 3


def test_what_has_gathered_since_for_the_same_adviser_goes_along_and_for_others_waits(shop: House) -> None:
    ordered(shop, "wang")
    ordered(shop, " 王芳 ", "li", None, at="2026-03-02 12:30")
    work = effects(shop)
    assert work.step(shop.ts(ONE)) == 2
    assert told(shop) == {WANG: 2}
    assert work.step(shop.ts("2026-03-02 13:30")) == 2
    assert told(shop) == {WANG: 2, LI: 1, OWN: 1}


@pytest.mark.parametrize("advisers", [["wang", "li", None] * 60, ["wang"] * 150, ["wang", "王芳"] * 80])
def test_more_lines_than_a_batch_are_still_one_message_an_adviser(shop: House, advisers: list[str | None]) -> None:
    ordered(shop, *advisers)
    work = effects(shop)
    assert work.step(shop.ts(ONE)) == len(advisers)
    count = Counter({None: OWN, "li": LI}.get(one, WANG) for one in advisers)
    assert told(shop) == dict(count)


def test_a_digest_has_a_bound_and_what_finds_no_room_leaves_with_the_next(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "TOGETHER", 4)
    ordered(shop, "wang", "li", "wang", "li", "li", *["wang"] * 4)
    work = effects(shop)
    assert [work.step(shop.ts(ONE)) for _ in range(4)] == [4, 3, 2, 0]
    sent = [(message.address, message.body.get("subject")) for message in shop.mail.sent]
    assert sent == [(WANG, "旅程提醒 4 条"), (WANG, "旅程提醒 2 条")]
    assert len(shop.sms.sent) == 1


def test_only_the_oldest_lines_are_looked_at(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "LOOKED", 3)
    ordered(shop, "wang", "li")
    ordered(shop, "wang", "wang", at="2026-03-02 12:30")
    assert effects(shop).step(shop.ts(ONE)) == 3
    assert told(shop) == {WANG: 2, LI: 1}


def test_no_field_of_a_customer_is_read_while_the_database_is_held(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    execute = Transaction._execute

    def listening(self: Transaction, sql: str, parameters: dict[str, object]) -> object:
        said.append(sql)
        return execute(self, sql, parameters)

    ordered(shop, "wang", "li")
    monkeypatch.setattr(Transaction, "_execute", listening)
    assert effects(shop).step(shop.ts(ONE)) == 2
    assert said
    assert not [sql for sql in said if "attrs" in sql]


def test_what_another_process_took_meanwhile_does_not_leave_again(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(shop, "wang", "wang")
    choose = Digests.choose

    def late(self: Digests, *arguments: Any) -> dict[int, Told]:
        chosen = choose(self, *arguments)
        monkeypatch.setattr(Digests, "choose", choose)
        assert effects(shop).step(shop.ts(ONE)) == 2
        return chosen

    monkeypatch.setattr(Digests, "choose", late)
    assert effects(shop).step(shop.ts(ONE)) == 0
    assert told(shop) == {WANG: 2}


def test_what_the_engine_tells_the_owner_of_a_journey_goes_to_the_entry_of_the_role(shop: House) -> None:
    steps = "[{wait: 1h}, {if: {entry.scene: x}, then: [{send: hello}]}]"
    entered = "enter: {event: wechat.followed}\nagain: finished"
    shop.open(NOON, j=f"owner: owner\npurpose: plain\n{entered}\nsteps: {steps}\n")
    shop.event(shop.person(adviser="wang"), "wechat.followed", NOON)
    shop.tick(NOON)
    shop.poisoned = True
    shop.put("UPDATE run SET data = '{broken'")
    shop.tick(ONE)
    assert effects(shop).step(shop.ts(TWO)) == 1
    assert told(shop) == {OWN: 1}


def test_what_the_engine_tells_the_operator_goes_to_the_entry_of_the_role(shop: House) -> None:
    shop.config = shop.config.replace("op@example.com}", "op@example.com, field: adviser}")
    shop._parts = None
    shop.files["coupons"] = COUPONS
    shop.texts_of = {"email.yaml": "subject: 【广告】{{ customer.city }}\n", "email.html": FILES["email.html"]}
    shop.open(NOON, j="enter: {manual: true}\nagain: finished\nsteps: [{coupon: gift}, {send: hello, via: [email]}]\n")
    person = shop.reachable(adviser="wang")
    shop.enter("j", person, NOON)
    shop.tick(NOON)
    assert shop.deliver(NOON).states == {"failed": 1}
    assert told(shop) == {"op@example.com": 2}


@pytest.mark.parametrize(
    "value",
    [
        None, "", "nobody", "somebody@example.com", "13800000001", "owner", "专属顾问", "陈晨", "zhao", "赵敏",
        "w" * 2000, "wang\nli", "wang\x00", "王芳, 李雷", "wang%", "' OR 1=1 --", "@all", '["wang"]',
    ],
)  # fmt: skip
def test_what_leads_to_nobody_leads_to_the_address_of_the_role(shop: House, value: str | None) -> None:
    ordered(shop, value, "还有别人", at=NOON)
    ordered(shop, value, at="2026-03-02 12:30")
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {OWN: 3}
    assert states(shop) == [(EffectState.DONE, None)] * 3


def test_another_role_may_look_after_a_customer_and_no_further_field_is_followed(shop: House) -> None:
    shop.config = shop.config.replace("op@example.com}", "op@example.com, field: city}")
    shop._parts = None
    shop.open(NOON)
    (person,) = ordered(shop, "operator")
    shop.put(
        "UPDATE person SET attrs = :attrs WHERE id = :id", id=person, attrs='{"adviser": "operator", "city": "li"}'
    )
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {"op@example.com": 1}


def test_a_user_id_leads_to_a_colleague_only_where_the_channel_writes_to_colleagues(shop: House) -> None:
    shop.mail.lanes = COLLEAGUES
    shop.mail.kind = "wecom"
    people = ordered(shop, "ZhaoMin", "zhaomin", "wang@example.com", "@all", "a|b", "zhao min", "x" * 65, "王芳", None)
    effects(shop).step(shop.ts(ONE))
    lines = {message.address: str(message.body["text"]).count("客户 #") for message in shop.mail.sent}
    assert lines == {"zhaomin": 2, WANG: 2, OWN: 5}
    assert len(shop.mail.sent) == 3
    (mine,) = (str(message.body["text"]) for message in shop.mail.sent if message.address == "zhaomin")
    assert [f"#{one}）" in mine for one in people[:3]] == [True, True, False]


def test_a_user_id_that_was_chosen_is_not_written_to_by_mail_when_the_channel_is_another(shop: House) -> None:
    shop.mail.lanes, shop.mail.answer = COLLEAGUES, first(Unknown("timeout"))
    ordered(shop, "zhao@example.com")
    effects(shop).step(shop.ts(ONE))
    shop.mail.lanes = [Lane("smtp", "email", BOTH)]
    work = effects(shop)
    for _ in range(2):
        work.step(shop.ts(TWO))
    assert [message.address for message in shop.mail.sent] == ["zhao@example.com", OWN]


def test_a_user_id_of_one_company_is_not_written_to_in_another(shop: House) -> None:
    shop.mail.lanes = shop.sms.lanes = COLLEAGUES
    shop.mail.answer = lambda _: Unknown("timeout")
    ordered(shop, "zhaomin")
    effects(shop).step(shop.ts(ONE))
    there = f"{{name: 专属顾问, channel: mail_main, address: {OWN}, field: adviser}}"
    shop.config = shop.config.replace(there, "{name: 专属顾问, channel: sms_main, address: boss, field: adviser}")
    shop._parts = None
    shop.open(TWO)
    work = effects(shop)
    for _ in range(2):
        work.step(shop.ts(TWO))
    assert [message.address for message in shop.mail.sent] == ["zhaomin"]
    assert [message.address for message in shop.sms.sent] == ["boss"]


def test_a_name_of_blanks_is_nobodys(shop: House) -> None:
    shop.config = shop.config.replace("wang: {name: 王芳", "wang: {name: ' '")
    shop._parts = None
    shop.open(NOON)
    ordered(shop, None, "", " ")
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {OWN: 3}


def test_once_all_is_stopped_nothing_more_leaves(shop: House) -> None:
    ordered(shop, "wang", "li", "chen_a", None)

    def provider(message: Message) -> Outcome:
        with shop.store.write() as tx:
            stop.turn(tx, shop.ts(ONE), True, "test")
        return Accepted()

    shop.mail.answer = shop.sms.answer = provider
    effects(shop).step(shop.ts(ONE))
    assert len(outgoing(shop)) == 1
    with shop.store.write() as tx:
        stop.turn(tx, shop.ts(ONE), False, "test")
    effects(shop).step(shop.ts(TWO))
    effects(shop).step(shop.ts(TWO))
    assert len(outgoing(shop)) == 2


def test_who_stands_under_two_names_is_told_once(shop: House) -> None:
    shop.config = shop.config.replace("chen.b@example.com", WANG).replace("op@example.com", OWN)
    shop._parts = None
    shop.open(NOON)
    ordered(shop, "wang", "chen_b", "operator", None)
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {WANG: 2, OWN: 2}


@pytest.mark.parametrize("dies", [True, False])
def test_what_may_have_left_is_repeated_byte_by_byte_to_whom_it_went(shop: House, dies: bool) -> None:
    class Killed(BaseException): ...

    def provider(message: Message) -> Outcome:
        if dies and len(shop.mail.sent) == 1:
            raise Killed
        return Unknown("timeout") if len(shop.mail.sent) == 1 else Accepted()

    shop.mail.answer = provider
    people = ordered(shop, "wang", "wang", None)
    try:
        effects(shop).step(shop.ts(ONE))
    except Killed:
        assert dies
    for person in people:
        advised_by(shop, person, "li")
    ordered(shop, "wang", at=ONE)
    work = effects(shop)
    while work.step(shop.ts(TWO)):
        pass
    texts: dict[str, set[tuple[str, str]]] = {}
    for message in outgoing(shop):
        texts.setdefault(message.idem_key, set()).add((message.address, str(message.body)))
    assert sorted(address for one in texts.values() for address, _ in one) == [OWN, WANG, WANG]
    assert [message.address for message in outgoing(shop)].count(WANG) == 3
    assert shop.sms.sent == []
    assert [state for state, _ in states(shop)] == [EffectState.DONE] * 4


def test_digests_that_one_kill_interrupted_stay_as_they_were(shop: House) -> None:
    shop.mail.answer = lambda _: Unknown("timeout")
    ordered(shop, "wang", "wang")
    effects(shop).step(shop.ts(ONE))
    ordered(shop, "wang", at=ONE)

    class Killed(BaseException): ...

    def die(message: Message) -> Outcome:
        raise Killed

    shop.mail.answer = die
    with pytest.raises(Killed):
        effects(shop).step(shop.ts(TWO))
    shop.mail.answer = lambda _: Accepted()
    work = effects(shop)
    while work.step(shop.ts("2026-03-02 14:01")):
        pass
    assert {message.body["subject"] for message in shop.mail.sent} == {"旅程提醒 2 条", "旅程提醒 1 条"}
    assert len({message.idem_key for message in shop.mail.sent}) == 2


def test_a_colleague_who_cannot_be_told_leaves_it_to_the_address_of_the_role(shop: House) -> None:
    shop.mail.answer = first(Denied(Reason.BAD_ADDRESS, "550"))
    ordered(shop, "wang", "wang")
    work = effects(shop)
    for _ in range(2):
        work.step(shop.ts(ONE))
    assert told(shop) == {WANG: 2, OWN: 2}
    assert len({message.idem_key for message in shop.mail.sent}) == 2
    assert states(shop) == [(EffectState.DONE, None)] * 2


def test_after_a_colleague_was_given_up_the_address_of_the_role_has_tries_of_its_own(shop: House) -> None:
    shop.sms.answer = lambda _: Denied(Reason.UNAVAILABLE, permanent=False, retry_after=1)
    shop.mail.answer = first(Denied(Reason.UNAVAILABLE, permanent=False, retry_after=1))
    ordered(shop, "li")
    work, now = effects(shop), shop.ts(ONE)
    for second in range(40):
        work.step(now + second)
    assert len(shop.sms.sent) == TRIES
    assert [message.address for message in shop.mail.sent] == [OWN, OWN]
    assert states(shop) == [(EffectState.DONE, None)]


def test_where_neither_can_be_told_it_is_given_up_and_a_new_try_chooses_anew(shop: House) -> None:
    shop.mail.answer = lambda _: Denied(Reason.BAD_ADDRESS, "550")
    (person,) = ordered(shop, "wang")
    work = effects(shop)
    for _ in range(3):
        work.step(shop.ts(ONE))
    assert [message.address for message in shop.mail.sent] == [WANG, OWN]
    assert states(shop) == [(EffectState.FAILED, "bad_address 550")]
    advised_by(shop, person, "li")
    with shop.store.write() as tx:
        notices.retry(tx, None, "ann", shop.ts(ONE))
    work.step(shop.ts(ONE))
    assert [message.address for message in shop.sms.sent] == [LI]


def test_of_two_customers_who_are_one_the_adviser_of_the_one_that_stays_is_told(shop: House) -> None:
    kept, gone = ordered(shop, "wang", "li")
    with shop.store.write() as tx:
        merging.merge(tx, shop.ts(NOON), kept, gone, "a test")
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {WANG: 2}


def test_a_merge_after_the_first_try_changes_neither_who_is_told_nor_what_is_said(shop: House) -> None:
    shop.sms.kind, shop.sms.answer = "wecom", first(Unknown("timeout"))
    kept, gone = ordered(shop, "wang", "li")
    work = effects(shop)
    work.step(shop.ts(ONE))
    with shop.store.write() as tx:
        merging.merge(tx, shop.ts(ONE), kept, gone, "a test")
    work.step(shop.ts(TWO))
    once, again = shop.sms.sent
    assert (once.idem_key, once.address, once.body) == (again.idem_key, again.address, again.body)
    assert f"客户 #{gone}）" in str(once.body["text"])


def test_a_role_without_a_field_is_told_as_ever(shop: House) -> None:
    shop.open(NOON, j=f"enter: {{manual: true}}\nagain: finished\nsteps:\n  - {NOTIFY.replace('owner', 'operator')}\n")
    ordered(shop, "wang", None)
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {"op@example.com": 2}


def test_a_field_that_the_catalog_no_longer_has_as_a_text_names_nobody(shop: House) -> None:
    ordered(shop, "wang")
    shop.files["catalog"] = shop.files["catalog"].replace("adviser: text", "adviser: {type: text, sealed: true}")
    shop.open(NOON)
    effects(shop).step(shop.ts(ONE))
    assert told(shop) == {OWN: 1}
