"""Taking a whole facts document into an entry: sample data, and later packets from outside.

The document has been read and checked by ``rubric.checks.read_document``; here it only becomes rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.models import Answer, Entry, FactRow, TableState
from intranet.queries.entries import schools_of

from .log import record


def store_document(
    session: Session, actor: Actor, entry: Entry, docs: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Write each owner's document into an entry that has no facts yet.

    :returns: references of the material slots that the document calls present (``slot:B4#1``):
        a slot is 已齐 only with a file, so the caller attaches one.
    """
    assert entry.id is not None
    school_ids = {s.code: s.school_id for s in schools_of(session, [entry.id])[entry.id]}
    present: list[str] = []

    def put(owner: str, key: str, value: Any, school_id: int = 0) -> None:
        session.add(
            Answer(
                entry_id=entry.id or 0,
                owner=owner,
                school_id=school_id,
                key=key,
                value=value,
                changed_by=actor.user_id,
            )
        )

    for owner, doc in docs.items():
        for key, value in doc.get("fields", {}).items():
            if value is not None:
                put(owner, key, value)
        for school, fields in doc.get("members", {}).items():
            for key, value in fields.items():
                put(owner, key, value, school_ids[school])
        for code, slots in doc.get("materials", {}).items():
            for n, state in enumerate(slots, 1):
                if state is True:
                    present.append(f"slot:{code}#{n}")
                elif state is not None:
                    put(owner, f"{code}#{n}", state)
        for table, rows in doc.get("tables", {}).items():
            if not rows:
                session.add(TableState(entry_id=entry.id, owner=owner, table=table, declared_empty=True))
            for position, cells in enumerate(rows, 1):
                session.add(
                    FactRow(
                        entry_id=entry.id,
                        owner=owner,
                        table=table,
                        position=position,
                        cells=dict(cells),
                        created_by=actor.user_id,
                    )
                )
    session.flush()
    record(session, actor, "facts.take_in", entry_id=entry.id, cycle_id=entry.cycle_id, subject=entry.code)
    return present
