"""The original files as one zip, in the volume's order, with a list of them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..i18n import _
from .plan import Document, Plan

_UNSAFE = '\\/:*?"<>|'
_STAMP = (2000, 1, 1, 0, 0, 0)  # the same files make the same zip


def write(
    plan: Plan,
    target: Path,
    places: Mapping[int, tuple[int, int]],
    archival: Mapping[int, str] | None = None,
) -> None:
    """Write the zip file by file; nothing is compressed, most of it is already.

    :param places: first and last page of each number in the volume, where it has one.
    :param archival: by number, whether it can stand in a volume kept as PDF/A, or why not; None: not known.
    """
    order = dict.fromkeys([n for s in plan.sections for n in s.documents])
    by_number = {d.number: d for d in plan.documents}
    documents = [by_number[n] for n in order if n in by_number]
    documents += [d for d in plan.documents if d.number not in order]
    listed = io.StringIO()
    rows = csv.writer(listed)
    more = [] if archival is None else [_("长期保存（PDF/A）")]
    rows.writerow([_("编号"), _("名称"), _("汇编页码"), _("包内文件名"), "SHA-256", *more])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for place, document in enumerate(documents, 1):
            name = safe_name(place, document)
            pages = places.get(document.number)
            shown = (
                "" if pages is None else str(pages[0]) if pages[0] == pages[1] else f"{pages[0]}-{pages[1]}"
            )
            if document.path and Path(document.path).is_file():
                _copy(archive, name, Path(document.path))
            else:
                name = _("（服务器上没有这个文件）")
            more = [] if archival is None else [archival.get(document.number, "")]
            rows.writerow([document.number, _plain(document.name), shown, name, document.sha256, *more])
        text = "\ufeff" + listed.getvalue()  # the mark lets spreadsheets see that it is UTF-8
        archive.writestr(zipfile.ZipInfo(_("材料清单.csv"), _STAMP), text.encode())


def safe_name(place: int, document: Document) -> str:
    """``007 3号 会议纪要.pdf``: unique by its place, fit for Windows, no folders, at most 150 long."""
    base = "".join("_" if c in _UNSAFE or not c.isprintable() else c for c in document.name).strip(" .")
    stem, dot, ending = base.rpartition(".")
    if not dot:
        stem, ending = base, ""
    number = _("%(n)s号", n=document.number)
    return f"{place:03d} {number} {stem[:120]}{dot}{ending[:10]}"


def _plain(name: str) -> str:
    """A name as a spreadsheet shows it, never as a formula."""
    return f"'{name}" if name[:1] in "=+-@\t" else name


def _copy(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    info = zipfile.ZipInfo(name, _STAMP)
    info.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(info, "w") as target:
        while piece := source.read(1024 * 1024):
            target.write(piece)
