"""Taking a sealed packet in: where each of its files would go, and doing what the person chose.

The workbook inside goes the way of every offline workbook (``offline_plan``, ``offline_apply``); the
files go through the verbs of the web pages, so the same rights, phases and log hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import evidence, offline_apply
from intranet.domain.evidence import Shelf, Upload
from intranet.domain.filing import Filing
from intranet.domain.offline import Standing
from intranet.domain.offline_change import Plan
from intranet.domain.operations import outcome_of, remember
from intranet.domain.packet import Manifest
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.queries.filed import evidence_of
from intranet.queries.packets import IMPORT


@dataclass(frozen=True, slots=True)
class Target:
    """One place of one file. key: in the form; state: new, there already, or locked for the reason ``why``."""

    key: str
    ref: str
    code: str
    label: str
    state: Literal["new", "there", "locked"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file of the packet. n: its place in the list; refused: why it cannot be taken at all.

    is_known: the same content is in the unit's list already.
    """

    n: int
    name: str
    size: int
    targets: tuple[Target, ...]
    refused: str = ""
    is_known: bool = False

    @property
    def new(self) -> tuple[Target, ...]:
        return () if self.refused else tuple(t for t in self.targets if t.state == "new")


@dataclass(frozen=True, slots=True)
class Taken:
    """How much was taken over: changes of the workbook, places that got a file."""

    changes: int
    places: int


def plan_files(filing: Filing, manifest: Manifest, refused: Mapping[int, str]) -> list[FilePlan]:
    """What each file of the packet would become; writes nothing."""
    here = {f.evidence.sha256: f for f in evidence_of(filing.session, filing.entry_id)}
    out = []
    for n, stated in enumerate(manifest.files):
        known = here.get(stated.sha256)
        targets = tuple(
            _target(filing, f"{n}:{ref}", ref, known is not None and ref in known.refs)
            for ref in dict.fromkeys(stated.refs)
        )
        name = evidence.shown_name(stated.name)
        out.append(FilePlan(n, name, stated.size, targets, refused.get(n, ""), known is not None))
    return out


def _target(filing: Filing, key: str, ref: str, is_there: bool) -> Target:
    kind, _colon, what = ref.partition(":")
    code = evidence.page_of(filing, ref) if kind in ("slot", "clause") else None
    if code is None:
        return Target(key, ref, "", ref, "locked", _("没有可以附材料的这一处。"))
    page = filing.pages[code].clause
    label = _("其他佐证材料")
    if kind == "slot":
        clause, _hash, n = what.rpartition("#")
        label = next((s.label for s in filing.form.slots(clause) if str(s.n) == n), what)
    elif what != code:
        label = filing.rubric.by[what].name
    label = f"{page.no or code} {label}"
    if is_there:
        return Target(key, ref, code, label, "there")
    try:
        evidence.require_ref(filing, code, ref)
    except DomainError as error:
        return Target(key, ref, code, label, "locked", error.message)
    return Target(key, ref, code, label, "new")


def taken_before(session: Session, actor: Actor, op: str) -> Taken | None:
    """What the same form brought about when it was sent before; None if it is new."""
    before = outcome_of(session, actor, op)
    return Taken(*before["packet"]) if isinstance(before, dict) and "packet" in before else None


def take(
    desk: Standing,
    manifest: Manifest,
    found: Plan | None,
    files: Sequence[FilePlan],
    uploads: Mapping[int, Upload],
    shelf: Shelf,
    *,
    changes: Mapping[str, int],
    targets: Collection[str],
    op: str,
) -> Taken:
    """Take over what was chosen, all or none. The same ``op`` again does nothing and answers as before.

    :param changes: of the workbook, key -> version that the check showed; :param targets: keys of places.
    :raises Conflict: a chosen change is not as it was in the check. :raises Invalid: nothing chosen, over
        the quota, a value refused. :raises DomainError: a chosen place has been locked since.
    """
    filing = desk.filing
    before = taken_before(filing.session, filing.actor, op)
    if before is not None:
        return before
    if not changes and not targets:
        raise Invalid(_("还没有勾选要采纳的内容。"))
    taken = offline_apply.apply(desk, found, changes, op="") if changes and found is not None else 0
    places = 0
    for file in files:
        for target in file.targets:
            if target.key not in targets or target.state == "there":
                continue
            if file.n not in uploads:
                raise Invalid(_("“%(name)s”不能收下，什么也没有保存。", name=file.name))
            evidence.add_files(filing, target.code, target.ref, [uploads[file.n]], shelf)
            places += 1
    filing.record(
        IMPORT,
        subject=filing.entry.code,
        new={
            "issue": manifest.issue,
            "made_at": manifest.made_at,
            "by": manifest.by,
            "changes": taken,
            "files": places,
        },
    )
    filing.touch()
    remember(filing.session, filing.actor, op, {"packet": [taken, places]}, at=filing.at)
    return Taken(taken, places)
