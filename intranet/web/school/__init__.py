"""The school's pages: my entries, one entry, one indicator, handing in, official forms, result.

Everybody who may see an entry may read these pages; what may be changed is asked of
``domain.filing`` (who) and ``domain.phases`` (when), and said once at the top of the page.
"""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("school", __name__)

from . import (  # noqa: E402, F401 - they add the routes  # noqa: E402, F401 - the same
    appeals,
    carry,
    chances,
    changes,
    confirmations,
    desk,
    handing_in,
    indicator,
    inquiries,
    library,
    official,
    overview,
    packet,
    receipt,
    result,
    rows,
    tus,
    uploads,
    volume,
    workbook,
)

bp.add_app_template_filter(desk.figures, "figures")
