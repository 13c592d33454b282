"""What the pages about an appeal (复核) share: its state in words, the published lines, the files it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from intranet.domain.scoring import EntrySheet, Scoring, score_entry
from intranet.domain.standing import Leaf, leaf_of
from intranet.enums import AppealState
from intranet.i18n import LANGUAGES, _, use_language
from intranet.models import Appeal, Cycle, Entry
from intranet.queries import appeals as stored
from intranet.queries import filed, results
from intranet.queries.entries import schools_of
from intranet.rubric import sentences
from intranet.rubric.checks import page_of
from intranet.rubric.ledger import Score, result_from_json
from intranet.rubric.marks import verdicts
from intranet.rubric.model import Clause, Option, RankClause, Rubric, RuleClause
from intranet.rubric.numbers import show

from .context import db


def state_name(appeal: Appeal) -> str:
    """How an appeal stands, in words."""
    waits = appeal.state == AppealState.UPHELD and appeal.applied_result_id is None
    return {
        AppealState.FILED: _("已提交"),
        AppealState.ASSIGNED: _("复核中"),
        AppealState.UPHELD: _("支持，待重新计算") if waits else _("支持，已重新计算"),
        AppealState.REJECTED: _("不予支持"),
        AppealState.WITHDRAWN: _("已撤回"),
    }[appeal.state]


def lines_of(rubric: Rubric, clause: Clause, score: Score) -> list[str]:
    """Every line and step of a published score in words, the whole of it first."""
    places = rubric.places
    points = score.verdict if score.points is None else _("%(n)s 分", n=show(score.points, places))
    out = [_("这一条的得分：%(points)s", points=points or sentences.state(score.state))]
    for line in score.lines:
        text = sentences.line(line, places)
        if line.reason:
            text = f"{text}（{sentences.reason(line)}）"
        out.append(text if line.points is None or not line.counted else f"{text} {show(line.points, places)}")
    out += [sentences.step(s, places) for s in score.steps if s.name not in ("sum", "loss")]
    return list(dict.fromkeys(out))


def about(scoring: Scoring, entry: Entry, cycle: Cycle, appeal: Appeal) -> dict[str, Any]:
    """What an appeal is about, as a page shows it: the clause, the published lines, the files of its page."""
    rubric = scoring.rubric
    sheet = score_entry(db(), cycle, scoring, entry)
    leaf = leaf_for(rubric, sheet, appeal.code, cycle)
    clause = rubric.by.get(appeal.code)
    published, disputed = _published(rubric, entry, appeal)
    return {
        "rubric": rubric,
        "clause": clause,
        "options": options_of(clause),
        "leaf": leaf,
        "bar": bar_of(leaf),
        "most": leaf.most if leaf else None,
        "published": published,
        "disputed": disputed,
        "evidence": _evidence(rubric, sheet, appeal.code),
        "files": stored.files_of(db(), [appeal.id or 0]).get(appeal.id or 0, []),
    }


def options_of(clause: Clause | None) -> tuple[Option, ...]:
    return () if clause is None else verdicts(clause)


def leaf_for(rubric: Rubric, sheet: EntrySheet, code: str, cycle: Cycle) -> Leaf | None:
    """The disputed leaf as it stands; None for a clause with parts."""
    clause = rubric.by.get(code)
    if clause is None or rubric.children[code]:
        return None
    return leaf_of(rubric, sheet, clause, cycle.combine)


def bar_of(leaf: Leaf | None) -> str:
    """Why the clause takes no points of its own; "" if it does."""
    if leaf is None:
        return _("这一条由下级条款合成")
    clause = leaf.clause
    if isinstance(clause, RankClause) or (isinstance(clause, RuleClause) and clause.scope == "cohort"):
        return _("由全部单位的数据一起算出")  # they are all in by now
    return leaf.bar


def _published(rubric: Rubric, entry: Entry, appeal: Appeal) -> tuple[list[str], int | None]:
    """The published lines, and which of them is disputed. An appeal keeps its line in the words of the language
    it was filed in; None if no line says so any more."""
    row = next((u for u in results.unit_results(db(), appeal.result_id) if u.entry_id == entry.id), None)
    if row is None or appeal.code not in rubric.by:
        return [], None
    score = result_from_json(row.document).sheet.get(appeal.code)
    if score is None:
        return [], None
    lines = lines_of(rubric, rubric.by[appeal.code], score)
    for language in LANGUAGES:
        with use_language(language):
            words = lines_of(rubric, rubric.by[appeal.code], score)
        if appeal.line in words and len(words) == len(lines):
            return lines, words.index(appeal.line)
    return lines, None


def _evidence(rubric: Rubric, sheet: EntrySheet, code: str) -> list[tuple[int, int, str]]:
    """(id, number, name) of the files that stand at the clause or at rows of the tables of its page."""
    tables = {ref for ref in _tables_of(rubric, code)}
    rows = {f"row:{i}" for table, ids in sheet.source.row_ids.items() if table in tables for i in ids}
    out = []
    for file in filed.evidence_of(db(), sheet.entry.id or 0):
        here = any(
            ref == f"clause:{code}" or ref.startswith(f"slot:{code}#") or ref in rows for ref in file.refs
        )
        if here:
            out.append((file.evidence.id or 0, file.evidence.number, file.evidence.name))
    return out


def _tables_of(rubric: Rubric, code: str) -> set[str]:
    return {t.key for t in rubric.tables if page_of(rubric, t.key) == code}


@dataclass(frozen=True, slots=True)
class Corrected:
    """A value that an upheld appeal corrected. school: whose, "" for the unit's own."""

    label: str
    school: str
    old: str
    new: str


def corrected(rubric: Rubric, entry: Entry, appeal: Appeal) -> list[Corrected]:
    """The corrections that an appeal led to, as people name them."""
    schools = {s.code: s.name for s in schools_of(db(), [entry.id or 0])[entry.id or 0]}
    out = []
    for logged in stored.corrections_of(db(), appeal):
        key, _at, code = logged.subject.partition("@")
        label = rubric.all_fields[key].label if key in rubric.all_fields else key
        out.append(Corrected(label, schools.get(code, code), _value(logged.old), _value(logged.new)))
    return out


def _value(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return str(value)


def shown_moves(moved: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``Moved.to_json`` with its numbers as numbers again, for templates/bureau/_moves.html."""

    def number(text: str | None) -> Fraction | None:
        return None if text is None else Fraction(text)

    return [
        {
            **m,
            "total": [number(t) for t in m["total"]],
            "clauses": [{**c, "points": [number(t) for t in c["points"]]} for c in m["clauses"]],
        }
        for m in moved
    ]
