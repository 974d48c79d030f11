"""ENC006: gaps in a sentence and blank lines in a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import numpy as np

from curator.checks.characters.repairs import Repair, edits, times
from curator.columns import Batch
from curator.model import Example, Fix, Flag
from curator.rule import Bad, RowRule, chat, option
from curator.text.hashed import distinct
from curator.text.prose import in_prose


def wide_gaps(text: str, width: int) -> list[Repair]:
    """Runs of at least `width` spaces within a sentence of prose or, elsewhere in or behind a line, of two
    more (two spaces after a full stop are a style, two at the end of a line are Markdown); and three or more
    blank lines.

    Gaps that lay text out are left alone: see `_is_laid_out` and `_is_column`.
    """
    gap = re.compile(
        rf"""(?<=[^\W\d_]) {{{width},}}(?=[^\W_]|["'“‘(])|(?<=,) {{{width},}}(?=\w)|(?<=[^\s|]) {{{width + 2},}}(?=[^\s|]|$)"""
    )
    lines = text.split("\n")
    out: list[Repair] = []
    at = 0
    for number, line in enumerate(lines):
        if "  " in line:
            hits = list(gap.finditer(line, _indent(line)))
            for hit in hits if hits and not _is_laid_out(lines, number, hits) else ():
                start, end = at + hit.start(), at + hit.end()
                if not _is_column(line, hit) and in_prose(text, start, end):
                    out.append(Repair(start, end, " " if hit.end() < len(line) else ""))
        at += len(line) + 1
    for blank in re.finditer(r"(?<!\n)\n{4,}(?=[^\n])", text):
        if in_prose(text, *blank.span()):
            out.append(Repair(*blank.span(), "\n\n"))
    return sorted(out)


_FEW_WORDS = 8  # a line of fewer can be a row of cells
_LABEL = re.compile(r"\W*\w[^:]{0,30}:$")  # "Total:      5"
_DRAWN = frozenset("_=<>/~^\\-–—→←↑↓.…")  # signs of forms to fill in, dot leaders and drawings


def _is_column(line: str, gap: re.Match[str]) -> bool:
    """Whether a gap parts cells by the look of its own line: at a bar, behind a label, beside a number or a drawn line."""
    before, after = line[: gap.start()], line[gap.end() :]
    if "|" in line or "\t" in line or before[-2:-1] == "\\" or _LABEL.match(before):
        return True
    if after and (before[-2:].strip(".") == "" or before[-1] in _DRAWN - {"."} or after[0] in _DRAWN):
        return True
    beside = before.split()[-1:] + after.split(None, 1)[:1]
    numbers = [part.strip("$€£¥%()+-").replace(",", "").replace(".", "").isdigit() for part in beside]
    return bool(after) and any(numbers) and (all(numbers) or len(line.split()) < _FEW_WORDS)


_INNER = re.compile(r"(?<![\s.!?]) {2,}(?=\S)|\t")


def _is_laid_out(lines: Sequence[str], number: int, gaps: Sequence[re.Match[str]]) -> bool:
    """Whether a line is one of several that are aligned: it has three gaps, one of the two lines before or behind it
    has a gap too or is a row of numbers, it is a heading itself, or words stand below the word behind a gap.
    """
    line = lines[number]
    inner = [gap for gap in gaps if gap.end() < len(line)]
    near = [
        lines[place]
        for place in (number - 1, number + 1, number - 2, number + 2)
        if 0 <= place < len(lines) and lines[place].strip()
    ]
    if len(inner) > 2 or any(_INNER.search(part, _indent(part)) for part in near):
        return True
    words = line.split()
    if _is_heading(words):
        return True
    if len(words) >= _FEW_WORDS:
        return False  # below a long line some word stands in every place
    if any(_is_row(part) for part in near):
        return True
    return len(near) > 1 and any(_is_aligned(line, gap.end(), near) for gap in inner)


_WORD = re.compile(r"\S+")
_LETTER = re.compile(r"[^\W\d]")


def _is_heading(words: Sequence[str]) -> bool:
    """Whether no word is lower-case ("Name     Age"), or all are single letters ("h e l l o   y o u")."""
    initials = [word[0] for word in words]
    return (any(map(str.isupper, initials)) and not any(map(str.islower, initials))) or all(
        len(word) == 1 for word in words
    )


def _is_row(line: str) -> bool:
    """Whether a line has several numbers and no word."""
    return not _LETTER.search(line) and sum(part[-1].isdigit() for part in line.split()) > 1


def _is_aligned(line: str, start: int, near: Sequence[str]) -> bool:
    """Whether the two nearest lines have words that start, or words that end, where the word at `start` does."""
    word = _WORD.match(line, start)
    end = word.end() if word else start
    starts = (part[start - 1 : start] == " " and part[start : start + 1].strip() for part in near[:2])
    ends = (part[end - 1 : end].strip() and not part[end : end + 1].strip() for part in near[:2])
    return all(starts) or all(ends)


_INDENT_OR_MARK = re.compile(r"[ \t>]*(?:(?:[-*+•–]|\(?\w{1,3}[.):]|#+)[ \t]+)?")


def _indent(line: str) -> int:
    """Where a line begins behind its indentation and list mark."""
    mark = _INDENT_OR_MARK.match(line)
    return mark.end() if mark else 0


class ExcessSpace(RowRule, frozen=True):
    """A line of prose has wide gaps, or many blank lines stand between paragraphs.

    Such gaps are left from layout or from removed markup. They cost tokens, and the model repeats them.
    """

    code = "ENC006"
    severity = "info"
    literals = ("\n\n\n\n",)
    GOOD = [
        chat(user="Write code", assistant="```\nx    = 1\n\n\n\ny    = 2\n```"),
        chat(user="A table", assistant="Name     Age\nAda       36\nBob      41"),
        chat(user="Two spaces?", assistant="After a full stop.  Many do that.  \nA line break in Markdown.\n\n\nSo."),
        chat(user="Squares?", assistant="n    n^2\n1    1\n2    4\n10   100"),
        chat(user="The bill?", assistant="Total:      $5\nTax:        $1"),
        chat(user="Conjugate ser.", assistant="nosotros somos\nvosotros sois\nellos    son"),
        chat(user="Choose: A. one    B. two    C. three    D. four", assistant="1.   One\n2.   Two\n    - deep"),
        chat(user="Name:   Bo", assistant="Hi  there.\\n   So it is."),
    ]
    BAD = [
        Bad(
            chat(
                user="Who was Ada?", assistant="A   mathematician.     She lived\n\n\n\n\nin London, and   wrote.     "
            ),
            at="messages[1].content",
            fixed=chat(user="Who was Ada?", assistant="A mathematician. She lived\n\nin London, and wrote."),
        ),
        Bad(
            chat(user="Who was  Ada?", assistant="A mathematician."),
            at="messages[0].content",
            fixed=chat(user="Who was Ada?", assistant="A mathematician."),
            options={"min_run": 2},
        ),
    ]

    min_run: Annotated[int, option("Fewer spaces than this within a sentence are no gap.", ge=2)] = 3

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with enough spaces behind a letter or a comma, more behind another sign, or blank lines in a row."""
        data = np.frombuffer(batch.texts.data, np.uint8)
        size = max(0, len(data) - self.min_run - 2)
        space = data == 0x20
        wide = space[1 : size + 1].copy()
        for step in range(2, self.min_run + 1):
            wide &= space[step : size + step]
        hits = np.flatnonzero(wide)
        first = data[hits]
        wider = space[hits + self.min_run + 1] & space[hits + self.min_run + 2]
        hits = hits[_IN_SENTENCE[first] | (wider & (first > 0x20))]
        texts = distinct(np.searchsorted(batch.texts.ends, hits, side="right"))
        return sorted({*batch.rows_with(type(self)), *batch.turn_lines[texts].tolist()})

    def check(self, example: Example) -> Iterator[Flag]:
        for turn in example.all_turns():
            repairs = wide_gaps(turn.text, self.min_run) if turn.role != "tool" else []
            if repairs:
                start, end, _ = repairs[0]
                what = "blank lines" if "\n" in turn.text[start:end] else f"{end - start} spaces"
                fix = Fix("close the gaps", edits(turn, repairs), safety="safe")
                yield turn.flag(f"{what} in a row{times(len(repairs))}", (start, end), fix=fix)


_IN_SENTENCE = np.zeros(256, dtype=bool)
_IN_SENTENCE[[ord(","), *range(65, 91), *range(97, 123), *range(128, 256)]] = True
