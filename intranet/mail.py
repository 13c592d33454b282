"""Optional mail through the bureau's own SMTP server. Without ``smtp_host`` nothing is ever sent."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from intranet.config import Settings
from intranet.i18n import _

TIMEOUT = 15
"""Seconds for each step with the server; a form is waiting for the answer."""

WHOLE = 60
"""Seconds for all letters of one click."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one person. The address has been checked by :func:`is_address`."""

    to: str
    name: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    letter: Letter
    why: str


def is_on(settings: Settings) -> bool:
    return bool(settings.smtp_host) and is_address(settings.mail_from)


def is_address(text: str) -> bool:
    """Whether this is one plain address (``name@host``), without anything that could become a header."""
    if len(text) > 254 or any(c.isspace() or not c.isprintable() for c in text):
        return False
    try:
        found = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return False
    return bool(found.username and found.domain and text.isascii())


def send(settings: Settings, letters: Sequence[Letter]) -> list[Failure]:
    """Send each letter over one connection. :returns: those that were not taken, with the reason."""
    failed: list[Failure] = []
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        why = _("连不上邮件服务器（%(why)s）", why=_words(error))
        return [Failure(letter, why) for letter in letters]
    end = time.monotonic() + WHOLE
    try:
        for n, letter in enumerate(letters):
            if time.monotonic() > end:
                late = _("邮件服务器太慢，没来得及发")
                return [*failed, *(Failure(left, late) for left in letters[n:])]
            why = _send_one(server, settings, letter)
            if why:
                failed.append(Failure(letter, why))
    finally:
        server.close()
    return failed


def _connect(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    secure = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=secure)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=secure)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.mail_password())
    except (OSError, smtplib.SMTPException):
        server.close()
        raise
    return server


def _send_one(server: smtplib.SMTP, settings: Settings, letter: Letter) -> str:
    """Why the letter was not taken; "" if it was."""
    message = EmailMessage()
    message["From"] = Address(display_name=_line(settings.bureau_name), addr_spec=settings.mail_from)
    message["To"] = Address(display_name=_line(letter.name), addr_spec=letter.to)
    message["Subject"] = _line(letter.subject)
    message["Date"], message["Message-ID"] = formatdate(localtime=True), make_msgid(domain="intranet.local")
    message.set_content(letter.text)
    try:
        server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return _words(error)
    return ""


def _line(text: str) -> str:
    """One line: a line break in a name or a title would begin another header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _("收件地址被拒绝")
    return str(error) or type(error).__name__
