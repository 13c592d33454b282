"""The notice of a publication (公示) as an official document: rows in, bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ..domain.publication import TABLE, heading_level, title_lines
from ..i18n import _
from .docx_parts import Paper

MOST_ROWS_IN_TEXT = 15
"""A longer table becomes an attachment."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it is printed. paragraphs: of the body, one of them ``TABLE``; rows: finished texts.

    label: 草案 and the like, "" for a published one.
    """

    title: str
    recipients: str
    paragraphs: Sequence[str]
    heads: Sequence[str]
    kinds: Sequence[str]
    rows: Sequence[Sequence[str]]
    bureau: str
    signed_on: date
    label: str
    made_at: datetime


def write(notice: Notice) -> bytes:
    """A docx; the same notice gives the same bytes."""
    paper = Paper(notice.title, author=notice.bureau, made_at=notice.made_at, label=notice.label)
    apart = len(notice.rows) > MOST_ROWS_IN_TEXT
    name = _("考核结果")
    paper.title(*title_lines(notice.title))
    if notice.recipients:
        paper.recipients(notice.recipients)
    for text in notice.paragraphs:
        if text == TABLE and apart:
            paper.body(_("考核结果见附件，共%(n)s个。", n=len(notice.rows)))
        elif text == TABLE:
            paper.table(notice.heads, notice.kinds, notice.rows)
        elif level := heading_level(text):
            paper.heading(text, level)
        else:
            paper.body(text)
    if apart:
        paper.attachment_line(name)
    paper.signature(notice.bureau, notice.signed_on)
    if apart:
        paper.attachment_start(name)
        paper.table(notice.heads, notice.kinds, notice.rows)
    return paper.to_bytes()
