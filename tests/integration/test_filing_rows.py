"""Rows of fact tables: added, edited, deleted, brought back, pasted; who may; what they come to."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from intranet.domain.fact_rows import PASTE_LIMIT
from tests.integration.filing_ground import PDF, at, entry, hidden, log, rows, upload
from tests.world import Client, World, words

SignIn = Callable[[str], Client]

STAY = {
    "c:person": "甲某 001",
    "c:category": "定期",
    "c:sender": "s1",
    "c:receiver": "s2",
    "c:start": "2030年9月1日",
    "c:end": "2031.1.15",
    "c:document": "true",
}


def add(client: Client, world: World, code: str, table: str, **more: str) -> tuple[int, str]:
    answer = client.post(at(world, code, f"/tables/{table}/rows"), more, htmx=True)
    return answer.status_code, answer.get_data(as_text=True)


def test_a_row_shows_its_months_and_points(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    status, html = add(client, world, "B1", "exchange", **STAY)
    assert status == 200
    text = words(html)
    assert "甲某 001" in text
    assert "甲山小学 → 乙水小学" in text
    assert "2030-09-01 — 2031-01-15" in text
    assert '<td data-k="满月" class="num">4</td>' in html
    assert "<b>0.3</b>" in html
    assert "差 44 天满 6 个月，可计 0.5。请核对起止日期与文件是否一致。" in text
    (row,) = rows(world, "exchange")
    assert row.cells == {
        "person": "甲某 001",
        "category": "定期",
        "sender": "s1",
        "receiver": "s2",
        "start": "2030-09-01",
        "end": "2031-01-15",
        "months": None,
        "document": True,
    }
    assert [x.new for x in log(world, "row.add")] == [row.cells]


def test_a_row_that_does_not_count_says_why(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    _status, html = add(client, world, "B1", "exchange", **STAY | {"c:document": ""})
    assert "不计分：无文件。" in words(html)
    assert '<b class="zero">0</b>' in html
    _status, html = add(client, world, "B1", "exchange", **STAY | {"c:category": "不定期"})
    assert "本项不计分" not in words(html)  # 不定期 is not this page's business, nor any other's
    assert "归不到任何条款，请核对“类别”" in words(html)


def test_what_does_not_count_shows_no_points(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    _status, html = add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "区级"})
    assert re.findall(r'data-k="得分" class="num">(.*?)</td>', html) == ["<b>1</b>", '<b class="zero">0</b>']
    assert "不计分：" in words(html)


def test_a_row_that_no_indicator_reads_yet_is_found_again(world: World, client_for: SignIn) -> None:
    """Saved half filled in, it stands on the pages of its table and opens there; else nobody could mend it."""
    client = client_for("lead1")
    status, html = add(client, world, "B1", "exchange", **STAY | {"c:category": ""})
    assert status == 200
    assert "归不到任何条款，请核对“类别”" in words(html)
    assert "甲某 001" in words(html)
    (row,) = rows(world, "exchange")
    where = at(world, "B1", f"?table=exchange&row={row.id}")
    assert cell(client.get(where).get_data(as_text=True), "person") == "甲某 001"
    mended = {**STAY, "version": "1"}
    html = client.post(at(world, "B1", f"/rows/{row.id}"), mended, htmx=True).get_data(as_text=True)
    assert "归不到任何条款" not in words(html)
    # A row of another indicator, opened from here by its address, is there to be edited or closed.
    add(client, world, "B1", "exchange", **STAY | {"c:category": "不定期"})
    other = rows(world, "exchange")[1]
    html = client.get(at(world, "B1", f"?table=exchange&row={other.id}")).get_data(as_text=True)
    assert f'id="row-{other.id}"' in html
    assert "取消" in words(html)


def cell(html: str, key: str, table: str = "exchange") -> str:
    """What stands in a text cell of the row being typed."""
    found = re.search(rf'<input[^>]* id="{table}-(?:new|\d+)-{key}"[^>]*>', html)
    assert found is not None, key
    return re.findall(r'value="([^"]*)"', found.group())[0]


def test_a_row_is_saved_and_copied(world: World, client_for: SignIn) -> None:
    """保存并复制: what was typed is stored, and a new row with the same cells is open."""
    client = client_for("lead1")
    status, html = add(client, world, "B1", "exchange", **STAY, then="copy")
    (row,) = rows(world, "exchange")
    assert status == 200
    assert f'id="row-new" data-like="{row.id}"' in html
    assert (cell(html, "person"), cell(html, "start")) == ("甲某 001", "2030-09-01")
    changed = {**STAY, "c:start": "2030-10-01", "version": "1", "then": "copy"}
    answer = client.post(at(world, "B1", f"/rows/{row.id}"), changed, htmx=True)
    html = answer.get_data(as_text=True)
    assert (cell(html, "person"), cell(html, "start")) == ("甲某 001", "2030-10-01")
    assert [r.cells["start"] for r in rows(world, "exchange")] == [
        "2030-10-01"
    ]  # the copy waits for its save
    # The address opens the same copy again: after a reload, or after signing in again.
    where = answer.headers["HX-Replace-Url"]
    assert cell(client.get(where).get_data(as_text=True), "start") == "2030-10-01"
    # Without JavaScript the same.
    answer = client.post(at(world, "B1", f"/rows/{row.id}"), {**changed, "version": "2"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{where}#table-exchange"


def test_a_copy_of_a_row_that_is_gone_or_not_the_persons_is_an_empty_row(
    world: World, client_for: SignIn
) -> None:
    client, helper = client_for("lead1"), client_for("helper1")
    add(client, world, "B1", "exchange", **STAY)
    (row,) = rows(world, "exchange")
    where = at(world, "B1", f"?table=exchange&row=new&like={row.id}")
    assert cell(client.get(where).get_data(as_text=True), "person") == "甲某 001"
    assert cell(helper.get(where).get_data(as_text=True), "person") == ""
    client.post(at(world, "B1", f"/rows/{row.id}/delete"), {}, htmx=True)
    assert cell(client.get(where).get_data(as_text=True), "person") == ""
    assert client.get(at(world, "B1", "?table=exchange&row=new&like=x")).status_code == 200


def test_a_deleted_row_is_brought_back_without_javascript(world: World, client_for: SignIn) -> None:
    client, helper = client_for("lead1"), client_for("helper1")
    add(client, world, "B1", "exchange", **STAY)
    (row,) = rows(world, "exchange")
    answer = client.post(at(world, "B1", f"/rows/{row.id}/delete"), {})
    assert answer.status_code == 303
    where = answer.headers["Location"].partition("#")[0]
    restore = f"/rows/{row.id}/restore"
    assert "已删除“甲某 001”。 撤销" in client.text(where)
    assert restore not in helper.get(where).get_data(as_text=True)
    client.post(at(world, "B1", restore), {})
    assert [r.id for r in rows(world, "exchange")] == [row.id]
    assert "已删除" not in client.text(where)
    assert client.get(at(world, "B1", "?table=exchange&deleted=999999")).status_code == 200


def test_a_wrong_cell_is_refused_and_everything_typed_stays(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    wrong = STAY | {"c:start": "去年九月", "c:receiver": "外区小学", "c:months": "-2"}
    status, html = add(client, world, "B1", "exchange", **wrong)
    assert status == 422
    text = words(html)
    assert "有 3 处要改。" in text
    assert "“去年九月”不是日期" in text
    assert "“外区小学”不在本单位的学校里" in text
    assert 'value="去年九月"' in html
    assert 'value="甲某 001"' in html
    page = client.post(at(world, "B1", "/tables/exchange/rows"), wrong)
    assert (page.status_code, 'value="去年九月"' in page.get_data(as_text=True)) == (422, True)
    empty = client.post(at(world, "B1", "/tables/exchange/rows"), {}, htmx=True)
    assert "请至少填写“姓名(工号)”" in words(empty.get_data(as_text=True))
    assert rows(world, "exchange") == []


def test_blanks_may_stay_and_the_check_tells(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    assert add(client, world, "B2", "awards", **{"c:winner": "乙某"})[0] == 200
    assert rows(world, "awards")[0].cells == {"winner": "乙某", "level": None}
    assert "级别" in client.text(at(world, rest="/check"))


def test_the_same_form_sent_twice_adds_one_row(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    form = {"c:winner": "乙某", "c:level": "市级", "op": "one"}
    for _time in range(2):
        assert add(client, world, "B2", "awards", **form)[0] == 200
    assert len(rows(world, "awards")) == 1


def test_a_new_row_sent_again_with_more_in_it_changes_that_row(world: World, client_for: SignIn) -> None:
    """Its answer got lost and the person typed on; once somebody else has changed it, both are shown."""
    client, other = client_for("lead1"), client_for("lead1")
    form = {"c:winner": "乙某", "c:level": "市级", "op": "one"}
    assert add(client, world, "B2", "awards", **form)[0] == 200
    assert add(client, world, "B2", "awards", **{**form, "c:level": "区级"})[0] == 200
    assert [(r.cells["level"], r.version) for r in rows(world, "awards")] == [("区级", 2)]
    where = at(world, "B2", f"/rows/{rows(world, 'awards')[0].id}")
    theirs = {"c:winner": "丙某", "c:level": "区级", "version": 2, "op": "two"}
    assert other.post(where, theirs, htmx=True).status_code == 200
    status, html = add(client, world, "B2", "awards", **{**form, "c:level": "市级"})
    assert status == 409
    assert "现在存的是“丙某”" in words(html)
    assert [r.cells["winner"] for r in rows(world, "awards")] == ["丙某"]


def test_edit_conflict_shows_both_versions(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    (row,) = rows(world, "awards")
    where = at(world, "B2", f"/rows/{row.id}")
    first = client.post(where, {"c:winner": "乙某", "c:level": "区级", "version": 1, "op": "a"}, htmx=True)
    assert first.status_code == 200
    stale = client.post(where, {"c:winner": "丙某", "c:level": "市级", "version": 1, "op": "b"}, htmx=True)
    html = stale.get_data(as_text=True)
    assert stale.status_code == 409
    assert "现在存的是“乙某”" in words(html)
    assert "现在存的是“区级”" in words(html)
    assert 'value="丙某"' in html
    again = {"c:winner": "丙某", "c:level": "市级", "version": hidden(html, "version"), "op": "c"}
    seen = {"seen": hidden(html, "seen")}
    left = client.post(
        where, {**again, **seen, "then": "stay"}, htmx=True
    )  # a cell was left: that is no choice
    assert left.status_code == 409
    kept = client.post(where, {**again, **seen}, htmx=True)
    assert kept.status_code == 200
    (row,) = rows(world, "awards")
    assert (row.cells, row.version) == ({"winner": "丙某", "level": "市级"}, 3)
    assert [(x.old["level"], x.new["level"]) for x in log(world, "row.edit")] == [
        ("市级", "区级"),
        ("区级", "市级"),
    ]


def test_a_cell_that_is_left_is_stored_and_the_row_stays_open(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    (row,) = rows(world, "awards")
    where = at(world, "B2", f"/rows/{row.id}")
    form = client.get(at(world, "B2", f"?table=awards&row={row.id}")).get_data(as_text=True)
    typed = {"c:winner": "丙某", "c:level": "市级", "then": "stay"}
    first = client.post(
        where, {**typed, "version": hidden(form, "version"), "op": hidden(form, "op")}, htmx=True
    )
    html = first.get_data(as_text=True)
    assert first.status_code == 200
    assert first.headers["HX-Reswap"] == "none"  # nothing under the hands is exchanged
    assert 'name="c:winner"' not in html
    assert f'id="row-{row.id}-state" hx-swap-oob="true"' in html
    assert "按现在填的" in words(html)
    typed |= {"c:level": "省级", "version": hidden(html, "version"), "op": hidden(html, "op")}
    assert client.post(where, typed, htmx=True).status_code == 200
    wrong = client.post(where, {**typed, "c:level": "宇宙级", "version": 3, "op": "x"}, htmx=True)
    assert wrong.status_code == 422
    assert wrong.headers["HX-Reswap"] == "none"
    assert "data-unsaved" in wrong.get_data(as_text=True)
    (row,) = rows(world, "awards")
    assert (row.cells, row.version) == ({"winner": "丙某", "level": "省级"}, 3)
    assert "data-stays" in form
    pressed = client.post(
        where, {**typed, "c:level": "宇宙级", "then": "", "version": 3, "op": "z"}, htmx=True
    )
    assert "data-stays" not in pressed.get_data(as_text=True)  # what was refused is saved by its button alone
    plain = client.post(
        where, {**typed, "c:winner": "丁某", "version": 3, "op": "y"}
    )  # without htmx: as ever
    assert plain.status_code == 303


def test_delete_undo_and_an_edit_of_what_is_gone(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    (row,) = rows(world, "awards")
    gone = client.post(at(world, "B2", f"/rows/{row.id}/delete"), htmx=True)
    assert "已删除“乙某”。" in words(gone.get_data(as_text=True))
    assert rows(world, "awards") == []
    lost = client.post(at(world, "B2", f"/rows/{row.id}"), {"c:winner": "丁某", "version": 1}, htmx=True)
    assert lost.status_code == 409
    assert 'value="丁某"' in lost.get_data(as_text=True)
    assert "/tables/awards/rows" in lost.get_data(as_text=True)  # saving again adds it
    back = client.post(at(world, "B2", f"/rows/{row.id}/restore"), htmx=True)
    assert back.status_code == 200
    assert [r.cells["winner"] for r in rows(world, "awards")] == ["乙某"]


def test_declared_empty_is_a_real_zero(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    assert "未填" in client.text(at(world, "B2"))
    said = client.post(at(world, "B2", "/tables/awards/empty"), {"declared": "1"}, htmx=True)
    text = words(said.get_data(as_text=True))
    assert "已注明本项没有" in text
    assert "奖励：已声明没有" in text
    assert "自评合计 按填报内容和您的自评分 0 / 3" in text
    add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    refused = client.post(at(world, "B2", "/tables/awards/empty"), {"declared": "1"}, htmx=True)
    assert refused.status_code == 422
    assert "表里已有内容" in words(refused.get_data(as_text=True))


def test_helpers_add_rows_and_change_only_their_own(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("helper1")
    add(lead, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    assert add(member, world, "B2", "awards", **{"c:winner": "丙某", "c:level": "区级"})[0] == 200
    foreign, own = rows(world, "awards")
    for path in (f"/rows/{foreign.id}", f"/rows/{foreign.id}/delete"):
        refused = member.post(at(world, "B2", path), {"c:winner": "改", "version": 1}, htmx=True)
        assert refused.status_code == 403
        assert "您只能改自己添加的" in words(refused.get_data(as_text=True))
    changed = member.post(at(world, "B2", f"/rows/{own.id}"), {"c:winner": "丙某某", "version": 1}, htmx=True)
    assert changed.status_code == 200
    empty = member.post(at(world, "B2", "/tables/awards/empty"), {"declared": "1"}, htmx=True)
    assert empty.status_code == 403
    assert [r.cells["winner"] for r in rows(world, "awards")] == ["乙某", "丙某某"]


def test_rows_of_another_unit_or_page_are_not_there(world: World, client_for: SignIn) -> None:
    lead, foreign = client_for("lead1"), client_for("lead2")
    add(lead, world, "B2", "awards", **{"c:winner": "乙某"})
    (row,) = rows(world, "awards")
    for client, path in (
        (foreign, at(world, "B2", f"/rows/{row.id}/delete")),
        (foreign, at(world, "B2", f"/rows/{row.id}/delete", unit="g02")),
        (lead, at(world, "B1", f"/rows/{row.id}/delete")),
    ):
        assert client.post(path).status_code == 404
    assert len(rows(world, "awards")) == 1


# --- pasting -------------------------------------------------------------------------------------

PASTED = "级别\t获奖者\n市级\t乙某\n区级\t丙某\n"


def test_paste_is_looked_at_then_taken_once(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    where = at(world, "B2", "/tables/awards/paste")
    looked = client.post(where, {"text": PASTED})
    html = looked.get_data(as_text=True)
    assert looked.status_code == 200
    assert "添加这 2 行" in words(html)
    assert rows(world, "awards") == []
    for _time in range(2):
        taken = client.post(where, {"text": PASTED, "accept": "1", "op": "paste"})
        assert taken.status_code == 303
    assert [(r.cells["winner"], r.cells["level"]) for r in rows(world, "awards")] == [
        ("乙某", "市级"),
        ("丙某", "区级"),
    ]


def test_paste_marks_each_bad_cell_and_takes_nothing(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    where = at(world, "B1", "/tables/exchange/paste")
    text = "甲某\t定期\t甲山小学\t乙水小学\t2030-09-01\n乙某\t定期\t外区小学\t乙水小学\t九月\n"
    answer = client.post(where, {"text": text, "accept": "1"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert html.count('class="bad-cell"') == 2
    assert "“九月”不是日期" in words(html)
    assert "外区小学" in html[html.index("<textarea") :]
    assert rows(world, "exchange") == []


def test_in_place_a_paste_is_looked_at_below_its_table(world: World, client_for: SignIn) -> None:
    """Only the box comes back, and the browser is told to keep its draft: nothing has been stored."""
    client = client_for("lead1")
    where = at(world, "B2", "/tables/awards/paste")
    page = client.get(at(world, "B2")).get_data(as_text=True)
    assert re.search(r'<section class="panel paste-place" id="paste-awards" hidden>', page)
    for text, status in ((PASTED, 200), ("", 422), (PASTED.replace("市级", "村级"), 422)):
        looked = client.post(where, {"text": text}, htmx=True)
        html = looked.get_data(as_text=True)
        assert looked.status_code == status
        assert looked.headers["X-Draft"] == "keep"
        assert html.startswith('<section class="panel paste-place" id="paste-awards">')
        assert ("添加这 2 行" in words(html)) == (status == 200)
        assert text in html
    assert rows(world, "awards") == []
    empty = client.get(where, headers={"HX-Request": "true"}).get_data(as_text=True)  # 取消
    assert empty.startswith('<section class="panel paste-place" id="paste-awards" hidden>')


def test_in_place_rows_come_with_their_table_and_what_depends_on_it(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    where = at(world, "B2", "/tables/awards/paste")
    for _time in range(2):
        taken = client.post(where, {"text": PASTED, "accept": "1", "op": "paste"}, htmx=True)
        html = taken.get_data(as_text=True)
        assert taken.status_code == 200
        assert taken.headers["HX-Retarget"] == "#table-awards"
        assert "HX-Redirect" not in taken.headers
        assert "X-Draft" not in taken.headers
        assert html.startswith('<section class="panel" id="table-awards"')
        assert "已添加 2 行。" in words(html)
        assert "乙某" in html
        assert '<section class="panel paste-place" id="paste-awards" hx-swap-oob="true" hidden>' in html
        assert html.count("hx-swap-oob") >= 4  # rail, badge, ledger, the box
    assert len(rows(world, "awards")) == 2
    wrong = client.post(where, {"text": "丁某\t村级", "accept": "1", "op": "p2"}, htmx=True)
    assert wrong.status_code == 422
    assert "HX-Retarget" not in wrong.headers
    assert 'class="bad-cell"' in wrong.get_data(as_text=True)


def test_a_helper_pastes_in_place_too(world: World, client_for: SignIn) -> None:
    helper = client_for("helper1")
    html = helper.get(at(world, "B2")).get_data(as_text=True)
    assert 'id="paste-text-awards"' in html
    sent = {"text": PASTED, "accept": "1", "op": "h"}
    assert helper.post(at(world, "B2", "/tables/awards/paste"), sent, htmx=True).status_code == 200
    assert len(rows(world, "awards")) == 2


def test_a_row_open_in_the_table_stays_open(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    where = at(world, "B2", "/tables/awards/paste")
    sent = {"text": PASTED, "accept": "1", "op": "paste", "open": "new"}
    assert 'id="row-new"' in client.post(where, sent, htmx=True).get_data(as_text=True)
    row = rows(world, "awards")[0].id
    sent |= {"op": "again", "open": str(row)}
    assert f'<tr class="row-form" id="row-{row}">' in client.post(where, sent, htmx=True).get_data(
        as_text=True
    )
    gone = client.post(where, sent | {"op": "third", "open": "99999"}, htmx=True)
    assert gone.status_code == 200  # the rows are what matters
    assert len(rows(world, "awards")) == 6


def test_ten_thousand_rows_are_refused_kindly(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    text = "乙某\t市级\n" * 10_000
    answer = client.post(at(world, "B2", "/tables/awards/paste"), {"text": text, "accept": "1"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f"一次最多粘贴 {PASTE_LIMIT} 行，这里有 10000 行。内容还在框里，请分几次粘贴。" in words(html)
    assert html.count("乙某\t市级") == 10_000
    assert rows(world, "awards") == []
    taken = client.post(
        at(world, "B2", "/tables/awards/paste"),
        {"text": "乙某\t市级\n" * PASTE_LIMIT, "accept": "1", "op": "x"},
    )
    assert taken.status_code == 303
    assert len(rows(world, "awards")) == PASTE_LIMIT


def test_cells_with_line_breaks_and_quotes_stay_one_cell(world: World, client_for: SignIn) -> None:
    """As Excel and WPS copy them; a lone quotation mark is only a character."""
    client = client_for("lead1")
    where = at(world, "B2", "/tables/awards/paste")
    text = '"乙某\r\n（二人）"\t市级\r\n"丙""某"""\t区级\r\n'
    assert client.post(where, {"text": text, "accept": "1", "op": "a"}).status_code == 303
    assert client.post(where, {"text": '"丁某\t市级\n', "accept": "1", "op": "b"}).status_code == 303
    winners = [r.cells["winner"] for r in rows(world, "awards")]
    assert winners == ["乙某 （二人）", '丙"某"', '"丁某']


@pytest.mark.parametrize("text", ["", "\n\n", "获奖者\t级别"])
def test_nothing_pasted(world: World, client_for: SignIn, text: str) -> None:
    answer = client_for("lead1").post(at(world, "B2", "/tables/awards/paste"), {"text": text, "accept": "1"})
    assert answer.status_code == 422
    assert "还没有内容" in words(answer.get_data(as_text=True))
    assert rows(world, "awards") == []


def test_evidence_of_a_row_moves_with_it(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    add(client, world, "B2", "awards", **{"c:winner": "乙某", "c:level": "市级"})
    (row,) = rows(world, "awards")
    answer = upload(client, world, "B2", f"row:{row.id}", ("证书.pdf", PDF))
    assert answer.status_code == 200
    assert "证书.pdf" in words(answer.get_data(as_text=True))
    assert entry(world).saved_at is not None
