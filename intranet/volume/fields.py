"""What was typed into the fields of a PDF form, drawn so that it can become part of the page.

qpdf draws fields too, but only letters of Western Europe: a Chinese name would be ``????``.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from . import typeset

_LINES = 1 << 12
"""Flag of a field with several lines."""
MOST = 2_000
"""Fields of one form that are drawn here."""


def draw(pdf: Any) -> None:
    """Give each field that shows text an appearance; one that has its own keeps it."""
    ours: list[tuple[Any, Any | None]] = []
    with contextlib.suppress(Exception):  # a field that cannot be understood is left as it is
        for page in pdf.pages:
            for note in page.obj.get("/Annots", ()):
                if (
                    len(ours) < MOST
                    and note.get("/Subtype") == "/Widget"
                    and _of(note, "/FT") in ("/Tx", "/Ch")
                ):
                    with contextlib.suppress(Exception):
                        ours.append((note, _shape(pdf, note)))
    with contextlib.suppress(Exception):
        pdf.generate_appearance_streams()
    for note, shape in ours:
        if shape is not None:
            note["/AP"] = shape


def _shape(pdf: Any, note: Any) -> Any | None:
    """The appearance that the field has, or one of ours for words that qpdf cannot draw."""
    import pikepdf

    own = note.get("/AP")
    if own is not None and "/N" in own and "/Subtype" in own.N:
        return own
    value = _of(note, "/V")
    said = str(value) if isinstance(value, pikepdf.String) else ""
    if not said or said.isascii():
        return None
    left, bottom, right, top = (float(v) for v in note.Rect)
    width, height = abs(right - left), abs(top - bottom)
    lines = bool(int(_of(note, "/Ff") or 0) & _LINES)
    with pikepdf.open(io.BytesIO(typeset.field(said, width, height, has_lines=lines))) as made:
        return pikepdf.Dictionary(N=pdf.copy_foreign(made.pages[0].as_form_xobject()))


def _of(field: Any, key: str) -> Any | None:
    """A value of the field, its own or one that it inherits."""
    for _level in range(20):
        if key in field:
            return field[key]
        if "/Parent" not in field:
            return None
        field = field.Parent
    return None
