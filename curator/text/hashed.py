"""Texts side by side in one run of bytes: folded, and their words as hashes, without a Python object a word."""

from __future__ import annotations

import re
import threading
import unicodedata
from array import array
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

_SEPARATOR = b"\x1e"  # stands between the texts of a column


class Column(NamedTuple):
    """Texts as one UTF-8 buffer: text i is data[starts[i] : ends[i]]."""

    data: bytes
    starts: np.ndarray  # int64, shape (texts,)
    ends: np.ndarray  # int64, shape (texts,)


class Words(NamedTuple):
    """Word hashes of the folded texts: words of text i are hashes[offsets[i] : offsets[i + 1]].

    Word w is data[starts[w] : ends[w]] of the folded column.
    """

    hashes: np.ndarray  # uint64, shape (words,)
    offsets: np.ndarray  # int64, shape (texts + 1,)
    starts: np.ndarray  # int64, shape (words,)
    ends: np.ndarray  # int64, shape (words,)


def column(texts: list[str]) -> Column:
    """Texts as one UTF-8 buffer with a separator between them (lone surrogates pass)."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    ends = np.cumsum(sizes + 1) - 1
    return Column(_SEPARATOR.join(encoded), ends - sizes, ends)


def fold(text: str) -> str:
    """The text without case and compatibility variants; for ASCII only the case goes."""
    return text.lower() if text.isascii() else _folded_str(text)


def fold_column(texts: Column) -> Column:
    """Folds all texts of a column. Only what is not ASCII is looked at one by one, and recurs."""
    data = texts.data
    if data.isascii():
        return texts._replace(data=data.lower())
    edges = np.flatnonzero(np.diff(np.frombuffer(data, np.uint8) >= 0x80, prepend=False, append=False))
    folded: list[bytes] = []
    stops, gains = array("q", [0]), array("q", [0])
    done = 0
    for first in range(0, len(edges), _RUNS):  # a text may have millions of runs: they are joined some at a time
        pieces: list[bytes] = []
        part = edges[first : first + _RUNS].tolist()
        for start, stop in zip(part[::2], part[1::2], strict=True):
            run, begin = _folded_run(data[start:stop]), start
            if run is None:  # a mark combines with the letter before
                begin = max(start - 1, done)
                run = _folded_text(data[begin:stop])
            if run != data[begin:stop]:
                pieces += (data[done:begin], run)
                done = stop
                stops.append(stop)
                gains.append(gains[-1] + len(run) - (stop - begin))
        folded.append(b"".join(pieces))
    folded.append(data[done:])
    moved, places = np.frombuffer(gains, np.int64), np.frombuffer(stops, np.int64)
    starts, ends = (at + moved[np.searchsorted(places, at, side="right") - 1] for at in (texts.starts, texts.ends))
    return Column(b"".join(folded).lower(), starts, ends)


_RUNS = 1 << 16  # edges of runs, two of each


@lru_cache(maxsize=1 << 16)
def _folded_run(run: bytes) -> bytes | None:
    """A run of characters beyond ASCII, folded; None where it holds a combining mark."""
    return None if _COMBINING.search(_decoded(run)) else _folded_text(run)


def _folded_text(text: bytes) -> bytes:
    return _folded_str(_decoded(text)).encode("utf-8", "surrogatepass")


def _folded_str(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    for mark, plain in _PLAIN_MARKS:
        folded = folded.replace(mark, plain)
    return folded


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_COMBINING = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f]")
# Quotation marks and full stops that NFKC leaves alone, and their ASCII kin.
_PLAIN_MARKS = (
    *((mark, '"') for mark in "“”„«»"),
    *((mark, "'") for mark in "‘’‚"),
    ("。", "."),
    ("、", ","),
)


# ---------------------------------------------------------------------- hashing of bytes and words
# A polynomial hash over prefix sums gives the hash of any slice in constant time, in numpy and
# without a Python object per word: h(s, e) = (P[e] - P[s]) * base**-s  (mod 2**64).

_U64 = np.uint64
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)


@cache
def _powers() -> tuple[np.ndarray, np.ndarray]:
    """The first _ROOM powers of the hash base and of its inverse, modulo 2**64."""
    up, down = np.full(_ROOM, _BASE, _U64), np.full(_ROOM, _INVERSE, _U64)
    up[0] = down[0] = 1
    return np.cumprod(up, dtype=_U64), np.cumprod(down, dtype=_U64)


def mix(values: np.ndarray) -> np.ndarray:
    """A bijection of 64-bit integers in which every input bit changes half of the output bits."""
    x: np.ndarray = values ^ (values >> _U64(31))
    x *= _U64(0x7FB5D329728EA185)
    x ^= x >> _U64(27)
    x *= _U64(0x81DADEF4BC2DD44D)
    x ^= x >> _U64(33)
    return x


_ROOM = 1 << 18  # numbers: two arrays of 2 MB, which hold a block
_rooms = threading.local()


def _room(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two uint64 arrays of that size to be written over at once: fresh memory costs more than what is done in it."""
    if not hasattr(_rooms, "both"):
        _rooms.both = np.empty(_ROOM, _U64), np.empty(_ROOM, _U64)
    sums, products = _rooms.both
    return sums[:size], products[:size]


def slice_hashes(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """uint64 hash of each data[starts[i] : ends[i]] (uint8 data); equal slices have equal hashes.

    The starts rise, and so do the ends.
    """
    if len(data) >= _ROOM:
        return _long_hashes(data, starts, ends)
    down = _powers()[1]
    sums = _prefix_sums(data)
    lengths = (ends - starts).astype(_U64)
    return mix((sums[ends] - sums[starts]) * down[starts] + lengths * _U64(_BASE))


def _prefix_sums(data: np.ndarray) -> np.ndarray:
    """P of less than _ROOM bytes, until the next call."""
    sums, products = _room(len(data) + 1)
    sums[0] = 0
    np.cumsum(np.multiply(data, _powers()[0][: len(data)], out=products[1:]), out=sums[1:])
    return sums


def _long_hashes(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """`slice_hashes` a part after the other, for data whose prefix sums would take gigabytes."""
    down = _powers()[1]
    first, last, back = (np.empty(len(starts), _U64) for _ in range(3))
    total, up, inverse = 0, 1, 1  # P, base and its inverse to the power of where the part begins
    step = _ROOM - 1
    for low in range(0, len(data) + 1, step):
        sums = _prefix_sums(data[low : low + step])
        for places, found in ((starts, first), (ends, last)):
            here = slice(*np.searchsorted(places, (low, low + step)))
            found[here] = sums[places[here] - low] * _U64(up) + _U64(total)
        here = slice(*np.searchsorted(starts, (low, low + step)))
        back[here] = down[starts[here] - low] * _U64(inverse)
        total = (total + up * int(sums[-1])) % (1 << 64)
        up, inverse = up * pow(_BASE, step, 1 << 64) % (1 << 64), inverse * pow(_INVERSE, step, 1 << 64) % (1 << 64)
    return mix((last - first) * back + (ends - starts).astype(_U64) * _U64(_BASE))


_BLOCK = 1 << 17  # bytes: the arrays of a block stay in the processor's cache


def blocks(texts: Column) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The column in runs of whole texts of about _BLOCK bytes: (bytes, starts, ends)."""
    data = np.frombuffer(texts.data, np.uint8)
    low = 0
    while low < len(texts.starts):
        base = texts.starts[low]
        high = max(low + 1, int(np.searchsorted(texts.ends, base + _BLOCK)))
        yield data[base : texts.ends[high - 1]], texts.starts[low:high] - base, texts.ends[low:high] - base
        low = high


def hash_words(texts: Column) -> Words:
    """Hashes of the words of folded texts.

    A word is a run of ASCII letters and digits or of bytes above 127; every character of three or
    more UTF-8 bytes from U+3000 on (CJK) is a word by itself, since no space parts them.
    """
    kinds = np.frombuffer(texts.data.translate(_KINDS), np.uint8)
    hashes: list[np.ndarray] = [np.empty(0, _U64)]
    counts: list[np.ndarray] = [np.zeros(1, np.int64)]
    places: list[np.ndarray] = [np.empty((2, 0), np.int64)]
    base = 0
    for data, starts, ends in blocks(texts):
        begins, stops = _word_places(kinds[base : base + len(data)])
        hashes.append(slice_hashes(data, begins, stops))
        counts.append(np.searchsorted(begins, ends) - np.searchsorted(begins, starts))
        places.append(np.stack((begins, stops)) + base)
        base += len(data) + 1
    return Words(np.concatenate(hashes), np.cumsum(np.concatenate(counts)), *np.concatenate(places, axis=1))


# Bytes by kind: 0 between words, 1 of a word, 2 the first of a character that is a word by itself.
_KINDS = bytes(2 if 0xE3 <= byte < 0xF8 else 1 if chr(byte).isalnum() or byte >= 0x80 else 0 for byte in range(256))


def word_places(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where the words of folded text begin and stop, as `hash_words` tells them apart."""
    return _word_places(np.frombuffer(data.translate(_KINDS), np.uint8))


def _word_places(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the words of a block begin and stop."""
    inside = np.zeros(len(kinds) + 2, dtype=bool)
    inside[1:-1] = kinds
    begins = inside[1:] & ~inside[:-1]
    begins[:-1] |= kinds == 2
    stops = inside[:-1] & (~inside[1:] | begins)
    return np.flatnonzero(begins), np.flatnonzero(stops)


# ---------------------------------------------------------------------- arrays


def unique(values: np.ndarray) -> np.ndarray:
    """The distinct values of an integer array, in rising order.

    By sorting: the hash table of `numpy.unique` takes twenty times as long for keys of 64 bits.
    """
    ordered = np.sort(values)
    found: np.ndarray = ordered[np.concatenate((np.ones(len(ordered[:1]), bool), ordered[1:] != ordered[:-1]))]
    return found


def distinct(values: np.ndarray) -> list[int]:
    """The same as a list."""
    found: list[int] = unique(values).tolist()
    return found


_ROUNDS = 16  # bytes by which all spans are trimmed together; few have more to lose


def trimmed(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, blank: np.ndarray, step: int) -> np.ndarray:
    """The starts of spans of bytes moved behind what is blank (step 1), or their ends before it (step -1).

    `blank` has a truth value a byte. A span of blanks alone becomes empty.
    """
    moved = (starts if step > 0 else ends).copy()
    for _ in range(_ROUNDS):
        inside = np.flatnonzero(ends > moved if step > 0 else moved > starts)
        inside = inside[blank[data[moved[inside] - (step < 0)]]]
        if not len(inside):
            return moved
        moved[inside] += step
    for place in inside.tolist():
        low, high = (moved[place], ends[place]) if step > 0 else (starts[place], moved[place])
        solid = np.flatnonzero(~blank[data[low:high]])
        if step > 0:
            moved[place] = low + solid[0] if len(solid) else high
        else:
            moved[place] = low + solid[-1] + 1 if len(solid) else low
    return moved
