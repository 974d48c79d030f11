"""Tables as JSON lines: CSV and TSV by the standard library, Parquet and Arrow by pyarrow."""

from __future__ import annotations

import base64
import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from curator.errors import SourceError
from curator.model import Flag
from curator.sources.records import Record
from curator.sources.source import Fault

_LONGEST = 30_000_000  # characters of a record of CSV: the reader takes up to eight bytes for each of a cell
_ROWS = 1000  # rows of a table turned at once
_MOST_COLUMNS = 10_000  # of a Parquet or Arrow table: pyarrow takes ten kilobytes for each, however few rows there are
_MOST_FOOTER = 20_000_000  # bytes at the end of a Parquet file: reading them takes twenty times as much
_NOT_HELD = (ValueError, OverflowError, KeyError)  # what pyarrow raises for cells and names that Python cannot hold

_encode = msgspec.json.Encoder().encode


class Delimited:
    """Iterates the rows of CSV or TSV as JSON objects; `faults` fills up on the way.

    Every cell stays a string; a cell that a short row lacks is null, cells beyond the header come
    under "column N". Bytes that are no UTF-8 pass through unchanged, for the rules on lines to judge.
    """

    def __init__(self, file: BinaryIO, delimiter: str, where: str = "") -> None:
        self.faults: list[Fault] = []
        self._lines = _Counted(io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline=""), where)
        self._delimiter = delimiter

    def __iter__(self) -> Iterator[Record]:
        csv.field_size_limit(sys.maxsize)
        reader = csv.reader(self._lines, delimiter=self._delimiter)
        header: list[str] = []
        begin, last, lines = 1, 1, [""]
        for cells in reader:
            if cells and not header:
                header = self._names(cells, begin)
            elif cells:
                yield Record(begin, _line(self._row(header, cells, begin)))
            last, lines = begin, self._lines.taken()
            begin = self._lines.number + 1
        if sum(line.count('"') for line in lines) % 2:
            self._fault(last, "a quotation mark opened here is never closed: all that follows was read as one cell")

    def _names(self, cells: list[str], line: int) -> list[str]:
        names = [cell.strip() or f"column {place}" for place, cell in enumerate(cells, 1)]
        self.faults += (fault._replace(line=line) for fault in _twice(names))
        return _numbered(names)

    def _row(self, header: list[str], cells: list[str], line: int) -> dict[str, Any]:
        if len(cells) != len(header):
            self._fault(line, f"{len(cells)} cells where the header has {len(header)}")
        row: dict[str, Any] = dict(zip(header, cells, strict=False))
        for name in header[len(cells) :]:
            row[name] = None
        for place, cell in enumerate(cells[len(header) :], len(header) + 1):
            row[f"column {place}"] = cell
        return row

    def _fault(self, line: int, message: str) -> None:
        self.faults.append(Fault("FIL001", line, Flag("", message)))


class _Counted:
    """The lines of a text, counted. Raises SourceError where those of a record hold more than any record does."""

    def __init__(self, text: io.TextIOWrapper, where: str) -> None:
        self.number = 0
        self._since: list[str] = []
        self._size = 0  # of them
        self._text, self._where = text, where

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._since.append(line)
        self._size += len(line)
        if self._size > _LONGEST:
            raise SourceError(
                f"the record that begins in line {self.number - len(self._since) + 1} has no end within"
                f" {_LONGEST / 1e6:,.0f} MB",
                where=self._where,
                hint="no model takes so long a row: a quotation mark is missing, or the row is to go",
            )
        return line

    def taken(self) -> list[str]:
        """The lines read since the last call."""
        lines, self._since, self._size = self._since, [], 0
        return lines


def _line(row: dict[str, Any]) -> bytes:
    try:
        return _encode(row)
    except UnicodeEncodeError:  # bytes that were no UTF-8
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


class Table:
    """Iterates the rows of a Parquet or Arrow file as JSON objects; `faults` fills up on the way.

    A row's number (from 1) stands for its line. Binary cells that hold UTF-8 are texts, others are written
    in base64; NaN, the missing number of data frames, is null; an infinite number is null and a fault, and so is
    a cell that Python cannot hold, such as a date beyond its calendar.
    """

    def __init__(self, path: Path, batches: Callable[[Path], Iterator[Any]]) -> None:
        self.faults: list[Fault] = []
        self._path = path
        self._batches = batches

    def __iter__(self) -> Iterator[Record]:
        number = 0
        names: list[str] | None = None
        for read in self._batches(self._path):
            names = self._names(read.schema.names) if names is None else names
            batch = read if names == read.schema.names else _renamed(read, names)
            binary = _has_binary(batch.schema)
            self._infinite(batch, number)
            for start in range(0, batch.num_rows, _ROWS):
                for row in self._rows(batch.slice(start, _ROWS), number):
                    number += 1
                    yield Record(number, _table_line(_decoded(row) if binary else row))

    def _names(self, names: list[str]) -> list[str]:
        self.faults += _twice(names)
        return _numbered(names)

    def _rows(self, batch: Any, before: int) -> list[dict[str, Any]]:
        try:
            rows: list[dict[str, Any]] = batch.to_pylist()
        except _NOT_HELD:
            columns = [self._cells(name, batch.column(name), before) for name in batch.schema.names]
            rows = [dict(zip(batch.schema.names, cells, strict=True)) for cells in zip(*columns, strict=True)]
        return rows

    def _cells(self, name: str, column: Any, before: int) -> list[Any]:
        """The cells of a column, with null for what Python cannot hold. Texts that are no UTF-8 pass, as in CSV."""
        cells: list[Any] = []
        for number, cell in enumerate(column, before + 1):
            try:
                cells.append(cell.as_py())
            except _NOT_HELD as error:
                if isinstance(error, UnicodeDecodeError) and hasattr(cell, "as_buffer"):
                    cells.append(cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape"))
                    continue
                why = " ".join(str(error).split())[:100]
                message = f"a cell of column {name!r}, a {str(column.type)[:50]}, cannot be read ({why}): read as null"
                self.faults.append(Fault("FIL001", number, Flag("", message)))
                cells.append(None)
        return cells

    def _infinite(self, batch: Any, before: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_floating(column.type) and pc.any(pc.is_inf(column)).as_py():
                for row in pc.indices_nonzero(pc.is_inf(column)).to_pylist():
                    message = f"column {name!r} is infinite, a number that JSON does not have: read as null"
                    self.faults.append(Fault("FIL009", before + row + 1, Flag("", message)))


def _twice(names: list[str]) -> Iterator[Fault]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Fault("FIL008", 1, Flag("", f"two columns are named {name!r}; the later ones got a number"))


def _numbered(names: list[str]) -> list[str]:
    """The names, with a number behind those that came before."""
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name} {seen[name]}" if seen[name] > 1 else name)
    return out


def _renamed(batch: Any, names: list[str]) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays(batch.columns, names=names)


def _has_binary(schema: Any) -> bool:
    """Whether a column holds bytes, at any depth."""
    return any("binary" in str(field.type) for field in schema)


def _decoded(value: Any) -> Any:
    """The value with bytes that are UTF-8 as texts."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, dict):
        return {key: _decoded(inner) for key, inner in value.items()}
    return [_decoded(inner) for inner in value] if isinstance(value, list) else value


def arrow_batches(path: Path) -> Iterator[Any]:
    """The record batches of an Arrow file or stream, or of a Feather file.

    Each is validated in full before a cell is read: the offsets of a damaged file point outside of it.
    """
    for batch in _arrow_batches(path):
        batch.validate(full=True)
        yield batch


def _arrow_batches(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import feather, ipc

    with pa.memory_map(str(path)) as source:
        head = source.read(6)
        source.seek(0)
        if head[:4] == b"FEA1":
            yield from feather.read_table(source).to_batches(_ROWS)
        elif head == b"ARROW1":
            reader = ipc.open_file(source)
            _refuse_wide(len(reader.schema))
            yield from (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            stream = ipc.open_stream(source)
            _refuse_wide(len(stream.schema))
            yield from stream


def parquet_batches(path: Path) -> Iterator[Any]:
    """The record batches of a Parquet file. Raises SourceError for one that describes more than any set of rows has."""
    import pyarrow.parquet as pq

    _refuse_footer(path)
    with pq.ParquetFile(path) as file:
        _refuse_wide(file.metadata.num_columns)
        yield from file.iter_batches(_ROWS)


def _refuse_footer(path: Path) -> None:
    """Raises SourceError for a description of columns and groups that takes hundreds of megabytes to read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        footer = int.from_bytes(file.read(4), "little")
    if _MOST_FOOTER < footer < size:  # a damaged file may say anything, and pyarrow what is wrong with it
        what = f"the table's description of its columns and groups takes {footer / 1e6:.0f} MB"
        raise SourceError(what, hint=f"at most {_MOST_FOOTER / 1e6:.0f} MB are read: write it in fewer groups of rows")


def _refuse_wide(columns: int) -> None:
    if columns > _MOST_COLUMNS:
        what = f"a table of {columns:,} columns"
        raise SourceError(what, hint=f"no set of rows has over {_MOST_COLUMNS:,}: write those that hold texts alone")


def _table_line(row: dict[str, Any]) -> bytes:
    try:
        return _encode(row)
    except (TypeError, OverflowError, UnicodeEncodeError, msgspec.EncodeError):
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_plain).encode(
            "utf-8", "surrogateescape"
        )


def _plain(value: Any) -> Any:
    """What JSON knows, for a value of a table that it does not know."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def table_errors() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (pa.ArrowException, OSError, EOFError, *_NOT_HELD)


def guarded(rows: Table, where: str) -> Iterator[Record]:
    """The rows, with the library's own errors as SourceError."""
    try:
        yield from rows
    except SourceError as error:
        raise SourceError(error.what, where=where, hint=error.hint) from None
    except table_errors() as error:
        raise SourceError(
            "the table cannot be read to its end",
            where=where,
            hint=f"pyarrow says: {' '.join(str(error).split())[:200]}; write the file again",
        ) from error
