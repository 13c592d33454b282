"""What a session of the meeting room (展示考核) can score, and which units can present for it.

Read from the cycle's rubric: the figures that the panel owns, and the clauses that are judged by a number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from intranet.domain.scoring import EntrySheet
from intranet.domain.standing import bar_of, figures
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Entry
from intranet.rubric.fields import Form
from intranet.rubric.marks import printed_max
from intranet.rubric.model import JudgedClause, Rubric

_EMPTY = Form({}, {}, {})


@dataclass(frozen=True)
class Target:
    """What the scores of a session settle. key: ``figure:<field key>`` or ``clause:<code>``.

    most: top of the scale, None if nothing says it; why: why it cannot be used, "" if it can. places:
    decimals of a score.
    """

    key: str
    code: str
    name: str
    most: Fraction | None
    places: int
    why: str = ""

    @property
    def field(self) -> str:
        """Key of the figure; "" for a judged clause."""
        kind, _colon, key = self.key.partition(":")
        return key if kind == "figure" else ""


def targets_of(rubric: Rubric) -> list[Target]:
    """Everything that a meeting could score, in printed order, with what cannot be used and why."""
    everybody = Form(rubric.all_fields, {}, {})
    out = []
    for clause in rubric.leaves():
        own = [f for f in figures(rubric, clause, everybody) if f.type in ("number", "count")]
        for found in own:
            most = found.most if found.most is not None else printed_max(clause)
            places = 0 if found.type == "count" else rubric.places
            why = _no_scale(clause.unset, most)
            out.append(Target(f"figure:{found.key}", clause.code, found.label, most, places, why))
        if isinstance(clause, JudgedClause) and not own:
            most = printed_max(clause)
            why = _("只评结论，不打分数，请在审定页定。") if clause.options else _no_scale(clause.unset, most)
            out.append(Target(f"clause:{clause.code}", clause.code, clause.name, most, rubric.places, why))
    return out


def _no_scale(unset: str, most: Fraction | None) -> str:
    if unset:
        return _(
            "%(unset)s，本周期不能打分。分值由裁定给出，开启周期时固定；请在下一周期的“裁定口径”里填写。",
            unset=unset,
        )
    return _("考核办法没有写明满分，不能打分。") if most is None else ""


def target_of(rubric: Rubric, key: str) -> Target:
    """The target with this key, or NotFound."""
    found = next((t for t in targets_of(rubric) if t.key == key), None)
    if found is None:
        raise NotFound(_("这份考核办法里没有这一项。"))
    return found


def absence(rubric: Rubric, sheet: EntrySheet, target: Target) -> str:
    """Why a unit has nothing to present for this target; "" if it has."""
    if target.field in sheet.form.hidden:
        return sheet.form.hidden[target.field] or _("不适用")
    clause = rubric.by[target.code]
    form = sheet.form if not target.field else _EMPTY  # the figure itself is no reason against it
    return bar_of(rubric, clause, sheet.sheet[clause.code], form)


# --- who may be chosen ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A unit that the actor may put into a session. why: why it cannot be, "" if it can."""

    entry: Entry
    why: str


def candidates(
    rubric: Rubric, sheets: Mapping[int, EntrySheet], target: Target, taken: Mapping[int, str]
) -> list[Candidate]:
    """Every unit with the reason that leaves it out, in the order of ``sheets``."""
    out = []
    for entry_id, sheet in sheets.items():
        why = absence(rubric, sheet, target)
        if not why and entry_id in taken:
            why = _("已排在“%(title)s”", title=taken[entry_id])
        out.append(Candidate(sheet.entry, why))
    return out


def chosen(found: Sequence[Candidate], ids: Collection[int]) -> list[Entry]:
    """The chosen units that can present; the others of the choice are left out."""
    return [c.entry for c in found if c.entry.id in ids and not c.why]
