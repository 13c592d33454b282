"""Tables by subject. A table class stores; it does not validate and holds no rules."""

from .base import now
from .cycle import Cycle, Entry, EntrySchool
from .evidence import Evidence, EvidenceLink, EvidenceVersion, PendingUpload
from .filing import Answer, FactRow, Operation, Return, TableState
from .log import LogEntry
from .panel import Assignment, Declaration, Inquiry, Phrase, Recusal
from .people import Attempt, Grant, SignIn, User
from .publication import Appeal, AppealFile, AppealReview, Archive, Publication, SpecialDay
from .register import School, Unit, UnitSchool
from .result import Result, UnitResult
from .review import PANEL, SELF, SETTLED, Mark
from .sharing import Confirmation, Delegation
from .showing import Showing, Turn, TurnScore
from .submission import FormLine, Submission
from .volume import FilePrint, Volume

__all__ = [
    "PANEL",
    "SELF",
    "SETTLED",
    "Answer",
    "Appeal",
    "AppealFile",
    "AppealReview",
    "Archive",
    "Assignment",
    "Attempt",
    "Confirmation",
    "Cycle",
    "Declaration",
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
    "Inquiry",
    "LogEntry",
    "Mark",
    "Operation",
    "PendingUpload",
    "Phrase",
    "Publication",
    "Recusal",
    "Result",
    "Return",
    "School",
    "Showing",
    "SignIn",
    "SpecialDay",
    "Submission",
    "TableState",
    "Turn",
    "TurnScore",
    "Unit",
    "UnitResult",
    "UnitSchool",
    "User",
    "Volume",
    "now",
]
