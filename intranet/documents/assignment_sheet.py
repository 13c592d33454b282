"""The assignment (分派) as xlsx, out and in: a row per unit, a column per indicator, names in the cells.

What is downloaded is the present state and the template in one: change names, upload again. The
column 回避 is there to be read; what stands in it on the way back is looked at no more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..i18n import _
from .reading import CellProblem, read_table
from .workbook import Book, fit

UNIT = ("单位代码", "单位名称")
BARRED = "回避（不可分派）"
SHEET = "分派"

_BETWEEN = re.compile(r"[、,，;；/\s]+")


@dataclass(frozen=True, slots=True)
class Person:
    """A reviewer as written in a cell: the name, or name and account where two share a name."""

    user_id: int
    label: str
    login: str


@dataclass(frozen=True, slots=True)
class Line:
    """A unit. barred: ids of those who stay away from it."""

    entry_id: int
    code: str
    name: str
    barred: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Layout:
    """What the sheet is about. indicators: (code, name); cells: user ids by (entry id, indicator code)."""

    people: Sequence[Person]
    lines: Sequence[Line]
    indicators: Sequence[tuple[str, str]]
    cells: Mapping[tuple[int, str], Sequence[int]] = field(default_factory=dict)

    @property
    def heads(self) -> tuple[str, ...]:
        return (*UNIT, BARRED, *(head(code, name) for code, name in self.indicators))


@dataclass(frozen=True)
class Found:
    """What a file says: (user id, entry id, indicator code), and what is wrong where."""

    rows: frozenset[tuple[int, int, str]]
    problems: tuple[CellProblem, ...] = ()


def head(code: str, name: str) -> str:
    """A name as printed may begin with the code already."""
    return name if name.split(" ", maxsplit=1)[0] == code else f"{code} {name}".strip()


def people_of(found: Sequence[tuple[int, str, str]]) -> list[Person]:
    """From (user id, name, login): two of one name are told apart by their accounts."""
    names = [name for _id, name, _login in found]
    return [
        Person(user_id, name if names.count(name) == 1 else f"{name}（{login}）", login)
        for user_id, name, login in found
    ]


# --- out ------------------------------------------------------------------------------------------


def write(title: str, layout: Layout, *, author: str) -> bytes:
    """The heads in the first row of the first sheet, so that it can be read back; how to fill in beside it."""
    book = Book(title, author=author)
    sheet, hints = book.sheet(SHEET), book.sheet(_("填写说明"))
    labels = {p.user_id: p.label for p in layout.people}
    texts = {
        (line.entry_id, code): "、".join(
            labels[u] for u in layout.cells.get((line.entry_id, code), ()) if u in labels
        )
        for line in layout.lines
        for code, _name in layout.indicators
    }
    barred = {
        line.entry_id: "、".join(labels[u] for u in labels if u in line.barred) for line in layout.lines
    }
    names = [
        max((texts[i.entry_id, code] for i in layout.lines), key=len, default="")
        for code, _n in layout.indicators
    ]
    cell = book.format(num_format="@", text_wrap=True, border=1)
    grey = book.format(num_format="@", text_wrap=True, border=1, bg_color="#E9ECEF", font_color="#495057")
    sheet.widths(
        [
            fit([UNIT[0], *(line.code for line in layout.lines)], least=10, most=16),
            fit([UNIT[1], *(line.name for line in layout.lines)], least=14, most=26),
            fit([BARRED, *barred.values()], least=12, most=22),
            *(fit([longest], least=13, most=22) for longest in names),
        ]
    )
    heads = layout.heads
    for column, label in enumerate(heads):
        sheet.text(0, column, label, book.head)
    sheet.height(0, sheet.lines(heads))
    for n, line in enumerate(layout.lines, 1):
        row = [line.code, line.name, barred[line.entry_id]]
        row += [texts[line.entry_id, code] for code, _name in layout.indicators]
        for column, text in enumerate(row):
            sheet.text(n, column, text, grey if column < len(UNIT) + 1 else cell)
        sheet.height(n, sheet.lines(row))
    sheet.raw.freeze_panes(1, 2)
    sheet.page(landscape=True, heads=(0, 0), footer=author)
    _hints(book, hints, title, layout)
    return book.to_bytes()


def _hints(book: Book, sheet: object, title: str, layout: Layout) -> None:
    from .workbook import Sheet

    assert isinstance(sheet, Sheet)
    sheet.widths([22, 22, 60])
    sheet.headline(0, _("%(title)s：填写说明", title=title), book.title, size=18)
    notes = (
        _("每格填评这个单位这项指标的评委，几个人用顿号隔开。空格就是没有人评。"),
        _("姓名照下表填；填账号也可以。整张表就是新的分派：删去的名字不再分派。"),
        _("灰色的列不用改。回避的人不能填进该单位的行。"),
        _("上传后先看改动和问题，确认才生效。"),
    )
    for at, note in enumerate(notes, 1):
        sheet.headline(at, note, book.subtitle)
    units = {
        p.user_id: "、".join(x.name for x in layout.lines if p.user_id in x.barred) for p in layout.people
    }
    cell = book.cell()
    rows = [(p.label, p.login, units[p.user_id]) for p in layout.people]
    sheet.table(len(notes) + 2, [_("评委"), _("账号"), _("回避的单位")], rows, styles=[cell] * 3)
    sheet.page(landscape=False)


# --- in -------------------------------------------------------------------------------------------


def read(data: bytes, layout: Layout) -> Found:
    """The assignment that a file asks for. A file with problems is not to be taken over.

    :raises Invalid: it cannot be read at all, or the heads are not those of this cycle.
    """
    table = read_table(data, layout.heads, optional=(BARRED,))
    problems = list(table.problems)
    lines = {line.code: line for line in layout.lines}
    known = {_plain(key): p for p in layout.people for key in (p.label, p.login)}
    rows: set[tuple[int, int, str]] = set()
    seen: set[str] = set()
    for row in table.rows:

        def wrong(column: int, message: str, n: int = row.number, sheet: str = row.sheet) -> None:
            problems.append(CellProblem(sheet, f"{table.columns[column]}{n}", message))

        line = lines.get(row.cells[0].strip())
        if line is None:
            wrong(0, _("本次考核没有代码为“%(code)s”的单位", code=row.cells[0][:20]))
            continue
        if line.code in seen:
            wrong(0, _("单位 %(code)s 出现了两次，请删去一行", code=line.code))
            continue
        seen.add(line.code)
        for column, (code, _name) in enumerate(layout.indicators, len(UNIT) + 1):
            for name in filter(None, _BETWEEN.split(row.cells[column])):
                person = known.get(_plain(name))
                if person is None:
                    wrong(column, _("考核组评委里没有“%(name)s”，请照填写说明里的姓名填", name=name[:20]))
                elif person.user_id in line.barred:
                    wrong(column, _("%(name)s回避%(unit)s，不能分派", name=person.label, unit=line.name))
                else:
                    rows.add((person.user_id, line.entry_id, code))
    missing = [line.name for line in layout.lines if line.code not in seen]
    if missing and not problems:
        sheet = table.rows[0].sheet if table.rows else SHEET
        text = _("少了%(units)s。不评的单位也请留下这一行，格子空着", units="、".join(missing[:5]))
        problems.append(CellProblem(sheet, "", text))
    return Found(frozenset(rows), tuple(problems))


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()
