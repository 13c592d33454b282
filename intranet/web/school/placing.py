"""Files that stand at no place yet, each with the place that its name suggests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from intranet.domain import placing
from intranet.i18n import _
from intranet.models import Evidence

from . import view
from .desk import Desk, new_op

AT_ONCE = 100
"""Files in the list at one time: each has all places to choose from."""

LABEL = 40
"""Characters of a place's name in the list to choose from."""


@dataclass(frozen=True, slots=True)
class Line:
    """One file. options: of its select; suggested: its name says where it belongs."""

    evidence: Evidence
    options: Markup
    suggested: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class PlacingView:
    """lines: the first AT_ONCE of ``n`` files that stand nowhere."""

    lines: tuple[Line, ...]
    n: int
    op: str
    error: str = ""


def placing_view(
    desk: Desk,
    chosen: Mapping[int, str] | None = None,
    problems: Mapping[str, str] | None = None,
    error: str = "",
) -> PlacingView:
    """:param chosen: what was sent and refused, ref by file id; :param problems: why, by file id."""
    loose = [found.evidence for found in desk.files if not found.refs]
    shown = loose[:AT_ONCE] if desk.may_help() else []
    groups = _places(desk) if shown else []
    known = [place for _title, places in groups for place, _words in places]
    suggested = placing.suggest([e.name for e in shown], known)
    options = _options(groups)
    lines = []
    for evidence, ref in zip(shown, suggested, strict=True):
        at = (chosen or {}).get(evidence.id or 0, ref or "")
        wrong = (problems or {}).get(str(evidence.id), "")
        lines.append(Line(evidence, _with(options, at), ref is not None, wrong))
    return PlacingView(tuple(lines), len(loose) if shown else 0, new_op(), error)


def _places(desk: Desk) -> list[tuple[str, list[tuple[placing.Place, str]]]]:
    """(heading, places with their words) that this person may put a file to now, missing ones first."""
    missing: list[tuple[placing.Place, str]] = []
    there: list[tuple[placing.Place, str]] = []
    free: list[tuple[placing.Place, str]] = []
    for page in desk.filing.pages.values():
        if not desk.may_help(page.code):
            continue
        for slot in view.slots(desk, page, view.Typed()):
            if slot.state == "na":
                continue
            code, _hash, n = slot.key.partition("#")
            clause = desk.rubric.by[code]
            place = placing.Place(
                ref=slot.ref,
                code=code,
                page=page.code,
                no=page.clause.no,
                label=slot.label,
                n=int(n or 0),
                title=clause.title,
                is_missing=slot.state == "miss",
            )
            of = f"{slot.of}：" if slot.of else ""
            words = f"{page.clause.no or page.code} {of}{slot.label}"
            (missing if slot.state == "miss" else free if slot.state == "free" else there).append(
                (place, words)
            )
    found = [(_("还缺的"), missing), (_("已有或已注明没有的"), there), (_("其他佐证材料"), free)]
    return [(title, places) for title, places in found if places]


def _options(groups: list[tuple[str, list[tuple[placing.Place, str]]]]) -> Markup:
    """All places as options, put together once for all files."""
    out = Markup('<option value="">{}</option>').format(_("先不放"))
    for title, places in groups:
        out += Markup('<optgroup label="{}">').format(title)
        for place, words in places:
            short = words if len(words) <= LABEL else words[: LABEL - 1] + "…"
            out += Markup('<option value="{}">{}</option>').format(place.ref, short)
        out += Markup("</optgroup>")
    return out


def _with(options: Markup, ref: str) -> Markup:
    """The options with one of them selected; unchanged if it is not among them."""
    value = str(Markup('value="{}"').format(ref))
    return Markup(str(options).replace(f"{value}>", f"{value} selected>", 1))  # noqa: S704 - escaped above
