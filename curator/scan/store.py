"""What a scan leaves on disk: one file a span, read back piece by piece.

A scan file holds a head (counts), the findings and the arrays (content ids, token counts, sketches)
of one span. Nothing in it depends on where the span lies in its file, so the same bytes give the same
scan file wherever they stand: the chunk cache rests on that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, groupby
from pathlib import Path

import msgspec
import numpy as np

from curator.model import Excerpt, Flag
from curator.scan.cache import checksum, checksum_of
from curator.writing import write_passing

_ZEROS = -1
_SEAL, _PREFIX = 4, 8  # bytes that give the checksum of what follows, and the length of the head; little endian


class Found(msgspec.Struct, frozen=True):
    """A flag in a span: `line` counts the lines of the span (or of the set, for dataset rules) from 0."""

    code: str
    line: int
    flag: Flag
    id: str
    row: str
    excerpt: Excerpt | None = None


class Tally(msgspec.Struct, frozen=True):
    """What one rule did on one span."""

    examined: int
    skipped: int
    findings: int
    fixable: int
    seconds: float


class Head(msgspec.Struct, frozen=True):
    """Counts of one span, and where its findings and arrays lie in the scan file."""

    lines: int
    rows: int
    broken: int
    tokens: int
    shapes: dict[str, int]
    tallies: dict[str, Tally]
    phases: dict[str, float]
    given: int = 0  # tokens that rows hold as ids
    findings: int = 0  # bytes
    # name -> dtype, shape, offset after the findings; _ZEROS for an array of nothing but zeros, which is not written
    arrays: dict[str, tuple[str, tuple[int, ...], int]] = {}


_encode = msgspec.msgpack.Encoder().encode
_head = msgspec.msgpack.Decoder(Head)
_found = msgspec.msgpack.Decoder(list[Found])


class ScanFile:
    """A scan file on disk; the head is read at once, the rest on demand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            file.seek(_SEAL)
            size = int.from_bytes(file.read(_PREFIX), "little")
            self.head = _head.decode(file.read(size))
        self._findings_at = _SEAL + _PREFIX + size

    def findings(self) -> list[Found]:
        if not self.head.findings:
            return []
        with self.path.open("rb") as file:
            file.seek(self._findings_at)
            return _found.decode(file.read(self.head.findings))

    def array(self, name: str) -> np.ndarray:
        dtype, shape, offset = self.head.arrays[name]
        if offset == _ZEROS:
            return np.zeros(shape, dtype)
        count = int(np.prod(shape))
        start = self._findings_at + self.head.findings + offset
        return np.fromfile(self.path, dtype=dtype, count=count, offset=start).reshape(shape)

    def form(self, name: str) -> tuple[str, tuple[int, ...], bool]:
        """The type and shape of an array, and whether it holds anything but zeros."""
        dtype, shape, offset = self.head.arrays[name]
        return dtype, shape, offset != _ZEROS


def write_scan(path: Path, head: Head, found: Sequence[Found], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a scan file; it appears whole or not at all.

    Raises:
        WriteError: the disk is full or the folder cannot be written.
    """
    write_passing(path, pack_scan(head, found, arrays))


def pack_scan(head: Head, found: Sequence[Found], arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """The bytes of a scan file, in parts."""
    body = msgspec.msgpack.encode(found) if found else b""
    directory: dict[str, tuple[str, tuple[int, ...], int]] = {}
    offset = 0
    filled = {name: values for name, values in arrays.items() if values.any()}
    for name, values in arrays.items():
        directory[name] = (values.dtype.str, values.shape, offset if name in filled else _ZEROS)
        offset += values.nbytes if name in filled else 0
    packed = msgspec.msgpack.encode(msgspec.structs.replace(head, findings=len(body), arrays=directory))
    parts = [len(packed).to_bytes(_PREFIX, "little"), packed, body]
    parts += (np.ascontiguousarray(values).tobytes() for values in filled.values())
    return [checksum(parts).to_bytes(_SEAL, "little"), *parts]


def is_intact(path: Path) -> bool:
    """Whether a scan file of an earlier run is there as it was written."""
    try:
        with path.open("rb") as file:
            seal = int.from_bytes(file.read(_SEAL), "little")
            return checksum_of(file) == seal and file.tell() > _SEAL
    except OSError:
        return False


class Part(msgspec.Struct, frozen=True):
    """Where the findings of one dataset rule lie: for each span the place in the file and the size in bytes."""

    path: str
    count: int
    offsets: list[int]
    sizes: list[int]


def spill(path: Path, found: Iterable[Found], bounds: Sequence[int]) -> Part:
    """Write findings sorted by line; `bounds` are the first lines of the spans and the end of the last.

    The findings of one span are held at a time.
    """
    sizes, count = [0] * (len(bounds) - 1), 0
    by_span = groupby(found, key=lambda item: bisect_right(bounds, item.line) - 1)

    def bodies() -> Iterator[bytes]:
        nonlocal count
        for span, items in by_span:
            held = list(items)
            body = _encode(held)
            sizes[span], count = len(body), count + len(held)
            yield body

    first = next(written := bodies(), None)
    if first is not None:
        write_passing(path, chain((first,), written))
    return Part(str(path), count, [0, *accumulate(sizes[:-1])], sizes)


class Spill:
    """Findings of dataset rules, sorted by row, on disk: a part for each rule, read a span at a time."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def of_span(self, span: int) -> Iterator[Found]:
        for part in self.parts:
            if part.sizes[span]:
                with Path(part.path).open("rb") as file:
                    file.seek(part.offsets[span])
                    yield from _found.decode(file.read(part.sizes[span]))
