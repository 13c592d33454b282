"""A ruled table of an official document as XML, its columns as wide as their content wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape

from docx.oxml.ns import nsdecls

from .docx_looks import FIVE, FOUR, HEI, SMALL_FOUR, WIDTH, em_width, plain

EMPTY: Mapping[int, str] = MappingProxyType({})

_ALIGN = {"text": "left", "middle": "center", "number": "right"}


_BESIDE = 60
"""Twentieths of a point between a cell's text and its rules, left and right each."""


def _shares(
    heads: Sequence[str], kinds: Sequence[str], rows: Sequence[Sequence[str]], size: float
) -> list[float]:
    """Widths of the columns in characters: figures and short words whole, what is left over by content.

    A head may take two lines, a text as many as it needs.
    """
    room = WIDTH / 25.4 * 72 / size - len(heads) * 2 * _BESIDE / 20 / size
    widest = [max((em_width(row[n]) for row in rows), default=0.0) for n in range(len(heads))]
    least = [
        max(em_width(head) / 2, 2.0, 5.0 if kind == "text" else width) + 0.3
        for head, kind, width in zip(heads, kinds, widest, strict=True)
    ]
    wanted = [
        max(em_width(head), min(width, 20), low) + 0.3
        for head, width, low in zip(heads, widest, least, strict=True)
    ]
    spare = room - sum(least)
    if spare <= 0:
        return least
    more = [want - low for want, low in zip(wanted, least, strict=True)]
    asked = sum(more)
    if asked >= spare:
        return [low + m * spare / asked for low, m in zip(least, more, strict=True)]
    return [want + (spare - asked) * want / sum(wanted) for want in wanted]


def usual_size(columns: int) -> float:
    """Points of the type of a table with so many columns."""
    return FOUR if columns <= 5 else SMALL_FOUR if columns <= 8 else FIVE


@dataclass(frozen=True)
class Table:
    """size: points; height: of a row, in millimetres, at least. The rest as ``Paper.table`` takes it."""

    heads: Sequence[str]
    kinds: Sequence[str]
    rows: Sequence[Sequence[str]]
    size: float
    height: float
    set_back: Collection[int] = ()
    bands: Collection[int] = ()
    joined: Collection[int] = ()

    def xml(self, style: str, grid_style: str, widths: Sequence[float]) -> str:
        """style: id of the cells' paragraph style; grid_style: of the table's."""
        shares = list(widths) or _shares(self.heads, self.kinds, self.rows, self.size)
        twips = [round(WIDTH * share / sum(shares) * 1440 / 25.4) for share in shares]
        looks = {
            name: _Row(twips, self.kinds, style, self.size, self.height, **how)
            for name, how in _LOOKS.items()
        }
        head = _Row(
            twips, ["middle"] * len(self.heads), style, self.size, self.height, font=HEI, repeats=True
        )
        lines = [head.xml(self.heads)]
        for n, texts in enumerate(self.rows):
            look = "band" if n in self.bands else "grey" if n in self.set_back else "usual"
            lines.append(looks[look].xml(texts, self._merges(n)))
        grid = "".join(f'<w:gridCol w:w="{w}"/>' for w in twips)
        return (
            f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="{grid_style}"/>'
            f'<w:tblW w:w="{sum(twips)}" w:type="dxa"/><w:jc w:val="center"/><w:tblLayout w:type="fixed"/>'
            f'<w:tblCellMar><w:left w:w="{_BESIDE}" w:type="dxa"/><w:right w:w="{_BESIDE}" w:type="dxa"/></w:tblCellMar>'
            f"</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(lines)}</w:tbl>"
        )

    def _merges(self, n: int) -> dict[int, str]:
        """By column: where a cell over several rows begins, and where it goes on."""
        out = {}
        for column in self.joined:
            if self._same(n, n - 1, column):
                out[column] = "continue"
            elif self._same(n, n + 1, column):
                out[column] = "restart"
        return out

    def _same(self, n: int, other: int, column: int) -> bool:
        within = 0 <= other < len(self.rows)
        return within and bool(self.rows[n][column]) and self.rows[n][column] == self.rows[other][column]


_LOOKS: dict[str, dict[str, Any]] = {
    "usual": {},
    "grey": {"colour": "555B66"},
    "band": {"font": HEI, "keeps": True},
}


@dataclass(frozen=True)
class _Row:
    """How the rows of one sort are written. widths: twips; size: points; height: millimetres, at least."""

    widths: Sequence[int]
    kinds: Sequence[str]
    style: str
    size: float
    height: float
    font: str = ""
    colour: str = ""
    repeats: bool = False
    keeps: bool = False

    def xml(self, texts: Sequence[str], merges: Mapping[int, str] = EMPTY) -> str:
        repeats = "<w:tblHeader/>" if self.repeats else ""
        height = round(self.height * 1440 / 25.4)
        cells = "".join(
            self._cell(text, kind, width, merges.get(n, ""))
            for n, (text, kind, width) in enumerate(zip(texts, self.kinds, self.widths, strict=True))
        )
        return (
            f'<w:tr><w:trPr><w:cantSplit/><w:trHeight w:val="{height}" w:hRule="atLeast"/>{repeats}</w:trPr>'
            f"{cells}</w:tr>"
        )

    def _cell(self, text: str, kind: str, width: int, merge: str) -> str:
        half = round(self.size * 2)
        font = self.font and (
            f'<w:rFonts w:ascii="{self.font}" w:hAnsi="{self.font}" w:eastAsia="{self.font}" w:cs="{self.font}"/>'
        )
        keep = "<w:keepNext/>" if self.keeps else ""
        shade = '<w:shd w:val="clear" w:color="auto" w:fill="F2F2F2"/>' if self.keeps else ""
        spans = merge and f'<w:vMerge w:val="{merge}"/>'
        said = "" if merge == "continue" else escape(plain(text))
        colour = self.colour and f'<w:color w:val="{self.colour}"/>'
        return (
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{spans}{shade}<w:vAlign w:val="center"/></w:tcPr>'
            f'<w:p><w:pPr><w:pStyle w:val="{self.style}"/>{keep}<w:jc w:val="{_ALIGN[kind]}"/></w:pPr>'
            f'<w:r><w:rPr>{font}{colour}<w:sz w:val="{half}"/><w:szCs w:val="{half}"/></w:rPr>'
            f'<w:t xml:space="preserve">{said}</w:t></w:r></w:p></w:tc>'
        )
