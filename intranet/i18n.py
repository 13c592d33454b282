"""Translation for every layer, with and without a web request.

zh-CN is the source language: the Chinese text in the code is the message id. The web layer sets
the language of a request with :func:`use_language`; the command line and documents stay Chinese
unless told otherwise.
"""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

SOURCE = "zh_CN"
LANGUAGES = {"zh_CN": "中文", "en": "English"}

_language: ContextVar[str] = ContextVar("language", default=SOURCE)
_CATALOGUES = Path(__file__).parent / "translations"


@cache
def _catalogue(language: str) -> _gettext.NullTranslations:
    return _gettext.translation("messages", _CATALOGUES, languages=[language], fallback=True)


def current_language() -> str:
    return _language.get()


def set_language(language: str) -> None:
    """Set the language of this thread of work; an unknown one becomes Chinese."""
    _language.set(language if language in LANGUAGES else SOURCE)


@contextmanager
def use_language(language: str) -> Iterator[None]:
    token = _language.set(language if language in LANGUAGES else SOURCE)
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str, /, **values: object) -> str:
    """Translate ``message`` and fill in ``%(name)s`` places."""
    text = message if current_language() == SOURCE else _catalogue(current_language()).gettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    values.setdefault("num", n)
    if current_language() == SOURCE:
        return singular % values
    return _catalogue(current_language()).ngettext(singular, plural, n) % values


_ = gettext
