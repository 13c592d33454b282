"""Which characters the volume's font can set; the others would stop Typst, and with it the volume.

Names with rare characters (𬱖), signs of another script or emoji are common in file names.
"""

from __future__ import annotations

import bisect
import functools
import struct
import unicodedata
from pathlib import Path
from typing import Any

MISSING = "□"
"""Stands for a character that the font has no shape for, as people write it by hand."""


def font() -> Path:
    """Noto Sans SC."""
    from pylopdf_fonts_zh_cn import sans_path

    path: Path = sans_path()
    return path


def settable(value: Any) -> Any:
    """The same words, lists or mapping of them, with a sign in place of what cannot be set."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else "".join(map(_sign, value))
    if isinstance(value, dict):
        return {name: settable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [settable(inner) for inner in value]
    return value


@functools.cache
def _sign(character: str) -> str:
    """Line ends and tabs stay; marks that do not show, and those that turn the direction of writing, go."""
    if character in "\n\r\t" or _is_covered(ord(character)):
        return character
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Mn", "Me")
    return "" if hidden else " " if character.isspace() else MISSING


def _is_covered(code: int) -> bool:
    starts, ends = _ranges()
    place = bisect.bisect_right(starts, code) - 1
    return place >= 0 and code <= ends[place] and unicodedata.category(chr(code)) not in ("Cc", "Cf")


@functools.cache
def _ranges() -> tuple[list[int], list[int]]:
    """First and last code of each run in the font's table of characters (cmap, format 12)."""
    with font().open("rb") as file:
        (tables,) = struct.unpack(">4xH6x", file.read(12))
        places = {}
        for _table in range(tables):
            name, start = struct.unpack(">4s4xI4x", file.read(16))
            places[name] = start
        base = places[b"cmap"]
        file.seek(base + 2)
        (count,) = struct.unpack(">H", file.read(2))
        records = [struct.unpack(">HHI", file.read(8)) for _record in range(count)]
        for _platform, _encoding, start in records:
            file.seek(base + start)
            kind, groups = struct.unpack(">H10xI", file.read(16))
            if kind == 12:
                data = file.read(12 * groups)
                found = [(first, last) for first, last, _glyph in struct.iter_unpack(">III", data)]
                return [first for first, _last in found], [last for _first, last in found]
    raise RuntimeError("the font has no table of all characters")
