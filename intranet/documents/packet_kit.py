"""The kit of a unit without a connection (离线填报包): its workbook, the tool as one page, how to."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..i18n import _

TOOL, TOLD = "封装工具.html", "说明.txt"
STYLE = '<link rel="stylesheet" href="packet.css">'
SCRIPT = '<script src="packet.js"></script>'
DATA = '<script src="packet-data"></script>'
"""What the template has in the places of what is put into the page."""


def one_page(page: str, *, style: str, script: str, data: Mapping[str, Any]) -> str:
    """The tool as one file that needs no other and may reach no network.

    Its policy allows the one script and the one style by their hashes and nothing from anywhere else.
    """
    said = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}"
    for place, content in (
        (STYLE, f"<style>{style}</style>"),
        (DATA, f'<script type="application/json" id="packet-data">{said}</script>'),
        (SCRIPT, f"<script>{script}</script>"),
        ("packet-policy", policy),
    ):
        if page.count(place) != 1:
            raise ValueError(f"{place} stands {page.count(place)} times in the page of the tool")
        page = page.replace(place, content)
    return page


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def write(*, tool: str, workbook: bytes, workbook_name: str, made_at: datetime, unit: str) -> bytes:
    """The kit as a zip with three files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kit:
        for name, content in (
            (workbook_name, workbook),
            (TOOL, tool.encode()),
            (TOLD, ("\ufeff" + how_to(unit, workbook_name)).replace("\n", "\r\n").encode()),
        ):
            entry = zipfile.ZipInfo(name, date_time=made_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            kit.writestr(entry, content)
    return out.getvalue()


def how_to(unit: str, workbook_name: str) -> str:
    """The steps, for 记事本."""
    return "\n".join(
        [
            _("离线填报包：%(unit)s", unit=unit),
            "",
            _("1. 把整个压缩包解压到一个文件夹。"),
            _("2. 用 WPS 或 Excel 打开“%(name)s”，填好后保存。", name=workbook_name),
            _("3. 双击“%(tool)s”（用 360、Edge 或谷歌浏览器打开，不用上网）。", tool=TOOL),
            _("4. 在页面里选填好的填报表，把材料文件拖到各自的位置，按“生成封装包”。"),
            _("5. 把得到的 ……packet.zip 原样拷到 U 盘交给教育局，或在能上网的电脑上登录本系统上传。"),
            "",
            _("不要改封装包里的内容，也不要解压后重新打包：改过的收不下。"),
            _("离线填报包只供本单位使用，请不要转给别的单位。"),
            "",
        ]
    )


def words() -> dict[str, str]:
    """What the tool's script says; ``%(n)s`` and the like are filled in by it."""
    return {
        "asked": _("要 %(asked)s 类材料，已有 %(there)s 类，缺 %(missing)s 类"),
        "missing": _("缺"),
        "chosen": _("已放"),
        "stored": _("系统里已有"),
        "free": _("选放"),
        "choose": _("选文件"),
        "chooseFor": _("给“%(place)s”选文件"),
        "takeOut": _("从“%(place)s”取下 %(name)s"),
        "remove": _("移除"),
        "removeFile": _("移除 %(name)s"),
        "place": _("放到……"),
        "also": _("还用于……"),
        "placeOf": _("给 %(name)s 选位置"),
        "none": _("还没有放到任何一处，不会封进去"),
        "places": _("用在 %(n)s 处"),
        "noFiles": _("还没有选文件。"),
        "empty": _("是空文件，不能用"),
        "ending": _("不收这种文件，请另存为 PDF、图片、Word 或 Excel"),
        "large": _("超过 %(most)s MB，请压缩后再选"),
        "folder": _("不能直接拖文件夹，请打开文件夹，选中里面的文件再拖。"),
        "workbookNone": _("还没有选填报表"),
        "workbookKind": _("“%(name)s”不是 xlsx 文件，请选填好的离线填报表。"),
        "workbookLock": _("“%(name)s”像是 WPS 的临时文件，请先关掉 WPS，再选填报表。"),
        "checkWorkbook": _("没有填报表，只封材料"),
        "checkMissing": _("缺 %(n)s 类材料：%(names)s"),
        "checkMore": _("等"),
        "checkLoose": _("%(n)s 个文件还没有放到任何一处，不会封进去"),
        "checkBad": _("%(n)s 个文件不能用，不会封进去：%(names)s"),
        "checkFine": _("填报表和材料都齐了"),
        "nothing": _("还没有可以封装的内容：请先选填报表，或把文件放到位置上。"),
        "tooMany": _(
            "一个封装包最多 %(most)s 个文件，这里有 %(n)s 个。请分两次封装：先封一部分，交一个包，再封其余的。"
        ),
        "tooLarge": _(
            "一个封装包最多 %(most)s MB，这里有 %(n)s MB。请分两次封装：先封一部分，交一个包，再封其余的。"
        ),
        "working": _("正在封装第 %(n)s 个，共 %(all)s 个：%(name)s"),
        "unreadable": _(
            "“%(name)s”读不出来，可能已移动、删除，或正在 WPS 里打开。请关闭后重新选这个文件，再封装。"
        ),
        "done": _("封好了：%(name)s，%(size)s MB，%(n)s 个文件。"),
        "failed": _("没有封成：%(why)s"),
        "saved": _(
            "上次放好位置的 %(n)s 个文件要再选一遍（浏览器不能自己打开电脑里的文件）：%(names)s。选回来就自动放到原来的位置。"
        ),
        "noMemory": _("这个浏览器关掉页面后不会记住文件放在哪里，请一次做完。"),
        "noCrypto": _(
            "这个浏览器不能计算签名，封不了。请换 360 极速模式、Edge 或谷歌浏览器的新版本打开本页。"
        ),
        "leave": _("还没有封装"),
    }
