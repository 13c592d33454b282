"""The scoring workbook: downloaded, filled in with openpyxl as people do in WPS, checked, taken over."""

from __future__ import annotations

import html as entities
import io
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import openpyxl

from intranet.enums import CycleState
from intranet.models import Cycle
from tests.integration.panel_ground import give_school, log, marks, submit
from tests.integration.test_panel_desk import save
from tests.world import Client, World, words

SignIn = Callable[[str], Client]


def root(world: World) -> str:
    return f"/panel/cycles/{world.cycle_id}/scoring-sheet"


def book(client: Client, world: World) -> openpyxl.Workbook:
    data = client.get(f"{root(world)}.xlsx?by=unit").get_data()
    return openpyxl.load_workbook(io.BytesIO(data))


def heads(sheet: Any) -> dict[str, int]:
    return {cell.value: cell.column for cell in sheet[1]}


def rows(found: openpyxl.Workbook) -> dict[tuple[str, str], int]:
    """Row numbers by (unit, clause code)."""
    sheet = found["评分"]
    out = {}
    for n in range(2, sheet.max_row + 1):
        key = str(sheet.cell(n, 1).value).split(":")
        out[str(sheet.cell(n, heads(sheet)["单位"]).value), key[2]] = n
    return out


def fill(found: openpyxl.Workbook, unit: str, code: str, **texts: Any) -> str:
    """Put texts into the row of one leaf; the address of its score cell."""
    sheet, n = found["评分"], rows(found)[unit, code]
    for head, text in texts.items():
        sheet.cell(n, heads(sheet)[head]).value = text
    address: str = sheet.cell(n, heads(sheet)["评分"]).coordinate
    return address


def upload(client: Client, world: World, found: openpyxl.Workbook) -> Any:
    stream = io.BytesIO()
    found.save(stream)
    stream.seek(0)
    return client.post(f"{root(world)}/check", {"file": (stream, "评分表.xlsx")})


def takes(answer: Any) -> Mapping[str, Any]:
    """The form that takes over everything the check lists."""
    html = answer.get_data(as_text=True)
    return {
        "take": [entities.unescape(v) for v in re.findall(r'name="take" value="([^"]*)"', html)],
        "filled": entities.unescape(re.search(r'name="filled" value="([^"]*)"', html)[1]),  # type: ignore[index]
        "op": re.search(r'name="op" value="([^"]*)"', html)[1],  # type: ignore[index]
    }


def test_the_workbook_holds_the_own_queue_and_nobody_elses_score(world: World, client_for: SignIn) -> None:
    submit(world)
    save(client_for("rev2"), world, points__A2="3.75", reason__A2="丙的理由")
    client = client_for("rev1")
    found = book(client, world)
    sheet = found["评分"]
    n, at = rows(found)["甲山教育集团", "A2"], heads(sheet)
    assert [sheet.cell(n, at[h]).value for h in ("分值", "系统建议", "评分", "理由", "状态")] == [
        7,
        4,
        None,
        None,
        "未评",
    ]
    assert ("丁桥教育集团", "A1.1") in rows(found)
    everything = [str(c.value) for ws in found for line in ws.iter_rows() for c in line]
    assert not [text for text in everything if "3.75" in text or "丙的理由" in text]
    marker = {r[0].value: r[1].value for r in found["_intranet"].iter_rows()}
    assert found["_intranet"].sheet_state == "hidden"
    assert (marker["about.cycle"], marker["about.user"]) == (str(world.cycle_id), str(world.users["rev1"]))
    assert f"base.m:{world.entries['g01']}:A2" in marker
    assert marker["about.fingerprint"]
    checks = [v for v in sheet.data_validations.dataValidation if f"H{n}" in str(v.sqref)]
    assert [(v.type, v.formula1, v.formula2) for v in checks] == [("decimal", "0", "7")]


def test_a_filled_workbook_is_listed_first_and_saved_on_request(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world, unit="g02")
    found = book(client, world)
    fill(found, "甲山教育集团", "A2", 评分=4)
    fill(found, "丁桥教育集团", "A2", 评分=3.5, 理由="纪要过简")
    fill(found, "甲山教育集团", "A1.1", 评分="1")
    checked = upload(client, world, found)
    text = words(checked.get_data(as_text=True))
    assert "3 项改动" in text
    assert "评分： 4 → 3.5" in text
    assert "A2" not in [e.subject for e in log(world, "mark.save") if e.entry_id == world.entries["g01"]]
    form = takes(checked)
    assert client.post(f"{root(world)}/apply", form).status_code == 303
    stored = marks(world, "A2")["rev1"]
    assert (stored.points, [d["key"] for d in stored.deductions]) == (4, ["event.理事会", "materials"])
    changed = marks(world, "A2", "g02")["rev1"]
    assert (changed.points, changed.reason, changed.version) == (Fraction(7, 2), "纪要过简", 2)
    assert marks(world, "A1.1")["rev1"].points == 1
    again = client.post(f"{root(world)}/apply", form)
    assert again.status_code == 303
    assert marks(world, "A2", "g02")["rev1"].version == 2


def test_every_problem_names_its_cell(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world, unit="g02")
    found = book(client, world)
    expected = {
        fill(found, "甲山教育集团", "A2", 评分=5): "与系统建议 4 分不同，请写明理由",
        fill(found, "甲山教育集团", "A1.1", 评分="很好"): "不是分数，请填 2.5 这样的数",
        fill(found, "甲山教育集团", "A1.2", 评分=9): "请填 0 — 3",
        fill(found, "丁桥教育集团", "A2", 评分=None): "评过的分不能清空，请填改后的分数",
        fill(found, "丁桥教育集团", "A1.2", 理由="只写了理由"): "只有理由，请填写评分",
    }
    text = words(upload(client, world, found).get_data(as_text=True))
    assert "5 处有问题，改好才能采纳" in text
    for cell, message in expected.items():
        assert re.search(rf"评分 {cell} [^ ]*{message}", text.replace("“很好”", "")), (cell, message)
    assert "项改动" not in text
    form = takes(upload(client, world, found))
    marked = openpyxl.load_workbook(io.BytesIO(client.post(f"{root(world)}/errors.xlsx", form).get_data()))
    cells = {c.coordinate: c.comment.text for line in marked["评分"].iter_rows() for c in line if c.comment}
    assert set(cells) == set(expected)


def test_a_mark_changed_meanwhile_is_a_conflict_that_is_not_ticked(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    found = book(client, world)
    save(client, world, points__A2="3", reason__A2="网页上评的")
    fill(found, "甲山教育集团", "A2", 评分=4)
    answer = upload(client, world, found)
    html = answer.get_data(as_text=True)
    assert "1 项冲突" in html
    assert "系统里 3 | 表格里 4" in words(html)
    assert not re.search(r'name="take"[^>]* checked', html)
    form = takes(answer)
    save(client, world, points__A2="2", reason__A2="又改了")
    late = client.post(f"{root(world)}/apply", form)
    assert late.status_code == 409
    assert "核对以后，系统里的内容又有变化" in late.get_data(as_text=True)
    assert marks(world, "A2")["rev1"].points == 2


def test_what_was_not_touched_in_the_file_undoes_nothing(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    found = book(client, world)
    save(client, world, points__A2="3", reason__A2="网页上评的")
    text = words(upload(client, world, found).get_data(as_text=True))
    assert "表里的内容与系统里的一致，没有要保存的。" in text
    assert marks(world, "A2")["rev1"].points == 3


def test_another_persons_or_cycles_workbook_is_refused(world: World, client_for: SignIn) -> None:
    submit(world)
    theirs = book(client_for("rev2"), world)
    answer = upload(client_for("rev1"), world, theirs)
    assert answer.status_code == 422
    assert "这份评分表是评委二的，不能替别人上传。" in answer.get_data(as_text=True)
    mine = book(client_for("rev1"), world)
    for line in mine["_intranet"].iter_rows():
        if line[0].value == "about.cycle":
            line[1].value = "99"
    assert "这份表是另一次考核的" in upload(client_for("rev1"), world, mine).get_data(as_text=True)


def test_a_unit_one_stays_away_from_is_neither_in_the_book_nor_taken(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    found = book(client, world)
    fill(found, "甲山教育集团", "A2", 评分=4)
    give_school(world, "rev1", "s3")
    assert "甲山教育集团" not in {unit for unit, _code in rows(book(client, world))}
    text = words(upload(client, world, found).get_data(as_text=True))
    assert "这一款现在不用您评，没有读取" in text
    assert "项改动" not in text
    assert "rev1" not in marks(world, "A2")


def test_in_deliberation_no_workbook_is_taken(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world)
    found = book(client, world)
    fill(found, "甲山教育集团", "A2", 评分=3, 理由="改")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.state = CycleState.DELIBERATION
        session.add(cycle)
        session.commit()
    answer = upload(client, world, found)
    assert answer.status_code == 422
    assert "改分请在评分页逐项改" in answer.get_data(as_text=True)


def test_an_empty_upload_and_a_strange_file_say_what_to_do(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    assert "请先选择填好的表。" in client.post(f"{root(world)}/check", {}).get_data(as_text=True)
    strange = client.post(f"{root(world)}/check", {"file": (io.BytesIO(b"no book"), "a.xlsx")})
    assert strange.status_code == 422
    assert "这不是电子表格" in strange.get_data(as_text=True)


def test_the_blank_sheet_has_boxes_to_fill_by_hand_and_lines_to_sign(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world, points__A2="3.25", reason__A2="不要印出来")
    text = words(client.get(f"/panel/cycles/{world.cycle_id}/sheet?blank=1").get_data(as_text=True))
    assert text.count("签字：") == 2
    assert "3.25" not in text
    assert "不要印出来" not in text
    own = words(client.get(f"/panel/cycles/{world.cycle_id}/sheet").get_data(as_text=True))
    assert "3.25 不要印出来" in own
