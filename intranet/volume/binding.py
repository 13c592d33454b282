"""The file of a volume: pages in order, a stamp on each, contents with links, bookmarks, metadata.

PDF pages are copied as they are, so the volume is as large as its inputs and text in them stays text.
The copying is qpdf's own: pikepdf keeps the streams of every page that it copies from another file in
memory, and a volume of 3,000 scans would be there twice. A qpdf job lays the pages one after the other
and reads their streams only as the volume is written, once.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ..i18n import _
from . import stamping
from .inspecting import HIDDEN
from .plan import Plan
from .typeset import Own

ACTIVE = frozenset(
    f"/{name}"
    for name in (
        *("JavaScript", "Launch", "Rendition", "Movie", "Sound", "SubmitForm", "ImportData", "ResetForm"),
        *("Hide", "SetOCGState", "Trans", "GoTo3DView", "GoToE", "RichMediaExecute"),
    )
)
"""What a click could set going; in a volume that others open, nothing does."""


PRODUCER = "intranet"


@dataclass
class Part:
    """A run of pages from one source.

    start: its first page there, from 0; stamp: words, without the page number; title: of a section that
    begins here, with its code; shown: number and name of each document on these pages; first: where it
    stands in the volume, from 1; targets: page of each named place in the source, from 0; has_layers: some
    that are not to be seen; cover: identity of its first page, if that is another.
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
    targets: Mapping[str, int] = field(default_factory=dict)
    has_layers: bool = False
    cover: str = ""


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


def bind(
    plan: Plan,
    parts: Sequence[Part],
    own: Own,
    letters: str,
    target: Path,
    *,
    identity: bytes,
    archival: bool,
) -> None:
    """Write the file; the first part is cover and contents.

    :param own: the file of our own pages, with the page of ``letters`` after them.
    :param identity: 16 bytes for the file's /ID, so that the same volume has the same bytes.
    :param archival: declare it as PDF/A-2b.
    """
    import pikepdf

    with (
        tempfile.TemporaryDirectory(prefix=f"{target.name}-", dir=target.parent) as folder,
        _merged(parts, own, Path(folder)) as pdf,
    ):
        pages = [page.obj for page in pdf.pages]
        font = stamping.letters(pdf, pdf.pages[-1], letters)
        del pdf.pages[-1], pages[-1]
        stamper = stamping.Stamper(pdf, font)
        for part in parts:
            run = pages[part.first - 1 : part.first - 1 + part.count]
            for n, page in enumerate(run):
                if part.first + n > 1:  # the cover has none
                    stamper.put(page, stamp(part, n))
                if "/Annots" in page or "/AA" in page:
                    _calm(page, run, part.targets)
        _link_contents(
            pages, [n for p in parts if p.source is own.pdf for n in range(p.first, p.first + p.count)]
        )
        with pdf.open_outline() as outline:
            _bookmarks(outline, parts)
        if any(part.has_layers for part in parts):
            _layers(pdf)
        _about(pdf, plan, own if archival else None)
        pdf.trailer.ID = pikepdf.Array([pikepdf.String(identity), pikepdf.String(identity)])
        # Streams stay as they are: nothing of a document is decoded or packed anew.
        pdf.save(
            target,
            static_id=True,  # a hash over all bytes would take longer than writing them
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            force_version="1.7",
        )


@contextlib.contextmanager
def _merged(parts: Sequence[Part], own: Own, folder: Path) -> Iterator[Any]:
    """All pages, and the page of letters as the last. Their files are read until the volume is written."""
    import pikepdf

    kept: dict[int, str] = {}

    def name_of(source: Path | bytes) -> str:
        if isinstance(source, Path):
            return str(source)
        if id(source) not in kept:
            file = folder / f"{len(kept)}.pdf"
            file.write_bytes(source)
            kept[id(source)] = str(file)
        return kept[id(source)]

    pages = [
        {"file": name_of(p.source), "range": f"{p.start + 1}-{p.start + p.count}"} for p in parts if p.count
    ]
    pages.append({"file": name_of(own.pdf), "range": "z"})
    job: dict[str, Any] = {
        "empty": "",
        "outputFile": str(folder / "none.pdf"),  # the job asks for one; it is not written
        "pages": pages,
        "staticId": "",
        "removeUnreferencedResources": "no",
        "noWarn": "",
    }
    made: pikepdf.Pdf = pikepdf.Job(job).create_pdf()  # type: ignore[no-untyped-call]
    with made as pdf:
        yield pdf


def _about(pdf: Any, plan: Plan, archival: Own | None) -> None:
    import pikepdf

    pdf.Root.PageMode = pikepdf.Name.UseOutlines
    pdf.Root.Lang = pikepdf.String("zh-CN")
    pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
    if "/AcroForm" in pdf.Root:
        del pdf.Root["/AcroForm"]
    said = f"{plan.cycle} {plan.notice}".strip()
    about = {"Title": f"{plan.unit} {plan.title}", "Author": plan.unit, "Subject": said, "Producer": PRODUCER}
    for name, words in about.items():
        pdf.docinfo[f"/{name}"] = pikepdf.String(_clean(words))
    packet = _packet(*about.values(), is_archival=archival is not None)
    pdf.Root.Metadata = pdf.make_stream(packet, Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)
    if archival is not None:  # the colours of photographs and scans are those of our own pages: sRGB
        with pikepdf.open(io.BytesIO(archival.pdf)) as ours:
            pdf.Root.OutputIntents = pdf.copy_foreign(ours.make_indirect(ours.Root.OutputIntents))


def _packet(title: str, author: str, subject: str, producer: str, *, is_archival: bool) -> bytes:
    """XMP that says the same as the document information; all names declared at one place, as strict readers ask."""
    title, author, subject, producer = (escape(_clean(w)) for w in (title, author, subject, producer))
    part = "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" if is_archival else ""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>zh-CN</rdf:li></rdf:Bag></dc:language>
<pdf:Producer>{producer}</pdf:Producer>{part}
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def _clean(words: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c for c in words if c.isprintable())


def _calm(page: Any, run: Sequence[Any], targets: Mapping[str, int]) -> None:
    """Links stay inside their own document; nothing that a click, or opening the page, could set going."""
    import pikepdf

    if "/AA" in page:
        del page["/AA"]
    notes = page.get("/Annots")
    if notes is not None and not isinstance(notes, pikepdf.Array):
        del page["/Annots"]
        return
    for note in notes or ():
        if not isinstance(note, pikepdf.Dictionary):
            continue
        if "/AA" in note:
            del note["/AA"]
        if "/A" in note:
            _calm_action(note)
        goal = note.get("/Dest")
        if isinstance(goal, pikepdf.String | pikepdf.Name):  # names of two documents may be the same
            place = targets.get(str(goal).removeprefix("/"), -1)
            if 0 <= place < len(run):
                note["/Dest"] = pikepdf.Array([run[place], pikepdf.Name.Fit])
            else:
                del note["/Dest"]


def _calm_action(note: Any) -> None:
    import pikepdf

    action = note["/A"]
    kind = str(action.get("/S", "")) if isinstance(action, pikepdf.Dictionary) else ""
    if not kind or kind in ACTIVE:
        del note["/A"]
    elif kind == "/GoTo":
        goal = action.get("/D")
        del note["/A"]
        if goal is not None:
            note["/Dest"] = goal
    elif "/Next" in action:
        del action["/Next"]


def _layers(pdf: Any) -> None:
    """Layers (optional content) that a document hides stay hidden."""
    import pikepdf

    layers = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/OCG"]
    hidden = [o for o in layers if HIDDEN in o]
    for layer in hidden:
        del layer[HIDDEN]
    pdf.Root.OCProperties = pikepdf.Dictionary(
        OCGs=pikepdf.Array(layers),
        D=pikepdf.Dictionary(OFF=pikepdf.Array(hidden), Order=pikepdf.Array([])),
    )


def _link_contents(pages: Sequence[Any], own: Sequence[int]) -> None:
    """Turn the links ``volume:<page>`` of our own pages into jumps; take out the marks ``part:<n>``."""
    import pikepdf

    for number in own:
        page = pages[number - 1]
        notes = page.get("/Annots", ())
        kept = []
        for note in notes:
            address = str(note.get("/A", {}).get("/URI", ""))
            if address.startswith("part:"):
                continue
            kept.append(note)
            place = int(address.removeprefix("volume:")) if address.startswith("volume:") else 0
            if 1 <= place <= len(pages):
                del note["/A"]
                note["/Dest"] = pikepdf.Array([pages[place - 1], pikepdf.Name.Fit])
        if len(kept) < len(notes):
            page["/Annots"] = pikepdf.Array(kept)


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
