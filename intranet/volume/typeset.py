"""Our own pages of a volume, set by Typst: cover, contents, dividers, stand-ins, plain text, stamps.

Words reach Typst as JSON, never as source, so nothing in a file name can become markup. The font is
Noto Sans SC, embedded as a subset, so that every word can be searched and copied; it has one weight, so
what is bold has a thin outline.
"""

from __future__ import annotations

import functools
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from ..i18n import _
from .plan import Document, Plan, Section

STAMP_WIDTH, STAMP_HEIGHT = 340.0, 17.0
"""Points of the box that a stamp is set in."""

_HEAD = """
#let d = json(bytes(sys.inputs.d))
#set text(font: "Noto Sans SC", size: 11pt, lang: "zh", region: "cn")
#set par(justify: true, leading: 0.9em)
#show strong: it => text(stroke: 0.025em, it.body)
"""
_PAGE = '#set page(paper: "a4", margin: (left: 25mm, right: 20mm, top: 25mm, bottom: 25mm))\n'

_FRONT = (
    _HEAD
    + _PAGE
    + """
#v(1fr)
#align(center)[
  #text(13pt, d.cycle)
  #v(12mm)
  #text(30pt, strong(d.title))
  #v(16mm)
  #text(18pt, d.unit)
]
#v(2fr)
#align(center)[#text(11pt, fill: luma(60), d.notice) #v(4mm) #text(13pt, d.bureau) #v(2mm) #text(12pt, d.date_text)]
#v(1fr)
#pagebreak()
#align(center, text(18pt, strong(d.contents)))
#v(6mm)
#set par(justify: false, leading: 0.55em)
#for e in d.entries {
  let head = e.level == 0
  let shown(it) = if head { strong(text(11pt, it)) } else { text(9.5pt, it) }
  block(above: if head {4mm} else {2mm}, below: 0mm, link("volume:" + str(e.page),
    grid(columns: (e.level * 6mm, 1fr, 11mm), align: (left, left, right + bottom), [],
      shown[#e.text #box(width: 1fr, text(fill: luma(150), repeat[·#h(1.5pt)]))], shown(str(e.page)))))
}
"""
)

_DIVIDERS = (
    _HEAD
    + _PAGE
    + """
#for (n, s) in d.sections.enumerate() {
  if n > 0 { pagebreak() }
  place(top + left, link("part:" + str(n), box(width: 1pt, height: 1pt)))
  v(36mm)
  text(12pt, fill: luma(90), s.number)
  v(2mm)
  par(justify: false, text(22pt, strong(s.title)))
  v(6mm)
  line(length: 100%, stroke: 0.6pt + luma(120))
  v(6mm)
  text(10.5pt, s.text)
  if s.materials.len() > 0 [
    #v(8mm)
    #text(12pt, strong(d.heading))
    #v(2mm)
    #table(columns: (1fr, auto), stroke: 0.4pt + luma(150), inset: 2.5mm,
      ..s.materials.map(m => (m.label, m.state)).flatten())
  ]
  if s.refers.len() > 0 [
    #v(6mm)
    #for r in s.refers [ #text(10pt, r) \\ ]
  ]
}
"""
)

_STAND_IN = (
    _HEAD
    + _PAGE
    + """
#v(50mm)
#align(center)[#text(20pt, strong(d.heading))]
#v(10mm)
#table(columns: (28mm, 1fr), stroke: 0.4pt + luma(150), inset: 3mm,
  ..d.rows.map(r => (r.at(0), if r.at(0) == "SHA-256" { text(8.5pt, r.at(1)) } else { r.at(1) })).flatten())
#v(6mm)
#text(10pt, fill: luma(80), d.foot)
"""
)

_TEXT = (
    _HEAD
    + '#set page(paper: "a4", margin: (left: 25mm, right: 18mm, top: 20mm, bottom: 22mm))\n'
    + "#set par(justify: false, leading: 0.7em)\n#set text(size: 10pt)\n"
    + '#for line in d.lines { block(spacing: 0.7em, if line == "" { [~] } else { text(line) }) }\n'
)

_CAPTIONS = (
    _HEAD
    + '#set page(paper: "a4", margin: 0pt, fill: none)\n#set par(justify: false, leading: 0.5em)\n'
    + """
#for c in d.captions {
  place(top + left, dx: c.x * 1pt, dy: c.y * 1pt, box(width: c.width * 1pt, height: 26pt, clip: true, inset: (top: 3pt),
    align(center, text(9pt, c.words))))
}
"""
)

_STAMPS = (
    _HEAD
    + f"#set page(width: {STAMP_WIDTH}pt, height: {STAMP_HEIGHT}pt, margin: 0pt, fill: none)\n"
    + "#set text(size: 8.5pt)\n"
    + """
#for (n, s) in d.stamps.enumerate() {
  if n > 0 { pagebreak() }
  align(center + horizon, box(fill: white, inset: (x: 6pt, y: 2.5pt), radius: 2pt, text(s)))
}
"""
)


@functools.cache
def _compiler() -> Any:
    import typst
    from pylopdf_fonts_zh_cn import sans_path

    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(sans_path().parent)]
    )
    return typst.Compiler(font_paths=fonts)


def _compile(source: str, data: dict[str, Any]) -> bytes:
    """PDF/A-2b bytes; the same data gives the same bytes."""
    pdf: bytes = _compiler().compile(
        input=source.encode(),
        sys_inputs={"d": json.dumps(data, ensure_ascii=False)},
        format="pdf",
        pdf_standards="a-2b",
        timestamp=0,
        pdf_tags=False,
    )
    return pdf


def front(plan: Plan, entries: Sequence[tuple[int, str, int]]) -> bytes:
    """Cover and contents. entries: (level, words, page); each line is a link ``volume:<page>``."""
    data = {
        "title": plan.title,
        "unit": plan.unit,
        "cycle": plan.cycle,
        "notice": plan.notice,
        "bureau": plan.bureau,
        "date_text": plan.date_text,
        "contents": _("目录"),
        "entries": [{"level": level, "text": text, "page": page} for level, text, page in entries],
    }
    return _compile(_FRONT, data)


def front_pages(entries: Sequence[tuple[int, str, int]]) -> int:
    """How many pages :func:`front` is likely to take: lines that wrap are not foreseen."""
    return 1 + max(1, math.ceil((48 + sum(13 if level else 20 for level, _text, _page in entries)) / 700))


def dividers(sections: Sequence[tuple[Section, Sequence[str]]]) -> tuple[bytes, list[int]]:
    """The page before each indicator's documents: its text, its materials, what stands elsewhere.

    All in one PDF, which carries the font once. Also where each begins there, from 0, and at the end how
    many pages there are.
    """
    if not sections:
        return b"", [0]
    words = {"there": "", "miss": _("缺"), "absent": _("确实没有"), "na": _("不适用")}
    data = {
        "heading": _("材料清单"),
        "sections": [
            {
                "number": section.number,
                "title": section.title,
                "text": section.text,
                "materials": [
                    {
                        "label": m.label,
                        "state": "、".join(_("%(n)s 号", n=n) for n in m.numbers) or words.get(m.state, ""),
                    }
                    for m in section.materials
                ],
                "refers": list(refers),
            }
            for section, refers in sections
        ],
    }
    return _starts(_compile(_DIVIDERS, data))


def _starts(source: bytes) -> tuple[bytes, list[int]]:
    """Take out the links ``part:<n>`` and say on which page each stood."""
    import pikepdf

    starts = []
    with pikepdf.open(io.BytesIO(source)) as pdf:
        for n, page in enumerate(pdf.pages):
            notes: Any = page.obj.get("/Annots", ())
            if any(str(note.A.URI).startswith("part:") for note in notes):
                starts.append(n)
                del page.obj["/Annots"]
        starts.append(len(pdf.pages))
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
        return out.getvalue(), starts


def _size(size: int) -> str:
    if size < 1024:
        return _("%(n)s 字节", n=size)
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 1024:.0f} KB"


def stand_in(document: Document, size: int, reason: str) -> bytes:
    """The page in place of a file that cannot be shown."""
    rows = [
        (_("材料编号"), str(document.number)),
        (_("文件名"), document.name),
        (_("大小"), _size(size)),
        ("SHA-256", document.sha256),
        (_("原因"), reason),
    ]
    data = {"heading": _("原件另附"), "rows": rows, "foot": _("本页代替不能编入的原件，原件见“原件打包”。")}
    return _compile(_STAND_IN, data)


def text_pages(text: str) -> bytes:
    """A plain text file as pages."""
    return _compile(
        _TEXT, {"lines": text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n")}
    )


def captions(placed: Sequence[tuple[str, float, float, float]]) -> bytes:
    """One clear A4 page with words under pictures. placed: words, left, top, width, in points."""
    data = [{"words": words, "x": x, "y": y, "width": width} for words, x, y, width in placed]
    return _compile(_CAPTIONS, {"captions": data})


def stamps(texts: Sequence[str]) -> bytes:
    """One small page per stamp, white behind the words."""
    return _compile(_STAMPS, {"stamps": list(texts)})
