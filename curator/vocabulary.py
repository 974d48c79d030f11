"""The words of the set: each judged once, then found again in the rows that hold it.

A scan leaves the distinct words of its span with their counts, and for all but the commonest the lines
they stand on (`terms`). `Vocabulary` joins the spans. So a rule on wording sees some ten thousand words
where the set has millions, and reads again only the rows that hold a word it has found fault with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from curator.columns import Batch, hash_words
from curator.columns import column as as_column

Arrays = Mapping[str, np.ndarray]

SHORTEST, LONGEST = 3, 40  # bytes of a word that is kept
_MOST = 32  # places that are kept of a word in a span; the lines of commoner words are looked through
_MERGED = 16  # spans joined at a time: bounds the memory


def terms(batch: Batch) -> dict[str, np.ndarray]:
    """The distinct words of a batch, folded, without those that hold a digit.

    Returns arrays by name, parallel but for the last two:
        term_hashes   uint64, shape (words,), each once
        term_counts   int32, shape (words,): occurrences
        term_ends     int32, shape (words,): where each word ends in term_text
        term_posts    int32, shape (words,): its entries in term_lines, 0 for a word too common to list
        term_text     uint8: the words, UTF-8, one after the other
        term_lines    int32: the lines of the batch where the listed words stand, word after word
    """
    words = batch.words
    lengths = words.ends - words.starts
    kept = np.flatnonzero((lengths >= SHORTEST) & (lengths <= LONGEST))
    common, counts_of_common, rest = _common_apart(words.hashes[kept])
    order = kept[rest[np.argsort(words.hashes[kept[rest]], kind="stable")]]
    sorted_hashes = words.hashes[order]
    begins = np.concatenate(([True], sorted_hashes[1:] != sorted_hashes[:-1])) if len(order) else np.empty(0, bool)
    firsts = np.flatnonzero(begins)
    counts_of_rest = np.diff(firsts, append=len(order))
    listed = np.repeat(counts_of_rest <= _MOST, counts_of_rest)
    line_of_word = np.repeat(batch.turn_lines.astype(np.int32), np.diff(words.offsets))

    places = np.concatenate((order[firsts], kept[common]))  # of one occurrence of each word
    counts = np.concatenate((counts_of_rest, counts_of_common))
    posts = np.concatenate((np.where(counts_of_rest <= _MOST, counts_of_rest, 0), np.zeros_like(counts_of_common)))
    data = np.frombuffer(batch.folded.data, np.uint8)
    text, ends = _gathered(data, words.starts[places], words.ends[places])
    spelt = _without_digits(text, ends)
    return {
        "term_hashes": words.hashes[places][spelt],
        "term_counts": counts[spelt].astype(np.int32),
        "term_ends": np.cumsum(lengths[places][spelt]).astype(np.int32),
        "term_posts": posts[spelt].astype(np.int32),
        "term_text": text[np.repeat(spelt, lengths[places])],
        "term_lines": line_of_word[order[listed]][np.repeat(spelt, posts)],
    }


_SLOTS = 18  # bits: about ten slots for each distinct word of a span


def _common_apart(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Common words told by counting alone, so that only the rest need be sorted.

    Returns (place of one occurrence of each common word, its count, places of all other words).
    """
    slots = (hashes >> np.uint64(64 - _SLOTS)).astype(np.int64)
    counts = np.bincount(slots, minlength=1 << _SLOTS)
    place = np.zeros(1 << _SLOTS, np.int64)
    place[slots] = np.arange(len(slots))
    crowded = counts > _MOST
    if len(slots):
        crowded[slots[hashes != hashes[place[slots]]]] = False  # two words share the slot
    taken = np.flatnonzero(crowded)
    return place[taken], counts[taken], np.flatnonzero(~crowded[slots])


def _gathered(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slices of `data` one after the other, and where each ends."""
    sizes = ends - starts
    stops = np.cumsum(sizes)
    places = np.arange(stops[-1] if len(stops) else 0) + np.repeat(starts - (stops - sizes), sizes)
    return data[places], stops


def _without_digits(text: np.ndarray, ends: np.ndarray) -> np.ndarray:
    digits = np.concatenate(([0], np.cumsum((text >= ord("0")) & (text <= ord("9")))))
    spelt: np.ndarray = digits[ends] == np.concatenate(([0], digits[ends[:-1]]))
    return spelt


def hash_of(words: Sequence[str]) -> np.ndarray:
    """uint64, shape (words,): the hash each of these (folded) words has in a vocabulary."""
    return hash_words(as_column(list(words))).hashes


class Vocabulary:
    """The distinct words of the set with their counts.

    `spans` give the arrays of `terms` by name, `bounds` the first line of each span and the end of the last.
    """

    def __init__(self, spans: Sequence[Callable[[str], np.ndarray]], bounds: Sequence[int]) -> None:
        self._spans, self._bounds = spans, bounds

    @cached_property
    def _merged(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(hashes, counts, text, ends), in order of hash."""
        whole = (np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64))
        for low in range(0, len(self._spans), _MERGED):
            parts = [whole]
            for span in self._spans[low : low + _MERGED]:
                parts.append((span("term_hashes"), span("term_counts"), span("term_text"), span("term_ends")))
            whole = _joined(parts)
        return whole

    def __len__(self) -> int:
        return len(self._merged[0])

    @property
    def hashes(self) -> np.ndarray:
        """uint64, shape (words,), rising."""
        return self._merged[0]

    @property
    def counts(self) -> np.ndarray:
        """int64, shape (words,): occurrences in the set."""
        return self._merged[1]

    @cached_property
    def words(self) -> list[str]:
        """The words, folded, in order of hash."""
        _, _, text, ends = self._merged
        data = text.tobytes()
        starts = (ends - np.diff(ends, prepend=0)).tolist()
        if data.isascii():
            whole = data.decode("ascii")
            return [whole[a:b] for a, b in zip(starts, ends.tolist(), strict=True)]
        return [data[a:b].decode("utf-8", "replace") for a, b in zip(starts, ends.tolist(), strict=True)]

    def count(self, words: Sequence[str]) -> dict[str, int]:
        """How often each of these words (folded; letters alone) occurs in the set."""
        wanted = hash_of(words)
        places = np.minimum(np.searchsorted(self.hashes, wanted), max(len(self) - 1, 0))
        found = self.hashes[places] == wanted if len(self) else np.zeros(len(wanted), bool)
        counts = np.where(found, self.counts[places], 0) if len(self) else found
        return dict(zip(words, counts.tolist(), strict=True))

    def lines(self, words: Collection[str]) -> Iterator[int]:
        """The lines of the set, in rising order, that hold one of the (folded) words, and some that may."""
        wanted = np.sort(hash_of(sorted(words)))
        for span, first in zip(self._spans, self._bounds, strict=False):
            hit = np.isin(span("term_hashes"), wanted)
            if not hit.any():
                continue
            posts = span("term_posts")
            if (posts[hit] == 0).any():
                yield from range(first, self._bounds[self._bounds.index(first) + 1])
            else:
                yield from (first + np.unique(span("term_lines")[np.repeat(hit, posts)])).tolist()


Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _joined(parts: Sequence[Part]) -> Part:
    hashes = np.concatenate([part[0] for part in parts])
    text = np.concatenate([part[2] for part in parts])
    sizes = np.concatenate([np.diff(part[3], prepend=0) for part in parts])
    stops = np.cumsum(sizes)
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    counts = np.bincount(inverse, np.concatenate([part[1] for part in parts]), len(unique)).astype(np.int64)
    kept, ends = _gathered(text, stops[first] - sizes[first], stops[first])
    return unique, counts, kept, ends
