"""The core: schools, cycles, evidence and people. It knows no rubric.

A rubric plugin imports :data:`hookimpl` from here and the value types from ``intranet.rubric``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from intranet.hookspecs import hookimpl

if TYPE_CHECKING:
    import pluggy
    from flask import Flask

    from intranet.config import Settings

__all__ = ["create_app", "hookimpl"]


def create_app(settings: Settings, plugin_manager: pluggy.PluginManager) -> Flask:
    """The web application over one data folder and the rubrics of ``plugin_manager``."""
    from intranet.web import build_app

    return build_app(settings, plugin_manager)
