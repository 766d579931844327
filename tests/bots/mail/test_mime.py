from __future__ import annotations

import email
import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bots.mail import mime, pictures

NOW = 1_772_323_200
ANY = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=300)
PRINTED = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=200)


def parsed(sender: mime.Sender, **body: str) -> EmailMessage:
    made = sender.compose(mime.letter("li@example.com", "k1@example.com", NOW, body))
    check_wire(made)
    mail = email.message_from_bytes(made, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def check_wire(made: bytes) -> None:
    assert made.isascii()
    assert made.endswith(b"\r\n")
    for line in made[:-2].split(b"\r\n"):
        assert len(line) <= 998
        assert b"\n" not in line
        assert b"\r" not in line
        assert not line.startswith(b".")
        assert len(line) <= 76 or b"=?" not in line


def content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode(part.get_content_charset() or "")


PLAIN = {"subject": "s", "text": "t"}
SENDER = mime.Sender("shop@example.com", "旅程商店", "help@example.com")


def test_a_mail_has_the_headers_a_mailbox_expects() -> None:
    mail = parsed(SENDER, subject="生日快乐，王芳", text="祝您生日快乐", html="<p>祝您生日快乐</p>")
    assert mail["From"].addresses[0].display_name == "旅程商店"
    assert mail["From"].addresses[0].addr_spec == "shop@example.com"
    assert mail["Reply-To"].addresses[0].addr_spec == "help@example.com"
    assert mail["To"].addresses[0].addr_spec == "li@example.com"
    assert mail["Subject"] == "生日快乐，王芳"
    assert mail["Message-ID"] == "<k1@example.com>"
    assert mail["Date"].datetime.timestamp() == NOW
    assert mail["MIME-Version"] == "1.0"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert list(mail.defects) == []


def test_a_mail_without_html_is_plain_text() -> None:
    mail = parsed(SENDER, subject="hello", text="just words")
    assert mail.get_content_type() == "text/plain"
    assert content(mail, "plain") == "just words"


@settings(max_examples=60, deadline=None)
@given(ANY, ANY)
@example("." * 80, "\r.\r\n.\n..")
@example("\r", "--=_lucheng_part--")
def test_both_parts_arrive_as_written(text: str, html: str) -> None:
    if not text.strip() or not html.strip():
        return
    mail = parsed(SENDER, subject="s", text=text, html=html)
    for kind, written in (("plain", text), ("html", html)):
        assert content(mail, kind) == written.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@settings(max_examples=60, deadline=None)
@given(PRINTED)
@example("=?utf-8?b?5L2g?=")
@example("a" * 300)
@example("two  blanks")
@example("Hello, World: 50% off.")
@example("x =?")
def test_any_subject_arrives_as_written(subject: str) -> None:
    if subject.strip():
        assert parsed(SENDER, subject=subject, text="t")["Subject"] == subject


@settings(max_examples=60, deadline=None)
@given(PRINTED)
@example('O"Neil, the (best) <shop@evil.example>')
@example("Dr. Li")
@example("a\\b")
def test_any_sender_name_arrives_as_written_and_is_one_address(name: str) -> None:
    mail = parsed(mime.Sender("shop@example.com", name, None), subject="s", text="t")
    assert [one.addr_spec for one in mail["From"].addresses] == ["shop@example.com"]
    # read with the older parser: the newer one puts a blank between the encoded words of a long name
    made = mime.Sender("shop@example.com", name, None).compose(mime.letter("a@example.com", "k@x", NOW, PLAIN))
    [(shown, address)] = getaddresses([email.message_from_bytes(made)["From"]])
    assert (str(make_header(decode_header(shown))), address) == (" ".join(name.split()), "shop@example.com")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from("\r\n\0\x0b\x0c\x1b\x7f"), st.text(max_size=5), st.text(max_size=20))
def test_a_control_character_in_the_subject_is_refused(char: str, before: str, after: str) -> None:
    with pytest.raises(pictures.BadContent, match="line_break_in_subject"):
        mime.letter("a@example.com", "k@example.com", NOW, {"subject": f"{before}{char}{after}", "text": "t"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "t"}, "no_subject"),
        ({"subject": "s", "html": "<p>x</p>"}, "no_text"),
        ({"subject": "s", "text": 5}, "text_is_no_text"),
        ({"subject": "s", "text": "t", "html": ["x"]}, "html_is_no_text"),
    ],
)
def test_a_body_that_lacks_something_says_what(body: dict[str, mime.Json], code: str) -> None:
    with pytest.raises(pictures.BadContent, match=f"^{code}$"):
        mime.letter("a@example.com", "k@example.com", NOW, body)


def test_text_that_is_not_unicode_is_bad_content() -> None:
    with pytest.raises(pictures.BadContent, match="not_unicode"):
        SENDER.compose(mime.letter("a@example.com", "k@example.com", NOW, {"subject": "s", "text": "\ud800"}))


def test_the_page_leaves_as_it_was_rendered_with_its_preview_line_once() -> None:
    page = "<html><body><div style='display:none'>给您的礼物</div><p>hi</p></body></html>"
    mail = parsed(SENDER, subject="s", text="t", html=page, preview="给您的礼物")
    assert content(mail, "html") == page


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("li.na+x@example.com", "li.na+x@example.com"),
        ("a@例子.中国", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a@localhost", "a@localhost"),
        ("a@example.com\r\nRCPT TO:<b@example.com>", None),
        ("a@example.com\n", None),
        ("a b@example.com", None),
        ("a@b@example.com", None),
        ("<a@example.com>", None),
        ("a@example.com>", None),
        (".a@example.com", None),
        ("a..b@example.com", None),
        ("王@example.com", None),
        ("a@-example.com", None),
        ("a@" + "例" * 80 + ".com", None),
        ("@example.com", None),
        ("a@", None),
        ("a", None),
        ("", None),
        ("a" * 65 + "@example.com", None),
    ],
)
def test_an_address_is_made_safe_for_the_wire_or_refused(written: str, wire: str | None) -> None:
    assert mime.address(written) == wire


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_no_address_breaks_a_command(written: str) -> None:
    wire = mime.address(written)
    assert wire is None or (wire.isascii() and wire.isprintable() and not set(wire) & set(" <>\r\n"))
