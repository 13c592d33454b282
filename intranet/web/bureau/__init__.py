"""The bureau's pages: cycles, rulings, progress, own data, freeze and results; register, reminders, people, log."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("bureau", __name__, url_prefix="/bureau")

from . import (  # noqa: E402
    appeals,
    appeals_apply,
    archives,
    assignment,
    burden,
    calendar,
    carry,
    copying,
    cycles,
    data,
    log,
    packet,
    people,
    phases,
    progress,
    publication,
    radar,
    recusals,
    register,
    reminders,
    results,
    rubrics,
    rulings,
    showing,
    signoff,
    whatif,
)

__all__ = [
    "appeals",
    "appeals_apply",
    "archives",
    "assignment",
    "bp",
    "burden",
    "calendar",
    "carry",
    "copying",
    "cycles",
    "data",
    "log",
    "packet",
    "people",
    "phases",
    "progress",
    "publication",
    "radar",
    "recusals",
    "register",
    "reminders",
    "results",
    "rubrics",
    "rulings",
    "showing",
    "signoff",
    "whatif",
]
