"""The words of the set: each judged once, then found again in the rows that hold it.

A scan leaves the distinct words of its span with their counts, and for all but the commonest the lines
they stand on (`terms`). `Vocabulary` joins the spans. So a rule on wording sees some ten thousand words
where the set has millions, and reads again only the rows that hold a word it has found fault with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import pairwise

import numpy as np

from curator.columns import Batch
from curator.text import dictionaries
from curator.text.hashed import column as as_column
from curator.text.hashed import hash_words

Arrays = Mapping[str, np.ndarray]

SHORTEST, LONGEST = 3, 40  # bytes of a word that is kept
_CJK = 0xE3  # the first byte of a character that is a word by itself is no less
_MOST = 32  # places that are kept of a word in a span; the lines of commoner words are looked through
_MERGED = 16  # spans joined at a time: bounds the memory


def terms(batch: Batch) -> dict[str, np.ndarray]:
    """The distinct words of a batch, folded: no digits, no single CJK characters, no words beyond suspicion.

    Returns arrays by name, in order of hash but for the last two:
        term_hashes   uint64, shape (words,)
        term_counts   int32, shape (words,): occurrences
        term_ends     int32, shape (words,): where each word ends in term_text
        term_posts    int32, shape (words,): its entries in term_lines, 0 for a word too common to list
        term_text     uint8: the words, UTF-8, one after the other
        term_lines    int32: the lines of the batch where the listed words stand, word after word
    """
    words = batch.words
    lengths = words.ends - words.starts
    data = np.frombuffer(batch.folded.data, np.uint8)
    kept = np.flatnonzero((lengths >= SHORTEST) & (lengths <= LONGEST))
    kept = kept[data[words.starts[kept]] < _CJK]
    kept = kept[~_is_unremarkable(words.hashes[kept])]
    order = kept[np.argsort(words.hashes[kept], kind="stable")]
    hashes = words.hashes[order]
    firsts = np.flatnonzero(np.diff(hashes, prepend=~hashes[:1]))
    counts = np.diff(firsts, append=len(order))
    text, ends = _gathered(data, words.starts[order[firsts]], words.ends[order[firsts]])
    spelt = _without_digits(text, ends)
    posts = np.where(spelt & (counts <= _MOST), counts, 0)
    listed = order[np.repeat(posts > 0, counts)]
    line_of_word = np.repeat(batch.turn_lines.astype(np.int32), np.diff(words.offsets))
    sizes = lengths[order[firsts]]
    return {
        "term_hashes": hashes[firsts][spelt],
        "term_counts": counts[spelt].astype(np.int32),
        "term_ends": np.cumsum(sizes[spelt]).astype(np.int32),
        "term_posts": posts[spelt].astype(np.int32),
        "term_text": text[np.repeat(spelt, sizes)],
        "term_lines": line_of_word[listed],
    }


_SLOTS = 18  # bits: the table stays in the processor's cache


@cache
def _slots() -> np.ndarray:
    """uint64, shape (2**_SLOTS,): the hashes of unremarkable words, by their top bits; 0 where there is none."""
    table = np.zeros(1 << _SLOTS, np.uint64)
    hashes = hash_of(dictionaries.unremarkable())
    table[hashes >> np.uint64(64 - _SLOTS)] = hashes
    return table


def _is_unremarkable(hashes: np.ndarray) -> np.ndarray:
    known: np.ndarray = _slots()[(hashes >> np.uint64(64 - _SLOTS)).astype(np.int32)] == hashes
    return known


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
    """The distinct words of the set with their counts, but for what `terms` leaves out.

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
        order = np.minimum(np.searchsorted(self.hashes, wanted), len(self) - 1)
        counts = np.where(self.hashes[order] == wanted, self.counts[order], 0) if len(self) else np.zeros(len(wanted))
        return dict(zip(words, counts.tolist(), strict=True))

    def lines(self, words: Collection[str]) -> Iterator[tuple[int, list[str]]]:
        """(line of the set, the words that it may hold) for every line with one of the (folded) words, in order."""
        spelt = sorted(words)
        wanted = hash_of(spelt)
        order = np.argsort(wanted)
        for span, (first, last) in zip(self._spans, pairwise(self._bounds), strict=True):
            hashes = span("term_hashes")
            found = np.isin(hashes, wanted)
            if not found.any():
                continue
            names = order[np.searchsorted(wanted[order], hashes[found])]
            posts = span("term_posts")
            lines = span("term_lines")[np.repeat(found, posts)]
            at: dict[int, list[str]] = {}
            for line, name in zip(lines.tolist(), np.repeat(names, posts[found]).tolist(), strict=True):
                at.setdefault(first + line, []).append(spelt[name])
            common = [spelt[name] for name in names[posts[found] == 0].tolist()]
            for line in range(first, last) if common else sorted(at):
                yield line, sorted({*at.get(line, ()), *common})


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
