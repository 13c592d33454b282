"""Short ways to fill in the sample unit g01, and to read what is stored."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from intranet.enums import SubmissionState
from intranet.models import (
    Answer,
    Delegation,
    Entry,
    Evidence,
    EvidenceLink,
    FactRow,
    LogEntry,
    Mark,
    Return,
)
from tests.world import Client, World

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def at(world: World, code: str = "", rest: str = "", unit: str = "g01") -> str:
    here = f"/entries/{world.entries[unit]}"
    return f"{here}/indicators/{code}{rest}" if code else f"{here}{rest}"


def save(
    client: Client, world: World, code: str, name: str, text: str, *, version: int = 0, op: str = ""
) -> Any:
    """One field as htmx saves it."""
    data = {"only": name, f"f:{name}": text, f"version:{name}": version, f"op:{name}": op}
    return client.post(at(world, code, "/answers"), data, htmx=True)


def answers(world: World, unit: str = "g01") -> dict[str, Any]:
    with world.read() as session:
        found = session.exec(select(Answer).where(Answer.entry_id == world.entries[unit])).all()
        return {a.key: (a.value, a.version) for a in found}


def rows(world: World, table: str, *, deleted: bool = False) -> Sequence[FactRow]:
    with world.read() as session:
        query = select(FactRow).where(FactRow.entry_id == world.entries["g01"], FactRow.table == table)
        if not deleted:
            query = query.where(col(FactRow.deleted_at).is_(None))
        return session.exec(query.order_by(col(FactRow.position))).all()


def marks(world: World) -> dict[str, Mark]:
    with world.read() as session:
        return {m.code: m for m in session.exec(select(Mark).where(Mark.entry_id == world.entries["g01"]))}


def files(world: World) -> list[tuple[Evidence, list[str]]]:
    with world.read() as session:
        found = session.exec(select(Evidence).where(col(Evidence.deleted_at).is_(None))).all()
        links = session.exec(select(EvidenceLink)).all()
        return [(e, [x.ref for x in links if x.evidence_id == e.id]) for e in found]


def log(world: World, action: str) -> list[LogEntry]:
    with world.read() as session:
        return list(
            session.exec(select(LogEntry).where(LogEntry.action == action).order_by(col(LogEntry.id)))
        )


def entry(world: World, unit: str = "g01") -> Entry:
    with world.read() as session:
        found = session.get(Entry, world.entries[unit])
        assert found is not None
        return found


def upload(
    client: Client, world: World, code: str, ref: str, *sent: tuple[str, bytes], htmx: bool = True
) -> Any:
    data = {"ref": ref, "files": [(io.BytesIO(content), name) for name, content in sent]}
    return client.post(at(world, code, "/files"), data, htmx=htmx)


def return_for(world: World, *codes: str) -> None:
    with world.write() as session:
        found = session.get(Entry, world.entries["g01"])
        assert found is not None
        found.state = SubmissionState.RETURNED
        session.add(found)
        session.add(
            Return(
                entry_id=found.id or 0,
                codes=list(codes),
                reason="签到表不清",
                returned_by=world.users["admin"],
            )
        )
        session.commit()


def hand(world: World, *refs: str, school: str = "s2", unit: str = "g01") -> list[int]:
    """Hand things to a member school, as the lead's page does; ids of the delegations."""
    with world.write() as session:
        given = [
            Delegation(
                entry_id=world.entries[unit],
                school_id=world.schools[school],
                ref=ref,
                given_by=world.users["lead1"],
            )
            for ref in refs
        ]
        session.add_all(given)
        session.commit()
        return [d.id or 0 for d in given]


def hidden(html: str, name: str) -> str:
    """The value of a hidden input."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', html)
    assert found is not None, name
    return found[1]
