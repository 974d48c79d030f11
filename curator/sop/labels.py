"""Numbers, letters and bullets that a line begins with, and what a line tells without them."""

from __future__ import annotations

import re

from curator.sop.reading import BULLETS
from curator.sop.roles import folded, table

_MARK = r"(?:\d{1,3}(?:\.\d{1,3}){1,5}\.?|\d{1,3}[.)]|\(?[a-z]\)|[a-z]\.|\((?:\d{1,2}|[ivx]{1,4})\)|[ivx]{1,4}[.)])"
STEP_WORD = re.compile(r"(?:step|paso|schritt|étape|etape)\s+(\d{1,3}(?:\.\d{1,3})*)\s*(?:[.:)–—-]\s*|$)", re.I)
NUMBERED = re.compile(rf"({_MARK})\s+(?=\S)")
_HEADING_NUMBER = re.compile(
    r"(?:section\s+)?(\d{1,3}(?:\.\d{1,3})*)(?:[.):]|\s*[–—-])?\s+(?=[^\W\d_])|([IVX]{1,5})[.)]\s+(?=\S)", re.I
)
CAPITAL = re.compile(r"([A-Z])[.)]\s+(?=\S)")  # a step where its neighbour in the alphabet is there too
BULLET = re.compile(rf"[{BULLETS}*-]\s+(?=\S)")
TITLE_LINE = re.compile(r"(?:(?:sop|document)\s+)?(?:title|titel|título|titre)\s*+:\s*+(.+)", re.I)


def is_short(text: str) -> bool:
    return len(text) <= 80 and len(text.split()) <= 11 and text[-1] not in ".;,:"


def label_of(text: str) -> str:
    """The number a paragraph begins with, without its last point or zero."""
    found = NUMBERED.match(text)
    return re.sub(r"\.0$", "", found[1].strip("().")) if found else ""


def is_known_head(text: str) -> bool:
    return folded(unnumbered(text)[1].rstrip(":")) in table() and len(text) <= 60


def unnumbered(text: str) -> tuple[str, str]:
    """A heading's own number and the heading without it."""
    found = _HEADING_NUMBER.match(text)
    return ((found[1] or found[2]), text[found.end() :]) if found else ("", text)
