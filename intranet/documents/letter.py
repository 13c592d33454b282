"""一校一单: a unit's result as a letter, one file each or all of them in one; rows in, bytes out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime

from ..domain.letters import ClauseRow, Letter
from ..domain.publication import title_lines
from ..i18n import _
from .docx_parts import FIVE, SMALL_FOUR, Paper


def write(letters: Sequence[Letter], *, signed_on: date, made_at: datetime) -> bytes:
    """One docx with these letters, each on pages of its own, counted from 1."""
    first = letters[0]
    title = _title(first) if len(letters) == 1 else _("%(cycle)s考核结果告知单", cycle=first.cycle)
    paper = Paper(title, author=first.bureau, made_at=made_at, label=first.label)
    for n, letter in enumerate(letters):
        if n:
            paper.next_paper()
        _letter(paper, letter, signed_on)
    return paper.to_bytes()


def write_zip(letters: Sequence[Letter], *, signed_on: date, made_at: datetime) -> bytes:
    """A zip with a docx per unit, named by its place in the list and the unit."""
    out = io.BytesIO()
    at = made_at.timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for n, letter in enumerate(letters, 1):
            name = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in letter.unit)[:80]
            data = write([letter], signed_on=signed_on, made_at=made_at)
            file.writestr(zipfile.ZipInfo(f"{n:02} {name}.docx", at), data, zipfile.ZIP_STORED)
    return out.getvalue()


def _title(letter: Letter) -> str:
    return _("%(unit)s考核结果告知单", unit=letter.unit)


def _letter(paper: Paper, letter: Letter, signed_on: date) -> None:
    paper.title(*title_lines(_title(letter)))
    paper.recipients(letter.unit)
    paper.body(_("你单位%(cycle)s的结果如下，现予告知。", cycle=letter.cycle))
    paper.heading(_("一、总体结果"))
    heads, values = zip(*letter.facts, strict=True) if letter.facts else ((), ())
    if heads:
        _facts(paper, heads, values)
    for note in letter.notes:
        paper.body(note)
    paper.heading(_("二、各项指标"))
    _indicators(paper, letter)
    number = iter(_("三四五六七"))
    if letter.nearest:
        paper.heading(_("%(n)s、离得最近的得分", n=next(number)))
        paper.table(
            (_("条款"), _("本次情况"), _("可多计")),
            ("text", "text", "number"),
            [(row.name, row.text, row.gain) for row in letter.nearest],
            size=SMALL_FOUR,
            widths=(5, 8, 2),
        )
    paper.heading(_("%(n)s、异议和复核", n=next(number)))
    paper.body(letter.appeal)
    if letter.contact:
        paper.body(_("联系方式：%(contact)s。", contact=letter.contact))
    paper.attachment_line(_("得分账本"))
    paper.signature(letter.bureau, signed_on)
    paper.attachment_start(_("得分账本"))
    paper.small(_("每一分都列明依据。灰色的不计分，后面写明原因。"))
    paper.small(
        _(
            "结果冻结于 %(at)s，冻结指纹 %(mark)s。",
            at=letter.frozen_at.strftime("%Y-%m-%d %H:%M"),
            mark=letter.fingerprint[:12],
        )
    )
    _ledger(paper, letter)


def _facts(paper: Paper, heads: Sequence[str], values: Sequence[str]) -> None:
    """At most six a row."""
    for at in range(0, len(heads), 6):
        some = heads[at : at + 6]
        paper.table(some, ["middle"] * len(some), [values[at : at + 6]], size=SMALL_FOUR)


def _indicators(paper: Paper, letter: Letter) -> None:
    has_dimensions = any(row.dimension for row in letter.indicators)
    heads = [_("指标"), _("得分"), _("满分"), _("比均分")]
    kinds = ["text", "number", "number", "number"]
    rows = [[row.name, row.points, row.most, row.mean] for row in letter.indicators]
    widths = [9.0, 2.2, 2.2, 2.4]
    if has_dimensions:
        heads.insert(0, _("类别"))
        kinds.insert(0, "text")
        widths.insert(0, 4.5)
        for row, source in zip(rows, letter.indicators, strict=True):
            row.insert(0, source.dimension)
    joined = (0,) if has_dimensions else ()
    paper.table(heads, kinds, rows, size=SMALL_FOUR, widths=widths, joined=joined)
    paper.small(letter.mean_note)


def _ledger(paper: Paper, letter: Letter) -> None:
    """One table for all indicators; what does not count is grey."""
    cells: list[tuple[str, str, str]] = []
    off: set[int] = set()
    bands: set[int] = set()
    for rows in letter.ledger:
        bands.add(len(cells))
        for row in rows:
            points = f"{row.points} / {row.most}" if row.most else row.points
            cells.append((_set_in(row, row.name), "", points))
            for said in row.said:
                if said.off:
                    off.add(len(cells))
                text = f"{said.text}（{said.note}）" if said.note else said.text
                cells.append((_set_in(row, text, 1), _("不计") if said.off else said.points, ""))
            cells += [(_set_in(row, step, 1), "", "") for step in row.steps]
    paper.table(
        (_("条款与依据"), _("分值"), _("计入")),
        ("text", "number", "number"),
        cells,
        size=FIVE,
        widths=(11, 2, 2.6),
        row=5.5,
        set_back=off,
        bands=bands,
    )


def _set_in(row: ClauseRow, text: str, more: int = 0) -> str:
    """As deep as the clause lies under its indicator."""
    return "　" * (row.depth + more) + text
