"""States and roles: the words that the whole application shares."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do. One person may hold several roles."""

    BUREAU = "bureau"  # 教育局管理员
    CHAIR = "chair"  # 考核组组长, for one cycle
    REVIEWER = "reviewer"  # 考核组成员, for one cycle
    FILER = "filer"  # 填报负责人 of a school: leads where that school leads
    CONTRIBUTOR = "contributor"  # 填报协作人 of a school
    LEADER = "leader"  # 局领导, read only
    AUDITOR = "auditor"  # 纪检督导, read only


class CycleState(StrEnum):
    """Life of an assessment cycle, in order."""

    DRAFT = "draft"
    FILING = "filing"
    REVIEW = "review"
    DELIBERATION = "deliberation"
    PUBLISHED = "published"
    FINAL = "final"
    ARCHIVED = "archived"


class SubmissionState(StrEnum):
    """Life of one unit's filing in a cycle."""

    OPEN = "open"
    SUBMITTED = "submitted"
    RETURNED = "returned"


class CombineRule(StrEnum):
    """How several reviewers' scores become the panel's (考核组得分)."""

    MEAN = "mean"
    TRIMMED = "trimmed"
    MEDIAN = "median"
    CHAIR = "chair"


class SchoolRole(StrEnum):
    LEAD = "lead"
    MEMBER = "member"


class ConfirmState(StrEnum):
    """What the other school says of a row that names it (双方确认)."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"


class BuildState(StrEnum):
    """Life of background work."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RecusalKind(StrEnum):
    """Why a panel member stays away from a unit (回避)."""

    OWN = "own"  # 现任职单位
    FORMER = "former"  # 曾任职单位
    RELATIVE = "relative"  # 近亲属任职单位
    OTHER = "other"


class TurnState(StrEnum):
    """A unit's turn in the meeting room (展示考核), in order."""

    WAITING = "waiting"
    PRESENTING = "presenting"
    SCORING = "scoring"
    REVEALED = "revealed"
    SETTLED = "settled"


class AppealState(StrEnum):
    """Life of an appeal (复核)."""

    FILED = "filed"
    ASSIGNED = "assigned"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class TieRule(StrEnum):
    """The place after a shared one: 1,1,3 or 1,1,2."""

    SKIP = "skip"
    DENSE = "dense"
