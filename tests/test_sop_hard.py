"""Documents that are hard to read: Word's own constructs, two columns, other languages, pages without measure."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from curator.errors import SourceError
from curator.sop.convert import document_of
from curator.sop.document import Document
from curator.sop.flatten import flatten
from tests.conftest import ROOT
from tests.pace import at_once
from tests.test_sop import SAMPLES, all_steps, curator, docx, read, word_paragraph
from tests.test_sop_steps import lines

LISTED = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'


def word(body: str, extra: dict[str, bytes] | None = None) -> Document:
    head = word_paragraph("SOP for the Pump", bold=True) + word_paragraph("Procedure", bold=True)
    return document_of(docx(head + body, extra), "pump.docx")


# ---------------------------------------------------------------------- Word


def test_what_is_deleted_or_moved_away_in_word_does_not_come_in() -> None:
    gone = f'<w:p><w:pPr>{LISTED}<w:rPr><w:del w:id="1"/></w:rPr></w:pPr><w:del w:id="2"><w:r><w:delText>Never do this.</w:delText></w:r></w:del></w:p>'
    mixed = f'<w:p><w:pPr>{LISTED}</w:pPr><w:ins w:id="3"><w:r><w:t>Close </w:t></w:r></w:ins><w:del w:id="4"><w:r><w:delText>slowly </w:delText></w:r></w:del><w:r><w:t>it.</w:t></w:r></w:p>'
    moved = f'<w:p><w:pPr>{LISTED}</w:pPr><w:moveTo w:id="5"><w:r><w:t>New place.</w:t></w:r></w:moveTo></w:p>'
    left = f'<w:p><w:pPr>{LISTED}<w:rPr><w:moveFrom w:id="6"/></w:rPr></w:pPr><w:moveFrom w:id="6"><w:r><w:t>Old place.</w:t></w:r></w:moveFrom></w:p>'
    document = word(word_paragraph("Open it.", 0) + gone + mixed + left + moved)
    assert [(s.number_source, s.text) for s in all_steps(document)] == [
        ("1", "Open it."), ("2", "Close it."), ("3", "New place."),
    ]  # fmt: skip


def test_content_controls_are_read() -> None:
    inline = (
        f"<w:p><w:pPr>{LISTED}</w:pPr><w:sdt><w:sdtContent><w:r><w:t>Lock it.</w:t></w:r></w:sdtContent></w:sdt></w:p>"
    )
    document = word(
        f"<w:sdt><w:sdtPr/><w:sdtContent>{word_paragraph('Open it.', 0)}{word_paragraph('Close it.', 0)}</w:sdtContent></w:sdt>{inline}"
    )
    assert [s.text for s in all_steps(document)] == ["Open it.", "Close it.", "Lock it."]


WPS = 'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
BOX = f"<w:drawing><wps:txbx {WPS}><w:txbxContent>%s</w:txbxContent></wps:txbx></w:drawing>"
OLD = '<w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox><w:txbxContent>%s</w:txbxContent></v:textbox></v:shape></w:pict>'
BOTH = f'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="wps">{BOX}</mc:Choice><mc:Fallback>{OLD}</mc:Fallback></mc:AlternateContent>'


@pytest.mark.parametrize("form", [BOX, OLD, BOTH])
def test_a_text_box_is_read_once_and_where_it_stands(form: str) -> None:
    box = form.replace("%s", word_paragraph("Wear gloves.", 0))
    document = word(f"{word_paragraph('Open it.', 0)}<w:p><w:r>{box}</w:r></w:p>{word_paragraph('Close it.', 0)}")
    assert [(s.number_source, s.text) for s in all_steps(document)] == [
        ("1", "Open it."), ("2", "Wear gloves."), ("3", "Close it."),
    ]  # fmt: skip


def relations(kind: str, part: str) -> bytes:
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r2" Type="{base}/numbering" Target="numbering.xml"/><Relationship Id="r3" Type="{base}/{kind}" Target="{part}"/></Relationships>'.encode()


SPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def test_a_footnote_stands_below_its_step_and_is_no_step() -> None:
    notes = f'<w:footnotes {SPACE}><w:footnote w:id="2">{word_paragraph("Use the red key.")}</w:footnote></w:footnotes>'
    marked = (
        f'<w:p><w:pPr>{LISTED}</w:pPr><w:r><w:t>Open it.</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    )
    document = word(
        marked + word_paragraph("Close it.", 0),
        {"word/_rels/document.xml.rels": relations("footnotes", "footnotes.xml"), "word/footnotes.xml": notes.encode()},
    )
    assert lines(document) == ["1.0 Procedure:", "1.1 Open it.", "Use the red key.", "1.2 Close it."]


def test_running_headers_of_word_are_left_out() -> None:
    header = f"<w:hdr {SPACE}>{word_paragraph('ACME CONTROLLED COPY')}</w:hdr>"
    end = '<w:sectPr><w:headerReference w:type="default" r:id="r3" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/></w:sectPr>'
    document = word(
        word_paragraph("Open it.", 0) + word_paragraph("Close it.", 0) + end,
        {"word/_rels/document.xml.rels": relations("header", "header1.xml"), "word/header1.xml": header.encode()},
    )
    assert "ACME" not in flatten(document)


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>"


def test_rows_that_word_counts_are_steps() -> None:
    def table(head: tuple[str, ...], *below: tuple[str, ...]) -> str:
        return f"<w:tbl>{row(*map(word_paragraph, head))}{''.join(row(*cells) for cells in below)}</w:tbl>"

    own = table(
        ("Step", "Action", "Who"),
        *((word_paragraph("", 0), word_paragraph(text), word_paragraph("QA")) for text in ("Open the valve.", "Close the valve.")),
    )  # fmt: skip
    inside = table(
        ("Action", "Who"),
        *((word_paragraph(text, 0), word_paragraph("QA")) for text in ("Open the valve.", "Close the valve.")),
    )
    for body in (own, inside):
        assert lines(word(body)) == ["1.0 Procedure:", "1.1 Open the valve.", "Who: QA", "1.2 Close the valve.", "Who: QA"]  # fmt: skip


# ---------------------------------------------------------------------- PDF


def placed_pdf(*pages: list[tuple[int, int, int, str]], drawings: Sequence[str] = ()) -> bytes:
    """Pages of a PDF with (left, height above the foot, letter size, text), and drawings; sizes from 14 on are bold."""
    first = 5
    kids = " ".join(f"{first + 2 * n + 1} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    ]
    for n, (placed, drawing) in enumerate(zip_longest(pages, drawings, fillvalue="")):
        texts = [f"BT /F{2 if size >= 14 else 1} {size} Tf {x} {y} Td ({text}) Tj ET" for x, y, size, text in placed]
        stream = "\n".join([*texts, *([drawing] if drawing else [])])
        objects += [
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 560 820] /Contents {first + 2 * n} 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>",
        ]
    out, places = b"%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF".encode()  # fmt: skip


PURPOSE = "To keep the pump clean so that the next batch of any product is not spoilt by what was left of the last one, and to see at each change of product that no part of it is worn, cracked or loose. Two people take it apart, one of whom has done it before."
SCOPE = (
    "All pumps of the filling hall and those on loan from the workshop, whatever they carry and for as long as they do."
)
DONE = [
    "Switch the pump off at the wall and hang up the red tag so that nobody starts it again.",
    "Open the lid of the pump and lift it with both hands, since it weighs nine kilograms.",
    "Rinse the bowl with purified water for five minutes at least until it runs clear again.",
    "Close the lid, take the tag off, and write the time of the cleaning in the log book.",
]


def column(left: int, parts: list[tuple[int, str]]) -> list[tuple[int, int, int, str]]:
    placed, height = [], 740
    for size, text in parts:
        for line in textwrap.wrap(text, 46):
            placed.append((left, height, size, line))
            height -= size + 3
        height -= 8
    return placed


def test_two_columns_are_read_one_after_the_other() -> None:
    first = column(50, [(14, "1. Purpose"), (10, PURPOSE), (14, "2. Scope"), (10, SCOPE)])
    second = column(310, [(14, "3. Procedure"), *((10, f"3.{n} {text}") for n, text in enumerate(DONE, 1))])
    document = document_of(placed_pdf([(50, 780, 20, "SOP for the Pump"), *first, *second]), "x.pdf")
    assert [s.heading for s in document.sections] == ["Purpose", "Scope", "Procedure"]
    assert document.sections[0].blocks[0].text == PURPOSE and document.sections[1].blocks[0].text == SCOPE
    assert [s.text for s in all_steps(document)] == DONE


def test_a_table_without_rules_is_no_pair_of_columns() -> None:
    names = ["Valve", "Bowl", "Lid", "Tag", "Seal", "Gauge", "Drive", "Hose", "Clamp", "Filter", "Sieve", "Motor"]
    placed = [
        (50, 780, 20, "SOP for the Pump"),
        (50, 750, 14, "1. Procedure"),
        (50, 730, 10, "1.1 Check each part before the start."),
    ]
    placed += [(50, 715, 10, "1.2 Write down what is worn.")]
    for n, name in enumerate(names):
        placed += [(50, 690 - 14 * n, 10, name), (300, 690 - 14 * n, 10, f"worn part {n} of the pump goes to the workshop at once")]  # fmt: skip
    text = flatten(document_of(placed_pdf(placed), "x.pdf"))
    assert text.index("Valve") < text.index("worn part 0 ") < text.index("Bowl") < text.index("worn part 1 ")


# ---------------------------------------------------------------------- languages

OTHERS = {
    "de": ("Standardarbeitsanweisung: Reinigung der Pumpe", ["Zweck", "Geltungsbereich", "Verantwortlichkeiten", "Sicherheitshinweise", "Durchführung", "Abkürzungen"], "Die Pumpe ist nach jeder Charge zu reinigen.", "Öffnen Sie das Ventil."),
    "fr": ("Procédure de nettoyage de la pompe", ["Objectif", "Domaine d'application", "Responsabilités", "Sécurité", "Mode opératoire", "Abréviations"], "La pompe est nettoyée après chaque lot.", "Ouvrir la vanne."),
    "es": ("Procedimiento de limpieza de la bomba", ["Objetivo", "Alcance", "Responsabilidades", "Seguridad", "Procedimiento", "Abreviaturas"], "La bomba se limpia después de cada lote.", "Abrir la válvula."),
}  # fmt: skip
ROLES = ["objective", "scope", "responsibility", "safety", "procedure", "abbreviations"]


@pytest.mark.parametrize("kind", ["md", "html", "txt", "docx"])
@pytest.mark.parametrize("language", OTHERS)
def test_sections_of_other_languages_have_their_roles(language: str, kind: str) -> None:
    title, heads, told, step = OTHERS[language]
    parts = [[told] if role != "procedure" else [f"{n}. {step}" for n in (1, 2, 3)] for role in ROLES]
    if kind == "md":
        data = f"# {title}\n\n" + "\n\n".join(f"## {n}. {h}\n\n" + "\n".join(p) for n, (h, p) in enumerate(zip(heads, parts, strict=True), 1))  # fmt: skip
    elif kind == "html":
        inner = (f"<h2>{h}</h2>" + (f"<ol>{f'<li>{step}</li>' * 3}</ol>" if len(p) > 1 else f"<p>{told}</p>") for h, p in zip(heads, parts, strict=True))  # fmt: skip
        data = f"<html><body><h1>{title}</h1>{''.join(inner)}</body></html>"
    elif kind == "txt":
        data = f"{title.upper()}\n\n" + "\n\n".join(f"{n}. {h.upper()}\n\n" + "\n".join(re_number(p, n)) for n, (h, p) in enumerate(zip(heads, parts, strict=True), 1))  # fmt: skip
    else:
        body = "".join(word_paragraph(h, bold=True) + ("".join(word_paragraph(step, 0) for _ in p) if len(p) > 1 else word_paragraph(told)) for h, p in zip(heads, parts, strict=True))  # fmt: skip
    document = document_of(docx(word_paragraph(title, bold=True) + body), "x.docx") if kind == "docx" else read(data, f"x.{kind}")  # fmt: skip
    assert [section.role for section in document.sections] == ROLES
    assert [s.text for s in all_steps(document)] == [step] * 3
    assert document.language == language


def re_number(parts: list[str], section: int) -> list[str]:
    return [f"{section}.{part}".replace(". ", " ", 1) for part in parts] if len(parts) > 1 else parts


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig"])
def test_text_in_any_common_encoding_is_read(encoding: str) -> None:
    text = "# SOP: Kühlung der Anlage\n\n1. Öffnen Sie das Ventil.\n2. Schließen Sie es.\n"
    assert [s.text for s in all_steps(document_of(text.encode(encoding), "x.md"))] == ["Öffnen Sie das Ventil.", "Schließen Sie es."]  # fmt: skip


# ---------------------------------------------------------------------- pages of sites: what stays in

STAYS = {
    "a form behind a button": '<p><a class="btn" href="/f/qc-33.docx">Balance log QC-F-033</a></p>',
    "a form alone": '<p><strong><a href="/forms/9">Incident form</a></strong></p>',
    "a box that ends in a form": '<div class="panelx"><p>Record it at once.</p><p><a href="/r">Deviation record</a></p></div>',
    "a warning that comes twice": '<div class="w">Warning: hot surface here</div><p>Mind it.</p><div class="w">Warning: hot surface here</div>',
    "an order to update": "<p>Update the IP address to 100.1.1.2 now.</p>",
    "a part without a paragraph": "<div>Wear goggles.</div>",
    "a lint-free cloth": '<div class="boxy"><p>Use a lint-free cloth, see</p><p><a href="/x">the list of cloths</a></p></div>',
}  # fmt: skip


@pytest.mark.parametrize("name", STAYS)
def test_what_looks_like_a_site_but_is_content_stays(name: str) -> None:
    page = f"<html><body><main><h1>SOP: Pump</h1><h2>Safety</h2>{STAYS[name]}<h2>Procedure</h2><ol><li>Open it.</li><li>Close it.</li></ol><p>That is all there is to do with the pump on this day.</p></main></body></html>"
    from lxml import html

    answer = flatten(read(page, "x.html"))
    assert [word_ for word_ in " ".join(html.fromstring(STAYS[name]).itertext()).split() if word_ not in answer] == []


def test_roles_of_parts_without_meaning_are_read() -> None:
    page = '<html><body><div role="heading" aria-level="1">SOP: Pump</div><div role="heading" aria-level="2">Procedure</div><div role="list"><div role="listitem">Open it.</div><div role="listitem">Close it.</div></div></body></html>'
    document = read(page, "x.html")
    assert document.title == "SOP: Pump"
    assert [s.text for s in all_steps(document)] == ["Open it.", "Close it."]


# ---------------------------------------------------------------------- without measure

BODY = "<h1>SOP: Pump</h1><h2>Procedure</h2><ol><li>Open it.</li><li>Close it.</li></ol>"
LARGE = {
    "pictures": f"<html><body>{BODY}" + f'<p><img src="data:image/png;base64,{"A" * 5_000_000}"></p>' * 10,
    "scripts": f"<html><body><script>{'a<b;' * 12_000_000}</script>{BODY}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_fifty_megabytes_take_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text(LARGE[name])
    code = (  # a child's ru_maxrss begins with the size of who forked it
        "import sys, time; from pathlib import Path; from curator.sop.convert import read_document;"
        "d = read_document(Path(sys.argv[1]));"
        "top = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'));"
        "print(len(d.sections), time.process_time(), int(top.split()[1]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.html")], capture_output=True, text=True, check=True)  # fmt: skip
    sections, seconds, megabytes = done.stdout.split()
    assert int(sections) == 1 and float(seconds) < 10 and int(megabytes) < 700


def test_one_endless_line_takes_bounded_time() -> None:
    def refused() -> None:
        with pytest.raises(SourceError, match="no procedure found"):
            document_of(b"SOP\n\n" + b"a." * 400_000, "x.txt")

    at_once(refused, 5)


@pytest.mark.slow
def test_a_hundred_pages_take_ten_seconds_and_no_more_memory_than_fifty(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "tests" / "bench" / "sop.py")], cwd=tmp_path, capture_output=True, text=True, check=True)  # fmt: skip
    seconds = float(done.stdout.split("pages: ")[1].split(" CPU")[0])
    half, whole = (int(done.stdout.split(f"{word_}")[0].split()[-2]) for word_ in (" after half", " after all"))
    assert seconds <= 10 and whole - half <= 20
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


# ---------------------------------------------------------------------- on to training


def test_rows_go_on_to_prepare_and_the_plan_of_a_run_unchanged(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tests.tiny import tiny_model

    made = curator("sop", str(SAMPLES), "-o", "rows.jsonl", "--variants", "3", cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    prepared = curator("prepare", "rows.jsonl", "-o", "ready", cwd=tmp_path)
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    written = {line for file in (tmp_path / "ready").glob("*.jsonl") if file.name != "rejected.jsonl" for line in file.read_text(encoding="utf-8").splitlines()}  # fmt: skip
    rows = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert written and {json.loads(line)["messages"][-1]["content"] for line in written} <= {json.loads(line)["messages"][-1]["content"] for line in rows}  # fmt: skip
    model = tiny_model(tmp_path / "model", max_position_embeddings=8192)
    plan = curator("train", "plan", "ready", "--model", str(model), "--batch", "1", cwd=tmp_path)
    assert plan.returncode == 0, plan.stdout + plan.stderr


# ---------------------------------------------------------------------- text that is made to be slow


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "\n".join(["Pump", "1. Open it.", "2. Close it.", "3. Lock it.", "x" + "." * 60_000 + "y"])),
        ("a.txt", "\n".join(["Pump", "1. Open it.", "2. Close it.", "3. Lock it.", "x" + " " * 60_000 + "y"])),
        ("a.md", "# Pump\n\n!!! note" + " " * 60_000 + "~\n\n1. Open it.\n2. Close it.\n3. Lock it.\n"),
        ("a.md", "# Pump\n\n" + "![a" * 5_000 + "\n\n1. Open it.\n2. Close it.\n3. Lock it.\n"),
        ("a.html", f"<p>{'page ' * 29}!</p><ol><li>Open it.</li><li>Close it.</li><li>Lock it.</li></ol>"),
        ("a.txt", "<!--x--> " * 200 + "\nPump\n1. Open it.\n2. Close it.\n3. Lock it.\n"),
        ("a.html", "<ol><li>Open it.</li><li>Close it.</li><li>Lock it.</li></ol>" + "<" * 140_000),
    ],
)
def test_text_that_is_made_to_be_slow_is_read_in_seconds(name: str, text: str) -> None:
    read = at_once(lambda: document_of(text.encode(), name), 5)
    assert {"Open it.", "Close it."} <= {step.text for step in all_steps(read)}
