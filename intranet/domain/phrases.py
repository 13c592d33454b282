"""Keeping the comment bank (评语库): reviewers add their own, the chair what the whole panel shares."""

from __future__ import annotations

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.review import require_chair
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Phrase
from intranet.queries.phrases import SHARED, phrase_for, phrases_of
from intranet.rubric.model import Rubric

LONGEST = 300
MOST = 200
"""Comments of one person, or shared ones, in one cycle."""


def add_phrase(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    rubric: Rubric,
    text: str,
    *,
    code: str = "",
    shared: bool = False,
) -> Phrase:
    """Keep a comment; one that is already there is not kept twice.

    :param code: the clause or indicator it is for, "" for every one.
    :raises Invalid: empty, too long, no such clause, or too many. :raises Forbidden: a shared one, and
        the actor is not the chair.
    """
    assert cycle.id is not None
    _require_panel(actor, cycle)
    if shared:
        require_chair(actor, cycle)
    text = " ".join(text.split())
    if not text:
        raise Invalid(_("请写出评语。"), field="text")
    if len(text) > LONGEST:
        raise Invalid(_("评语最多 %(n)s 字，请写短一些。", n=LONGEST), field="text")
    if code and code not in rubric.by:
        raise Invalid(_("没有这个条款，请重新选择。"), field="code")
    owner = SHARED if shared else actor.user_id
    mine = [p for p in phrases_of(session, actor, cycle.id) if p.user_id == owner]
    same = next((p for p in mine if (p.code, p.text) == (code, text)), None)
    if same is not None:
        return same
    if len(mine) >= MOST:
        raise Invalid(_("评语最多存 %(n)s 条，请先删去不用的。", n=MOST), field="text")
    phrase = Phrase(cycle_id=cycle.id, user_id=owner, code=code, text=text)
    session.add(phrase)
    session.flush()
    _log(session, actor, phrase, None, text)
    return phrase


def drop_phrase(session: Session, actor: Actor, cycle: Cycle, phrase_id: int) -> None:
    """Take a comment out of the bank; one that is gone already is no error. Marks keep their words."""
    assert cycle.id is not None
    _require_panel(actor, cycle)
    phrase = phrase_for(session, actor, cycle.id, phrase_id)
    if phrase is None:
        return
    if phrase.user_id == SHARED:
        require_chair(actor, cycle)
    _log(session, actor, phrase, phrase.text, None)
    session.delete(phrase)
    session.flush()


def _require_panel(actor: Actor, cycle: Cycle) -> None:
    if not actor.on_panel(cycle.id or 0):
        raise NotFound(_("没有这个考核周期，或您不在它的考核组。"))


def _log(session: Session, actor: Actor, phrase: Phrase, old: str | None, new: str | None) -> None:
    record(
        session,
        actor,
        "phrase.change",
        subject=phrase.code,
        old=old,
        new=new,
        cycle_id=phrase.cycle_id,
        shared=phrase.user_id == SHARED,
    )
