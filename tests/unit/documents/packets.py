"""Sealed packets as the tool makes them, in Python: members stored, the manifest signed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from intranet.domain.packet import sign

KEY = b"k" * 32
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"

Member = tuple[str, bytes]


def manifest(
    files: Mapping[str, tuple[bytes, Sequence[str]]], workbook: bytes | None = None, **more: Any
) -> dict[str, Any]:
    """:param files: by name their content and places; :param more: what stands there instead."""
    said = [
        {
            "path": f"files/{n:04}.{name.rpartition('.')[2]}",
            "name": name,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "refs": list(refs),
        }
        for n, (name, (content, refs)) in enumerate(files.items(), 1)
    ]
    book = workbook and {
        "name": "填报表.xlsx",
        "size": len(workbook),
        "sha256": hashlib.sha256(workbook).hexdigest(),
    }
    return {
        "format": "1",
        "cycle": 1,
        "cycle_title": "示例年度考核",
        "entry": "g01",
        "unit": "甲山教育集团",
        "rubric": "sample",
        "fingerprint": "f",
        "issue": 1,
        "made_at": "2031-05-06T01:02:03.000Z",
        "by": "填报甲",
        "workbook": book or None,
        "files": said,
        **more,
    }


def members(
    said: Mapping[str, Any],
    files: Mapping[str, tuple[bytes, Sequence[str]]],
    workbook: bytes | None = None,
    *,
    key: bytes = KEY,
) -> list[Member]:
    """What the tool puts into the zip, in its order."""
    data = json.dumps(said, ensure_ascii=False).encode()
    out = [("manifest.json", data), ("signature.txt", sign(key, data).encode())]
    if workbook is not None:
        out.append(("workbook.xlsx", workbook))
    contents = {name: content for name, (content, _refs) in files.items()}
    return out + [(f["path"], contents[f["name"]]) for f in said["files"] if f["name"] in contents]


def stored(parts: Sequence[Member], *, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return out.getvalue()


def packet(
    files: Mapping[str, tuple[bytes, Sequence[str]]],
    workbook: bytes | None = None,
    *,
    key: bytes = KEY,
    **more: Any,
) -> bytes:
    said = manifest(files, workbook, **more)
    return stored(members(said, files, workbook, key=key))
