"""Material numbers (印证材料编号): in the notice's order as long as nobody has them on paper, then fixed.

A number is on paper once it is stamped in a bound volume or stands on the receipt of a submission. What
comes later is numbered after it.
"""

from __future__ import annotations

from collections.abc import Iterator

from intranet.domain.filing import Filing
from intranet.models import Evidence
from intranet.queries.filed import evidence_of, rows_of
from intranet.queries.filing import matches
from intranet.queries.submissions import submission_of
from intranet.queries.volumes import bound_numbers, unfinished_volume


def log_subject(evidence: Evidence) -> str:
    """How the log names a file: by what stays, since its number may move."""
    return f"file:{evidence.id}"


def renumber(filing: Filing) -> None:
    """Put the numbers that are not on paper yet in the notice's order; files that prove nothing come last."""
    session = filing.session
    session.flush()
    files = evidence_of(session, filing.entry_id)
    last = _last_on_paper(filing)
    free = [f for f in files if f.evidence.number > last]
    if not free or unfinished_volume(session, filing.entry_id) is not None:
        return  # what is being bound keeps the numbers that it is stamped with
    at = {ref: n for n, ref in enumerate(_refs(filing))}
    free.sort(key=lambda f: (min((at.get(ref, len(at)) for ref in f.refs), default=len(at)), f.evidence.id))
    changed = {}
    for number, file in enumerate(free, last + 1):
        if file.evidence.number != number:
            changed[str(file.evidence.number)] = number
            file.evidence.number = number
            session.add(file.evidence)
    if changed:
        session.flush()
        filing.record("evidence.number", subject=filing.entry.code, new=changed)


def _last_on_paper(filing: Filing) -> int:
    """The highest number that somebody may hold on paper, 0 if there is none."""
    kept = submission_of(filing.session, filing.entry_id) if filing.entry.submitted_at is not None else None
    listed = [file["number"] for file in kept.content["evidence"]] if kept is not None else []
    return max([*bound_numbers(filing.session, filing.entry_id), *listed], default=0)


def _refs(filing: Filing) -> Iterator[str]:
    """Every place that a file can have, in the order in which the volume binds them (``volumes.plan_of``)."""
    rows = [r for r in rows_of(filing.session, filing.entry_id).values() if r.deleted_at is None]
    for page in filing.every_page.values():
        for clause in page.clauses:
            for n in range(1, len(clause.materials) + 1):
                yield f"slot:{clause.code}#{n}"
            yield f"clause:{clause.code}"
        for row in rows:
            if any(matches(row.cells, where) for where in page.tables.get(row.table, ())):
                yield f"row:{row.id}"
