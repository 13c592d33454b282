"""The front door: each role to its first page."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, url_for

from intranet.enums import Role

from .context import actor
from .forms import answer

bp = Blueprint("home", __name__)

FIRST_PAGE = (
    (Role.BUREAU, "bureau.cycles"),
    (Role.CHAIR, "panel.index"),
    (Role.REVIEWER, "panel.index"),
    (Role.FILER, "school.tasks"),
    (Role.CONTRIBUTOR, "school.tasks"),
    (Role.LEADER, "leader.index"),
    (Role.AUDITOR, "leader.index"),
)


@bp.get("/")
def index() -> Response:
    for role, endpoint in FIRST_PAGE:
        if actor().has(role):
            return make_response(redirect(url_for(endpoint)))
    return answer("home/no_role.html")
