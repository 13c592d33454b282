"""What a PDF holds beside its pages, and whether it can stand in a volume that is kept for the archive.

PDF/A-2b cannot be proved without a validator. So a document passes only if it declares PDF/A-2 or -3 itself and
nothing in what its pages use speaks against it; whatever cannot be told counts as an obstacle.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..i18n import _
from .notshown import NotShown

HIDDEN = "/VolumeHidden"
"""Set by ``convert`` in a layer that the document does not show."""
MOST_OBJECTS = 200_000
DIRECT = (0, 0)
"""Number of what is no object of its own."""
MOST_TARGETS = 20_000
MOST_METADATA = 1024 * 1024
_PART = re.compile(rb"""pdfaid:part\s*(?:>|=\s*["'])\s*(\d)""")
_NOTES = frozenset(
    f"/{name}"
    for name in (
        *("Link", "Text", "FreeText", "Line", "Square", "Circle", "Polygon", "PolyLine", "Highlight"),
        *("Underline", "Squiggly", "StrikeOut", "Stamp", "Caret", "Ink", "Popup"),
    )
)
_INVISIBLE, _HIDDEN, _PRINT, _NO_VIEW = 1, 2, 4, 32


@dataclass(frozen=True, slots=True)
class Looked:
    """obstacles: why it cannot be called PDF/A-2b, in words; targets: page of each named place, from 0."""

    pages: int
    obstacles: tuple[str, ...] = ()
    targets: Mapping[str, int] = field(default_factory=dict)
    has_layers: bool = False


def look(path: Path, *, is_ours: bool = False) -> Looked:
    """Open a PDF and say what matters of it.

    :param is_ours: we set or drew its pages, as PDF/A-2b.
    :raises NotShown: it is no PDF that can be read.
    """
    import pikepdf

    try:
        with pikepdf.open(path, access_mode=pikepdf.AccessMode.stream) as pdf:
            pages = len(pdf.pages)
            if is_ours:
                return Looked(pages)
            obstacles: tuple[str, ...] = (_("结构特殊，没能核对"),)
            with contextlib.suppress(Exception):  # whatever is wrong in it, its pages may be right
                obstacles = tuple(_Check(pdf).run())
            return Looked(pages, obstacles, _targets(pdf), "/OCProperties" in pdf.Root)
    except pikepdf.PdfError:
        raise NotShown(_("PDF 已损坏，打不开")) from None


def _targets(pdf: Any) -> dict[str, int]:
    """Pages of the named places that links may lead to."""
    import pikepdf

    out: dict[str, int] = {}
    with contextlib.suppress(Exception):
        root = pdf.Root
        named = list(root.Dests.items()) if "/Dests" in root else []
        if "/Names" in root and "/Dests" in root.Names:
            named += pikepdf.NameTree(root.Names.Dests).items()
        if not named:
            return {}
        places = {page.obj.objgen: n for n, page in enumerate(pdf.pages)}
        for name, goal in named[:MOST_TARGETS]:
            with contextlib.suppress(Exception):
                place = goal.D[0] if isinstance(goal, pikepdf.Dictionary) else goal[0]
                out[str(name).removeprefix("/")] = places[place.objgen]
    return out


def declared(pdf: Any) -> int:
    """Part of PDF/A that the file says it conforms to; 0: none."""
    data = pdf.Root.get("/Metadata")
    if data is None or int(data.get("/Length", 0)) > MOST_METADATA:
        return 0
    found = _PART.search(data.read_bytes())
    return int(found[1]) if found else 0


class _Check:
    """What in the pages of a PDF speaks against PDF/A-2b."""

    def __init__(self, pdf: Any) -> None:
        self.pdf = pdf
        self.found: dict[str, None] = {}
        self.seen: set[tuple[int, int]] = set()
        self.count = 0

    def run(self) -> list[str]:
        root, part = self.pdf.Root, declared(self.pdf)
        names = root.get("/Names", {})
        if "/JavaScript" in names or "/AA" in root:
            self.active()
        if "/EmbeddedFiles" in names and part != 3:
            self.found[_("带有附件")] = None
        if "/AcroForm" in root:
            self.found[_("带有表单")] = None
        if "/OCProperties" in root:
            self.found[_("带有图层")] = None
        for intent in root.get("/OutputIntents", ()):
            if int(intent.get("/DestOutputProfile", {}).get("/N", 3)) == 4:
                self.cmyk()
        for page in self.pdf.pages:
            self.page(page.obj)
        if part not in (2, 3):
            self.found[
                _("存的时候没有选 PDF/A") if not part else _("声明的是 PDF/A-%(n)s，不是 PDF/A-2", n=part)
            ] = None
        return list(self.found)

    def active(self) -> None:
        self.found[_("带有脚本或会自动执行的动作")] = None

    def cmyk(self) -> None:
        self.found[_("颜色是印刷用的 CMYK")] = None

    def is_new(self, thing: Any) -> bool:
        """Whether it has not been looked at yet; an end for files without one."""
        self.count += 1
        if self.count > MOST_OBJECTS:
            raise ValueError("too many objects")
        place = thing.objgen
        if place == DIRECT:
            return True
        if place in self.seen:
            return False
        self.seen.add(place)
        return True

    def page(self, page: Any) -> None:
        import pikepdf

        inherited = True
        for key, value in page.items():
            if key == "/Resources":
                inherited = False
                self.resources(value)
            elif key == "/Contents":
                for stream in value if isinstance(value, pikepdf.Array) else [value]:
                    self.stream(stream)
            elif key == "/Annots":
                for note in value:
                    self.note(note)
            elif key == "/AA":
                self.active()
        if inherited:
            self.resources(_inherited(page))

    def note(self, note: Any) -> None:
        kind, flags = str(note.get("/Subtype", "")), int(note.get("/F", 0))
        action = str(note.get("/A", {}).get("/S", "/URI"))
        if "/AA" in note or action not in ("/URI", "/GoTo", "/GoToR"):
            self.active()
        if kind in ("/Screen", "/Movie", "/Sound", "/3D", "/RichMedia"):
            self.found[_("带有音频、视频或三维内容")] = None
        elif kind == "/FileAttachment":
            self.found[_("带有附件")] = None
        elif kind == "/Widget":
            self.found[_("带有表单")] = None
        elif kind not in _NOTES or (
            kind != "/Popup" and (not flags & _PRINT or flags & (_INVISIBLE | _HIDDEN | _NO_VIEW))
        ):
            self.found[_("带有打印不出来的批注")] = None
        shape = note.get("/AP", {}).get("/N")
        if shape is not None and "/Subtype" in shape:
            self.drawn(shape)
        elif kind not in ("/Link", "/Popup"):
            self.found[_("带有打印不出来的批注")] = None

    def resources(self, resources: Any) -> None:
        if resources is None or not self.is_new(resources):
            return
        for key, things in resources.items():
            look = {
                "/Font": self.font,
                "/XObject": self.drawn,
                "/Pattern": self.pattern,
                "/ExtGState": self.state,
                "/ColorSpace": self.colour,
                "/Properties": self.properties,
            }.get(key)
            if look is not None:
                for thing in things.values():
                    look(thing)

    def pattern(self, pattern: Any) -> None:
        if self.is_new(pattern):
            if "/Length" in pattern:
                self.stream(pattern)
            self.resources(pattern.get("/Resources"))

    def state(self, state: Any) -> None:
        if not self.is_new(state):
            return
        if "/TR" in state or "/HTP" in state or state.get("/TR2", "/Default") != "/Default":
            self.found[_("带有印刷机专用的设置")] = None
        mask = state.get("/SMask")
        if mask is not None and mask != "/None" and self.is_new(mask):
            self.drawn(mask.G)

    def properties(self, properties: Any) -> None:
        if properties.get("/Type") in ("/OCG", "/OCMD"):
            self.found[_("带有图层")] = None

    def drawn(self, drawn: Any) -> None:
        if not self.is_new(drawn):
            return
        kind = ""
        for key, value in drawn.items():
            if key == "/Subtype":
                kind = str(value)
            elif key in ("/Filter", "/F"):
                self.packed(key, value)
            elif key == "/OC":
                self.found[_("带有图层")] = None
            elif key in ("/Ref", "/OPI", "/Alternates") or (key == "/Interpolate" and value):
                self.found[_("带有印刷机专用的设置")] = None
            elif key == "/Resources":
                self.resources(value)
            elif key == "/ColorSpace":
                self.colour(value)
            elif key == "/SMask" or (key == "/Mask" and "/Length" in value):
                self.drawn(value)
        if kind not in ("/Form", "/Image") or "/PS" in drawn:
            self.found[_("带有 PostScript 内容")] = None

    def colour(self, space: Any) -> None:
        if space == "/DeviceCMYK":
            self.cmyk()

    def stream(self, stream: Any) -> None:
        for key, value in stream.items():
            if key in ("/Filter", "/F"):
                self.packed(key, value)

    def packed(self, key: str, value: Any) -> None:
        """How a stream is packed, or that it lies elsewhere."""
        import pikepdf

        if key == "/F":
            self.found[_("内容存在别的文件里")] = None
            return
        named = {str(value)} if isinstance(value, pikepdf.Name) else set(map(str, value))
        if named & {"/LZWDecode", "/Crypt"}:
            self.found[_("用了 PDF/A 不允许的压缩方式")] = None
        if "/JPXDecode" in named:
            self.found[_("带有 JPEG 2000 图片，没能核对")] = None

    def font(self, font: Any) -> None:
        if not self.is_new(font):
            return
        kind = font.get("/Subtype")
        if kind == "/Type3":
            self.resources(font.get("/Resources"))
            return
        inner = font.DescendantFonts[0] if kind == "/Type0" else font
        about = inner.get("/FontDescriptor", {})
        if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(about.keys()):
            self.found[_("有字体没有嵌入")] = None


def _inherited(page: Any) -> Any | None:
    """The page's resources, its own or those of the tree above it."""
    for _level in range(50):
        if "/Resources" in page:
            return page.Resources
        if "/Parent" not in page:
            return None
        page = page.Parent
    return None
