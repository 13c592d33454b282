"""Made-up evidence of a unit: texts, scans, photographs and office files, the same on every run."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw

from intranet.storage import accepted
from intranet.volume import typeset
from intranet.volume.plan import Document, Material, Plan, Section

WORDS = "集团办学章程会议纪要教师交流名册学生社团活动方案总结签到表课题研究报告家校共育质量监测"


def pdfs(folder: Path, files: int, pages: int) -> list[Document]:
    """``files`` PDF of ``pages`` in all, half of them scans, sizes as they come: many short, a few long."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(4)
    shares = [draw.paretovariate(1.3) for _n in range(files)]
    counts = [max(1, round(pages * share / sum(shares))) for share in shares]
    while sum(counts) != pages:
        n = draw.randrange(files)
        if counts[n] > 1 or sum(counts) < pages:
            counts[n] += 1 if sum(counts) < pages else -1
    made = []
    for n, count in enumerate(counts, 1):
        data = scans(draw, count) if n % 2 else texts(draw, count)
        made.append(put(folder, n, f"材料{n:03}.pdf", data))
    return made


def put(folder: Path, number: int, name: str, data: bytes) -> Document:
    path = folder / f"{number:04}"
    path.write_bytes(data)
    kind = accepted.MEDIA_TYPES[accepted.ending(name)]
    return Document(number, name, kind, hashlib.sha256(data).hexdigest(), str(path))


def sentence(draw: random.Random, length: int) -> str:
    return "".join(draw.choice(WORDS) for _n in range(length))


def texts(draw: random.Random, pages: int) -> bytes:
    """Pages as a word processor prints them: an embedded font and about 700 characters each."""
    source = typeset._HEAD + '#set page(paper: "a4")\n#for p in d.pages { par(p); pagebreak(weak: true) }'
    return typeset._compile(source, {"pages": [sentence(draw, 700) for _n in range(pages)]})


def scans(draw: random.Random, pages: int) -> bytes:
    """One grey JPEG of 105 dpi a page, as an office scanner makes them."""
    with pikepdf.new() as pdf:
        for _n in range(pages):
            data = jpeg(draw, (868, 1228), "L", 55)
            image = pdf.make_stream(data)
            image.Type, image.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
            image.Width, image.Height, image.BitsPerComponent = 868, 1228, 8
            image.ColorSpace, image.Filter = pikepdf.Name.DeviceGray, pikepdf.Name.DCTDecode
            page = pdf.add_blank_page(page_size=(595, 842))
            page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
            page.obj.Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Im0 Do Q")
        out = io.BytesIO()
        pdf.save(out)
        return out.getvalue()


def jpeg(draw: random.Random, size: tuple[int, int], mode: str, quality: int) -> bytes:
    """Lines of strokes on paper."""
    image = Image.new(mode, size, "white")
    pen = ImageDraw.Draw(image)
    for top in range(40, size[1] - 40, 26):
        left = 40
        while left < size[0] - 60:
            width = draw.randrange(6, 26)
            pen.rectangle(
                (left, top, left + width, top + draw.randrange(3, 16)),
                fill=draw.randrange(90) if mode == "L" else (draw.randrange(255), 60, 60),
            )
            left += width + draw.randrange(4, 12)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def docx(draw: random.Random, paragraphs: int) -> bytes:
    """A Word file of these paragraphs, as small as one can be."""
    words = "".join(f"<w:p><w:r><w:t>{sentence(draw, 90)}</w:t></w:r></w:p>" for _n in range(paragraphs))
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
        '.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        'officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{words}</w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return out.getvalue()


def mixed(folder: Path) -> list[Document]:
    """The 60 files of a unit as schools have them: 30 PDF, 20 photographs, 5 Word files, 5 texts."""
    documents = pdfs(folder, 30, 300)
    draw = random.Random(7)
    for n in range(31, 51):
        kind, mode = ("PNG", "png") if n % 5 == 0 else ("JPEG", "jpg")
        data = jpeg(draw, (3024, 4032), "RGB", 85)
        if kind == "PNG":
            out = io.BytesIO()
            with Image.open(io.BytesIO(data)) as image:
                image.resize((1080, 1920)).save(out, "PNG")
            data = out.getvalue()
        documents.append(put(folder, n, f"照片{n}.{mode}", data))
    for n in range(51, 56):
        documents.append(put(folder, n, f"总结{n}.docx", docx(draw, 40)))
    for n in range(56, 61):
        documents.append(put(folder, n, f"说明{n}.txt", sentence(draw, 3000).encode("gb18030")))
    return documents


def plan(documents: list[Document], a_section: int = 5) -> Plan:
    numbers = [d.number for d in documents]
    groups = [tuple(numbers[n : n + a_section]) for n in range(0, len(numbers), a_section)]
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
                f"第 {n} 项指标",
                "按示例办法的要求提供材料。",
                tuple(Material(f"材料 {k}", (k,), "there") for k in group),
                # Every section cites the first document of the section before once more.
                (*group, groups[n - 2][0]) if n > 1 else group,
            )
            for n, group in enumerate(groups, 1)
        ),
        documents=tuple(documents),
    )
