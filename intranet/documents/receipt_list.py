"""The evidence of one submission as xlsx: numbers, names, sizes and whole hashes, to be kept with the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..i18n import _
from .workbook import Book


def write(
    content: Mapping[str, Any], *, unit: str, cycle: str, code: str, author: str = "", made_at: datetime
) -> bytes:
    """:param content: ``domain.snapshot.Content``; :param code: its check code."""
    book = Book(_("佐证材料清单"), author=author, created=made_at)
    sheet = book.sheet(_("佐证材料清单"))
    sheet.widths([7, 44, 12, 22, 68])
    sheet.headline(0, _("%(unit)s 佐证材料清单", unit=unit), book.title, size=18)
    about = [_("考核周期：%(cycle)s", cycle=cycle), _("校验码：%(code)s", code=code)]
    sheet.headline(1, "　　".join(about), book.subtitle)
    heads = [_("编号"), _("名称"), _("大小（字节）"), _("材料所属时间"), "SHA-256"]
    cell, middle = book.cell(), book.cell("center")
    rows = [
        (str(f["number"]), f["name"], str(f["size"]), period(f["period"]), f["sha256"])
        for f in content["evidence"]
    ]
    sheet.table(2, heads, rows, styles=[middle, cell, book.cell("right"), middle, cell])
    sheet.raw.freeze_panes(3, 0)
    sheet.page(landscape=True, heads=(2, 2), footer=unit)
    return book.to_bytes()


def period(days: tuple[str | None, str | None]) -> str:
    """What time a document speaks of: ``2031-02-01 — 2031-06-30``; without an end 长期."""
    start, end = days
    return f"{start or ''} — {end or _('长期')}" if start or end else ""
