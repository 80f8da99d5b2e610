"""The page of the contract's rows is made from the marks, and wrong ones are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tools.coverage.__main__ import PAGE, ROWS, main
from tools.coverage.marks import BadRows, Mark, find_marks, read_rows

if TYPE_CHECKING:
    from pathlib import Path

LIST = """## First

| row | statement | where |
| --- | --- | --- |
| S1 | it is so | 1.1 |
| S2 | it is otherwise | 1.2, 1.3 |
"""
MARKED = """
import pytest

pytestmark = pytest.mark.seed("S1")

@pytest.mark.seed("S2")
class TestThings:
    async def test_inner(self): ...
    def helper(self): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.seed("S2"))])
def test_outer(x): ...

def test_plain(): ...
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / ROWS).parent.mkdir(parents=True)
    (tmp_path / ROWS).write_text(LIST)
    write(tmp_path, '@pytest.mark.seed("S2")\ndef test_it(): ...\n')
    return tmp_path


def write(root: Path, source: str) -> None:
    (root / "tests/test_it.py").write_text(source)


def test_marks_of_files_classes_and_parameters_are_found() -> None:
    found = set(find_marks(MARKED, "t.py"))
    inner, outer = "t.py::TestThings::test_inner", "t.py::test_outer"
    both = {Mark(row, test) for row in ("S1", "S2") for test in (inner, outer)}
    assert found == both | {Mark("S1", "t.py::test_plain")}


def test_a_mark_that_is_computed_is_refused() -> None:
    with pytest.raises(BadRows, match=r"t\.py:1"):
        list(find_marks("@pytest.mark.seed(*rows)\ndef test_it(): ...\n", "t.py"))


def test_a_row_listed_twice_is_refused() -> None:
    with pytest.raises(BadRows, match="S1"):
        read_rows(LIST + "| S1 | again | 2 |\n")


def test_the_page_names_each_row_with_its_tests(checkout: Path) -> None:
    assert main([], checkout) == 0
    page = (checkout / PAGE).read_text()
    assert "| S1 | it is so | none yet |" in page
    assert "| S2 | it is otherwise | `test_it.py::test_it` |" in page
    assert "1 of 2 rows" in page


def test_a_page_that_is_out_of_date_fails(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], checkout) == 1
    main([], checkout)
    assert main(["--check"], checkout) == 0
    write(checkout, '@pytest.mark.seed("S1")\ndef test_it(): ...\n')
    assert main(["--check"], checkout) == 1
    assert "out of date" in capsys.readouterr().out


def test_a_mark_of_no_row_fails(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(checkout, '@pytest.mark.seed("S99")\ndef test_it(): ...\n')
    assert main([], checkout) == 1
    assert "there is no row S99" in capsys.readouterr().out
