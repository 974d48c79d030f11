"""Lines of plain text or of a PDF page put together to paragraphs: wrapped lines joined, hyphenation undone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from curator.sop.document import Origin, Table
from curator.sop.reading import BULLETS, Heading, Piece, Text
from curator.sop.roles import folded, table
from curator.sop.tabular import NOTE

STARTS = re.compile(
    rf"(?:[{BULLETS}*+-]|\d{{1,3}}(?:\.\d{{1,3}})*[.)]?|\(?[a-z]\)|\((?:\d{{1,2}}|[ivx]{{1,4}})\)|[ivx]{{1,4}}[.)]|[A-Z][.)])\s+\S|(?:step|paso|schritt|étape)\s+\d",
    re.I,
)
_SURE = re.compile(
    rf"(?:[{BULLETS}*-]|\d{{1,3}}(?:\.\d{{1,3}})+\.?|\d{{1,3}}[.)]|\(?[a-z]\)|\(?[ivx]{{1,5}}\)|[ivx]{{2,5}}\.|\(\d{{1,4}}\))\s+\S|(?:step|paso|schritt|étape)\s+\d"
)
_RULE = re.compile(r"(?:[=_*-]{3,}|~{3,}|\^{3,})\s*$")
_AMOUNT = re.compile(r"0[.,]\d|\d+(?:[.,]\d+)*\s*[%°µΩ±×]")  # at the head of a line, of the sentence before it
_FIELD = re.compile(
    r"(?:title|titel|t[ií]tulo|titre|subject|betreff|asunto|approved|(?:document|doc|sop)\.?\s*+(?:no|number|nr|id)?\.?|version|rev(?:ision)?\.?(?: no\.?)?|effective(?: date)?|date|department|page|prepared by|approved by|author)\s*:",
    re.I,
)
_CELLS = re.compile(r"\t+|\s+\|\s+|\s{4,}")


class Line(msgspec.Struct):
    """One line: `indent` in characters or points, `gap` where space stands before it, `level` of a heading or 0."""

    text: str
    indent: float = 0
    gap: bool = False
    bold: bool = False
    level: int = 0
    number: int | None = None
    page: int | None = None
    table: Table | None = None
    full: bool = True  # the line reaches the right edge, so its paragraph may go on
    away: bool = False  # all of the line is a link to another page
    apart: bool = False  # in smaller or slanted letters
    box: int = 0  # the number of the box it is printed in


def paragraphs(lines: Sequence[Line], joined: list[str]) -> list[Piece]:
    """The pieces of the lines. Words that hyphens parted are added to `joined`."""
    lines = [line for line in lines if line.text or line.table is not None]
    vocabulary = _vocabulary(lines)
    letters = frozenset(found[1] for line in lines if (found := _LETTER.match(line.text)))
    pieces: list[Piece] = []
    last: Line | None = None
    for line in lines:
        origin = Origin(len(pieces), line.number, line.page)
        before = pieces[-1] if pieces else None
        if line.table is not None:
            pieces.append(line.table)
        elif (
            line.level
            and isinstance(before, Heading)
            and last
            and last.level == line.level
            and last.box == line.box
            and not line.gap
            and not STARTS.match(line.text)
            and (line.text.isupper() or not before.text.isupper())
        ):
            before.text = f"{before.text} {line.text}"
            before.away = before.away and line.away
        elif line.level:
            pieces.append(Heading(line.text, line.level, origin, line.away, line.box))
        elif isinstance(before, Text) and last is not None and _goes_on(before, last, line, letters):
            before.text = _join(before.text, line.text, joined, vocabulary)
            before.away = before.away and line.away
            before.apart = before.apart and line.apart
        else:
            pieces.append(Text(line.text, line.bold, None, origin, line.indent, line.away, line.apart, line.box))
        last = line
    return pieces


_LETTER = re.compile(r"([a-z])\.\s+\S")


def _goes_on(before: Text, last: Line, line: Line, letters: frozenset[str]) -> bool:
    """Whether a line continues the paragraph of the last one; `letters` are those that begin a line as numbers do."""
    if line.box != last.box:
        return False
    lettered = _LETTER.match(line.text)
    if lettered and (chr(ord(lettered[1]) - 1) in letters or (lettered[1] == "a" and "b" in letters)):
        return False
    starts = _SURE.match(line.text) and not (_AMOUNT.match(line.text) and before.text[-1] not in ".:;?!")
    if starts or last.table is not None or last.level or _heads(before.text, line.text):
        return False
    small = line.text[0].islower()
    ended = before.text[-1] in ".:;?!"
    if line.apart != last.apart and ended:
        return False
    if ended and NOTE.match(line.text):
        return False
    if line.gap:
        over = line.page != last.page  # what stood between them was the foot and the head of a page
        return small and not ended and (over or before.text[-1] in ",-") and last.full
    if line.bold != last.bold and not (small and not ended):
        return False
    if small and not ended:
        return True
    hanging = bool(STARTS.match(before.text)) and line.indent > before.indent + 0.5
    return (hanging and not (ended and not last.full)) or (last.full and not STARTS.match(line.text))


_LONGEST = 200  # characters of a heading: the longest that is known has fifty
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,9}[.)]?\s+")


def _heads(before: str, after: str) -> bool:
    """Whether the first of two lines is a heading by itself: a known word, or capitals before a line that is in none."""
    if len(before) > _LONGEST:
        return False
    head = _NUMBER.sub("", before).rstrip(": ")
    return folded(head) in table() or (head.isupper() and len(head) > 3 and not after.isupper() and len(before) < 60)


def _vocabulary(lines: Sequence[Line]) -> frozenset[str]:
    """The words of the lines, hyphened ones too, but for those a line break parts."""
    words: set[str] = set()
    cut = False
    for line in lines:
        text = re.sub(r"^\S+", "", line.text) if cut else line.text
        cut = line.text.endswith("-")
        kept = " ".join(text.split()[:-1]) if text.endswith("-") else text
        words.update(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", kept))
    return frozenset(words)


def _join(before: str, after: str, joined: list[str], vocabulary: frozenset[str]) -> str:
    """Two lines as one; a hyphen at the break goes unless the document writes the word with it, or it parts two words."""
    left, right = re.search(r"(?<![^\W\d_])([^\W\d_]+)-$", before[-80:]), re.match(r"[^\W\d_]+", after)
    if not left or not right or left[1][-1].isupper() != right.group()[0].isupper():
        return f"{before} {after}"
    whole, parted = left[1] + right.group(), f"{left[1]}-{right.group()}"
    compound = (
        left[1].casefold() in _JOINED
        or parted in vocabulary
        or (whole not in vocabulary and left[1] in vocabulary and right.group() in vocabulary)
    )
    if compound and left[1] not in _PREFIXES:
        return before + after
    joined += [re.split(r"\s", before)[-1][:-1] + re.split(r"\s", after)[0]]
    return before[:-1] + after


_JOINED = frozenset(
    ("ci", "celui", "celle", "ceux", "celles", "peut", "vis", "rendez")
)  # their hyphen is never a break's
_PREFIXES = frozenset(
    ("re", "in", "de", "con", "com", "pro", "ex", "a")
)  # word beginnings that are words or names themselves


def tables(lines: Sequence[Line]) -> list[Line]:
    """Runs of two or more lines of as many cells (parted by tabs, pipes or wide gaps) made tables."""
    out: list[Line] = []
    run: list[tuple[Line, list[str]]] = []

    def close() -> None:
        if any(_FIELD.match(cell) for _, cells in run for cell in cells):
            out.extend(
                msgspec.structs.replace(line, text=text, gap=True, full=False)
                for line, cells in run
                for text in _fields(cells)
            )
        elif len(run) >= 2:
            grid = [cells for _, cells in run if not all(set(cell) <= set("-:=+ ") for cell in cells)]
            first = run[0][0]
            ruled = len(grid) < len(run)
            table = Table(grid[0] if ruled else [], grid[1:] if ruled else grid, Origin(-1, first.number, first.page))
            out.append(Line("", first.indent, True, table=table, number=first.number, page=first.page))
        else:
            out.extend(line for line, _ in run)
        run.clear()

    for line in lines:
        cells = [cell.strip() for cell in _CELLS.split(line.text.strip().strip("|").strip())]
        if (
            line.table is None
            and len(cells) > 1
            and (not _SURE.match(line.text) or len(cells) > 2)
            and (not run or (len(run[-1][1]) == len(cells) and not line.gap))
        ):
            run.append((line, cells))
            continue
        close()
        if line.table is None and len(cells) > 1 and (not _SURE.match(line.text) or len(cells) > 2):
            run.append((line, cells))
        else:
            out.append(line)
    close()
    return out


def _fields(cells: list[str]) -> Iterator[str]:
    """The cells of a line, a field's name with its value."""
    held = ""
    for cell in filter(None, cells):
        if held:
            yield f"{held} {cell}"
            held = ""
        elif cell.endswith(":") and _FIELD.fullmatch(cell):
            held = cell
        else:
            yield cell
    if held:
        yield held


def is_rule(text: str) -> bool:
    """Whether a line only draws a rule under a heading."""
    return bool(_RULE.match(text))
