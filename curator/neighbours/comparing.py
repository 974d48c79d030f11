"""Exact similarities of pairs of rows, from the words that scans left: pure work, done here or on other machines."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from curator.neighbours.shingles import shingles
from curator.text.hashed import unique

ROWS = 1 << 17  # rows compared at a time: their numbers leave 47 bits for a shingle
_OWN = 0.4  # similarity that the parts beyond the template must have
_U64 = np.uint64
_LOST = _U64(17)  # bits of a shingle that make room for the number of its pair
_TOLD = _U64((1 << 47) - 1)  # and those that are left


class Pairs(NamedTuple):
    """Pairs to compare, and the words of their rows."""

    words: np.ndarray  # uint32, one row after the other
    sizes: np.ndarray  # int64: words of each row
    left: np.ndarray  # int64: for each pair, the place of its one row among these
    right: np.ndarray  # int64: and that of the other
    crowd: bool  # whether most rows stand with many; the pairs are then in order of `left`


class Words(NamedTuple):
    """Words of several rows (uint64), and the first word of each row."""

    words: np.ndarray
    firsts: np.ndarray

    def pairs(self, left: np.ndarray, right: np.ndarray, *, crowd: bool) -> Pairs:
        """Pairs of these rows, by their places, with no other words than those of the rows named."""
        rows = unique(np.concatenate((left, right)))
        sizes = np.diff(np.append(self.firsts, len(self.words)))[rows]
        words = self.words if len(rows) == len(self.firsts) else self.words[ranges(self.firsts[rows], sizes)]
        places = np.searchsorted(rows, left), np.searchsorted(rows, right)
        return Pairs(words.astype(np.uint32), sizes, *places, crowd)


class Comparing:
    """The Jaccard similarity of each pair; `template` holds the shingles that many rows of the set share, sorted."""

    def __init__(self, template: np.ndarray) -> None:
        self.template = template

    def __call__(self, pairs: Pairs) -> np.ndarray:
        """float32: 0 where only the template is alike."""
        words, firsts = pairs.words.astype(np.uint64), np.cumsum(pairs.sizes) - pairs.sizes
        compared = self._one_with_many if pairs.crowd else self._sorted
        return compared(words, firsts, pairs).astype(np.float32)

    def _sorted(self, words: np.ndarray, firsts: np.ndarray, pairs: Pairs) -> np.ndarray:
        """All shingles are sorted at once, as (pair, shingle, side) in 64 bits.

        What both rows of a pair hold then stands side by side.
        """
        values = shingles(words, firsts) >> _LOST << _U64(1)
        many = len(pairs.left)
        sides = []
        for side, rows in enumerate((pairs.left, pairs.right)):
            pair = np.repeat(np.arange(many, dtype=np.uint64), pairs.sizes[rows])
            sides.append((pair << _U64(48)) | values[ranges(firsts[rows], pairs.sizes[rows])] | _U64(side))
        ranked = np.sort(np.concatenate(sides))
        ranked = ranked[np.diff(ranked, prepend=~ranked[:1]) != 0]
        owners = (ranked >> _U64(48)).astype(np.int64)
        twice = np.append((ranked[1:] ^ ranked[:-1]) == 1, False)
        own = self._is_own((ranked >> _U64(1)) & _TOLD)
        sums = (owners[twice], owners, owners[twice & own], owners[own])
        return self._resemblance(*(np.bincount(each, minlength=many) for each in sums))

    def _one_with_many(self, words: np.ndarray, firsts: np.ndarray, pairs: Pairs) -> np.ndarray:
        """The shingles of one row are marked in a table of all, and those of its partners are looked up there.

        So nothing is sorted pair by pair.
        """
        numbers, sizes, told = numbered(words, firsts)
        own = self._is_own(told)[numbers]
        begins = np.cumsum(sizes) - sizes
        owned = np.add.reduceat(own, begins, dtype=np.int64)
        left, right = pairs.left, pairs.right
        starts = np.flatnonzero(np.diff(left, prepend=-1)).tolist()
        shared, both = np.zeros(len(left), dtype=np.int64), np.zeros(len(left), dtype=np.int64)
        table = np.zeros(int(numbers.max(initial=-1)) + 1, dtype=bool)
        for low, high in pairwise([*starts, len(left)]):
            row, others = left[low], right[low:high]
            mine = numbers[begins[row] : begins[row] + sizes[row]]
            table[mine] = True
            theirs = ranges(begins[others], sizes[others])
            hit, bounds = table[numbers[theirs]], np.cumsum(sizes[others]) - sizes[others]
            shared[low:high] = np.add.reduceat(hit, bounds, dtype=np.int64)
            both[low:high] = np.add.reduceat(hit & own[theirs], bounds, dtype=np.int64)
            table[mine] = False
        return self._resemblance(shared, sizes[left] + sizes[right], both, owned[left] + owned[right])

    def _resemblance(self, shared: np.ndarray, held: np.ndarray, both: np.ndarray, owned: np.ndarray) -> np.ndarray:
        """The Jaccard similarity of each pair, 0 where only the template is alike.

        Of the shingles of two rows `shared` stand in both and `held` are theirs together, each row's counted by
        itself; `both` and `owned` count the same without the template.
        """
        similar: np.ndarray = shared / np.maximum(1, held - shared)
        if len(self.template):
            similar[(both < _OWN * (owned - both)) & (2 * shared < held)] = 0
        return similar

    def _is_own(self, told: np.ndarray) -> np.ndarray:
        """bool: the shingle, of which 47 bits are left, belongs to no template."""
        if not len(self.template):
            return np.ones(len(told), dtype=bool)
        known = unique(self.template >> _LOST)
        own: np.ndarray = known[np.minimum(np.searchsorted(known, told), len(known) - 1)] != told
        return own


def numbered(words: np.ndarray, firsts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(numbers of the distinct shingles of all rows, how many each row has, the 47 bits behind each number)."""
    owners = np.repeat(np.arange(len(firsts), dtype=np.uint64), np.diff(np.append(firsts, len(words))))
    ranked = unique((owners << _U64(47)) | (shingles(words, firsts) >> _LOST))
    sizes = np.bincount((ranked >> _U64(47)).astype(np.int64), minlength=len(firsts))
    told, numbers = np.unique(ranked & _TOLD, return_inverse=True)
    return numbers.astype(np.int32), sizes, told


def unlike(pairs: Pairs) -> np.ndarray:
    """What stands for pairs that no worker could compare."""
    return np.zeros(len(pairs.left), dtype=np.float32)


def ranges(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The places of several ranges, one after the other."""
    offsets = np.cumsum(sizes) - sizes
    places: np.ndarray = np.arange(int(sizes.sum())) + np.repeat(starts - offsets, sizes)
    return places
