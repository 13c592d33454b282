"""Tables by subject. A table class stores; it does not validate and holds no rules."""

from .base import now
from .cycle import Cycle, Entry, EntrySchool
from .evidence import Evidence, EvidenceLink, EvidenceVersion, PendingUpload
from .filing import Answer, FactRow, Operation, Return, TableState
from .log import LogEntry
from .people import Attempt, Grant, SignIn, User
from .register import School, Unit, UnitSchool
from .result import Result, UnitResult
from .review import PANEL, SELF, SETTLED, Mark
from .sharing import Confirmation, Delegation
from .submission import FormLine, Submission
from .volume import FilePrint, Volume

__all__ = [
    "PANEL",
    "SELF",
    "SETTLED",
    "Answer",
    "Attempt",
    "Confirmation",
    "Cycle",
    "Delegation",
    "Entry",
    "EntrySchool",
    "Evidence",
    "EvidenceLink",
    "EvidenceVersion",
    "FactRow",
    "FilePrint",
    "FormLine",
    "Grant",
    "LogEntry",
    "Mark",
    "Operation",
    "PendingUpload",
    "Result",
    "Return",
    "School",
    "SignIn",
    "Submission",
    "TableState",
    "Unit",
    "UnitResult",
    "UnitSchool",
    "User",
    "Volume",
    "now",
]
