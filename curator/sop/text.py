"""Plain text: lines put together to paragraphs; underlined headings and tables known."""

from __future__ import annotations

import re
from collections import Counter

from curator.sop.document import Origin
from curator.sop.lines import STARTS, Line, is_rule, paragraphs, tables
from curator.sop.reading import Drops, Reading, clean, words_of
from curator.sop.roles import role_of

_PAGE = re.compile(
    r"(?:^|(?<!\s)\s{2,}+)(?:page|seite|página)\s*+(?::\s*+)?\d{1,4}\s*+(?:of|/|von|de|sur)\s*+\d{1,4}\s*+$", re.I
)
_HEAD = 8  # lines in which a running header may be the title itself


def read_text(text: str) -> Reading:
    """Plain text as pieces."""
    raw = text.expandtabs(8) if "\t" not in text.strip() else text
    rows = raw.split("\f")
    lines: list[Line] = []
    number = 0
    widths = sorted(len(row) for page in rows for row in page.split("\n") if row.strip())
    wide = widths[int(0.95 * (len(widths) - 1))] if widths else 0
    drops = Drops()
    running = _running(rows)
    seen: set[str] = set()
    for page in rows:
        gap = True
        for written in page.split("\n"):
            number += 1
            row = _PAGE.sub("", written)
            body = row.strip()
            if body != written.strip() or (body in running and (body in seen or number > _HEAD)):
                drops.add("page-residue", written, Origin(-1, number))
                named = number > _HEAD and body != written.strip() and text.count(body) > 1  # said elsewhere as well
                if (
                    not body
                    or named
                    or body in seen
                    or (body in running and (number > _HEAD or _titled(rows[0], body)))
                ):
                    continue
            seen.add(body)
            if not body or is_rule(body):
                if (
                    body
                    and lines
                    and not gap
                    and lines[-1].text
                    and not STARTS.match(lines[-1].text)
                    and set(body) <= set("=-~^")
                ):
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
    return Reading(
        pieces, frozenset([*words_of(text), *words_of(" ".join(joined))]), "text", "lines", dropped=drops.found
    )


def _titled(page: str, running: str) -> bool:
    """Whether the first line of the page but the running one could be the title, so that the running one is none."""
    lines = (_PAGE.sub("", line).strip() for line in page.split("\n"))
    first = next((line for line in lines if line and line != running and not is_rule(line)), "")
    short = 2 <= len(first.split()) <= 14 and first[-1] not in ".;,:" and ":" not in first
    return short and not first[0].isdigit() and role_of(first) == "other"


def _running(pages: list[str]) -> frozenset[str]:
    """Lines beside a page number that stand beside another as well: running headers and footers."""
    beside: Counter[str] = Counter()
    for page in pages:
        lines = page.split("\n")
        for place, line in enumerate(lines):
            if _PAGE.search(line):
                near = {_PAGE.sub("", other).strip() for other in lines[max(0, place - 2) : place + 3]}
                beside.update(near - {""})
    return frozenset(line for line, count in beside.items() if count >= 2)
