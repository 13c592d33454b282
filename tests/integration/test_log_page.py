"""The log page: everything the demo and an appeal record is told in words, with unit and cycle beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sqlmodel import col, select

from intranet.db import build_engine, read_session
from intranet.demo import build_demo
from intranet.domain.log import record
from intranet.models import LogEntry
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.log import names_for
from intranet.web.log_words import LogWords
from tests.integration.appeals_ground import appeal, decide, publish
from tests.integration.filing_ground import upload
from tests.world import Client, DemoFolder, World

RAW = re.compile(r"[0-9a-f]{40}|(^|；|、)[a-z_]{2,}：|slot:|clause:|\bNone\b|T\d\d:\d\d|[{}\[\]]")
"""What only a program reads: digests, keys, references, times as they are stored."""


def test_everything_in_the_demo_is_told_in_words(
    app: object, tmp_path: Path, prepared_demo: DemoFolder
) -> None:
    settings = prepared_demo.copy_to(tmp_path)
    engine, registry = build_engine(settings), RubricRegistry(build_plugin_manager())
    build_demo(engine, settings, registry)
    with read_session(engine) as session:
        rows = session.exec(select(LogEntry).order_by(col(LogEntry.id))).all()
        words = LogWords(names_for(session, rows), registry, settings.timezone)
        assert len({row.action for row in rows}) > 15
        for row in rows:
            told = words.told(row)
            for text in (told.subject, told.old, told.new, *told.more):
                assert not RAW.search(text), (row.action, text)
        first = next(r for r in rows if r.action == "evidence.link")
        assert words.told(first).subject.endswith(".pdf")
        assert words.told(first).where.endswith("教育集团")
        grant = words.told(next(r for r in rows if r.action == "role.grant"))
        assert (grant.subject, grant.new) == ("顾示例", "教育局管理员")
    engine.dispose()


def test_an_appeal_is_told_with_clause_and_values(world: World, client_for: Callable[[str], Client]) -> None:
    admin, lead = client_for("admin"), client_for("lead2")
    base = publish(world, admin)
    i = appeal(lead, world, "B4", wanted="4 分", reason="等第登记有误")
    page = admin.get(f"{base}/appeals/{i}").get_data(as_text=True)
    form: dict[str, object] = {}
    for part in page.split('class="figure-row"')[1:]:
        n = part.split('name="v.')[1].split('"')[0]
        form[f"v.{n}"] = part.split(f'name="v.{n}" value="')[1].split('"')[0]
        if "质量等第" in part.split("</label>")[0]:
            form[f"f.{n}"] = "甲等"
    decide(admin, world, base, i, "figures", **form)
    text = client_for("auditor").text("/bureau/log?action=appeal.correct")
    assert "质量等第 丁桥小学 丁桥教育集团 示例年度考核 乙等 甲等" in " ".join(text.split())
    filed = admin.text("/bureau/log?action=appeal.file")
    assert "有异议的是" in filed
    assert "appeal" not in filed
    only = admin.text("/bureau/log?unit=丁桥")
    assert "甲山教育集团" not in only
    assert "丁桥教育集团" in only
    assert "没有记录" in admin.text("/bureau/log?unit=没有这个")


def test_what_is_no_name_stays_as_it_is(world: World, client_for: Callable[[str], Client]) -> None:
    with world.write() as session:
        admin = world.actor("admin")
        for subject, value in (
            ("²", {"neu": "x"}),
            ("B4@nirgends", [["a"], None]),
            ("row:9:9", "2026-13-45"),
        ):
            record(session, admin, "role.grant", subject=subject, new=value, cycle_id=world.cycle_id)
            record(session, admin, "row.add", subject=subject, new=value, cycle_id=world.cycle_id)
        session.commit()
    page = client_for("admin").text("/bureau/log")
    for said in ("²", "neu：x", "nirgends", "2026-13-45"):
        assert said in page


def test_a_file_keeps_its_name_in_the_log_when_its_number_moves(
    world: World, client_for: Callable[[str], Client]
) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    upload(lead, world, "A2", "slot:A2#1", ("方案.txt", b"x"))
    upload(lead, world, "A1", "clause:A1.1", ("章程.txt", b"y"))
    text = " ".join(admin.text("/bureau/log").split())
    assert "上传材料 材料 方案.txt" in text
    assert "上传材料 材料 章程.txt" in text
    assert "材料重新编号" in text
