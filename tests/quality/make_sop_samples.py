"""Builds the documents of `samples/sop` that are written in `tests/quality/sop_sources`, and their expectations.

    python tests/quality/make_sop_samples.py

Needs python-docx, reportlab and pyphen (none of them a dependency of curator). A source says what each part is, so the
expectation is read off it, not off what `curator sop` makes of the documents. Files come out the same on every run.
"""

from __future__ import annotations

import html
import io
import json
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "samples" / "sop"


class Part(NamedTuple):
    """One line of a source: its kind ("section", "step", "text", …), what stands before the colon, and the text."""

    kind: str
    detail: str
    text: str

    @property
    def cells(self) -> list[str]:
        return [cell.strip() for cell in self.text.split("|")]

    @property
    def level(self) -> int:
        return int(self.detail) if self.detail.isdigit() else 1


class Sop(NamedTuple):
    name: str
    parts: list[Part]

    def of(self, kind: str) -> list[Part]:
        return [part for part in self.parts if part.kind == kind]

    def one(self, kind: str) -> str:
        return self.of(kind)[0].text

    @property
    def body(self) -> list[Part]:
        return [part for part in self.parts if part.kind in ("section", "text", "step", "note", "table")]


def read(path: Path) -> Sop:
    parts = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            head, _, text = line.partition(": ")
            kind, _, detail = head.partition(" ")
            parts.append(Part(kind, detail, text.strip()))
    return Sop(path.stem, parts)


def numbered(sop: Sop) -> Iterator[tuple[Part, str]]:
    """The parts of the body, sections and steps with the number they have: steps and subsections share one count."""
    counts: list[int] = [0]
    for part in sop.body:
        if part.kind == "section":
            level = int(part.detail.split()[0]) if part.detail[0].isdigit() else 1
        elif part.kind == "step":
            level = part.level + 1
        else:
            yield part, ""
            continue
        del counts[level:]
        counts += [0] * (level - len(counts))
        counts[-1] += 1
        label = ".".join(map(str, counts))
        yield part, f"{label}.0" if level == 1 else label


def tables(sop: Sop) -> list[list[list[str]]]:
    found: list[list[list[str]]] = []
    before = ""
    for part in sop.body:
        if part.kind == "table":
            if before != "table":
                found.append([])
            found[-1].append(part.cells)
        before = part.kind
    return found


def expectation(sop: Sop) -> dict[str, Any]:
    """What a reader has to find: sections (role "" where any will do), steps, tables and what must be gone."""
    sections, steps = [], []
    for part, label in numbered(sop):
        if part.kind == "section":
            level, role = part.detail.split() if part.detail[0].isdigit() else ("1", part.detail)
            sections.append({"role": role.strip("-"), "level": int(level), "number": label, "heading": part.text})
        elif part.kind == "step":
            steps.append({"number": label, "text": part.text})
    gone = [part.text for part in (*sop.of("gone"), *sop.of("running"))] + [
        part.cells[-1] for part in sop.of("revision")
    ]
    if sop.of("sign"):
        gone += ["Table of contents", "Revision history", "Page 2 of", *(f"{who}:" for who in sop.of("sign")[0].cells)]
    gone += list(CHROME if sop.name in PAGES else ())
    topic = sop.one("topic") if sop.of("topic") else ""
    return {"title": sop.one("title"), "topic": topic, "sections": sections, "steps": steps,
            "tables": tables(sop), "must_not_contain": gone}  # fmt: skip


# ---------------------------------------------------------------------- Word

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _levels(formats: list[tuple[str, str, str]]) -> str:
    return "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>'
        f'{f"""<w:pStyle w:val="{style}"/>""" if style else ""}<w:lvlText w:val="{text}"/>'
        f'<w:pPr><w:ind w:left="{400 * (n + 1)}" w:hanging="400"/></w:pPr></w:lvl>'
        for n, (kind, text, style) in enumerate(formats)
    )


def _numbering(document: Any, number: int, formats: list[tuple[str, str, str]]) -> None:
    """Put a numbering of these levels into the document, as number `number`, before those that are there."""
    from docx.oxml import parse_xml

    part = document.part.numbering_part.element
    part.insert(0, parse_xml(f'<w:abstractNum xmlns:w="{_W}" w:abstractNumId="{number}"><w:multiLevelType w:val="multilevel"/>{_levels(formats)}</w:abstractNum>'))  # fmt: skip
    part.append(parse_xml(f'<w:num xmlns:w="{_W}" w:numId="{number}"><w:abstractNumId w:val="{number}"/></w:num>'))


def _listed(paragraph: Any, number: int, level: int) -> None:
    from docx.oxml import parse_xml

    properties = paragraph._p.get_or_add_pPr()
    properties.append(
        parse_xml(f'<w:numPr xmlns:w="{_W}"><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')
    )


def _grid(document: Any, rows: list[list[str]]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph()


def _running(document: Any, sop: Sop) -> None:
    section = document.sections[0]
    section.header.paragraphs[0].text = sop.one("running")
    section.footer.paragraphs[0].text = "Page 2 of 4"


def _closing(document: Any, sop: Sop) -> None:
    document.add_paragraph().add_run("Revision history").bold = True
    _grid(document, [["Version", "Date", "Change"], *(part.cells for part in sop.of("revision"))])
    _grid(document, [["", "Name", "Signature", "Date"], *([f"{who}:", "", "", ""] for who in sop.of("sign")[0].cells)])


def _docx(document: Any) -> bytes:
    """The file with one date in its archive, so that it is the same on every run."""
    from datetime import datetime

    document.core_properties.created = document.core_properties.modified = datetime(2026, 1, 1)
    document.core_properties.author = ""
    raw, target = io.BytesIO(), io.BytesIO()
    document.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if "thumbnail" not in entry.filename:
                new.writestr(
                    zipfile.ZipInfo(entry.filename, (2026, 1, 1, 0, 0, 0)), old.read(entry), zipfile.ZIP_DEFLATED
                )
    return target.getvalue()


def docx_numbered(sop: Sop) -> bytes:
    """Styled headings and steps, all numbered by Word: 4, 4.1, 4.1.1, a); a table of contents typed by hand."""
    import docx

    document = docx.Document()
    _running(document, sop)
    formats = [("decimal", "%1.", "Heading1"), ("decimal", "%1.%2", "Heading2"), ("decimal", "%1.%2.%3", ""), ("lowerLetter", "%4)", ""), ("lowerRoman", "%5.", "")]  # fmt: skip
    _numbering(document, 90, formats)
    _numbering(document, 91, [("decimal", "%1.", ""), ("lowerLetter", "%2)", "")])
    document.add_heading(sop.one("title"), 0)
    _grid(document, [part.cells for part in sop.of("meta")])
    document.add_paragraph("Table of contents").runs[0].bold = True
    heads = [part for part in sop.of("section") if not part.detail[0].isdigit()]
    for n, part in enumerate(heads, 1):
        document.add_paragraph(f"{n}. {part.text}\t{n // 3 + 2}")
    deep = False
    for part in sop.body:
        if part.kind == "section":
            deep = part.detail[0].isdigit()
            heading = document.add_heading(part.text, 2 if deep else 1)
            _listed(heading, 90, 1 if deep else 0)
        elif part.kind == "step":
            _listed(document.add_paragraph(part.text), 90, part.level)
        elif part.kind == "table":
            if part.cells == next(rows for rows in tables(sop) if part.cells in rows)[0]:
                _grid(document, next(rows for rows in tables(sop) if part.cells in rows))
        else:
            document.add_paragraph(part.text)
    _closing(document, sop)
    return _docx(document)


def docx_plain(sop: Sop) -> bytes:
    """No styles: headings in bold capitals, the steps of the procedure as "Step 1:" paragraphs, other lists with bullets."""
    import docx

    document = docx.Document()
    _running(document, sop)
    title = document.add_paragraph().add_run(sop.one("title"))
    title.bold = True
    for part in sop.of("meta"):
        document.add_paragraph(": ".join(part.cells))
    procedure, count = False, 0
    for part in sop.body:
        if part.kind == "section":
            procedure, count = part.detail == "procedure", 0
            document.add_paragraph().add_run(part.text.upper()).bold = True
        elif part.kind == "step" and procedure:
            count += 1
            document.add_paragraph(f"Step {count}: {part.text}")
        elif part.kind == "step":
            document.add_paragraph(part.text, style="List Bullet")
        elif part.kind == "table":
            if part.cells == next(rows for rows in tables(sop) if part.cells in rows)[0]:
                _grid(document, next(rows for rows in tables(sop) if part.cells in rows))
        else:
            document.add_paragraph(part.text)
    _closing(document, sop)
    return _docx(document)


# ---------------------------------------------------------------------- PDF


def _pdf(sop: Sop, size: Callable[[int], int], *, contents: bool = False, hyphens: bool = False) -> bytes:
    """`size` gives the letter size of a heading of a level; body text has 10 points."""
    from reportlab.lib import colors
    from reportlab.lib.enums import TA_JUSTIFY
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer
    from reportlab.platypus import Table as Grid

    extra = {"hyphenationLang": "en_GB", "embeddedHyphenation": 1} if hyphens else {}
    body = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=13, spaceAfter=5, alignment=TA_JUSTIFY if hyphens else 0, **extra)  # fmt: skip

    def head(level: int) -> ParagraphStyle:
        return ParagraphStyle(f"h{level}", fontName="Helvetica-Bold", fontSize=size(level), leading=size(level) + 3, spaceBefore=10, spaceAfter=5)  # fmt: skip

    def step(level: int) -> ParagraphStyle:
        return ParagraphStyle(f"s{level}", parent=body, leftIndent=14 + 22 * level, bulletIndent=22 * (level - 1))

    def grid(rows: list[list[str]]) -> Grid:
        cells = [[Paragraph(cell, body) for cell in row] for row in rows]
        return Grid(cells, style=[("GRID", (0, 0), (-1, -1), 0.5, colors.black)], spaceAfter=8)

    story: list[Any] = [Paragraph(sop.one("title"), head(0)), grid([part.cells for part in sop.of("meta")])]
    if contents:
        story.append(Paragraph("Table of contents", head(1)))
        for part, label in numbered(sop):
            if part.kind == "section":
                story.append(
                    Paragraph(f"{label} {part.text} {'.' * (80 - len(part.text))} {len(story) // 6 + 2}", body)
                )
        story.append(PageBreak())
    done: list[list[list[str]]] = []
    for part, label in numbered(sop):
        if part.kind == "section":
            level = 2 if part.detail[0].isdigit() else 1
            story.append(Paragraph(f"{label} {part.text}", head(level)))
        elif part.kind == "step":
            story.append(Paragraph(part.text, step(part.level), bulletText=label))
        elif part.kind == "note":
            story.append(Paragraph(f"<b>{part.detail.capitalize()}:</b> {part.text}", body))
        elif part.kind == "table":
            rows = next(rows for rows in tables(sop) if part.cells in rows)
            if rows not in done:
                done.append(rows)
                story.append(grid(rows))
        else:
            story.append(Paragraph(part.text, body))
    story += [Paragraph("Revision history", head(1)), grid([["Version", "Date", "Change"], *(p.cells for p in sop.of("revision"))]), Spacer(1, 12)]  # fmt: skip
    story.append(
        grid([["", "Name", "Signature", "Date"], *([f"{who}:", "", "", ""] for who in sop.of("sign")[0].cells)])
    )

    pages = _pages(story, sop)

    def frame(canvas: Any, template: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, 810, sop.one("running"))
        canvas.drawRightString(535, 30, f"Page {template.page} of {pages}")

    target = io.BytesIO()
    SimpleDocTemplate(target, pagesize=A4, topMargin=60, bottomMargin=60, invariant=1, title="").build(
        story, onFirstPage=frame, onLaterPages=frame
    )
    return target.getvalue()


def _pages(story: list[Any], sop: Sop) -> int:
    """How many pages the story fills."""
    import copy

    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    template = SimpleDocTemplate(io.BytesIO(), pagesize=A4, topMargin=60, bottomMargin=60)
    template.build(copy.deepcopy(story))
    return int(template.page)


def pdf_contents(sop: Sop) -> bytes:
    return _pdf(sop, lambda level: (18, 14, 12)[level], contents=True, hyphens=True)


def pdf_large(sop: Sop) -> bytes:
    return _pdf(sop, lambda level: (16, 13, 11)[level])


def pdf_even(sop: Sop) -> bytes:
    """Headings in the size of the text, in bold alone."""
    return _pdf(sop, lambda level: 14 if level == 0 else 10, hyphens=True)


# ---------------------------------------------------------------------- text, Markdown, a page


def text(sop: Sop) -> bytes:
    """A printer's file: lines of 72 letters parted by hyphens, form feeds, a running header."""
    import pyphen

    words = pyphen.Pyphen(lang="en_GB")

    def wrap(line: str, first: str, rest: str) -> list[str]:
        out, held = [], first
        for word in line.split():
            room = 72 - len(held) - 1
            if len(word) > room:
                cut = words.wrap(word, room - 1) if word.isalpha() and room > 4 else None
                out.append(f"{held} {cut[0]}" if cut else held)
                held, left = rest[:-1] if rest else "", cut[1] if cut else word
                held = f"{held} {left}" if held or rest else left
            else:
                held = f"{held} {word}" if held.strip() or first else word
        return [*out, held]

    lines = [sop.one("title").upper(), ""]
    lines += [f"{part.cells[0] + ':':<20}{part.cells[1]}" for part in sop.of("meta")]
    widths: list[int] = []
    for part, label in numbered(sop):
        if part.kind == "section":
            lines += ["", f"{label} {part.text}", "-" * (len(label) + 1 + len(part.text))]
        elif part.kind == "step":
            lines += wrap(part.text, label, " " * (len(label) + 1))
        elif part.kind == "table":
            rows = next(rows for rows in tables(sop) if part.cells in rows)
            widths = [max(len(row[n]) for row in rows) + 5 for n in range(len(rows[0]))]
            lines.append("".join(f"{cell:<{width}}" for cell, width in zip(part.cells, widths, strict=True)).rstrip())
        else:
            lines += wrap(part.text, "", "")
    lines += ["", "Revision history", "----------------"]
    lines += ["     ".join(part.cells) for part in sop.of("revision")] + [""]
    lines += [f"{who}: ____________________  Date: __________" for who in sop.of("sign")[0].cells]
    pages = [lines[n : n + 40] for n in range(0, len(lines), 40)]
    framed = [
        "\n".join([f"{sop.one('running'):<56}Page {n} of {len(pages)}", "", *page]) for n, page in enumerate(pages, 1)
    ]
    return ("\n\f".join(framed) + "\n").encode()


def markdown(sop: Sop) -> bytes:
    """MkDocs: front matter, admonitions, a task list for the safety rules."""
    lines = ["---", f"title: {sop.one('title')}", *(": ".join(part.cells) for part in sop.of("meta")), "---", "", f"# {sop.one('title')}", "", "[TOC]"]  # fmt: skip
    role, count, before = "", 0, ""
    for part in sop.body:
        if part.kind == "section":
            role, count = part.detail, 0
            lines += ["", f"{'###' if part.detail[0].isdigit() else '##'} {part.text}", ""]
        elif part.kind == "step":
            count += part.level == 1 or (part.level == 2 and role[0].isdigit())
            deep = part.level > (2 if role[0].isdigit() else 1)
            mark = "- [ ]" if role == "safety" else "-" if deep or role == "materials" else f"{count}."
            lines.append(f"{'    ' if deep else ''}{mark} {part.text}")
        elif part.kind == "note":
            lines += [f"!!! {part.detail}", f"    {part.text}", ""]
        elif part.kind == "table":
            lines += [""] * (before == "step") + [f"| {' | '.join(part.cells)} |"]
            lines += [f"|{'---|' * len(part.cells)}"] * (before != "table")
        else:
            lines += [part.text, ""]
        before = part.kind
    lines += ["", "## Revision history", "", "| Version | Date | Change |", "|---|---|---|"]
    lines += [f"| {' | '.join(part.cells)} |" for part in sop.of("revision")] + [""]
    lines += [f"{who}: ______________\n" for who in sop.of("sign")[0].cells]
    return "\n".join(lines).encode()


PAGES = frozenset(["autoclave-stopper-sterilisation"])
CHROME = ("Skip to main content", "Space shortcuts", "Blank label form", "We use cookies", "Was this page helpful",
          "Add a comment", "Monika Blum", "Powered by Atrium Pages")  # fmt: skip


def page(sop: Sop) -> bytes:
    """A page of a wiki: menu, cookie notice, sidebar, macros for warnings, comments, footer."""
    e = html.escape
    out: list[str] = []
    open_list: list[int] = []

    def close(to: int = 0) -> None:
        while len(open_list) > to:
            out.append("</li></ol>")
            open_list.pop()

    done: list[Any] = []
    for part in sop.body:
        if part.kind == "step":
            level = part.level
            base = min(open_list, default=level)
            depth = level - base + 1
            if len(open_list) < depth:
                out.append("<ol><li>")
                open_list.append(level)
            else:
                close(depth)
                out.append("</li><li>")
            out.append(f"<p>{e(part.text)}</p>")
            continue
        close()
        if part.kind == "section":
            tag = "h3" if part.detail[0].isdigit() else "h2"
            out.append(f'<{tag} id="id-{len(out)}">{e(part.text)}</{tag}>')
        elif part.kind == "note":
            out.append(f'<div class="confluence-information-macro confluence-information-macro-{part.detail}"><span class="aui-icon"></span><div class="confluence-information-macro-body"><p>{e(part.text)}</p></div></div>')  # fmt: skip
        elif part.kind == "table":
            rows = next(rows for rows in tables(sop) if part.cells in rows)
            if rows not in done:
                done.append(rows)
                cells = [f"<tr>{''.join(f'<{t}>{e(cell)}</{t}>' for cell in row)}</tr>" for row, t in zip(rows, ["th", *["td"] * len(rows)], strict=False)]  # fmt: skip
                out.append(
                    f'<div class="table-wrap"><table class="confluenceTable"><tbody>{"".join(cells)}</tbody></table></div>'
                )
        else:
            out.append(f"<p>{e(part.text)}</p>")
    close()
    revision = "".join(f"<tr>{''.join(f'<td>{e(c)}</td>' for c in part.cells)}</tr>" for part in sop.of("revision"))
    meta = "".join(f"<tr><th>{e(a)}</th><td>{e(b)}</td></tr>" for a, b in (part.cells for part in sop.of("meta")))
    sign = "".join(f"<p>{who}: ______________</p>" for who in sop.of("sign")[0].cells)
    return textwrap.dedent(f"""\
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>{e(sop.one("title"))} - Sterile Operations - Atrium Pages</title>
        <style>#main {{ margin: 0 }}</style><script>window.pageId = 88121</script></head>
        <body class="theme-default"><a class="assistive" href="#main">Skip to main content</a>
        <div id="header"><ul class="aui-nav"><li><a href="/">Atrium Pages</a></li><li><a href="/spaces">Spaces</a></li><li><a href="/people">People</a></li></ul></div>
        <div class="acs-side-bar"><div>Space shortcuts</div><ul><li><a href="/1">Blank label form</a></li><li><a href="/2">Shift calendar</a></li></ul></div>
        <div id="cookie-notice">We use cookies to keep you signed in. <button>Accept all</button></div>
        <div id="main"><ol id="breadcrumbs"><li><a href="/s">Sterile Operations</a></li></ol><h1 id="title-text">{e(sop.one("title"))}</h1>
        <div class="page-metadata">Created by Monika Blum, last modified on 16 June 2026</div>
        <div id="main-content" class="wiki-content"><table>{meta}</table>
        {"".join(out)}
        <h2>Revision history</h2><table>{revision}</table>{sign}</div>
        <div class="page-feedback">Was this page helpful? <button>Yes</button> <button>No</button></div>
        <div id="comments-section"><h2>2 Comments</h2><p>Monika Blum: Where are the gloves kept?</p><p>Add a comment</p></div></div>
        <div id="footer"><p>Powered by Atrium Pages 8.1 · <a href="/bug">Report a bug</a></p></div></body></html>
        """).encode()


MADE: dict[str, dict[str, Callable[[Sop], bytes]]] = {
    "handling-of-deviations": {"docx": docx_numbered, "pdf": pdf_contents},
    "autoclave-stopper-sterilisation": {"html": page, "pdf": pdf_large},
    "settle-plate-monitoring": {"txt": text, "docx": docx_plain},
    "ph-meter-calibration": {"md": markdown, "pdf": pdf_even},
}


def main() -> None:
    for name, made in MADE.items():
        sop = read(HERE / "sop_sources" / f"{name}.sop")
        for suffix, render in made.items():
            (OUT / f"{name}.{suffix}").write_bytes(render(sop))
        told = json.dumps(expectation(sop), indent=1, ensure_ascii=False) + "\n"
        (OUT / "expected" / f"{name}.json").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
