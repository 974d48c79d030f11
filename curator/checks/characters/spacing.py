"""ENC006: gaps in a sentence and blank lines in a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np

from curator.checks.characters.repairs import Repair, edits, times
from curator.columns import Batch, distinct
from curator.model import Example, Fix, Flag
from curator.prose import in_prose
from curator.rule import Bad, RowRule, chat, option


def wide_gaps(text: str, width: int) -> list[Repair]:
    """Runs of at least `width` spaces within a sentence of prose or, elsewhere in or behind a line, of two
    more (two spaces after a full stop are a style, two at the end of a line are Markdown); and three or more
    blank lines.

    Lines whose neighbours have such gaps too, or with three of them, are aligned on purpose and left alone; so
    are gaps beside a number, and lines with a bar: columns.
    """
    gap = re.compile(
        rf"""(?<=[^\W\d_]) {{{width},}}(?=[^\W_]|["'“‘(])|(?<=,) {{{width},}}(?=\w)|(?<=[^\s|]) {{{width + 2},}}(?=[^\s|]|$)"""
    )
    lines = text.split("\n")
    gaps = [[hit for hit in gap.finditer(line, _indent(line)) if not _is_column(line, hit)] for line in lines]
    inner = [any(hit.end() < len(line) for hit in hits) for line, hits in zip(lines, gaps, strict=True)]
    out: list[Repair] = []
    at = 0
    for number, (line, hits) in enumerate(zip(lines, gaps, strict=True)):
        near = inner[max(0, number - 2) : number] + inner[number + 1 : number + 3]
        if hits and not (inner[number] and (len(hits) > 2 or any(near))):
            for hit in hits:
                start, end = at + hit.start(), at + hit.end()
                if in_prose(text, start, end):
                    out.append(Repair(start, end, " " if hit.end() < len(line) else ""))
        at += len(line) + 1
    for blank in re.finditer(r"(?<!\n)\n{4,}(?=[^\n])", text):
        if in_prose(text, *blank.span()):
            out.append(Repair(*blank.span(), "\n\n"))
    return sorted(out)


def _is_column(line: str, gap: re.Match[str]) -> bool:
    """Whether a gap parts columns, or follows a backslash."""
    before, after = line[: gap.start()], line[gap.end() : gap.end() + 1]
    return "|" in line or before[-2:-1] == "\\" or (before[-1:].isdigit() and after.isdigit())


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
