"""Sizes, fonts and names of an official document (GB/T 9704-2012), and the pieces of XML that a docx is made of."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

from docx.document import Document as DocumentType
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.section import Section
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
TIGHT = -5
"""Twentieths of a point between characters: 28 of 16 points would be 158 mm, and the type area is 156."""
SEVEN_UNDER = 35 - 7 - 5
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


TITLE, RECIPIENTS, BODY = "公文标题", "公文主送", "公文正文"
HEADING, SECOND = "公文一级标题", "公文二级标题"
ATTACHMENT, MARK, SIGNATURE = "公文附件说明", "公文附件", "公文落款"
NOTE, CELL, GAP, NUMBER = "公文注", "公文表格", "公文空隙", "公文页码"
STYLES = (TITLE, RECIPIENTS, BODY, HEADING, SECOND, ATTACHMENT, MARK, SIGNATURE, NOTE, CELL, GAP, NUMBER)
"""Names of the paragraph styles, so that a bureau can set them otherwise in its office program."""


def name_font(fonts: Any, name: str) -> None:
    for where in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{where}"), name)
    fonts.set(qn("w:hint"), "eastAsia")


_ORDER = ("rFonts", "b", "bCs", "color", "spacing", "sz", "szCs", "lang")


def in_order(properties: Any) -> None:
    """The schema wants the parts of a run's properties in one order."""
    known = {qn(f"w:{name}"): n for n, name in enumerate(_ORDER)}
    properties[:] = sorted(properties, key=lambda child: known.get(child.tag, len(known)))


def indent(
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


def page_number(paragraph: Paragraph, side: WD_ALIGN_PARAGRAPH) -> None:
    """— 1 —, one character in from its side (7.5)."""
    paragraph.style = NUMBER
    paragraph.alignment = side
    paragraph.add_run("— ")
    _field(paragraph, " PAGE ")
    paragraph.add_run(" —")
    one = {"right": 1} if side == WD_ALIGN_PARAGRAPH.RIGHT else {"left": 1}
    indent(paragraph, **one, size=FOUR)


def head_line(paragraph: Paragraph, label: str) -> None:
    paragraph.style = NUMBER
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.add_run(label)


def watermark(label: str, n: int) -> Any:
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


# --- the whole document ---------------------------------------------------------------------------


def set_styles(document: DocumentType) -> None:
    """The paragraph styles, the default font and the fonts' other names."""
    styles = document.styles
    defaults = styles.element.find(qn("w:docDefaults"))
    fonts = defaults.find(f".//{qn('w:rFonts')}") if defaults is not None else None
    if fonts is not None:
        for key in list(fonts.attrib):  # the theme's fonts would come before the named ones
            del fonts.attrib[key]
        name_font(fonts, FANGSONG)
    lang = defaults.find(f".//{qn('w:lang')}") if defaults is not None else None
    if lang is not None:
        lang.set(qn("w:val"), "zh-CN")
        lang.set(qn("w:eastAsia"), "zh-CN")
    _style(document, "Normal", FANGSONG, THREE)
    _style(document, TITLE, XIAOBIAO, TWO, align=WD_ALIGN_PARAGRAPH.CENTER, line=35, keep=True)
    _style(document, RECIPIENTS, FANGSONG, THREE, tight=True)
    _style(document, BODY, FANGSONG, THREE, align=WD_ALIGN_PARAGRAPH.JUSTIFY, first=2, tight=True)
    _style(document, HEADING, HEI, THREE, first=2, keep=True, tight=True)
    _style(document, SECOND, KAI, THREE, first=2, keep=True, tight=True)
    _style(document, ATTACHMENT, FANGSONG, THREE, left=5, hanging=3, tight=True)
    _style(document, MARK, HEI, THREE, keep=True)
    _style(document, SIGNATURE, FANGSONG, THREE, align=WD_ALIGN_PARAGRAPH.RIGHT, together=True)
    _style(document, NOTE, FANGSONG, SMALL_FOUR, line=20)
    _style(document, CELL, FANGSONG, SMALL_FOUR, line=0)
    _style(document, GAP, FANGSONG, 5, line=10)
    _style(document, NUMBER, SONG, FOUR, line=0)
    _font_table(document)
    document.settings.odd_and_even_pages_header_footer = True  # the page number changes sides


def _style(
    document: DocumentType,
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
    styles = document.styles
    style = styles["Normal"] if name == "Normal" else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    if name != "Normal":
        style.base_style = styles["Normal"]
        style.quick_style = True
    properties = style.element.get_or_add_rPr()
    name_font(properties.get_or_add_rFonts(), font)
    style.font.size = Pt(size)
    if tight:
        spacing = OxmlElement("w:spacing")
        spacing.set(qn("w:val"), str(TIGHT))
        properties.append(spacing)
        in_order(properties)
    form = style.paragraph_format
    form.space_before = form.space_after = Pt(0)
    form.line_spacing = Pt(line) if line else 1.0
    form.widow_control = False
    form.keep_with_next, form.keep_together = keep or None, together or None
    if align is not None:
        form.alignment = align
    indent(style, first=first, left=left, hanging=hanging, size=size)


def _font_table(document: DocumentType) -> None:
    """The named fonts with the names to fall back to, for computers that lack them."""
    part = next(p for p in document.part.package.iter_parts() if str(p.partname) == "/word/fontTable.xml")
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/>'
        '<w:family w:val="auto"/><w:pitch w:val="variable"/></w:font>'
        for name, other in FALLBACKS.items()
    )
    xml = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:fonts {nsdecls("w")}>{fonts}</w:fonts>'
    )
    part._blob = xml.encode()


def set_section(section: Section, *, label: str, first: bool) -> None:
    """The sheet with its margins; pages counted from 1; of the first section the head and the page number."""
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.left_margin = Mm(TOP), Mm(LEFT)
    section.bottom_margin, section.right_margin = Mm(297 - TOP - HEIGHT), Mm(210 - LEFT - WIDTH)
    section.header_distance, section.footer_distance = Mm(20), Mm(SEVEN_UNDER)
    properties: Any = section._sectPr
    number = OxmlElement("w:pgNumType")
    number.set(qn("w:start"), "1")
    for old in properties.findall(qn("w:pgNumType")):
        properties.remove(old)
    properties.find(qn("w:pgMar")).addnext(number)
    if not first:
        return  # head and foot are those of the section before
    page_number(section.footer.paragraphs[0], WD_ALIGN_PARAGRAPH.RIGHT)
    page_number(section.even_page_footer.paragraphs[0], WD_ALIGN_PARAGRAPH.LEFT)
    if label:
        for n, header in enumerate((section.header, section.even_page_header)):
            head_line(header.paragraphs[0], label)
            header.paragraphs[0].runs[0]._r.addnext(watermark(label, n))
