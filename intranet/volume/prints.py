"""Perceptual hashes: two pictures of one thing, saved again or made smaller, differ in few bits."""

from __future__ import annotations

from pathlib import Path

from .pictures import opened

FEWEST, MOST = 8, 56
"""Set bits of a print that says something: a blank page's would be like every other blank page's."""


def print_of(path: Path, kind: str = "") -> str:
    """dHash of a picture, 16 hexadecimal digits; "" if it cannot be read or is nearly blank.

    :param kind: ending of its name.
    """
    from PIL import Image, ImageOps

    try:
        with opened(path, kind) as image:
            image.draft("L", (256, 256))
            small = ImageOps.exif_transpose(image).convert("L").resize((9, 8), Image.Resampling.LANCZOS)
    except Exception:  # whatever a library makes of a broken file
        return ""
    levels = list(small.tobytes())
    bits = 0
    for row in range(8):
        for column in range(8):
            bits = bits << 1 | (levels[row * 9 + column] > levels[row * 9 + column + 1])
    return f"{bits:016x}" if FEWEST <= bits.bit_count() <= MOST else ""
