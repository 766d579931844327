"""Links that customers follow, pictures that mails show, pages to leave by: through real HTTP."""

from __future__ import annotations

import json

import pytest

from automation.app import App
from automation.runtime import upkeep
from automation.store.states import MessageState
from automation.tracking import targets
from automation.tracking.targets import Link, Targets
from automation.tracking.tokens import KINDS, Tokens, Use
from tests.web.caller import Caller

SHOP = "https://shop.example.com/a?x=1&y=%E4%BD%A0"


@pytest.fixture
def person(app: App) -> int:
    with app.store.write() as tx:
        tx.run("INSERT INTO person (uid, seed, created_at, changed_at) VALUES ('u1', 1, 0, 0)")
        tx.run(
            "INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, state, scheduled_at,"
            " expires_at, channel, lane, sent_at) VALUES (1, 1, 0, 1, 1, 1, 1, :sent, 0, 0, 'mail_main', 'email', 1)",
            sent=int(MessageState.SENT),
        )
        tx.run("INSERT INTO journey (name, status) VALUES ('j', 'live')")
        tx.run("INSERT INTO step (journey_id, key) VALUES (1, 'hello')")
        tx.run(
            "INSERT INTO consent (person_id, channel, purpose, granted, source, at)"
            " VALUES (1, 'email', 'marketing', 1, 'test', 1)"
        )
    return 1


def token(app: App, use: Use, *numbers: int) -> str:
    return Tokens(app.store, app.vault.link_key).make(use, *numbers)


def granted(app: App) -> list[tuple[object, ...]]:
    return app.store.rows("SELECT channel, purpose, granted FROM consent ORDER BY channel, purpose")


def test_a_click_goes_on_and_is_recorded(call: Caller, app: App, person: int) -> None:
    link = Link(SHOP, "shop")
    number = Targets(app.store, app.vault).numbers([link], 0)[link]
    path = f"/c/{token(app, Use.CLICK, 1, number)}"
    looked = call("HEAD", path)
    assert (looked.status, app.store.value("SELECT clicked_at FROM message")) == (302, None)
    answer = call("GET", path)
    assert (answer.status, answer.headers["location"], answer.headers["referrer-policy"]) == (302, SHOP, "no-referrer")
    assert app.store.value("SELECT clicked_at FROM message") == app.clock.now()
    assert json.loads(app.store.value("SELECT props FROM event"))["link"] == "shop"


def test_the_nightly_work_forgets_links_that_nobody_uses(call: Caller, app: App, person: int) -> None:
    old, used = Link(SHOP, "old"), Link(SHOP, "used")
    shop = Targets(app.store, app.vault)
    numbers = shop.numbers([old, used], 0)
    shop.numbers([used], targets.KEPT)
    upkeep.nightly(app, targets.KEPT + 10)
    found = [Targets(app.store, app.vault).link(numbers[link]) for link in (old, used)]
    assert found == [None, used]
    assert call("GET", f"/c/{token(app, Use.CLICK, 1, numbers[old])}").status == 404


def test_a_picture_tells_that_a_mail_was_opened(call: Caller, app: App, person: int) -> None:
    answer = call("GET", f"/o/{token(app, Use.OPEN, 1)}")
    assert (answer.status, answer.headers["content-type"], answer.body[:6]) == (200, "image/gif", b"GIF89a")
    assert app.store.value("SELECT opened_at FROM message") == app.clock.now()


def test_looking_changes_nothing_and_the_button_acts(call: Caller, app: App, person: int) -> None:
    path = f"/u/{token(app, Use.LEAVE, 1, person, KINDS.index('email'))}"
    for _ in range(20):
        page = call("GET", path)
        assert page.status == 200
    assert granted(app) == [("email", "marketing", 1)]
    assert "<script" not in page.body.decode()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for _ in range(2):
        assert call("POST", path, b"do=stop", {"content-type": "application/x-www-form-urlencoded"}).status == 200
    assert granted(app) == [("email", "marketing", 0)]
    assert app.store.value("SELECT count(*) FROM consent_log") == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
         "multipart/form-data; boundary=b"),
    ],
)  # fmt: skip
def test_a_mail_program_leaves_with_one_click(call: Caller, app: App, person: int, body: bytes, kind: str) -> None:
    path = f"/u/{token(app, Use.LEAVE, 1, person, KINDS.index('email'))}"
    answer = call("POST", path, body, {"content-type": kind})
    assert (answer.status, "location" in answer.headers, "set-cookie" in answer.headers) == (200, False, False)
    assert granted(app) == [("email", "marketing", 0)]


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=b&" * 2000, b"x" * 20_000, b"do=" + b"%" * 100, b"",
                                  b"--b\r\nnonsense", b"do=evil"])  # fmt: skip
def test_other_forms_change_nothing(call: Caller, app: App, person: int, body: bytes) -> None:
    path = f"/u/{token(app, Use.LEAVE, 1, person, KINDS.index('email'))}"
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data", "x"):
        assert call("POST", path, body, {"content-type": kind}).status in (200, 400, 413)
    assert granted(app) == [("email", "marketing", 1)]


def test_forged_tokens_are_all_alike_and_their_senders_put_off(call: Caller, app: App, person: int) -> None:
    good = token(app, Use.LEAVE, 1, person, KINDS.index("email"))
    forged = [good[:-1] + ("A" if good[-1] != "A" else "B"), good[::-1], "x", "A" * 40, "A" * 400, "%2e%2e", good + "=",
              token(app, Use.OPEN, 1)]  # fmt: skip
    pages = {call("GET", f"/u/{one}", headers={"x-forwarded-for": "203.0.113.1"}).status for one in forged}
    assert pages == {404}
    many = [call("GET", f"/c/{'A' * 30}{number}", headers={"x-forwarded-for": "203.0.113.1"}) for number in range(60)]
    assert {one.status for one in many} == {404, 429}
    assert call("GET", f"/u/{good}").status == 200
