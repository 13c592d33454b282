"""A paper in the form of an official document (党政机关公文格式, GB/T 9704-2012), as docx.

Sizes, margins and places are the standard's; fonts are named, never embedded, with the names that a computer
without them falls back to. Every text is written as text: nothing in it becomes a field.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.text.paragraph import Paragraph

from ..i18n import _
from .docx_looks import (
    ATTACHMENT,
    BODY,
    CELL,
    FIVE,
    GAP,
    HEADING,
    MARK,
    NOTE,
    RECIPIENTS,
    ROW,
    SECOND,
    SIGNATURE,
    SMALL_FOUR,
    STYLES,
    TITLE,
    chinese_date,
    em_width,
    indent,
    plain,
    set_section,
    set_styles,
)
from .docx_table import Table, usual_size

__all__ = ["FIVE", "SMALL_FOUR", "Paper"]


class Paper:
    """One docx that is filled from top to bottom.

    :param label: 草案 and the like, in the head of every page and across it; "" for none.
    """

    def __init__(self, title: str, *, author: str, made_at: datetime, label: str = "") -> None:
        self.document = Document()
        self.made_at, self.label = made_at, plain(label)
        self._properties(plain(title), plain(author))
        set_styles(self.document)
        self._ids = {name: self.document.styles[name].style_id for name in (*STYLES, "Table Grid")}
        self._body: Any = self.document._body
        self._end: Any = self.document.element.body.sectPr
        self._section(first=True)

    # --- what stands on it ---

    def title(self, *lines: str) -> None:
        for line in lines:
            self._paragraph(line, TITLE)
        self.blank()

    def recipients(self, text: str) -> None:
        """主送机关, flush left, with its colon."""
        self._paragraph(text.rstrip("：: ") + "：", RECIPIENTS)

    def body(self, text: str) -> Paragraph:
        return self._paragraph(text, BODY)

    def heading(self, text: str, level: int = 1) -> None:
        """The first level, 一、…, in 黑体, the second, （一）…, in 楷体."""
        self._paragraph(text, HEADING if level == 1 else SECOND)

    def blank(self) -> None:
        self._paragraph("", BODY)

    def attachment_line(self, name: str) -> None:
        """附件说明: under an empty line, two characters in."""
        self.blank()
        self._paragraph(_("附件：%(name)s", name=name), ATTACHMENT)

    def attachment_start(self, name: str) -> None:
        """An attachment begins on a page of its own: 附件 flush left in 黑体, its title under it."""
        self.page_break()
        self._paragraph(_("附件"), MARK)
        self.blank()
        self._paragraph(name, TITLE)
        self.blank()

    def signature(self, bureau: str, day: date) -> None:
        """署名 over the date and centred on it, the date four characters from the right (7.3.5.1)."""
        name, on = plain(bureau), chinese_date(day)
        gap = (em_width(on) - em_width(name)) / 2
        self.blank()
        self.blank()
        for text, wanted in ((name, 4 + gap), (on, 4.0)):
            paragraph = self._paragraph(text, SIGNATURE)
            # A name too long for that pushes the date to the left, so that both stay inside.
            right = max(wanted - min(4 + gap, 0), 0)
            indent(paragraph, right=right)
        self._keep_together()

    def _keep_together(self) -> None:
        """The signature never stands on a page of its own: the last words before it come along."""
        element = self._end.getprevious().getprevious()
        while element is not None and element.tag == qn("w:p"):
            paragraph = Paragraph(element, self._body)
            paragraph.paragraph_format.keep_with_next = True
            if paragraph.text and element.pPr.pStyle.val == self._ids[BODY]:
                return
            element = element.getprevious()

    def small(self, text: str, *, keep: bool = False) -> Paragraph:
        paragraph = self._paragraph(text, NOTE)
        paragraph.paragraph_format.keep_with_next = keep
        return paragraph

    def page_break(self) -> None:
        self._paragraph("", BODY).add_run().add_break(WD_BREAK.PAGE)

    def next_paper(self) -> None:
        """The next page begins a paper of its own, its pages counted from 1."""
        self._section(first=False)

    def table(
        self,
        heads: Sequence[str],
        kinds: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        size: float | None = None,
        widths: Sequence[float] = (),
        row: float = ROW,
        set_back: Collection[int] = (),
        bands: Collection[int] = (),
        joined: Collection[int] = (),
    ) -> None:
        """A ruled table as wide as the type area; its head repeats on every page, its rows stay whole.

        :param kinds: text, middle or number, per column. :param widths: shares; by content if empty.
        :param row: least height of a row in millimetres. :param set_back: rows (from 0) in grey.
        :param bands: shaded rows in 黑体 that begin a part and stay with the next row.
        :param joined: columns in which equal neighbours are one cell.
        """
        made = Table(heads, kinds, rows, size or usual_size(len(heads)), row, set_back, bands, joined)
        self._append(parse_xml(made.xml(self._ids[CELL], self._ids["Table Grid"], widths)))
        self._paragraph("", GAP)  # two tables in a row would become one

    # --- bytes ---

    def to_bytes(self) -> bytes:
        """The file; the same content made at the same time gives the same bytes."""
        out, made = io.BytesIO(), io.BytesIO()
        self.document.save(made)
        with zipfile.ZipFile(made) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            at = self.made_at.timetuple()[:6]
            for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
                new.writestr(zipfile.ZipInfo(name, at), old.read(name), zipfile.ZIP_DEFLATED)
        return out.getvalue()

    # --- inside ---

    def _paragraph(self, text: str, style: str) -> Paragraph:
        words = f'<w:r><w:t xml:space="preserve">{escape(plain(text))}</w:t></w:r>' if text else ""
        xml = f'<w:p {nsdecls("w")}><w:pPr><w:pStyle w:val="{self._ids[style]}"/></w:pPr>{words}</w:p>'
        return Paragraph(self._append(parse_xml(xml)), self._body)

    def _append(self, element: Any) -> Any:
        """Behind everything, before the last section's properties.

        Written as XML, since the library looks through all styles for each paragraph and through the whole
        table for each cell.
        """
        self._end.addprevious(element)
        return element

    def _properties(self, title: str, author: str) -> None:
        core = self.document.core_properties
        core.author = core.last_modified_by = author[:200]
        core.title, core.comments, core.keywords, core.language = title[:200], "", "", "zh-CN"
        core.created = core.modified = self.made_at.astimezone(UTC).replace(tzinfo=None)
        core.revision = 1

    def _section(self, *, first: bool) -> None:
        section = self.document.sections[0] if first else self.document.add_section(WD_SECTION.NEW_PAGE)
        self._end = self.document.element.body.sectPr
        set_section(section, label=self.label, first=first)
