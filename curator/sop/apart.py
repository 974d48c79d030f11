"""What a printed page sets apart from its text: letters that slant across it, boxes, smaller letters; most of it is of no procedure.

A box, or a paragraph in smaller or slanted letters, goes where the text knows few of its words; warnings, orders in a list,
tables, headings of known purpose, notes of a table and numbers to ring in need stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import hypot
from typing import Any, TypeAlias

from curator.sop.document import Code, Figure, Origin, Table
from curator.sop.lines import STARTS
from curator.sop.markup import is_warning
from curator.sop.metadata import is_field
from curator.sop.reading import Drops, Heading, Piece, Text, said
from curator.sop.roles import role_of
from curator.sop.strangers import FEW, FEW_SAID, FIRM, LOOSE, Vocabulary, says_purpose
from curator.sop.verbs import is_forbidding, is_order

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom, in points
_LEAST_WIDTH, _LEAST_LINES = 40.0, 2  # of a box, in points and lines
_MOST_SHARE = 0.5  # of the letters of a page: boxes that hold more are how it is laid out
_MOST_WORDS = 120  # of what stands apart
_LEAD_WORDS = 16  # of a line below a title


# ---------------------------------------------------------------------- on the page


def level(page: Any, tables: Sequence[Box], drops: Drops) -> Any:
    """The page without letters that slant across it, and upended ones outside its tables: watermarks, names of chapters."""
    chars = page.chars
    gone = {id(char) for char in chars if _slants(char) or (_stands(char) and not any(is_within(char, box) for box in tables))}  # fmt: skip
    if not gone or 2 * len(gone) > len(chars):
        return page
    text = "".join(char["text"] for char in chars if id(char) in gone)
    drops.add("page-residue", text, Origin(-1, None, page.page_number))
    return page.filter(lambda thing: id(thing) not in gone)


def _slants(char: dict[str, Any]) -> bool:
    across, up = map(abs, char["matrix"][:2])
    return bool(min(across, up) > 0.05 * hypot(across, up))


def _stands(char: dict[str, Any]) -> bool:
    across, up = map(abs, char["matrix"][:2])
    return bool(up > across)


def is_within(thing: dict[str, Any], box: Box) -> bool:
    middle, height = (thing["x0"] + thing["x1"]) / 2, (thing["top"] + thing["bottom"]) / 2
    return bool(box[0] <= middle <= box[2] and box[1] <= height <= box[3])


def boxes_of(page: Any, tables: Sequence[Box]) -> list[Box]:
    """The boxes of a page that hold two lines or more, and no table: what is drawn around, or shaded behind them."""
    drawn = {
        tuple(round(rect[side]) for side in ("x0", "top", "x1", "bottom")) for rect in page.rects if _is_seen(rect)
    }
    wide = [box for box in drawn if box[2] - box[0] >= _LEAST_WIDTH and box[3] - box[1] >= 20]
    wide.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]), reverse=True)
    outer: list[Box] = []
    for box in wide:
        if not any(_holds(other, box) for other in outer):
            outer.append(box)
    found: list[Box] = []
    letters = 0
    for box in sorted(outer, key=lambda box: (box[1], box[0])) if len(outer) <= 40 else ():
        inside = [char for char in page.chars if is_within(char, box)]
        lines = {round(char["bottom"]) for char in inside if char["text"].strip()}
        if len(lines) >= _LEAST_LINES and not any(_meet(box, table) for table in tables):
            found.append(box)
            letters += len(inside)
    return found if letters <= _MOST_SHARE * len(page.chars) else []


def margins_of(page: Any, tables: Sequence[Box]) -> list[Box]:
    """Where smaller or slanted letters stand in the margin beside the text of a page: left or right of all its own letters.

    `tables` is where its tables and boxes are.
    """
    chars = [char for char in page.chars if char["text"].strip()]
    size = Counter(round(char["size"], 1) for char in chars).most_common(1)[0][0] if chars else 0
    body = [char for char in chars if round(char["size"], 1) == size and not SLANTED.search(char["fontname"])]
    if len(body) < _LEAST_LETTERS or 2 * len(body) < len(chars):
        return []
    left, right = min(char["x0"] for char in body), max(char["x1"] for char in body)
    top, bottom = min(char["top"] for char in body), max(char["bottom"] for char in body)
    other = [char for char in chars if round(char["size"], 1) != size or SLANTED.search(char["fontname"])]
    other = [char for char in other if top <= char["top"] and char["bottom"] <= bottom and char["size"] <= size]
    sides = (
        [char for char in other if char["x1"] < left - _APART],
        [char for char in other if char["x0"] > right + _APART],
    )
    found = [box for side in sides for box in _blocks(side)]
    crossed = {id(box) for box in found for char in chars if not is_within(char, box) and _touches(char, box)}
    return [box for box in found if id(box) not in crossed and not any(_meet(box, table) for table in tables)]


_LEAST_LETTERS = 200  # of a page: fewer do not tell where its text begins and ends
_APART = 6.0  # points
SLANTED = re.compile(r"italic|oblique|slanted|kursiv|cmti|-it\b", re.I)


def _blocks(chars: list[dict[str, Any]]) -> Iterator[Box]:
    """The boxes around letters that stand close below each other, two words or more."""
    run: list[dict[str, Any]] = []
    for char in [*sorted(chars, key=lambda char: char["top"]), None]:
        if run and (char is None or char["top"] - max(c["bottom"] for c in run[-40:]) > 1.5 * char["size"]):
            if len(run) >= 12:
                yield min(c["x0"] for c in run), min(c["top"] for c in run), max(c["x1"] for c in run), max(c["bottom"] for c in run)  # fmt: skip
            run = []
        if char is not None:
            run.append(char)


def _touches(char: dict[str, Any], box: Box) -> bool:
    """Whether a letter goes on a line of a box, a word's space away."""
    level = bool(box[1] < (char["top"] + char["bottom"]) / 2 < box[3])
    return level and bool(box[0] - _APART < char["x1"] and char["x0"] < box[2] + _APART)


def _is_seen(rect: dict[str, Any]) -> bool:
    """Whether a rectangle has an edge or a shade."""
    shade = rect.get("non_stroking_color")
    shades = shade if isinstance(shade, tuple | list) else (shade,)
    white = all(isinstance(part, int | float) and part > 0.98 for part in shades)
    return bool(rect.get("stroke")) or (bool(rect.get("fill")) and not white)


def _holds(outer: Box, inner: Box) -> bool:
    return all(one <= other + 1 for one, other in zip(outer[:2], inner[:2], strict=True)) and all(
        one >= other - 1 for one, other in zip(outer[2:], inner[2:], strict=True)
    )


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def within(page: Any, box: Box) -> Any:
    """The page with the letters in a box alone."""
    return page.filter(lambda thing: thing["object_type"] != "char" or is_within(thing, box))


def without(page: Any, boxes: Sequence[Box]) -> Any:
    """The page without the letters in boxes."""
    return page.filter(lambda thing: thing["object_type"] != "char" or not any(is_within(thing, box) for box in boxes))


# ---------------------------------------------------------------------- in the text


def without_asides(pieces: list[Piece], drops: Drops) -> list[Piece]:
    """The pieces without what is set apart and speaks of something else."""
    groups = [list(run) for key, run in groupby(range(len(pieces)), lambda n: _key(pieces[n])) if key]
    inside = {n for group in groups for n in group}
    text = " ".join(said(piece) for n, piece in enumerate(pieces) if n not in inside)
    opens = next((n for n, piece in enumerate(pieces) if n and _opens(piece)), 0)
    gone: set[int] = set()
    for group in groups:
        gone |= set(_strange_of(group, pieces, text, opens))
    known = Vocabulary(text)
    last = len(pieces) - 1
    if last > 1 and last not in inside and _closes_strangely(pieces[last - 1 :], known):
        gone.add(last)
    gone |= {n for n, piece in enumerate(pieces) if n not in inside and _is_pulled(piece, known)}
    gone |= {n for n in told_asides(pieces) if n not in inside}
    gone |= _emptied(pieces, gone)
    for n in sorted(gone):
        drops.add("boilerplate", said(pieces[n]), pieces[n].origin)
    return [piece for n, piece in enumerate(pieces) if n not in gone]


def _key(piece: Piece) -> int:
    """The number of the box a piece stands in, -1 for other letters than those of the text, 0 for the text."""
    if isinstance(piece, Heading | Text) and piece.box:
        return piece.box
    return -1 if isinstance(piece, Text) and piece.apart else 0


def _opens(piece: Piece) -> bool:
    """Whether a piece ends what stands right below a title."""
    return not isinstance(piece, Text) or STARTS.match(piece.text) is not None


def _strange_of(group: list[int], pieces: list[Piece], text: str, opens: int) -> Iterator[int]:
    """The places of what goes of a box, or of paragraphs that are set apart."""
    some = [pieces[n] for n in group]
    if isinstance(some[0], Heading | Text) and some[0].box:
        whole = " ".join(map(said, some))
        headed = any(isinstance(piece, Heading) or (isinstance(piece, Text) and piece.bold) for piece in some)
        if len(whole.split()) <= _MOST_WORDS and not any(map(_is_kept, some)):
            known = Vocabulary(f"{text} {whole}")
            if known.is_strange(whole, LOOSE if headed else 1, FEW):
                yield from group
        return
    for n in group:
        piece, before = pieces[n], pieces[n - 1] if n else None
        line = said(piece)
        noted = isinstance(before, Table | Figure | Code) or _MARKED.match(line)  # a note of what stands above
        named = is_field(line.partition(":")[0]) or STARTS.match(line)
        if noted or named or _is_kept(piece) or says_purpose(line) or len(line.split()) > _MOST_WORDS:
            continue
        known = Vocabulary(f"{text} {line}")
        lead = 0 < n < opens and len(line.split()) <= _LEAD_WORDS and line[-1] != ":" and known.is_aside(line)
        if lead or known.is_strange(line, 1, FEW):
            yield n


_MARKED = re.compile(
    r"[*†‡§¹²³]|\d{1,2}\)|\((?:\d{1,2}|[a-z])\)|fig(?:ure|\.)|abb(?:ildung|\.)|tab(?:le|elle|\.)", re.I
)
_URGENT = re.compile(
    r"\b(?:emergenc\w+|urgent|poison\w*|fire|ambulance|police|hotline|first aid|notruf|notfall\w*|feuerwehr|erste hilfe|urgences?|emergencias?|bomberos|pompiers|911|112|999)\b",
    re.I,
)


def _is_kept(piece: Piece) -> bool:
    """Whether a piece stays whatever it speaks of."""
    if isinstance(piece, Heading):
        return role_of(piece.text) != "other" or is_warning(piece.text)
    if not isinstance(piece, Text):
        return True
    line = piece.text
    ordered = STARTS.match(line) is not None and is_order(re.sub(r"^\W*\w{1,4}[.)]?\s+", "", line))
    warns = piece.note is not None or is_warning(line) or is_forbidding(line) or _URGENT.search(line) is not None
    return warns or ordered or (piece.bold and role_of(line) != "other")


def _is_pulled(piece: Piece, known: Vocabulary) -> bool:
    """Whether a line in larger letters is what somebody said, in quotation marks."""
    quoted = isinstance(piece, Heading) and _QUOTED.fullmatch(piece.text) is not None
    return quoted and known.is_aside(said(piece))


_QUOTED = re.compile(r'["“„«‟].{12,}["”“»]\.?')


def _emptied(pieces: list[Piece], gone: set[int]) -> set[int]:
    """The places of headings of no known purpose below which something went and nothing is left before the next."""
    heads = [n for n, piece in enumerate(pieces) if isinstance(piece, Heading) and n not in gone]
    found = set()
    for n, stop in zip(heads[1:], [*heads[2:], len(pieces)], strict=False):
        below = range(n + 1, stop)
        head, after = pieces[n], pieces[stop] if stop < len(pieces) else None
        lower = isinstance(head, Heading) and isinstance(after, Heading) and after.level > head.level
        if below and all(m in gone for m in below) and not lower and not _is_kept(head):
            found.add(n)
    return found


def told_asides(pieces: list[Piece]) -> set[int]:
    """The places of headings, and of the sentences below them, that only their words set apart from the text around them."""
    known = [n for n, piece in enumerate(pieces) if isinstance(piece, Heading) and role_of(piece.text) != "other"]
    last = known[-1] if known else len(pieces)
    stop = next((n for n in range(last + 1, len(pieces)) if isinstance(pieces[n], Heading)), len(pieces))
    text = Vocabulary(" ".join(said(piece) for piece in pieces[:stop]))  # below it a site may speak of itself
    text = text if text.tells else Vocabulary(" ".join(map(said, pieces)))
    lowest = max((piece.level for n in known if isinstance(piece := pieces[n], Heading)), default=9)
    found: set[int] = set()
    for n in range(1, len(pieces) - 1):
        if isinstance(head := pieces[n], Heading) and head.level > lowest and not _is_kept(head):
            found |= set(_told_aside(n, pieces, text))
    return found


def _told_aside(place: int, pieces: list[Piece], known: Vocabulary) -> Sequence[int]:
    """The places of a heading and of the sentence or two below it, as far as the next, that order nothing, count nothing and
    speak of something else.
    """
    head, below = pieces[place], pieces[place + 1 : place + 4]
    some = below[: next((n for n, piece in enumerate(below) if not isinstance(piece, Text)), len(below))]
    if len(some) not in (1, 2) or any(_is_kept(piece) or _is_practical(said(piece)) for piece in some):
        return ()
    whole = " ".join(map(said, (head, *some)))
    strange = known.is_strange(whole, _ASIDE, FEW)
    return range(place, place + 1 + len(some)) if strange else ()


_ASIDE = 0.8  # of the words that a text knows of a box: nothing sets these apart but what they say


def _closes_strangely(pieces: list[Piece], known: Vocabulary) -> bool:
    """Whether a text ends with a sentence of which it knows hardly a word; the first below a heading is of that section."""
    before, line = pieces
    plain = isinstance(line, Text) and not _is_kept(line) and not isinstance(before, Heading)
    return plain and not _is_practical(said(line)) and known.is_strange(said(line), FIRM, FEW_SAID)


def _is_practical(line: str) -> bool:
    """Whether a line is an item, gives an order or a number, or does not end as a sentence does."""
    ordered = any(map(is_order, re.split(r"(?<=[.!?;])\s+", line)))
    return ordered or STARTS.match(line) is not None or re.search(r"\d", line) is not None or line[-1] not in ".!?"
