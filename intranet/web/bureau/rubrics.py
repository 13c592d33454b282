"""The installed rubrics: what each holds, which holes of its notice were found."""

from __future__ import annotations

from flask import Response

from intranet.errors import NotFound
from intranet.i18n import _
from intranet.rubric import lint
from intranet.web import access
from intranet.web.context import ground
from intranet.web.forms import answer

from . import bp

access.allow({"bureau.rubrics": access.BUREAU, "bureau.rubric": access.BUREAU})


@bp.get("/rubrics")
def rubrics() -> Response:
    return answer("bureau/rubrics.html", installed=list(ground().registry.installed.values()))


@bp.get("/rubrics/<key>")
def rubric(key: str) -> Response:
    found = ground().registry.get(key)
    if found is None:
        raise NotFound(_("没有安装这个考核办法。"))
    findings = [f for f in lint.lint(found.definition) if f.severity == "warning"]
    return answer("bureau/rubric.html", found=found, rubric=found.definition.bind(), findings=findings)
