"""Coupon codes out of tables: what is a code, and what must not become one."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from automation.kernel import errors
from automation.people.importing import Options
from automation.people.importing.codes import CodeFile


def read(path: Path, column: str | None = None) -> list[str]:
    return list(CodeFile(path, Options(), column, 64))


def test_a_file_of_one_column_needs_no_heading(table: Callable[..., Path]) -> None:
    assert read(table("AAA1", "", "AAA2")) == ["AAA1", "AAA2"]
    assert read(table("1111 2222", "1111 3333")) == ["1111 2222", "1111 3333"]


def test_words_in_chinese_above_the_only_column_are_no_codes(table: Callable[..., Path]) -> None:
    assert read(table("十一月生日券", "卡券", "AAA1", "AAA2")) == ["AAA1", "AAA2"]


def test_codes_may_be_chinese_where_all_are(table: Callable[..., Path]) -> None:
    assert read(table("新春A1", "新春A2")) == ["新春A1", "新春A2"]


def test_headings_may_stand_below_a_title_and_the_better_word_holds(table: Callable[..., Path]) -> None:
    assert read(table("优惠券导出", "编号,券码", "1,AAA1")) == ["AAA1"]


@pytest.mark.parametrize("lines", [("gutschein", "AAA1", "AAA2"), ("coupon list,worth", "AAA1,50"), ("HELLO",), ()])
def test_what_may_be_a_heading_is_asked_about(table: Callable[..., Path], lines: tuple[str, ...]) -> None:
    with pytest.raises(errors.Refused, match="--column HEADING"):
        read(table(*lines))


@pytest.mark.parametrize("lines", [("13812345678,王小明,AAA1",), ("HELLO", "AAA1")])
def test_a_refusal_shows_no_cell(table: Callable[..., Path], lines: tuple[str, ...]) -> None:
    for column in (None, "gutschein"):
        with pytest.raises(errors.Refused) as refusal:
            read(table(*lines), column)
        assert not any(cell in str(refusal.value) for line in lines for cell in line.split(","))


def test_the_column_can_be_said_by_heading_or_number(table: Callable[..., Path]) -> None:
    assert read(table("Gutschein,wert", "AAA1,50"), "gutschein") == ["AAA1"]
    assert read(table("HELLO", "AAA2"), "1") == ["HELLO", "AAA2"]
    assert read(table("50,AAA1", "50,AAA2"), "2") == ["AAA1", "AAA2"]
    with pytest.raises(errors.Refused, match="heading gutschien"):
        read(table("Gutschein,wert", "AAA1,50"), "gutschien")


def test_a_workbook_is_read_too(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (("券号", "面额"), ("AAA1", 50), (20261122, 50)):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "q.xlsx")
    assert read(tmp_path / "q.xlsx") == ["AAA1", "20261122"]


def test_rejected_rows_are_kept_with_their_line_for_the_owner_only(table: Callable[..., Path]) -> None:
    path = table("券码,备注", "AAA1,", f"{'B' * 65},长", "1.23457E+15,", ",空", "合计,3", '"AAA1\n2",', "AAA2,")
    found = CodeFile(path, Options(), None, 64)
    assert list(found) == ["AAA1", "AAA2"]
    assert found.rejected == 5
    assert found.rejects_path is not None
    assert stat.S_IMODE(found.rejects_path.stat().st_mode) == 0o600
    rejects = found.rejects_path.read_text("utf-8-sig").splitlines()
    assert rejects[0].endswith("券码,备注")
    assert [line[:2] for line in rejects if line[1:2] == ","] == ["3,", "4,", "5,", "6,", "7,"]
    assert "rounded number" in rejects[2]


@pytest.mark.parametrize(("lines", "column"), [(("AAA1", "B" * 65), None), (("50,AAA1", f"50,{'B' * 65}"), "2")])
def test_a_rejects_file_put_right_can_be_imported_itself(
    table: Callable[..., Path], lines: tuple[str, ...], column: str | None
) -> None:
    found = CodeFile(table(*lines), Options(), column, 64)
    assert list(found) == ["AAA1"]
    assert found.rejects_path is not None
    right = found.rejects_path.read_text("utf-8-sig").replace("B" * 65, "BBB1")
    assert read(table(*right.splitlines(), name="right.csv")) == ["BBB1"]


def test_a_file_in_gb18030_and_one_with_damaged_places_is_read(table: Callable[..., Path]) -> None:
    assert read(table("券码,备注", "AAA1,生日", encoding="gb18030")) == ["AAA1"]
    path = table("券码", "AAA1")
    path.write_bytes(path.read_bytes() + b"AA\xff\xffA\r\nAAA3\r\n")
    assert read(path) == ["AAA1", "AAA3"]
