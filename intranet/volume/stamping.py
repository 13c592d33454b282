"""Stamps at the foot of every page: unit, material number, page number.

A page's own content becomes a form XObject, and the page draws that and the stamp. So whatever a content
leaves behind (an unclosed ``q``, a moved origin, names of resources) cannot move or change the stamp, and
nothing of it is decoded.
"""

from __future__ import annotations

import contextlib
import math
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import glyphs

BOTTOM = 9.0
"""Points between the lower edge of a page and its stamp."""
SIZE, SIDE, UNDER, HEIGHT = 8.5, 6.0, 2.5, 11.2
"""Of the letters; of the white around them: left and right, below the base line, from top to bottom."""
LETTER = (0.0, 0.0, 612.0, 792.0)  # what readers take a page for that does not say its size
MOST_COUNTED = 500_000
"""Bytes of each of the streams of one content whose ``q`` and ``Q`` are counted."""

Box = tuple[float, float, float, float]


@dataclass
class Letters:
    """The stamps' font in the volume, with glyph and width (in thousandths of the size) of each letter."""

    fonts: Any
    colours: Any
    glyph: dict[str, str]
    wide: dict[str, float]

    def shown(self, text: str) -> tuple[str, float]:
        """Glyphs in hexadecimal, and the width in points."""
        known = text
        if not self.glyph.keys() >= set(text):
            known = "".join(c if c in self.glyph else glyphs.MISSING for c in _plain(text))
        return "".join(self.glyph[c] for c in known), sum(self.wide[c] for c in known) * SIZE / 1000


def letters_of(texts: Sequence[str]) -> str:
    """Every letter of these stamps once, and one for what the font lacks."""
    return "".join(sorted({*"".join(map(_plain, texts)), *"0123456789", glyphs.MISSING} - {" "}))


def _plain(text: str) -> str:
    """Composed, so that each letter is one sign, on one line."""
    said: str = glyphs.settable(unicodedata.normalize("NFC", text))
    return " ".join(said.replace("\u3000", "\0").split()).replace("\0", "\u3000")


def letters(pdf: Any, page: Any, given: str) -> Letters:
    """Read the page that Typst set of ``given`` (see ``typeset.own``): its font stays, the page need not.

    :raises RuntimeError: it is not as expected, for Typst changed.
    """
    import pikepdf

    runs: list[str] = []
    fonts: set[str] = set()
    for line in pikepdf.parse_content_stream(page, "TJ Tj Tf"):
        if str(line.operator) == "Tf":
            fonts.add(str(line.operands[0]))
        else:
            shown = line.operands[0]
            parts = shown if str(line.operator) == "TJ" else [shown]
            runs.append(b"".join(bytes(p) for p in parts if isinstance(p, pikepdf.String)).hex())
    if len(fonts) != 1 or len(runs) != len(given) + 1 or len(runs[0]) != 12 or {*map(len, runs[1:])} > {4}:
        raise RuntimeError("the page of letters is not as expected")
    (name,) = fonts
    found = page.obj.Resources.Font[name]
    glyph = {" ": runs[0][4:8], **dict(zip(given, runs[1:], strict=True))}
    widths = _widths(found.DescendantFonts[0])
    gray = next(iter(page.obj.Resources.ColorSpace.values()))
    return Letters(
        pdf.make_indirect(found),
        pdf.make_indirect(gray),
        glyph,
        {letter: widths.get(int(code, 16), 1000.0) for letter, code in glyph.items()},
    )


def _widths(font: Any) -> dict[int, float]:
    """Widths by glyph: ``first [w w w]`` and ``first last w``."""
    import pikepdf

    out: dict[int, float] = {}
    line = list(font.get("/W", ()))
    while line:
        first, second = int(line[0]), line[1]
        if isinstance(second, pikepdf.Array):
            out |= {first + n: float(width) for n, width in enumerate(second)}
            line = line[2:]
        else:
            out |= dict.fromkeys(range(first, int(second) + 1), float(line[2]))
            line = line[3:]
    return out


# --- on the page -----------------------------------------------------------------------------------


@dataclass
class Stamper:
    """Puts stamps on pages of ``pdf``; forms: contents that became one, with the resources they go with."""

    pdf: Any
    letters: Letters
    forms: dict[tuple[int, int], Any] = field(default_factory=dict)
    shared: Any = None

    def put(self, page: Any, text: str) -> None:
        """Draw ``text`` upright at the foot of the page as people see it, whatever its turn and size.

        :param page: the page's dictionary.
        """
        import pikepdf

        media, seen = boxes(page)
        drawn = _drawn(*self.letters.shown(text), seen, turn_of(page))
        if not _is_box(page.get("/MediaBox")):
            page["/MediaBox"] = pikepdf.Array(media)
        content = page.get("/Contents")
        if isinstance(content, pikepdf.Array) and len(content) == 1:
            content = content[0]
        if isinstance(content, pikepdf.Stream):
            form = self._form(page, content, media)
            if form is not None:
                self._replace(page, form, drawn)
                return
        if isinstance(content, pikepdf.Array | pikepdf.Stream):
            self._add(page, content, drawn)
            return
        self._replace(page, None, drawn)

    def _form(self, page: Any, content: Any, media: Box) -> Any | None:
        """The content as a form; None if it already is one with other resources, for another page."""
        import pikepdf

        own = page.get("/Resources")
        place = content.objgen
        known = self.forms.get(place)
        if known is not None:
            same = known.get("/Resources") == own and [float(v) for v in known.BBox] == list(media)
            return known if same else None
        if "/Subtype" in content:  # it is drawn as something else elsewhere
            return None
        content["/Type"], content["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
        content["/BBox"] = pikepdf.Array(media)
        content["/Resources"] = own if isinstance(own, pikepdf.Dictionary) else pikepdf.Dictionary()
        self.forms[place] = content
        return content

    def _replace(self, page: Any, form: Any | None, drawn: str) -> None:
        import pikepdf

        resources = pikepdf.Dictionary(
            Font=pikepdf.Dictionary(VF=self.letters.fonts),
            ColorSpace=pikepdf.Dictionary(VG=self.letters.colours),
        )
        before = ""
        if form is not None:
            resources["/XObject"] = pikepdf.Dictionary(VP=form)
            before = "/VP Do\n"
        page["/Resources"] = resources
        page["/Contents"] = self.pdf.make_stream((before + drawn).encode())

    def _add(self, page: Any, content: Any, drawn: str) -> None:
        """Several streams that are one content: before and after them, with names that they do not use."""
        import pikepdf

        streams = [content] if isinstance(content, pikepdf.Stream) else list(content)
        streams = [s for s in streams if isinstance(s, pikepdf.Stream)]
        page["/Contents"] = pikepdf.Array(streams)
        more = "Q " * _left_open(self.pdf, streams)
        own = page.get("/Resources")
        resources = pikepdf.Dictionary(dict(own.items()) if isinstance(own, pikepdf.Dictionary) else {})
        for kind, short, thing in (
            ("/Font", "/VF", self.letters.fonts),
            ("/ColorSpace", "/VG", self.letters.colours),
        ):
            old = resources.get(kind)
            named = pikepdf.Dictionary(dict(old.items()) if isinstance(old, pikepdf.Dictionary) else {})
            name = next(n for k in range(len(named) + 1) if (n := f"{short}{k or ''}") not in named)
            named[name] = thing
            resources[kind] = named
            drawn = drawn.replace(f"{short} ", f"{name} ")
        page["/Resources"] = resources
        page["/Contents"] = pikepdf.Array(
            [self.pdf.make_stream(b"q\n"), *streams, self.pdf.make_stream(f"\n{more}Q\n{drawn}".encode())]
        )


def _left_open(pdf: Any, streams: Sequence[Any]) -> int:
    """How many ``q`` the content does not close; 0 too if that cannot be told."""
    import pikepdf

    depth = 0
    with contextlib.suppress(Exception):  # whatever is wrong in it, readers get on with it
        whole = b"\n".join(map(_content, streams))
        for line in pikepdf.parse_content_stream(pdf.make_stream(whole), "q Q"):
            depth = depth + 1 if str(line.operator) == "q" else max(0, depth - 1)
    return depth


def _content(stream: Any) -> bytes:
    """:raises ValueError: too long, or packed in a way that is not met in such streams."""
    packed: bytes = stream.read_raw_bytes()
    how, data = stream.get("/Filter"), packed
    if how == "/FlateDecode" and "/DecodeParms" not in stream:
        data = zlib.decompressobj().decompress(packed, MOST_COUNTED + 1)
    elif how is not None:
        raise ValueError("packed otherwise")
    if len(data) > MOST_COUNTED:
        raise ValueError("too long")
    return data


def _is_box(value: Any) -> bool:
    return _box(value) is not None


def _box(value: Any) -> Box | None:
    """Left, bottom, right, top, in whatever order they stand."""
    try:
        a, b, c, d = (float(v) for v in value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(math.isfinite(v) and abs(v) < 1e7 for v in (a, b, c, d)) or a == c or b == d:
        return None
    return min(a, c), min(b, d), max(a, c), max(b, d)


def boxes(page: Any) -> tuple[Box, Box]:
    """The page's whole area and what of it is seen."""
    media = _box(page.get("/MediaBox")) or LETTER
    crop = _box(page.get("/CropBox")) or media
    seen = (
        max(media[0], crop[0]),
        max(media[1], crop[1]),
        min(media[2], crop[2]),
        min(media[3], crop[3]),
    )
    return media, seen if seen[0] < seen[2] and seen[1] < seen[3] else media


def turn_of(page: Any) -> int:
    """0, 90, 180 or 270, clockwise."""
    try:
        turn = int(page.get("/Rotate", 0)) % 360
    except (TypeError, ValueError, OverflowError):
        return 0
    return turn if turn % 90 == 0 else 0


def _drawn(codes: str, wide: float, seen: Box, turn: int) -> str:
    x0, y0, x1, y1 = seen
    width, height = (x1 - x0, y1 - y0) if turn in (0, 180) else (y1 - y0, x1 - x0)
    whole = wide + 2 * SIDE
    scale = min(max(0.3, min(3.0, width / 595)), width / whole)
    right, up = (width - whole * scale) / 2, BOTTOM * min(scale, height / 842 + 0.2)
    # From what is seen (u to the right, v upwards) to the page's own coordinates.
    a, b, c, d, e, f = {
        0: (1, 0, 0, 1, x0, y0),
        90: (0, 1, -1, 0, x1, y0),
        180: (-1, 0, 0, -1, x1, y1),
        270: (0, -1, 1, 0, x0, y1),
    }[turn]
    e, f = a * right + c * up + e, b * right + d * up + f
    matrix = " ".join(f"{v:.5f}" for v in (a * scale, b * scale, c * scale, d * scale))
    return (
        f"q {matrix} {e:.2f} {f:.2f} cm /VG cs 1 scn 0 2.9 {whole:.2f} {HEIGHT} re f 0 scn "
        f"BT /VF {SIZE} Tf {SIDE} {2.9 + UNDER:.1f} Td <{codes}> Tj ET Q\n"
    )
