"""Accounts, roles and sign-ins."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from intranet.actor import Actor
from intranet.enums import Role
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle, Grant, School, SignIn, User


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def user_by_login(session: Session, login: str) -> User | None:
    return session.exec(select(User).where(User.login == login.strip().lower())).first()


def actor_for_token(session: Session, token: str, *, at: datetime, today: date, ip: str = "") -> Actor | None:
    """The person signed in with this token; None if it ended, expired, or the account was closed."""
    rows = session.exec(
        select(User, Grant)
        .join(SignIn, col(SignIn.user_id) == col(User.id))
        .outerjoin(Grant, col(Grant.user_id) == col(User.id))
        .where(SignIn.token_hash == token_hash(token), col(SignIn.expires_at) > at, col(User.active))
    ).all()
    if not rows:
        return None
    user = rows[0][0]
    if user.valid_until is not None and user.valid_until < today:
        return None
    grants: list[Grant | None] = [grant for _user, grant in rows]  # an outer join
    return _actor(user, [g for g in grants if g is not None], ip)


def user_id_of(session: Session, token: str) -> int | None:
    """Whose sign-in this is."""
    return session.exec(select(SignIn.user_id).where(SignIn.token_hash == token_hash(token))).first()


def count_others(session: Session, actor: Actor) -> int:
    """How many accounts there are besides this person's own."""
    return session.exec(select(func.count()).select_from(User).where(User.id != actor.user_id)).one()


def actor_for(session: Session, user: User, *, ip: str = "") -> Actor:
    return _actor(user, session.exec(select(Grant).where(Grant.user_id == user.id)).all(), ip)


def _actor(user: User, grants: Sequence[Grant], ip: str) -> Actor:
    schools: dict[Role, set[int]] = defaultdict(set)
    cycles: dict[Role, set[int]] = defaultdict(set)
    roles: set[Role] = set()
    for grant in grants:
        roles.add(grant.role)
        if grant.school_id is not None:
            schools[grant.role].add(grant.school_id)
        if grant.cycle_id is not None:
            cycles[grant.role].add(grant.cycle_id)
    assert user.id is not None
    return Actor(
        user_id=user.id,
        name=user.name,
        login=user.login,
        roles=frozenset(roles),
        schools={k: frozenset(v) for k, v in schools.items()},
        cycles={k: frozenset(v) for k, v in cycles.items()},
        must_change=user.must_change,
        ip=ip,
    )


def has_any_user(session: Session) -> bool:
    return session.exec(select(User.id).limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class PersonRole:
    """A role with the names people know: of the school, of the cycle."""

    grant: Grant
    school: str
    cycle: str


@dataclass(frozen=True, slots=True)
class Person:
    user: User
    roles: tuple[PersonRole, ...]


def all_people(session: Session, *, search: str = "") -> list[Person]:
    """Accounts with their roles, active ones first, in two queries."""
    query = select(User).order_by(col(User.active).desc(), col(User.login))
    if search:
        like = col(User.name).contains(search, autoescape=True) | col(User.login).contains(
            search.lower(), autoescape=True
        )
        query = query.where(like)
    users = session.exec(query).all()
    roles: dict[int, list[PersonRole]] = {}
    grants = (
        select(Grant, School.name, Cycle.title)
        .outerjoin(School, col(School.id) == col(Grant.school_id))
        .outerjoin(Cycle, col(Cycle.id) == col(Grant.cycle_id))
        .order_by(col(Grant.id))
    )
    for given, school, cycle in session.exec(grants):
        roles.setdefault(given.user_id, []).append(PersonRole(given, school or "", cycle or ""))
    return [Person(u, tuple(roles.get(u.id or 0, ()))) for u in users]


def user_by_id(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(_("没有这个账号。"))
    return user


def grant_by_id(session: Session, grant_id: int) -> Grant:
    given = session.get(Grant, grant_id)
    if given is None:
        raise NotFound(_("没有这个角色，可能刚刚已被取消。"))
    return given
