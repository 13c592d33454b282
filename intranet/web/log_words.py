"""A log entry for people: what it is about, from what to what, in the words of the pages.

The log keeps keys, codes and values as they are stored, so that it proves something. Here they get the names
they have elsewhere; what has none stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from intranet.domain.cycles import combine_name
from intranet.domain.phases import phase_name
from intranet.domain.rulings import show_value
from intranet.domain.scoring import scoring_for
from intranet.domain.ties import tie_name
from intranet.enums import CombineRule, CycleState, Role, TieRule
from intranet.i18n import _
from intranet.models import Cycle, LogEntry
from intranet.plugins import RubricRegistry
from intranet.queries.log import Named
from intranet.rubric.model import Column, Field, Rubric, Ruling

_HASH = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"(clause|slot|row|table):\S+")
_SLOT = re.compile(r"[^\s#:@]+#\d+")
_QUIET = frozenset({"sha256", "role", "result", "version", "basis"})
"""Keys that say nothing to people; a check code or an id stands behind them."""


@dataclass(frozen=True)
class Told:
    """An entry in words. where: unit and cycle; more: what else was kept with the act."""

    where: str = ""
    cycle: str = ""
    subject: str = ""
    old: str = "—"
    new: str = "—"
    more: Sequence[str] = ()


@dataclass
class LogWords:
    """The words for one page of the log. named: names of what its entries point to."""

    named: Named
    registry: RubricRegistry
    zone: str
    _rubrics: dict[int, tuple[Rubric, Mapping[str, Ruling]]] = field(default_factory=dict)

    def told(self, row: LogEntry) -> Told:
        cycle = self.named.cycles.get(row.cycle_id or 0)
        one = _One(self, row, *self._rubric(cycle))
        return Told(
            self.named.entries.get(row.entry_id or 0, ""),
            "" if cycle is None else cycle.title,
            one.subject(),
            one.said(row.old),
            one.said(row.new),
            one.more(),
        )

    def _rubric(self, cycle: Cycle | None) -> tuple[Rubric | None, Mapping[str, Ruling]]:
        """None for what is of no cycle, or of one that is still without its rubric."""
        if cycle is None or cycle.id is None or not cycle.definition:
            return None, {}
        if cycle.id not in self._rubrics:
            found = scoring_for(cycle, self.registry)
            self._rubrics[cycle.id] = found.rubric, {r.key: r for r in found.definition.rulings}
        return self._rubrics[cycle.id]


def key_names() -> dict[str, str]:
    """Keys of logged values in words."""
    return {
        "points": _("得分"),
        "verdict": _("结论"),
        "reason": _("理由"),
        "deductions": _("扣分"),
        "doubtful": _("存疑"),
        "computed": _("核算"),
        "made_at": _("时间"),
        "at": _("时间"),
        "note": _("说明"),
        "kind": _("原因"),
        "pages": _("页数"),
        "frozen": _("随提交定版"),
        "pictures": _("每页照片"),
        "state": _("状态"),
        "round": _("次数"),
        "name": _("名称"),
        "code": _("代码"),
        "stage": _("学段"),
        "group": _("组别"),
        "rubric_key": _("考核办法"),
        "rubric": _("考核办法"),
        "active": _("启用"),
        "title": _("标题"),
        "ties": _("同分"),
        "tie_break": _("同分先比"),
        "due": _("期限"),
        "finished": _("完成"),
        "withdrawn": _("收回"),
        "filing_from": _("填报开始"),
        "filing_until": _("填报截止"),
        "review_until": _("评分截止"),
        "publish_from": _("公示开始"),
        "publish_until": _("公示截止"),
        "units": _("单位数"),
        "question": _("质询"),
        "answer": _("答复"),
        "row_version": _("行的版本"),
        "issue": _("次数"),
        "oldest": _("最早有效的"),
        "from": _("来自"),
        "rows": _("行"),
        "files": _("文件"),
        "refs": _("用于"),
        "period_from": _("材料起始"),
        "period_until": _("材料结束"),
        "to": _("收件人"),
        "held_on": _("日期"),
        "place": _("地点"),
        "minutes": _("时长（分钟）"),
        "spread": _("分差"),
        "most": _("满分"),
        "decision": _("结论"),
        "proposal": _("提出改为"),
        "text": _("内容"),
    }


def _words() -> dict[str, str]:
    """Stored states, roles and rules in words."""
    return {
        **{state.value: phase_name(state) for state in CycleState},
        **{rule.value: tie_name(rule) for rule in TieRule},
        Role.BUREAU.value: _("教育局管理员"),
        Role.CHAIR.value: _("考核组组长"),
        Role.REVIEWER.value: _("考核组成员"),
        Role.FILER.value: _("填报负责人"),
        Role.CONTRIBUTOR.value: _("填报协作人"),
        Role.LEADER.value: _("局领导"),
        Role.AUDITOR.value: _("督导"),
        "lead": _("牵头"),
        "member": _("成员"),
        "open": _("填报中"),
        "submitted": _("已提交"),
        "returned": _("退回修改"),
        "confirmed": _("已确认"),
        "disputed": _("有异议"),
        "waiting": _("等候"),
        "presenting": _("展示中"),
        "scoring": _("评分中"),
        "revealed": _("已亮分"),
        "settled": _("已审定"),
        "filed": _("已提交"),
        "assigned": _("复核中"),
        "upheld": _("支持"),
        "rejected": _("不予支持"),
        "na": _("不适用"),
    }


_COMBINED = frozenset(rule.value for rule in CombineRule)
_STATES = ("cycle.state", "cycle.open", "role.grant", "role.revoke", "entry.return", "turn.")
"""Acts whose old and new value is a state, a role or a rule by itself."""


@dataclass
class _One:
    """One entry with the rubric of its cycle."""

    words: LogWords
    row: LogEntry
    rubric: Rubric | None
    rulings: Mapping[str, Ruling]

    # --- what it is about ---

    def subject(self) -> str:
        row, said = self.row, self.row.subject
        act = row.action
        for begins, tell in self._subjects().items():
            if act.startswith(begins):
                return tell(said)
        return self._thing(said)

    def _subjects(self) -> dict[str, Callable[[str], str]]:
        return {
            "role.": lambda said: self.words.named.users.get(said, said),
            "cycle.create": self._rubric_title,
            "cycle.copy": lambda _said: "",
            "evidence.number": lambda _said: "",
            "evidence.": self._evidence,
            "volume.": lambda said: _("第 %(n)s 次编制", n=said),
            "result.freeze": lambda said: _("第 %(n)s 次冻结", n=said),
            "receipt.": lambda said: _("第 %(n)s 次提交", n=said),
            "entry.submit": lambda _said: "",
            "facts.take_in": lambda _said: "",
            "carry.take": lambda _said: "",
            "packet.": lambda _said: "",
            "confirmation.": lambda said: self._at_school(said, lambda n: _("第 %(n)s 号行", n=n)),
            "delegation.": lambda said: self._at_school(said, self._thing),
            "ruling.": lambda said: self.rulings[said].question if said in self.rulings else said,
            "form.": self._form_line,
            "entry.return": lambda said: "、".join(self._thing(code) for code in said.split("、")),
        }

    def _rubric_title(self, key: str) -> str:
        installed = self.words.registry.get(key)
        return key if installed is None else installed.definition.title

    def _evidence(self, said: str) -> str:
        key = said.removeprefix("file:")
        return _("材料 %(n)s", n=self.words.named.files.get((self.row.entry_id or 0, key), key))

    def _form_line(self, said: str) -> str:
        key, _space, rest = said.partition(" ")
        form = next((f for f in self.rubric.forms if f.key == key), None) if self.rubric else None
        return " ".join(part for part in (form.title if form else key, self._thing(rest)) if part)

    def _at_school(self, said: str, tell: Callable[[str], str]) -> str:
        what, at, code = said.rpartition("@")
        if not at:
            return tell(said)
        return f"{tell(what)}　{self.words.named.schools.get(code, code)}"

    def _thing(self, said: str) -> str:
        """A clause, field, material, row or table by its name."""
        rubric = self.rubric
        if rubric is None or not said:
            return said
        if "@" in said:
            return self._at_school(said, self._thing)
        kind, colon, what = said.partition(":")
        if colon and kind == "clause":
            return self._thing(what)
        if colon and kind == "slot":
            return self._slot(what)
        if colon and kind == "file":
            return self._evidence(said)
        if colon and kind == "row":
            return _("第 %(n)s 号行", n=what)
        if colon and kind == "table":
            return self._thing(what)
        if colon and kind in rubric.table:
            return _("%(table)s第 %(n)s 号行", table=rubric.table[kind].title, n=what)
        if said in rubric.by:
            return rubric.by[said].name
        if said in rubric.all_fields:
            return rubric.all_fields[said].label
        if said in rubric.table:
            return rubric.table[said].title
        return self._slot(said) if _SLOT.fullmatch(said) else said

    def _slot(self, key: str) -> str:
        code, _hash, n = key.partition("#")
        clause = self.rubric.by.get(code) if self.rubric else None
        if clause is None:
            return key
        if n.isdigit() and 0 < int(n) <= len(clause.materials):
            return f"{clause.no or clause.code} {clause.materials[int(n) - 1]}"
        return clause.name

    # --- from what to what ---

    def said(self, value: Any) -> str:
        row = self.row
        if row.action == "ruling.decide" and isinstance(value, dict):
            return "；".join(self._ruling(key, one) for key, one in value.items()) or "—"
        if row.action.startswith("row.") and isinstance(value, dict):
            return self._cells(value)
        if row.action == "unit.schools" and isinstance(value, dict):
            schools, words = self.words.named.school_ids, _words()
            parts = [f"{schools.get(int(i), i)}（{words.get(role, role)}）" for i, role in value.items()]
            return "、".join(parts) or "—"
        if row.action == "cycle.combine" and value in _COMBINED:
            return combine_name(CombineRule(value))
        if isinstance(value, str) and row.action.startswith(_STATES):
            return _words().get(value, self._value(value))
        option = self._option(value)
        return option or self._value(value)

    def _ruling(self, key: str, value: Any) -> str:
        ruling = self.rulings.get(key)
        if ruling is None:
            return f"{key}：{self._value(value)}"
        said = _("还没有裁定") if value is None else show_value(ruling, value)
        return said if self.row.subject else f"{ruling.question} {said}"

    def _cells(self, cells: Mapping[str, Any]) -> str:
        table = self.rubric.table.get(self.row.subject.partition(":")[0]) if self.rubric else None
        columns: Mapping[str, Column] = {} if table is None else table.by_key
        parts = []
        for key, value in cells.items():
            if value in (None, "", [], {}):
                continue
            column = columns.get(key)
            parts.append(f"{column.label if column else self._key(key)}：{self._of(column, value)}")
        return "；".join(parts) or "—"

    def _option(self, value: Any) -> str:
        """The word of a chosen option of the field that the entry is about."""
        if self.rubric is None or not isinstance(value, str):
            return ""
        asked = self.rubric.all_fields.get(self.row.subject.partition("@")[0])
        return "" if asked is None else self._of(asked, value)

    def _of(self, asked: Field | Column | None, value: Any) -> str:
        if asked is not None and isinstance(value, str):
            if asked.type == "school":
                return self.words.named.schools.get(value, value)
            chosen = next((o for o in asked.options if o.value == value), None)
            if chosen is not None:
                return chosen.label or chosen.value
        return self._value(value)

    def _value(self, value: Any, key: str = "") -> str:
        if value is None or value in ("", [], {}):
            return "—"
        if isinstance(value, bool):
            return _("是") if value else _("否")
        if isinstance(value, dict):
            found = {k: v for k, v in value.items() if v not in (None, "", [], {}, False) and k not in _QUIET}
            if found.get("reason") == self.row.reason:
                del found["reason"]  # it has a column of its own
            if not found and "sha256" in value:
                found = {"sha256": value["sha256"]}
            return "；".join(f"{self._key(k)}：{self._value(v, k)}" for k, v in found.items()) or "—"
        if isinstance(value, list):
            return "、".join(self._value(one, key) for one in value)
        if isinstance(value, str):
            return self._text(value, key)
        return str(value)

    def _text(self, text: str, key: str) -> str:
        if _HASH.fullmatch(text):
            return _("指纹 %(mark)s", mark=text[:12])
        if key == "state" and text == "open":
            return _("填报中") if self.row.action.startswith("entry.") else _("待确认")
        if key in ("state", "ties", "kind"):
            return _words().get(text, text)
        if key in ("rubric", "rubric_key"):
            return self._rubric_title(text)
        if key == "tie_break" or _REF.fullmatch(text):
            return self._thing(text)
        return self._moment(text)

    def _moment(self, text: str) -> str:
        """A stored moment or day in local time; any other text as it is."""
        try:
            if len(text) == 10:
                return date.fromisoformat(text).isoformat()
            if len(text) >= 19 and text[4] == "-" and text[10] in "T ":
                at = datetime.fromisoformat(text)
                local = at.astimezone(ZoneInfo(self.words.zone)) if at.tzinfo else at
                return local.strftime("%Y-%m-%d %H:%M")
        except ValueError:
            pass
        return text

    def _key(self, key: str) -> str:
        if self.rubric is not None and key in self.rubric.by:
            return self.rubric.by[key].name
        return key_names().get(key, key)

    # --- what else ---

    def more(self) -> list[str]:
        """What was kept with the act beside old and new, as far as it says something to people."""
        detail, out = self.row.detail or {}, []
        if school := self.words.named.school_ids.get(detail.get("school_id") or 0):
            out.append(school)
        for key, label in (
            ("accepted", _("已确认知情")),
            ("skipped", _("其间不计的日子")),
            ("corrected", _("更正")),
            ("line", _("有异议的是")),
        ):
            said = detail.get(key)
            if isinstance(said, list):
                said = "；".join(self._correction(one) if key == "corrected" else str(one) for one in said)
            if said:
                out.append(f"{label}：{said}")
        if isinstance(detail.get("files"), list) and detail["files"]:
            out.append(_("附件：%(names)s", names="、".join(str(f.get("name", "")) for f in detail["files"])))
        return out

    def _correction(self, said: Any) -> str:
        label, at, code = str(said).partition("@")
        return f"{label}　{self.words.named.schools.get(code, code)}" if at else label
