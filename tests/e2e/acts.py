"""What people do on the pages, step by step, as they would: only visible controls are used."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
from click.testing import CliRunner
from flask import Flask
from playwright.sync_api import expect

from intranet import create_app
from intranet.cli.server import init
from intranet.config import Settings
from intranet.demo import sample_pdf
from intranet.plugins import build_plugin_manager
from tests.e2e.harness import Server, Visit, Visitor

PASSWORD = "qing-shan-lv-shui-26"
"""Everybody's own password after the first sign-in."""


@dataclass
class Site:
    """An installation with nothing in it but its first administrator. passwords: first ones by login."""

    settings: Settings
    app: Flask
    server: Server
    passwords: dict[str, str]


def install(folder: Path) -> tuple[Settings, Flask, dict[str, str]]:
    """``intranet init`` on an empty folder; the application with the plugins that are installed."""
    answer = CliRunner().invoke(init, ["--data", str(folder)])
    assert answer.exit_code == 0, answer.output
    found = re.search(r"账号 (\S+)，初始密码 (\S+?)（", answer.output)
    assert found is not None, answer.output
    settings = Settings(data=folder, bureau_name="示例区教育局", help_line="普教科 0000", allow_http=True)
    return settings, create_app(settings, build_plugin_manager()), {found[1]: found[2]}


def enter(visit: Visit, site: Site, login: str) -> Visitor:
    """A new browser, signed in; at the first time the first password is changed."""
    visitor = visit(site.server)
    first = site.passwords.pop(login, None)
    visitor.sign_in(login, first or PASSWORD)
    if first:
        visitor.change_password(first, PASSWORD)
    return visitor


# --- the clerk -----------------------------------------------------------------------------------


def filled(template: bytes, rows: Iterable[Sequence[str]]) -> bytes:
    """The downloaded template with rows in its first sheet, as saved by a spreadsheet program."""
    book = openpyxl.load_workbook(io.BytesIO(template))
    for n, row in enumerate(rows, 2):
        for column, value in enumerate(row, 1):
            book.worksheets[0].cell(n, column, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def import_workbook(clerk: Visitor, path: str, name: str, rows: Sequence[Sequence[str]]) -> None:
    """Download the template, fill it in, have it checked, confirm."""
    clerk.go(path)
    data = filled(clerk.download("下载模板"), rows)
    xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    clerk.page.set_input_files("input[name=file]", {"name": name, "mimeType": xlsx, "buffer": data})
    clerk.press("检查文件")
    expect(clerk.page.get_by_text(f"检查通过，共 {len(rows)} 行")).to_be_visible()
    clerk.press("确认导入")


def first_passwords(clerk: Visitor) -> dict[str, str]:
    """The page that shows them once."""
    rows = clerk.page.locator("tbody tr")
    texts = [[cell.inner_text() for cell in row.locator("td").all()] for row in rows.all()]
    return {cells[0]: cells[4] for cells in texts}


def local(days: float, zone: str = "Asia/Shanghai") -> str:
    """A moment some days from now as a date field takes it."""
    return (datetime.now(ZoneInfo(zone)) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class Decision:
    """A ruling decided in the wizard. choice: key of the choice, or the value typed."""

    key: str
    choice: str
    reason: str


def prepare_cycle(
    clerk: Visitor,
    *,
    title: str,
    rubric: str,
    decisions: Sequence[Decision],
    units: Sequence[str],
    chair: str,
    reviewers: Sequence[str],
) -> int:
    """All steps of the wizard and 开启考核; the rulings not named keep their defaults. Returns the cycle's id."""
    page = clerk.page
    clerk.go("/bureau/cycles/new")
    page.fill("#title", title)
    page.check(f"input[name=rubric][value={rubric}]")
    clerk.press("下一步：裁定口径")
    cycle = int(re.findall(r"/cycles/(\d+)/rulings", page.url)[0])
    for decision in decisions:
        _decide(clerk, decision)
    page.get_by_role("button", name=re.compile("处都用默认口径")).click()
    expect(page.locator("#ruling-progress")).to_contain_text(re.compile(r"待裁定\s*0"))
    clerk.press("下一步：日程")
    dates = {
        "filing_from": -1,
        "filing_until": 10,
        "review_until": 30,
        "publish_from": 35,
        "publish_until": 42,
    }
    for name, days in dates.items():
        page.fill(f"#{name}", local(days))
    clerk.press("下一步：考核对象")
    for name in units:
        page.get_by_role("checkbox", name=name, exact=True).check()
    expect(page.locator("[data-pick-count]")).to_have_text(re.compile(rf"已选 {len(units)} / \d+"))
    clerk.press("下一步：考核组")
    page.get_by_role("checkbox", name=f"{chair}任组长", exact=True).check()
    for name in reviewers:
        page.get_by_role("checkbox", name=f"{name}任评委", exact=True).check()
    clerk.press("下一步：预览并开启")
    for name in units:
        expect(page.locator("dl.facts")).to_contain_text(name)
    clerk.press("开启考核")
    expect(page.get_by_text("考核已开启，学校可以填报了。")).to_be_visible()
    return cycle


def _decide(clerk: Visitor, decision: Decision) -> None:
    page = clerk.page
    card = page.locator(f"#ruling-{decision.key}")
    if card.get_attribute("open") is None:
        card.locator("summary").click()
    radio = card.locator(f"input[type=radio][value={decision.choice}]") if decision.choice.isalpha() else None
    if radio is not None:
        radio.check()
    else:
        card.locator("[name=value]").fill(decision.choice)
    card.locator("[name=reason]").fill(decision.reason)
    with clerk.saving(f"/rulings/{decision.key}"):
        card.locator("button.btn").click()
    expect(page.locator(f"#ruling-{decision.key} .st-ok")).to_have_text("已裁定")


def advance(clerk: Visitor, cycle: int, phase: str) -> None:
    """To the next phase, whatever reminders stand in its way."""
    clerk.go(f"/bureau/cycles/{cycle}/phase")
    accept = clerk.page.locator("input[name=accepted]")
    if accept.count():
        accept.check()
    clerk.press(f"进入{phase}阶段")
    expect(clerk.page.get_by_text(f"已进入{phase}阶段。")).to_be_visible()


def freeze(clerk: Visitor, cycle: int) -> None:
    clerk.go(f"/bureau/cycles/{cycle}/freeze")
    for box in clerk.page.locator("input[name=accepted]").all():
        box.check()
    clerk.press("冻结结果")
    expect(clerk.page.get_by_text("结果已冻结。")).to_be_visible()


def register_data(clerk: Visitor, cycle: int, place: str, values: Mapping[str, str]) -> None:
    """Fill in one row of the bureau's own data: what is chosen or left saves itself."""
    clerk.go(f"/bureau/cycles/{cycle}/data")
    for label, text in values.items():
        row = clerk.page.locator("tr[id^=data-]", has=clerk.page.get_by_label(label, exact=True)).filter(
            has_text=place
        )
        assert row.count() == 1, (place, label, row.count())
        box = row.get_by_label(label, exact=True)
        with clerk.saving("/data/"):
            if box.evaluate("e => e.tagName") == "SELECT":
                box.select_option(label=text)
            else:
                box.fill(text)
                box.blur()
        expect(row).to_contain_text("已保存")


def paste_data(clerk: Visitor, cycle: int, head: str, lines: Sequence[Sequence[str]]) -> None:
    """从 Excel 粘贴 under the grid that has a column ``head``."""
    clerk.go(f"/bureau/cycles/{cycle}/data")
    panel = clerk.page.locator("section.panel").filter(has=clerk.page.locator("thead th", has_text=head))
    panel.locator("summary", has_text="从 Excel 粘贴").click()
    panel.locator("textarea").fill("\n".join("\t".join(line) for line in lines))
    panel.get_by_role("button", name="核对并保存").click()
    expect(clerk.page.locator("#notes")).to_contain_text("已保存")


# --- a school ------------------------------------------------------------------------------------


def answer(visitor: Visitor, key: str, text: str | bool) -> None:
    """Fill in one field and leave it; it saves itself."""
    name = f"f:{key}"
    with visitor.saving("/answers"):
        if isinstance(text, bool):
            visitor.page.locator(f'input[name="{name}"][value={str(text).lower()}]').check()
        else:
            box = visitor.page.locator(f'[name="{name}"]')
            if box.evaluate("e => e.tagName") == "SELECT":
                box.select_option(text)
            else:
                box.fill(text)
                box.blur()


def self_score(visitor: Visitor, leaf: str, points: str, reason: str = "") -> None:
    form = visitor.page.locator(f'form[action$="/self/{leaf}"]')
    with visitor.saving(f"/self/{leaf}"):
        if reason:
            form.locator("[name=points]").fill(points)
            form.locator("[name=reason]").fill(reason)
            form.locator("[name=reason]").blur()
        else:
            form.locator("[name=points]").fill(points)
            form.locator("[name=points]").blur()


def add_row(visitor: Visitor, table: str, cells: Mapping[str, str], *, more: bool = False) -> None:
    """加一行 (or the empty row that 保存并再加一行 left), its cells, 保存这一行."""
    page, panel = visitor.page, visitor.page.locator(f"#table-{table}")
    if not panel.locator("#row-new").count():
        panel.get_by_role("link", name="加一行").click()
        expect(panel.locator("#row-new")).to_be_visible()
        visitor.settle()
    for key, text in cells.items():
        box = page.locator(f"#{table}-new-{key}")
        kind = box.evaluate("e => e.tagName")
        if kind == "SELECT":
            box.select_option(label=text)
        elif kind == "SPAN":  # 是 / 否
            box.get_by_label(text, exact=True).check()
        else:
            box.fill(text)
    with visitor.saving(f"/tables/{table}/rows"):
        panel.get_by_role("button", name="保存并再加一行" if more else "保存这一行").click()


def paste(visitor: Visitor, table: str, lines: Sequence[Sequence[str]]) -> None:
    """从表格粘贴 with a header line, 核对, 添加, in place below the table."""
    page, place = visitor.page, visitor.page.locator(f"#paste-{table}")
    page.locator(f"#table-{table}").get_by_role("link", name="从表格粘贴").click()
    place.locator("textarea").fill("\n".join("\t".join(line) for line in lines))
    place.get_by_role("button", name="核对", exact=True).click()
    expect(place.get_by_role("heading", name=f"核对 {len(lines) - 1} 行")).to_be_visible()
    place.get_by_role("button", name=f"添加这 {len(lines) - 1} 行").click()
    expect(page.locator(f"#table-{table}").get_by_text(f"已添加 {len(lines) - 1} 行。")).to_be_visible()
    visitor.settle()


def declare_empty(visitor: Visitor, table: str) -> None:
    panel = visitor.page.locator(f"#table-{table}")
    with visitor.saving(f"/tables/{table}/empty"):
        panel.get_by_role("button", name="本项没有").click()
    expect(panel).to_contain_text("已注明本项没有")


def upload(visitor: Visitor, ref: str, *names: str) -> None:
    """Choose files at a slot; the upload starts by itself."""
    form = visitor.page.locator(f'form.upload:has(input[name=ref][value="{ref}"])')
    files = [
        {"name": name, "mimeType": "application/pdf", "buffer": sample_pdf(["示例材料", name, ref])}
        for name in names
    ]
    form.locator("input[multiple]").set_input_files(files)  # type: ignore[arg-type]
    place = visitor.page.locator(f'[data-place="{ref}"]')
    for name in names:
        expect(place.locator(".chip", has_text=name)).to_be_visible()
    expect(place.locator(".up")).to_have_count(0)


def hand_out(lead: Visitor, entry: int, ref: str, school: str, *, of: str = "") -> None:
    """The lead hands a clause to a member school; of: the indicator that it stands below."""
    lead.go(f"/entries/{entry}/sharing?open={of}")
    lead.page.check(f'[name=give][value="{ref}@{school}"]')
    lead.press("分出勾选的")


def absent(visitor: Visitor, slot: str) -> None:
    """确实没有 at one slot."""
    form = visitor.page.locator(f'form:has(input[name=slot][value="{slot}"])')
    with visitor.saving("/slots"):
        form.get_by_role("button", name="确实没有").click()


def self_total(visitor: Visitor) -> str:
    """自评合计 beside the form."""
    return visitor.page.locator("#ledger .big-score .v").inner_text()


def submit(visitor: Visitor, entry: int) -> None:
    visitor.go(f"/entries/{entry}/check")
    known = visitor.page.locator("input[name=known]")
    if known.count():
        known.check()
    visitor.press("提交考核材料")
    expect(visitor.page.get_by_role("heading", name="提交回执", exact=True)).to_be_visible()


# --- the panel -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What a reviewer types at one leaf."""

    points: str
    reason: str = ""


def declare(member: Visitor, units: Mapping[str, str] | None = None) -> None:
    """回避申报 where the member was led to it: kinds by unit name; none: nobody to stay away from.

    Without a declaration page in front of the member nothing is done: it was declared before.
    """
    if not member.path().split("?")[0].endswith("/declare"):
        return
    page = member.page
    for name, kind in (units or {}).items():
        page.get_by_label(f"{name}：回避原因", exact=True).select_option(label=kind)
    if not units:
        page.locator("input[name=nobody]").check()
    member.press("提交申报")
    expect(page.get_by_text("已申报。要补充或更正，请联系教育局管理员。")).to_be_visible()


def mark_unit(reviewer: Visitor, entry: int, said: Mapping[str, Mapping[str, Said | str]]) -> None:
    """One unit, indicator after indicator: what is typed over the proposals, then 保存，评下一个.

    ``said`` by indicator in printed order; every indicator with something to mark on is named.
    """
    page = reviewer.page
    first = f"/panel/entries/{entry}/indicators/{next(iter(said))}?by=unit"
    reviewer.go(first)
    declare(reviewer)
    for indicator, words in said.items():
        assert reviewer.path().startswith(f"/panel/entries/{entry}/indicators/{indicator}?"), reviewer.path()
        for leaf, given in words.items():
            word = given if isinstance(given, Said) else Said(given)
            page.fill(f'[name="points.{leaf}"]', word.points)
            if word.reason:
                page.fill(f'[name="reason.{leaf}"]', word.reason)
        here = page.url
        page.locator("[data-save]").click()
        page.wait_for_url(lambda url, here=here: url != here)  # type: ignore[misc]


def open_board(chair: Visitor) -> None:
    """From the chair's first page to 分差与审定, by way of the declaration if it was not made yet."""
    if chair.page.get_by_role("link", name="去申报", exact=True).count():
        chair.press("去申报")
        declare(chair)
    if not chair.path().split("?")[0].endswith("/board"):  # where a chair's declaration leads
        chair.press("分差与审定")


def _settling(chair: Visitor, entry: int, indicator: str) -> None:
    chair.go(f"/panel/entries/{entry}/indicators/{indicator}/settle")
    declare(chair)


def panel_figure(chair: Visitor, entry: int, indicator: str, field: str, points: str) -> None:
    """A number that the panel owns, on the chair's page."""
    _settling(chair, entry, indicator)
    chair.page.fill(f'[name="figure.{field}"]', points)
    chair.press("保存得分")
    expect(chair.page.get_by_text("已保存。", exact=True)).to_be_visible()


def settle(chair: Visitor, entry: int, indicator: str, leaf: str, points: str, reason: str) -> None:
    _settling(chair, entry, indicator)
    form = chair.page.locator(f'form:has([name="points.{leaf}"])')
    form.locator(f'[name="points.{leaf}"]').fill(points)
    form.locator(f'[name="reason.{leaf}"]').fill(reason)
    form.get_by_role("button", name="审定", exact=True).click()
    expect(chair.page.get_by_text("已审定。", exact=True)).to_be_visible()
