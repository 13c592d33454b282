"""The 催办单 as xlsx: one row per unit that has not handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..domain.reminders import Due
from ..i18n import _
from .workbook import Book


def write(cycle: str, units: Sequence[Due], *, author: str, made_at: datetime, zone_now: datetime) -> bytes:
    """:param zone_now: the moment of printing in local time."""
    title = _("%(cycle)s 填报催办单", cycle=cycle)
    book = Book(title, author=author, created=made_at)
    sheet = book.sheet(_("催办单"))
    sheet.widths([5, 20, 18, 10, 48, 14, 14])
    sheet.headline(0, title, book.title, size=18)
    sheet.headline(1, _("%(day)s 制表", day=zone_now.strftime("%Y-%m-%d")), book.subtitle)
    heads = [_("序号"), _("单位"), _("联系人（账号）"), _("状态"), _("还缺什么"), _("签收"), _("日期")]
    cell, middle = book.cell(), book.cell("center")
    rows = [
        (
            str(n),
            due.entry.name,
            "、".join(f"{u.name}（{u.login}）" for u in due.contacts),
            _("退回未交") if due.is_returned else _("未提交") if due.begun else _("未开始"),
            "\n".join(f"{title}：{lack}" for title, lack in due.lacks),
            "",
            "",
        )
        for n, due in enumerate(units, 1)
    ]
    sheet.table(2, heads, rows, styles=[middle, cell, cell, middle, cell, cell, cell])
    sheet.raw.freeze_panes(3, 0)
    sheet.page(landscape=True, heads=(2, 2), footer=author)
    return book.to_bytes()
