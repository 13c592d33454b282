"""What the pages of filled workbooks share: the uploaded file, the values of the comparison, the ticked boxes,
what was taken, the marked cells."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import request

from intranet.documents import offline as written
from intranet.domain.offline import Layout
from intranet.domain.offline_change import Plan
from intranet.domain.offline_filled import Filled
from intranet.errors import Invalid
from intranet.i18n import _

from .forms import say


def chosen_file() -> bytes:
    """The workbook that came with the form. :raises Invalid: none was chosen, or it is empty."""
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    if not data:
        chosen = bool(upload and upload.filename)
        raise Invalid(_("这个文件是空的，请重新选择。") if chosen else _("请先选择填好的表。"))
    return data


def diff_values(asked: Layout, found: Plan | None, ticked: Collection[str] | None) -> dict[str, Any]:
    """What ``_workbook_diff.html`` reads. ticked: keys that were ticked; None ticks what is safe."""
    changes = found.changes if found else []
    return {
        "titles": {s.key: s.title for s in asked.sections},
        "found": found,
        "conflicts": [c for c in changes if c.is_conflict],
        "losses": [c for c in changes if c.is_loss and not c.is_conflict],
        "plain": [c for c in changes if not c.is_loss and not c.is_conflict],
        "stopping": [p for p in found.problems if p.stops] if found else [],
        "warnings": [p for p in found.problems if not p.stops] if found else [],
        "ticked": ticked,
    }


def chosen_changes(values: list[str]) -> dict[str, int]:
    """Keys and versions from the ticked boxes, ``key~version``."""
    out = {}
    for value in values:
        key, _tilde, version = value.rpartition("~")
        if key and version.isascii() and version.isdecimal() and len(version) < 10:
            out[key] = int(version)
    return out


def say_taken(n: int, found: Plan) -> None:
    """What was taken over, and what of the workbook still waits."""
    say("done", _("已采纳 %(n)s 项，已保存。", n=n))
    stopping = sum(p.stops for p in found.problems)
    if stopping:
        say("info", _("表里还有 %(n)s 处问题没有采纳，请改好后再上传。", n=stopping))
    if found.left:
        say("info", _("还有 %(n)s 项没有列出，请把同一份表再上传一次。", n=found.left))


def marks_of(filled: Filled, found: Plan) -> tuple[list[written.Mark], list[written.Remark]]:
    """Problems at the rows of the copy, which holds the lines of each sheet one below the other."""
    places = {
        (section, line.row): n for section in filled.sheets for n, line in enumerate(filled.of(section))
    }
    marks, remarks = [], []
    for problem in found.problems:
        at = places.get((problem.section, problem.row))
        if at is not None:
            marks.append(written.Mark(problem.section, at, problem.column, problem.message))
        else:
            remarks.append(written.Remark(f"{problem.sheet} {problem.cell}".strip(), problem.message))
    return marks, remarks
