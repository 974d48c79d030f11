"""How well documents become SOPs, against expectations written by hand, beside other extractors.

    python tests/quality/sop.py [FOLDER…]

A folder holds `expected/NAME.json` and NAME.md, NAME.html and so on; `samples/sop` is read by default. An expectation
is {"title", "topic", "sections": [{"role", "level", "number", "heading"}], "steps": [{"number", "text"}],
"tables": [[[cell]]], "must_not_contain": [phrase]}. Text is compared in NFKC, without case and punctuation.
Peers that are not installed are left out: trafilatura comes with the extra `sop`; readability-lxml, markdownify,
beautifulsoup4 and markitdown are looked for.
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

from curator.sop.convert import FORMATS, read_document
from curator.sop.document import Document, Table, steps
from curator.sop.flatten import flatten
from curator.sop.html import decoded
from curator.sop.reading import words_of

ROOT = Path(__file__).resolve().parents[2]


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
    known = set(words_of(source))
    written = [
        word for word in words_of(re.sub(r"^(?:Title:|[\d.]+)", "", found.text, flags=re.M)) if not word.isdigit()
    ]
    count = max(1, len(expected["steps"]))
    return Score(
        hits / len(wanted),
        hits / max(1, len(got)),
        sum(told.get(head) == role for head, role in named.items()) / len(named) if roles else None,
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


def source_text(path: Path, document: Document) -> str:
    """All that the source says, for the verbatim rate; the words of a binary file are those of its reader."""
    if path.suffix not in (".html", ".md", ".txt"):
        return flatten(document)
    import html

    return html.unescape(re.sub(r"<[^>]+>", " ", decoded(path.read_bytes())))


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


def main(folders: list[Path]) -> int:
    results: dict[str, list[Score]] = {}
    spent: dict[str, float] = {}

    def add(name: str, value: Score, seconds: float) -> None:
        results.setdefault(name, []).append(value)
        spent[name] = spent.get(name, 0.0) + seconds

    for path, expected in documents(folders):
        start = time.process_time()
        document = read_document(path)
        seconds = time.process_time() - start
        source = source_text(path, document)
        value = score(
            ours(document), expected, source, [(section.heading, section.role) for section in document.sections]
        )
        add(f"curator {path.suffix[1:]}", value, seconds)
        if path.suffix == ".html":
            page = decoded(path.read_bytes())
            for name, extract in peers().items():
                start = time.process_time()
                text = extract(page)
                add(f"{name} html", score(of_markdown(text), expected, source), time.process_time() - start)
    print(f"{'median (worst)':<32}" + "".join(f"{name:>14}" for name in Score._fields) + f"{'ms':>8}")
    for name, scores in results.items():
        columns = [[value for row in scores if (value := getattr(row, field)) is not None] for field in Score._fields]
        shown = [
            f"{median(c):.2f} ({max(c) if f == 'leaks' else min(c):.2f})" if c else "-"
            for c, f in zip(columns, Score._fields, strict=True)
        ]
        print(f"{name:<32}" + "".join(f"{text:>14}" for text in shown) + f"{1000 * spent[name] / len(scores):>8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]] or [ROOT / "samples" / "sop"]))
