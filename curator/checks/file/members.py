"""FIL008, FIL009: keys that are written twice, numbers that not every parser can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from curator import paths
from curator.checks.file.examples import ROW
from curator.columns import UNSET, Batch, Line
from curator.model import Fix, Flag, Put
from curator.rule import Bad, RawRule
from curator.text.brokenjson import (
    repeated_keys,
)


class DuplicateKey(RawRule, frozen=True):
    """An object holds the same key twice.

    Most parsers keep the last value and say nothing, some keep the first, Arrow refuses the file:
    what is trained on depends on the library, and a part of the row is never read.
    """

    code = "FIL008"
    severity = "error"
    GOOD = [
        ROW,
        b'{"a": "\\"a\\": 1, \\"a\\": 2", "b": [{"a": 1}, {"a": 2}]}',
        b'{"a\\\\": 1, "a": 2, "b" : "x\\" : y"}',
    ]
    BAD = [
        Bad(b'{"prompt": "a", "completion": "b", "prompt": "c"}', at="prompt"),
        Bad(b'{"messages": [{"role": "user", "content": "Hi", "content" : "Hello"}]}', at="messages[0].content"),
        Bad(b'{"a": {"x\\\\": 1, "x\\\\": 1}, "b": 1, "\\u0062": 2}', at=('a["x\\\\"]', "b")),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Lines that hold more keys than their value, and the few whose keys cannot be counted at sight.

        A key is a string before a colon. In the bytes that is `":` without a backslash before it; a
        quotation mark inside a string has one. What this count could miss is looked at in any case:
        white space before the colon, and a key that ends in a backslash.
        """
        colons = np.flatnonzero(batch.octets == ord(":"))
        one, two, three = (_byte(batch, colons - back) for back in (1, 2, 3))
        quoted = one == _QUOTE
        plain = quoted & (two != _BACKSLASH)
        blank = (one == 32) | ((one >= 9) & (one <= 13))
        odd = quoted & (two == _BACKSLASH) & (three == _BACKSLASH)
        odd |= blank & (
            ((two == _QUOTE) & ((three != _BACKSLASH) | (_byte(batch, colons - 4) == _BACKSLASH))) | (two <= 32)
        )
        counted = np.diff(np.searchsorted(colons[plain], batch.line_ends), prepend=0)
        more = counted != _keys_of(batch)
        more[batch.lines_at(colons[odd])] = True
        return np.flatnonzero(more).tolist()

    def check(self, line: Line) -> Iterator[Flag]:
        if line.text is None or line.value is UNSET:
            return
        for repeat in islice(repeated_keys(line.text), _MOST):
            kept = "the same value both times" if repeat.first == repeat.second else "most parsers keep the last"
            message = f"written twice, {_short(repeat.first)} and {_short(repeat.second)}: {kept}"
            byte = len(line.text[: repeat.place].encode())
            yield Flag(
                paths.format(repeat.steps),
                message,
                byte=byte,
                evidence={"values": [_short(repeat.first), _short(repeat.second)]},
            )


_MOST = 100  # repeats told of one row
_QUOTE, _BACKSLASH = ord('"'), ord("\\")


def _byte(batch: Batch, places: np.ndarray) -> np.ndarray:
    """The bytes at these places; before the first, the first."""
    found: np.ndarray = batch.octets[np.maximum(places, 0)]
    return found


def _keys_of(batch: Batch) -> np.ndarray:
    """int64, shape (lines,): keys of all objects of the parsed line; rows of one structure have as many."""
    counts = np.zeros(len(batch.lines), dtype=np.int64)
    for rows in batch.structures.values():
        counts[rows] = _count_keys(batch.values[rows[0]])
    for index in set(range(len(batch.lines))).difference(batch.readable):
        counts[index] = _count_keys(batch.values[index])
    return counts


def _count_keys(value: Any) -> int:
    count = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            count += len(item)
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return count


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


class NumberOutOfRange(RawRule, frozen=True):
    """A number is none, or too large for the types that hold numbers.

    NaN and Infinity are no JSON: strict parsers refuse the line. A number past the range of a double
    makes Arrow refuse the file, and an integer past 64 bits becomes a float there and loses digits.
    """

    code = "FIL009"
    severity = "error"
    GOOD = [
        {"prompt": "NaN and 1e999?", "completion": "No.", "id": 9223372036854775807, "weight": 1},
        {"prompt": "a", "completion": "b", "score": -1.5e300},
    ]
    BAD = [
        Bad(
            b'{"prompt": "a", "completion": "b", "score": NaN}',
            at="score",
            fixed={"prompt": "a", "completion": "b", "score": None},
        ),
        Bad(
            b'{"prompt": "a", "completion": "b", "scores": [1, -Infinity, 1e999]}',
            at=("scores[1]", "scores[2]"),
            fixed={"prompt": "a", "completion": "b", "scores": [1, None, None]},
        ),
        Bad(
            b'{"prompt": "a", "completion": "b", "id": 18446744073709551617}',
            at="id",
            fixed={"prompt": "a", "completion": "b", "id": "18446744073709551617"},
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Lines whose value holds a number; rows of one structure hold the same kinds of values."""
        found = [row for rows in batch.structures.values() if _has_number(batch.values[rows[0]]) for row in rows]
        rest = set(range(len(batch.lines))).difference(batch.readable)
        return sorted([*found, *(i for i in rest if _has_number(batch.values[i]))])

    def check(self, line: Line) -> Iterator[Flag]:
        spelt = b"Infinity" in line.raw
        for path, number in _odd_numbers(line.value):
            if isinstance(number, int):
                digits = str(abs(number))
                shown = digits if len(digits) < 25 else f"{digits[:20]}… ({len(digits)} digits)"
                message = f"{shown} does not fit in 64 bits with a sign: Arrow makes a float of it and loses digits"
                fix = Fix("write it as text", (Put(path, str(number)),))
            elif math.isnan(number):
                message = "NaN is no JSON: strict parsers refuse the line"
                fix = Fix("write null", (Put(path, None),))
            else:
                message = "Infinity is no JSON" if spelt else "past the range of a double"
                message += (
                    ": strict parsers refuse the line, and Arrow the file"
                    if "range" in message
                    else ": strict parsers refuse the line"
                )
                fix = Fix("write null", (Put(path, None),))
            yield Flag(path, message, fix=fix)


_INT64 = range(-(1 << 63), 1 << 63)


def _has_number(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
        elif type(item) is int or type(item) is float:
            return True
    return False


def _odd_numbers(value: Any) -> Iterator[tuple[str, int | float]]:
    """(path, number) of every number that does not fit, in order."""
    open_values = [iter((("", value),))]
    while open_values:
        for path, item in open_values[-1]:
            if isinstance(item, dict | list):
                open_values.append(_worth_a_look(path, item))
                break
            if _is_odd(item):
                yield path, item
        else:
            open_values.pop()


def _worth_a_look(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(path, value) of the members that are odd numbers, or may hold some."""
    if isinstance(value, dict):
        named = ((paths.join(path, key), inner) for key, inner in value.items() if not isinstance(inner, str))
        return ((at, inner) for at, inner in named if isinstance(inner, dict | list) or _is_odd(inner))
    return (
        (f"{path}[{i}]", inner) for i, inner in enumerate(value) if isinstance(inner, dict | list) or _is_odd(inner)
    )


def _is_odd(item: Any) -> bool:
    return (type(item) is int and item not in _INT64) or (type(item) is float and not math.isfinite(item))
