"""A small PDF for sample evidence."""

from __future__ import annotations

from intranet.volume import typeset


def sample_pdf(lines: list[str]) -> bytes:
    """A page with a few lines of Chinese, in a font that it carries, so that every reader shows it."""
    return typeset.text_pages("\n".join(lines))
