"""A filled offline workbook as plain data: what came back, whose it is, and its way through a form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from intranet.domain.offline import Layout, Row
from intranet.errors import Invalid
from intranet.i18n import _

MOST_SENT = 3 * 1024 * 1024
"""Bytes of a filled workbook that a form carries from the check to the save."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet as it came back. row: its number there; texts by head, typed columns only."""

    section: str
    key: str
    row: int
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something odd about the sheet itself. row 0: not about one row. stops: its row is not taken over."""

    sheet: str
    cell: str
    message: str
    section: str = ""
    row: int = 0
    column: str = ""
    stops: bool = True


@dataclass(frozen=True)
class Filled:
    """A workbook that was read. sheets: section -> name of its sheet; letters: section -> head -> column."""

    about: Mapping[str, str]
    base: Mapping[str, str]
    sheets: Mapping[str, str]
    letters: Mapping[str, Mapping[str, str]]
    lines: Sequence[Line]
    flaws: Sequence[Flaw] = ()

    def of(self, section: str) -> list[Line]:
        return [line for line in self.lines if line.section == section]

    def cell(self, line: Line, column: str = "") -> str:
        """``D5``; without a column the row's first typed cell."""
        letters = self.letters.get(line.section, {})
        return f"{letters.get(column) or next(iter(letters.values()), '')}{line.row}"


def require_same(asked: Layout, about: Mapping[str, str]) -> None:
    """:raises Invalid: the workbook is none of ours, of another layout, cycle, unit or rubric."""
    if not about.get("layout"):
        raise Invalid(
            _("这不是从本系统下载的离线填报表，或隐藏的识别页被删掉了。请重新下载，把内容复制过去再上传。")
        )
    now = asked.about
    if about["layout"] != now["layout"]:
        raise Invalid(_("这份表是旧格式的。请重新下载，把内容复制过去再上传。"))
    if about.get("cycle") != now["cycle"]:
        raise Invalid(_("这份表是另一次考核的。请下载“%(cycle)s”的表再填。", cycle=asked.cycle))
    if about.get("entry") != now["entry"]:
        raise Invalid(
            _(
                "这份表是“%(theirs)s”的，不是“%(unit)s”的。请换本单位的表上传。",
                theirs=about.get("unit", ""),
                unit=asked.unit,
            )
        )
    if (about.get("rubric"), about.get("fingerprint")) != (now["rubric"], now["fingerprint"]):
        raise Invalid(_("下载这份表以后，考核细则有调整。请重新下载，把内容复制过去再上传。"))


def overlaid(asked: Layout, filled: Filled) -> Layout:
    """The workbook with what came back in place of what is stored, for the copy with marked cells."""
    sections = []
    for section in asked.sections:
        if section.key not in filled.sheets:
            sections.append(section)
            continue
        printed = {row.key: row for row in section.rows}
        rows = []
        for line in filled.of(section.key):
            row = printed.get(line.key) or Row("" if section.is_open else line.key, {})
            rows.append(replace(row, key=line.key, texts={**row.texts, **line.texts}))
        sections.append(replace(section, rows=tuple(rows)))
    return replace(asked, sections=tuple(sections), base=filled.base)


def to_text(filled: Filled) -> str:
    """For the form that carries it from the check to the save; whatever comes back is planned again.

    :raises Invalid: more than the form can carry.
    """
    text = json.dumps(asdict(filled), ensure_ascii=False, separators=(",", ":"))
    if len(text.encode("utf-8", "surrogatepass")) > MOST_SENT:
        raise Invalid(_("表里的内容太多，一次处理不了。请删去一部分行，分几次上传。"))
    return text


def from_text(text: str) -> Filled:
    """:raises Invalid: not what :func:`to_text` made."""
    try:
        data = json.loads(text)
        letters = {str(k): _texts(v) for k, v in data["letters"].items()}
        lines = [
            Line(_text(x["section"]), _text(x["key"]), int(x["row"]), _texts(x["texts"]))
            for x in data["lines"]
        ]
        flaws = [
            Flaw(
                sheet=str(x["sheet"]),
                cell=str(x["cell"]),
                message=str(x["message"]),
                section=_text(x["section"]),
                row=int(x["row"]),
                column=str(x["column"]),
                stops=x["stops"] is True,
            )
            for x in data["flaws"]
        ]
        return Filled(
            _texts(data["about"]), _texts(data["base"]), _texts(data["sheets"]), letters, lines, flaws
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid(_("核对的内容不完整，请重新上传文件。")) from error


def _texts(value: Any) -> dict[str, str]:
    return {_text(k): _text(v) for k, v in value.items()}


def _text(value: Any) -> str:
    """Without the half characters that only a forged form has, and that nothing can store."""
    return str(value).encode("utf-8", "replace").decode("utf-8")
