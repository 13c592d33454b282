"""Handing in: the check before it, and the act itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from intranet.domain import carry_over, snapshot
from intranet.domain.confirmation import unconfirmed
from intranet.domain.filing import Filing, Right
from intranet.domain.numbering import renumber
from intranet.domain.scoring import EntrySheet
from intranet.domain.self_scores import so_far, waits_for_all, whole
from intranet.domain.volumes import request_volume
from intranet.enums import CycleState, SubmissionState
from intranet.errors import DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.models import Submission
from intranet.queries.filed import FiledEvidence
from intranet.queries.filing import Ask, asks, progress
from intranet.rubric.ledger import Problem, Score
from intranet.rubric.numbers import as_text

SCANNING = (CycleState.FILING, CycleState.REVIEW, CycleState.DELIBERATION)
"""States in which a sealed receipt may still come in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One point of the check. severity: error (blocks) or warning (explains). page: indicator code.

    at: where on the page: ``field:<key>``, ``slot:<clause>#<n>``, ``table:<key>``, ``row:<id>``,
    ``self:<leaf>``, or "".
    """

    severity: str
    page: str
    text: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Precheck:
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity != "error")


def precheck(filing: Filing, filed: EntrySheet) -> Precheck:
    """All that stands against handing in, or should be known before it, in page order.

    :param filed: scored with ``check=True``: the standard checks and the plugin's are in it.
    """
    out = []
    by_page: dict[str, list[Problem]] = {}
    for problem in filed.problems:
        by_page.setdefault(_page_of(filing, problem), []).append(problem)
    waiting, carried = unconfirmed(filing), carry_over.unlooked(filing)
    for page in filing.pages.values():
        out += [Finding(p.severity, page.code, p.message, _at(filed, p)) for p in by_page.pop(page.code, ())]
        todo = [a for a in asks(filing.rubric, page, filed) if not a.is_done]
        out += [Finding("warning", page.code, text, at) for text, at in _unfinished(todo)]
        out += [Finding("warning", page.code, text) for text in _unconfirmed(*waiting.get(page.code, (0, 0)))]
        out += [Finding("warning", page.code, text) for text in _unlooked(*carried.pop(page.code, (0, 0)))]
    out += [Finding(p.severity, "", p.message) for rest in by_page.values() for p in rest]
    out += [Finding("warning", "", text) for counted in carried.values() for text in _unlooked(*counted)]
    return Precheck(tuple(out))


def _unfinished(todo: Sequence[Ask]) -> list[tuple[str, str]]:
    """Missing materials and blank items of one page, a sentence each, with where the first of them is."""
    slots = [a.label for a in todo if a.kind == "slot"]
    blank = [a.label for a in todo if a.kind != "slot"]
    out = []
    if slots:
        at = next(f"slot:{a.key}" for a in todo if a.kind == "slot")
        out.append((_("缺材料：%(names)s。确实没有的请注明", names="、".join(slots)), at))
    if blank:
        names = "、".join(blank[:4]) + (_("等 %(n)s 处", n=len(blank)) if len(blank) > 4 else "")
        at = next(f"{a.kind}:{a.key}" for a in todo if a.kind != "slot")
        out.append((_("还没填：%(names)s", names=names), at))
    return out


def _unconfirmed(waiting: int, disputed: int) -> list[str]:
    """Rows of a page that another school has not confirmed, or disputes."""
    out = []
    if waiting:
        out.append(_("有 %(n)s 行对方学校还没有确认", n=waiting))
    if disputed:
        out.append(_("有 %(n)s 行对方学校有异议，请在“双方确认”里处理", n=disputed))
    return out


def _unlooked(rows: int, files: int) -> list[str]:
    """What came from the last cycle (结转) and nobody has looked at."""
    return [carry_over.unlooked_words(rows, files)] if rows or files else []


_ROW = re.compile(r"tables\.([^.\[\]]+)\[(\d+)\]")


def _at(filed: EntrySheet, problem: Problem) -> str:
    """The place of a finding from its path in the facts document."""
    where = problem.ref.partition(".")[2]
    row = _ROW.match(where)
    if row:
        ids = filed.source.row_ids.get(row[1], [])
        return f"row:{ids[int(row[2])]}" if int(row[2]) < len(ids) else f"table:{row[1]}"
    kind, _dot, rest = where.partition(".")
    if kind == "tables":
        return f"table:{rest}"
    if kind == "materials":
        return f"slot:{rest}"
    if kind == "members":
        return f"field:{rest.partition('.')[2]}"
    return f"field:{rest}" if kind == "fields" else ""


def _page_of(filing: Filing, problem: Problem) -> str:
    for page in filing.pages.values():
        if problem.clause and any(c.code == problem.clause for c in page.clauses):
            return page.code
    where = problem.ref.partition(".")[2]
    for page in filing.pages.values():
        if any(where.startswith(f"tables.{key}[") for key in page.tables):
            return page.code
        if any(where.endswith(f".{f.key}") for f in page.fields):
            return page.code
    return ""


def submit(
    filing: Filing, filed: EntrySheet, own: Mapping[str, Score], files: Sequence[FiledEvidence]
) -> bool:
    """Hand the entry in and lock it. False: it already was (a double click, a second tab).

    What was handed in is kept as it is now (``domain.snapshot``). After a return, its returned
    indicators are locked again and the return is closed.

    :param own: the school's own sheet (``self_scores.own_sheet``), which the receipt prints.
    :raises Invalid: the check has errors. :raises DomainError: not this person, not now.
    """
    entry = filing.entry
    if entry.state == SubmissionState.SUBMITTED and filing.right.value == "lead":
        return False
    filing.require_lead()
    errors = precheck(filing, filed).errors
    if errors:
        raise Invalid(_("有 %(n)s 处错误，改好后才能提交。", n=len(errors)))
    renumber(filing)  # from here on the numbers are on paper
    old = entry.state
    entry.state = SubmissionState.SUBMITTED
    entry.round += 1
    entry.submitted_at = filing.at
    entry.version += 1
    filing.session.add(entry)
    for returned in filing.returns:
        returned.closed_at = filing.at
        filing.session.add(returned)
    content = snapshot.content_of(filing, filed, files)
    kept = Submission(
        entry_id=filing.entry_id,
        round=entry.round,
        content=content,
        printed=_printed(filing, filed, own),
        sha256=snapshot.hash_of(content),
        submitted_by=filing.actor.user_id,
        submitted_at=filing.at,
    )
    filing.session.add(kept)
    filing.session.flush()
    filing.record(
        "entry.submit",
        subject=entry.code,
        old={"state": old.value, "round": entry.round - 1},
        new={"state": entry.state.value, "round": entry.round, "sha256": kept.sha256},
    )
    if files:  # the volume of what was handed in is kept: it is what the panel reads
        request_volume(filing.session, filing.actor, entry, at=filing.at, frozen=True)
    return True


def _printed(filing: Filing, filed: EntrySheet, own: Mapping[str, Score]) -> dict[str, Any]:
    """The scores as the receipt shows them, in exact text, and who handed in."""

    def text(number: Fraction | None) -> str | None:
        return None if number is None else as_text(number)

    rubric = filing.rubric
    cells = progress(rubric, {filing.entry_id: filed}, {filing.entry_id: ()})[filing.entry_id]
    return {
        "by": filing.actor.name,
        "total": text(so_far(own[rubric.root.code])),
        "max": text(whole(rubric)),
        "cohort": waits_for_all(rubric, own),
        "items": [
            {
                "no": page.clause.no or page.code,
                "title": page.clause.title or page.clause.text,
                "max": text(page.clause.max),
                "points": text(so_far(own[page.code])),
                "missing": cells[page.code].missing,
            }
            for page in filing.every_page.values()
        ],
    }


def keep_scan(filing: Filing, kept: Submission, sha256: str, name: str, media_type: str) -> None:
    """Put the scan of the sealed receipt to a submission; a newer one takes its place, until publication.

    :raises DomainError: not this person, or the results are published.
    """
    if filing.right is not Right.LEAD:
        raise Forbidden(_("回执由%(lead)s上传。", lead=filing.rubric.terms.lead))
    if filing.cycle.state not in SCANNING:
        raise DomainError(_("结果已公示，不能再换回执。"))
    old = {"name": kept.scan_name, "sha256": kept.scan_sha256} if kept.scan_sha256 else None
    kept.scan_sha256, kept.scan_name, kept.scan_media_type = sha256, name, media_type
    kept.scan_by, kept.scan_at = filing.actor.user_id, filing.at
    filing.session.add(kept)
    filing.session.flush()
    filing.record("receipt.scan", subject=str(kept.round), old=old, new={"name": name, "sha256": sha256})
