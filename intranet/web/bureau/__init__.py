"""The bureau's pages: cycles, rulings, progress, own data, freeze and results; register, reminders, people, log."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("bureau", __name__, url_prefix="/bureau")

from . import (  # noqa: E402
    carry,
    copying,
    cycles,
    data,
    log,
    packet,
    people,
    phases,
    progress,
    radar,
    recusals,
    register,
    reminders,
    results,
    rubrics,
    rulings,
)

__all__ = [
    "bp",
    "carry",
    "copying",
    "cycles",
    "data",
    "log",
    "packet",
    "people",
    "phases",
    "progress",
    "radar",
    "recusals",
    "register",
    "reminders",
    "results",
    "rubrics",
    "rulings",
]
