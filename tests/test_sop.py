"""Documents to SOP rows: readers, structure, flattening and its inverse, prompts, the verb."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import SourceError
from curator.sop.convert import document_of, parts_of, read_document, rows
from curator.sop.document import Code, Document, Para, Section, Step, Table, from_json, number, steps, to_json
from curator.sop.flatten import flatten, parse, section_text
from curator.sop.prompts import asked, topic
from curator.sop.reading import words_of
from curator.sop.roles import role_of
from curator.sop.run import checks
from tests.conftest import ROOT

for package in ("lxml", "trafilatura", "markdown_it", "mammoth", "pdfplumber"):
    pytest.importorskip(package)

SHARED = ROOT.parent / "shared"
SAMPLES = ROOT / "samples" / "sop"


def _quality():
    spec = importlib.util.spec_from_file_location("quality_sop", ROOT / "tests" / "quality" / "sop.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["quality_sop"] = module
    spec.loader.exec_module(module)
    return module


quality = _quality()


def read(text: str, name: str = "x.md") -> Document:
    return document_of(text.encode(), name)


def all_steps(document: Document) -> list[Step]:
    return [step for section in document.sections for step in steps(section.blocks)]


# ---------------------------------------------------------------------- against expectations written by hand


@pytest.mark.parametrize(
    ("path", "expected"), list(quality.documents([SAMPLES])), ids=lambda v: v.name if isinstance(v, Path) else ""
)
def test_the_samples_come_out_as_expected(path: Path, expected: dict) -> None:
    document = read_document(path)
    source = quality.source_text(path, document)
    score = quality.score(quality.ours(document), expected, source, [(s.heading, s.role) for s in document.sections])
    assert (
        min(score.sections, score.precision, score.roles, score.steps, score.order, score.numbers, score.verbatim) == 1
    )
    assert score.leaks == 0 and score.cells in (1, None)
    assert document.title.casefold() == expected["title"].casefold()
    assert topic(document.title).casefold() == expected["topic"].casefold()


def test_the_example_of_the_guides_comes_out_as_it_is_expected() -> None:
    guide = SHARED / "guides" / "003_9e36ecdb1f1e65e0.txt"
    if not guide.exists():
        pytest.skip("no shared data")
    answer = re.search(r'"role": "assistant",\s*"content": "(Title.*?)"\}', guide.read_text(encoding="utf-8"), re.S)
    text = re.sub(r"\n +", "\n", answer[1]).replace("\\n", "\n")
    document = read(text, "seed.txt")
    expected = json.loads((SHARED / "data" / "sop" / "expected" / "seed_tablet_compression.json").read_text())
    assert document.title == expected["title"]
    assert topic(document.title) == expected["prompt_topic"]
    assert [(s.role, s.number, s.heading) for s in document.sections] == [
        (s["role"], s["number"], s["heading"]) for s in expected["sections"]
    ]
    for section, wanted in zip(document.sections, expected["sections"], strict=True):
        assert [step.number for step in steps(section.blocks)] == wanted.get("numbers", [])
    assert len(document.sections[-1].blocks) == 2
    assert re.sub(r"\s+", " ", flatten(document)) == re.sub(r"\s+", " ", text)


@pytest.mark.slow
def test_four_formats_of_one_plan_give_the_same_sections_and_steps() -> None:
    folder = SHARED / "data" / "sop"
    if not folder.exists():
        pytest.skip("no shared data")
    found = {kind: read_document(folder / f"counteractive_plan.{kind}") for kind in ("md", "html", "docx", "pdf")}
    plain = {kind: Counter(" ".join(words_of(step.text)) for step in all_steps(d)) for kind, d in found.items()}
    for kind in ("html", "docx", "pdf"):
        shared = sum((plain["md"] & plain[kind]).values())
        assert shared >= 0.95 * sum(plain["md"].values()), kind
        heads = [s.heading for s in found["md"].sections if s.level == 1 and s.heading]
        assert heads == [s.heading for s in found[kind].sections if s.level == 1 and s.heading], kind


GOLDEN = ROOT / "tests" / "golden" / "sop"


@pytest.mark.parametrize("path", sorted(p for p in GOLDEN.iterdir() if p.suffix != ".expected"), ids=lambda p: p.name)
def test_pages_in_other_frames_come_out_as_written_down(path: Path) -> None:
    """`UPDATE_GOLDEN=1` writes the expected answers anew."""
    text = flatten(read_document(path)) + "\n"
    golden = path.with_suffix(".expected")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


# ---------------------------------------------------------------------- flattening and its inverse

line = st.lists(st.sampled_from("wipe the bowl, twice and: dry (all) parts | at 5 °C".split()), min_size=1, max_size=6).map(" ".join).filter(
    lambda text: not re.match(r"[\d|]", text)
)  # fmt: skip
heading = st.sampled_from(["Objective", "What to do?", "Reference: The list", "Set-up (A)", "Stop!"])


def step(children: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(Step, line, children=children)


leaf = st.one_of(
    st.builds(Para, line),
    st.builds(Code, st.just("a\n\nb ``` c"), st.sampled_from(["", "sh"])),
    st.builds(Table, st.just([]), st.just([["x", "y"], ["z", ""]])),
)
block = st.one_of(leaf, step(st.lists(st.one_of(leaf, step(st.lists(leaf, max_size=2))), max_size=3)))
section = st.builds(Section, heading, level=st.integers(1, 3), blocks=st.lists(block, max_size=4))
document = st.builds(Document, title=line, sections=st.lists(section, min_size=1, max_size=5))


def outline(document: Document) -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [(s.number, s.heading, [(x.number, x.text) for x in steps(s.blocks)]) for s in document.sections]


@settings(max_examples=150, deadline=None)
@given(document)
def test_what_is_flattened_is_read_back_with_the_same_numbers_headings_and_steps(document: Document) -> None:
    number(document)
    text = flatten(document)
    again = parse(text)
    assert again.title == document.title
    assert outline(again) == outline(document)
    assert flatten(again) == text
    assert "\n\n\n" not in text


@settings(max_examples=50, deadline=None)
@given(document)
def test_a_document_survives_its_json(document: Document) -> None:
    assert from_json(to_json(document)) == document


def test_sections_and_steps_are_numbered_without_a_gap() -> None:
    document = read(
        "# SOP: Pump\n\n## 3. Purpose\n\nTo pump.\n\n## 7. Procedure\n\n7. Open it.\n   - Slowly.\n9. Close it.\n\n### Then\n\n1. Go.\n"
    )
    assert [s.number for s in document.sections] == ["1.0", "2.0", "2.3"]
    assert [s.number for s in all_steps(document)] == ["2.1", "2.1.1", "2.2", "2.3.1"]
    assert [s.number_source for s in document.sections] == ["3", "7", ""]


# ---------------------------------------------------------------------- structure


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("1.0 Purpose", "objective"), ("AIM", "objective"), ("Roles & Responsibilities", "responsibility"), ("Cleaning procedure", "procedure"),
        ("PPE", "safety"), ("Alcance", "scope"), ("Procedimiento", "procedure"), ("Zuständigkeiten", "responsibility"),
        ("Durchführung", "procedure"), ("Mode opératoire", "procedure"), ("Domaine d'application", "scope"), ("Lunch menu", "other"),
    ],
)  # fmt: skip
def test_a_heading_tells_what_a_section_is_for(heading: str, role: str) -> None:
    assert role_of(heading) == role


def test_admonitions_task_lists_and_step_paragraphs() -> None:
    document = read(
        '# Pump\n\n## Procedure\n\n!!! warning "Hot surface"\n    - [ ] Wear gloves.\n\n- [x] Open the valve.\n\n!!! danger\n    Never run dry.\n\nStep 1: Press start.\n\nStep 2\n\nWait a minute.\n'
    )
    found = all_steps(document)
    assert [s.text for s in found] == ["Wear gloves.", "Open the valve.", "Press start.", "Wait a minute."]
    assert found[0].note == "warning"
    assert [b.text for b in document.sections[0].blocks if isinstance(b, Para)] == [
        "Hot surface",
        "Danger: Never run dry.",
    ]


def test_headings_are_inferred_where_a_page_has_none() -> None:
    page = "<p><b>1. PURPOSE</b></p><p>To clean.</p><p><b>2. PROCEDURE</b></p><p>2.1 Open it.</p><p>a) Slowly.</p><p>2.2 Close it.</p>"
    document = read(f"<html><title>SOP Pump</title><body>{page}</body></html>", "x.html")
    assert [(s.heading, s.role) for s in document.sections] == [("PURPOSE", "objective"), ("PROCEDURE", "procedure")]
    assert [(s.number, s.text) for s in all_steps(document)] == [
        ("2.1", "Open it."),
        ("2.1.1", "Slowly."),
        ("2.2", "Close it."),
    ]


def test_what_is_left_out_is_recorded_with_its_reason() -> None:
    document = read(
        "# SOP: Pump\n\nVersion: 3\n\n## Contents\n\n- [Procedure](#procedure)\n\n## Procedure\n\n1. Open.\n2. Close.\n\nPage 2 of 9\n\nApproved by: ________\n\n## Revision history\n\n| v | d |\n|---|---|\n| 1 | x |\n"
    )
    assert {d.reason for d in document.dropped} == {"metadata", "toc", "page-residue", "signature", "revision-history"}
    assert document.metadata == {"version": "3"}
    assert [s.heading for s in document.sections] == ["Procedure"]


def test_a_heading_that_is_a_button_is_kept() -> None:
    page = (
        "<main><h1>SOP</h1>"
        + "".join(
            f"<h2><button>Step {n}: Do it</button></h2><ol><li>Open {n}.</li><li>Close.</li></ol>" for n in (1, 2)
        )
        + "</main>"
    )
    assert [s.heading for s in read(f"<html><body>{page}</body></html>", "x.html").sections] == [
        "Step 1: Do it",
        "Step 2: Do it",
    ]


def test_tables_code_and_pictures_stay_where_they_are() -> None:
    document = read(
        "# Runbook\n\n## Steps\n\n1. Run:\n\n   ```sh\n   ls\n\n   pwd\n   ```\n2. Look at ![the dial](x.png).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    assert flatten(document).endswith("1.1 Run:\n```sh\nls\n\npwd\n```\n1.2 Look at .\na | b\n1 | 2")


def test_scripts_and_styles_are_never_text_and_deep_markup_is_read() -> None:
    page = (
        "<html><body><style>p{}</style><script>evil()</script>"
        + "<div>" * 1500
        + "<h1>SOP: Pump</h1><ol><li>Open.</li><li>Close.</li></ol>"
        + "</div>" * 1500
    )
    text = flatten(read(page, "x.html"))
    assert "evil" not in text and "p{}" not in text and "Open." in text


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "# SOP: Pump",
                "## Procedure",
                "1. Open it.",
                "- Close it.",
                "Wipe.",
                "| a | b |\n|---|---|\n| c | d |",
                "!!! note",
                "    deep",
                "Step 1",
                "<b>x</b>",
                "**Scope**",
                "&amp;",
                "```",
                "2.1 Go",
            ]
        ),
        max_size=12,
    )
)
def test_every_word_of_an_answer_stands_in_the_source(parts: list[str]) -> None:
    text = "# SOP: Pump\n\n1. Go on.\n2. Stop.\n\n" + "\n\n".join(parts)
    document = read(text)
    known = set(words_of(text))
    answer = re.sub(r"^(?:Title:|[\d.]+ ?)", "", flatten(document), flags=re.M)
    assert [word for word in words_of(answer) if word not in known] == []


# ---------------------------------------------------------------------- text, DOCX, PDF


def test_wrapped_lines_of_text_are_joined_and_nested_by_their_numbers() -> None:
    document = read(
        "CLEANING OF THE PUMP\n\n1. PURPOSE\n\nTo keep the pump clean so that the next\nbatch is not spoilt by what was left of the\nlast one.\n\n"
        "2. PROCEDURE\n\n2.1 Switch the pump off at the wall and hang up\n    the tag.\n2.2 Open the lid:\n    a) loosen the screws\n    b) lift it\n2.3 Close it.\n",
        "x.txt",
    )
    assert document.title == "CLEANING OF THE PUMP"
    assert flatten(document).split("\n\n")[1:] == [
        "1.0 PURPOSE: To keep the pump clean so that the next batch is not spoilt by what was left of the last one.",
        "2.0 PROCEDURE:\n2.1 Switch the pump off at the wall and hang up the tag.\n2.2 Open the lid:\n2.2.1 loosen the screws\n2.2.2 lift it\n2.3 Close it.",
    ]


def docx(body: str, extra: dict[str, bytes] | None = None) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    level = "".join(
        f'<w:lvl w:ilvl="{n}"><w:numFmt w:val="decimal"/><w:lvlText w:val="%{n + 1}."/></w:lvl>' for n in range(3)
    )
    files = {
        "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/numbering" Target="numbering.xml"/></Relationships>',
        "word/numbering.xml": f'<w:numbering {space}><w:abstractNum w:abstractNumId="0">{level}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'.encode(),
        "word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>".encode(),
        **(extra or {}),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def word_paragraph(text: str, level: int | None = None, bold: bool = False) -> str:
    listed = (
        f'<w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr></w:pPr>' if level is not None else ""
    )
    return f"<w:p>{listed}<w:r>{'<w:rPr><w:b/></w:rPr>' if bold else ''}<w:t>{text}</w:t></w:r></w:p>"


def test_numbers_that_word_computes_are_computed() -> None:
    parts = [
        word_paragraph("SOP for the Pump", bold=True),
        word_paragraph("Purpose", bold=True),
        word_paragraph("To pump."),
        word_paragraph("Procedure", bold=True),
    ]
    parts += [
        word_paragraph(text, level)
        for text, level in (("Open it.", 0), ("Loosen the screws.", 1), ("Lift it.", 1), ("Close it.", 0))
    ]
    document = document_of(docx("".join(parts)), "pump.docx")
    assert document.title == "SOP for the Pump"
    assert [(s.number, s.text) for s in all_steps(document)] == [
        ("2.1", "Open it."),
        ("2.1.1", "Loosen the screws."),
        ("2.1.2", "Lift it."),
        ("2.2", "Close it."),
    ]


def pdf(pages: list[list[tuple[int, str]]]) -> bytes:
    """A PDF of (letter size, text) lines; F1 is regular, sizes from 14 on are set in bold."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    ]
    kids = []
    for lines in pages:
        height, drawn = 800, []
        for size, text in lines:
            height -= size + (14 if size > 12 else 4)
            safe = text.replace("(", r"\(").replace(")", r"\)")
            drawn.append(f"BT /F{2 if size >= 14 else 1} {size} Tf 50 {height} Td ({safe}) Tj ET")
        stream = "\n".join(drawn)
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 500 820] /Contents {len(objects)} 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = b"%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    return (
        out
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF".encode()
    )


def test_a_pdf_loses_running_headers_page_numbers_and_hyphens_at_line_ends() -> None:
    head = (9, "Acme Ltd - controlled copy")
    document = document_of(
        pdf(
            [
                [
                    head,
                    (20, "SOP for the Pump"),
                    (14, "1. Purpose"),
                    (10, "To keep the pump clean so that the next batch of any product is not conta-"),
                    (10, "minated by the last one."),
                    (9, "Page 1 of 3"),
                ],
                [
                    head,
                    (14, "2. Procedure"),
                    (10, "2.1 Switch the pump off."),
                    (10, "2.2 Open the lid."),
                    (9, "Page 2 of 3"),
                ],
                [head, (10, "2.3 Close the lid."), (14, "3. Records"), (10, "The log."), (9, "Page 3 of 3")],
            ]
        ),
        "pump.pdf",
    )
    assert flatten(document) == (
        "Title: SOP for the Pump\n\n1.0 Purpose: To keep the pump clean so that the next batch of any product is not contaminated by the last one.\n\n"
        "2.0 Procedure:\n2.1 Switch the pump off.\n2.2 Open the lid.\n2.3 Close the lid.\n\n3.0 Records: The log."
    )
    assert {d.reason for d in document.dropped} == {"page-residue"}
    assert all_steps(document)[2].origin.page == 3


# ---------------------------------------------------------------------- bad input

# A page that asks for a password, drawn by reportlab.
LOCKED = (
    "c-pO1Pl()P6u(LiN<po?eOg9$gx!39^CipLGLuZ|x_>(Cj8)vsA)9<NO*@keNoL($5kZ6=EP4<vURDr6L=h1WVnLAFTcH#LFCtz&c~B7X;!9@M"
    "jZUQ(=P+O1zu)`4_q~_Y+K#(OmY7z1>+0)=XiJTgG++03&^Z;W)X!CjzypOzFd3;hM+?bV#aS{*169`u!YJ9fq^+!Ix=RoRaZ5XMMpJQEsA<LA"
    "^fToq0H8muhPx_{0w3wEI7q@M9w7a>C~m}AbgbC)M+z07dS|ke?~g&~!atcFU;(U3DppBlg9)f+$Sn9EeM5zj-%R$<HpmzWODs_-3}kY$WSW+V"
    "dPr~kX;Gb=Mr^5Rg&8U<D`=CcrJW{0N96#e7j4nIY7a_U9r***oSpXUTtz(~2w+JLZG>>WoBDAHS?D!%R7xA1E2Z#CDTQex3Bl>vOl>Cd%sV?G"
    "It8%(+#e=`3Wlg)G$#4QBt;9CJ!X){pYbr0w#S6gMs)~Hm7hmR>=YCiHa*J4OCF~D0=O9-HAo=@9^)Vg>M_hbMtT3yp2ryVs5CN<N$gP&>i7un"
    "KeMf={TGuo%+LY|P}l#J6>cS*1PanV4+d(j74a{4j0lGS4+&2Y1}Eiox94HZJxT#n^2Z>70B~k4?>%|B2H1r&^C*$sLS00F3p<_E%Nv7XyrcqH"
    "1CJD*23hU`9NT~rvAqmAfUPuuQa8$n>e%h64WLAuP!ey{%SjlIVYPJEA7<6dH>w*I4RfeT@8o_Q`YCv?t9X!KM1-11KaW<ZZBWOcqS2&G5+O)S"
    "I<jRNgqYHBq-C@mr{zdSxMf;RA)7X_T_J2NY~oUB!Em<GB8L%03?>Y%aJylNhD{p=bsY;kO-!(GE$*~r)8$;?d;F$TeF4!*Me-k;IVo33UyEP}"
    "wh=3*xK~|-tP*O@Hv{&r(Xm%oP2s4ZTnu*zLo^e5$1TF70LpTh$C38y`i;@M-~Hg-y6@qe5B9%(<fmJM6K7w!|L~pbUw-)U2iHFR{Ohx?rAsO}"
    "d}8>?LpNSNflhtj{k<`G|IXF-mT#~9vRi-q=hNo~pS}9q=*l-AU3*~ZjUT@_`RDbo4o)@0Kd#(47@WM>*?JR5&(h84@1?4*VPt8?4MK(xOrSpc"
    "TW7$FrL@GyI*ZQfh-J;`IG*?863^)@GM9r8dKaBpiOo|#8mhGHJ-n6E{c(<r^8K!_I!N1IApwylvCRHX*!Kn5p~A96Xj&mBm}1V(+}oq4)hZvH"
    "!QDSNi;F0XU@rdk=>ZyXKS5$jX)8%`#HY`l=s-c!%iH(Uyu1Yh`=Qlpt@Ez-7g!bUE&"
)

BAD = {
    "empty.html": (b"<html><body> </body></html>", "an empty page"),
    "nothing.md": (b"", "an empty file"),
    "login.html": (b"<html><title>Sign in - Wiki</title><body><h1>Sign in</h1><form><input type=password></form><p>Please sign in with your account to read this page.</p></body></html>", "login page"),
    "news.html": (b"<html><body><article><h1>Local team wins</h1>" + b"<p>The team won the match on a rainy day in front of its fans.</p>" * 5 + b"</article></body></html>", "no procedure found"),
    "deep.html": (b"<html><body>" + b"<div>" * 5000 + b"<p>Open it.</p>", "nested over"),
    "broken.docx": (b"PK\x03\x04 not an archive", "a broken DOCX"),
    "word.docx": (docx("<w:p><w:r>"), "a broken DOCX"),
    "old.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "password"),
    "bomb.docx": (docx(word_paragraph("x"), {"word/big.xml": b"\0" * 30_000_000}), "unpacks to"),
    "locked.pdf": (zlib.decompress(base64.b85decode(LOCKED)), "a PDF with a password"),
    "parts.docx": (docx(word_paragraph("x"), {"word/numbering.xml": b"<w:numbering"}), "a broken DOCX"),
    "huge.docx": (docx(word_paragraph("x"), {"word/comments.xml": os.urandom(1 << 16) + b" " * 41_000_000}), "unpacks to"),
    "broken.pdf": (b"%PDF-1.4\nnothing here", "a broken PDF"),
    "scan.pdf": (pdf([[]]), "pictures of pages"),
    "named.pdf": (b"hello", "named PDF"),
    "data.json": (b'{"a": 1}', "no curator.sop/1 document"),
    "future.json": (b'{"schema": "curator.sop/9"}', "curator.sop/9"),
    "picture.bin": (b"\x89PNG\0\0\0", "no known kind"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_converted_says_why(name: str, tmp_path: Path) -> None:
    data, cause = BAD[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=re.escape(cause)) as found:
        read_document(tmp_path / name)
    assert name in str(found.value) and found.value.hint


def test_a_page_in_another_encoding_is_read() -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><h1>SOP: Kühlung</h1><ol><li>Öffnen.</li><li>Schließen.</li></ol></body></html>'
    assert document_of(page.encode("latin-1"), "x.html").title == "SOP: Kühlung"


def test_a_page_that_a_browser_saved_in_one_file_is_read() -> None:
    data = (
        b'From: <Saved by a browser>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<html><body><h1>SOP: K=C3=BChlung</h1><ol><li>Open it.</li><li>Close it.</li></ol></body></html>\r\n--b--\r\n"
    )
    document = document_of(data, "page.mhtml")
    assert document.title == "SOP: Kühlung"
    assert [step.text for step in all_steps(document)] == ["Open it.", "Close it."]
    with pytest.raises(SourceError, match="without its text"):
        document_of(b"MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\nx", "page.mhtml")


# ---------------------------------------------------------------------- prompts and rows


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("SOP for Cleaning of Mixers", "Cleaning of Mixers"),
        ("Standard Cleaning Procedure for Tablet Press", "Cleaning of Tablet Press"),
        ("SOP-QA-012 Handling of Deviations, Version 3", "Handling of Deviations"),
        ("Standard Operating Procedure: Line Clearance", "Line Clearance"),
        ("Cleaning of Mixers - Standard Operating Procedure (SOP)", "Cleaning of Mixers"),
        ("Procedimiento para la limpieza de tanques", "limpieza de tanques"),
        ("SOP", "SOP"),
    ],
)
def test_the_topic_is_the_title_without_its_frame(title: str, subject: str) -> None:
    assert topic(title) == subject


def test_prompts_depend_on_the_document_alone_and_the_first_wording_leads() -> None:
    documents = [Document(doc_id=str(n), title="SOP for Pumps") for n in range(400)]
    names = Counter(asked(d)[0][0] for d in documents)
    assert 200 <= names["write"] <= 240 and len(names) == 4
    assert asked(documents[7], 5) == asked(documents[7], 5)
    assert len({prompt for _, prompt in asked(documents[7], 5)}) == 5


def test_all_rows_of_a_document_carry_one_group() -> None:
    document = read_document(SAMPLES / "purified-water-sampling.md")
    made = list(rows(document, system="You write SOPs.", variants=3, sections=True))
    assert {row.value["group"] for row in made} == {document.doc_id}
    assert [turn["role"] for turn in made[0].value["messages"]] == ["system", "user", "assistant"]
    assert [row.wording for row in made[3:]] == ["section"] * len(document.sections)
    assert made[3].value["messages"][2]["content"] == section_text(document.sections[0])


@pytest.mark.parametrize("limit", [15, 40, 80, 10_000])
def test_a_long_answer_is_cut_between_steps_and_loses_nothing(limit: int) -> None:
    document = read_document(SAMPLES / "fluid-bed-dryer-cleaning.md")

    def count(text: str) -> int:
        return len(text.split())

    parts = list(parts_of(document, limit, count))
    assert [x for part in parts for x in part.split("\n") if x] == [x for x in flatten(document).split("\n") if x]
    for part in parts:
        top = [x for x in part.split("\n") if re.match(r"\d", x)]
        assert count(part) <= limit or len(top) <= 5


def test_checks_point_at_a_section() -> None:
    document = read(
        "# SOP for Pumps\n\n## Objective\n\nTo pump.\n\n## Scope\n\nAll.\n\n## Procedure\n\n1. Open ____.\n2. Close.\n3. Go.\n"
    )
    assert [(c.code, c.path) for c in checks(document, "gmp")] == [("SOP001", ""), ("SOP008", "s3")]


def test_slots_are_told_in_one_line_a_document() -> None:
    steps = "".join(f"{n}. Write to {{{{{name}_MAIL}}}}.\n" for n, name in enumerate("ABCDEFAG", 1))
    document = read(f"# SOP for Pumps\n\n## Scope\n\nAll.\n\n## Objective\n\nTo pump.\n\n## Procedure\n\n{steps}")
    [told] = [check for check in checks(document, "runbook") if check.code == "SOP008"]
    assert told.message == (
        "{{A_MAIL}}, {{B_MAIL}}, {{C_MAIL}}, {{D_MAIL}}, {{E_MAIL}} and 2 more were never filled in"
    )


# ---------------------------------------------------------------------- the command


def curator(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "curator", *words], cwd=cwd, capture_output=True, encoding="utf-8", check=False
    )


def test_the_command_writes_rows_and_documents_and_goes_on_past_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing")
    done = curator("sop", str(SAMPLES), "broken.pdf", "-o", "rows.jsonl", "--json", "docs", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "not converted: broken.pdf: a broken PDF" in done.stdout
    count = sum(path.is_file() for path in SAMPLES.iterdir())
    assert f"{count} rows of {count} documents in rows.jsonl" in done.stdout
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == count
    linted = curator("lint", "rows.jsonl", "--no-cache", "--fail-on", "error", cwd=tmp_path)
    assert linted.returncode == 0, linted.stdout

    edited = tmp_path / "docs" / "purified-water-sampling.json"
    edited.write_text(
        edited.read_text(encoding="utf-8").replace("Print the sampling plan", "Print out the sampling plan"),
        encoding="utf-8",
    )
    again = curator("sop", str(edited), "-o", "again.jsonl", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "Print out the sampling plan" in (tmp_path / "again.jsonl").read_text()


def test_nothing_is_written_where_nothing_was_converted(tmp_path: Path) -> None:
    (tmp_path / "empty.html").write_text("<html></html>")
    done = curator("sop", "empty.html", "missing.md", "-o", "rows.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and not (tmp_path / "rows.jsonl").exists()
    assert "missing.md: cannot be read" in done.stdout


@pytest.mark.parametrize(
    ("package", "name"), [("lxml", "x.html"), ("mammoth", "x.docx"), ("pdfplumber", "x.pdf"), ("markdown_it", "x.md")]
)
def test_a_missing_package_is_named_with_what_to_install(package: str, name: str, tmp_path: Path) -> None:
    data = {
        "x.html": b"<html><p>x</p></html>",
        "x.docx": docx(word_paragraph("x")),
        "x.pdf": pdf([[(10, "x")]]),
        "x.md": b"# x",
    }[name]
    (tmp_path / name).write_bytes(data)
    code = f"import sys; sys.modules[{package!r}] = None; from curator.cli import main; sys.exit(main(['sop', {name!r}, '-o', 'o.jsonl']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, env=None
    )
    assert done.returncode == 2 and 'pip install "finetune-curator[sop]"' in done.stderr


# ---------------------------------------------------------------------- what is read without losing its place


def test_what_stands_between_nested_steps_keeps_its_place() -> None:
    text = "CLEANING\n\n1. PROCEDURE\n\n1.1 Prepare the room\n\nThe room is cold.\n\n1.1.1 Switch the heater on.\n\nIt takes an hour.\n\n1.1.2 Close the door.\n\n1.2 Start.\n"
    lines = flatten(read(text, "x.txt")).split("\n")
    assert lines[-6:] == [
        "1.1 Prepare the room",
        "The room is cold.",
        "1.1.1 Switch the heater on.",
        "It takes an hour.",
        "1.1.2 Close the door.",
        "1.2 Start.",
    ]


def numbering(levels: list[tuple[str, str]], nums: str) -> dict[str, bytes]:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    made = "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for n, (form, text) in enumerate(levels)
    )
    return {
        "word/numbering.xml": f'<w:numbering {space}><w:abstractNum w:abstractNumId="0">{made}</w:abstractNum>{nums}</w:numbering>'.encode()
    }


ONE = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
DEEP = [("decimal", "%1."), ("decimal", "%1.%2"), ("lowerLetter", "%3)"), ("upperRoman", "%4.")]


def source_numbers(body: str, extra: dict[str, bytes]) -> list[str]:
    return [step.number_source for step in all_steps(document_of(docx(body, extra), "x.docx"))]


def test_numbers_of_word_are_nested_and_begin_anew_below_each_parent() -> None:
    levels = [0, 1, 1, 2, 2, 3, 1, 2, 0, 1]
    body = word_paragraph("SOP for Pumps", bold=True) + "".join(
        word_paragraph(f"Do the thing number {n}.", level) for n, level in enumerate(levels)
    )
    assert source_numbers(body, numbering(DEEP, ONE)) == ["1", "1.1", "1.2", "a", "b", "I", "1.3", "a", "2", "2.1"]


def test_a_list_that_is_begun_anew_in_word_counts_from_its_own_start() -> None:
    two = (
        ONE
        + '<w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    )
    parts = [word_paragraph("SOP for Pumps", bold=True), *(word_paragraph("Open it.", 0) for _ in range(2))]
    parts += [word_paragraph("Close it.", 0).replace('numId w:val="1"', 'numId w:val="2"') for _ in range(2)]
    assert source_numbers("".join(parts), numbering(DEEP, two)) == ["1", "2", "5", "6"]


def test_items_numbered_5_and_5_1_are_a_section_and_its_step_where_nothing_is_styled() -> None:
    parts = [word_paragraph("SOP for Pumps", bold=True)]
    for head, below in (("Getting ready", 2), ("Doing the work", 3)):
        parts += [word_paragraph(head, 0), *(word_paragraph("Turn the wheel once more.", 1) for _ in range(below))]
    document = document_of(docx("".join(parts), numbering(DEEP, ONE)), "x.docx")
    assert [s.heading for s in document.sections] == ["Getting ready", "Doing the work"]
    assert [s.number for s in all_steps(document)] == ["1.1", "1.2", "2.1", "2.2", "2.3"]


# ---------------------------------------------------------------------- pages of sites

FRAMED = ["purified-water-sampling", "fluid-bed-dryer-cleaning"]


@pytest.mark.parametrize("frame", quality.shells.SHELLS)
def test_a_text_in_the_frame_of_a_site_comes_out_without_the_frame(frame: str) -> None:
    for name in FRAMED:
        path = SAMPLES / f"{name}.md"
        page = quality.shells.framed(frame, path.read_text(encoding="utf-8"))
        document = document_of(page.encode(), "page.html")
        assert quality.shells.kept(read_document(path), document) == (1, 1)
        assert quality.shells.leaks(document) == []


@pytest.mark.parametrize("name", ["consent", "search-the-logs", "related-documents", "user-login", "feedback"])
def test_a_section_that_a_generator_named_after_its_heading_is_no_frame(name: str) -> None:
    heading = name.replace("-", " ").capitalize()
    page = f'<html><body><main><h1>SOP: Pump</h1><section id="{name}"><h2>{heading}</h2><ol><li>Open it.</li><li>Close it.</li></ol></section><section id="records"><h2>Records</h2><p>The log.</p></section></main></body></html>'
    assert [s.heading for s in read(page, "x.html").sections] == [heading, "Records"]


# ---------------------------------------------------------------------- pages without end, rows in a set

ENDLESS = {
    "items.html": b"<html><body><h1>SOP</h1><ul>" + b"<li>Open it.</li>" * 100_000,
    "words.html": b"<html><body><h1>SOP</h1><p>" + b"word " * 700_000,
    "words.md": b"# SOP\n\n" + b"word " * 700_000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_page_without_end_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(ENDLESS[name])
    with pytest.raises(SourceError, match="more than any procedure has") as found:
        read_document(tmp_path / name)
    assert name in str(found.value)


def test_scripts_and_pictures_of_any_size_do_not_count() -> None:
    page = f"<html><body><script>{'a<b;' * 1_000_000}</script><h1>SOP: Pump</h1><ol><li>Open it. <img src='data:image/png;base64,{'A' * 4_000_000}'></li><li>Close it.</li></ol></body></html>"
    assert [step.text for step in all_steps(read(page, "x.html"))] == ["Open it.", "Close it."]


def test_every_row_of_every_sample_passes_lint_and_stays_in_one_split(tmp_path: Path) -> None:
    done = curator("sop", str(SAMPLES), "-o", "rows.jsonl", "--variants", "4", "--sections", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    linted = curator("lint", "rows.jsonl", "--no-cache", "--fail-on", "error", cwd=tmp_path)
    assert linted.returncode == 0, linted.stdout
    parted = curator("split", "rows.jsonl", "-o", "parts", cwd=tmp_path)
    assert parted.returncode == 0, parted.stderr + parted.stdout
    homes: dict[str, set[str]] = {}
    for file in sorted((tmp_path / "parts").glob("*.jsonl")):
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            homes.setdefault(row["group"], set()).add(file.name)
    assert len(homes) == sum(path.is_file() for path in SAMPLES.iterdir())
    assert all(len(files) == 1 for files in homes.values())


def test_a_source_is_never_overwritten(tmp_path: Path) -> None:
    page = tmp_path / "pump.md"
    page.write_text("# SOP: Pump\n\n1. Open it.\n2. Close it.\n")
    done = curator("sop", "pump.md", "-o", "pump.md", cwd=tmp_path)
    assert done.returncode == 2 and "would be overwritten" in done.stderr
    assert curator("sop", "pump.md", "-o", "o.jsonl", "--json", "d", cwd=tmp_path).returncode == 0
    done = curator("sop", "d/pump.json", "-o", "o.jsonl", "--json", "d", cwd=tmp_path)
    assert done.returncode == 2 and "would be overwritten" in done.stderr
