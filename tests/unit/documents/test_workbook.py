"""Numbers, names and texts at their edges."""

from __future__ import annotations

from fractions import Fraction

import pytest

from intranet.documents import text
from intranet.documents.workbook import Book, is_exact, literal
from tests.unit.documents import build


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (Fraction(0), True),
        (Fraction("0.8"), True),
        (Fraction(-5, 2), True),
        (Fraction(13, 3), False),
        (Fraction("123456789.123456"), True),
        (Fraction("1234567890.123456"), False),
        (Fraction("0.000000000000001"), True),
    ],
)
def test_which_numbers_a_spreadsheet_holds(value: Fraction, exact: bool) -> None:
    assert is_exact(value) is exact


def test_a_number_beyond_fifteen_digits_says_what_it_is() -> None:
    book = Book("表")
    sheet = book.sheet("数")
    value = Fraction("1234567890.1234567")
    sheet.number(0, 0, value, book.cell())
    sheet.number(1, 0, Fraction(-13, 3), book.cell())
    found = build.reopen(book.to_bytes()).worksheets[0]
    assert found["A1"].value == pytest.approx(1234567890.1234567)
    assert found["A1"].comment.text == "准确值：1234567890.1234567"
    assert found["A2"].value == "=-13/3"


@pytest.mark.parametrize(
    ("value", "said"), [(Fraction(1, 2), "0.5"), (Fraction(20), "20"), (Fraction(1, 3), "(1/3)")]
)
def test_a_number_inside_a_formula(value: Fraction, said: str) -> None:
    assert literal(value) == said


def test_sheet_names() -> None:
    taken: set[str] = set()
    assert text.sheet_name("甲/乙:丙", taken) == "甲 乙 丙"
    assert text.sheet_name("甲 乙 丙", taken) == "甲 乙 丙(2)"
    assert text.sheet_name("'引号'", taken) == "引号"
    assert text.sheet_name("", taken) == "工作表"
    assert text.sheet_name("History", taken) == "History_"
    assert text.sheet_name("長" * 40, taken) == "長" * 31
    assert text.sheet_name("長" * 40, taken) == "長" * 28 + "(2)"
    assert text.sheet_name("😀" * 20, taken) == "😀" * 15  # 31 UTF-16 units hold 15 of them


def test_widths_count_chinese_twice() -> None:
    assert text.width("甲乙ab") == 6
    assert text.width("一\n三三三") == 6
    assert text.lines("甲" * 20, 20) == 3
    assert text.lines("a\nb", 20) == 2


def test_control_characters_go_and_line_breaks_stay() -> None:
    assert text.clean("a\x00\x07b\r\nc\rd\ud800\uffff") == "ab\nc\nd"


@pytest.mark.parametrize("said", ["=1", " =1", "\t1", "+1", "-1", "@a", "＝1", "－1"])
def test_what_looks_like_a_formula(said: str) -> None:
    assert text.looks_like_formula(said)


@pytest.mark.parametrize("said", ["甲=1", "—", "", "1-2", "\u22121"])
def test_what_does_not(said: str) -> None:
    assert not text.looks_like_formula(said)


def test_page_text_is_short_and_its_ampersands_are_doubled() -> None:
    assert text.page_text("A&B\n&P") == "A&&B &&P"
    assert len(text.page_text("長" * 300)) == 60
