"""Leaving: looking changes nothing, one act is enough, and it holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from automation.kernel.ports import Lane
from automation.tracking import pages
from automation.tracking.choices import Choice
from automation.tracking.following import Subject
from tests.delivery.house import BOTH
from tests.tracking.linked import NOON, Linked
from tests.tracking.test_making import links

ONE_CLICK = {"List-Unsubscribe": ["One-Click"]}


def consents(shop: Linked) -> list[tuple[object, ...]]:
    return shop.store.rows("SELECT channel, purpose, granted, source FROM consent ORDER BY channel, purpose")


def subject(shop: Linked) -> Subject:
    found = shop.follower.subject_of(links(shop.mail.sent[0])["u"][0])
    assert found is not None
    return found


def test_a_hundred_looks_change_nothing(shop: Linked) -> None:
    shop.sent("email", purpose="ads")
    about, before = subject(shop), consents(shop)
    for _ in range(100):
        assert shop.answers.look(about).status == 200
    assert consents(shop) == before
    assert shop.store.value("SELECT count(*) FROM consent_log") == 0


@pytest.mark.parametrize("form", [ONE_CLICK, {"do": ["stop"]}])
def test_one_post_is_enough_and_a_second_writes_nothing(shop: Linked, form: dict[str, list[str]]) -> None:
    person = shop.sent("email", purpose="ads")
    about = subject(shop)
    for again in range(2):
        page = shop.post(about, 60 + again, **form)
        assert page.status == 200 and "已退订邮件推广" in page.html
    ((channel, purpose, granted, source, evidence),) = shop.store.rows(
        "SELECT channel, purpose, granted, source, evidence FROM consent_log WHERE person_id = :id", id=person
    )
    assert (channel, purpose, granted) == ("email", "marketing", 0)
    assert source == ("one-click unsubscribe" if form is ONE_CLICK else "unsubscribe link")
    assert evidence == "the link in message 1"


def test_who_left_gets_no_offers_by_mail_but_notices(shop: Linked) -> None:
    person = shop.sent("email", purpose="ads")
    shop.post(subject(shop), **ONE_CLICK)
    for purpose, states in (("ads", ["SENT", "SUPPRESSED"]), ("plain", ["SENT", "SUPPRESSED", "SENT"])):
        shop.open(
            "2026-03-03 12:00",
            **{f"to_{purpose}": f"purpose: {purpose}\nenter: {{manual: true}}\nagain: finished\nsteps:\n"
               "  - {send: hello, via: [email]}\n"},
        )  # fmt: skip
        shop.enter(f"to_{purpose}", person, "2026-03-03 12:00")
        shop.tick("2026-03-03 12:00")
        shop.deliver("2026-03-03 12:00")
        assert [state for state, _ in shop.states()] == states


def test_all_channels_can_be_left_at_once(shop: Linked) -> None:
    person = shop.sent("email", purpose="ads")
    shop.consent(person, "sms", at=shop.ts(NOON) + 10)
    shop.post(subject(shop), do=["stop_all"])
    assert {(row[0], row[2]) for row in consents(shop)} == {("*", 0), ("sms", 0)}
    shop.post(subject(shop), 70, do=["stop_all"])
    assert shop.store.value("SELECT count(*) FROM consent_log") == 2


def test_a_refusal_holds_against_a_grant_dated_in_the_future(shop: Linked) -> None:
    person = shop.sent("email", purpose="ads")
    shop.consent(person, "email", at=2**33)
    shop.post(subject(shop), **ONE_CLICK)
    assert ("email", "marketing", 0, "one-click unsubscribe") in [tuple(row) for row in consents(shop)]


def test_saved_choices_are_exactly_what_was_ticked(shop: Linked) -> None:
    shop.sent("email", purpose="ads")
    about = subject(shop)
    shop.post(about, do=["save"], yes=["wechat.marketing", "sms.service", "email.service", "wecom.marketing", "<b>"])
    assert {(row[0], row[1], row[2]) for row in consents(shop)} == {
        ("*", "marketing", 1), ("email", "marketing", 0), ("sms", "marketing", 0), ("wechat", "service", 0),
    }  # fmt: skip
    page = shop.post(about, 70, do=["save"], yes=["email.marketing", "email.service"])
    assert "偏好已保存" in page.html
    assert ("email", "marketing", 1, "preference page") in [tuple(row) for row in consents(shop)]


def test_who_wants_nothing_by_mail_is_suppressed_until_they_want_something(shop: Linked) -> None:
    shop.sent("email", purpose="ads")
    about = subject(shop)
    shop.post(about, do=["save"], yes=[])
    assert [tuple(row) for row in shop.store.rows("SELECT kind, reason FROM suppression")] == [
        ("email", "unsubscribed")
    ]
    shop.post(about, 70, do=["save"], yes=["email.service"])
    assert shop.store.rows("SELECT kind FROM suppression") == []
    shop.put(
        "INSERT INTO suppression (kind, lookup, reason, at) SELECT kind, lookup, 'bounced', 1 FROM identity"
        " WHERE kind = 'email'"
    )
    shop.post(about, 80, do=["save"], yes=["email.service", "email.marketing"])
    assert shop.store.value("SELECT reason FROM suppression") == "bounced"


def test_a_form_that_says_nothing_we_know_changes_nothing(shop: Linked) -> None:
    shop.sent("email", purpose="ads")
    for form in ({}, {"do": ["drop table"]}, {"List-Unsubscribe": ["yes"]}, {"yes": ["email.marketing"]}):
        assert shop.post(subject(shop), **form).status == 200
    assert shop.store.value("SELECT count(*) FROM consent_log") == 0


def test_only_kinds_that_reach_the_person_are_offered(shop: Linked) -> None:
    shop.wechat.lanes = [*shop.wechat.lanes, Lane("app", "wecom_user", BOTH)]
    shop.sent("email", purpose="ads")
    html = shop.answers.look(subject(shop)).html
    assert re.findall(r'value="(\w+)\.marketing"', html) == ["wechat", "sms", "email"]
    shop.put("DELETE FROM identity WHERE kind = 'phone'")
    assert re.findall(r'value="(\w+)\.marketing"', shop.answers.look(subject(shop)).html) == ["wechat", "email"]


def test_a_link_about_nobody_says_so(shop: Linked) -> None:
    shop.sent("email")
    page = shop.answers.look(None)
    assert page.status == 404 and "打不开" in page.html


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["旅程良品", '<script>alert(1)</script>"', "a&b</title><img src=x onerror=y>"])
def test_a_page_is_whole_and_nothing_of_it_runs(name: str) -> None:
    choices = [Choice(kind, purpose, True) for kind in pages.CHANNELS for purpose in pages.PURPOSES]
    for page in (pages.ask(name, "sms", choices), pages.done(name, name, choices), pages.unknown(name)):
        read = _Tags()
        read.feed(page.html)
        assert read.open == []
        assert not {"script", "img", "link", "iframe"} & set(read.names)
        assert 'lang="zh-CN"' in page.html and "width=device-width" in page.html
        assert page.html.count("<style>") == 1 and pages.STYLE in page.html
    assert "unsafe-inline" not in pages.HEADERS["content-security-policy"]
