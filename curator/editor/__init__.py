"""A document that is open in an editor: what is found in it, on the very words, and the edits that mend it.

An editor counts lines and columns in its own way: a line ends at LF, CR LF or a CR alone, and a column counts the
units of an encoding (UTF-16 unless both sides agree on another). Findings count bytes of a line, or characters
of a string whose escapes are resolved. This module stands between the two; it knows of no protocol.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from curator import decisions, engine, splicing
from curator.columns import UNSET, parse
from curator.errors import SourceError
from curator.fix import PLAIN, ROUNDS, Tally, Twins, mend, mend_lines, plan_round, wanted
from curator.model import Finding, Fix, Report
from curator.scratch import Scratch
from curator.sources import open_sources
from curator.sources.finding import split_of
from curator.text.excerpt import fault_size
from curator.text.worddiff import shared_start

if TYPE_CHECKING:
    from curator.config import Config

Units = Literal["utf-8", "utf-16", "utf-32"]

_BREAK = re.compile(rb"\r\n|\r|\n")


class Position(NamedTuple):
    """A line and a column, both from 0; the column in units of the document's encoding."""

    line: int
    column: int


class Range(NamedTuple):
    """From one position up to another."""

    start: Position
    end: Position


class TextEdit(NamedTuple):
    """New text in the place of a range."""

    range: Range
    text: str


class Document:
    """The text of an open document, and where each of its bytes stands in the editor."""

    def __init__(self, text: str, units: Units = "utf-16") -> None:
        self.data = text.encode("utf-8", "replace")  # half a surrogate pair becomes "?": one unit for one unit
        self.units = units
        self._known = (0, 0)  # a byte and its column: the next that is asked for mostly stands behind it

    @cached_property
    def _starts(self) -> list[int]:
        """The byte at which each line of the editor begins."""
        return [0, *(found.end() for found in _BREAK.finditer(self.data))]

    @cached_property
    def _rows(self) -> list[int]:
        """The byte at which each line of JSONL begins, and the end of the document."""
        rows = [0, *(found.end() for found in re.finditer(b"\n", self.data))]
        return rows if rows[-1] == len(self.data) else [*rows, len(self.data)]

    def position(self, byte: int) -> Position:
        """Where a byte offset stands; in a character, where the character does."""
        line = bisect_right(self._starts, byte) - 1
        start = self._starts[line]
        known, column = self._known if start <= self._known[0] <= byte else (start, 0)  # a line may be megabytes long
        known, more = self._measured(known, byte)
        self._known = known, column + more
        return Position(line, column + more)

    def _measured(self, start: int, stop: int) -> tuple[int, int]:
        """The last whole character of the bytes [start, stop) ends where, and their size in columns."""
        part = self.data[start:stop]
        text = part.decode("utf-8", "ignore")
        return start + len(text.encode()), _size(text, self.units)

    def range(self, start: int, stop: int) -> Range:
        """The range of the bytes [start, stop)."""
        return Range(self.position(start), self.position(stop))

    def row(self, line: int, over: int = 1) -> tuple[int, int]:
        """(start, stop) in bytes of line `line` (from 1) and those it goes on over, with their line breaks."""
        last = len(self._rows) - 1
        return self._rows[min(line - 1, last)], self._rows[min(line - 1 + over, last)]

    # ------------------------------------------------------------------ findings

    def place(self, finding: Finding) -> Range:
        """What to underline: the very words where the finding names some, else the value it is about.

        Of an object or array it is the beginning up to the first key, since a whole row would be a screen of
        underlined text.
        """
        return next(self.places([finding]))

    def places(self, findings: Sequence[Finding]) -> Iterator[Range]:
        """The same for many findings, in their order: a row is gone through once for those that follow each other."""
        for line, of_row in groupby(findings, key=lambda finding: finding.line):
            found = list(of_row)
            begin, stop = self.row(line)
            raw = self.data[begin:stop].rstrip(b"\r\n")
            row = _readable(raw, found)
            for finding in found:
                low, high = _inside(raw, row, finding)
                yield self.range(begin + low, begin + high)

    def edit(self, finding: Finding, fix: Fix) -> TextEdit | None:
        """The smallest edit that makes the fix; None where it cannot be made in this text."""
        begin, stop = self.row(finding.line, fix.over)
        first, _ = self.row(finding.line)
        line = self.data[first : self.row(finding.line)[1]]
        raw = line.removesuffix(b"\n")
        mended = mend(raw, [fix])
        if not any(mended.made):
            return None
        old = self.data[begin:stop]
        end = b"\n" if old.endswith(b"\n") else b""
        new = b"\n".join(mended.lines) + end if mended.lines else b""
        return self._difference(begin, old, new)

    def replaced(self, new: bytes) -> TextEdit | None:
        """The smallest single edit that turns the document into `new`; None where nothing changes."""
        return self._difference(0, self.data, new) if new != self.data else None

    def _difference(self, begin: int, old: bytes, new: bytes) -> TextEdit | None:
        """The edit that puts `new` in the place of `old`, less what both begin and end with."""
        most = min(len(old), len(new))
        head = shared_start(old[:most], new[:most])
        while head and _inside_character(old, new, head):
            head -= 1
        tail = min(shared_start(old[::-1], new[::-1]), most - head)
        while tail and _inside_character(old[::-1], new[::-1], tail, backwards=True):
            tail -= 1
        text = new[head : len(new) - tail].decode("utf-8", "replace")
        return TextEdit(self.range(begin + head, begin + len(old) - tail), text)


def _size(text: str, units: Units) -> int:
    if units == "utf-32" or text.isascii():
        return len(text)
    return len(text.encode()) if units == "utf-8" else len(text.encode("utf-16-le")) // 2


def _inside_character(one: bytes, other: bytes, at: int, *, backwards: bool = False) -> bool:
    """Whether a cut there would part a character, or a CR from its LF, in either."""
    sides = ((text[at - 1 : at], text[at : at + 1]) for text in (one, other))
    for first, second in sides:
        before, behind = (second, first) if backwards else (first, second)
        if (behind and behind[0] & 0xC0 == 0x80) or (before == b"\r" and behind == b"\n"):
            return True
    return False


def _readable(raw: bytes, findings: Sequence[Finding]) -> splicing.Located | None:
    """The line with the places of its findings; None where it is no JSON, or none of them has a place."""
    paths = [finding.path for finding in findings if finding.byte is None]
    lead = len(splicing.BOM) if raw.startswith(splicing.BOM) else 0
    return splicing.Located(raw, paths) if paths and parse(raw[lead:]) is not UNSET else None


def _inside(raw: bytes, row: splicing.Located | None, finding: Finding) -> tuple[int, int]:
    """(start, stop) in bytes of what to underline in a line."""
    if finding.byte is not None:
        low = min(max(finding.byte, 0), len(raw))
        high = low + fault_size(raw[low : low + _FAULT])
        return (low, high) if high > low else (max(low - 1, 0), low)
    if row is None:
        return len(splicing.BOM) if raw.startswith(splicing.BOM) else 0, len(raw)
    path = finding.path
    try:
        if finding.span is not None:
            return row.locate_span(path, finding.span)
        low, high = row.locate(path)
    except KeyError:  # what is missing, or stands in a string: the row
        low, high = row.locate("")
    return (low, splicing.first_key_end(raw, low)) if raw[low] in b"[{" else (low, high)


_FAULT = 1 << 12  # bytes: no fault is longer


# ---------------------------------------------------------------------- lint and mend


def lint(document: Document, path: Path, config: Config) -> Report:
    """The findings of the text as if it stood at `path`, less those that a decision keeps out.

    Raises CuratorError: the configuration cannot be honoured, or the text holds no data.
    """
    with Scratch("editor") as folder:
        copy = Path(folder, path.name)
        copy.write_bytes(document.data)
        with open_sources([copy]) as opened:
            sources = [
                msgspec.structs.replace(each, path=str(path), split=split_of(str(path)), stamp=None) for each in opened
            ]
            report = engine.lint_sources(sources, config.plan(), workers=1)
            report = msgspec.structs.replace(report, findings=tuple(report.findings))
    log = decisions.beside([path])
    return decisions.settle(report, log, None) if log.decisions else report


def mended(document: Document, path: Path, config: Config) -> bytes:
    """The text with all safe fixes made, in as many rounds as it takes; as it is where it is no JSONL.

    Raises CuratorError as `lint` does.
    """
    now, tally = document, Tally()
    twins = Twins(lambda _, line: tally.origin(line))
    for _ in range(ROUNDS):
        try:
            report = lint(now, path, config)
        except SourceError:  # every row was dropped
            return document.data
        if report.files[0].container != PLAIN:
            break
        plan = plan_round(report.findings, lambda finding: wanted(finding, unsafe=False), twins)
        twins.keep(plan)
        lines = plan.get(str(path), {})
        data = b"".join(mend_lines(io.BytesIO(now.data), lines, tally))
        if not tally.changed:
            break
        now = Document(data.decode("utf-8", "replace"), document.units)
    return now.data


def fixes(document: Document, findings: Iterable[Finding]) -> Iterator[tuple[Finding, Fix, TextEdit]]:
    """Each finding whose fix can be made in this text, with the edit that makes it."""
    for finding in findings:
        if finding.fix and (edit := document.edit(finding, finding.fix)):
            yield finding, finding.fix, edit
