"""What a mail carries besides its text: the way to leave, and pictures. The bytes themselves, as on the wire."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path
from typing import Any

import pytest

from bots.mail import mime, pictures

SENDER = mime.Sender("shop@example.com", "旅程", None)
LONG = "https://go.example.com/" + "sub/" * 40 + "u/" + "A" * 40
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 200


def composed(**body: Any) -> bytes:
    whole = {"subject": "您好", "text": "您好", "html": "<p>您好</p>", **body}
    parts = pictures.Pictures().parts(whole.get("images"))
    return SENDER.compose(mime.letter("a@example.com", "k1@example.com", 1_772_323_200, whole, parts))


def test_the_address_to_leave_stands_whole_in_one_line() -> None:
    raw = composed(unsubscribe=LONG)
    assert f"\r\nList-Unsubscribe: <{LONG}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert b"=?utf-8?q?=3C" not in raw
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed["List-Unsubscribe"] == f"<{LONG}>"


def test_one_click_is_for_https_only_and_a_mail_without_a_link_has_neither() -> None:
    plain = composed(unsubscribe="http://127.0.0.1:8080/u/x")
    assert b"List-Unsubscribe: <http://127.0.0.1:8080/u/x>\r\n" in plain and b"One-Click" not in plain
    assert b"List-Unsubscribe" not in composed()


@pytest.mark.parametrize(
    "url",
    ["https://a.cn/\r\nBcc: x@example.com", "https://a.cn/ x", "https://a.cn/>,<mailto:x", "javascript:x",
     "mailto:a@b.cn",
     "https://a.cn/中", "https://a.cn/" + "x" * 1000, 7],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: Any) -> None:
    with pytest.raises(pictures.BadContent, match="unsubscribe"):
        composed(unsubscribe=url)


def test_pictures_stand_beside_the_page_that_shows_them(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(PNG)
    raw = composed(images={"logo": str(tmp_path / "logo.png")})
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    text, related = mail.iter_parts()  # type: ignore[union-attr]
    assert (text.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
    page, picture = related.iter_parts()
    assert page.get_content() == "<p>您好</p>"
    assert (picture["Content-ID"], picture.get_content_type(), picture.get_content()) == ("<logo>", "image/png", PNG)
    assert [part.defects for part in mail.walk()] == [[]] * 5
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path, read = tmp_path / "p.gif", pictures.Pictures()
    path.write_bytes(b"GIF89a" + b"a" * 10)
    first = read.parts({"p": str(path)})
    assert read.parts({"p": str(path)}) == first
    path.write_bytes(b"GIF89a" + b"b" * 11)
    assert read.parts({"p": str(path)}) != first


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"root:x:0:0", "not_an_image"), (b"", "not_an_image"), (PNG + b"x" * (1 << 20), "image_too_large")],
)
def test_only_pictures_are_read(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(pictures.BadContent, match=code):
        composed(images={"x": str(tmp_path / "x")})


@pytest.mark.parametrize(
    "images",
    [
        {"x": "/dev/zero"},
        {"x": "/nowhere.png"},
        {"x": "a\x00b"},
        {"x": 7},
        {"a>\r\nBcc: y": "/x"},
        ["x"],
        {str(n): "x" for n in range(30)},
    ],
)
def test_names_and_paths_that_are_none_are_refused(images: Any) -> None:
    with pytest.raises(pictures.BadContent):
        composed(images=images)
