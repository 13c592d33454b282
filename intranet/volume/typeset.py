"""Our own pages of a volume, set by Typst: cover, contents, dividers, stand-ins, plain text.

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
from dataclasses import dataclass
from typing import Any

from ..i18n import _
from . import glyphs
from .plan import Document, Plan, Section

_HEAD = """
#let d = json(bytes(sys.inputs.d))
#set text(font: "Noto Sans SC", size: 11pt, lang: "zh", region: "cn")
#set par(justify: true, leading: 0.9em)
#show strong: it => text(stroke: 0.025em, it.body)
"""
_PAGE = '#set page(paper: "a4", margin: (left: 25mm, right: 20mm, top: 25mm, bottom: 25mm))\n'

_OWN = (
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
#[
  #set par(justify: false, leading: 0.55em)
  #let dots = box(width: 1fr, align(right, text(8pt, fill: luma(120), repeat(gap: 2.4pt, justify: false)[.])))
  #for e in d.entries {
    let head = e.level == 0
    let shown(it) = if head { strong(text(11pt, it)) } else { text(9.5pt, it) }
    block(above: if head {4mm} else {2mm}, below: 0mm, link("volume:" + str(e.page),
      grid(columns: (e.level * 6mm, 1fr, 11mm), align: (left, left, right + bottom), [],
        [#shown(e.text) #h(1.5mm)#dots], shown(str(e.page)))))
  }
]
#for (n, s) in d.sections.enumerate() {
  pagebreak()
  place(top + left, link("part:" + str(n), box(width: 1pt, height: 1pt)))
  v(36mm)
  text(12pt, fill: luma(90), s.number)
  v(2mm)
  par(justify: false, text(22pt, strong(s.title)))
  v(6mm)
  line(length: 100%, stroke: 0.6pt + luma(120))
  v(6mm)
  for line in s.text.split("\n") { par(text(10.5pt, line)) }
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
#pagebreak()
#place(top + left, text("0 0"))
#for c in d.letters { place(top + left, text(c)) }
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


_FIELD = (
    _HEAD
    + "#set page(width: d.width * 1pt, height: d.height * 1pt, margin: (x: 2pt, y: 0pt), fill: none)\n"
    + "#set text(size: d.size * 1pt)\n#set par(justify: false, leading: 0.5em)\n"
    + "#place(if d.top { top + left } else { left + horizon }, dy: if d.top { 2pt } else { 0pt }, text(d.said))\n"
)


@functools.cache
def _compiler() -> Any:
    import typst

    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(glyphs.font().parent)]
    )
    return typst.Compiler(font_paths=fonts)


def _compile(source: str, data: dict[str, Any]) -> bytes:
    """PDF/A-2b bytes; the same data gives the same bytes."""
    pdf: bytes = _compiler().compile(
        input=source.encode(),
        sys_inputs={"d": json.dumps(glyphs.settable(data), ensure_ascii=False)},
        format="pdf",
        pdf_standards="a-2b",
        timestamp=0,
        pdf_tags=False,
    )
    return pdf


@dataclass(frozen=True, slots=True)
class Own:
    """Cover, contents and the pages before each indicator's documents, set in one run with one font.

    starts: page on which each of the latter begins, from 0, and at the end how many there are in all.
    The file has one page more, see :func:`own`.
    """

    pdf: bytes
    starts: list[int]


def own(
    plan: Plan,
    entries: Sequence[tuple[int, str, int]],
    sections: Sequence[tuple[Section, Sequence[str]]],
    letters: str,
) -> Own:
    """Set all that is ours and numbered.

    :param entries: of the contents: (level, words, page); each line is a link ``volume:<page>``.
    :param sections: each with what it refers to elsewhere.
    :param letters: characters of the stamps. One page after the others has them in this order, after
        "0 0": that is how ``stamping`` learns the glyphs of the one font of these pages.
    """
    words = {"there": "", "miss": _("缺"), "absent": _("确实没有"), "na": _("不适用")}
    data = {
        "title": plan.title,
        "unit": plan.unit,
        "cycle": plan.cycle,
        "notice": plan.notice,
        "bureau": plan.bureau,
        "date_text": plan.date_text,
        "contents": _("目录"),
        "entries": [{"level": level, "text": text, "page": page} for level, text, page in entries],
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
        "letters": list(letters),
    }
    return _starts(_compile(_OWN, data))


def front_pages(entries: Sequence[tuple[int, str, int]]) -> int:
    """How many pages cover and contents are likely to take: lines that wrap are not foreseen."""
    return 1 + max(1, math.ceil((48 + sum(13 if level else 20 for level, _text, _page in entries)) / 700))


def _starts(source: bytes) -> Own:
    """On which page each link ``part:<n>`` stands; ``binding`` takes them out."""
    import pikepdf

    starts = []
    with pikepdf.open(io.BytesIO(source)) as pdf:
        for n, page in enumerate(pdf.pages):
            notes: Any = page.obj.get("/Annots", ())
            if any(str(note.A.URI).startswith("part:") for note in notes):
                starts.append(n)
        starts.append(len(pdf.pages) - 1)
    return Own(source, starts)


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


def count(pdf: bytes) -> int:
    """Pages of what was set here."""
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return len(opened.pages)


def text_pages(text: str) -> bytes:
    """A plain text file as pages."""
    return _compile(
        _TEXT, {"lines": text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n")}
    )


def field(said: str, width: float, height: float, *, has_lines: bool) -> bytes:
    """A clear page of the size of a form's field, with what was typed into it."""
    width, height = max(4.0, width), max(4.0, height)
    size = min(10.5, height * 0.7)
    if not has_lines:
        size = min(size, (width - 4) / max(1, len(said)) * 1.05)
    data = {"said": said, "width": width, "height": height, "size": max(2.0, size), "top": has_lines}
    return _compile(_FIELD, data)


def captions(placed: Sequence[tuple[str, float, float, float]]) -> bytes:
    """One clear A4 page with words under pictures. placed: words, left, top, width, in points."""
    data = [{"words": words, "x": x, "y": y, "width": width} for words, x, y, width in placed]
    return _compile(_CAPTIONS, {"captions": data})
