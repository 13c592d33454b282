"""Optional mail through the bureau's own SMTP server. Without ``smtp_host`` nothing is ever sent."""

from __future__ import annotations

import smtplib
import ssl
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
    return bool(settings.smtp_host and settings.mail_from)


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
    try:
        with _connect(settings) as server:
            return [f for letter in letters if (f := _send_one(server, settings, letter)) is not None]
    except (OSError, smtplib.SMTPException) as error:
        why = _("连不上邮件服务器（%(why)s）", why=_words(error))
        return [Failure(letter, why) for letter in letters]


def _connect(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    secure = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=secure)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        if settings.smtp_security == "starttls":
            server.starttls(context=secure)
    if settings.smtp_user:
        server.login(settings.smtp_user, settings.smtp_password)
    return server


def _send_one(server: smtplib.SMTP, settings: Settings, letter: Letter) -> Failure | None:
    message = EmailMessage()
    message["From"] = Address(display_name=settings.bureau_name, addr_spec=settings.mail_from)
    message["To"] = Address(display_name=letter.name, addr_spec=letter.to)
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"], message["Message-ID"] = formatdate(localtime=True), make_msgid(domain="intranet.local")
    message.set_content(letter.text)
    try:
        server.send_message(message)
    except smtplib.SMTPException as error:
        return Failure(letter, _words(error))
    return None


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _("收件地址被拒绝")
    return str(error) or type(error).__name__
