"""The bureau's pages: cycles, rulings, progress, own data, freeze and results; register, people, log."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("bureau", __name__, url_prefix="/bureau")

from . import cycles, data, log, people, phases, progress, register, results, rubrics, rulings  # noqa: E402

__all__ = [
    "bp",
    "cycles",
    "data",
    "log",
    "people",
    "phases",
    "progress",
    "register",
    "results",
    "rubrics",
    "rulings",
]
