"""Putting a volume together: pages in order, a stamp on each, contents with links, bookmarks.

Where what stands is decided first, from page counts alone; then the pages are copied. PDF pages are
copied as they are, so the volume is as large as its inputs and text in them stays text.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..i18n import _
from . import typeset
from .convert import NotShown, pages_of
from .plan import Document, Plan, Section
from .prints import print_of

PICTURES = frozenset({"image/jpeg", "image/png"})
BOTTOM = 9.0
"""Points between the lower edge of a page and its stamp."""


class Cancelled(Exception):
    """Somebody stopped the build; no file was left."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build. places: first and last page by material number; sections: {code, page};
    digests: of each printed page; changed: pages that differ from the build before; problems: {number,
    name, reason} of files that a page of words stands in for; prints: perceptual hash of each picture."""

    sha256: str
    size: int
    pages: int
    places: dict[int, tuple[int, int]]
    sections: list[dict[str, Any]]
    digests: list[str]
    changed: list[int]
    problems: list[dict[str, Any]]
    prints: dict[str, str]


@dataclass
class _Part:
    """A run of pages from one source. label: for the stamp and the bookmark; level: of the bookmark."""

    source: Path | bytes
    count: int
    identity: str
    stamp: str
    title: str = ""
    level: int = 0
    number: int = 0
    code: str | None = None
    first: int = 0


@dataclass
class _Laid:
    parts: list[_Part] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)


def build(
    plan: Plan,
    target: Path,
    cache: Path,
    *,
    on_progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    before: Sequence[str] = (),
    known_prints: Collection[str] = (),
) -> Built:
    """Write the volume of ``plan`` to ``target``.

    :param cache: folder of converted pages, shared by all volumes.
    :param before: digests of the build before; :param known_prints: pictures whose print is known.
    :raises Cancelled: ``is_cancelled`` said so between two files.
    """
    laid = _convert_all(plan, cache, on_progress, is_cancelled)
    front = _front(plan, laid.parts)
    on_progress(len(plan.documents), len(plan.documents) + 1, _("装订"))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _assemble(plan, [front, *laid.parts], beside)
        if is_cancelled():
            raise Cancelled
        digest, size = _hash(beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    digests = [d for part in (front, *laid.parts) for d in _digests(part)]
    return Built(
        sha256=digest,
        size=size,
        pages=len(digests),
        places={p.number: (p.first, p.first + p.count - 1) for p in laid.parts if p.number},
        sections=[{"code": p.code, "page": p.first} for p in laid.parts if p.code is not None],
        digests=digests,
        changed=[n for n, d in enumerate(digests, 1) if before and (n > len(before) or d != before[n - 1])],
        problems=laid.problems,
        prints={
            d.sha256: print_of(Path(d.path))
            for d in plan.documents
            if d.media_type in PICTURES and d.path and d.sha256 not in known_prints
        },
    )


# --- what there is -------------------------------------------------------------------------------


def _convert_all(
    plan: Plan,
    cache: Path,
    on_progress: Callable[[int, int, str], None],
    is_cancelled: Callable[[], bool],
) -> _Laid:
    """Every part after the contents, in order; cross-references are words on the dividers."""
    laid = _Laid()
    by_number = {d.number: d for d in plan.documents}
    placed: dict[int, _Part] = {}
    waiting: list[tuple[_Part, Section, list[_Part]]] = []
    done = 0
    for section in plan.sections:
        head = _Part(b"", 1, "", "", _title(section), 0, code=section.code)
        laid.parts.append(head)
        elsewhere: list[_Part] = []
        waiting.append((head, section, elsewhere))
        for number in section.documents:
            document = by_number.get(number)
            if document is None:
                continue
            if number in placed:
                elsewhere.append(placed[number])
                continue
            if is_cancelled():
                raise Cancelled
            on_progress(done, len(plan.documents) + 1, document.name)
            part = _document(document, cache, laid)
            part.stamp = _("%(unit)s　%(n)s 号材料", unit=plan.unit, n=number)
            placed[number] = part
            laid.parts.append(part)
            done += 1
    # Dividers say where a file stands that was printed before; how many pages they take does not
    # depend on the number, so they are set once to be counted and once to be printed.
    for head, section, elsewhere in waiting:
        head.count = _count(typeset.divider(section, _refers(elsewhere)))
    _number(laid.parts, _front_pages(plan, laid.parts))
    for head, section, elsewhere in waiting:
        source = typeset.divider(section, _refers(elsewhere))
        head.source, head.identity = source, hashlib.sha256(source).hexdigest()
        head.stamp = plan.unit
    return laid


def _title(section: Section) -> str:
    return f"{section.number} {section.title}".strip()


def _refers(elsewhere: Sequence[_Part]) -> list[str]:
    """见第 33 页: files that an earlier section prints."""
    return [
        _("%(n)s 号材料“%(name)s”见第 %(page)s 页", n=p.number, name=p.title, page=p.first) for p in elsewhere
    ]


def _document(document: Document, cache: Path, laid: _Laid) -> _Part:
    title = document.name.rpartition(".")[0] or document.name
    try:
        path = pages_of(document, cache)
        count = _count(path)
        return _Part(path, count, document.sha256, "", title, 1, number=document.number)
    except NotShown as error:
        laid.problems.append({"number": document.number, "name": document.name, "reason": str(error)})
        with contextlib.suppress(OSError):
            size = Path(document.path).stat().st_size if document.path else 0
            page = typeset.stand_in(document, size, str(error))
            return _Part(
                page, _count(page), hashlib.sha256(page).hexdigest(), "", title, 1, number=document.number
            )
        raise


def _count(source: Path | bytes) -> int:
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(source) if isinstance(source, bytes) else source) as pdf:
            return len(pdf.pages)
    except pikepdf.PdfError:
        raise NotShown(_("PDF 已损坏，打不开")) from None


# --- where it stands -----------------------------------------------------------------------------


def _entries(parts: Sequence[_Part]) -> list[tuple[int, str, int]]:
    return [(p.level, f"{p.number} {p.title}" if p.number else p.title, p.first) for p in parts if p.title]


def _front_pages(plan: Plan, parts: Sequence[_Part]) -> int:
    """Pages of cover and contents: set with page numbers as wide as the real ones can get."""
    return _count(typeset.front(plan, [(level, text, 9999) for level, text, _page in _entries(parts)]))


def _number(parts: Sequence[_Part], after: int) -> None:
    page = after + 1
    for part in parts:
        part.first = page
        page += part.count


def _front(plan: Plan, parts: Sequence[_Part]) -> _Part:
    source = typeset.front(plan, _entries(parts))
    count = _count(source)
    first = parts[0].first - 1 if parts else count
    if count != first:  # numbers as wide as 9999 took one page more: leave it empty, never renumber
        source = _padded(source, first)
    return _Part(source, first, hashlib.sha256(source).hexdigest(), plan.unit, first=1)


def _padded(source: bytes, count: int) -> bytes:
    import pikepdf

    with pikepdf.open(io.BytesIO(source)) as pdf:
        while len(pdf.pages) < count:
            pdf.add_blank_page(page_size=(595, 842))
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True)
        return out.getvalue()


def _digests(part: _Part) -> list[str]:
    """What is printed on each page: its source, its place in it, its stamp."""
    return [
        hashlib.sha256(f"{part.identity} {n} {_stamp(part, n)}".encode()).hexdigest()[:16]
        for n in range(part.count)
    ]


def _stamp(part: _Part, n: int) -> str:
    return _("%(what)s　第 %(page)s 页", what=part.stamp, page=part.first + n)


# --- the file ------------------------------------------------------------------------------------


def _assemble(plan: Plan, parts: Sequence[_Part], path: Path) -> None:
    import pikepdf

    total = sum(p.count for p in parts)
    words = [_stamp(part, n) for part in parts for n in range(part.count)]
    with contextlib.ExitStack() as open_files, pikepdf.new() as pdf:
        stamps = open_files.enter_context(pikepdf.open(io.BytesIO(typeset.stamps(words))))
        for part in parts:
            source = io.BytesIO(part.source) if isinstance(part.source, bytes) else part.source
            opened = open_files.enter_context(pikepdf.open(source))
            pdf.pages.extend(opened.pages)
        for n in range(1, total):  # the cover has no stamp
            _put_stamp(pdf, pdf.pages[n], pdf.copy_foreign(stamps.pages[n].as_form_xobject()))
        _link_contents(pdf, parts[0].count)
        with pdf.open_outline() as outline:
            _bookmarks(outline, parts)
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.Root.Lang = "zh-CN"
        with pdf.open_metadata(set_pikepdf_as_editor=False) as about:
            about["dc:title"] = f"{plan.unit} {plan.title}"
            about["dc:creator"] = [plan.unit]
            about["dc:description"] = f"{plan.cycle} {plan.notice}".strip()
            about["pdf:Producer"] = "intranet"
        pdf.save(path, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)


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


def _link_contents(pdf: Any, front: int) -> None:
    """Turn the links ``volume:<page>`` of the contents into jumps."""
    import pikepdf

    for n in range(front):
        for note in pdf.pages[n].obj.get("/Annots", ()):
            address = str(note.get("/A", {}).get("/URI", ""))
            if not address.startswith("volume:"):
                continue
            place = int(address.removeprefix("volume:"))
            if 1 <= place <= len(pdf.pages):
                del note["/A"]
                note["/Dest"] = pikepdf.Array([pdf.pages[place - 1].obj, pikepdf.Name.Fit])


def _bookmarks(outline: Any, parts: Sequence[_Part]) -> None:
    import pikepdf

    outline.root.append(pikepdf.OutlineItem(_("封面"), 0))
    if parts[0].count > 1:
        outline.root.append(pikepdf.OutlineItem(_("目录"), 1))
    above = None
    for part in parts[1:]:
        title = _("%(n)s 号 %(name)s", n=part.number, name=part.title) if part.number else part.title
        item = pikepdf.OutlineItem(title, part.first - 1)
        if part.level == 0 or above is None:
            outline.root.append(item)
            above = item if part.level == 0 else None
        else:
            above.children.append(item)


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
