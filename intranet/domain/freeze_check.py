"""冻结前核对: everything that speaks against freezing now, with names and where each thing is settled.

An error blocks. A warning is the bureau's to accept; its text is what is accepted, so that something
that came up meanwhile is never accepted unseen. Reading only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from intranet.domain.lifecycle import Check, Place, naming
from intranet.domain.panel_figures import Owed, owed_of
from intranet.domain.recusal import MARKING
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.domain.spread import Spread, board_of
from intranet.domain.standing import Item, items_of
from intranet.enums import BuildState, ConfirmState, CycleState, SubmissionState
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries.assignments import asked_of
from intranet.queries.inquiries import waiting_of
from intranet.queries.recusals import barred_figures, barred_marks
from intranet.queries.showing import unsettled_of
from intranet.queries.volumes import handed_in_builds
from intranet.rubric import ledger
from intranet.rubric.facts import Facts
from intranet.rubric.fields import Form
from intranet.rubric.ledger import State
from intranet.rubric.model import Rubric


@dataclass(frozen=True)
class _Scene:
    """What the checks look at."""

    session: Session
    cycle: Cycle
    rubric: Rubric
    sheets: Mapping[int, EntrySheet]
    items: Sequence[Item]
    board: Sequence[Spread]

    def names(self, wanted: Callable[[EntrySheet], object]) -> tuple[Place, ...]:
        """The units for which something holds; a number is how often."""
        out = []
        for entry_id, sheet in self.sheets.items():
            found = wanted(sheet)
            if found:
                n = found if isinstance(found, int) and not isinstance(found, bool) else 0
                out.append(Place(entry_id, sheet.entry.name, n=n))
        return tuple(out)

    def rows(self, wanted: Callable[[Spread], object]) -> tuple[Place, ...]:
        """The units with such leaves, how many each has, and the indicator of the first."""
        found: dict[int, list[Spread]] = {}
        for row in self.board:
            if wanted(row):
                found.setdefault(row.leaf.entry.id or 0, []).append(row)
        return tuple(
            Place(i, rows[0].leaf.entry.name, rows[0].indicator.code, len(rows))
            for i, rows in sorted(found.items(), key=lambda x: x[1][0].leaf.entry.code)
        )


def standing_checks(
    session: Session, cycle: Cycle, scoring: Scoring, sheets: Mapping[int, EntrySheet]
) -> list[Check]:
    """What is seen before the cohort is scored. A fixed number of queries."""
    out: list[Check] = []
    if scoring.plugin_missing:
        text = _("这份考核办法的插件没有安装，不能算分。装回同一版本后再冻结。")
        out.append(Check("error", "rubric", text))
    if not sheets:
        return [*out, Check("error", "units", _("这个周期没有考核对象。"))]
    items = items_of(scoring.rubric, sheets, cycle.combine)
    board = board_of(items, asked_of(session, cycle), everyone=True)
    scene = _Scene(session, cycle, scoring.rubric, sheets, items, board)
    return [
        *out,
        *_filing(scene),
        *_review(scene),
        *_recused(scene),
        *_showings(scene),
        *_asked(scene),
        *_volumes(scene),
        *_data(scene),
    ]


def _check(severity: str, code: str, places: Sequence[Place], text: str, **values: object) -> list[Check]:
    """One check about these units; none if there are none. ``names`` in the text counts where it can."""
    if not places:
        return []
    each = [_("%(name)s（%(n)s 处）", name=p.name, n=p.n) if p.n else p.name for p in places]
    return [Check(severity, code, text % {"names": naming(each), **values}, tuple(places))]


def _filing(scene: _Scene) -> list[Check]:
    def state(wanted: SubmissionState) -> tuple[Place, ...]:
        return scene.names(lambda s: s.entry.state == wanted)

    wrong = scene.names(lambda s: sum(p.severity == "error" for p in s.problems))
    return [
        *_check(
            "warning", "progress", state(SubmissionState.OPEN), _("%(names)s没有提交，未填的按 0 分计。")
        ),
        *_check(
            "warning",
            "progress",
            state(SubmissionState.RETURNED),
            _("%(names)s有退回的指标没有改完、重新提交。"),
        ),
        *_check("warning", "progress", wrong, _("%(names)s的填报里有没改正的错误。")),
    ]


def _review(scene: _Scene) -> list[Check]:
    """Marks that do not speak for themselves. A leaf nobody scored at all is found by :func:`open_leaves`."""
    stale = scene.rows(lambda r: r.stale and r.leaf.settled is None)
    unsettled = scene.rows(lambda r: r.leaf.needs_settling and r.leaf.score.state is not State.PENDING)
    few = scene.rows(lambda r: r.missing and r.leaf.given and r.leaf.settled is None)
    doubtful = scene.rows(lambda r: r.doubtful and r.leaf.settled is None)
    return [
        *_check("error", "review", unsettled, _("%(names)s的评分不一致，要组长审定，否则评委的分不会计入。")),
        *_check("warning", "review", stale, _("%(names)s评分后内容有变，评委没有再看，也没有审定。")),
        *_check("warning", "review", few, _("%(names)s还有评委没评，按已评的人合成。")),
        *_check("warning", "review", doubtful, _("%(names)s还有标“存疑”的评分，不会计入。")),
    ]


def _recused(scene: _Scene) -> list[Check]:
    """What still counts although its author must stay away now, and the panel's figures that are blank.

    A result that is public keeps what its panel gave, as the marks (``domain.recusal``).
    """
    if scene.cycle.state not in MARKING:
        return []
    cycle_id = scene.cycle.id or 0
    owed = owed_of(scene.rubric, scene.items, barred_figures(scene.session, cycle_id))
    again = _units_of(o for o in owed if o.by)
    blank = _units_of(o for o in owed if not o.by and o.leaf.score.state is not State.PENDING)
    marks = barred_marks(scene.session, cycle_id)
    given = scene.names(lambda s: marks.get(s.entry.id or 0, 0))
    return [
        *_check(
            "error",
            "recusal",
            again,
            _("%(names)s由组长填写的得分出自已回避的人，请另一位组长在“分差与审定”里重新填写。"),
        ),
        *_check("warning", "review", blank, _("%(names)s还有要由组长填写的得分，空白按 0 分计。")),
        *_check(
            "warning",
            "recusal",
            given,
            _("%(names)s有评分出自本单位学校的填报人，还在计入。请到“回避”里登记后剔除。"),
        ),
    ]


def _units_of(owed: Iterable[Owed]) -> tuple[Place, ...]:
    """The units of these figures, how many each has, and the indicator of the first."""
    found: dict[int, list[Owed]] = {}
    for one in owed:
        found.setdefault(one.entry.id or 0, []).append(one)
    return tuple(Place(i, few[0].entry.name, few[0].indicator.code, len(few)) for i, few in found.items())


def _showings(scene: _Scene) -> list[Check]:
    """Units whose turn in the meeting room was never settled, while their session is still open."""
    open_turns = unsettled_of(scene.session, scene.cycle.id or 0)
    places = scene.names(lambda s: s.entry.id in open_turns)
    return _check("warning", "showing", places, _("%(names)s的展示考核还没有审定，这一场也没有结束。"))


def _asked(scene: _Scene) -> list[Check]:
    """What is still asked of somebody: a school's word on a row, a unit's answer to the panel."""

    def words(state: ConfirmState) -> tuple[Place, ...]:
        return scene.names(lambda s: sum(word == state for word in s.source.words.values()))

    waiting = waiting_of(scene.session, list(scene.sheets))
    asked = scene.names(lambda s: waiting.get(s.entry.id or 0, 0))
    return [
        *_check(
            "warning", "rows", words(ConfirmState.DISPUTED), _("%(names)s的填报行有学校提出异议，没有处理。")
        ),
        *_check("warning", "rows", words(ConfirmState.OPEN), _("%(names)s的填报行还没有对方学校确认。")),
        *_check("warning", "inquiry", asked, _("%(names)s还没有答复考核组的质询。")),
    ]


def _volumes(scene: _Scene) -> list[Check]:
    """Units whose evidence volume was not built of what they handed in."""
    built = handed_in_builds(scene.session, list(scene.sheets))

    def lacks(sheet: EntrySheet) -> bool:
        entry = sheet.entry
        if entry.submitted_at is None or not sheet.source.files:
            return False
        volume = built.get(entry.id or 0)
        if volume is None or volume.state != BuildState.DONE:
            return True
        return entry.state == SubmissionState.SUBMITTED and volume.requested_at < entry.submitted_at

    return _check("warning", "volume", scene.names(lacks), _("%(names)s的佐证材料汇编还没有生成。"))


def _data(scene: _Scene) -> list[Check]:
    blank = scene.names(lambda s: blanks(scene.rubric, s.facts, s.form))
    return _check("warning", "data", blank, _("教育局数据还有空白：%(names)s。空白不是 0，请核对。"))


def blanks(rubric: Rubric, facts: Facts, form: Form) -> int:
    """How many of the bureau's own fields are empty for this unit."""
    n = 0
    for field in form.fields.values():
        if field.by != "bureau" or field.key in form.hidden:
            continue
        if field.per == "member":
            n += sum(facts.of_member(school, field.key, "bureau") is None for school in facts.members)
        else:
            n += facts.get(field.key, "bureau") is None
    return n


def open_leaves(
    cycle: Cycle, rubric: Rubric, results: Iterable[ledger.Result], sheets: Mapping[int, EntrySheet]
) -> list[Check]:
    """Leaves that stay open even in a frozen pass: nobody has scored or settled them."""
    told = (
        _("%(unit)s：%(n)s 条还没有评分结果（%(names)s），请组长在“分差与审定”里审定。")
        if cycle.state != CycleState.REVIEW
        else _("%(unit)s：%(n)s 条还没有评分结果（%(names)s）。评委还可以评，组长也可以审定。")
    )
    ids = {s.entry.code: i for i, s in sheets.items()}
    out = []
    for result in results:
        waiting = [c for c in rubric.leaves() if result.sheet[c.code].state is State.PENDING]
        if waiting:
            names = naming([c.name[:16] for c in waiting])
            text = told % {"unit": result.name, "n": len(waiting), "names": names}
            page = indicator_of(rubric, waiting[0].code)
            place = Place(ids.get(result.unit, 0), result.name, page, len(waiting))
            out.append(Check("error", "review", text, (place,)))
    return out


def indicator_of(rubric: Rubric, code: str) -> str:
    """The indicator that a leaf stands under, which has a page of its own; the leaf itself if none."""
    indicators = {c.code for c in rubric.indicators}
    at: str | None = code
    while at is not None:
        if at in indicators:
            return at
        at = rubric.by[at].parent
    return code
