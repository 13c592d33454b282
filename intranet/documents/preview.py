"""What a document says, as far as it can be read without the program that made it: words and cells.

For a look in the page; its pictures and its layout are in the file itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Invalid
from ..i18n import _
from . import child
from .cells import Grid
from .reading import MOST_FILE, open_book

LINES = 200
"""Paragraphs and rows of a docx or txt, rows of a sheet."""
SHEETS, COLUMNS = 5, 30
SECONDS = 10

WORDS = frozenset({"docx", "txt"})
SHEET = frozenset({"xlsx", "xls", "et"})
READABLE = WORDS | SHEET
"""Endings of files whose content can be shown."""

Row = tuple[tuple[str, int], ...]
"""Cells as (text, columns it goes across)."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (kind ``p``), the name of a sheet (``h``) or a table (``t``)."""

    kind: str
    text: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    blocks: tuple[Block, ...]
    is_cut: bool


def preview(path: Path, kind: str) -> Preview:
    """:param kind: ending, one of READABLE.

    :raises Invalid: it cannot be read; says to download it.
    """
    try:
        return _words(path, kind) if kind in WORDS else _sheets(path)
    except (child.Failed, Invalid, ValueError, KeyError):
        raise Invalid(_("这个文件的内容读不出来，不能在页面里预览。请下载后打开。")) from None


def _words(path: Path, kind: str) -> Preview:
    with path.open("rb") as file:
        read: dict[str, Any] = json.loads(child.read("words.py", file, kind, str(LINES), seconds=SECONDS))
    blocks = []
    for what, content in read["blocks"]:
        if what == "p":
            blocks.append(Block("p", text=content))
        elif content:
            blocks.append(Block("t", rows=tuple(tuple((text, n) for text, n in row) for row in content)))
    return Preview(tuple(blocks), read["cut"])


def _sheets(path: Path) -> Preview:
    if path.stat().st_size > MOST_FILE:
        raise Invalid("")
    grids = open_book(path.read_bytes(), LINES).grids
    blocks: list[Block] = []
    cut = len(grids) > SHEETS
    for grid in grids[:SHEETS]:
        rows = _filled(grid)
        cut = cut or len(grid.rows) > LINES or any(len(row) > COLUMNS for row in rows)
        if rows:
            blocks.append(Block("h", text=grid.name))
            blocks.append(
                Block("t", rows=tuple(tuple((t, 1) for t in row[:COLUMNS]) for row in rows[:LINES]))
            )
    return Preview(tuple(blocks), cut)


def _filled(grid: Grid) -> list[list[str]]:
    """The rows as texts, without blank rows and columns at the end."""
    rows = [[cell.text for cell in row] for row in grid.rows]
    while rows and not any(rows[-1]):
        rows.pop()
    width = max((n for row in rows for n, text in enumerate(row, 1) if text), default=0)
    return [row[:width] for row in rows]
