"""A ranked view of invented units, scored by the engine under the sample rubric, and ways to reopen books."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from intranet.documents.ranking import (
    EvidenceItem,
    FilledForm,
    RankingView,
    ReviewerMark,
    RulingMade,
    SettledMark,
    UnitPart,
)
from intranet.rubric import forms, loader
from intranet.rubric.engine import score_cohort
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Result
from intranet.rubric.model import Rubric
from tests.unit.rubric import sample

FROZEN = datetime(2031, 7, 1, 9, 30, tzinfo=UTC)
SELF = {"A1.2": Fraction(3), "A2": Fraction("6.5"), "B1": Fraction("0.3")}


def facts(unit: str, name: str, **changes: Any) -> Facts:
    """The sample's unit under a name of its own; ``changes`` replace fields of the school's document."""
    found = sample.facts(unit)
    docs = {owner: dict(doc) for owner, doc in found.docs.items()}
    docs["school"]["fields"] = {**docs["school"]["fields"], **changes.pop("fields", {})}
    docs["bureau"] = {**docs["bureau"], **changes.pop("bureau", {})}
    return replace(found, name=name, docs=docs, **changes)


def cohort(rubric: Rubric, hooks: Any) -> list[Result]:
    """Five units: a tie for the second place, absences, a ratio without end, one not settled."""
    units = [
        facts("u1", "松鹤学校联盟", bureau={"fields": {"absences": 1}}),
        facts("u2", "云台学校联盟", fields={"took_part": 30}),
        facts("u3", "青禾学校联盟", fields={"took_part": 30}),
        facts(
            "u4",
            "望江学校联盟",
            fields={"took_part": 1, "teachers": 7, "pairs": 0},
            attributes={"stages": ["高中"]},
        ),
        facts("u5", "石桥学校联盟", marks={}),
    ]
    return score_cohort(rubric, units, hooks)


def view(folder: Path, text: str = sample.SAMPLE, **changes: Any) -> RankingView:
    """The whole view. folder: where the sample plugin may write its rubric."""
    definition = loader.load(text, check=False)  # lint has its own tests
    rubric = definition.bind({"quota": 2})
    results = cohort(rubric, sample.SamplePlugin.at(folder))
    parts = {result.unit: part(rubric, result) for result in results}
    made = [
        RulingMade(ruling, "同上一档", "与相邻档次一致", "示例干事", FROZEN)
        for ruling in rubric.rulings
        if ruling.key == "long_stay"
    ]
    base = RankingView(
        bureau="示例区教育局",
        cycle="2030—2031学年",
        rubric=rubric,
        results=results,
        units=parts,
        rulings=made,
        label="草案 未经公示",
        frozen_at=FROZEN,
        fingerprint="0f" * 32,
    )
    return replace(base, **changes)


def part(rubric: Rubric, result: Result) -> UnitPart:
    evidence = {"clause:A1.2": [forms.Evidence("3", "章程汇编", "12 — 15")]}
    context = forms.Context(result.facts, result.sheet, SELF, evidence)
    filled = [
        FilledForm(f, forms.rows(rubric, f, context), forms.foot(rubric, f, context))
        for f in rubric.forms[:1]
    ]
    return UnitPart(
        self_marks=SELF,
        settled={"A1.2": SettledMark(Fraction("2.5"), reason="两处条款不规范")} if result.facts.marks else {},
        reviewers=[
            ReviewerMark("评委甲", "A1.2", Fraction("2.4"), reason="条款不全"),
            ReviewerMark("评委乙", "A1.2", Fraction("2.6")),
            ReviewerMark("评委丙", "C1.1", None, "良", "成果一般"),
        ],
        evidence=[EvidenceItem("3", "章程汇编", ["A1.2 章程内容规范"])],
        forms=filled,
    )


def reopen(data: bytes, *, values: bool = False) -> Any:
    """The book as openpyxl reads it: formulas, or the values cached with them."""
    return load_workbook(BytesIO(data), data_only=values)


def cells(book: Any) -> list[Any]:
    return [
        cell
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]


def formulas(data: bytes) -> dict[tuple[str, str], str]:
    """Every formula by sheet and cell."""
    return {(c.parent.title, c.coordinate): c.value for c in cells(reopen(data)) if c.data_type == "f"}


def texts(sheet: Any) -> list[str]:
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]


def column(sheet: Any, heading: str, *, top: int) -> list[Any]:
    """The values under a heading in row ``top``, to the end of the sheet."""
    at = next(cell.column for cell in sheet[top] if cell.value == heading)
    return [sheet.cell(row, at).value for row in range(top + 1, sheet.max_row + 1)]


RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>"""
"""LibreOffice trusts the cached values of a file that says it is from Excel, unless told otherwise."""


def convert(soffice: str, folder: Path, source: Path, kind: str) -> Path:
    """Let LibreOffice open ``source`` (formulas recalculated) and save it as ``kind`` under folder/out."""
    out, user = folder / "out", folder / "profile" / "user"
    user.mkdir(parents=True, exist_ok=True)
    (user / "registrymodifications.xcu").write_text(RECALCULATE, encoding="utf-8")
    command: Sequence[str] = [
        soffice,
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
        kind,
        "--outdir",
        str(out),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return out / f"{source.stem}.{kind}"
