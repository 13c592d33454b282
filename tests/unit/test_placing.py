"""Where a file belongs by its name: codes, words, and when nothing is said."""

from __future__ import annotations

import pytest

from intranet.domain.placing import Place, suggest

LABELS = {
    "K1.1": ["联盟章程文本"],
    "K1.2": ["章程审议或备案证明"],
    "K2.1": ["三年发展规划", "年度计划", "年度总结"],
    "K3.1a": ["活动方案", "活动实施情况材料"],
    "K3.1b": ["活动方案", "活动实施情况材料"],
    "P4": ["会议方案（或内容）、会议纪要或会议简报", "会议签到表"],
    "P10ab": ["实施方案"],
}
TITLES = {"K3.1a": "区级活动", "K3.1b": "市级活动"}
PAGES = {"K1.1": "K1", "K1.2": "K1", "K2.1": "K2", "K3.1a": "K3", "K3.1b": "K3", "P4": "P4", "P10ab": "P10"}


def places(*there: str) -> list[Place]:
    """All places; missing ones but for those in ``there``. Two pages have a free place too."""
    out = [
        Place(f"{code}#{n}", code, page, page.lstrip("KP"), label, n, TITLES.get(code, ""), ref not in there)
        for code, labels in LABELS.items()
        for n, label in enumerate(labels, 1)
        for page, ref in [(PAGES[code], f"{code}#{n}")]
    ]
    return [
        *out,
        Place("free K2", "K2", "K2", "2", "其他佐证材料"),
        Place("free P9", "P9", "P9", "9", "其他佐证材料"),
    ]


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        # a code that leaves one place
        ("K1.1.pdf", "K1.1#1"),
        ("k1.1 扫描件.pdf", "K1.1#1"),
        ("【K1.2】甲山小学.pdf", "K1.2#1"),
        ("1.2 甲山小学.pdf", "K1.2#1"),  # its letters left out
        ("Ｋ１．１　章程.pdf", "K1.1#1"),  # full-width
        ("P10 甲山小学.pdf", "P10ab#1"),
        ("P9 照片.jpg", "free P9"),  # nothing is asked there
        # code and number of the material
        ("P4-1.pdf", "P4#1"),
        ("P4-2 甲山小学.pdf", "P4#2"),
        ("K2.1-3 乙水小学.docx", "K2.1#3"),
        ("K1-2 甲山小学.pdf", "K1.2#1"),  # the clause below
        # a code that leaves several: the words decide
        ("P4 签到.jpg", "P4#2"),
        ("K2 总结.docx", "K2.1#3"),
        ("K3.1b 方案.pdf", "K3.1b#1"),
        # words alone
        ("联盟章程.docx", "K1.1#1"),
        ("2030年度总结 定稿.docx", "K2.1#3"),
        ("会议签到表(2).jpg", "P4#2"),
        ("甲山小学三年发展规划.pdf", "K2.1#1"),
        ("3月会议签到.jpg", "P4#2"),  # 3 is a month, no number of an indicator
        ("区级活动方案.pdf", "K3.1a#1"),  # the title of the clause tells them apart
        ("4 签到.jpg", "P4#2"),  # a bare number helps
        # too little, or as much for one as for another
        ("IMG_2041.jpg", None),
        ("微信图片_20300901.jpg", None),
        ("20300901.pdf", None),
        ("活动方案.pdf", None),
        ("方案.pdf", None),
        ("签到.jpg", None),
        ("P4 材料.pdf", None),
        ("K3 方案.pdf", None),
        ("Z7 财务报表.xlsx", None),
        ("12.pdf", None),
        (".pdf", None),
        ("", None),
    ],
)
def test_a_name_says_where_it_belongs(name: str, ref: str | None) -> None:
    assert suggest([name], places()) == [ref]


def test_of_equal_places_the_only_missing_one() -> None:
    assert suggest(["活动方案.pdf"], places("K3.1a#1")) == ["K3.1b#1"]
    assert suggest(["活动方案.pdf"], places("K3.1a#1", "K3.1b#1")) == [None]


def test_each_name_by_itself_and_without_places() -> None:
    assert suggest(["K1.1.pdf", "x.pdf", "P4-2.pdf"], places()) == ["K1.1#1", None, "P4#2"]
    assert suggest(["K1.1.pdf"], []) == [None]
    assert suggest([], places()) == []
