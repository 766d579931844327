"""Uploads shared by those who wait for them: a failure is told to all, and asked for again by the next."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from automation.kernel.clock import monotonic
from automation.kernel.ports import Denied, Reason
from bots.uploads import NotUploaded, Picture, Uploads, multipart
from tests.bots.memory import MemoryCache

GIF = b"GIF89a" + b"\x01\x00\x01\x00"
AWAY = Denied(Reason.UNAVAILABLE, "http_503", permanent=False)


def test_whoever_waited_for_a_failed_upload_hears_of_it_and_the_next_one_tries_again(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(GIF)
    begun, go, tried = threading.Event(), threading.Event(), []

    def upload(picture: Picture) -> tuple[str, int]:
        tried.append(picture.kind)
        if len(tried) > 1:
            return "M1", 60
        begun.set()
        assert go.wait(30)
        raise NotUploaded(AWAY)

    uploads = Uploads("test", MemoryCache(), upload, 1000)
    failed: list[Denied] = []

    def ask() -> None:
        with pytest.raises(NotUploaded) as wrong:
            uploads.id_of(str(path))
        failed.append(wrong.value.outcome)

    first = threading.Thread(target=ask)
    first.start()
    assert begun.wait(30)
    go.set()
    first.join(30)
    assert failed == [AWAY]
    assert uploads.id_of(str(path)) == "M1"
    assert tried == ["gif", "gif"]


def test_two_names_of_one_picture_are_one_upload(tmp_path: Path) -> None:
    for name in ("a.gif", "b.gif"):
        (tmp_path / name).write_bytes(GIF)
    tried: list[Picture] = []

    def upload(picture: Picture) -> tuple[str, int]:
        tried.append(picture)
        return f"M{len(tried)}", 60

    uploads = Uploads("test", MemoryCache(), upload, 1000)
    assert [uploads.id_of(str(tmp_path / name)) for name in ("a.gif", "b.gif")] == ["M1", "M1"]


def test_a_forgotten_picture_is_uploaded_again_by_every_process(tmp_path: Path) -> None:
    path, cache = tmp_path / "a.gif", MemoryCache()
    path.write_bytes(GIF)
    numbers = iter(range(1, 9))

    def upload(picture: Picture) -> tuple[str, int]:
        return f"M{next(numbers)}", 60

    one, other = Uploads("test", cache, upload, 1000), Uploads("test", cache, upload, 1000)
    assert one.id_of(str(path)) == "M1"
    begun = monotonic()
    one.forget(str(path), begun)
    assert [one.id_of(str(path)), other.id_of(str(path))] == ["M2", "M2"]
    one.forget(str(path), begun)  # by whoever had failed with M1, too
    assert one.id_of(str(path)) == "M2"


def test_a_newer_id_of_another_process_is_not_forgotten(tmp_path: Path) -> None:
    path, cache = tmp_path / "a.gif", MemoryCache()
    path.write_bytes(GIF)
    numbers = iter(range(1, 9))

    def upload(picture: Picture) -> tuple[str, int]:
        return f"M{next(numbers)}", 60

    one, other = Uploads("test", cache, upload, 1000), Uploads("test", cache, upload, 1000)
    assert [one.id_of(str(path)), other.id_of(str(path))] == ["M1", "M1"]
    begun = monotonic()
    other.forget(str(path), begun)
    assert other.id_of(str(path)) == "M2"
    one.forget(str(path), begun)
    one.forget(str(path), begun)  # two threads had failed with M1
    assert [one.id_of(str(path)), other.id_of(str(path)), next(numbers)] == ["M2", "M2", 3]


def test_what_is_uploaded_is_kept_under_what_was_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(GIF)
    seen: list[bytes] = []

    def upload(picture: Picture) -> tuple[str, int]:
        seen.append(picture.content)
        return f"M{len(seen)}", 60

    made = Uploads("test", MemoryCache(), upload, 1000)
    real = made._shared

    def changed(digest: str) -> str:
        path.write_bytes(GIF + b"new")
        return real(digest)

    monkeypatch.setattr(made, "_shared", changed)
    assert made.id_of(str(path)) == "M1"
    monkeypatch.undo()
    assert made.id_of(str(path)) == "M1", "the new picture, by any way"
    path.write_bytes(GIF)
    assert made.id_of(str(path)) == "M2", "the old one was never uploaded"
    assert seen == [GIF + b"new", GIF]


def test_memory_of_pictures_that_failed_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots.uploads.KEPT", 4)

    def upload(picture: Picture) -> tuple[str, int]:
        raise NotUploaded(AWAY)

    made = Uploads("test", MemoryCache(), upload, 1000)
    for number in range(20):
        path = tmp_path / f"{number}.gif"
        path.write_bytes(GIF + bytes([number]))
        with pytest.raises(NotUploaded):
            made.id_of(str(path))
    assert len(made._failed) <= 4
    assert len(made._digests) <= 4


def test_the_form_is_what_the_platforms_read() -> None:
    body, kind = multipart("media", Picture("gif", GIF))
    boundary = kind.partition("boundary=")[2]
    assert body.startswith(f'--{boundary}\r\nContent-Disposition: form-data; name="media"; filename='.encode())
    assert body.endswith(GIF + f"\r\n--{boundary}--\r\n".encode())
