"""What holds a definition together, beyond the shape of its items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .source import Finding

if TYPE_CHECKING:
    from .loader import Definition


def lint(definition: Definition) -> list[Finding]:
    return []
