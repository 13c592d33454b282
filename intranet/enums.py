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
