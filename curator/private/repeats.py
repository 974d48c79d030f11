"""Where a value that is known to be private stands again: in code, in a link, where by itself it would be nobody's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

import numpy as np

from curator.private.context import stands_alone

Span = tuple[int, int]

_FEW = 20  # values that are sought one by one
_FOLDED = frozenset({"email"})  # kinds that mean the same in capitals
_NUMBERS = frozenset({"card", "iban", "national-id", "phone"})
_LEAST_BARE = 9  # digits of a number that means itself without its groups
_LONG = 300  # characters of a text from which a table pays
_MARK_BITS = 20
_MARKS = 1 << _MARK_BITS
_FACTOR = 2_654_435_761  # of Knuth's multiplicative hashing: its upper bits are well mixed
_LEAST = 6  # characters of a value that means itself wherever it stands


def tells_itself(kind: str, value: str) -> bool:
    """Whether the value is the same thing wherever it stands: a password that is a word may be that word as well."""
    return len(value) >= _LEAST and not (kind == "password" and value.isalpha())


def folded(kind: str, text: str) -> str:
    """The text as values of the kind are compared; no sign of it moves."""
    small = text.lower() if kind in _FOLDED else text
    return small if len(small) == len(text) else text


def spellings(kind: str, value: str) -> tuple[str, ...]:
    """The value as it is compared, and of a number in groups the same without them."""
    bare = "".join(filter(str.isalnum, value))
    whole = kind in _NUMBERS and len(bare) >= _LEAST_BARE and bare != value
    return (folded(kind, value), bare) if whole else (folded(kind, value),)


class Repeats:
    """Values that are sought in one text after the other."""

    def __init__(self, sought: Collection[str]) -> None:
        self._sought = sought
        self._lengths: dict[str, dict[int, None]] = {}  # by how values begin, the longest first
        if len(sought) > _FEW:
            for value in sorted(sought, key=len, reverse=True):
                self._lengths.setdefault(value[:_LEAST], {})[len(value)] = None

    def within(self, text: str) -> Iterator[Span]:
        """Where one of the values stands as a whole, and not as a part of another word or number."""
        for start, end in self._hits(text):
            if stands_alone(text, start, end):
                yield start, end

    def _hits(self, text: str) -> Iterator[Span]:
        if not self._lengths:
            for value in self._sought:
                at = text.find(value)
                while at >= 0:
                    yield at, at + len(value)
                    at = text.find(value, at + len(value))
            return
        for at in self._candidates(text):
            for length in self._lengths.get(text[at : at + _LEAST], ()):
                if text[at : at + length] in self._sought:
                    yield at, at + length
                    break

    def _candidates(self, text: str) -> Iterable[int]:
        """Where a value may begin, by a table of how values begin: most of a text is passed over at once."""
        if len(text) < _LONG:
            return range(len(text) - _LEAST + 1)
        return np.flatnonzero(self._table[self._marks(text)]).tolist()

    @cached_property
    def _table(self) -> np.ndarray:
        table = np.zeros(_MARKS, dtype=bool)
        table[self._marks("".join(begun for begun in self._lengths if len(begun) == _LEAST))[::_LEAST]] = True
        return table

    @staticmethod
    def _marks(text: str) -> np.ndarray:
        """For each place of a text, a number of the characters from there on that values may begin with."""
        signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        count = max(0, len(signs) - _LEAST + 1)
        marks = np.zeros(count, dtype=np.uint32)
        for n in range(_LEAST):
            marks = marks * np.uint32(_FACTOR) + signs[n : n + count]
        return marks >> np.uint32(32 - _MARK_BITS)
