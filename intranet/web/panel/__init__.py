"""The panel's pages: the declaration of recusal, my cycles, the queue, the scoring page; the chair's board and settlements; the sheet.

``desk`` loads a cycle as one reviewer meets it, ``bench`` prepares one item for the scoring page,
``typed`` reads its form.
"""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("panel", __name__, url_prefix="/panel")

from . import asking, chair, declare, pages, phrases, radar, scoring, settling, showing, showing_live  # noqa: E402  (they need bp)

__all__ = ["asking", "bp", "chair", "declare", "pages", "phrases", "radar", "scoring", "settling", "showing", "showing_live"]
