"""公示: publishing a frozen result for a number of working days, in the words of an official notice.

The words carry marks (``【公示时间】``) where dates and the table go, so that a changed date cannot leave an old
one in the text; they are filled in when the notice is published or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.calendar import Calendar, Span, end_of_day, read_day, require_days, span, start_of_day
from intranet.domain.lifecycle import require_reason
from intranet.domain.log import record
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import phase_name
from intranet.enums import CycleState, Role
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import SOURCE, _, use_language
from intranet.models import Cycle, Publication, Result
from intranet.queries.publication import PUBLISHING, Column, publications_of
from intranet.rubric.model import Rubric

USUAL_DAYS = 5
TITLE, LINE, BODY = 200, 200, 5000

TABLE = "【结果表】"
"""Where the table stands in the body; without it, after the body."""
DATES, COUNT, CONTACT = "【公示时间】", "【工作日数】", "【联系方式】"


@dataclass(frozen=True, slots=True)
class Wording:
    """A notice as the bureau words it, marks not filled in yet. columns: keys, at least one."""

    columns: tuple[str, ...]
    starts_on: date
    working_days: int
    title: str
    recipients: str
    body: str
    contact: str
    signed_on: date


# --- the draft -----------------------------------------------------------------------------------


def draft(
    cycle: Cycle,
    rubric: Rubric,
    *,
    bureau: str,
    contact: str,
    units: int,
    columns: Sequence[str],
    today: date,
    before: Publication | None,
) -> Wording:
    """What the form starts from: the usual words, with those of the publication before kept."""
    with use_language(SOURCE):  # an official notice is Chinese, whoever words it
        unit = rubric.terms.unit
        body = "\n".join(
            (
                _(
                    "根据《%(rubric)s》，%(bureau)s组织开展了%(cycle)s，对%(n)s个%(unit)s进行了考核。现将考核结果予以公示。",
                    rubric=cycle.rubric_title,
                    bureau=bureau,
                    cycle=cycle.title,
                    n=units,
                    unit=unit,
                ),
                _("一、公示时间"),
                f"{DATES}，共{COUNT}个工作日。",
                _("二、考核结果"),
                TABLE,
                _("三、意见反馈"),
                _(
                    "公示期内，对结果有异议的单位，请在考核系统中对照本单位的得分账本提出复核，写明理由并附佐证材料；也可向我局书面反映。反映情况应当实事求是，书面材料应当加盖公章或署真实姓名。公示期满后不再受理。"
                ),
                f"联系方式：{CONTACT}。",
            )
        )
        return Wording(
            columns=tuple(columns),
            starts_on=today,
            working_days=before.working_days if before else USUAL_DAYS,
            title=before.title
            if before
            else _("%(bureau)s关于%(cycle)s结果的公示", bureau=bureau, cycle=cycle.title),
            recipients=before.recipients if before else _("各%(unit)s、各学校", unit=unit),
            body=_reopened(before) if before else body,
            contact=before.contact if before else contact,
            signed_on=today,
        )


def filled(text: str, *, days: Span, contact: str) -> str:
    """The words with their marks filled in, but for the place of the table."""
    with use_language(SOURCE):
        dates = _("%(start)s至%(end)s", start=long_date(days.start), end=long_date(days.end))
    for mark, value in ((DATES, dates), (COUNT, str(len(days.working))), (CONTACT, contact or "—")):
        text = text.replace(mark, value)
    return text


def _reopened(before: Publication) -> str:
    """The words of a publication with its marks put back where its dates and its contact stand."""
    dates = _("%(start)s至%(end)s", start=long_date(before.starts_on), end=long_date(before.ends_on))
    text = before.body.replace(dates, DATES)
    text = text.replace(f"共{before.working_days}个工作日", f"共{COUNT}个工作日")
    head, found, tail = text.rpartition(
        before.contact or CONTACT
    )  # the words may name the bureau elsewhere too
    return f"{head}{CONTACT}{tail}" if found else text


def long_date(day: date) -> str:
    """2026年5月9日, as an official notice writes it."""
    return _("%(year)s年%(month)s月%(day)s日", year=day.year, month=day.month, day=day.day)


def read(form: Mapping[str, str], columns: Sequence[str], known: Sequence[Column]) -> Wording:
    """A posted form as a wording.

    :raises Invalid: with a message per field.
    """
    problems: dict[str, str] = {}

    def text(name: str, most: int, empty: str = "") -> str:
        said = form.get(name, "").replace("\r\n", "\n").strip()
        if name != "body":
            said = " ".join(said.split())
        if not said and empty:
            problems[name] = empty
        if len(said) > most:
            problems[name] = _("最多 %(n)s 个字，现在是 %(now)s 个。", n=most, now=len(said))
        return said

    def day(name: str) -> date:
        try:
            return read_day(form.get(name, ""), name)
        except Invalid as error:
            problems[name] = error.message
            return date.min

    chosen = tuple(c.key for c in known if c.key in columns)
    if "unit" not in chosen:
        problems["columns"] = _("单位名称必须公示。")
    try:
        days = require_days(form.get("working_days", ""))
    except Invalid as error:
        problems["working_days"], days = error.message, USUAL_DAYS
    wording = Wording(
        columns=chosen,
        starts_on=day("starts_on"),
        working_days=days,
        title=text("title", TITLE, _("请填写标题。")),
        recipients=text("recipients", LINE),
        body=text("body", BODY, _("请填写正文。")),
        contact=text("contact", LINE, _("请填写联系方式，有异议的单位要找得到人。")),
        signed_on=day("signed_on"),
    )
    if problems:
        first = next(iter(problems))
        raise Invalid(problems[first], problems, field=first)
    return wording


# --- publishing ----------------------------------------------------------------------------------


def hindrances(cycle: Cycle, held: Result | None, *, is_current: bool) -> list[str]:
    """Why the result cannot be published now; empty: it can."""
    if cycle.practice:
        return [_("演练周期不公示。可以预览和下载稿子，每页都标“演练”。")]
    if held is None:
        return [_("还没有冻结结果。公示的是冻结的结果，请先冻结。")]
    if not is_current:
        return [_("冻结之后数据又有改动。请重新冻结，再公示。")]
    if cycle.state != PUBLISHING:
        if cycle.state in (CycleState.FINAL, CycleState.ARCHIVED):
            return [_("现在是%(phase)s阶段，不能再公示。", phase=phase_name(cycle.state))]
        return [
            _(
                "现在是%(phase)s阶段。可以先拟稿、预览；进入公示阶段后才能发布。",
                phase=phase_name(cycle.state),
            )
        ]
    return []


def seen_mark(held: Result | None, before: Publication | None) -> str:
    """What a form carries of what it was made from: the freeze and the publication that held."""
    return f"{held.number if held else 0}.{before.id if before else 0}"


def publish(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    held: Result | None,
    wording: Wording,
    calendar: Calendar,
    *,
    is_current: bool,
    seen: str,
    reason: str,
    today: date,
    at: datetime,
    zone: str,
    op: str = "",
) -> Publication:
    """Store a publication and set the cycle's dates by it. A later one takes the place of the one before.

    :param seen: :func:`seen_mark` of the form. :param reason: for a second publication; goes into the log.
    :raises DomainError: something stands in the way. :raises Conflict: frozen again or published meanwhile.
    :raises Invalid: no reason, or a first day that is over.
    """
    actor.require(Role.BUREAU)
    assert cycle.id is not None
    earlier = publications_of(session, cycle.id)
    done = outcome_of(session, actor, op)
    for publication in earlier:
        if publication.id == done:
            return publication
    stopping = hindrances(cycle, held, is_current=is_current)
    if stopping:
        raise DomainError(" ".join(stopping))
    assert held is not None
    before = earlier[0] if earlier else None
    if seen != seen_mark(held, before):
        raise Conflict(_("刚刚有人重新冻结或发布了公示。请核对后再发布，您填的内容还在。"))
    if wording.starts_on < today:
        raise Invalid(_("起始日期已经过去，请从今天或以后算起。"), field="starts_on")
    if before is not None:
        reason = require_reason(reason)
    days = span(calendar, wording.starts_on, wording.working_days)
    publication = Publication(
        cycle_id=cycle.id,
        result_id=held.id or 0,
        columns=list(wording.columns),
        starts_on=days.start,
        working_days=wording.working_days,
        ends_on=days.end,
        title=wording.title,
        recipients=wording.recipients,
        body=filled(wording.body, days=days, contact=wording.contact),
        contact=wording.contact,
        signed_on=wording.signed_on,
        published_by=actor.user_id,
        published_at=at,
    )
    session.add(publication)
    cycle.publish_from, cycle.publish_until = start_of_day(days.start, zone), end_of_day(days.end, zone)
    cycle.version += 1
    session.add(cycle)
    session.flush()
    record(
        session,
        actor,
        "publication.publish",
        subject=publication.title,
        old=None if before is None else _told(before),
        new=_told(publication),
        reason=reason if before is not None else "",
        cycle_id=cycle.id,
        result=held.number,
        columns=publication.columns,
        skipped=[day.isoformat() for day in days.skipped],
    )
    remember(session, actor, op, publication.id, at=at)
    return publication


def _told(publication: Publication) -> str:
    days = f"{publication.starts_on.isoformat()} — {publication.ends_on.isoformat()}"
    return _("%(days)s（%(n)s 个工作日）", days=days, n=publication.working_days)


def shows_rank(publication: Publication | None) -> bool:
    """Whether units are told their rank: as the publication chose; before the first one they would be."""
    return publication is None or "rank" in publication.columns


def paragraphs(body: str) -> list[str]:
    """The body's paragraphs; the place of the table is one of them, at the end if it is not named."""
    apart = body.replace(TABLE, f"\n{TABLE}\n")
    found = [line.strip() for line in apart.split("\n") if line.strip()]
    return found if TABLE in found else [*found, TABLE]


_CLOSERS = set("，。、；：？！）》」』”’…—")
_OPENERS = set("（《「『“‘")
_BREAK_AFTER = ("关于", "）", "》")
_BREAK_BEFORE = ("关于", "结果", "（", "《")
_MAY_AFTER = ("年", "年度", "集团", "学区", "考核")
"""Where a title breaks best, and where it may break rather than within a word."""


def title_lines(title: str, most: int = 19) -> list[str]:
    """A title in lines of about the same length, none longer than ``most`` characters if that can be.

    It breaks where sense allows, as before 关于 and 结果, never within figures or a short pair of brackets.
    """
    wide = [1.0 if ord(c) > 0x2E7F or c in "“”‘’—…" else 0.5 for c in title]
    fewest = -(-sum(wide) // most)
    if fewest <= 1:
        return [title]
    for lines in (fewest, fewest + 1, fewest + 2):
        at = _first_break(title, wide, lines, most)
        if at:
            return [title[:at], *title_lines(title[at:], most)]
    return [title]


def _first_break(title: str, wide: Sequence[float], lines: float, most: int) -> int:
    """Where the first of so many lines ends; 0 if it can end nowhere."""
    best, least, target = 0, float("inf"), sum(wide) / lines
    closed = _closed(title, most)
    for i in range(1, len(title)):
        before, after = title[i - 1], title[i]
        if after in _CLOSERS or before in _OPENERS or not (wide[i - 1] == 1 or wide[i] == 1) or before == "—":
            continue
        if before.isdigit() or i in closed or sum(wide[:i]) > most:
            continue
        if sum(wide[i:]) > most * (lines - 1):
            continue
        cost = abs(sum(wide[:i]) - target)
        if title[:i].endswith(_BREAK_AFTER) or title[i:].startswith(_BREAK_BEFORE):
            cost -= 8
        elif title[:i].endswith(_MAY_AFTER) and after != "度":
            cost -= 3
        if cost < least:
            best, least = i, cost
    return best


def _closed(title: str, most: int) -> set[int]:
    """Places within brackets that fit on a line."""
    out: set[int] = set()
    start = -1
    for i, char in enumerate(title):
        if char in "（《":
            start = i
        elif char in "）》" and start >= 0:
            if i - start < most:
                out |= set(range(start + 1, i + 1))
            start = -1
    return out


_FIGURES = set("一二三四五六七八九十")


def heading_level(text: str) -> int:
    """1 for 一、公示时间, 2 for （一）公示范围; 0 for a paragraph, which has a full stop."""
    if "。" in text:
        return 0
    number, mark, rest = text.partition("、")
    if mark and rest and number and set(number) <= _FIGURES:
        return 1
    inside, mark, rest = text.removeprefix("（").partition("）")
    return 2 if text.startswith("（") and mark and rest and inside and set(inside) <= _FIGURES else 0


def words_of(publication: Publication) -> Wording:
    """A stored publication as a wording, its marks filled in."""
    return Wording(
        tuple(publication.columns),
        publication.starts_on,
        publication.working_days,
        publication.title,
        publication.recipients,
        publication.body,
        publication.contact,
        publication.signed_on,
    )
