"""Errors with a message for the person in front of the screen.

What belongs here: exceptions that the web layer and the command line show as they are.
What does not: programming mistakes, which stay ordinary exceptions and end in a 500 page.
"""

from __future__ import annotations


class DomainError(Exception):
    """Something the user asked for is not possible; ``message`` says what to do instead."""

    status = 409

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(DomainError):
    """No such thing, or not for this actor: the two are never told apart."""

    status = 404


class Forbidden(DomainError):
    """The actor may see the thing but may not do this to it (now)."""

    status = 403


class Invalid(DomainError):
    """A value was refused; ``problems`` maps each field to its message."""

    status = 422

    def __init__(
        self, message: str, problems: dict[str, str] | None = None, *, field: str | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.problems = problems or ({field: message} if field else {})


class Conflict(DomainError):
    """Somebody else changed the same thing first; ``theirs`` is what is stored now."""

    status = 409

    def __init__(self, message: str, *, theirs: object = None, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self.theirs = theirs


class RubricError(DomainError):
    """A rubric cannot be used. ``lines`` are ``file:line: clause: what: remedy``."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
