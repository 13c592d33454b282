"""Answers that are files made by the application."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, make_response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def disposition(name: str, *, inline: bool = False) -> str:
    """Content-Disposition after RFC 6266: a plain fallback, and the real name in UTF-8."""
    safe = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in name)[:180] or "file"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in safe)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def xlsx(data: bytes, name: str) -> Response:
    response = make_response(data)
    response.headers["Content-Type"] = XLSX
    response.headers["Content-Disposition"] = disposition(f"{name}.xlsx")
    return response


def docx(data: bytes, name: str) -> Response:
    return _file(data, f"{name}.docx", DOCX)


def zipped(data: bytes, name: str) -> Response:
    return _file(data, f"{name}.zip", "application/zip")


def _file(data: bytes, name: str, media_type: str) -> Response:
    response = make_response(data)
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = disposition(name)
    return response
