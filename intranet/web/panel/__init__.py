"""The panel's pages: the declaration of recusal, my cycles, the queue, the scoring page; the chair's board and settlements; the sheet.

``desk`` loads a cycle as one reviewer meets it, ``bench`` prepares one item for the scoring page,
``typed`` reads its form.
"""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("panel", __name__, url_prefix="/panel")

from . import (  # noqa: E402  (they need bp)
    appeals,
    asking,
    chair,
    declare,
    grid,
    pages,
    phrases,
    radar,
    scoring,
    scoring_sheet,
    settling,
    showing,
    showing_run,
    showing_score,
)

__all__ = [
    "appeals",
    "asking",
    "bp",
    "chair",
    "declare",
    "grid",
    "pages",
    "phrases",
    "radar",
    "scoring",
    "scoring_sheet",
    "settling",
    "showing",
    "showing_run",
    "showing_score",
]
