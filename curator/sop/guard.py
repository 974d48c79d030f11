"""trafilatura guards the walk over a page: where the two differ too much, its result is walked instead."""

from __future__ import annotations

import re
from collections import Counter
from itertools import accumulate
from typing import Any

from curator.errors import MissingExtraError
from curator.sop.content import Second
from curator.sop.document import Block, Code, Dropped, Figure, Step, Table
from curator.sop.html import read_html, tree
from curator.sop.lines import STARTS
from curator.sop.markup import is_warning
from curator.sop.pruning import is_hidden
from curator.sop.reading import Drops, Heading, Piece, Reading, Text, remove, words_of
from curator.sop.roles import role_of
from curator.sop.verbs import is_forbidding, is_order
from curator.sop.walk import Walker

_COVER, _EXTRA = 0.9, 1.3  # the guard: share of trafilatura's 4-word shingles the walk must have, and how many more
_KEPT = 0.85  # of the headings and items that trafilatura has: fewer than the rest of them are a site's
_SHORT = 150  # shingles of a page so short that one joint more or less decides: its words are compared too
_LARGE = 6_000  # elements of a page from which on its second opinion is left out, which goes through them for each
_LEAST = 0.6  # below it trafilatura's result is taken even where it has lost headings and items
_GUARDED = 3_000_000  # characters of a page above which the guard is not asked: it takes seconds a megabyte
_GUARDED_TAGS = 40_000  # likewise
_GUARDED_TABLES = 30  # tables in one another above which it is not: it reads each with all that are in it
_TABLE = re.compile(r"<(/?)table\b", re.I)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = words_of(text)
    return Counter(zip(words, words[1:], words[2:], words[3:], strict=False))


def plain(pieces: list[Piece] | list[Block]) -> str:
    """All text of the pieces, a space between them."""
    parts: list[str] = []
    for piece in pieces:
        if isinstance(piece, Table):
            parts += [cell for row in (piece.header, *piece.rows) for cell in row]
        elif isinstance(piece, Figure):
            continue
        else:
            parts.append(piece.text)
            if isinstance(piece, Step):
                parts.append(plain(piece.children))
    return " ".join(parts)


def guarded(page: str) -> Reading:
    """A page as the walk reads it, or as trafilatura does where the two are far apart. Raises SourceError, MissingExtraError."""
    light = len(page) <= _GUARDED and page.count("<") <= _GUARDED_TAGS and _tables_within(page) <= _GUARDED_TABLES
    theirs = _theirs(page) if light else None
    if theirs is None:
        return read_html(page)
    whole = " ".join(theirs.itertext())
    reading = read_html(page, _second(whole))
    frame = _shingles(" \n ".join(reading.frame))
    wanted, got = _shingles(whole) - frame, _shingles(plain(reading.pieces))
    got |= _shingles(" \n ".join(reading.tables))
    if not wanted:
        return reading
    cover = sum((wanted & got).values()) / sum(wanted.values())
    if sum(wanted.values()) < _SHORT:
        cover = max(cover, _share(words_of(whole), words_of(plain(reading.pieces))))
    ratio = sum(got.values()) / sum(wanted.values())
    if cover >= _COVER and (ratio <= _EXTRA or _structured(reading.pieces)):
        return reading
    drops = Drops()
    framed = _second(*reading.frame)
    own = _second(plain(reading.pieces))
    gone = {dropped.text for dropped in reading.dropped if dropped.reason == "boilerplate"}
    pieces = [
        piece
        for piece in Walker(drops, is_page=True).walk(theirs)
        if own(said := plain([piece])) or not (said[:80] in gone or framed(said))
    ]
    if not pieces or (cover >= _LEAST and _has_form(reading.pieces, pieces)):
        return reading
    beyond = [piece for piece in pieces if not own(plain([piece]))]
    if cover >= _LEAST and _is_procedure(reading.pieces) and not _is_of_procedure(beyond):
        return reading
    if _form(pieces) < _form(reading.pieces) and (cover >= _LEAST or _is_procedure(reading.pieces)):
        return reading
    lost = [Dropped("outside-content", plain([piece])[:80]) for piece in reading.pieces if _foreign(piece, wanted)]
    reading.pieces, reading.extractor, reading.fallback = pieces, "trafilatura", True
    reading.dropped = [*reading.dropped, *lost, *drops.found]
    return reading


def _tables_within(page: str) -> int:
    """How many tables stand in one another at most."""
    return max(accumulate(-1 if closing else 1 for closing in _TABLE.findall(page)), default=0)


def _share(wanted: list[str], got: list[str]) -> float:
    """The share of words that are among others, each as often."""
    return sum((Counter(wanted) & Counter(got)).values()) / max(1, len(wanted))


def _theirs(page: str) -> Any:
    """What trafilatura takes for the content, None where that is nothing."""
    try:
        import trafilatura
    except ImportError:
        raise MissingExtraError("curator sop", "sop") from None
    root = tree(page)
    for element in [e for e in root.iter() if is_hidden(e)]:
        remove(element)
    large = sum(1 for _ in root.iter()) > _LARGE
    found = trafilatura.extract(
        root, fast=large, output_format="html", include_comments=False, include_tables=True, include_formatting=True
    )
    return tree(found) if found else None


def _second(*said: str) -> Second:
    """Whether a text, or most of it, is in one of the texts."""
    known = sum(map(_shingles, said), Counter[tuple[str, ...]]())
    whole = " | ".join(f" {' '.join(words_of(text))} " for text in said)

    def has(text: str) -> bool:
        shingles = _shingles(text)
        if not shingles:
            return f" {' '.join(words_of(text))} " in whole
        return sum((shingles & known).values()) >= 0.5 * sum(shingles.values())

    return has


def _form(pieces: list[Piece]) -> int:
    """Headings and list items, and paragraphs that look like them: how much of the form was kept."""
    return sum(
        isinstance(piece, Heading | Step)
        or (isinstance(piece, Text) and (piece.bold or STARTS.match(piece.text) is not None))
        for piece in pieces
    )


def _structured(pieces: list[Piece]) -> bool:
    """Whether a page is a procedure by its form: trafilatura often takes lists and tables for boilerplate there."""
    items = sum(isinstance(piece, Step) for piece in pieces)
    headings = sum(isinstance(piece, Heading) for piece in pieces)
    return headings >= 2 and items >= 3


def _has_form(ours: list[Piece], theirs: list[Piece]) -> bool:
    """Whether the walk has a procedure, and hardly fewer of its headings and items than the other."""
    return _is_procedure(ours) and _form(ours) >= _KEPT * _form(theirs)


def _is_procedure(pieces: list[Piece]) -> bool:
    """Whether a page is a procedure by what it says: a section of known purpose with steps, three orders, or five numbered
    sentences in any language.
    """
    steps = [piece for piece in pieces if isinstance(piece, Step)]
    known = any(_heads(piece) and role_of(plain([piece])) != "other" for piece in pieces)
    if (known and len(steps) >= 2) or sum(is_order(step.text) for step in steps) >= 3:
        return True
    return sum(step.number_source.isdigit() and len(step.text.split()) >= 4 for step in steps) >= 5


def _is_of_procedure(pieces: list[Piece]) -> bool:
    """Whether among pieces is one that a procedure has: a section of known purpose, a number, a table, code, two orders."""
    if any(_heads(piece) and role_of(plain([piece])) != "other" for piece in pieces):
        return True
    if any(isinstance(piece, Table | Code) or (isinstance(piece, Step) and piece.number_source) for piece in pieces):
        return True
    said = [plain([piece]) for piece in pieces]
    warned = any(is_warning(text) or is_forbidding(text) for text in said)
    return (
        warned
        or sum(isinstance(piece, Step | Text) and is_order(text) for piece, text in zip(pieces, said, strict=True)) >= 2
    )


def _heads(piece: Piece) -> bool:
    return isinstance(piece, Heading) or (isinstance(piece, Text) and piece.bold)


def _foreign(piece: Piece, known: Counter[tuple[str, ...]]) -> bool:
    shingles = _shingles(plain([piece]))
    return bool(shingles) and not any(shingle in known for shingle in shingles)
