"""The rows of a source as they are read, in the shape of their file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from curator.columns import BOM, parse
from curator.engine import columns_of, sampled
from curator.formats import FAMILY, SHAPES, Reader, Row, detect
from curator.formats.dialects import dialect_of
from curator.model import Example, Place
from curator.sources import Source

if TYPE_CHECKING:
    from curator.config import Config


class File:
    """A source and how its rows are read."""

    def __init__(self, source: Source, config: Config) -> None:
        self.source = source
        found = config.shape or shape_of(sampled(source))
        self.named = config.shape is not None
        columns = columns_of(source, config.map, forced=config.map_forced)
        self.shape = "mapped" if columns else found or "unknown"
        self.reader = Reader(found, columns)
        self.count = self.written = self.unfit = 0
        self.keys: dict[str, None] = {}  # of the rows written

    @property
    def gained(self) -> int:
        """Rows written beyond one for each that was read."""
        return self.written + self.unfit - self.count

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(index from 0, text) of the lines that hold anything."""
        index = -1
        with self.source.data.open("rb") as file:
            for line in file:  # not enumerated: that would hold a second one, and a line may be enormous
                index += 1
                line = (line.removeprefix(BOM) if index == 0 else line).strip()  # noqa: PLW2901
                if line:
                    yield index, line

    def read(self, body: bytes) -> Example | str:
        """The row, or why it cannot be read."""
        value = parse(body)
        if type(value) is not dict:
            return "no JSON object" if value is not msgspec.UNSET else "no JSON"
        example = self.reader.read(value)
        if example is None:
            return "in no known shape"
        shape = example.shape if self.named else dialect_of(example)
        return msgspec.structs.replace(example, shape=self.shape if self._holds(example, shape) else shape)

    def _holds(self, example: Example, shape: str) -> bool:
        """Whether a row of a shape near that of the file is as the file's shape would write it."""
        if shape == self.shape or FAMILY.get(shape, shape) != FAMILY.get(self.shape, self.shape):
            return False
        written = SHAPES[self.shape].write(example)
        return not written.losses and written.row == example.value

    def place(self, index: int) -> Place:
        return Place(self.source.path, self.source.lines(index, 1)[0])


def shape_of(rows: Sequence[Row]) -> str | None:
    """The shape of a file, in the narrow sense where some row has words that only its maker uses."""
    shape = detect(rows).shape
    if shape is None:
        return shape
    told = (dialect_of(Example(shape, (), row)) for row in rows)
    return next((name for name in told if name != shape), shape)
