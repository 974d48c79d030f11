"""The rows of the set as dataset rules see them: arrays over all lines, and single rows read again."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from io import FileIO
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from curator.columns import parse
from curator.model import Example, NotRun
from curator.neighbours.graph import Neighbours
from curator.scan.store import ScanFile
from curator.sources import Source, Span, read
from curator.sources.finding import split_number
from curator.spreading import here
from curator.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from curator.formats import Reader
    from curator.scan.mappers import Mapper


T = TypeVar("T")
Item = TypeVar("Item")

_ID = 16  # bytes of a content id
_KEPT = 1 << 20  # bytes of rows that are kept
_ROWS = 256
_IDS_HELD = 1_000_000  # content ids of more lines wait in a file
_ALONE = 8  # lines of one span that are read one by one before the span is read


class _Kept(NamedTuple):
    """A row that was read again."""

    value: Any
    raw: bytes
    example: Example | None


class SetRows:
    """The rows of the set, for dataset rules: arrays over all lines, and single rows read again."""

    def __init__(
        self,
        scans: Sequence[ScanFile],
        bounds: Sequence[int],
        sources: Sequence[Source],
        spans: Sequence[tuple[int, Span]],
        reader: Callable[[int], Reader],
        mapper: Mapper | None = None,
    ) -> None:
        self._mapper = mapper
        self.at = ""  # the rule at work
        self.watch: Callable[[], None] | None = None  # called after each part of the work that is spread
        self._scans, self._bounds, self._sources, self._spans, self._reader = scans, bounds, sources, spans, reader
        self.readable = joined(scans, "readable")
        self._graphs: dict[str, Neighbours] = {}
        self.vocabulary = Vocabulary([scan.array for scan in scans], bounds)
        self.left_out: list[NotRun] = []
        self._memo: dict[str, Any] = {}
        self._span = -1
        self._data = b""
        self._alone = (-1, 0)  # the span of which single lines were read last, and how many
        self._open: tuple[int, FileIO] | None = None  # the source of those, and its file
        self._starts: dict[int, np.ndarray] = {}  # where the lines of a span begin, once it was read
        self._kept: dict[int, _Kept] = {}  # rows that were read last
        self._size = 0  # bytes of them
        self._readers: dict[int, Reader] = {}  # by source
        self._content_ids = _ContentIds(scans)

    def memo(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]  # type: ignore[no-any-return]

    def leave_out(self, note: NotRun) -> None:
        self.left_out.append(note)

    def source_of(self, index: int) -> int:
        return self._spans[self._span_of(index)][0]

    def _span_of(self, index: int) -> int:
        return bisect_right(self._bounds, index) - 1

    @cached_property
    def tokens(self) -> np.ndarray:
        """int32, shape (lines,): tokens of the row."""
        return joined(self._scans, "tokens")

    @cached_property
    def files(self) -> np.ndarray:
        """uint32, shape (lines,): the number of the file a line stands in."""
        return np.repeat(np.array([n for n, _ in self._spans], np.uint32), np.diff(self._bounds))

    @cached_property
    def splits(self) -> np.ndarray:
        """int64, shape (lines,): the number of the split a line stands in."""
        numbers = np.array([split_number(source.split) for source in self._sources])
        if len({*numbers.tolist()}) == 1:
            return np.broadcast_to(numbers[0], self._bounds[-1:])  # takes no memory, however many lines there are
        return np.repeat(numbers[[n for n, _ in self._spans]], np.diff(self._bounds))

    def sketches(self, code: str) -> np.ndarray:
        """What the dataset rule with this code sketched of every line."""
        return joined(self._scans, code)

    @property
    def shapes(self) -> set[str | None]:
        """The shapes that the sources were found to have."""
        return {self._reader(n).shape for n in range(len(self._sources))}

    def lines(self) -> Iterator[bytes]:
        """The bytes of every line in order, without line breaks and byte order marks."""
        for n, place in self._spans:
            data = read(self._sources[n], place).removesuffix(b"\n")
            for number, line in enumerate(data.split(b"\n")):
                yield line.removeprefix(b"\xef\xbb\xbf") if number == 0 and place.start == 0 else line

    @property
    def split_names(self) -> frozenset[str]:
        """The splits that the files of the set stand for; a name that says nothing is there as it is."""
        return frozenset(source.split for source in self._sources)

    @property
    def in_folder(self) -> bool:
        """Whether a folder was named, so that what is not in it is missing."""
        return any(source.in_folder for source in self._sources)

    def content_id(self, index: int) -> str:
        return self._content_ids[index].hex()

    @property
    def ids(self) -> np.ndarray:
        """uint8, shape (lines, 16): content ids."""
        return joined(self._scans, "ids")

    def value_and_raw(self, index: int) -> tuple[Any, bytes]:
        """The JSON value (UNSET where broken) and the bytes of a line, read again from its source."""
        kept = self._row(index)
        return kept.value, kept.raw

    def _row(self, index: int) -> _Kept:
        """A line read again; what was read last is kept, since several rules' findings often name one row."""
        if (kept := self._kept.get(index)) is None:
            raw = self._line(index)
            value = parse(raw.removeprefix(b"\xef\xbb\xbf"))
            example = self._reader_of(self.source_of(index)).read(value) if type(value) is dict else None
            kept = _Kept(value, raw, example)
            self._size += len(raw)
            if self._size > _KEPT or len(self._kept) >= _ROWS:
                self._kept, self._size = {}, len(raw)
            self._kept[index] = kept
        return kept

    def _reader_of(self, source: int) -> Reader:
        if source not in self._readers:
            self._readers[source] = self._reader(source)
        return self._readers[source]

    def _line(self, index: int) -> bytes:
        """The bytes of a line; of a span that was read before, these alone, unless its lines are asked for in a row."""
        span = self._span_of(index)
        source, place = self._spans[span]
        line = index - self._bounds[span]
        if span in self._starts and span != self._span:
            last, times = self._alone
            self._alone = span, times + 1 if span == last else 1
            if self._alone[1] < _ALONE:
                start, after = self._starts[span][line : line + 2].tolist()
                return self._read_alone(source, Span(place.start + start, place.start + after - 1))
        if span != self._span:
            self._data, self._span = read(self._sources[source], place), span
        if span not in self._starts:
            breaks = np.flatnonzero(np.frombuffer(self._data, np.uint8) == ord("\n"))
            self._starts[span] = np.concatenate(([0], breaks + 1, [len(self._data) + 1])).astype(np.uint32)
        start, after = self._starts[span][line : line + 2].tolist()
        return self._data[start : after - 1]

    def _read_alone(self, source: int, place: Span) -> bytes:
        """A line of a source, which stays open as long as it is the one asked for: to open it takes longest."""
        if not hasattr(os, "pread"):
            return read(self._sources[source], place)
        if self._open is None or self._open[0] != source:
            self._open = source, self._sources[source].data.open("rb", buffering=0)
        size = place.stop - place.start
        line = os.pread(self._open[1].fileno(), size, place.start)
        return line if len(line) == size else read(self._sources[source], place)

    def example(self, index: int) -> Example:
        example = self.example_or_none(index)
        assert example is not None, "a rule asked for a row that is not readable"
        return example

    def example_or_none(self, index: int) -> Example | None:
        return self._row(index).example

    def examples(self, indices: Iterable[int]) -> list[Example]:
        wanted = list(indices)
        found = {index: self.example(index) for index in sorted(set(wanted))}
        return [found[index] for index in wanted]

    @property
    def graphs(self) -> list[Neighbours]:
        """The graphs that rules asked for."""
        return list(self._graphs.values())

    def neighbours(self, view: str) -> Neighbours:
        if view not in self._graphs:
            spread = self.spread if self._mapper else None
            self._graphs[view] = Neighbours(self._scans, view, self.readable, self.splits, self.examples, spread)
        return self._graphs[view]

    def spread(self, work: Callable[[Item], T], items: Iterable[Item], without: Callable[[Item], T]) -> Iterator[T]:
        """As `curator.spreading.Spread` says: on the cluster where there is one, else here.

        The report names the rules whose work was lost.
        """

        def lost(item: Item, why: str) -> T:
            self.leave_out(_not_compared(self.at, why))
            return without(item)

        results = self._mapper.map(work, items, lost) if self._mapper else here(work, items, without)
        for result in results:
            if self.watch:
                self.watch()
            yield result


def _not_compared(code: str, why: str) -> NotRun:
    reason = f"rows were not compared: {why}"
    return NotRun((code,), reason, "run again with --engine local, or on workers with more memory")


class _ContentIds:
    """The content ids of all lines: in memory, or those of a large set in a file without a name.

    Forks of this process read the file at places of their own.
    """

    def __init__(self, scans: Sequence[ScanFile]) -> None:
        self._held, self._file = b"", None
        if sum(scan.head.lines for scan in scans) <= _IDS_HELD or not hasattr(os, "pread"):
            self._held = b"".join(scan.array("ids").tobytes() for scan in scans)
            return
        self._file = tempfile.TemporaryFile(prefix="curator-ids-")  # noqa: SIM115 (open as long as the rows are)
        for scan in scans:
            self._file.write(scan.array("ids").tobytes())
        self._file.flush()

    def __getitem__(self, index: int) -> bytes:
        if self._file is not None:
            return os.pread(self._file.fileno(), _ID, index * _ID)
        return self._held[index * _ID : (index + 1) * _ID]


def joined(scans: Sequence[ScanFile], name: str) -> np.ndarray:
    """An array of all spans as one, its columns one after the other in memory.

    Only columns that hold something but zeros in some span are written: the rest is memory that the system hands out
    when it is first written to, and so takes none.
    """
    if len(scans) == 1:
        return scans[0].array(name)
    forms = [scan.form(name) for scan in scans]
    lines = sum(shape[0] for _, shape, _ in forms)
    dtype = np.result_type(*{np.dtype(dtype) for dtype, _, _ in forms})
    whole = np.zeros((lines, *forms[0][1][1:]), dtype, order="F")
    start = 0
    for scan, (_, shape, filled) in zip(scans, forms, strict=True):
        stop = start + shape[0]
        if filled:
            part = scan.array(name)
            columns = np.flatnonzero(part.any(axis=0)).tolist() if part.ndim == 2 else []
            for column in columns:
                whole[start:stop, column] = part[:, column]
            if part.ndim != 2:
                whole[start:stop] = part
        start = stop
    return whole
