"""The notice's own tables (官方表) as sheets: its columns, its merged cells, its foot and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction

from ..i18n import _
from ..rubric.forms import FormRow
from ..rubric.model import Form
from .view import FilledForm
from .workbook import Book, Sheet


def write(
    form: Form,
    title: str,
    rows: Sequence[FormRow],
    foot: Sequence[FormRow],
    notes: Sequence[str],
    *,
    unit: str,
    cycle: str,
    bureau: str = "",
    label: str = "",
    places: int = 2,
    made_at: datetime | None = None,
) -> bytes:
    """A workbook with one unit's official form.

    ``{unit}`` and ``{cycle}`` in the title are filled in. label: 草案 and the like, on every page.
    """
    form = form.model_copy(update={"title": title, "notes": tuple(notes)})
    book = Book(fill(title, unit, cycle), author=bureau, created=made_at)
    add_sheet(book, unit, FilledForm(form, rows, foot), unit=unit, cycle=cycle, label=label, places=places)
    return book.to_bytes()


def fill(title: str, unit: str, cycle: str) -> str:
    """The title with its places filled in; a brace in a name stays a brace."""
    return title.replace("{cycle}", cycle).replace("{unit}", unit)


def add_sheet(
    book: Book, name: str, filled: FilledForm, *, unit: str, cycle: str, label: str = "", places: int = 2
) -> Sheet:
    """The form as a sheet of ``book``; also used for the unit sheets of a ranked workbook."""
    form, styles = filled.form, [book.cell(column.align) for column in filled.form.columns]
    sheet = book.sheet(name)
    sheet.widths([max(column.width, 4) for column in form.columns])
    sheet.headline(0, fill(form.title, unit, cycle), book.title, size=18)
    about = [_("考核对象：%(unit)s", unit=unit), _("考核周期：%(cycle)s", cycle=cycle), label]
    sheet.headline(1, "　　".join(part for part in about if part), book.subtitle)
    for column, heading in enumerate(form.columns):
        sheet.text(2, column, heading.label, book.head)
    sheet.height(2, sheet.lines([column.label for column in form.columns]))
    runs = list(_runs(form, filled.rows))
    for column, top, bottom in runs:
        sheet.merge((3 + top, column, 3 + bottom, column), filled.rows[top].cells[column], styles[column])
    for n, row in enumerate(filled.rows):
        for column, value in enumerate(row.cells):
            if not form.columns[column].merge:
                sheet.put(3 + n, column, value, styles[column], _number(book, form, column, value, places))
    _heights(sheet, filled, runs)
    at = 3 + len(filled.rows)
    for row in filled.foot:
        _foot(sheet, at, form, row, places)
        at += 1
    for note in form.notes:
        sheet.headline(at, note, book.subtitle)
        at += 1
    sheet.raw.freeze_panes(3, 0)
    sheet.page(landscape=form.landscape, heads=(2, 2), note=label, footer=unit)
    return sheet


def _runs(form: Form, rows: Sequence[FormRow]) -> Iterator[tuple[int, int, int]]:
    """``(column, first, last)`` of equal neighbours downwards in the columns that merge, single cells too.

    A run never reaches over the end of a run in a merging column to its left; blanks stay apart.
    """
    left: list[int] = []
    for column, heading in enumerate(form.columns):
        if not heading.merge:
            continue
        left.append(column)
        keys = [tuple(row.cells[c] for c in left) if row.cells[column] else n for n, row in enumerate(rows)]
        top = 0
        for n in range(1, len(keys) + 1):
            if n == len(keys) or keys[n] != keys[top]:
                yield column, top, n - 1
                top = n


def _heights(sheet: Sheet, filled: FilledForm, runs: Sequence[tuple[int, int, int]]) -> None:
    """Rows as high as their own cells need; the last row of a merged cell takes what that needs more."""
    columns = filled.form.columns
    needed = [
        sheet.lines([None if column.merge else cell for cell, column in zip(row.cells, columns, strict=True)])
        for row in filled.rows
    ]
    for column, top, bottom in runs:
        want = sheet.lines([*[None] * column, filled.rows[top].cells[column]])
        needed[bottom] += max(0, want - sum(needed[top : bottom + 1]))
    for n, lines in enumerate(needed):
        sheet.height(3 + n, lines)


def _foot(sheet: Sheet, at: int, form: Form, row: FormRow, places: int) -> None:
    """A foot row: its label takes the empty cells to its right, as 总分 does in print."""
    book = sheet.book
    sheet.height(at, 1)
    column = 0
    while column < len(row.cells):
        value, last = row.cells[column], column
        while isinstance(value, str) and last + 1 < len(row.cells) and row.cells[last + 1] in (None, ""):
            last += 1
            if value == "":
                break
        align = "center" if last > column or column == 0 else form.columns[column].align
        style = book.cell(align, bold=True)
        if last > column:
            sheet.merge((at, column, at, last), value, style)
        else:
            number = _number(book, form, column, value, places, bold=True)
            sheet.put(at, column, value, style, number)
        column = last + 1


def _number(
    book: Book, form: Form, column: int, value: str | Fraction | None, places: int, **properties: object
) -> object:
    """Format of a number: as short as it is (13, 0.8); ``places`` where it is longer."""
    if not isinstance(value, Fraction):
        return None
    align = form.columns[column].align
    if 10**places % value.denominator == 0:
        return book.cell(align, **properties)
    return book.cell(align, num_format="0." + "0" * places, **properties)
