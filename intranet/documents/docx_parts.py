"""A paper in the form of an official document (党政机关公文格式, GB/T 9704-2012), as docx.

Sizes, margins and places are the standard's; fonts are named, never embedded, with the names that a computer
without them falls back to. Every text is written as text: nothing in it becomes a field.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from ..i18n import _

XIAOBIAO, FANGSONG, HEI, KAI, SONG = "方正小标宋简体", "仿宋_GB2312", "黑体", "楷体_GB2312", "宋体"
FALLBACKS = {XIAOBIAO: "宋体", FANGSONG: "仿宋", HEI: "SimHei", KAI: "楷体", SONG: "SimSun"}
"""Where the first name is not installed; the office programs look there next."""

TWO, THREE, FOUR, SMALL_FOUR, FIVE = 22, 16, 14, 12, 10.5
"""二号, 三号, 四号, 小四, 五号 in points."""

TOP, LEFT, WIDTH, HEIGHT = 37, 28, 156, 225
"""天头, 订口 and 版心 in millimetres, on A4 (210 × 297)."""
LINE = 28.9
"""Points from line to line: 22 lines fill the 225 mm."""
ROW = 8
"""Least height of a table's row in millimetres; those of a ledger are lower."""
_TIGHT = -5
"""Twentieths of a point between characters: 28 of 16 points would be 158 mm, and the type area is 156."""
_SEVEN_UNDER = 35 - 7 - 5
"""Millimetres from the lower edge of the sheet to the page number, which lies 7 mm under the type area."""

_ILLEGAL = {c: None for c in [*range(0x20), 0xFFFE, 0xFFFF] if c not in (0x09, 0x0A, 0x0D)}


def plain(text: str) -> str:
    """The text without characters that XML cannot hold, and without half surrogate pairs."""
    return text.translate(_ILLEGAL).encode("utf-16", "replace").decode("utf-16")


def chinese_date(day: date) -> str:
    """2026年5月9日: all figures, no leading zeros (7.3.5.4)."""
    return _("%(year)s年%(month)s月%(day)s日", year=day.year, month=day.month, day=day.day)


def em_width(text: str) -> float:
    """Width in Chinese characters; a half-width one is half of one."""
    return sum(1 if unicodedata.east_asian_width(c) in "WFA" else 0.5 for c in text)


class Paper:
    """One docx that is filled from top to bottom.

    :param label: 草案 and the like, in the head of every page and across it; "" for none.
    """

    def __init__(self, title: str, *, author: str, made_at: datetime, label: str = "") -> None:
        self.document = Document()
        self.made_at, self.label = made_at, plain(label)
        self._properties(plain(title), plain(author))
        self._styles()
        self._ids = {name: self.document.styles[name].style_id for name in (*STYLES, "Table Grid")}
        self._body: Any = self.document._body
        self._end: Any = self.document.element.body.sectPr
        self._settings()
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

    def heading(self, text: str) -> None:
        """The first level, 一、…, in 黑体."""
        self._paragraph(text, HEADING)

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
        for text, indent in ((name, 4 + gap), (on, 4.0)):
            paragraph = self._paragraph(text, SIGNATURE)
            # A name too long for that pushes the date to the left, so that both stay inside.
            right = max(indent - min(4 + gap, 0), 0)
            _indent(paragraph, right=right)
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
    ) -> None:
        """A ruled table as wide as the type area; its head repeats on every page, its rows stay whole.

        :param kinds: text, middle or number, per column. :param widths: shares; by content if empty.
        :param row: least height of a row in millimetres. :param set_back: rows (from 0) in grey.
        :param bands: shaded rows in 黑体 that begin a part and stay with the next row.
        """
        size = size or (FOUR if len(heads) <= 5 else SMALL_FOUR if len(heads) <= 8 else FIVE)
        shares = list(widths) or _shares(heads, kinds, rows, size)
        twips = [round(WIDTH * share / sum(shares) * 1440 / 25.4) for share in shares]
        style = self._ids[CELL]
        head = _Row(twips, ["middle"] * len(heads), style, size, row, font=HEI, repeats=True)
        usual = _Row(twips, kinds, style, size, row)
        grey = _Row(twips, kinds, style, size, row, colour="555B66")
        grid = "".join(f'<w:gridCol w:w="{w}"/>' for w in twips)
        lines = [head.xml(heads)]
        band = _Row(twips, kinds, style, size, row, font=HEI, keeps=True)
        for n, texts in enumerate(rows):
            look = band if n in bands else grey if n in set_back else usual
            lines.append(look.xml(texts))
        table = parse_xml(
            f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="{self._ids["Table Grid"]}"/>'
            f'<w:tblW w:w="{sum(twips)}" w:type="dxa"/><w:jc w:val="center"/><w:tblLayout w:type="fixed"/>'
            f'<w:tblCellMar><w:left w:w="{_BESIDE}" w:type="dxa"/><w:right w:w="{_BESIDE}" w:type="dxa"/></w:tblCellMar>'
            f"</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(lines)}</w:tbl>"
        )
        self._append(table)
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

    def _styles(self) -> None:
        styles = self.document.styles
        defaults = styles.element.find(qn("w:docDefaults"))
        fonts = defaults.find(f".//{qn('w:rFonts')}") if defaults is not None else None
        if fonts is not None:
            for key in list(fonts.attrib):  # the theme's fonts would come before the named ones
                del fonts.attrib[key]
            _name_font(fonts, FANGSONG)
        lang = defaults.find(f".//{qn('w:lang')}") if defaults is not None else None
        if lang is not None:
            lang.set(qn("w:val"), "zh-CN")
            lang.set(qn("w:eastAsia"), "zh-CN")
        self._style("Normal", FANGSONG, THREE)
        self._style(TITLE, XIAOBIAO, TWO, align=WD_ALIGN_PARAGRAPH.CENTER, line=35, keep=True)
        self._style(RECIPIENTS, FANGSONG, THREE, tight=True)
        self._style(BODY, FANGSONG, THREE, align=WD_ALIGN_PARAGRAPH.JUSTIFY, first=2, tight=True)
        self._style(HEADING, HEI, THREE, first=2, keep=True, tight=True)
        self._style(ATTACHMENT, FANGSONG, THREE, left=5, hanging=3, tight=True)
        self._style(MARK, HEI, THREE, keep=True)
        self._style(SIGNATURE, FANGSONG, THREE, align=WD_ALIGN_PARAGRAPH.RIGHT, together=True)
        self._style(NOTE, FANGSONG, SMALL_FOUR, line=20)
        self._style(CELL, FANGSONG, SMALL_FOUR, line=0)
        self._style(GAP, FANGSONG, 5, line=10)
        self._style(NUMBER, SONG, FOUR, line=0)
        self._font_table()

    def _style(
        self,
        name: str,
        font: str,
        size: float,
        *,
        align: WD_ALIGN_PARAGRAPH | None = None,
        line: float = LINE,
        first: int = 0,
        left: int = 0,
        hanging: int = 0,
        keep: bool = False,
        together: bool = False,
        tight: bool = False,
    ) -> None:
        """A paragraph style. first, left, hanging: indents in characters; line: points, 0 for as high as needed."""
        styles = self.document.styles
        style = styles["Normal"] if name == "Normal" else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        if name != "Normal":
            style.base_style = styles["Normal"]
            style.quick_style = True
        properties = style.element.get_or_add_rPr()
        _name_font(properties.get_or_add_rFonts(), font)
        style.font.size = Pt(size)
        if tight:
            spacing = OxmlElement("w:spacing")
            spacing.set(qn("w:val"), str(_TIGHT))
            properties.append(spacing)
            _in_order(properties)
        form = style.paragraph_format
        form.space_before = form.space_after = Pt(0)
        form.line_spacing = Pt(line) if line else 1.0
        form.widow_control = False
        form.keep_with_next, form.keep_together = keep or None, together or None
        if align is not None:
            form.alignment = align
        _indent(style, first=first, left=left, hanging=hanging, size=size)

    def _font_table(self) -> None:
        """The named fonts with the names to fall back to, for computers that lack them."""
        part = next(
            p for p in self.document.part.package.iter_parts() if str(p.partname) == "/word/fontTable.xml"
        )
        fonts = "".join(
            f'<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/>'
            '<w:family w:val="auto"/><w:pitch w:val="variable"/></w:font>'
            for name, other in FALLBACKS.items()
        )
        xml = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:fonts {nsdecls("w")}>{fonts}</w:fonts>'
        part._blob = xml.encode()

    def _settings(self) -> None:
        settings = self.document.settings
        settings.odd_and_even_pages_header_footer = True  # the page number changes sides

    def _section(self, *, first: bool) -> None:
        section = self.document.sections[0] if first else self.document.add_section(WD_SECTION.NEW_PAGE)
        self._end = self.document.element.body.sectPr
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.top_margin, section.left_margin = Mm(TOP), Mm(LEFT)
        section.bottom_margin, section.right_margin = Mm(297 - TOP - HEIGHT), Mm(210 - LEFT - WIDTH)
        section.header_distance, section.footer_distance = Mm(20), Mm(_SEVEN_UNDER)
        properties: Any = section._sectPr
        number = OxmlElement("w:pgNumType")
        number.set(qn("w:start"), "1")
        for old in properties.findall(qn("w:pgNumType")):
            properties.remove(old)
        properties.find(qn("w:pgMar")).addnext(number)
        if not first:
            return  # head and foot are those of the section before
        _page_number(section.footer.paragraphs[0], WD_ALIGN_PARAGRAPH.RIGHT)
        _page_number(section.even_page_footer.paragraphs[0], WD_ALIGN_PARAGRAPH.LEFT)
        if self.label:
            for n, header in enumerate((section.header, section.even_page_header)):
                _head(header.paragraphs[0], self.label)
                header.paragraphs[0].runs[0]._r.addnext(_watermark(self.label, n))


TITLE, RECIPIENTS, BODY, HEADING = "公文标题", "公文主送", "公文正文", "公文一级标题"
ATTACHMENT, MARK, SIGNATURE = "公文附件说明", "公文附件", "公文落款"
NOTE, CELL, GAP, NUMBER = "公文注", "公文表格", "公文空隙", "公文页码"
STYLES = (TITLE, RECIPIENTS, BODY, HEADING, ATTACHMENT, MARK, SIGNATURE, NOTE, CELL, GAP, NUMBER)
"""Names of the paragraph styles, so that a bureau can set them otherwise in its office program."""


# --- pieces of XML -------------------------------------------------------------------------------


def _name_font(fonts: Any, name: str) -> None:
    for where in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{where}"), name)
    fonts.set(qn("w:hint"), "eastAsia")


_ORDER = ("rFonts", "b", "bCs", "color", "spacing", "sz", "szCs", "lang")


def _in_order(properties: Any) -> None:
    """The schema wants the parts of a run's properties in one order."""
    known = {qn(f"w:{name}"): n for n, name in enumerate(_ORDER)}
    properties[:] = sorted(properties, key=lambda child: known.get(child.tag, len(known)))


def _indent(
    of: Any,
    *,
    first: float = 0,
    left: float = 0,
    right: float = 0,
    hanging: float = 0,
    size: float = THREE,
) -> None:
    """Indents in characters, and in points for programs that do not count characters."""
    if not (first or left or right or hanging):
        return
    element = of._p if isinstance(of, Paragraph) else of.element
    ind = element.get_or_add_pPr().get_or_add_ind()
    for name, chars in (("firstLine", first), ("left", left), ("right", right), ("hanging", hanging)):
        if chars:
            ind.set(qn(f"w:{name}Chars"), str(round(chars * 100)))
            ind.set(qn(f"w:{name}"), str(round(chars * size * 20)))


def _field(paragraph: Paragraph, instruction: str) -> None:
    """The only field there is: the page number."""
    for kind in ("begin", None, "separate", "text", "end"):
        run = paragraph.add_run()
        if kind == "text":
            run.text = "1"
        elif kind is None:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = instruction
            run._r.append(element)
        else:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
            run._r.append(element)


def _page_number(paragraph: Paragraph, side: WD_ALIGN_PARAGRAPH) -> None:
    """— 1 —, one character in from its side (7.5)."""
    paragraph.style = NUMBER
    paragraph.alignment = side
    paragraph.add_run("— ")
    _field(paragraph, " PAGE ")
    paragraph.add_run(" —")
    one = {"right": 1} if side == WD_ALIGN_PARAGRAPH.RIGHT else {"left": 1}
    _indent(paragraph, **one, size=FOUR)


def _head(paragraph: Paragraph, label: str) -> None:
    paragraph.style = NUMBER
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.add_run(label)


def _watermark(label: str, n: int) -> Any:
    """The label across the page in pale grey, as office programs store a watermark."""
    namespaces = (
        'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
        'xmlns:w10="urn:schemas-microsoft-com:office:word"'
    )
    run: Any = parse_xml(
        f"<w:r {nsdecls('w')} {namespaces}><w:pict>"
        '<v:shapetype id="_x0000_t136" coordsize="21600,21600" o:spt="136" adj="10800" '
        'path="m@7,l@8,m@5,21600l@6,21600e"><v:formulas>'
        + "".join(
            f'<v:f eqn="{e}"/>'
            for e in (
                "sum #0 0 10800",
                "prod #0 2 1",
                "sum 21600 0 @1",
                "sum 0 0 @2",
                "sum 21600 0 @3",
                "if @0 @3 0",
                "if @0 21600 @1",
                "if @0 0 @2",
                "if @0 @4 21600",
                "mid @5 @6",
                "mid @8 @5",
                "mid @7 @8",
                "mid @6 @7",
                "sum @6 0 @5",
            )
        )
        + '</v:formulas><v:path textpathok="t" o:connecttype="rect"/><v:textpath on="t" fitshape="t"/></v:shapetype>'
        f'<v:shape id="watermark{n}" o:spid="_x0000_s{2049 + n}" type="#_x0000_t136" '
        'style="position:absolute;margin-left:0;margin-top:0;width:430pt;height:86pt;rotation:320;z-index:-251658752;'
        "mso-position-horizontal:center;mso-position-horizontal-relative:margin;"
        'mso-position-vertical:center;mso-position-vertical-relative:margin" '
        'o:allowincell="f" fillcolor="#e3e6ea" stroked="f"><v:fill opacity="1"/>'
        '<v:textpath style="font-family:&quot;黑体&quot;;font-size:1pt" string=""/>'
        '<w10:wrap anchorx="margin" anchory="margin"/></v:shape></w:pict></w:r>'
    )
    run.find(".//{urn:schemas-microsoft-com:vml}shape/{urn:schemas-microsoft-com:vml}textpath").set(
        "string", label
    )
    return run


# --- tables --------------------------------------------------------------------------------------

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

    def xml(self, texts: Sequence[str]) -> str:
        repeats = "<w:tblHeader/>" if self.repeats else ""
        height = round(self.height * 1440 / 25.4)
        cells = "".join(
            self._cell(text, kind, width)
            for text, kind, width in zip(texts, self.kinds, self.widths, strict=True)
        )
        return (
            f'<w:tr><w:trPr><w:cantSplit/><w:trHeight w:val="{height}" w:hRule="atLeast"/>{repeats}</w:trPr>'
            f"{cells}</w:tr>"
        )

    def _cell(self, text: str, kind: str, width: int) -> str:
        half = round(self.size * 2)
        font = self.font and (
            f'<w:rFonts w:ascii="{self.font}" w:hAnsi="{self.font}" w:eastAsia="{self.font}" w:cs="{self.font}"/>'
        )
        keep = "<w:keepNext/>" if self.keeps else ""
        shade = '<w:shd w:val="clear" w:color="auto" w:fill="F2F2F2"/>' if self.keeps else ""
        colour = self.colour and f'<w:color w:val="{self.colour}"/>'
        return (
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}<w:vAlign w:val="center"/></w:tcPr>'
            f'<w:p><w:pPr><w:pStyle w:val="{self.style}"/>{keep}<w:jc w:val="{_ALIGN[kind]}"/></w:pPr>'
            f'<w:r><w:rPr>{font}{colour}<w:sz w:val="{half}"/><w:szCs w:val="{half}"/></w:rPr>'
            f'<w:t xml:space="preserve">{escape(plain(text))}</w:t></w:r></w:p></w:tc>'
        )
