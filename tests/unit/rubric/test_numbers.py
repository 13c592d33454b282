"""Points as people read them."""

from __future__ import annotations

from fractions import Fraction

from intranet.rubric.numbers import most_digits, show


def test_a_column_keeps_the_decimals_of_its_longest_number() -> None:
    column = [Fraction("106.43"), Fraction("80.4"), Fraction(95), None, Fraction(1, 3)]
    least = most_digits(column)
    assert least == 2
    assert [show(v, least=least) for v in column] == ["106.43", "80.40", "95.00", "—", "0.33"]


def test_whole_numbers_stay_whole() -> None:
    assert most_digits([Fraction(3), Fraction(0), None]) == 0
    assert most_digits([]) == 0
    assert most_digits([Fraction("2.50"), Fraction(3)]) == 1
