"""Errors as pages: what is safe, what to do, a number to quote. Never a stack trace."""

from __future__ import annotations

import logging
import secrets

import flask
from flask import Flask, Response, g, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from intranet.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from intranet.i18n import _

from . import context
from .forms import answer, wants_fragment

log = logging.getLogger("intranet")


def page(status: int, title: str, text: str, *, number: str = "") -> Response:
    """The error page, or the note that htmx puts where the answer would have been."""
    template = "errors/_note.html" if wants_fragment() else "errors/page.html"
    response = answer(
        template,
        status=status,
        title=title,
        text=text,
        number=number,
        help_line=context.ground().settings.help_line,
        back=request.referrer if request.method != "GET" else None,
    )
    if wants_fragment():
        response.headers["HX-Retarget"] = "#notes"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _domain(error: DomainError) -> Response:
    titles = {
        NotFound: _("没有找到"),
        Forbidden: _("没有权限"),
        Invalid: _("有一处要改"),
        Conflict: _("有人刚刚改过"),
    }
    if not isinstance(error, (NotFound, Forbidden)):
        log.info("refused: %s %s: %r", request.method, request.path, error.message)
    return page(error.status, titles.get(type(error), _("现在不能这样做")), error.message)


def _http(error: HTTPException) -> Response:
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, OperationalError):  # the commit itself failed, after the view had answered
        return _busy(cause)
    if isinstance(cause, Exception):
        return _unexpected(cause)
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        limit = context.ground().settings.upload_limit // (1024 * 1024)
        return page(
            413, _("文件太大"), _("一次最多上传 %(limit)s MB。请压缩后再传，或拆成几份。", limit=limit)
        )
    texts = {
        400: (_("请求不完整"), _("请返回上一页刷新后再试。")),
        403: (_("没有权限"), _("您没有打开这一页的权限，或页面已过期。请刷新后再试。")),
        404: (_("没有找到"), _("没有这个地址。它可能已被删除，或您无权查看。")),
        405: (_("不能这样打开"), _("请从页面上的按钮进入。")),
    }
    title, text = texts.get(status, (_("请求没有完成"), _("请返回上一页再试一次。")))
    return page(status, title, text)


def _busy(error: OperationalError) -> Response:
    number = secrets.token_hex(4)
    log.error("database %s: %s", number, error.orig)
    _roll_back()
    text = _("服务器正忙或存储有故障，这次可能没有保存。内容还在原页面，请稍后再试一次。")
    response = page(503, _("暂时没保存上"), text, number=number)
    response.headers["Retry-After"] = "5"
    return response


def _unexpected(error: Exception) -> Response:
    number = secrets.token_hex(4)
    log.exception("error %s at %s %s", number, request.method, request.path)
    _roll_back()
    return page(
        500,
        _("程序出错了"),
        _("这一步没有完成，已保存的内容不受影响。请把错误编号告诉管理员。"),
        number=number,
    )


def _roll_back() -> None:
    if "db" in g:
        g.db.rollback()
        g.db.close()
        flask.g.pop("db")


def install(app: Flask) -> None:
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(Exception, _unexpected)
