"""A text that cannot do without a link is a problem in a shop that has no web address to make it of."""

from __future__ import annotations

from pathlib import Path

import pytest

import run
from automation.campaigns import draft
from automation.journey import project
from automation.kernel import errors
from automation.settings import load

JOURNEY = """journey: hi
purpose: service
enter: {{event: wechat.followed}}
again: finished
steps:
  - {{send: note, via: [{}], expires: 1d}}
"""
CONFIG = """shop: {name: 测试店}
channels:
  sms_main: {kind: sandbox, plays: sms, url: "http://127.0.0.1:9"}
  mail_main: {kind: mail, host: 127.0.0.1, port: 9, tls: none, from_address: a@example.com}
"""
NEEDED = '<html><body><p><a href="{{ links.unsubscribe }}">退订</a></p></body></html>\n'
GUARDED = NEEDED.replace("<p>", "<p>{% if links.unsubscribe is defined %}").replace("</p>", "{% endif %}</p>")


def found(folder: Path, page: str, via: str = "email", web: str = "{}") -> project.Project:
    (folder / "journeys").mkdir()
    (folder / "templates" / "note").mkdir(parents=True)
    for path, text in {
        "config.yaml": f"{CONFIG}web: {web}\n", "journeys/hi.yaml": JOURNEY.format(via),
        "templates/note/email.yaml": "subject: 您好\n", "templates/note/email.html": page,
        "templates/note/sms.yaml": "template: t\npreview: 【旅程】您好\n",
    }.items():  # fmt: skip
        (folder / path).write_text(text, encoding="utf-8")
    return project.load(load(folder / "config.yaml", {}, run.kinds()))


def test_a_link_that_cannot_be_made_is_told_at_its_place_with_its_cure(tmp_path: Path) -> None:
    read = found(tmp_path, NEEDED)
    (one,) = read.problems
    assert (Path(one.path).name, one.line, one.code) == ("email.html", 1, "J053")
    assert "web.public_url" in one.hint
    assert "hi" not in read.journeys


@pytest.mark.parametrize(
    ("page", "via", "web"),
    [(GUARDED, "email", "{}"), (NEEDED, "sms", "{}"), (NEEDED, "email", "{public_url: 'https://shop.example.com'}")],
)
def test_it_is_none_where_the_text_copes_or_does_not_leave_or_the_shop_has_an_address(
    tmp_path: Path, page: str, via: str, web: str
) -> None:
    read = found(tmp_path, page, via, web)
    assert read.problems == ()
    assert "hi" in read.journeys


def test_a_campaign_with_such_a_text_is_refused(tmp_path: Path) -> None:
    read = found(tmp_path, NEEDED, "sms")
    with pytest.raises(errors.Refused, match=r"web\.public_url"):
        draft.compiled(read, draft.Draft("note", ("email",), 0, "service"), "campaign_x")
    assert draft.compiled(read, draft.Draft("note", ("sms",), 0, "service"), "campaign_x")
