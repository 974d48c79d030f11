"""One file on its way: what it has become after some rounds, and what was rejected of it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import BinaryIO

import msgspec

from curator.columns import BOM, parse
from curator.fix import Mended, Tally, mend_lines
from curator.model import Finding, Report
from curator.sources import Fault, Source
from curator.text.brokenjson import is_heavy
from curator.writing import Packed


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of rejected.jsonl: where the row stood, why it was left out, and the row (`text` where it is no JSON)."""

    file: str
    line: int
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    row: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str = ""


class Copy(Tally):
    """A file of the set as it stands after some rounds, and what was rejected of it on the way."""

    def __init__(self, source: Source, place: Path) -> None:
        super().__init__()
        self.source = source
        self.data = source.data
        self.rejected_for: Counter[str] = Counter()
        self.mended: set[int] = set()  # lines of the source
        self.joined = self.gained = 0
        self._place, self._names = place, count()
        self.unreadable: set[int] = set()  # lines of the copy
        self._made: dict[int, list[str]] = {}  # codes of the fixes made to a line of the source
        self.first: dict[str, array[int]] = {}  # lines of the source with findings of the first lint, by code
        self._bin = place.with_suffix(".rejected").open("w+b")
        self._records: list[tuple[int, int, int]] = []  # source line, offset and size of the record in the bin

    def opened(self) -> Source:
        """The copy as a source; lines count as they stand in it."""
        s = self.source
        return Source(s.path, s.split, s.container, s.compression, self.data, s.stamp)

    def mend(self, plan: Mapping[int, Sequence[Finding]]) -> bool:
        """One round of fixes; False where none could be made."""
        new = self._place.with_suffix(f".{next(self._names)}.jsonl")
        with self.data.open("rb") as old, new.open("wb") as file:
            file.writelines(mend_lines(old, plan, self))
        if not self.changed:
            new.unlink()
            return False
        if self.data != self.source.data:
            self.data.unlink()
        self.data = new
        return True

    def note(self, number: int, raw: bytes, findings: Sequence[Finding], mended: Mended, joined: int) -> None:
        super().note(number, raw, findings, mended, joined)
        if mended.lines == [raw]:
            return
        self.joined += joined
        if mended.lines:
            self.gained += sum(1 for line in mended.lines if line.strip()) - _holds(raw, number)
            self.mended.add(self.origin(number))
            made = [finding.code for finding, done in zip(findings, mended.made, strict=True) if done]
            if len(mended.lines) == 1:
                self._made.setdefault(self.origin(number), []).extend(made)
        elif _holds(raw, number):
            dropped_for = [f for f, done in zip(findings, mended.made, strict=True) if done]
            self.fixed.subtract(finding.code for finding in dropped_for)
            self._reject(number, raw, dropped_for)

    def _reject(self, number: int, raw: bytes, findings: Sequence[Finding]) -> None:
        codes = tuple(dict.fromkeys(finding.code for finding in findings))
        reasons = tuple(dict.fromkeys(finding.message for finding in findings))
        self._put_aside(self.origin(number), raw, codes or ("FIL001",), reasons or ("no JSON object",))

    def _put_aside(self, origin: int, raw: bytes, codes: tuple[str, ...], reasons: tuple[str, ...]) -> None:
        self.fixed.subtract(self._made.pop(origin, ()))  # the row goes: nothing in it is mended
        record = Rejected(self.source.path, self.source.lines(origin, 1)[0], codes, reasons)
        self.rejected_for[record.codes[0]] += 1
        line = rejected_line(record, raw)
        self._records.append((origin, self._bin.tell(), len(line)))
        self._bin.write(line)

    def reject_unreadable(self, report: Report) -> None:
        """Take out the lines that hold no JSON object, with what the report says of them."""
        path = self.source.path
        if not any(file.broken for file in report.files if file.path == path):
            return
        with self.data.open("rb") as file:
            self.unreadable = {n for n, line in enumerate(file, 1) if _holds(line, n) and not _is_object(line, n)}
        said: dict[int, list[Finding]] = {}
        for finding in report.findings:
            if finding.file == path and finding.line in self.unreadable:
                said.setdefault(finding.line, []).append(finding)
        number = 0
        with self.data.open("rb") as file:
            for line in file:  # not enumerated: that would hold a second one, and a line may be enormous
                number += 1
                if number in self.unreadable:
                    line = line.removesuffix(b"\n")  # noqa: PLW2901
                    self._reject(number, line, said.get(number, ()))

    def reject_torn(self) -> None:
        """Take out the rows of a table whose cells ran over or were not closed: which text belongs where is lost."""
        torn = {fault.line: fault for fault in self.source.flags if fault.code == "FIL001" and stays(fault)}
        if not torn:
            return
        places = self.source.lines(0, self.rows())
        with self.data.open("rb") as file:
            for number, line in enumerate(file, 1):
                fault = torn.get(places[self.origin(number)])
                if fault and number not in self.unreadable:
                    self._put_aside(self.origin(number), line.removesuffix(b"\n"), ("FIL001",), (fault.flag.message,))
                    self.unreadable.add(number)

    def write(self, out: Packed) -> tuple[int, int]:
        """Write the rows of the copy; (rows, those of them that were mended)."""
        rows = mended = 0
        with self.data.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number in self.unreadable or not _holds(line, number):
                    continue
                body = line.removeprefix(BOM) if number == 1 else line
                out.write(body.rstrip(b"\r\n"))
                rows += 1
                mended += bool(self.mended) and self.origin(number) in self.mended
        return rows, mended

    def write_rejected(self, out: BinaryIO) -> int:
        """Write what was rejected, in the order of the source; how many rows."""
        for _, offset, size in sorted(self._records):
            self._bin.seek(offset)
            out.write(self._bin.read(size))
        self._bin.close()
        return len(self._records)

    def found_first(self) -> tuple[Counter[str], Counter[str]]:
        """The findings of the first lint, by code: all of them, and those on rows that were rejected."""
        lines = {origin for origin, _, _ in self._records}
        of_rejected = {code: sum(line in lines for line in found) for code, found in self.first.items()}
        return Counter({code: len(found) for code, found in self.first.items()}), Counter(of_rejected)

    def rows(self) -> int:
        """Rows of the source, counted in it."""
        with self.source.data.open("rb") as file:
            return sum(_holds(line, number) for number, line in enumerate(file, 1))


def _body(line: bytes, number: int) -> bytes:
    """Line `number` (from 1) without what is no part of a row."""
    return (line.removeprefix(BOM) if number == 1 else line).strip()


def _holds(line: bytes, number: int) -> bool:
    """Whether there is anything in the line."""
    return _body(line, number) != b""


def _is_object(line: bytes, number: int) -> bool:
    return type(parse(_body(line, number))) is dict


_encoder = msgspec.json.Encoder()


def rejected_line(record: Rejected, raw: bytes) -> bytes:
    """The record as a line, with the row as it was written, or as text where that is no strict JSON."""
    body = raw.removeprefix(BOM).strip()
    if _is_strict(body):
        record = msgspec.structs.replace(record, row=msgspec.Raw(body))
    else:
        record = msgspec.structs.replace(record, text=raw.decode("utf-8", "backslashreplace"))
    return _encoder.encode_lines([record])


def _is_strict(body: bytes) -> bool:
    """Whether it is JSON to a strict parser; what is too heavy to be a row is only passed over, not held."""
    try:
        if is_heavy(body):
            msgspec.json.decode(body, type=msgspec.Raw)
            body.decode()
        else:
            msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def stays(fault: Fault) -> bool:
    """Whether a fault of the file is one that writing a copy does not mend."""
    return fault.flag.fix is None
