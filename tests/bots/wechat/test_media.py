"""Pictures named by their file: uploaded once, known by an id, and again where WeChat forgot them."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automation.kernel.ports import Accepted, Denied, Message, Reason
from bots.wechat import limits

Say = Callable[..., Message]
UPLOAD, ADD = "/cgi-bin/media/upload", "/cgi-bin/material/add_material"


def png(colour: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes([0, colour]))) + chunk(b"IEND", b"")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "spring.png"
    path.write_bytes(png())
    return path


def used(account: Any, path: str) -> int:
    return int(account.set("world")["used"].get(path, 0))


def test_a_picture_is_uploaded_once_for_many_messages(account: Any, say: Say, picture: Path) -> None:
    account.set("window", openids=["o1", "o2"], messages=None)
    shop, body = account.channel(), {"image": {"file": str(picture)}}
    assert shop.send([say("customer_service", "o1", body), say("customer_service", "o2", body)]) == [Accepted("")] * 2
    assert shop.send([say("customer_service", "o1", body)]) == [Accepted("")]
    assert used(account, UPLOAD) == 1
    sent = {entry.body["official"]["image"]["media_id"] for entry in account.got()}
    assert len(sent) == 1


def test_another_process_takes_the_id_from_the_shared_cache(account: Any, say: Say, picture: Path) -> None:
    account.set("window", openid="o1", messages=None)
    for _ in range(2):
        account.channel().send([say("customer_service", "o1", {"image": {"file": str(picture)}})])
    assert used(account, UPLOAD) == 1


def test_an_id_is_given_up_before_wechat_forgets_it(account: Any, say: Say, picture: Path) -> None:
    account.set("window", openid="o1", messages=None)
    for passed in (0, limits.MEDIA_SECONDS + 1):
        account.cache.now += passed
        account.channel().send([say("customer_service", "o1", {"image": {"file": str(picture)}})])
    assert used(account, UPLOAD) == 2


def test_a_picture_that_wechat_no_longer_knows_is_uploaded_again_and_the_message_leaves(
    account: Any, say: Say, picture: Path
) -> None:
    account.set("window", openid="o1", messages=None)
    shop, body = account.channel(), {"image": {"file": str(picture)}}
    shop.send([say("customer_service", "o1", body)])
    account.set("forget")
    assert shop.send([say("customer_service", "o1", body)]) == [Accepted("")]
    assert used(account, UPLOAD) == 2


def test_a_media_id_of_the_shops_own_that_is_gone_is_bad_content(account: Any, say: Say) -> None:
    account.set("window", openid="o1", messages=None)
    sent = account.channel().send([say("customer_service", "o1", {"image": {"media": "expired-1"}})])
    assert sent == [Denied(Reason.BAD_CONTENT, "40007")]


def test_a_picture_that_changed_is_another(account: Any, say: Say, picture: Path) -> None:
    account.set("window", openid="o1", messages=None)
    shop = account.channel()
    for colour in (1, 2):
        picture.write_bytes(png(colour) + b" " * colour)
        shop.send([say("customer_service", "o1", {"image": {"file": str(picture)}})])
    assert used(account, UPLOAD) == 2


def test_sixteen_threads_with_a_fresh_picture_upload_it_once(account: Any, say: Say, picture: Path) -> None:
    openids = [f"o{number}" for number in range(16)]
    account.set("window", openids=openids, messages=None)
    shop, found = account.channel(), []
    together = threading.Barrier(16)

    def send(openid: str) -> None:
        together.wait(30)
        found.extend(shop.send([say("customer_service", openid, {"image": {"file": str(picture)}})]))

    threads = [threading.Thread(target=send, args=(openid,)) for openid in openids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [Accepted("")] * 16
    assert used(account, UPLOAD) == 1


def test_a_revoked_token_costs_one_more_upload_and_no_message(account: Any, say: Say, picture: Path) -> None:
    account.set("window", openid="o1", messages=None)
    shop = account.channel()
    shop.send([say("customer_service", "o1", {"text": "一"})])
    account.set("revoke")
    assert shop.send([say("customer_service", "o1", {"image": {"file": str(picture)}})]) == [Accepted("")]


def test_a_mass_message_shows_material_that_stays(account: Any, say: Say, picture: Path) -> None:
    account.set("follow", openids=["o1", "o2"])
    body = {"mass": {"image": {"file": str(picture)}}}
    outcomes = account.channel().send([say("mass", openid, body) for openid in ("o1", "o2")])
    assert all(isinstance(one, Accepted) for one in outcomes)
    assert (used(account, UPLOAD), used(account, ADD)) == (0, 1)
    assert {entry.body["official"]["msgtype"] for entry in account.got()} == {"image"}


def test_a_mass_message_to_a_tag_whose_picture_wechat_forgot_leaves_with_another_upload(
    account: Any, picture: Path
) -> None:
    account.set("follow", openids=["o1", "o2"])
    shop, body = account.channel(mass="tag"), {"mass": {"image": {"file": str(picture)}}}
    assert shop.gather("list_1", ["o1", "o2"]) == set()
    assert isinstance(shop.release("list_1", body, "k1"), Accepted)
    account.set("forget", material=True)
    assert isinstance(shop.release("list_1", body, "k2"), Accepted)
    assert used(account, ADD) == 2
    assert [entry.address for entry in account.got()] == ["o1", "o2"] * 2


def test_a_card_shows_a_picture_of_the_shop(account: Any, say: Say, picture: Path) -> None:
    account.set("window", openid="o1", messages=None)
    card = {"title": "会员", "appid": "wxmini", "page": "pages/a", "picture": {"file": str(picture)}}
    assert account.channel().send([say("customer_service", "o1", {"mini_program": card})]) == [Accepted("")]
    (entry,) = account.got()
    assert entry.body["official"]["miniprogrampage"]["thumb_media_id"].startswith("sbmedia_")


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "no_such_picture"), (b"GIF is no picture", "no_picture"),
     (png() + b" " * limits.PICTURE_BYTES, "picture_too_large")],
)  # fmt: skip
def test_what_is_no_picture_is_bad_content_and_stops_nobody_else(
    account: Any, say: Say, tmp_path: Path, content: bytes | None, code: str
) -> None:
    account.set("window", openids=["o1", "o2"], messages=None)
    path = tmp_path / "odd.png"
    if content is not None:
        path.write_bytes(content)
    sent = [
        say("customer_service", "o1", {"image": {"file": str(path)}}),
        say("customer_service", "o2", {"text": "好"}),
    ]
    assert account.channel().send(sent) == [Denied(Reason.BAD_CONTENT, code), Accepted("")]
    assert used(account, UPLOAD) == 0


def test_an_upload_without_an_answer_leaves_the_message_for_later(account: Any, say: Say, picture: Path) -> None:
    shop = account.channel(sandbox="http://127.0.0.1:9")
    (outcome,) = shop.send([say("customer_service", "o1", {"image": {"file": str(picture)}})])
    assert isinstance(outcome, Denied)
    assert (outcome.reason, outcome.permanent) == (Reason.UNAVAILABLE, False)
