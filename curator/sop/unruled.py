"""Tables that a page shows without rules: a bold head, and lines below it whose words begin at the same places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from curator.sop.document import Table


class Word(NamedTuple):
    """A word of a line: from where to where it goes, in points."""

    start: float
    end: float
    text: str


class Found(NamedTuple):
    """A table and how many lines it takes."""

    table: Table
    lines: int


_WIDE = 9.0  # points: more than any space between the words of a line
_NEAR = 1.0  # points: as far apart two words begin that stand in one column
_LEAST = 2  # lines below a head


def table_at(lines: Sequence[Sequence[Word]]) -> Found | None:
    """The table that the first line heads, None where it heads none; the lines are those of one page from there on."""
    heads = _parted(lines[0])
    if len(heads) < 2 or not heads[-1][0].text[0].isalpha():
        return None
    body: list[Sequence[Word]] = []
    columns: list[float] = []
    for line in lines[1:]:
        common = _common([*body, line])
        if len(common) < len(heads) - 1 or _is_led(line):
            break
        body, columns = [*body, line], common
    columns = [at for at in columns if _gap(body, at) > _WIDE]
    if len(body) < _LEAST or not len(heads) <= len(columns) + 1 <= len(lines[0]):
        return None
    rows = [_cells(line, columns) for line in body]
    return Found(Table([], [_split(lines[0], len(columns) + 1), *rows]), len(body) + 1)


def _is_led(line: Sequence[Word]) -> bool:
    """Whether points lead to the number at the end of a line: one of a table of contents."""
    return sum(word.text.strip(".…") == "" for word in line) >= 3 or any("...." in word.text for word in line)


def _split(line: Sequence[Word], count: int) -> list[str]:
    """The words of a head in as many cells, parted at the widest spaces."""
    spaces = sorted(range(1, len(line)), key=lambda n: line[n - 1].end - line[n].start)[: count - 1]
    cells: list[list[str]] = [[]]
    for n, word in enumerate(line):
        if n in spaces:
            cells.append([])
        cells[-1].append(word.text)
    return [" ".join(cell) for cell in cells]


def _parted(line: Sequence[Word]) -> list[list[Word]]:
    """The words of a line, parted where more than a space stands between them."""
    parts: list[list[Word]] = []
    for word in line:
        if parts and word.start - parts[-1][-1].end <= _WIDE:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts


def _common(lines: Sequence[Sequence[Word]]) -> list[float]:
    """Where, but for the left edge, a word of every line begins."""
    first, *others = lines
    return [
        word.start
        for word in first[1:]
        if all(any(abs(other.start - word.start) <= _NEAR for other in line[1:]) for line in others)
    ]


def _gap(lines: Sequence[Sequence[Word]], at: float) -> float:
    """The widest space before the words that begin there."""
    spaces = (
        word.start - before.end for line in lines for before, word in pairwise(line) if abs(word.start - at) <= _NEAR
    )
    return max(spaces, default=0)


def _cells(line: Sequence[Word], columns: Sequence[float]) -> list[str]:
    cells: list[list[str]] = [[] for _ in range(len(columns) + 1)]
    for word in line:
        cells[sum(word.start >= at - _NEAR for at in columns)].append(word.text)
    return [" ".join(cell) for cell in cells]
