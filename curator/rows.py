"""The rows of the set as dataset rules see them: arrays over all lines, and single rows read again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from curator.columns import parse
from curator.model import Example
from curator.sources import Source, Span, read
from curator.store import ScanFile

if TYPE_CHECKING:
    from curator.formats import Reader


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
        self._bounds, self._sources, self._spans, self._reader = bounds, sources, spans, reader
        self._ids = np.concatenate([scan.array("ids") for scan in scans])
        self.readable = np.concatenate([scan.array("readable") for scan in scans])
        self.tokens = np.concatenate([scan.array("tokens") for scan in scans])
        self.files = np.repeat([n for n, _ in spans], np.diff(bounds))
        names = [source.split for source in sources]
        known = ("train", "valid", "test")
        numbers = np.array([known.index(name) if name in known else len(known) for name in names])
        self.splits = numbers[self.files]
        self._span = -1
        self._data = b""
        self._starts = np.zeros(1, np.int64)

    def source_of(self, index: int) -> int:
        return int(self.files[index])

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
