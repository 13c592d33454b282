"""Carrying over (结转): what still holds of the unit's last cycle comes into the new one, marked until looked at.

What that is, ``domain.carry_preview`` finds out.
"""

from __future__ import annotations

from collections.abc import Mapping

from intranet.domain import evidence, fact_rows
from intranet.domain.carry_preview import Preview, may_offer
from intranet.domain.evidence import Shelf
from intranet.domain.filing import Filing
from intranet.domain.numbering import log_subject, renumber
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Evidence, EvidenceLink, FactRow
from intranet.queries.carried import unlooked_files, unlooked_rows
from intranet.queries.filed import evidence_of, extent_of, last_number
from intranet.queries.filing import SCHOOL, shows

# --- taking over ----------------------------------------------------------------------------------


def take_over(filing: Filing, found: Preview, shelf: Shelf) -> bool:
    """Bring all of the preview into the entry, marked as carried. False: it was done before.

    :raises DomainError: not this person, not now. :raises Invalid: nothing to bring, over the quota.
    """
    filing.require_lead()
    if not may_offer(filing):
        return False
    if found.is_empty:
        raise Invalid(_("上次没有可以结转的内容。"))
    evidence.require_room(filing, shelf, sum(f.file.size for f in found.files))
    reason = _("结转自“%(cycle)s”", cycle=found.cycle.title)
    if filing.on_behalf:
        reason = f"{filing.on_behalf}；{reason}"
    new_rows = _take_rows(filing, found, reason)
    _take_files(filing, found, new_rows, reason)
    filing.entry.carried_from = found.source.id
    filing.touch()
    filing.session.flush()
    counts = {"rows": len(found.rows), "files": len(found.files)}
    filing.record(
        "carry.take",
        subject=filing.entry.code,
        new={"from": found.cycle.title, **counts},
        reason=filing.on_behalf,
    )
    return True


def _take_rows(filing: Filing, found: Preview, reason: str) -> dict[int, int]:
    """New row ids by old ones."""
    session, out = filing.session, {}
    last: dict[str, int] = {}
    for row in found.rows:
        if row.table not in last:
            last[row.table] = extent_of(session, filing.entry_id, row.table)[1]
        last[row.table] += 1
        new = FactRow(
            entry_id=filing.entry_id,
            owner=SCHOOL,
            table=row.table,
            position=last[row.table],
            cells=dict(row.cells),
            carried=True,
            created_by=filing.actor.user_id,
            changed_at=filing.at,
        )
        session.add(new)
        session.flush()
        out[row.old] = new.id or 0
        filing.record("row.add", subject=f"{row.table}:{new.id}", new=new.cells, reason=reason)
    return out


def _take_files(filing: Filing, found: Preview, rows: Mapping[int, int], reason: str) -> None:
    session = filing.session
    number = last_number(session, filing.entry_id)
    for n, carried in enumerate(found.files, number + 1):
        old = carried.file
        new = Evidence(
            entry_id=filing.entry_id,
            number=n,
            sha256=old.sha256,
            name=old.name,
            media_type=old.media_type,
            size=old.size,
            period_from=old.period_from,
            period_until=old.period_until,
            carried=True,
            uploaded_by=filing.actor.user_id,
            uploaded_at=filing.at,
        )
        session.add(new)
        session.flush()
        refs = [*carried.refs, *(f"row:{rows[i]}" for i in carried.rows)]
        for ref in refs:
            session.add(EvidenceLink(evidence_id=new.id or 0, entry_id=filing.entry_id, ref=ref))
        told = {"name": new.name, "sha256": new.sha256, "refs": refs}
        filing.record("evidence.add", subject=log_subject(new), new=told, reason=reason)
    renumber(filing)


# --- looking at it --------------------------------------------------------------------------------


def confirm_row(filing: Filing, code: str, row_id: int) -> FactRow:
    """仍然有效: the row was looked at and holds as it is."""
    row = fact_rows.row_on(filing, code, row_id)
    filing.require_row(code, row)
    fact_rows.looked_at(filing, row)
    return row


def confirm_table(filing: Filing, code: str, key: str) -> int:
    """All rows of a table that this person may change from this page. How many there were."""
    fact_rows.table_of(filing, code, key)
    filing.require_part(code)
    mine = [
        row
        for row in unlooked_rows(filing.session, filing.entry_id)
        if row.table == key and shows(filing.page(code), key, row.cells) and filing.may_change_row(code, row)
    ]
    for row in mine:
        fact_rows.looked_at(filing, row)
    return len(mine)


def confirm_file(filing: Filing, evidence_id: int) -> Evidence:
    """仍然有效: the document was looked at and still holds."""
    item = evidence.changeable(filing, evidence_id)
    if item.carried:
        item.carried = False
        filing.session.add(item)
        filing.touch()
        filing.session.flush()
        filing.record("carry.confirm", subject=log_subject(item), old=True, new=False)
    return item


def unlooked(filing: Filing) -> dict[str, tuple[int, int]]:
    """By page: how many rows and files were carried over and not looked at; "" for files of no page."""
    out: dict[str, tuple[int, int]] = {}

    def count(code: str | None, rows: int, files: int) -> None:
        before = out.get(code or "", (0, 0))
        out[code or ""] = (before[0] + rows, before[1] + files)

    for row in unlooked_rows(filing.session, filing.entry_id):
        page = next((p.code for p in filing.pages.values() if shows(p, row.table, row.cells)), None)
        count(page, 1, 0)
    waiting = {f.id for f in unlooked_files(filing.session, filing.entry_id)}
    for filed in evidence_of(filing.session, filing.entry_id) if waiting else ():
        if filed.evidence.id in waiting:
            pages = (evidence.page_of(filing, ref) for ref in filed.refs)
            count(next((code for code in pages if code), None), 0, 1)
    return out


def unlooked_words(rows: int, files: int) -> str:
    """上次结转的 2 行、1 份材料还没有核对."""
    parts = [_("%(n)s 行", n=rows)] if rows else []
    parts += [_("%(n)s 份材料", n=files)] if files else []
    return _("上次结转的 %(what)s还没有核对", what="、".join(parts))
