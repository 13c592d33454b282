"""The school's pages: my entries, one entry, one indicator, submission, official forms, result."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("school", __name__)
