"""Plain text: lines put together to paragraphs; underlined headings and tables known."""

from __future__ import annotations

from curator.sop.lines import STARTS, Line, is_rule, paragraphs, tables
from curator.sop.reading import Reading, clean, words_of


def read_text(text: str) -> Reading:
    """Plain text as pieces."""
    raw = text.expandtabs(8) if "\t" not in text.strip() else text
    rows = raw.split("\f")
    lines: list[Line] = []
    number = 0
    widths = sorted(len(row) for page in rows for row in page.split("\n") if row.strip())
    wide = widths[int(0.95 * (len(widths) - 1))] if widths else 0
    for page in rows:
        gap = True
        for row in page.split("\n"):
            number += 1
            body = row.strip()
            if not body or is_rule(body):
                if body and lines and not gap and lines[-1].text and not STARTS.match(lines[-1].text) and set(body) <= set("=-"):
                    lines[-1].level = 1 if body[0] == "=" else 2
                gap = True
                continue
            full = len(row) >= 0.8 * wide and 40 < wide <= 140
            kept = body if "\t" in body or "|" in body or "    " in body else clean(body)
            lines.append(Line(kept, len(row) - len(row.lstrip()), gap, number=number, full=full))
            gap = False
    joined: list[str] = []
    lines = tables(lines)
    for line in lines:
        line.text = clean(line.text)
    pieces = paragraphs(lines, joined)
    return Reading(pieces, frozenset([*words_of(text), *words_of(" ".join(joined))]), "text", "lines")
