"""The rows of the set as dataset rules see them: arrays over all lines, and single rows read again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from curator.columns import parse
from curator.model import Example, NotRun
from curator.neighbours import Neighbours
from curator.sources import Source, Span, read
from curator.sources.finding import split_number
from curator.store import ScanFile
from curator.vocabulary import Vocabulary

if TYPE_CHECKING:
    from curator.formats import Reader


T = TypeVar("T")


class SetRows:
    """The rows of the set, for dataset rules: arrays over all lines, and single rows read again."""

    def __init__(
        self,
        scans: Sequence[ScanFile],
        bounds: Sequence[int],
        sources: Sequence[Source],
        spans: Sequence[tuple[int, Span]],
        reader: Callable[[int], Reader],
    ) -> None:
        self._scans, self._bounds, self._sources, self._spans, self._reader = scans, bounds, sources, spans, reader
        self._ids = np.concatenate([scan.array("ids") for scan in scans])
        self.readable = np.concatenate([scan.array("readable") for scan in scans])
        self.tokens = np.concatenate([scan.array("tokens") for scan in scans])
        self.files = np.repeat([n for n, _ in spans], np.diff(bounds))
        self.splits = np.array([split_number(source.split) for source in sources])[self.files]
        self._graphs: dict[str, Neighbours] = {}
        self.vocabulary = Vocabulary([scan.array for scan in scans], bounds)
        self._memo: dict[str, Any] = {}
        self.abstained: list[NotRun] = []
        self._span = -1
        self._data = b""
        self._starts = np.zeros(1, np.int64)

    def abstain(self, note: NotRun) -> None:
        self.abstained.append(note)

    def memo(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]  # type: ignore[no-any-return]

    def source_of(self, index: int) -> int:
        return int(self.files[index])

    def sketches(self, code: str) -> np.ndarray:
        """What the dataset rule with this code sketched of every line."""
        return np.concatenate([scan.array(code) for scan in self._scans])

    @property
    def shapes(self) -> set[str | None]:
        """The shapes that the sources were found to have."""
        return {self._reader(n).shape for n in range(len(self._sources))}

    @property
    def ids(self) -> np.ndarray:
        """uint8, shape (lines, 16): content ids."""
        return self._ids

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
        return bytes(self._ids[index]).hex()

    def value_and_raw(self, index: int) -> tuple[Any, bytes]:
        """The JSON value (UNSET where broken) and the bytes of a line, read again from its source."""
        span = bisect_right(self._bounds, index) - 1
        if span != self._span:
            n, place = self._spans[span]
            self._data = read(self._sources[n], place)
            breaks = np.flatnonzero(np.frombuffer(self._data, np.uint8) == ord("\n"))
            self._starts = np.concatenate(([0], breaks + 1, [len(self._data) + 1]))
            self._span = span
        line = index - self._bounds[span]
        raw = self._data[self._starts[line] : self._starts[line + 1] - 1]
        return parse(raw.removeprefix(b"\xef\xbb\xbf")), raw

    def example(self, index: int) -> Example:
        example = self.example_or_none(index)
        assert example is not None, "a rule asked for a row that is not readable"
        return example

    def example_or_none(self, index: int) -> Example | None:
        value, _ = self.value_and_raw(index)
        return self._reader(self.source_of(index)).read(value) if type(value) is dict else None

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
            self._graphs[view] = Neighbours(self._scans, view, self.readable, self.splits, self.examples)
        return self._graphs[view]
