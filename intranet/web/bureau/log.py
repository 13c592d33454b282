"""The log, for bureau and auditor: who changed what from which value to which."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from intranet.domain.log import first_broken
from intranet.enums import Role
from intranet.i18n import _
from intranet.queries.log import LogFilter, find_log, names_for
from intranet.web import access
from intranet.web.context import actor, db, ground
from intranet.web.forms import answer, searched, whole
from intranet.web.log_words import LogWords

from . import bp

READERS = frozenset({Role.BUREAU, Role.AUDITOR})
access.allow({"bureau.log": READERS, "bureau.log_check": READERS})


def action_names() -> dict[str, str]:
    """Every action the domain records, in words."""
    return {
        "sign_in": _("登录"),
        "sign_in.fail": _("登录失败"),
        "sign_out": _("退出登录"),
        "password.change": _("修改密码"),
        "password.reset": _("重置密码"),
        "user.create": _("新建账号"),
        "user.active": _("启用或停用账号"),
        "user.email": _("修改邮箱"),
        "role.grant": _("给予角色"),
        "role.revoke": _("取消角色"),
        "school.create": _("新增学校"),
        "school.change": _("修改学校"),
        "unit.create": _("新增单位"),
        "unit.change": _("修改单位"),
        "unit.schools": _("调整单位的学校"),
        "cycle.create": _("新建考核周期"),
        "cycle.change": _("修改考核周期"),
        "cycle.copy": _("复制考核周期"),
        "cycle.snapshot": _("更新考核办法快照"),
        "cycle.dates": _("修改日程"),
        "cycle.max_returns": _("修改退回次数上限"),
        "cycle.units": _("选定考核对象"),
        "cycle.combine": _("修改合成方式"),
        "cycle.open": _("开启考核周期"),
        "cycle.state": _("进入另一阶段"),
        "cycle.delete": _("删除草稿周期"),
        "ruling.decide": _("裁定"),
        "ruling.dropped": _("裁定项不再存在"),
        "answer.save": _("填报"),
        "slot.absent": _("说明没有某项材料"),
        "row.add": _("加一行"),
        "row.edit": _("改一行"),
        "row.delete": _("删一行"),
        "row.restore": _("恢复一行"),
        "table.empty": _("说明本项没有"),
        "delegation.give": _("分工"),
        "delegation.change": _("修改分工"),
        "delegation.withdraw": _("收回分工"),
        "delegation.finish": _("分工已完成"),
        "delegation.reopen": _("分工改回未完成"),
        "confirmation.confirm": _("确认一行"),
        "confirmation.dispute": _("对一行有异议"),
        "confirmation.take": _("采纳对方意见"),
        "confirmation.keep": _("保留原填"),
        "self.save": _("自评"),
        "evidence.add": _("上传材料"),
        "evidence.link": _("关联材料"),
        "evidence.unlink": _("取消关联材料"),
        "evidence.describe": _("修改材料名称或时间"),
        "evidence.replace": _("替换材料文件"),
        "evidence.delete": _("删除材料"),
        "evidence.number": _("材料重新编号"),
        "entry.submit": _("提交"),
        "entry.return": _("退回修改"),
        "entry.extend": _("延期"),
        "receipt.scan": _("上传盖章回执"),
        "form.line": _("改写官方表的一行"),
        "form.move": _("调整官方表的顺序"),
        "form.order": _("恢复官方表的顺序"),
        "volume.request": _("编制汇编"),
        "volume.done": _("汇编编成"),
        "volume.cancel": _("停止编制汇编"),
        "reminder.mail": _("发催办邮件"),
        "carry.take": _("结转上次内容"),
        "carry.confirm": _("核对结转的内容"),
        "packet.issue": _("发离线填报包"),
        "packet.import": _("导入封装包"),
        "facts.take_in": _("导入整份填报"),
        "data.save": _("录入教育局数据"),
        "data.slot": _("登记材料不适用"),
        "data.exempt": _("登记免评"),
        "mark.save": _("评分"),
        "mark.change": _("合议改分"),
        "mark.keep": _("内容变后维持评分"),
        "inquiry.ask": _("质询"),
        "inquiry.answer": _("答复质询"),
        "inquiry.withdraw": _("撤回质询"),
        "phrase.change": _("改评语库"),
        "mark.settle": _("审定"),
        "mark.unsettle": _("撤回审定"),
        "showing.create": _("安排展示考核"),
        "showing.change": _("修改展示考核"),
        "showing.delete": _("删除展示考核"),
        "showing.order": _("调整出场顺序"),
        "showing.draw": _("抽签定出场顺序"),
        "showing.units": _("增减展示单位"),
        "showing.close": _("结束展示考核"),
        "showing.open": _("重新打开展示考核"),
        "turn.start": _("开始展示"),
        "turn.open": _("开始评分"),
        "turn.back": _("退回上一步"),
        "turn.score": _("现场评分"),
        "turn.reveal": _("亮分"),
        "turn.reopen": _("重新评分"),
        "turn.settle": _("审定展示得分"),
        "mark.drop": _("因回避剔除评分"),
        "recusal.declare": _("申报回避"),
        "recusal.add": _("登记回避"),
        "recusal.lift": _("解除回避"),
        "assignment.switch": _("启用或停用分派"),
        "assignment.save": _("分派评分"),
        "assignment.drop": _("因回避取消分派"),
        "result.freeze": _("冻结结果"),
        "appeal.file": _("申请复核"),
        "appeal.withdraw": _("撤回复核申请"),
        "appeal.assign": _("请人复核"),
        "appeal.word": _("复核意见"),
        "appeal.uphold": _("复核：支持"),
        "appeal.reject": _("复核：不予支持"),
        "appeal.correct": _("复核：更正数据"),
        "appeal.undo": _("撤回复核结论"),
        "appeal.restore": _("复核：恢复数据"),
        "cycle.archive": _("生成归档"),
        "publication.publish": _("发布公示"),
        "calendar.day": _("修改工作日历"),
        "calendar.delete": _("删除工作日历的一天"),
        "calendar.enter": _("录入工作日历"),
    }


def _day(name: str, *, after: bool = False) -> datetime | None:
    """Start of the local day (of the next one with ``after``); an impossible date does not filter."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
        start = datetime.combine(day + timedelta(days=after), time(), ZoneInfo(ground().settings.timezone))
        return start.astimezone(UTC)
    except (ValueError, OverflowError):  # the ends of the calendar have no day before or after
        return None


def _number(name: str) -> int | None:
    return whole(request.args.get(name, ""))


@bp.get("/log")
def log() -> Response:
    args = request.args
    wanted = LogFilter(
        person=searched("person"),
        unit=searched("unit"),
        action=searched("action"),
        subject=searched("subject"),
        cycle_id=_number("cycle"),
        entry_id=_number("entry"),
        since=_day("since"),
        until=_day("until", after=True),
        before=_number("before"),
    )
    return _page(wanted, args)


def _page(wanted: LogFilter, args: Mapping[str, str], **values: Any) -> Response:
    rows, more = find_log(db(), actor(), wanted)
    words = LogWords(names_for(db(), rows), ground().registry, ground().settings.timezone)
    return answer(
        "bureau/log.html",
        rows=[(row, words.told(row)) for row in rows],
        more=more,
        args=args,
        names=action_names(),
        **{"broken": None, "checked": False, **values},
    )


@bp.get("/log/check")
def log_check() -> Response:
    return _page(LogFilter(), {}, broken=first_broken(db()), checked=True)
