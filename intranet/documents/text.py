"""Text for cells, sheet names and page footers: what a spreadsheet can hold, and how wide it is."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..i18n import _

LONGEST = 32_000
"""Characters in one cell. The format allows 32,767 UTF-16 units; a longer text is cut and says so."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\n\t]")
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")
_SHEET_NAME_UNITS = 31


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    """``text`` without what XML forbids (control characters, lone surrogates); CR becomes LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _FORBIDDEN.sub("", text)
    if 2 * len(text) > LONGEST and _units(text) > LONGEST:
        return _cut(text, LONGEST) + _("……（文字过长，以下略，全文见系统）")
    return text


@lru_cache(maxsize=8192)
def cell(text: str) -> tuple[str, bool]:
    """The text as a cell takes it, and whether it looks like a formula: the same names come in every row."""
    text = clean(text)
    return text, looks_like_formula(text)


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula when somebody edits the cell.

    Full-width signs count too: the Chinese Excel reads ＝ as =.
    """
    return text.startswith("\t") or text.lstrip().startswith(_STARTS_FORMULA)


def sheet_name(text: str, taken: set[str]) -> str:
    """A sheet name that Excel accepts and that no other sheet of the book has.

    At most 31 UTF-16 units, no ``[]:*?/\\``, no apostrophe at the ends; a name already taken gets
    ``(2)``. ``taken`` holds the names so far, case folded, and is added to.
    """
    base = _NOT_IN_SHEET_NAMES.sub(" ", clean(text)).strip().strip("'").strip() or _("工作表")
    if base.casefold() == "history":  # reserved by Excel
        base = f"{base}_"
    name, n = _cut(base, _SHEET_NAME_UNITS).rstrip("' "), 1
    while name.casefold() in taken:
        n += 1
        mark = f"({n})"
        name = _cut(base, _SHEET_NAME_UNITS - len(mark)) + mark
    taken.add(name.casefold())
    return name


def page_text(text: str) -> str:
    """Text for a page header or footer: one line, ``&`` doubled, short enough for Excel's 255."""
    return _cut(" ".join(clean(text).split()), 60).replace("&", "&&")


def width(text: str) -> int:
    """Width of the widest line in column units: 2 for a full-width character, 1 for any other."""
    if text.isascii() and "\n" not in text:
        return len(text)
    return max((sum(map(_character, line)) for line in text.split("\n")), default=0)


@lru_cache(maxsize=4096)
def lines(text: str, units: float) -> int:
    """How many lines ``text`` takes in a column of ``units``, rather one too many; at least 1.

    Chinese at the body size is a little wider than 2 units; long texts lose some more to
    punctuation that may not begin a line.
    """
    room = max(2, int(units * 0.955))
    if 2 * len(text) <= room and "\n" not in text:
        return 1
    needed = sum(max(1, -(-width(line) // room)) for line in text.split("\n"))
    return needed + needed // 8


def _character(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WFA" else 1


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, units: int) -> str:
    """The first ``units`` UTF-16 units, never half a character."""
    if _units(text) <= units:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "ignore")
