"""Accounts: passwords, signing in, signing out, roles."""

from __future__ import annotations

import secrets
import threading
from datetime import date, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session, col, delete, select

from intranet.actor import Actor
from intranet.enums import Role
from intranet.errors import Conflict, DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.mail import is_address
from intranet.models import Attempt, Grant, SignIn, User
from intranet.queries.people import token_hash, user_by_login

from .log import record

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's Argon2id parameters: about 30 ms; the library's default would allow only 8 sign-ins a second."""

_SLOTS = threading.BoundedSemaphore(2)
"""At most two hashes at a time, so that a morning of sign-ins leaves the pages their processor."""

MAX_FAILURES = 5
LOCK = timedelta(minutes=15)
FORGET = timedelta(days=1)
"""Failed attempts older than this no longer count, and made-up accounts do not pile up."""
_ABSENT = _HASHER.hash(secrets.token_hex(16))
MIN_PASSWORD, MAX_PASSWORD = 10, 128
MAX_NAME = 64
FORBIDDEN_PASSWORDS = frozenset(
    {"password12", "1234567890", "0123456789", "qwertyuiop", "admin12345", "aa12345678"}
)


def hash_password(password: str) -> str:
    with _SLOTS:
        return _HASHER.hash(password)


def _verify(stored: str, password: str) -> bool:
    with _SLOTS:
        try:
            return _HASHER.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, login: str) -> None:
    """Raise Invalid with what to change. Long and not guessable is what counts; no composition rules."""
    if len(password) < MIN_PASSWORD:
        raise Invalid(_("密码至少 %(n)s 位，请再长一些。", n=MIN_PASSWORD), field="new")
    if len(password) > MAX_PASSWORD:
        raise Invalid(_("密码最多 %(n)s 位。", n=MAX_PASSWORD), field="new")
    simple = len(set(password)) < 4 or password.lower() in FORBIDDEN_PASSWORDS
    if simple or (login and login.lower() in password.lower()):
        raise Invalid(_("这个密码太容易猜到。请不要用账号、连续数字或重复字符。"), field="new")


def sign_in(
    session: Session, login: str, password: str, *, ip: str, at: datetime, today: date, hours: int
) -> str:
    """Check the password and open a session; returns its token.

    Five failures from one address lock that account for that address for 15 minutes: somebody else
    cannot lock the owner out. Unknown accounts cost the same time and get the same answer.
    """
    login = login.strip().lower()[:64]
    attempt = session.exec(select(Attempt).where(Attempt.login == login, Attempt.ip == ip)).first()
    if attempt is not None and attempt.locked_until is not None and attempt.locked_until > at:
        minutes = int((attempt.locked_until - at).total_seconds() // 60) + 1
        raise Forbidden(
            _("密码错了 %(n)s 次，请 %(m)s 分钟后再试，或请管理员重置密码。", n=MAX_FAILURES, m=minutes)
        )
    user = user_by_login(session, login)
    right = _verify(user.password_hash if user else _ABSENT, password)
    usable = user is not None and user.active and (user.valid_until is None or user.valid_until >= today)
    if not (right and usable and user is not None and user.id is not None):
        attempt = attempt or Attempt(login=login, ip=ip)
        attempt.failures = 1 if attempt.locked_until is not None else attempt.failures + 1
        attempt.locked_until = at + LOCK if attempt.failures >= MAX_FAILURES else None
        attempt.last_at = at
        session.exec(delete(Attempt).where(col(Attempt.last_at) < at - FORGET))
        session.add(attempt)
        record(session, Actor(user_id=0, name=login, ip=ip), "sign_in.fail", subject=login)
        raise Forbidden(_("账号或密码不对。请核对后再试。"))
    if attempt is not None:
        session.delete(attempt)
    token = _open(session, user.id, at=at, hours=hours, ip=ip)
    record(session, Actor(user_id=user.id, name=user.name, ip=ip), "sign_in")
    return token


def _open(session: Session, user_id: int, *, at: datetime, hours: int, ip: str) -> str:
    token = secrets.token_urlsafe(32)
    session.exec(delete(SignIn).where(col(SignIn.expires_at) < at))
    session.add(
        SignIn(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=at,
            expires_at=at + timedelta(hours=hours),
            ip=ip,
        )
    )
    session.flush()
    return token


def sign_out(session: Session, actor: Actor, token: str) -> None:
    session.exec(delete(SignIn).where(col(SignIn.token_hash) == token_hash(token)))
    record(session, actor, "sign_out")


def change_own_password(
    session: Session, actor: Actor, current: str, new: str, again: str, *, at: datetime, hours: int
) -> str:
    """Change the own password, end all other sessions, return a new token."""
    user = session.get(User, actor.user_id)
    assert user is not None
    if not _verify(user.password_hash, current):
        raise Invalid(_("现在的密码不对，请重新输入。"), field="current")
    if new != again:
        raise Invalid(_("两次输入的新密码不一样，请重新输入。"), field="again")
    if new == current:
        raise Invalid(_("新密码不能和现在的一样。"), field="new")
    check_password(new, user.login)
    user.password_hash = hash_password(new)
    user.must_change = False
    user.version += 1
    end_sessions(session, actor.user_id)
    record(session, actor, "password.change", subject=user.login)
    return _open(session, actor.user_id, at=at, hours=hours, ip=actor.ip)


def end_sessions(session: Session, user_id: int) -> None:
    session.exec(delete(SignIn).where(col(SignIn.user_id) == user_id))


def is_login(login: str) -> bool:
    """Letters, digits, dot, dash, underscore: a staff number or the like."""
    return 0 < len(login) <= 64 and login.isascii() and all(c.isalnum() or c in "._-" for c in login)


def create_user(
    session: Session,
    actor: Actor,
    login: str,
    name: str,
    password: str = "",
    *,
    hashed_password: str = "",
    must_change: bool = True,
) -> User:
    """A new account, with a password or one hashed before. Raises Conflict if the login was ever used."""
    login, name = login.strip().lower(), name.strip()
    if not is_login(login):
        raise Invalid(_("账号只能用字母、数字、点、横线，例如工号。"), field="login")
    if not name:
        raise Invalid(_("请填写姓名。"), field="name")
    if len(name) > MAX_NAME:
        raise Invalid(_("姓名最多 %(n)s 个字。", n=MAX_NAME), field="name")
    if user_by_login(session, login) is not None:
        raise Conflict(_("账号 %(login)s 已有人用。账号不能重复使用，请换一个。", login=login), field="login")
    user = User(
        login=login,
        name=name,
        password_hash=hashed_password or hash_password(password),
        must_change=must_change,
    )
    session.add(user)
    session.flush()
    record(session, actor, "user.create", subject=login, new=name)
    return user


def first_password() -> str:
    """A random first password that can be read out: 12 characters without look-alikes."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _i in range(12))


def reset_password(session: Session, actor: Actor, user: User) -> str:
    """Give a new first password, to be changed at the next sign-in; ends all sessions. Returns it once."""
    actor.require(Role.BUREAU)
    password = first_password()
    user.password_hash = hash_password(password)
    user.must_change = True
    user.version += 1
    assert user.id is not None
    end_sessions(session, user.id)
    record(session, actor, "password.reset", subject=user.login)
    return password


def set_email(session: Session, actor: Actor, user: User, email: str) -> None:
    """The address for reminders; empty takes it away. :raises Invalid: no plain address."""
    actor.require(Role.BUREAU)
    email = email.strip()
    if email and not is_address(email):
        raise Invalid(_("邮箱地址不对，请写成 name@example.com 的样子。"), field="email")
    if email != user.email:
        record(session, actor, "user.email", subject=user.login, old=user.email, new=email)
        user.email = email
        user.version += 1
        session.add(user)


def set_active(session: Session, actor: Actor, user: User, active: bool) -> None:
    actor.require(Role.BUREAU)
    if user.id == actor.user_id and not active:
        raise DomainError(_("不能停用自己的账号。请由另一位管理员操作。"))
    record(session, actor, "user.active", subject=user.login, old=user.active, new=active)
    user.active = active
    user.version += 1
    assert user.id is not None
    if not active:
        end_sessions(session, user.id)


def grant(
    session: Session,
    actor: Actor,
    user_id: int,
    role: Role,
    *,
    school_id: int | None = None,
    cycle_id: int | None = None,
) -> Grant:
    """Give a role once; giving it again changes nothing."""
    found = session.exec(
        select(Grant).where(
            Grant.user_id == user_id,
            Grant.role == role,
            Grant.school_id == school_id,
            Grant.cycle_id == cycle_id,
        )
    ).first()
    if found is not None:
        return found
    given = Grant(user_id=user_id, role=role, school_id=school_id, cycle_id=cycle_id)
    session.add(given)
    session.flush()
    record(
        session,
        actor,
        "role.grant",
        subject=str(user_id),
        new=role.value,
        cycle_id=cycle_id,
        school_id=school_id,
    )
    return given


def revoke(session: Session, actor: Actor, given: Grant) -> None:
    session.delete(given)
    session.flush()
    record(
        session,
        actor,
        "role.revoke",
        subject=str(given.user_id),
        old=given.role.value,
        cycle_id=given.cycle_id,
    )
