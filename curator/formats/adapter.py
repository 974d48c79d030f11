"""What an adapter is: the reader and writer of one shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from curator.model import Example

Row = dict[str, Any]

SURE = 0.5  # a shape that matches with less is read only where no other matches: its rows lack something


class Losses(list[str]):
    """Losses in the order they were met, each once.

    `lacks` are those of them that leave the row unfit for its shape: what the shape must have and the
    example has nothing for.
    """

    def __init__(self, losses: Iterable[str] = (), lacks: Iterable[str] = ()) -> None:
        super().__init__(losses)
        self.lacks = list(lacks)
        self._noted = set(self)

    def note(self, loss: str) -> None:
        if len(self._noted) < len(self):  # something was added to the list itself
            self._noted = set(self)
        if loss not in self._noted:
            self._noted.add(loss)
            self.append(loss)

    def lack(self, what: str) -> None:
        loss = f"nothing is there for {what}"
        self.note(loss)
        if loss not in self.lacks:
            self.lacks.append(loss)


class Written(NamedTuple):
    """A row of the target shape, and what of the example it cannot hold, in words."""

    row: Row
    losses: Losses


class Adapter(NamedTuple):
    """One shape.

    `keys` are the top-level keys it reads; `matches` says how surely a row is of the shape (0 to 1,
    0 is no); `read` takes a row for which `matches` is above 0; `write` makes a row of the shape
    and never fails: what the shape cannot hold is listed. A shape that may be written in strings
    ("plain") or in message lists ("conversational") has a writer for each in `forms`; its `write`
    chooses by the row. Where rows are read under the columns of others too, `exact` says whether a row
    is as the makers of the shape read it, and `own` what they read, in words.
    """

    name: str
    keys: frozenset[str]
    matches: Callable[[Row], float]
    read: Callable[[Row], Example]
    write: Callable[[Example], Written]
    forms: Mapping[str, Callable[[Example], Written]] = MappingProxyType({})
    exact: Callable[[Row], bool] = lambda _: True
    own: str = ""


def nearly(word: str, name: str) -> bool:
    """True where `word` is `name` but for case, signs, or one slip of the keys (two in eight letters or more).

    A slip is a letter too many, missing, changed, or swapped with its neighbour (optimal string alignment).
    """
    if len(word) > _LONGEST_NEAR:
        return False
    one, other = _letters(word), _letters(name)
    if one == other:
        return True
    allowed = 2 if len(other) >= 8 else 1
    if len(other) < 4 or abs(len(one) - len(other)) > allowed:
        return False
    if name in _PARTS.split(word.lower()):  # "question_id" is no slip for "question"
        return False
    if len(set(one).difference(other)) > allowed or len(set(other).difference(one)) > allowed:  # a slip brings one in
        return False
    return _slips(one, other) <= allowed


_PARTS = re.compile(r"[\W_]+")
_LONGEST_NEAR = 200  # characters of a word that may be a name with signs in it


@lru_cache(maxsize=1024)  # a word is held against one name after the other, and a row may have thousands of words
def _letters(word: str) -> str:
    return "".join([sign for sign in word.lower() if sign.isalnum()])


def _slips(one: str, other: str) -> int:
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row = row, [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before = last
    return row[-1]
