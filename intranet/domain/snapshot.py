"""What was handed in, as it was: the content of an entry at one moment, its hash and check code (校验码).

The receipt prints from it, a later round is compared with it, and whether the database still says
the same can be asked at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from intranet.domain.filing import Filing
from intranet.domain.scoring import EntrySheet
from intranet.models import SELF, Submission
from intranet.queries.filed import FiledEvidence
from intranet.queries.filing import SCHOOL
from intranet.rubric.facts import Facts
from intranet.rubric.tables import CONFIRMATION

Content = dict[str, Any]
"""unit, cycle, rubric (fingerprint); fields {key: value}; members {school: {key: value}}; materials
{clause: [true, false, "na", null]}; tables {key: [{id, cells}]}, null if never filled; self {leaf:
{points, verdict, reason}}; evidence [{number, name, sha256, size, period, refs}].

Beside it, and outside the hash, a submission keeps ``printed``: what the receipt shows of scores."""


def content_of(filing: Filing, filed: EntrySheet, files: Iterable[FiledEvidence]) -> Content:
    """Everything the unit answers for, and nothing that was computed from it."""
    document = filed.source.document["docs"].get(SCHOOL, {})
    ids = filed.source.row_ids
    return {
        "unit": filing.entry.code,
        "cycle": filing.cycle.title,
        "rubric": filing.cycle.fingerprint,
        "fields": {k: v for k, v in document.get("fields", {}).items() if v is not None},
        "members": {
            school: {k: v for k, v in fields.items() if v is not None}
            for school, fields in document.get("members", {}).items()
        },
        "materials": document.get("materials", {}),
        "tables": {
            key: [
                {"id": row_id, "cells": filed_cells(cells)}
                for row_id, cells in zip(ids.get(key, ()), rows, strict=False)
            ]
            for key, rows in document.get("tables", {}).items()
        },
        "self": _self_scores(filed.facts),
        "evidence": [
            {
                "number": f.evidence.number,
                "name": f.evidence.name,
                "sha256": f.evidence.sha256,
                "size": f.evidence.size,
                "period": [
                    day.isoformat() if day else None
                    for day in (f.evidence.period_from, f.evidence.period_until)
                ],
                "refs": sorted(f.refs),
            }
            for f in sorted(files, key=lambda f: f.evidence.number)
        ],
    }


def filed_cells(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A row's cells as filed: another school's word on it (双方确认) is not the unit's."""
    return {k: v for k, v in cells.items() if k != CONFIRMATION and v is not None}


def _self_scores(facts: Facts) -> dict[str, dict[str, Any]]:
    return {
        code: {
            "points": mark.points,
            "verdict": mark.verdict,
            "reason": mark.reason,
        }
        for code, mark in sorted(facts.marks.get(SELF, {}).items())
    }


def hash_of(content: Mapping[str, Any]) -> str:
    """sha256 over canonical JSON."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_code(sha256: str) -> str:
    """The hash as people read it out: its first 12 digits, ``3F2A-90BC-11D7``."""
    digits = sha256[:12].upper()
    return "-".join(digits[i : i + 4] for i in range(0, 12, 4))


def is_code_of(text: str, submission: Submission) -> bool:
    """Whether a code as typed (with or without dashes, any case) is this submission's."""
    plain = "".join(c for c in text.casefold() if c.isalnum())
    return plain == submission.sha256[:12]
