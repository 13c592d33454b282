"""The file of a volume: pages in order, a stamp on each, contents with links, bookmarks, metadata.

PDF pages are copied as they are, so the volume is as large as its inputs and text in them stays text.
The copying is qpdf's own: pikepdf keeps the streams of every page that it copies from another file in
memory, and a volume of 3,000 scans would be there twice. So the pages are laid one after the other by a
qpdf job, which reads and writes piece by piece, and only what is put on top of them goes through Python.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..i18n import _
from . import typeset
from .notshown import NotShown
from .plan import Plan

BOTTOM = 9.0
"""Points between the lower edge of a page and its stamp."""
AT_ONCE = 400


@dataclass
class Part:
    """A run of pages from one source.

    start: its first page there, from 0; stamp: words, without the page number; title: of a section that
    begins here, with its code; shown: number and name of each document on these pages; first: where it
    stands in the volume, from 1.
    """

    source: Path | bytes
    count: int
    identity: str
    stamp: str
    title: str = ""
    code: str | None = None
    start: int = 0
    first: int = 0
    shown: tuple[tuple[int, str], ...] = ()


def count(source: Path | bytes) -> int:
    """:raises NotShown: it is no PDF that can be read."""
    import pikepdf

    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with pikepdf.open(file, access_mode=pikepdf.AccessMode.stream) as pdf:
            return len(pdf.pages)
    except pikepdf.PdfError:
        raise NotShown(_("PDF 已损坏，打不开")) from None


def entries(parts: Sequence[Part]) -> list[tuple[int, str, int]]:
    """Lines of the contents: level, words, page."""
    out: list[tuple[int, str, int]] = []
    for part in parts:
        if part.title:
            out.append((0, part.title, part.first))
        out += [(1, f"{number} {name}", part.first) for number, name in part.shown]
    return out


def stamp(part: Part, n: int) -> str:
    return _("%(what)s　第 %(page)s 页", what=part.stamp, page=part.first + n)


def bind(plan: Plan, parts: Sequence[Part], target: Path, *, identity: bytes) -> None:
    """Write the file; the first part is cover and contents.

    :param identity: 16 bytes for the file's /ID, so that the same volume has the same bytes.
    """
    import pikepdf

    with tempfile.TemporaryDirectory(prefix=f"{target.name}-", dir=target.parent) as folder:
        merged = Path(folder) / "merged.pdf"
        _merge(parts, Path(folder), merged)
        with pikepdf.open(merged, access_mode=pikepdf.AccessMode.stream) as pdf:
            pages = list(pdf.pages)
            _put_stamps(pdf, pages, [stamp(part, n) for part in parts for n in range(part.count)])
            _link_contents(pages, parts[0].count)
            with pdf.open_outline() as outline:
                _bookmarks(outline, parts)
            _about(pdf, plan)
            pdf.trailer.ID = pikepdf.Array([pikepdf.String(identity), pikepdf.String(identity)])
            # Streams stay as they are: nothing of a document is decoded or packed anew.
            pdf.save(
                target,
                static_id=True,  # a hash over all bytes would take longer than writing them
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
            )


def _merge(parts: Sequence[Part], folder: Path, target: Path) -> None:
    import pikepdf

    kept: dict[int, str] = {}
    pages = []
    for part in parts:
        name = str(part.source)
        if isinstance(part.source, bytes):
            if id(part.source) not in kept:
                own = folder / f"{len(kept)}.pdf"
                own.write_bytes(part.source)
                kept[id(part.source)] = str(own)
            name = kept[id(part.source)]
        pages.append({"file": name, "range": f"{part.start + 1}-{part.start + part.count}"})
    job: dict[str, Any] = {
        "empty": "",
        "outputFile": str(target),
        "pages": pages,
        "staticId": "",
        "objectStreams": "generate",
        "decodeLevel": "none",
        "removeUnreferencedResources": "no",
        "noWarn": "",
    }
    pikepdf.Job(job).run()


def _about(pdf: Any, plan: Plan) -> None:
    import pikepdf

    pdf.Root.PageMode = pikepdf.Name.UseOutlines
    pdf.Root.Lang = pikepdf.String("zh-CN")
    pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
    if "/AcroForm" in pdf.Root:
        del pdf.Root["/AcroForm"]
    with pdf.open_metadata(set_pikepdf_as_editor=False) as about:
        about["dc:title"] = f"{plan.unit} {plan.title}"
        about["dc:creator"] = [plan.unit]
        about["dc:description"] = f"{plan.cycle} {plan.notice}".strip()
        about["dc:language"] = {"zh-CN"}
        about["pdf:Producer"] = "intranet"


def _put_stamps(pdf: Any, pages: Sequence[Any], words: Sequence[str]) -> None:
    """On every page but the cover; some hundred at a time, since Typst keeps what it sets."""
    import pikepdf

    for at in range(1, len(pages), AT_ONCE):
        with pikepdf.open(io.BytesIO(typeset.stamps(words[at : at + AT_ONCE]))) as stamps:
            for page, made in zip(pages[at : at + AT_ONCE], stamps.pages, strict=True):
                _put_stamp(pdf, page, pdf.copy_foreign(made.as_form_xobject()))


def _put_stamp(pdf: Any, page: Any, stamp: Any) -> None:
    """Draw the stamp upright at the foot of the page as people see it, whatever its rotation and size."""
    import pikepdf

    x0, y0, x1, y1 = (float(v) for v in page.cropbox)
    turn = int(page.obj.get("/Rotate", 0)) % 360
    width, height = (x1 - x0, y1 - y0) if turn in (0, 180) else (y1 - y0, x1 - x0)
    scale = max(0.3, min(3.0, width / 595))
    at = (max(0.0, (width - typeset.STAMP_WIDTH * scale) / 2), BOTTOM * min(scale, height / 842 + 0.2))
    # From what is seen (u to the right, v upwards) to the page's own coordinates.
    a, b, c, d, e, f = {
        0: (1, 0, 0, 1, x0, y0),
        90: (0, 1, -1, 0, x1, y0),
        180: (-1, 0, 0, -1, x1, y1),
        270: (0, -1, 1, 0, x0, y1),
    }.get(turn, (1, 0, 0, 1, x0, y0))
    e, f = a * at[0] + c * at[1] + e, b * at[0] + d * at[1] + f
    matrix = " ".join(f"{v:.3f}" for v in (a * scale, b * scale, c * scale, d * scale, e, f))
    resources = page.obj.get("/Resources")
    own = (
        pikepdf.Dictionary({k: v for k, v in resources.items()})
        if resources is not None
        else pikepdf.Dictionary()
    )
    drawn = own.get("/XObject")
    objects = (
        pikepdf.Dictionary({k: v for k, v in drawn.items()}) if drawn is not None else pikepdf.Dictionary()
    )
    objects["/VolumeStamp"] = stamp
    own["/XObject"] = objects
    page.obj["/Resources"] = own  # its own copy: pages of one file often share theirs
    page.contents_add(pdf.make_stream(b"q\n"), prepend=True)
    page.contents_add(pdf.make_stream(f"\nQ q {matrix} cm /VolumeStamp Do Q\n".encode()))


def _link_contents(pages: Sequence[Any], front: int) -> None:
    """Turn the links ``volume:<page>`` of the contents into jumps."""
    import pikepdf

    for page in pages[:front]:
        for note in page.obj.get("/Annots", ()):
            address = str(note.get("/A", {}).get("/URI", ""))
            if not address.startswith("volume:"):
                continue
            place = int(address.removeprefix("volume:"))
            if 1 <= place <= len(pages):
                del note["/A"]
                note["/Dest"] = pikepdf.Array([pages[place - 1].obj, pikepdf.Name.Fit])


def _bookmarks(outline: Any, parts: Sequence[Part]) -> None:
    import pikepdf

    outline.root.append(pikepdf.OutlineItem(_("封面"), 0))
    if parts[0].count > 1:
        outline.root.append(pikepdf.OutlineItem(_("目录"), 1))
    above = outline.root
    for part in parts[1:]:
        if part.title:
            head = pikepdf.OutlineItem(part.title, part.first - 1)
            outline.root.append(head)
            above = head.children
        for number, name in part.shown:
            above.append(pikepdf.OutlineItem(_("%(n)s 号 %(name)s", n=number, name=name), part.first - 1))
