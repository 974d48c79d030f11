"""All findings of a lint, in order, read from the scan files at each iteration."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any

import msgspec

from curator.model import Finding, Place
from curator.scan.store import Found, ScanFile, Spill


class Piece(msgspec.Struct, frozen=True):
    """A scan file's place in the set: its source, first line there (from 0) and line numbers if odd."""

    scan: str
    source: int
    first: int
    numbers: list[int] | None


class FindingStore:
    """All findings in order of (file, line, code, path), read from the scan files at each iteration."""

    def __init__(
        self,
        pieces: list[Piece],
        bounds: list[int],
        paths: list[str],
        faults: list[tuple[int, int, Found]],
        names: dict[str, tuple[str, Any]],
        spill: Spill,
        folder: object = None,
    ) -> None:
        self.pieces, self.bounds, self.paths, self.faults = pieces, bounds, paths, faults
        self.names, self.spill = names, spill
        self._folder = folder  # keeps the temporary folder alive as long as the findings are
        self._scans = [ScanFile(Path(piece.scan)) for piece in pieces]

    def __iter__(self) -> Iterator[Finding]:
        for n in range(len(self.paths)):
            rows = (f for k, piece in enumerate(self.pieces) if piece.source == n for f in self._of_span(k))
            faults = sorted((self._finding(item, n, line, -1) for m, line, item in self.faults if m == n), key=_order)
            yield from merge(faults, rows, key=_order) if faults else rows

    def __len__(self) -> int:
        spilled = sum(part.count for part in self.spill.parts)
        tallied = sum(tally.findings for scan in self._scans for tally in scan.head.tallies.values())
        return tallied + spilled + len(self.faults)

    def _of_span(self, k: int) -> Iterator[Finding]:
        start = self.bounds[k]
        found = [(item.line, item) for item in self._scans[k].findings()]
        joined = [(item.line - start, item) for item in self.spill.of_span(k)]
        if joined:
            found = sorted(found + joined, key=lambda pair: (pair[0], pair[1].code, pair[1].flag.at))
        piece = self.pieces[k]
        for line, item in found:
            yield self._finding(item, piece.source, self._number(piece, line), start + line)

    def _finding(self, item: Found, source: int, line: int, index: int) -> Finding:
        flag = item.flag
        name, severity = self.names[item.code]
        related = tuple(self._place(other) for other in flag.related) if flag.related else ()
        return Finding(
            item.code, name, severity, self.paths[source], line, flag.at, flag.message, item.id, item.row, index,
            flag.span, flag.byte, flag.fix, related, flag.evidence, item.excerpt,
        )  # fmt: skip

    def _place(self, index: int) -> Place:
        k = bisect_right(self.bounds, index) - 1
        piece = self.pieces[k]
        return Place(self.paths[piece.source], self._number(piece, index - self.bounds[k]))

    @staticmethod
    def _number(piece: Piece, line: int) -> int:
        return piece.numbers[line] if piece.numbers is not None else piece.first + line + 1


def _order(finding: Finding) -> tuple[int, str, str]:
    return finding.line, finding.code, finding.path
