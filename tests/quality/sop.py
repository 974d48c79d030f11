"""How well documents become SOPs, against expectations written by hand, beside other extractors.

    python tests/quality/sop.py [FOLDER…]
    python tests/quality/sop.py --baselines [--write]

A folder holds `expected/NAME.json` and NAME.md, NAME.html and so on; by default `samples/sop` is read, and the documents
of `../shared/data/sop` that `tests/quality/expected` describes. An expectation is {"title", "topic", "sections": [{"role",
"level", "number", "heading"}], "steps": [{"number", "text"}], "tables": [[[cell]]], "must_not_contain": [phrase]}, or the
same as a `.sop` outline. Text is compared in NFKC, without case and punctuation; a step counts where it begins as expected.
--baselines adds the shells of `shells`, articles, and the peers that are installed (trafilatura comes with the extra
`sop`; readability-lxml, markdownify, beautifulsoup4 and markitdown are looked for); --write puts the tables into docs/sop.md.
"""

from __future__ import annotations

import json
import re
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from curator.errors import SourceError
from curator.sop.convert import FORMATS, document_of, read_document
from curator.sop.document import Document, Table, steps
from curator.sop.flatten import flatten
from curator.sop.html import decoded
from curator.sop.reading import words_of

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "sop"
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import make_sop_samples
import shells


class Found(NamedTuple):
    """What an extractor found: (level, heading), (number, step), cells and the whole text."""

    sections: list[tuple[int, str]]
    steps: list[tuple[str, str]]
    cells: set[str]
    text: str


class Score(NamedTuple):
    """Shares from 0 to 1, None where there is nothing to count. `leaks` counts phrases that must not be there."""

    sections: float
    precision: float
    roles: float | None
    steps: float
    order: float
    numbers: float
    cells: float | None
    verbatim: float
    leaks: int


def plain(text: str) -> str:
    return " ".join(words_of(text))


def ours(document: Document) -> Found:
    sections = [(section.level, section.heading) for section in document.sections if section.heading]
    found = [(step.number, step.text) for section in document.sections for step in steps(section.blocks)]
    tables = [block for section in document.sections for block in section.blocks if isinstance(block, Table)]
    cells = {plain(cell) for table in tables for row in (table.header, *table.rows) for cell in row}
    return Found(sections, found, cells, flatten(document))


def of_markdown(text: str) -> Found:
    """What can be told of Markdown that another extractor wrote."""
    sections, found, cells = [], [], set()
    for line in text.split("\n"):
        body = line.strip()
        if head := re.match(r"(#{1,6})\s+(.*)", body):
            sections.append((max(1, len(head[1]) - 1), re.sub(r"^\d+(?:\.\d+)*\.?\s+", "", head[2].strip("* "))))
        elif item := re.match(r"(?:[-*+]|(\d+)[.)])\s+(.*)", body):
            found.append((item[1] or "", item[2].replace("**", "").replace("\\", "")))
        elif body.startswith("|"):
            cells |= {plain(cell) for cell in body.strip("|").split("|")}
    return Found(sections, found, cells, text)


def score(found: Found, expected: dict[str, Any], source: str, roles: list[tuple[str, str]] | None = None) -> Score:
    """Each expected section and step is matched once, in order of what was found."""
    wanted = [(section["level"], plain(section["heading"])) for section in expected["sections"]]
    got = [(level, plain(heading)) for level, heading in found.sections]
    hits = sum(
        (_counted(wanted)[key] and min(_counted(wanted)[key], count))
        for key, count in _counted(got).items()
        if key in wanted
    )
    named = {plain(section["heading"]): section["role"] for section in expected["sections"] if section["role"]}
    told = {plain(heading): role for heading, role in roles or []}
    places, right = [], 0
    left = [(number, plain(text)) for number, text in found.steps]
    used: set[int] = set()
    for step in expected["steps"]:
        text = plain(step["text"])
        place = next((n for n, (_, seen) in enumerate(left) if n not in used and seen.startswith(text)), None)
        if place is not None:
            used.add(place)
            places.append(place)
            right += left[place][0] == step["number"]
    cells = {plain(cell) for table in expected["tables"] for row in table for cell in row} - {""}
    known = {*words_of(source), *words_of(re.sub(r"[*_`\\]+", "", source))}  # Markdown marks parts of words
    written = [
        word for word in words_of(re.sub(r"^(?:Title:|[\d.]+)", "", found.text, flags=re.M)) if not word.isdigit()
    ]
    count = max(1, len(expected["steps"]))
    return Score(
        hits / len(wanted),
        hits / max(1, len(got)),
        sum(told.get(head) == role for head, role in named.items()) / len(named) if roles and named else None,
        len(places) / count,
        _rising(places) / max(1, len(places)),
        right / count,
        len(cells & found.cells) / len(cells) if cells else None,
        sum(word in known for word in written) / max(1, len(written)),
        sum(plain(phrase) in plain(found.text) for phrase in expected["must_not_contain"] if plain(phrase)),
    )


def _counted(values: list[tuple[int, str]]) -> dict[tuple[int, str], int]:
    return {value: values.count(value) for value in values}


def _rising(places: list[int]) -> int:
    """The length of the longest rising run."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)


def documents(folders: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder in folders:
        for file in sorted((folder / "expected").glob("*.json")):
            expected = json.loads(file.read_text(encoding="utf-8"))
            if "steps" in expected:
                for source in sorted(folder.glob(f"{file.stem}.*")):
                    if source.suffix in FORMATS:
                        yield source, expected


def shared() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The permissive documents beside the repository, where they are there."""
    for file in sorted((HERE / "expected").glob("*.sop")):
        for source in sorted(SHARED.glob(f"{file.stem}.*")):
            yield source, make_sop_samples.expectation(make_sop_samples.read(file))


def source_text(path: Path, document: Document) -> str:
    """All that the source says, for the verbatim rate; the words of a binary file are those of its reader."""
    if path.suffix not in (".html", ".md", ".txt"):
        return flatten(document)
    import html

    text = decoded(path.read_bytes())
    stripped = html.unescape(re.sub(r"<[^>]+>", " ", text))
    return stripped if path.suffix == ".html" else f"{text} {stripped}"  # code of Markdown may hold <names>


def peers() -> dict[str, Callable[[str], str]]:
    """The other extractors that are installed, by name: page to Markdown."""
    found: dict[str, Callable[[str], str]] = {}
    try:
        import trafilatura

        found["trafilatura Markdown"] = lambda page: (
            trafilatura.extract(page, output_format="markdown", include_formatting=True, include_comments=False) or ""
        )
    except ImportError:
        pass
    try:
        import markdownify
        import readability

        found["readability + markdownify"] = lambda page: markdownify.markdownify(
            readability.Document(page).summary(), heading_style="ATX"
        )
    except ImportError:
        pass
    try:
        import bs4

        found["BeautifulSoup text"] = lambda page: bs4.BeautifulSoup(page, "html.parser").get_text("\n")
    except ImportError:
        pass
    try:
        import io

        import markitdown

        found["markitdown"] = lambda page: (
            markitdown.MarkItDown().convert_stream(io.BytesIO(page.encode()), file_extension=".html").text_content
        )
    except ImportError:
        pass
    return found


# ---------------------------------------------------------------------- the tables


class Scores(NamedTuple):
    """Scores by name, and the CPU seconds they took."""

    scores: dict[str, list[Score]]
    spent: dict[str, float]

    def add(self, name: str, value: Score, seconds: float) -> None:
        self.scores.setdefault(name, []).append(value)
        self.spent[name] = self.spent.get(name, 0.0) + seconds

    def lines(self, first: str, fields: tuple[str, ...]) -> Iterator[str]:
        yield f"| {first} | n | {' | '.join(_HEADS[field] for field in fields)} | ms |"
        yield "| --- |" + " ---: |" * (len(fields) + 2)
        for name, rows in self.scores.items():
            columns = [[value for row in rows if (value := getattr(row, field)) is not None] for field in fields]
            shown = [_shown(column, field) for column, field in zip(columns, fields, strict=True)]
            yield f"| {name} | {len(rows)} | {' | '.join(shown)} | {1000 * self.spent[name] / len(rows):.0f} |"


_HEADS = {
    "sections": "sections found", "precision": "section precision", "roles": "roles", "steps": "steps found", "order": "step order",
    "numbers": "numbers", "cells": "cells", "verbatim": "verbatim", "leaks": "leaks",
}  # fmt: skip


def _shown(column: list[float], field: str) -> str:
    if not column:
        return "–"
    if field == "leaks":
        return f"{sum(column):.0f}"
    return f"{median(column):.2f} ({min(column):.2f})"


def by_format(found: list[tuple[Path, dict[str, Any]]]) -> Scores:
    """Our scores of files as they are, by format."""
    table = Scores({}, {})
    for path, expected in found:
        start = time.process_time()
        document = read_document(path)
        seconds = time.process_time() - start
        source = source_text(path, document)
        roles = [(section.heading, section.role) for section in document.sections]
        table.add(path.suffix[1:].upper(), score(ours(document), expected, source, roles), seconds)
    return table


def in_frames(found: list[tuple[Path, dict[str, Any]]]) -> Scores:
    """Scores of Markdown files put into the frames of sites, beside the peers. Levels of headings do not count."""
    table = Scores({}, {})
    others = peers()
    for path, expected in found:
        wanted = {**expected, "sections": [{**s, "level": 1} for s in expected["sections"]], "must_not_contain": list(shells.PHRASES)}  # fmt: skip
        for name in shells.SHELLS:
            page = shells.framed(name, path.read_text(encoding="utf-8"))
            start = time.process_time()
            try:
                document = document_of(page.encode(), "page.html")
            except SourceError:
                document = Document()
            table.add("curator", score(_level(ours(document)), wanted, page), time.process_time() - start)
            for peer, extract in others.items():
                start = time.process_time()
                text = extract(page)
                table.add(peer, score(_level(of_markdown(text)), wanted, page), time.process_time() - start)
    return table


def _level(found: Found) -> Found:
    return found._replace(sections=[(1, heading) for _, heading in found.sections])


def articles() -> dict[str, list[float]]:
    """F1 of 4-word shingles on plain articles (the prose of docs/decisions) in the frames, by extractor."""
    import trafilatura
    from lxml import html

    from curator.sop.guard import _shingles, guarded
    from curator.sop.guard import plain as said
    from curator.sop.markdown import _renderer

    found: dict[str, list[float]] = {"curator": [], "trafilatura": []}
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        body = _renderer().render(text)
        wanted = _shingles(" ".join(html.fromstring(f"<div>{body}</div>").itertext()))
        for name in shells.SHELLS:
            page = shells.framed(name, text)
            reading = guarded(page)
            title = f"{reading.page_title} " if name in shells.TITLED else ""
            texts = {
                "curator": said(reading.pieces),
                "trafilatura": trafilatura.extract(page, include_comments=False) or "",
            }
            texts["trafilatura"] = title + texts["trafilatura"]  # it hands the title on beside the text
            for extractor, value in texts.items():
                got = _shingles(value)
                both = sum((wanted & got).values())
                found[extractor].append(2 * both / max(1, wanted.total() + got.total()))
    return found


def baselines(found: list[tuple[Path, dict[str, Any]]]) -> str:
    """The tables of docs/sop.md."""
    pages = [(path, expected) for path, expected in found if path.suffix == ".md"]
    frames = in_frames(pages)
    f1 = articles()
    best = {name: f"{sum(values) / len(values):.3f}" for name, values in f1.items()}
    return "\n".join([
        f"{len({path.stem for path, _ in found})} expectations written by hand, {len(found)} files. Median over the files, the worst in brackets; leaks are counted over all.",
        "", *by_format(found).lines("format", Score._fields), "",
        f"{len(pages)} of these documents in {len(shells.SHELLS)} frames of sites each (`tests/quality/shells`), with planted phrases in menus, notices, bylines, comments and footers:",
        "", *frames.lines("extractor", ("sections", "precision", "steps", "order", "numbers", "cells", "leaks")), "",
        f"Plain articles ({len(f1['curator'])} pages: prose in the same frames), mean F1 of 4-word shingles: curator {best['curator']}, trafilatura {best['trafilatura']}.",
    ])  # fmt: skip


def main(arguments: list[str]) -> int:
    folders = [Path(name) for name in arguments if not name.startswith("--")]
    found = list(documents(folders or [ROOT / "samples" / "sop"])) + ([] if folders else list(shared()))
    if "--baselines" not in arguments:
        print("\n".join(by_format(found).lines("format", Score._fields)))
        return 0
    text = baselines(found)
    print(text)
    if "--write" in arguments:
        page = ROOT / "docs" / "sop.md"
        head, tail = page.read_text(encoding="utf-8").split("<!-- measured -->")[::2]
        page.write_text(f"{head}<!-- measured -->\n{text}\n<!-- measured -->{tail}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
