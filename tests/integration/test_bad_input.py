"""What people get wrong, refused with a clear message and with nothing lost.

What needs a real browser (two tabs, an expired session, a dead server, a double click) is in
``tests/browser/test_bad_input.py``.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlmodel import col, select

from intranet import create_app
from intranet.domain.imports import UNIT_COLUMNS
from intranet.enums import CycleState, SubmissionState
from intranet.errors import RubricError
from intranet.models import Answer, Entry, Evidence, FactRow, Mark, Unit
from intranet.plugins import RubricRegistry, build_plugin_manager
from tests.integration import panel_ground
from tests.unit.rubric import sample
from tests.world import PASSWORD, Client, World, words

ClientFor = Callable[[str], Client]


def indicator(world: World, code: str) -> str:
    return f"/entries/{world.entries['g01']}/indicators/{code}"


def said(answer: Any) -> str:
    return html.unescape(words(answer.get_data(as_text=True)))


def messages(answer: Any) -> list[str]:
    """What stands beside the fields of the page that came back; a template is not shown yet."""
    page = re.sub(r"<template\b.*?</template>", "", answer.get_data(as_text=True), flags=re.S)
    found = re.findall(r'class="msg"[^>]*>(.*?)</(?:div|p)>', page, re.S)
    return [html.unescape(words(text)) for text in found]


def typed(answer: Any, name: str) -> str:
    """What stands in an input or textarea of the page that came back."""
    page = answer.get_data(as_text=True)
    found = re.search(rf'<textarea[^>]*name="{re.escape(name)}"[^>]*>(.*?)</textarea>', page, re.S)
    if found is None:
        control = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*>', page)
        assert control is not None, name
        found = re.search(r'value="([^"]*)"', control[0])
        assert found is not None, control[0]
    return html.unescape(found[1]).strip()


def rows(world: World) -> list[dict[str, Any]]:
    with world.read() as session:
        query = select(FactRow).where(col(FactRow.deleted_at).is_(None)).order_by(col(FactRow.position))
        return [dict(row.cells) for row in session.exec(query)]


PERSON = {"c:person": "甲某 001", "c:category": "定期", "c:document": "true", "op": "one"}


# --- dates ---------------------------------------------------------------------------------------


def test_an_end_before_its_start(world: World, client_for: ClientFor) -> None:
    """The row is kept as typed, counts for nothing, says why, and stops the submission."""
    lead = client_for("lead1")
    there = f"{indicator(world, 'B1')}/tables/exchange/rows"
    assert lead.post(there, PERSON | {"c:start": "2031-01-15", "c:end": "2030-09-01"}).status_code == 303
    assert [(r["start"], r["end"]) for r in rows(world)] == [("2031-01-15", "2030-09-01")]
    assert "不计分：止期早于起期。" in lead.text(indicator(world, "B1"))
    check = lead.text(f"/entries/{world.entries['g01']}/check")
    assert "教师交流名册第 1 行：“止”早于“起”，请核对" in check
    refused = lead.post(f"/entries/{world.entries['g01']}/submit", {"known": "1"})
    assert refused.status_code == 422
    assert "有 1 处错误，改好后才能提交。" in said(refused)


@pytest.mark.parametrize("text", ["2030-13-01", "2030年13月", "2030-02-30", "去年九月", "20300931"])
def test_a_date_that_is_none(world: World, client_for: ClientFor, text: str) -> None:
    answer = client_for("lead1").post(
        f"{indicator(world, 'B1')}/tables/exchange/rows", PERSON | {"c:start": text}
    )
    assert answer.status_code == 422
    assert messages(answer) == [f"“{text}”不是日期，请填 2023-09-01 的样子"]
    assert (typed(answer, "c:start"), typed(answer, "c:person")) == (text, "甲某 001")
    assert rows(world) == []


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1", "不能小于 0，请核对"),
        ("1.5", "“1.5”不是整数，请填整数，如 3"),
        ("两次", "“两次”不是数，请填整数，如 3"),
        ("99999999999999999999", "“99999999999999999999”不是数，请填整数，如 3"),
        ("1e3", "“1e3”不是数，请填整数，如 3"),
    ],
)
def test_a_count_that_is_none(world: World, client_for: ClientFor, text: str, message: str) -> None:
    form = {"f:A2.上学期": text, "version:A2.上学期": "0", "op:A2.上学期": "x"}
    answer = client_for("lead1").post(f"{indicator(world, 'A2')}/answers", form)
    assert answer.status_code == 422
    assert messages(answer) == [message]
    assert typed(answer, "f:A2.上学期") == text
    with world.read() as session:
        assert session.exec(select(Answer)).all() == []


SCORES = [
    ("-1", "请填 0 — {most}"),
    ("{most}.01", "请填 0 — {most}"),
    ("99", "请填 0 — {most}"),
    ("1.005", "小数最多 2 位，请改写"),
]
"""Below nothing, above the clause's own maximum, far above, too fine."""


@pytest.mark.parametrize(("text", "message"), SCORES)
def test_an_own_score_outside_its_clause(
    world: World, client_for: ClientFor, text: str, message: str
) -> None:
    panel_ground.submit(world, "g01", state=CycleState.FILING)
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.OPEN
        session.add(entry)
        session.commit()
    text = text.format(most=3)
    there = f"{indicator(world, 'A1')}/self/A1.2"
    answer = client_for("lead1").post(there, {"points": text, "version": "1", "op": "y"})
    assert answer.status_code == 422
    assert messages(answer) == [message.format(most=3)]
    assert f'name="points" value="{text}"' in answer.get_data(as_text=True)
    assert str(panel_ground.marks(world, "A1.2")["self"].points) == "5/2"


@pytest.mark.parametrize(("text", "message"), [*SCORES, ("满分", "“满分”不是分数，请填 2.5 这样的数。")])
def test_a_panel_score_outside_its_clause(
    world: World, client_for: ClientFor, text: str, message: str
) -> None:
    panel_ground.submit(world)
    text = text.format(most=7)
    there = f"/panel/entries/{world.entries['g01']}/indicators/A2"
    form = {"points.A2": text, "reason.A2": "看过材料", "version.A2": "0", "op": "z", "do": "save"}
    answer = client_for("rev1").post(there, form)
    assert answer.status_code == 422
    assert messages(answer) == [message.format(most=7)]
    assert (typed(answer, "points.A2"), typed(answer, "reason.A2")) == (text, "看过材料")
    with world.read() as session:
        assert session.exec(select(Mark).where(Mark.code == "A2")).all() == []


# --- too much, too little ------------------------------------------------------------------------


def test_ten_thousand_rows_pasted(world: World, client_for: ClientFor) -> None:
    lead = client_for("lead1")
    text = "\n".join(f"甲某 {n:05}\t定期" for n in range(10_000))
    answer = lead.post(f"{indicator(world, 'B1')}/tables/exchange/paste", {"text": text, "op": "p"})
    assert answer.status_code == 422
    assert "这里有 10000 行。内容还在框里，请分几次粘贴" in said(answer)
    assert typed(answer, "text") == text
    assert rows(world) == []


def test_one_bad_cell_among_pasted_rows(world: World, client_for: ClientFor) -> None:
    lead = client_for("lead1")
    text = "姓名(工号)\t类别\t起\n甲某 001\t定期\t2030-09-01\n乙某 002\t经常\t2030-13-01"
    there = f"{indicator(world, 'B1')}/tables/exchange/paste"
    for more in ({}, {"accept": "1"}):
        answer = lead.post(there, {"text": text, "op": "q"} | more)
        assert answer.status_code == 422
        assert typed(answer, "text") == text
        assert "有 1 行要改" in said(answer)
    assert rows(world) == []


def upload(client: Client, world: World, name: str, data: bytes) -> Any:
    there = f"{indicator(world, 'A2')}/files"
    return client.post(there, {"ref": "slot:A2#1", "files": (io.BytesIO(data), name)})


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("空.pdf", b"", "文件是空的"),
        ("程序.exe", b"MZ\x90\x00" + b"\0" * 200, "不收这种文件"),
        ("程序.pdf", b"MZ\x90\x00" + b"\0" * 200, "内容与扩展名不符"),
        ("照片.jpg", b"<html><script>alert(1)</script></html>", "内容与扩展名不符"),
        ("无扩展名", b"%PDF-1.4\n%%EOF", "不收这种文件"),
    ],
)
def test_a_file_that_is_no_evidence(
    world: World, client_for: ClientFor, name: str, data: bytes, why: str
) -> None:
    answer = upload(client_for("lead1"), world, name, data)
    assert answer.status_code == 422
    assert f"“{name}”没有收下：{why}" in said(answer)
    assert "可以上传" in said(answer)
    with world.read() as session:
        assert session.exec(select(Evidence)).all() == []
    kept = [p for p in world.settings.evidence_folder.rglob("*") if p.is_file()]
    assert kept == []


def test_no_file_at_all(world: World, client_for: ClientFor) -> None:
    answer = client_for("lead1").post(f"{indicator(world, 'A2')}/files", {"ref": "slot:A2#1"})
    assert answer.status_code == 422
    assert messages(answer) == ["还没有选文件。"]


def workbook(*lines: tuple[str, ...]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in lines:
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "这个文件是空的"),
        (b"MZ\x90\x00" + b"\0" * 200, "不是电子表格"),
        (workbook(UNIT_COLUMNS), "工作表“Sheet”：表头下面没有内容，请从第 2 行起填写"),
        (workbook(("随便", "什么")), "没有找到表头。应有这些列：单位代码、"),
    ],
)
def test_a_workbook_with_nothing_in_it(world: World, client_for: ClientFor, data: bytes, why: str) -> None:
    answer = client_for("admin").post("/bureau/units/import", {"file": (io.BytesIO(data), "单位.xlsx")})
    assert answer.status_code == 422
    assert why in said(answer)
    assert "确认导入" not in said(answer)
    with world.read() as session:
        assert len(session.exec(select(Unit)).all()) == 2


# --- twice ---------------------------------------------------------------------------------------


def test_the_same_form_sent_twice(world: World, client_for: ClientFor) -> None:
    lead, entry = client_for("lead1"), world.entries["g01"]
    for _n in range(2):
        assert lead.post(f"{indicator(world, 'B1')}/tables/exchange/rows", PERSON).status_code == 303
    assert [r["person"] for r in rows(world)] == ["甲某 001"]
    for _n in range(2):
        answer = lead.post(f"/entries/{entry}/submit", {"known": "1"})
        assert (answer.status_code, answer.location) == (303, f"/entries/{entry}/receipt")
    with world.read() as session:
        stored = session.get(Entry, entry)
        assert stored is not None
        assert (stored.state, stored.round) == (SubmissionState.SUBMITTED, 1)


# --- plugins -------------------------------------------------------------------------------------


class Plugin:
    """A plugin whose rubric is given as text."""

    def __init__(self, folder: Path, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rubric.toml").write_text(text, encoding="utf-8")
        self.sample = sample.SamplePlugin(folder)

    def manager(self) -> Any:
        return build_plugin_manager(entry_points=False, plugins=(self.sample,))


def test_a_plugin_with_wrong_sums_stops_the_start(world: World, tmp_path: Path) -> None:
    """The message names the plugin, the file, the line and the clause."""
    text = sample.changed('title = "章程"\nmax = 5', 'title = "章程"\nmax = 6')
    plugin = Plugin(tmp_path / "wrong", text)
    with pytest.raises(RubricError) as refused:
        create_app(world.settings, plugin.manager())
    line = sample.line_of(text, "max = 6")
    assert f"SamplePlugin: rubric.toml:{line}: A1: 下级合计 5 分，本条写 6 分" in refused.value.message
    with pytest.raises(RubricError):
        RubricRegistry(plugin.manager())


@contextmanager
def without_plugin(world: World) -> Iterator[Flask]:
    """The application over the same data, started without any rubric."""
    app = create_app(world.settings, build_plugin_manager(entry_points=False))
    yield app
    app.extensions["intranet"].engine.dispose()


def sign_in(app: Flask, login: str) -> Client:
    client = Client(app.test_client())
    assert client.post("/sign-in", {"login": login, "password": PASSWORD}).status_code == 303
    return client


def test_a_plugin_removed_while_its_cycle_is_filed(world: World) -> None:
    """Filing goes on from the cycle's own copy of the rubric; only what the plugin computes waits."""
    with without_plugin(world) as app:
        lead = sign_in(app, "lead1")
        text = lead.text(indicator(world, "A2"))
        assert "每学期召开理事会不少于2次" in text
        form = {"f:A2.上学期": "2", "version:A2.上学期": "0", "op:A2.上学期": "x"}
        assert lead.post(f"{indicator(world, 'A2')}/answers", form).status_code == 303
        for path in (f"/entries/{world.entries['g01']}", indicator(world, "B5"), indicator(world, "B6")):
            assert lead.get(path).status_code == 200, path
        clerk = sign_in(app, "admin")
        for tab in ("progress", "data", "freeze", "ranking", "phase", "rulings", "dates", "units", "panel"):
            answer = clerk.get(f"/bureau/cycles/{world.cycle_id}/{tab}")
            assert answer.status_code == 200, tab
            assert "插件没有安装" in said(answer), tab
        assert "没有安装考核办法" in clerk.text("/bureau/rubrics")


def test_a_plugin_removed_before_the_freeze(world: World) -> None:
    panel_ground.submit(world, state=CycleState.DELIBERATION)
    with without_plugin(world) as app:
        clerk = sign_in(app, "admin")
        page = f"/bureau/cycles/{world.cycle_id}/freeze"
        assert "插件没有安装，不能算分。装回同一版本后再冻结。" in clerk.text(page)
        refused = clerk.post(page, {"op": "f"})
        assert refused.status_code == 409
        assert "还不能冻结：这份考核办法的插件没有安装" in said(refused)
        chair = sign_in(app, "chair")
        assert chair.get(f"/panel/entries/{world.entries['g01']}/indicators/B5").status_code == 200
        assert chair.get(f"/panel/cycles/{world.cycle_id}/board").status_code == 200


def test_a_plugin_removed_after_the_freeze(world: World, app: Flask) -> None:
    """The stored result is read, downloaded and published as if nothing had happened."""
    panel_ground.submit(world, state=CycleState.DELIBERATION)
    _settle_everything(world)
    clerk = sign_in(app, "admin")
    there = f"/bureau/cycles/{world.cycle_id}"
    page = clerk.get(f"{there}/freeze").get_data(as_text=True)
    warnings = [html.unescape(w) for w in re.findall(r'name="accepted" value="([^"]*)"', page)]
    frozen = clerk.post(f"{there}/freeze", {"op": "f", "accepted": warnings})
    assert frozen.status_code == 303, said(frozen)
    before = clerk.text(f"{there}/ranking")
    workbook_before = clerk.get(f"{there}/ranking.xlsx").data
    world.move_to(CycleState.PUBLISHED)
    with without_plugin(world) as bare:
        again = sign_in(bare, "admin")
        text = again.text(f"{there}/ranking")
        line = "甲山教育集团 甲山小学 20.5 0 26.5 合格"
        assert line in before
        assert line in text
        assert _values(again.get(f"{there}/ranking.xlsx").data, "排名") == _values(workbook_before, "排名")
        assert sign_in(bare, "lead1").get(f"/entries/{world.entries['g01']}/result").status_code == 200
        assert sign_in(bare, "leader").get(f"/leader/cycles/{world.cycle_id}").status_code == 200
        check = again.text(f"{there}/ranking/check")
        assert "插件" in check


def _settle_everything(world: World) -> None:
    """The chair's word on what the sample's facts leave open."""
    with world.write() as session:
        for entry_id in world.entries.values():
            chair = world.users["chair"]
            session.add(
                Mark(
                    entry_id=entry_id,
                    code="A1.2",
                    role="panel",
                    user_id=chair,
                    points=Fraction(2),
                    made_by=chair,
                )
            )
            session.add(
                Mark(
                    entry_id=entry_id,
                    code="C1.1",
                    role="visit",
                    user_id=chair,
                    verdict="良",
                    points=Fraction(6),
                    made_by=chair,
                )
            )
        session.commit()


def _values(data: bytes, sheet: str) -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    return [
        row for n, row in enumerate(book[sheet].iter_rows(values_only=True)) if n != 1
    ]  # row 2 says 草案 or 公示
