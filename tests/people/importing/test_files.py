from __future__ import annotations

import random
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from automation.kernel import errors
from automation.people import identities, showing
from automation.people.importing import Limits, Options, customers, text_files, workbooks
from automation.people.registry import Registry

NOW = 1_767_225_600


def read(path: Path, encoding: str = "utf-8", delimiter: str | None = None) -> list[tuple[int, list[str], bool]]:
    return [(line, cells, problem is not None) for line, cells, problem in text_files.rows(path, encoding, delimiter)]


def workbook(path: Path, *rows: tuple[Any, ...]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_the_encoding_is_found(table: Callable[..., Path], encoding: str, found: str) -> None:
    path = table("手机号,姓名", "13800000001,王芳㐀", encoding=encoding)
    assert text_files.survey(path).encoding == found
    assert [cells for _, cells, _ in read(path, found)] == [["手机号", "姓名"], ["13800000001", "王芳㐀"]]


@pytest.mark.parametrize("word", [
    "base64", "rot13", "zlib", "bz2", "hex", "uu", "quopri", "idna", "punycode", "undefined", "unicode_escape",
    "raw_unicode_escape", "utf-7", "ascii", "klingon", "王", "x" * 5000, "../utf_8", "utf-8\0", "\ud800", " ",
])  # fmt: skip
def test_an_encoding_that_is_no_tables_is_refused_with_those_that_are(
    shop: Registry, table: Callable[..., Path], word: str
) -> None:
    with pytest.raises(errors.Refused, match=r"write one of utf-8, gb18030, gbk, .*utf-16") as refusal:
        customers(shop, table("手机号,姓名", "13800000001,王芳"), Options(encoding=word), NOW)
    assert len(str(refusal.value)) < 250
    assert shop.store.value("SELECT count(*) FROM import_job") == 0


@pytest.mark.parametrize(
    ("word", "written"),
    [
        *((word, word) for word in text_files.ENCODINGS), ("UTF8", "utf-8"), ("utf-8", "utf-8-sig"), ("cp936", "gbk"),
        ("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf_16_le", "utf-16-le"), ("Big5-HKSCS", "big5hkscs"),
    ],
)  # fmt: skip
def test_a_file_is_read_in_the_encoding_that_is_named(tmp_path: Path, word: str, written: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("a,b\r\n13800000001,王芳\r\n".encode(written))
    found = text_files.survey(path, word).encoding
    assert [cells for _, cells, _ in read(path, found)] == [["a", "b"], ["13800000001", "王芳"]]


@pytest.mark.parametrize("word", [*text_files.ENCODINGS])
def test_bytes_of_any_kind_are_rows_or_rejects_in_every_encoding(tmp_path: Path, word: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(random.Random(1).randbytes(40_000))
    found = text_files.survey(path, word).encoding
    rows = list(text_files.rows(path, found, ","))
    assert any(problem for _, _, problem in rows)
    for _, cells, problem in rows:
        assert problem or "".join(cells).encode() is not None
    path.write_bytes(b"")
    assert read(path, text_files.survey(path, word).encoding) == []


def test_half_of_a_character_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,x\n2,\\ud800\n3,"y"\n')
    assert [bad for _, _, bad in read(path, "raw_unicode_escape")] == [False, False, True, False]


def test_a_file_with_one_damaged_byte_stays_utf8_and_loses_one_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = [f"1380000{n:04d},王芳女士".encode() for n in range(50)]
    lines[7] = lines[7][:-1]
    path.write_bytes(b"\n".join(lines))
    assert text_files.survey(path).encoding == "utf-8"
    assert [line for line, _, bad in read(path) if bad] == [8]


def test_a_character_across_two_blocks_does_not_hide_the_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "BLOCK", 7)
    for encoding in ("utf-8", "gb18030"):
        path = tmp_path / encoding
        path.write_bytes("手机号,王芳\n李明,赵云\n".encode(encoding) * 20)
        assert text_files.survey(path).encoding == encoding


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_separator_is_found(table: Callable[..., Path], sign: str) -> None:
    assert read(table(sign.join("abc"), sign.join("123")))[1][1] == ["1", "2", "3"]


@pytest.mark.parametrize("block", [10, 25, 60, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_are_the_same_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, end: str
) -> None:
    monkeypatch.setattr(text_files, "BLOCK", block)
    path = tmp_path / "x.csv"
    text = ["a,b", 'x,"two', 'lines"', "", '"q""q",2', "plain,3", "王芳,4", 'last,"5"']
    path.write_bytes(end.join(text).encode())
    found = read(path)
    assert [cells for _, cells, _ in found] == [
        ["a", "b"], ["x", f"two{end}lines"], [], ['q"q', "2"], ["plain", "3"], ["王芳", "4"], ["last", "5"],
    ]  # fmt: skip
    assert [line for line, _, _ in found] == [1, 2, 4, 5, 6, 7, 8]


def test_an_open_quotation_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = [f"{n},x" for n in range(1, 101)]
    lines[9] = '10,"x'
    path.write_text("\n".join(lines))
    found = read(path)
    assert [line for line, _, bad in found if bad] == [10]
    assert [cells[0] for _, cells, bad in found if not bad] == [str(n) for n in range(1, 101) if n != 10]


def test_an_open_quotation_near_the_end_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,"x\n2,y\n3,z\n')
    assert [(line, bad) for line, _, bad in read(path)] == [(1, False), (2, True), (3, False), (4, False)]


def test_a_cell_beyond_measure_costs_one_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1," + "x" * 200_000 + "\n2,y\n")
    assert [(line, bad) for line, _, bad in read(path)] == [(1, False), (2, True), (3, False)]


def test_reading_takes_no_more_memory_for_a_longer_file(tmp_path: Path) -> None:
    peaks = []
    for rows in (20_000, 80_000):
        path = tmp_path / f"{rows}.csv"
        path.write_text("手机号,姓名\n" + "13800000001,王芳\n" * rows)
        tracemalloc.start()
        assert sum(1 for _ in text_files.rows(path, "utf-8", None)) == rows + 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 40 * 2**20
    assert peaks[1] < peaks[0] * 2


def test_a_workbook_is_imported_with_numbers_and_dates(shop: Registry, tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        ("会员导出",),
        ("手机号", "姓名", "生日", "到店次数", "注册时间"),
        (13800000001, "王芳", datetime(1990, 3, 8), 12.0, datetime(2024, 3, 5, 12, 30)),  # noqa: DTZ001
        ("13800000002", None, "农历八月十五", 1.5, None),
        (None, None, None, None, None),
        ("bad", "李明", None, None, None),
    )
    report = customers(shop, path, Options(), NOW)
    assert (report.created, report.rejected, report.blank) == (2, 1, 1)
    (one,), (two,) = identities.search(shop, "13800000001"), identities.search(shop, "13800000002")
    found = showing.show(shop, one, NOW)
    assert found["fields"] == {"birthday": "1990-03-08", "visits": 12}
    assert found["created_at"] == 1_709_613_000
    assert showing.show(shop, two, NOW)["fields"] == {"birthday": "农历八月十五", "visits": 1.5}


def test_another_sheet_can_be_named(shop: Registry, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    book.create_sheet("会员").append(("手机号",))
    book["会员"].append(("13800000001",))
    book.save(path)
    assert customers(shop, path, Options(sheet="会员"), NOW).created == 1
    with pytest.raises(errors.Refused, match="会员"):
        customers(shop, path, Options(sheet="x"), NOW)


def zipped(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"), data)
    return path


@pytest.mark.parametrize(
    ("parts", "limits", "reason"),
    [
        ({"xl__worksheets__sheet1_xml": b"\0" * 30_000_000}, Limits(), "made to do harm"),
        ({"xl__worksheets__sheet1_xml": b"x" * 3000}, Limits(unpacked=2000), "unpacks to more"),
        ({"xl__sharedStrings_xml": b"x" * 3000}, Limits(shared_texts=2000), "too many texts"),
        ({"xl__vbaProject_bin": b"x"}, Limits(), "macros"),
        ({"xl__externalLinks__externalLink1_xml": b"x"}, Limits(), "links to other files"),
        ({"xl__workbook_xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'}, Limits(), "entities"),
        ({"a_xml": b"", "b_xml": b""}, Limits(parts=1), "2 parts"),
    ],
)
def test_a_workbook_made_to_do_harm_is_refused_at_once(
    tmp_path: Path, parts: dict[str, bytes], limits: Limits, reason: str
) -> None:
    path = zipped(tmp_path / "x.xlsx", **parts)
    started = time.process_time()
    with pytest.raises(errors.Refused, match=reason):
        workbooks.check(path, limits)
    assert time.process_time() - started < 1


def test_a_damaged_workbook_says_how_far_it_was_read(shop: Registry, tmp_path: Path) -> None:
    with pytest.raises(errors.Refused, match="damaged after row 0"):
        customers(shop, zipped(tmp_path / "x.xlsx", a_xml=b"x"), Options(), NOW)
    whole = workbook(tmp_path / "y.xlsx", ("手机号",), *((f"138{n:08d}",) for n in range(30)))
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(tmp_path / "z.xlsx", "w") as other:
        for part in archive.infolist():
            data = archive.read(part)
            other.writestr(part, data[: len(data) // 2] if part.filename.endswith("sheet1.xml") else data)
    with pytest.raises(errors.Refused, match="damaged after row 1"):
        customers(shop, tmp_path / "z.xlsx", Options(chunk=5), NOW)
    assert 0 < shop.store.value("SELECT count(*) FROM person") < 30


def test_what_is_no_workbook_is_refused(shop: Registry, table: Callable[..., Path]) -> None:
    with pytest.raises(errors.Refused, match=r"not an \.xlsx workbook"):
        customers(shop, table("手机号", "13800000001", name="x.xlsx"), Options(), NOW)
    with pytest.raises(errors.Refused, match="write one of utf-8"):
        customers(shop, table("手机号", "13800000001"), Options(encoding="utf-99"), NOW)


def test_a_cell_beyond_all_measure_is_told_apart_from_a_quotation_without_end(table: Callable[..., Path]) -> None:
    path = table("手机号,姓名", f"13800000001,{'王' * 300_000}", '13800000002,"芳', "13800000003,芳")
    problems = [problem for _, _, problem in text_files.rows(path, "utf-8", None)]
    assert problems == [None, text_files.TOO_LONG, text_files.UNCLOSED, None]


def test_a_workbook_is_known_by_what_it_is_and_not_by_its_name(shop: Registry, tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ("手机号",), ("13800000001",)).rename(tmp_path / "x.csv")
    assert customers(shop, path, Options(), NOW).created == 1
    old = tmp_path / "y.csv"
    old.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    with pytest.raises(errors.Refused, match=r"save it as \.xlsx"):
        customers(shop, old, Options(), NOW)


def test_a_table_without_headings_shows_nobody(shop: Registry, table: Callable[..., Path]) -> None:
    with pytest.raises(errors.Refused) as refusal:
        customers(shop, table("13812345678,王小明,a@b.com", "13812345679,李雷,c@d.com"), Options(), NOW)
    assert "the first row has 3 columns and looks like data, not headings" in str(refusal.value)
    assert not any(told in str(refusal.value) for told in ("138", "王小明", "a@b"))


def test_a_csv_of_more_columns_than_a_workbook_may_have_is_refused_at_once(
    shop: Registry, table: Callable[..., Path]
) -> None:
    path = table(",".join(["手机号", *(f"列{n}" for n in range(5_000))]), "13800000001")
    with pytest.raises(errors.Refused, match="row 1 has 5001 columns, more than 500"):
        customers(shop, path, Options(), NOW)
    trailing = table("手机号" + "," * 5_000, "13800000001" + "," * 5_000, name="trailing.csv")
    assert customers(shop, trailing, Options(), NOW).created == 1
