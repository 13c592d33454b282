"""The two languages: Chinese is the source, English comes from the catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo

from intranet import i18n
from intranet.i18n import gettext, ngettext, use_language


def test_chinese_is_the_message_itself() -> None:
    with use_language("zh_CN"):
        assert gettext("得分账本") == "得分账本"
        assert gettext("理由最多 %(n)s 个字。", n=300) == "理由最多 300 个字。"


def test_english_comes_from_the_catalogue() -> None:
    with use_language("en"):
        assert gettext("得分账本") == "Ledger"
        assert gettext("理由最多 %(n)s 个字。", n=300) == "The reason may have at most 300 characters."
        assert gettext("请填 5、0.5") == "请填 5、0.5", "what the catalogue lacks stays Chinese"


def test_percent_sign_and_space_at_the_edge_survive() -> None:
    with use_language("en"):
        said = gettext("“%(text)s”不是准确的数，请填 5、0.5 或 20%% 这样的数。", text="五")
        assert said == "“五” is not an exact number; please enter one like 5, 0.5 or 20%."
        assert gettext("、") == ", "


@pytest.mark.parametrize("language", ["fr", "", "EN", "zh-CN", "../en"])
def test_unknown_language_falls_back_to_chinese(language: str) -> None:
    with use_language("en"):
        with use_language(language):
            assert i18n.current_language() == "zh_CN"
            assert gettext("得分账本") == "得分账本"
        assert gettext("得分账本") == "Ledger", "the language before is back"


def test_set_language_ignores_an_unknown_one() -> None:
    with use_language("zh_CN"):
        i18n.set_language("en")
        assert i18n.current_language() == "en"
        i18n.set_language("xx")
        assert i18n.current_language() == "zh_CN"


def test_header_of_the_catalogue_has_plurals_and_nothing_that_changes() -> None:
    assert i18n._catalogue("en").info() == {
        "project-id-version": "intranet",
        "language": "en",
        "plural-forms": "nplurals=2; plural=(n != 1);",
        "mime-version": "1.0",
        "content-type": "text/plain; charset=utf-8",
        "content-transfer-encoding": "8bit",
    }


@pytest.fixture
def small_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue with one plural message."""
    catalog = Catalog(locale="en")
    catalog.add(("%(num)s 份材料", "%(num)s 份材料"), ("one material", "%(num)s materials"))
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalog)
    monkeypatch.setattr(i18n, "_CATALOGUES", tmp_path)
    i18n._catalogue.cache_clear()
    yield
    i18n._catalogue.cache_clear()


@pytest.mark.usefixtures("small_catalogue")
@pytest.mark.parametrize(
    ("n", "chinese", "english"),
    [(0, "0 份材料", "0 materials"), (1, "1 份材料", "one material"), (2, "2 份材料", "2 materials")],
)
def test_ngettext_chooses_the_form(n: int, chinese: str, english: str) -> None:
    with use_language("zh_CN"):
        assert ngettext("%(num)s 份材料", "%(num)s 份材料", n) == chinese
    with use_language("en"):
        assert ngettext("%(num)s 份材料", "%(num)s 份材料", n) == english


def test_ngettext_without_a_translation_keeps_the_source() -> None:
    with use_language("en"):
        assert ngettext("%(num)s 头一个", "%(num)s 好几个", 1) == "1 头一个"
        assert ngettext("%(num)s 头一个", "%(num)s 好几个", 3, num="三") == "三 好几个"
