from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from automation.kernel import errors
from automation.people import exporting


@pytest.mark.parametrize("sign", list("=+-@\t\r\n＝＋－＠"))
def test_no_cell_becomes_a_formula_and_comes_back_as_it_was(sign: str) -> None:
    cell = f'{sign}HYPERLINK("https://example.com")'
    assert exporting.safe(cell) == f"'{cell}"
    assert exporting.unsafe(exporting.safe(cell)) == cell


def test_plain_cells_stay_as_they_are() -> None:
    assert [exporting.safe(cell) for cell in ("王芳", -5, 1.5, None, "", "a=b", "'x")] == [
        "王芳", "-5", "1.5", "", "", "a=b", "'x",
    ]  # fmt: skip
    assert exporting.unsafe("'x") == "'x"


def test_a_file_is_for_its_owner_opens_in_excel_and_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    assert exporting.export_rows(path, ("姓名", "手机号"), [("=1+1", "+8613800000001"), ("王\n芳", "1")]) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["姓名", "手机号"], ["'=1+1", "'+8613800000001"], ["王\n芳", "1"]]
    with pytest.raises(errors.Refused, match="exists already"):
        exporting.export_rows(path, ("x",), [])
