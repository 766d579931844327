"""`notify` and `webhook`: digests for the staff, signed posts, nothing lost when a receiver is away."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from automation.engine.delivery.digests import Effect
from automation.engine.delivery.effects import Effects, signatures
from automation.engine.delivery.staff import Door, Staff, Told
from automation.kernel.ports import Accepted, Denied, Lane, Message, Outcome, Reason, Unknown
from tests.delivery.house import BOTH, KEY, House

NOON = "2026-03-02 12:00"
NOTIFY = "{notify: operator, text: 客户不满意, digest: 1h}"
HOOK = "{webhook: crm, with: {reason: 流失}}"

ACCEPTED = Accepted()


@dataclass
class Hooks:
    answer: Outcome = ACCEPTED
    posts: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], private: bool = False) -> Outcome:
        self.posts.append((url, body, headers))
        return self.answer


def effects(house: House, hooks: Hooks | None = None) -> Effects:
    channels = {one.name: one for one in (house.wechat, house.sms, house.mail)}
    return Effects(house.parts, channels, KEY.idem, hooks)


def left(house: House) -> list[tuple[int, str | None, str | None]]:
    rows = house.store.rows("SELECT state, due, error FROM effect ORDER BY id")
    return [(state, house.say(due), error) for state, due, error in rows]


def join(house: House, people: int, at: str) -> None:
    for _ in range(people):
        house.enter("j", house.person(), at)
    house.tick(at)


def test_many_notices_of_an_hour_become_one_message_with_a_list(house: House) -> None:
    people = house.send_one(NOON, NOTIFY, people=2)
    late = house.person()
    house.enter("j", late, "2026-03-02 12:40")
    house.tick("2026-03-02 12:40")
    work = effects(house)
    assert work.step(house.ts("2026-03-02 12:59")) == 0
    assert work.step(house.ts("2026-03-02 13:00")) == 3
    (message,) = house.mail.sent
    assert message.address == "op@example.com"
    assert message.body["subject"] == "旅程提醒 3 条"
    assert all(f"客户 #{person}" in str(message.body["text"]) for person in (*people, late))
    assert [state for state, _, _ in left(house)] == [1, 1, 1]
    assert work.step(house.ts("2026-03-02 14:00")) == 0


def test_a_digest_that_may_have_left_is_repeated_as_it_was(house: House) -> None:
    kept: dict[str, str] = {}

    def provider(message: Message) -> Outcome:
        first = not kept
        kept.setdefault(message.idem_key, str(message.body["text"]))  # it drops what has the same key
        return Unknown("timeout") if first else ACCEPTED

    house.mail.answer = provider
    people = house.send_one(NOON, NOTIFY, people=2)
    work = effects(house)
    work.step(house.ts("2026-03-02 13:00"))
    late = house.person()
    house.enter("j", late, "2026-03-02 13:00")
    house.tick("2026-03-02 13:00")
    for minute in range(1, 60, 10):
        work.step(house.ts(f"2026-03-02 13:{minute:02}"))
    work.step(house.ts("2026-03-02 14:00"))
    assert [state for state, _, _ in left(house)] == [1, 1, 1]
    assert [[f"客户 #{one}" in text for one in (*people, late)] for text in kept.values()] == [
        [True, True, False],
        [False, False, True],
    ]


def test_digests_that_are_repeated_together_stay_two_however_long_they_are(house: House) -> None:
    house.mail.answer = lambda _: Unknown("timeout")
    house.send_one(NOON, NOTIFY, people=60)
    join(house, 60, "2026-03-02 12:30")
    work = effects(house)
    assert work.step(house.ts("2026-03-02 13:00")) == 120
    join(house, 3, "2026-03-02 13:00")
    for at in ("2026-03-02 14:00", "2026-03-02 16:00"):  # both are due then: all was stopped meanwhile
        while work.step(house.ts(at)):
            pass
    assert {message.body["subject"] for message in house.mail.sent} == {"旅程提醒 120 条", "旅程提醒 3 条"}
    assert len({message.idem_key for message in house.mail.sent}) == 2


def test_a_notice_for_nobody_is_given_up_and_says_why(house: House) -> None:
    house.send_one(NOON, NOTIFY)
    house.put("UPDATE effect SET ref = 'nobody'")
    effects(house).step(house.ts("2026-03-02 13:00"))
    assert left(house) == [(2, None, "nobody in the settings has the role nobody")]


def test_a_web_hook_is_posted_once_signed_and_with_a_key_that_stays(house: House) -> None:
    house.send_one(NOON, HOOK)
    hooks = Hooks(Denied(Reason.UNAVAILABLE, "503", permanent=False))
    work = effects(house, hooks)
    now = house.ts(NOON)
    assert work.step(now) == 1
    assert work.step(now + 29) == 0
    hooks.answer = Accepted("")
    assert work.step(now + 40) == 1
    assert work.step(now + 9999) == 0
    (first, second) = hooks.posts
    url, body, headers = second
    assert url == "https://crm.example.com/hook"
    assert json.loads(body)["data"] == {"reason": "流失", "journey": "j"}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    want = base64.b64encode(hmac.digest(b"not a secret", signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{want}"
    assert first[2]["webhook-id"] == headers["webhook-id"]
    assert left(house) == [(1, None, None)]


def test_a_crash_between_post_and_record_repeats_it_with_the_same_key(house: House) -> None:
    house.send_one(NOON, HOOK)
    hooks = Hooks()

    class Killed(BaseException): ...

    def die(url: str, body: bytes, headers: Mapping[str, str], private: bool) -> Outcome:
        hooks.posts.append((url, body, headers))
        raise Killed

    dying = Hooks()
    dying.post = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        effects(house, dying).step(house.ts(NOON))
    assert effects(house, hooks).step(house.ts(NOON) + 59) == 0
    assert effects(house, hooks).step(house.ts(NOON) + 60) == 1
    assert len({headers["webhook-id"] for _, _, headers in hooks.posts}) == 1
    assert left(house)[0][0] == 1


def test_a_refusal_for_good_and_too_many_tries_end_it_with_the_error(house: House) -> None:
    house.send_one(NOON, HOOK, people=2)
    hooks = Hooks(Denied(Reason.BAD_CONTENT, "400"))
    work, now = effects(house, hooks), house.ts(NOON)
    house.put("UPDATE effect SET due = due + 100000 WHERE id = (SELECT max(id) FROM effect)")
    work.step(now)
    assert left(house)[0] == (2, None, "bad_content 400")
    hooks.answer = Denied(Reason.UNAVAILABLE, permanent=False, retry_after=1)
    for second in range(100_001, 100_080, 2):
        work.step(now + second)
    assert left(house)[1] == (2, None, "unavailable")


def test_while_all_is_stopped_and_without_who_posts_nothing_leaves_and_nothing_is_lost(house: House) -> None:
    house.send_one(NOON, HOOK)
    now = house.ts(NOON)
    assert effects(house, None).step(now) == 0
    house.put("INSERT INTO control (name, value, at, who) VALUES ('stop_all', 'on', 1, 'ann')")
    hooks = Hooks()
    assert effects(house, hooks).step(now) == 0
    house.put("UPDATE control SET value = 'off' WHERE name = 'stop_all'")
    assert effects(house, hooks).step(now) == 1


def test_signatures_are_those_of_the_standard() -> None:
    # The test vector of Standard Webhooks' own libraries.
    secret, content = (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}',
    )
    assert signatures(secret, content) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    both = signatures(f"{secret} whsec_bmV3ZXI=", content).split(" ")
    assert len(both) == 2
    assert both[0] == signatures(secret, content)


def test_a_robot_of_a_group_is_told_without_an_address(house: House) -> None:
    house.config = house.config.replace(', address: "op@example.com"', "")
    house.send_one(NOON, NOTIFY)
    house.mail.kind = "wecom_robot"
    house.mail.lanes = [Lane("group", "", BOTH, 1)]
    assert effects(house).step(house.ts("2026-03-02 13:00")) == 1
    (message,) = house.mail.sent
    assert (message.lane, message.address) == ("group", "")
    assert "客户不满意" in str(message.body["text"])


def test_staff_are_told_on_the_lane_to_colleagues_and_not_on_the_one_to_customers(house: House) -> None:
    house.send_one(NOON, NOTIFY)
    house.mail.lanes = [
        Lane("template", "openid", BOTH, parts=frozenset({"template"})), Lane("customer_message", "wecom_id", BOTH),
        Lane("app_message", "wecom_user", BOTH),
    ]  # fmt: skip
    effects(house).step(house.ts("2026-03-02 13:00"))
    assert [message.lane for message in house.mail.sent] == ["app_message"]


def test_one_that_breaks_what_posts_it_stops_none_of_the_others(house: House) -> None:
    house.send_one(NOON, HOOK, people=2)
    house.send_one(NOON, NOTIFY)
    house.put("UPDATE effect SET due = :now", now=house.ts(NOON))
    hooks = Hooks()

    def broken(url: str, body: bytes, headers: Mapping[str, str], private: bool) -> Outcome:
        hooks.posts.append((url, body, headers))
        if len(hooks.posts) == 1:
            raise RuntimeError("a fault that quotes +8613800000001")
        return ACCEPTED

    breaking = Hooks()
    breaking.post = broken  # type: ignore[method-assign]
    assert effects(house, breaking).step(house.ts(NOON)) == 3
    assert [(state, error) for state, _, error in left(house)] == [(0, "unknown RuntimeError"), (1, None), (1, None)]


@pytest.mark.parametrize("value", ["'quickly'", "y", "7"])
@pytest.mark.parametrize("name", ["told", "digest", "customer", "marks"])
def test_what_a_web_hook_is_given_is_never_taken_for_a_mark(house: House, name: str, value: str) -> None:
    house.send_one(NOON, f"{{webhook: crm, with: {{{name}: {value}}}}}")
    payload = house.store.value("SELECT payload FROM effect")
    hooks = Hooks(Denied(Reason.BAD_CONTENT, "400"))
    work = effects(house, hooks)
    assert [work.step(house.ts(NOON) + wait) for wait in (0, 100)] == [1, 0]
    assert left(house) == [(2, None, "bad_content 400")]
    assert house.store.value("SELECT payload FROM effect") == payload


def test_what_one_raises_while_it_is_recorded_holds_up_none_of_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.send_one(NOON, HOOK)
    house.send_one(NOON, NOTIFY)
    house.put("UPDATE effect SET due = :now", now=house.ts(NOON))
    work, record = effects(house, Hooks()), Effects._record

    def failing(self: Effects, rows: Sequence[Effect], answer: Outcome | str, now: int) -> None:
        if rows[0].kind == "webhook":
            raise RuntimeError("a fault that quotes +8613800000001")
        record(self, rows, answer, now)

    monkeypatch.setattr(Effects, "_record", failing)
    assert work.step(house.ts(NOON)) == 2
    assert [state for state, _, _ in left(house)] == [0, 1]
    assert "RuntimeError" in caplog.text
    assert "138" not in caplog.text


def test_a_notice_that_cannot_be_put_together_ends_with_its_tries_and_holds_up_none_of_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.send_one(NOON, NOTIFY)
    house.put("UPDATE effect SET ref = 'broken'")
    join(house, 1, NOON)
    door = Staff.door

    def failing(self: Staff, told: Told) -> Door | str:
        if told.entry == "broken":
            raise RuntimeError("a fault that quotes +8613800000001")
        return door(self, told)

    monkeypatch.setattr(Staff, "door", failing)
    work, now = effects(house), house.ts("2026-03-02 13:00")
    work.step(now)
    assert [(state, error) for state, _, error in left(house)] == [(0, "unknown RuntimeError"), (1, None)]
    for days in range(1, 60):
        work.step(now + days * 86_400)
    assert left(house)[0] == (2, None, "unknown RuntimeError")
