"""The sealed packet (封装包) of a unit without a connection: what its kit asks, how it is signed.

The bureau issues a kit with a key of its own; the tool in the kit seals a packet with it. The key is
derived from the server's secret and the number of the issue, so it is stored nowhere. A valid signature
says that the packet was sealed with a kit that the bureau issued and not changed since; who held the
kit it cannot say.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from intranet.domain.filing import Filing, Right
from intranet.domain.offline import Standing
from intranet.domain.phases import phase_name
from intranet.enums import CycleState, SubmissionState
from intranet.errors import DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.queries.packets import ISSUE, Kits, kits_of
from intranet.rubric.model import JudgedClause

FORMAT = "1"
"""Of the packet. One of another format is refused; raise it when members or keys change meaning."""

MANIFEST, SIGNATURE, WORKBOOK = "manifest.json", "signature.txt", "workbook.xlsx"
MOST_FILES = 500
"""Files of one packet: each is written through to the disk before the next."""

# --- what the packet says of itself ---------------------------------------------------------------

Hash = Annotated[str, StringConstraints(pattern=r"\A[0-9a-f]{64}\z")]
FilePath = Annotated[str, StringConstraints(pattern=r"\Afiles/[0-9]{4}\.[a-z]{1,5}\z")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SealedWorkbook(_Said):
    """The filled offline workbook, always ``workbook.xlsx``."""

    name: str = Field(max_length=255)
    size: int = Field(ge=1)
    sha256: Hash


class SealedFile(_Said):
    """One file. path: its member; name: as it was called on the school's computer; refs: what it proves."""

    path: FilePath
    name: str = Field(min_length=1, max_length=255)
    size: int = Field(ge=1)
    sha256: Hash
    refs: tuple[Annotated[str, StringConstraints(max_length=200)], ...] = Field(min_length=1, max_length=200)


class Manifest(_Said):
    """``manifest.json``. cycle: its id; entry: code of the unit; issue: number of the kit; by: who sealed it."""

    format: str
    cycle: int
    cycle_title: str
    entry: str
    unit: str
    rubric: str
    fingerprint: str
    issue: int = Field(ge=1)
    made_at: str = Field(max_length=40)
    by: str = Field(default="", max_length=64)
    workbook: SealedWorkbook | None
    files: tuple[SealedFile, ...] = Field(max_length=MOST_FILES)


def read_manifest(data: bytes) -> Manifest:
    """:raises Invalid: none of ours, another format."""
    unreadable = _("封装包里的清单读不出来。请用离线填报包里的“封装工具”重新生成。")
    try:
        said = json.loads(data)
        stated = said.get("format")
    except (ValueError, AttributeError, RecursionError) as error:
        raise Invalid(unreadable, field="file") from error
    if stated != FORMAT:
        text = _("这个封装包是旧版工具做的。请重新下载离线填报包，用里面的工具再封装一次。")
        raise Invalid(text, field="file")
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise Invalid(unreadable, field="file") from error
    if len({f.path for f in found.files}) < len(found.files):
        raise Invalid(unreadable, field="file")
    return found


# --- keys -----------------------------------------------------------------------------------------


def key_of(secret: bytes, cycle_id: int, entry_id: int, issue: int) -> bytes:
    """The signing key of one issue of an entry's kit."""
    return hmac.digest(secret, f"packet\0{cycle_id}\0{entry_id}\0{issue}".encode(), hashlib.sha256)


def sign(key: bytes, manifest: bytes) -> str:
    """What stands in ``signature.txt``."""
    return hmac.new(key, manifest, hashlib.sha256).hexdigest()


def issue(filing: Filing, *, void_older: bool = False) -> Kits:
    """Issue one more kit for the entry. void_older: packets of earlier kits are refused from now on.

    :raises Forbidden: neither the lead school's filer nor the bureau; a school that wants to void.
    :raises DomainError: nothing can be filed any more, or it is handed in.
    """
    if filing.right is not Right.LEAD or (void_older and not filing.on_behalf):
        raise Forbidden(_("离线填报包由填报负责人或教育局下载。"))
    if filing.cycle.state not in (CycleState.FILING, CycleState.REVIEW):
        phase = phase_name(filing.cycle.state)
        raise DomainError(_("现在是%(phase)s阶段，不能再改填报内容。", phase=phase))
    if filing.entry.state == SubmissionState.SUBMITTED:
        raise DomainError(_("已经提交，内容已锁定。确需修改请联系教育局退回。"))
    before = kits_of(filing.session, [filing.entry_id])[filing.entry_id]
    number = before.last + 1
    oldest = number if void_older else before.oldest
    filing.record(ISSUE, subject=filing.entry.code, new={"issue": number, "oldest": oldest})
    return kits_of(filing.session, [filing.entry_id])[filing.entry_id]


def require_ours(desk: Standing, manifest: Manifest, data: bytes, signature: str, secret: bytes) -> None:
    """That the packet is for this entry as it is assessed now, sealed with a valid kit, its list unchanged.

    :raises Invalid: with what is wrong and what to do.
    """
    filing = desk.filing
    if manifest.cycle != filing.cycle.id:
        raise Invalid(
            _(
                "这个封装包是“%(theirs)s”的，不是“%(cycle)s”的。请换一个，或重新下载离线填报包。",
                theirs=manifest.cycle_title[:80],
                cycle=filing.cycle.title,
            ),
            field="file",
        )
    if manifest.entry != filing.entry.code:
        raise Invalid(
            _(
                "这个封装包是“%(theirs)s”的，不是“%(unit)s”的。请换本单位的封装包。",
                theirs=manifest.unit[:64],
                unit=filing.entry.name,
            ),
            field="file",
        )
    kits = kits_of(filing.session, [filing.entry_id])[filing.entry_id]
    key = key_of(secret, manifest.cycle, filing.entry_id, manifest.issue)
    if manifest.issue > kits.last or not hmac.compare_digest(sign(key, data).encode(), signature.encode()):
        raise Invalid(
            _(
                "签名不符：封装包里的清单被改动过，或不是用教育局发的离线填报包封装的，没有收下。请学校重新封装。"
            ),
            field="file",
        )
    if not kits.is_valid(manifest.issue):
        raise Invalid(
            _(
                "封装用的是第 %(n)s 次发的离线填报包，教育局已声明作废。请用第 %(last)s 次发的重新封装。",
                n=manifest.issue,
                last=kits.last,
            ),
            field="file",
        )
    definition = desk.scoring.definition
    same = (filing.cycle.rubric_key, definition.fingerprint(filing.cycle.rulings))
    if (manifest.rubric, manifest.fingerprint) != same:
        raise Invalid(
            _("下载离线填报包以后，考核细则有调整。请重新下载，把内容复制过去再封装。"), field="file"
        )


# --- what the kit asks ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file may be put. is_asked: the notice names it; is_there: a file, or 确实没有, is stored."""

    ref: str
    label: str
    is_asked: bool = False
    is_there: bool = False


@dataclass(frozen=True, slots=True)
class PlaceGroup:
    """The places of one page, in the notice's order."""

    code: str
    title: str
    places: tuple[Place, ...]


def places(desk: Standing) -> list[PlaceGroup]:
    """All places of the pages that are open: of a returned entry the returned ones."""
    filing, filed = desk.filing, desk.filed
    returned = {code for found in filing.returns for code in found.codes}
    only = returned if filing.entry.state == SubmissionState.RETURNED else set(filing.pages)
    out = []
    for page in filing.pages.values():
        if page.code not in only:
            continue
        own: list[Place] = []
        for clause in page.clauses:
            slots = filed.form.slots(clause.code)
            for slot in slots:
                stored = filed.facts.slot(clause.code, slot.n - 1)
                if not slot.hidden and stored != "na":
                    own.append(Place(f"slot:{clause.code}#{slot.n}", slot.label, True, stored is not None))
            if isinstance(clause, JudgedClause) and not slots and clause.code != page.code:
                own.append(Place(f"clause:{clause.code}", _("%(name)s：佐证材料", name=clause.name)))
        own.append(Place(f"clause:{page.code}", _("其他佐证材料")))
        out.append(PlaceGroup(page.code, page.clause.name, tuple(own)))
    return out


@dataclass(frozen=True, slots=True)
class Limits:
    """What the tool checks before it seals. file, packet: bytes; endings: without the dot."""

    file: int
    packet: int
    endings: Sequence[str]


def tool_data(desk: Standing, kits: Kits, secret: bytes, limits: Limits) -> dict[str, Any]:
    """What the tool has to know, as JSON; with its signing key, so the kit is handed to the unit alone."""
    filing = desk.filing
    return {
        "format": FORMAT,
        "cycle": filing.cycle.id,
        "cycleTitle": filing.cycle.title,
        "entry": filing.entry.code,
        "unit": filing.entry.name,
        "rubric": filing.cycle.rubric_key,
        "fingerprint": desk.scoring.definition.fingerprint(filing.cycle.rulings),
        "issue": kits.last,
        "key": key_of(secret, filing.cycle.id or 0, filing.entry_id, kits.last).hex(),
        "fileLimit": limits.file,
        "packetLimit": limits.packet,
        "mostFiles": MOST_FILES,
        "endings": sorted(limits.endings),
        "groups": [
            {
                "title": group.title,
                "places": [
                    {"ref": p.ref, "label": p.label, "asked": p.is_asked, "there": p.is_there}
                    for p in group.places
                ],
            }
            for group in places(desk)
        ],
    }
