"""What the checks before handing in would say of a filled workbook, at the cells of the workbook."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from intranet.domain.fact_rows import read_cells
from intranet.domain.filing import read_value
from intranet.domain.offline import VALUE, Standing, asked_fields, asked_tables, table_section
from intranet.domain.offline_change import Change, Problem
from intranet.domain.offline_filled import Filled, Line
from intranet.queries.filing import SCHOOL
from intranet.rubric import checks
from intranet.rubric.facts import Facts

_ROW_REF = re.compile(r"school\.tables\.(\w+)\[(\d+)\](?:\.(.+))?\Z")
Places = dict[str, Change]
"""The change by the path of what it changes: ``school.fields.pairs``, ``exchange[3]``."""


def foreseen(desk: Standing, filled: Filled, changes: Sequence[Change]) -> list[Problem]:
    """Findings about the changed cells, were all changes taken over. None of them stops a change."""
    if not changes:
        return []
    rubric = desk.filing.rubric
    document = copy.deepcopy(desk.filed.source.document)
    doc = document["docs"].setdefault(SCHOOL, {})
    by_key = {change.key: change for change in changes}
    places: Places = {}
    _put_answers(desk, doc, by_key, places)
    for key in asked_tables(desk.filing):
        _put_rows(desk, doc, key, by_key, places)
    facts = replace(Facts.from_json(document), hidden=desk.filing.form.hidden)
    out = []
    for problem in [*checks.check(rubric, facts), *(desk.scoring.hooks.check_facts(rubric, facts) or ())]:
        row = _ROW_REF.match(problem.ref)
        change = places.get(f"{row[1]}[{row[2]}]" if row else problem.ref)
        if change is None:
            continue  # about something that does not change
        message, column = problem.message, (row[3] or "") if row else VALUE
        if row and message.startswith(rubric.table[row[1]].title):
            message = message.partition("：")[2] or message  # the row has another number in the sheet
        cell = filled.cell(Line(change.section, change.key, change.row, {}), column)
        out.append(Problem(change.sheet, cell, message, False, change.section, change.row, column))
    return out


def _put_answers(desk: Standing, doc: dict[str, Any], by_key: dict[str, Change], places: Places) -> None:
    for asked in asked_fields(desk.filing):
        change = by_key.get(f"f:{asked.name}")
        if change is None:
            continue
        key, value = asked.item.key, read_value(desk.filing, asked.item, change.texts.get(VALUE, ""))
        if asked.school:
            doc.setdefault("members", {}).setdefault(asked.school, {})[key] = value
            places[f"school.members.{asked.school}.{key}"] = change
        else:
            doc.setdefault("fields", {})[key] = value
            places[f"school.fields.{key}"] = change


def _put_rows(
    desk: Standing, doc: dict[str, Any], key: str, by_key: dict[str, Change], places: Places
) -> None:
    table = desk.filing.rubric.table[key]
    old = doc.get("tables", {}).get(key) or []
    rows: list[Any] = []

    def put(change: Change) -> None:
        places[f"{key}[{len(rows)}]"] = change
        rows.append(read_cells(desk.filing, table, change.texts))

    for row_id, cells in zip(desk.filed.source.row_ids.get(key, []), old, strict=True):
        change = by_key.get(f"r:{row_id}")
        if change is None:
            rows.append(cells)
        elif change.kind != "delete":
            put(change)
    for change in by_key.values():
        if change.kind == "add" and change.section == table_section(key):
            put(change)
    if rows or old:
        doc.setdefault("tables", {})[key] = rows
