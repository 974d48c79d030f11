"""Opens what the user names: finds the files, tells what they hold, spools what is not plain JSONL."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, overload

import msgspec

from curator.columns import BOM
from curator.errors import SourceError
from curator.model import Flag, LeftOut
from curator.scratch import Scratch
from curator.sources import sniff, streams
from curator.sources.addresses import is_address, opened
from curator.sources.finding import COMPRESSED, Excluded, Found, extension_of, find, none
from curator.sources.records import ONE_A_LINE, Record, Records
from curator.sources.source import Fault, Source, Stamp
from curator.sources.tables import Delimited, Table, arrow_batches, guarded, parquet_batches

JSON_LINES = frozenset({".jsonl", ".ndjson", ".jsonlines"})
_EXPECTED = {
    **dict.fromkeys(JSON_LINES, ("jsonl",)),
    ".json": ("json-array", "json-object", "jsonl"),
    ".csv": ("csv", "tsv"),
    ".tsv": ("tsv", "csv"),
    ".parquet": ("parquet",),
    ".arrow": ("arrow", "datasets"),
}
_HELD = {
    "jsonl": "JSON lines",
    "json-array": "one JSON array",
    "json-concatenated": "JSON objects that are not one a line",
    "json-object": "one JSON object over several lines",
    "csv": "a CSV table",
    "tsv": "a table with tabs",
    "parquet": "a Parquet table",
    "arrow": "an Arrow table",
}


class Sources(Sequence[Source]):
    """The files of a set, in order. As a context manager it removes its spooled copies at the end.

    `left` names the files of folders that are no part of the set, and why.
    """

    def __init__(self, paths: Sequence[str | Path], excluded: Excluded = none) -> None:
        found, left = find([str(path) for path in paths], excluded)
        self.left: tuple[LeftOut, ...] = tuple(left)
        self._spool = _Spool()
        try:
            self._sources = [
                msgspec.structs.replace(_open(item, self._spool), in_folder=item.in_folder) for item in found
            ]
            _refuse_empty(self._sources)
        except BaseException:
            self.close()
            raise

    @overload
    def __getitem__(self, index: int) -> Source: ...
    @overload
    def __getitem__(self, index: slice) -> list[Source]: ...
    def __getitem__(self, index: int | slice) -> Source | list[Source]:
        return self._sources[index]

    def __len__(self) -> int:
        return len(self._sources)

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the spooled copies."""
        self._spool.remove()


def open_sources(paths: Sequence[str | Path], excluded: Excluded = none) -> Sources:
    """The data files behind files, folders and "-" (standard input), as plain JSONL.

    Files found in folders are left out where `excluded` says so; a file named outright is always read.

    Decided by content, not by name: JSON lines, a JSON array, JSON objects one after another, CSV,
    TSV, Parquet, Arrow, folders saved by `datasets`; each may be gzip or zstd, and UTF-16. Raises
    SourceError for what does not exist, cannot be read, or holds no rows at all.
    """
    return Sources(paths, excluded)


class _Spool:
    """A temporary folder, made when first needed."""

    def __init__(self) -> None:
        self._folder: Scratch | None = None
        self._count = 0

    def file(self, extension: str) -> Path:
        if self._folder is None:
            self._folder = Scratch("rows")
        self._count += 1
        return Path(self._folder.name, f"{self._count}{extension}")

    def remove(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()


# ---------------------------------------------------------------------- one file


def _open(found: Found, spool: _Spool) -> Source:
    path = found.path
    with _readable(path):
        file = _regular(path, spool)
        stamp = Stamp.of(path) if file == Path(path) else None  # what was copied, a pipe, is read but once
        head = _head(file)
        faults: list[Fault] = []
        compression = sniff.compression(head)
        if compression:
            file = _streamed(file, spool, faults, streams.decompress, compression, file.stat().st_size, path)
            head = _head(file)
            if sniff.compression(head):
                raise SourceError("the file is compressed twice", where=path, hint="unpack it once and name the result")
        sniff.refuse_binary(head, path)
        if table := sniff.table(head):
            return _tabled(found, table, compression, file, stamp, spool)
        if encoding := sniff.encoding(head):
            file = _streamed(file, spool, faults, streams.transcode, encoding)
            head = _head(file)
        return _text(found, head, compression, encoding, file, stamp, faults, spool)


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """The system's errors in the user's words."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SourceError(
                "no room for a plain copy of the data",
                where=path,
                hint=f"free some space in {tempfile.gettempdir()}, or set TMPDIR to a larger disk",
            ) from error
        raise SourceError(
            f"cannot be read: {error.strerror or error}", where=path, hint="check the file and its permissions"
        ) from error


def _regular(path: str, spool: _Spool) -> Path:
    """A file that can be read twice: standard input, pipes, devices and what stands elsewhere are copied first."""
    if is_address(path):
        with opened(path) as stream:
            return _copied(stream, spool, path)
    if path == "-":
        if sys.stdin is None:
            raise SourceError("standard input is closed", where=path, hint="name a file, or pipe rows into it")
        return _copied(sys.stdin.buffer, spool, path)
    mode = os.stat(path).st_mode  # noqa: PTH116
    if stat.S_ISREG(mode):
        return Path(path)
    with _told_of(path, stat.S_ISFIFO(mode)), Path(path).open("rb") as pipe:
        if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and not pipe.isatty():
            raise SourceError(
                "a device, not a file of rows", where=path, hint="name a file, or - and pipe rows into it"
            )
        return _copied(pipe, spool, path)


@contextmanager
def _told_of(path: str, may_wait: bool) -> Iterator[None]:
    """Say on standard error what is waited for, once it takes a second: a pipe opens when somebody writes into it."""
    said = threading.Event()

    def tell() -> None:
        if not said.wait(_PATIENCE) and sys.stderr is not None:
            print(f"waiting for {path}: a pipe that nobody has written to its end yet", file=sys.stderr, flush=True)

    if may_wait:
        threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        said.set()


_PATIENCE = 1.0  # seconds


def _copied(stream: BinaryIO, spool: _Spool, path: str) -> Path:
    """A copy of a stream, which may never end: what holds no rows by its beginning is refused before more is read."""
    head = b""  # what comes from afar comes in parts
    while len(head) < sniff.HEAD and (part := stream.read(sniff.HEAD - len(head))):
        head += part
    sniff.refuse(head, whole=len(head) < sniff.HEAD, extension=extension_of(path), where=path)
    copy = spool.file(".in")
    with copy.open("wb") as out:
        out.write(head)
        unseen = 0
        while part := stream.read(1 << 20):
            out.write(part)
            unseen += len(part)
            if unseen >= _LOOK_EVERY:
                unseen = 0
                disk = shutil.disk_usage(copy.parent)
                if disk.free < min(_LEFT_FREE, disk.total // 20):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return copy


_LOOK_EVERY = 16 << 20  # bytes of a stream after which the room for its copy is looked at
_LEFT_FREE = 200_000_000  # bytes of the disk that a stream, which may have no end, does not take


def _head(file: Path) -> bytes:
    with file.open("rb") as source:
        return source.read(sniff.HEAD)


def _streamed(file: Path, spool: _Spool, faults: list[Fault], stream: Any, *rest: Any) -> Path:
    copy = spool.file(".raw")
    with file.open("rb") as source, copy.open("wb") as target:
        faults += stream(source, target, *rest)
    return copy


def _tabled(
    found: Found, table: str, compression: str | None, file: Path, stamp: Stamp | None, spool: _Spool
) -> Source:
    rows = Table(file, parquet_batches if table == "parquet" else arrow_batches)
    bounded = _bounded(guarded(rows, found.path), file.stat().st_size, found.path)
    data, _, _ = _write(bounded, spool, numbered=False)
    container = "datasets" if found.saved else table
    faults = sorted([*_lies(found.path, container, compression), *rows.faults], key=_place)
    return Source(found.path, found.split, container, compression, data, stamp, None, tuple(faults))


def _bounded(records: Iterable[Record], size: int, where: str) -> Iterator[Record]:
    """The rows of a table of `size` bytes, in which a text that stands once may be the cell of any number of rows."""
    written = 0
    for record in records:
        written += len(record.data)
        streams.refuse_bomb(written, size, "the table", where)
        yield record


def _text(
    found: Found,
    head: bytes,
    compression: str | None,
    encoding: str | None,
    file: Path,
    stamp: Stamp | None,
    faults: list[Fault],
    spool: _Spool,
) -> Source:
    path = found.path
    whole = file.stat().st_size <= len(head)
    held = sniff.text(head, whole=whole, extension=extension_of(path), where=path)
    container: str = held.container
    if container == "jsonl":
        faults += _lies(path, container, compression)
        if compression is None and file != Path(path):
            container = f"jsonl, {encoding}" if encoding else "jsonl, remote" if is_address(path) else "jsonl, piped"
        address = path if is_address(path) and not compression and not encoding else None
        return Source(path, found.split, container, compression, file, stamp, None, tuple(faults), address=address)
    with file.open("rb") as source:
        if container in ("csv", "tsv"):
            rows: Delimited | Records = Delimited(source, held.delimiter, path)
        else:
            if head.startswith(BOM):
                faults.append(
                    Fault(
                        "FIL003",
                        1,
                        Flag("", "a byte order mark stands before the JSON text", byte=0, fix=ONE_A_LINE),
                    )
                )
            rows = Records(source, wrapped=container == "json-object", where=path)
        data, numbers, shared = _write(rows, spool, numbered=True)
    if container == "json-concatenated" and numbers.stat().st_size == 8:
        container = "json-object"
    faults += [*_lies(path, container, compression), *rows.faults]
    lines = None if shared else numbers
    return Source(path, found.split, container, compression, data, stamp, lines, tuple(sorted(faults, key=_place)))


def _place(fault: Fault) -> tuple[int, str]:
    return fault.line, fault.code


def _write(records: Iterable[Record], spool: _Spool, *, numbered: bool) -> tuple[Path, Path, bool]:
    """Spool records one a line; the second file holds their physical lines (int64) where `numbered`.

    The third value says whether two rows begin on one line, as in JSON without line breaks: then the line names no
    row. What stands beside a row and is none of its own, such as words behind an array, does not count.
    """
    data, numbers = spool.file(".jsonl"), spool.file(".lines")
    lines = array("q")
    before, shared = 0, False
    with data.open("wb", buffering=1 << 20) as out, numbers.open("wb") as out_lines:
        for line, body, sound in records:
            shared |= sound and line == before
            before = line if sound else before
            out.write(body)
            out.write(b"\n")
            if numbered:
                lines.append(line)
                if len(lines) == 1 << 16:
                    _flush(lines, out_lines)
        _flush(lines, out_lines)
    return data, numbers, shared


def _flush(lines: array[int], out: BinaryIO) -> None:
    if sys.byteorder == "big":
        lines.byteswap()
    out.write(lines.tobytes())
    del lines[:]


def _lies(path: str, container: str, compression: str | None) -> list[Fault]:
    """FIL002 where the name promises another container: trainers go by the name."""
    if path == "-":
        return []
    extension = extension_of(path)
    if compression is None and Path(path).suffix.lower() in COMPRESSED:
        message = f"the name ends in {Path(path).suffix}, but the file is not compressed"
        return [Fault("FIL002", 1, Flag("", message))]
    if container in _EXPECTED.get(extension, (container,)):
        return []
    message = f"a {extension} file that holds {_HELD[container]}"
    fix = ONE_A_LINE if extension in JSON_LINES or container == "json-concatenated" else None
    return [Fault("FIL002", 1, Flag("", message, fix=fix))]


def _refuse_empty(sources: list[Source]) -> None:
    """Raises SourceError where no file holds a row; marks single files that hold none."""
    empty = [place for place, source in enumerate(sources) if _blank(source.data)]
    if len(empty) == len(sources):
        where = ", ".join(source.path for source in sources)
        raise SourceError("holds no rows", where=where, hint="rows are JSON objects, one a line")
    for place in empty:
        fault = Fault("FIL002", 1, Flag("", "the file holds no rows"))
        sources[place] = msgspec.structs.replace(sources[place], flags=(fault, *sources[place].flags))


def _blank(file: Path) -> bool:
    with file.open("rb") as data:
        if data.read(len(BOM)) != BOM:
            data.seek(0)
        while part := data.read(1 << 16):
            if part.strip():
                return False
    return True
