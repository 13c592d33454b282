"""Exact numbers: reading them as printed, rounding half-up, writing them.

Points never pass through a binary float. ``Fraction`` inside, decimal text at the edges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?\Z")
_RATIO = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,12})?)\s*/\s*(\d{1,12}(?:\.\d{1,12})?)\Z")


def as_fraction(value: Any) -> Any:
    """``0.8``, ``"20%"``, ``"13/3"``, ``3`` as a Fraction; anything else is refused with ValueError.

    Binary floats are refused: they do not say what was printed.
    """
    if value is None or isinstance(value, Fraction):
        return value
    if isinstance(value, (bool, float)):
        raise ValueError("not an exact number")
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("not a finite number")
        return Fraction(value)
    if isinstance(value, str):
        text = value.strip()
        if text.endswith("%") and _NUMBER.match(text[:-1].strip()):
            return Fraction(text[:-1].strip()) / 100
        if _NUMBER.match(text):
            return Fraction(text)
        ratio = _RATIO.match(text)
        if ratio and Fraction(ratio[2]) != 0:
            return Fraction(ratio[1]) / Fraction(ratio[2])
    raise ValueError("not an exact number")


_EXACT = re.compile(r"-?\d{1,1000}(\.\d{1,1000}|/(?!0+\Z)\d{1,1000})?\Z", re.ASCII)


def from_text(text: str) -> Fraction:
    """What :func:`as_text` wrote. :raises ValueError: anything else, such as 1e999999999, which is a billion digits."""
    if not _EXACT.match(text):
        raise ValueError("not an exact number")
    return Fraction(text)


def as_text(value: Fraction) -> str:
    """Exact text: a finite decimal where there is one (``0.8``), else ``13/3``. Reads back equal."""
    n, d = value.numerator, value.denominator
    twos = fives = 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    while d % 5 == 0:
        d, fives = d // 5, fives + 1
    if d != 1:
        return f"{n}/{value.denominator}"
    digits = max(twos, fives)
    if digits == 0:
        return str(n)
    scaled = str(abs(n) * 10**digits // value.denominator).rjust(digits + 1, "0")
    return f"{'-' if n < 0 else ''}{scaled[:-digits]}.{scaled[-digits:]}"


def round_half_up(value: Fraction, places: int) -> Fraction:
    """Commercial rounding, away from zero at the half (G1)."""
    scaled = abs(value) * 10**places
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    return Fraction(whole if value >= 0 else -whole, 10**places)


def as_decimal(value: Fraction, places: int) -> Decimal:
    """``value`` rounded half-up to ``places``, for cells and database columns."""
    rounded = round_half_up(value, places)
    return (Decimal(rounded.numerator) / Decimal(rounded.denominator)).quantize(Decimal(1).scaleb(-places))


def most_digits(values: Iterable[Fraction | None], places: int = 2) -> int:
    """How many decimals the longest of these needs as :func:`show` writes it: 2 for 80.4 and 106.43."""
    shown = [show(v, places).partition(".")[2] for v in values if v is not None]
    return max((len(digits) for digits in shown), default=0)


def show(value: Fraction | None, places: int = 2, *, least: int = 0) -> str:
    """For people: half-up to ``places``, trailing zeros dropped down to ``least`` digits, minus U+2212.

    None is an em dash: no number is known.
    """
    if value is None:
        return "—"
    text = format(as_decimal(value, places), "f")
    if "." in text:
        whole, _, digits = text.partition(".")
        digits = digits.rstrip("0").ljust(least, "0")
        text = f"{whole}.{digits}" if digits else whole
    return "0" if text in {"-0", "0"} and least == 0 else text.replace("-", "\u2212")
