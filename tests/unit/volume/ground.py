"""Files and plans for the tests of the volume, and a volume read back."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from intranet.volume.build import Built, build
from intranet.volume.plan import Document, Material, Plan, Section

Put = Callable[..., Document]


def pdf_of(pages: int, text: str = "page", *, rotate: int = 0, size: tuple[int, int] = (595, 842)) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        for n in range(pages):
            page = pdf.add_blank_page(page_size=size)
            font = pikepdf.Dictionary(
                Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
            )
            page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
            page.obj.Contents = pdf.make_stream(f"BT /F1 20 Tf 60 400 Td ({text} {n + 1}) Tj ET".encode())
            if rotate:
                page.obj.Rotate = rotate
        pdf.save(out)
    return out.getvalue()


def picture(size: tuple[int, int], kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 40).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def plan_of(documents: list[Document], *sections: tuple[int, ...], pictures: int = 1) -> Plan:
    return Plan(
        title="佐证材料汇编",
        unit="甲山教育集团",
        cycle="示例年度考核",
        notice="示例办法",
        bureau="示例区教育局",
        date_text="2031 年 5 月 16 日",
        sections=tuple(
            Section(
                f"B{n}",
                f"B{n}",
                f"第{n}项指标",
                "要求如下。",
                (Material("会议纪要", numbers[:1], "there"),),
                numbers,
            )
            for n, numbers in enumerate(sections, 1)
        ),
        documents=tuple(documents),
        pictures=pictures,
    )


def texts(path: Path) -> list[str]:
    out = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True)
    return ["".join(page.split()) for page in out.stdout.decode().split("\f")[:-1]]


def make(plan: Plan, tmp_path: Path, **options: object) -> tuple[Built, Path]:
    target = tmp_path / "out" / "volume.pdf"
    return build(plan, target, tmp_path / "cache", **options), target  # type: ignore[arg-type]


needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="NO POPPLER: pdftotext is not installed, no page was read back"
)
