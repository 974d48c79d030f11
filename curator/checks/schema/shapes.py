"""Rows of no shape, and rows of several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

import numpy as np

from curator import formats
from curator.checks.schema.rows import HELLO, PARTS, SHARED, TOOLS, quoted
from curator.columns import Batch, Line, Rows
from curator.formats import SHAPES
from curator.formats.adapter import nearly
from curator.formats.detect import FAMILY
from curator.model import Fix, Flag
from curator.rule import Bad, DatasetRule, RawRule, chat
from curator.text.hashed import distinct


class UnknownShape(RawRule, frozen=True):
    """The row is a JSON object in no shape that a trainer reads.

    A trainer that does not find its columns stops, or reads the row as empty text and trains on
    nothing, without a word. Name the columns with `--map`, or rename them.
    """

    code = "SCH001"
    severity = "error"
    GOOD = [HELLO, SHARED, {"text": "Once upon a time."}]
    BAD = [
        Bad({"ticket": "It is broken.", "agent": "Restart it."}, at=""),
        Bad({"instrucion": "Add 2 and 2.", "outptu": "4"}, at=""),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        pairs = zip(batch.values, batch.examples, strict=True)
        return [i for i, (value, example) in enumerate(pairs) if example is None and type(value) is dict]

    def check(self, line: Line) -> Iterator[Flag]:
        if line.example is not None or type(line.value) is not dict or quoted(line.value):
            return
        keys = list(islice(line.value, _MOST_KEYS))
        more = len(line.value) - 8
        shown = ", ".join(repr(key) for key in keys[:8]) + (f" and {more} more" if more > 0 else "")
        slips = ((key, name) for key in keys for name in _COLUMNS if nearly(key, name))
        meant = [f"{name!r} for {key!r}" for key, name in slips if not _is_column(key)]
        message = f"in no known shape; its keys: {shown or 'none'}"
        if meant:
            message += f" (did you mean {meant[0]}?)"
        yield Flag("", message, evidence={"keys": keys})


def _is_column(key: str) -> bool:
    """Whether a key is one that rows of some shape have: it is no slip of another."""
    return any(key in adapter.keys for adapter in SHAPES.values())


_MOST_KEYS = 200  # that are looked at in a row
_COLUMNS = (
    *("messages", "conversations", "prompt", "completion", "instruction", "output", "response"),
    *("question", "answer", "chosen", "rejected", "contents"),
)


class MixedShapes(DatasetRule, frozen=True):
    """The row is of another shape than the rest of its file.

    MLX decides on the format of a file by its first row, TRL by the first message of it: a row of
    another shape stops the run hours later, or is read by the wrong keys and trained as nothing.
    """

    code = "SCH002"
    severity = "error"
    GOOD = [
        [HELLO, TOOLS, PARTS],
        [{"prompt": "2+2?", "completion": "4"}, {"prompt": "3+3?", "completion": "6"}],
    ]
    BAD = [
        Bad(
            [HELLO, {"instruction": "3+3?", "input": "", "output": "6", "id": 2}, TOOLS],
            at="1:",
            fixed=[HELLO, {**chat(user="3+3?", assistant="6"), "id": 2}, TOOLS],
        ),
        Bad([{"text": "One."}, {"text": "Two."}, HELLO], at="2:"),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """(number of the row's shape, of the shape its file was detected to have); 0 is none."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint8)
        number = _numbers()
        for index in batch.readable:
            out[index, 0] = number.get(batch.example(index).shape, 0)
        out[:, 1] = number.get(batch.reader.shape or "", 0)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        family = _families()
        for expected in distinct(sketches[:, 1]):
            here = np.flatnonzero((sketches[:, 1] == expected) & (sketches[:, 0] > 0) & rows.readable)
            if not len(here):
                continue
            shapes = family[sketches[here, 0]]
            counts = np.bincount(shapes, minlength=len(SHAPES) + 1)
            # A tie goes to the shape of the first row, as it does with trainers.
            most = counts == counts.max()
            main = int(family[expected])
            if not counts[main]:
                main = int(shapes[most[shapes]][0])
            told = _counted(counts)
            for index in here[shapes != main].tolist():
                yield index, self._flag(index, main, told, rows)

    def _flag(self, index: int, main: int, told: str, rows: Rows) -> Flag:
        names = list(SHAPES)
        example = rows.example(index)
        row, losses = formats.write(example, names[main - 1])
        fix = None
        if not losses:
            line = json.dumps(row, ensure_ascii=False)
            fix = Fix(f"write the row as {names[main - 1]}", lines=(line,), safety="safe")
        message = f"of shape {example.shape} among {names[main - 1]} rows ({told})"
        return Flag("", message, fix=fix, evidence={"shape": example.shape, "expected": names[main - 1]})


def _counted(counts: np.ndarray) -> str:
    """ "98 openai-chat, 2 alpaca": the rows of each shape, most first."""
    names = list(SHAPES)
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda number: (-counts[number], number))
    return ", ".join(f"{counts[number]:,} {names[number - 1]}" for number in order)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {name: n for n, name in enumerate(SHAPES, 1)}


@lru_cache(maxsize=1)
def _families() -> np.ndarray:
    """The number of the family's main shape for the number of each shape."""
    number = _numbers()
    return np.array([0, *(number[FAMILY.get(name, name)] for name in SHAPES)], dtype=np.int64)
