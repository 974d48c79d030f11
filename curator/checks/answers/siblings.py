"""Whether the last line of a list or a poem breaks the form that the lines before it share: then it was cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ITEMS = 4  # items that share a form, at least
_PHRASE = 4  # words of items that are phrases and no names
_PARTS = (": ", " - ", " – ", " — ", " by ", " as ")  # what stands between the two parts of an item
_VERSES = 6  # lines of a poem, at least
_EVEN = 0.4  # of the longest line: no line of an even poem is shorter
_HALF = 0.45  # of the shortest line: the last one is shorter
_MARK = re.compile(r"\s*(?:[-*+•–·▪◦]|\(?\w{1,3}[.):-])\s+")
_LABEL = re.compile(r"\W*[\w ]{1,24}:\W*$|#")  # "Chorus:"
_REST = re.compile(r"(?:others?|none|misc\w*|more|etc|all|and so on|enjoy|serve|done|repeat)\b", re.I)  # "- Other"


def item_stops(line: str, siblings: Sequence[str]) -> str | None:
    """How an item without a full stop falls short of all items before it: "before 'by'", or by its length."""
    own = _body(line)
    others = [_body(part) for part in siblings]
    if len(others) < _ITEMS or ends_a_list(own) or ". " in own:
        return None
    usual = sorted(len(part.split()) for part in others)
    words = len(own.split())
    for part in _PARTS:
        if part not in own and all(part in other for other in others) and words <= usual[len(usual) // 2]:
            return f"before the {part.strip()!r} that the other items have"
    lone = words == 1 < usual[0] and usual[len(usual) // 2] >= _PHRASE
    return "after less than half of an item" if lone or 2 * words < usual[0] else None


def ends_a_list(own: str) -> bool:
    """Whether an item, without its mark, is what lists close with: "Other", "None of the above", "Enjoy"."""
    return bool(_REST.match(own)) and len(own.split()) < _PHRASE + 1


def _body(line: str) -> str:
    mark = _MARK.match(line)
    return line[mark.end() :].strip() if mark else line.strip()


def verse_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How the last line of a poem in even lines, or in lines that all end on a sign, falls short of the others."""
    verses = [part for part in earlier if not _LABEL.match(part)]
    if len(verses) < _VERSES or _LABEL.match(line) or _MARK.match(line):
        return None
    lengths = sorted(len(part) for part in verses)
    if lengths[-1] > 80 or lengths[0] < _EVEN * lengths[-1]:
        return None
    return "in the middle of a verse" if len(line) < _HALF * lengths[0] else None
