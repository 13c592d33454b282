"""Tables by subject. A table class stores; it does not validate and holds no rules."""

from .base import now
from .cycle import Cycle, Entry, EntrySchool
from .filing import Answer, Evidence, EvidenceLink, FactRow, Operation, Return, TableState
from .log import LogEntry
from .people import Attempt, Grant, SignIn, User
from .register import School, Unit, UnitSchool
from .result import Result, UnitResult
from .review import PANEL, SELF, SETTLED, Mark

__all__ = [
    "PANEL",
    "SELF",
    "SETTLED",
    "Answer",
    "Attempt",
    "Cycle",
    "Entry",
    "EntrySchool",
    "Evidence",
    "EvidenceLink",
    "FactRow",
    "Grant",
    "LogEntry",
    "Mark",
    "Operation",
    "Result",
    "Return",
    "School",
    "SignIn",
    "TableState",
    "Unit",
    "UnitResult",
    "UnitSchool",
    "User",
    "now",
]
