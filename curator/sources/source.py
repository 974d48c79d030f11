"""A source: plain JSONL bytes, cut in spans at lines that the content chooses."""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np

from curator.errors import ChangedError, SourceError
from curator.model import Flag
from curator.text.brokenjson import LARGEST, Heavy, is_heavy

LEAST = 4_000_000  # bytes of a span before a cut is looked for
MOST = 8_000_000  # bytes after which any line end is a cut: a line as long, always too heavy, has a span of its own
SPACING = 1 << 16  # bytes that lie, on average, between two lines that ask for a cut
LONGEST = 100_000_000  # bytes of a line that is read whole where rows are copied
_SHOWN = 4096  # bytes that are shown of a line too heavy to be judged
_PIECE = 1 << 22  # bytes of it that are read at once
_TELLING = re.compile(r"[\x00-\x1f\\\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")


class Span(NamedTuple):
    """Whole lines: the bytes [start, stop) of a source's data."""

    start: int
    stop: int

    @property
    def heavy(self) -> bool:
        """Whether it is one line that may be too heavy to be judged."""
        return self.stop - self.start > MOST


class Stamp(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str | Path) -> Stamp:
        stat = os.stat(path)  # noqa: PTH116
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


class Fault(NamedTuple):
    """A fault of the container itself: a flag with its rule and physical line (from 1)."""

    code: str
    line: int
    flag: Flag


class Source(msgspec.Struct, frozen=True):
    """One file of the set, as plain JSONL bytes.

    `container` is "jsonl" where the lines are the user's own, "jsonl, utf-16" or "jsonl, piped" for
    a copy of JSON lines, else "json-array", "json-concatenated" (objects one after another),
    "json-object" (one object, the row itself or what wraps the rows), "csv", "tsv", "parquet",
    "arrow" or "datasets". `compression` is "gzip", "zstd" or None.

    `path` is what the user wrote ("-" is standard input), `data` the JSONL file to read: the user's
    own where it is plain JSONL, else a spooled copy with one record a line. `numbers` names a file of
    little-endian int64: the physical line in the user's file (for tables, and where rows share a line: the
    row, from 1) of each line of `data`; None where both are the same. `in_folder` says that its folder
    was named, not the file. `address` is where the very bytes of `data` can be read from other machines.
    """

    path: str
    split: str
    container: str
    compression: str | None
    data: Path
    stamp: Stamp | None
    numbers: Path | None = None
    flags: tuple[Fault, ...] = ()
    in_folder: bool = False
    address: str | None = None

    @property
    def plain(self) -> bool:
        """The user's file is what is read: its lines can be mended in place."""
        return self.data == Path(self.path)

    def lines(self, first: int, count: int) -> Sequence[int]:
        """Physical line numbers of `count` lines of `data` from index `first` (from 0) on."""
        if self.numbers is None:
            return range(first + 1, first + count + 1)
        found: list[int] = np.fromfile(self.numbers, "<i8", count, offset=8 * first).tolist()
        return found

    def check_unchanged(self) -> None:
        """Raises ChangedError when the user's file is not the one that was opened."""
        if self.stamp is None:
            return
        try:
            now: Stamp | None = Stamp.of(self.path)
        except OSError:
            now = None
        if now != self.stamp:
            raise ChangedError(
                "the file changed while it was read" if now else "the file vanished while it was read",
                where=self.path,
                hint="nothing was written; run the command again when the file is at rest",
            )


def read(source: Source, span: Span) -> bytes:
    """The bytes of a span. Raises ChangedError when the file has become shorter."""
    try:
        with source.data.open("rb", buffering=0) as file:
            file.seek(span.start)
            data = _read_all(file, span.stop - span.start)
    except OSError:
        source.check_unchanged()
        raise
    if len(data) != span.stop - span.start:
        source.check_unchanged()
        raise ChangedError(
            "the file became shorter while it was read",
            where=source.path,
            hint="run the command again when the file is at rest",
        )
    return data


def refuse_long(sources: Iterable[Source]) -> None:
    """Raises SourceError for a line that no memory should be asked to hold, before rows are copied or compared."""
    for source in sources:
        for span in cut(source):
            if span.stop - span.start > LONGEST:
                line = source.lines(_breaks_before(source, span.start), 1)[0]
                size = f"{(span.stop - span.start) / 1e6:,.0f} MB"
                hint = f"no model takes so long a row: take line {line} out"
                raise SourceError(f"line {line} holds {size}", where=source.path, hint=hint)


def _breaks_before(source: Source, stop: int) -> int:
    return sum(read(source, Span(at, min(at + _PIECE, stop))).count(b"\n") for at in range(0, stop, _PIECE))


def light(span: Span, piece: Callable[[Span], bytes]) -> bytes | Heavy:
    """The bytes of a span as `piece` reads them, or what stands for a line too heavy to be judged."""
    if not span.heavy:
        return piece(span)
    if span.stop - span.start <= LARGEST and not is_heavy((data := piece(span)).removesuffix(b"\n")):
        return data
    stop = span.stop - piece(Span(span.stop - 1, span.stop)).endswith(b"\n")
    digest = hashlib.blake2b(digest_size=16)
    for start in range(span.start, stop, _PIECE):
        digest.update(piece(Span(start, min(start + _PIECE, stop))))
    head = piece(Span(span.start, span.start + _SHOWN))
    return Heavy(_harmless(head), stop - span.start, digest.digest())


def _harmless(head: bytes) -> bytes:
    """The beginning of a line, as one without what rules on characters and line ends find: a mend would write it."""
    return _TELLING.sub(" ", head.decode("utf-8", "ignore")).encode() + b"\n"


def _read_all(file: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def cut(source: Source) -> list[Span]:
    """Spans of about 4 MB that follow each other without a gap.

    A span ends after the first line, from 4 MB on, whose checksum asks for it. The lines decide, not
    their offsets, so that a line inserted early leaves nearly all later spans as they were. A line
    asks with a chance proportional to its length: cuts are equally near for short and for long lines.
    """
    size = source.data.stat().st_size
    spans: list[Span] = []
    with source.data.open("rb", buffering=1 << 17) as file:
        start = 0
        while start < size:
            stop = _next_cut(file, start, size)
            spans.append(Span(start, stop))
            start = stop
    return spans


def _next_cut(file: BinaryIO, start: int, size: int) -> int:
    if size - start <= LEAST:
        return size
    file.seek(start + LEAST - 1)
    stop = start + LEAST - 1 + _rest_of_line(file)
    if stop - start > MOST:  # an enormous line: cut before it, or after it where it comes first
        file.seek(start)
        before = start + file.read(LEAST).rfind(b"\n") + 1
        return before if before > start else stop
    asked = False
    while stop < size:
        line = file.readline(MOST + 1)
        if asked and line[:1] in (b"{", b"["):  # a row that goes on over several lines stays whole
            return stop
        if not line or stop + len(line) - start > MOST:
            return stop
        stop += len(line)
        asked = asked or zlib.crc32(line) * SPACING < len(line) << 32
    return min(stop, size)


def _rest_of_line(file: BinaryIO) -> int:
    """Bytes from the cursor on to the end of the line, which is never held whole."""
    size = 0
    while part := file.readline(_PIECE):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size
