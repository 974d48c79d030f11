"""An index of public benchmarks: hashes by which their questions are recognised, and no text.

An item is recognised in two steps. Triggers, a few rare runs of three words of each item, say where it may
stand; then the item's words are compared place by place, one place up or down allowed, and weighed by their
rarity. So a question is found with a word or two replaced, after a prefix and inside a longer prompt, and
phrases that many questions share say nothing.

The index that ships holds, for each item, up to 16 words in 16 bits each, a few triggers in 32 bits, and one bit of
64 for each of its numbers: enough to tell that a text has others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import numpy as np

from curator.packs import rules_dir
from curator.text.hashed import Words, column, fold, hash_words

if TYPE_CHECKING:
    from curator.formats import Reader

WORDS = 16  # words of an item that are compared
_FEWEST = 4  # words of an item that can be told from a common phrase at all
_TRIGGERS = 5
_SHORT = 16  # items of so few words have all their rare runs as triggers, up to _MANY
_MANY = 8
_COMMON = 30  # times that a run of words may occur in ordinary text, to be a trigger beside rarer ones
_RUN = 3
_TABLE = 21  # bits of a trigger that are looked up before the whole
_TOLD = 16.0  # nats that the words found must tell
_OTHER_SUBJECT = 0.75  # least share of a short item whose rarest word and one beside it are others
_FAR, _FARTHEST = 2, 8  # words that may be missing or added before the place where one is looked for ...
_STRETCH = 25  # ... and one more for so many words of a long item
_HEAD = np.uint32(32 - _TABLE)
_U64 = np.uint64


class Item(NamedTuple):
    """One question: the benchmark it belongs to, its number there, counted from 1, and its text."""

    benchmark: str
    number: int
    text: str


class Hits(NamedTuple):
    """Benchmark items found in texts, parallel arrays: text, item, share of its words, first and last word."""

    texts: np.ndarray
    items: np.ndarray
    shares: np.ndarray
    first: np.ndarray
    stop: np.ndarray


class Index(NamedTuple):
    """The items of benchmarks as hashes.

    `triggers` (uint32, sorted) are runs of words, `owners` and `places` the item and the place in it of each;
    `words` (uint16, shape (items, 16)) are spread evenly over an item of `sizes` words; `figures` (uint64) are
    the numbers of each, as `figures_of` has them.
    """

    triggers: np.ndarray
    owners: np.ndarray
    places: np.ndarray
    words: np.ndarray
    sizes: np.ndarray
    benchmarks: np.ndarray  # str, shape (benchmarks,)
    sources: np.ndarray  # uint8: the benchmark of each item
    numbers: np.ndarray  # int32: the number of each item in it, from 1 on
    figures: np.ndarray

    def name(self, item: int) -> tuple[str, int]:
        """(benchmark, number of the item in it)."""
        return str(self.benchmarks[self.sources[item]]), int(self.numbers[item])


# ---------------------------------------------------------------------- making an index


def words_of(texts: Sequence[str]) -> Words:
    """Hashes of the words of texts, as a batch has them of its turns."""
    return hash_words(column([fold(text) for text in texts]))


def runs(words: Words) -> np.ndarray:
    """uint32, shape (words,): the hash of each word with the two that follow; 0 where a text ends before."""
    heads = (words.hashes >> _U64(32)).astype(np.uint32)
    out = np.zeros(len(heads), dtype=np.uint32)
    if len(heads) >= _RUN:
        mixed = heads[:-2] * np.uint32(0x9E3779B1) + heads[1:-1] * np.uint32(0x85EBCA77) + heads[2:]
        mixed ^= mixed >> np.uint32(15)
        out[:-2] = mixed * np.uint32(0xC2B2AE3D)
        for back in (1, 2):
            last = words.offsets[1:] - back
            out[last[last >= 0]] = 0
    return out


def build(items: Sequence[Item], common: np.ndarray | None = None) -> Index:
    """The index of some items; those of less than four words are left out.

    `common` (int, shape (2**21,)) counts how often runs of words occur in ordinary text, by their first bits:
    the rarest make the triggers.
    """
    words = words_of([item.text for item in items])
    found = runs(words)
    counts = common[found >> _HEAD] if common is not None else np.zeros(len(found), np.int64)
    kept = [n for n, size in enumerate(np.diff(words.offsets).tolist()) if size >= _FEWEST]
    triggers: list[tuple[int, int, int]] = []
    table = np.zeros((len(kept), WORDS), dtype=np.uint16)
    for place, n in enumerate(kept):
        low, high = words.offsets[n], words.offsets[n + 1]
        size = int(high - low)
        sampled = _spread(np.array([size]))[0][: min(size, WORDS)]
        table[place, : len(sampled)] = (words.hashes[low + sampled] >> _U64(48)).astype(np.uint16)
        for at in _rarest(counts[low : high - _RUN + 1]):
            triggers.append((int(found[low + at]), place, at))
    triggers.sort()
    columns = np.array(triggers, dtype=np.int64).reshape(-1, 3)
    benchmarks = list(dict.fromkeys(item.benchmark for item in items))
    return Index(
        columns[:, 0].astype(np.uint32),
        columns[:, 1].astype(np.uint16 if len(kept) < 1 << 16 else np.uint32),
        np.minimum(columns[:, 2], 0xFFFF).astype(np.uint16),
        table,
        np.minimum(np.diff(words.offsets)[kept], 0xFFFF).astype(np.uint16),
        np.array(benchmarks),
        np.array([benchmarks.index(items[n].benchmark) for n in kept], dtype=np.uint8),
        np.array([items[n].number for n in kept], dtype=np.int32),
        np.array([figures_of(items[n].text) for n in kept], dtype=np.uint64),
    )


_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3})")
_FIGURE = re.compile("[0-9]+")


def figures_of(text: str) -> int:
    """The numbers that a text writes in digits, a bit of 64 for each: two texts of other bits have other numbers."""
    bits = 0
    for figure in _FIGURE.findall(_THOUSANDS.sub("", text)):
        bits |= 1 << (crc32(figure.encode()) & 63)
    return bits


def _spread(sizes: np.ndarray) -> np.ndarray:
    """int64, shape (items, 16): the places of the words that are compared, for items of these sizes."""
    ranks = np.arange(WORDS)
    longer = np.maximum(sizes.astype(np.int64), WORDS)[:, None]
    spread: np.ndarray = ranks * longer // WORDS
    return spread


def _rarest(counts: np.ndarray) -> list[int]:
    """The places of the rarest runs: all over a short item, one in each fifth of a longer one."""
    if len(counts) + _RUN - 1 <= _SHORT:
        order = np.argsort(counts, kind="stable")[:_MANY]
        return sorted(order[(counts[order] <= _COMMON) | (np.arange(len(order)) < 2)].tolist())
    parts = np.array_split(np.arange(len(counts)), _TRIGGERS)
    return [int(part[np.argmin(counts[part])]) for part in parts]


# ---------------------------------------------------------------------- finding its items


@cache
def weights() -> np.ndarray:
    """float, shape (65536,): what a word weighs, by the first 16 bits of its hash; from the index that ships."""
    index = shipped()
    counts = np.bincount(index.words.ravel(), minlength=1 << 16).astype(float)
    rarity: np.ndarray = np.maximum(np.log(len(index.sizes) / (counts + 1.0)), 0.1)
    return rarity


def lookup(index: Index) -> np.ndarray:
    """bool, shape (2**21,): whether a trigger begins with these bits."""
    table = np.zeros(1 << _TABLE, dtype=bool)
    table[index.triggers >> _HEAD] = True
    return table


def find(index: Index, table: np.ndarray, words: Words, least: float) -> Hits:
    """The items of which a text holds at least this share of the words, by weight, in their order."""
    found = runs(words)
    at = np.flatnonzero(table[found >> _HEAD])
    at = at[found[at] != 0]
    keys = found[at]
    low, high = np.searchsorted(index.triggers, keys), np.searchsorted(index.triggers, keys, side="right")
    counts = high - low
    entry = np.arange(counts.sum()) + np.repeat(low - (np.cumsum(counts) - counts), counts)
    at = np.repeat(at, counts)
    items = index.owners[entry].astype(np.int64)
    start = at - index.places[entry]
    texts = np.searchsorted(words.offsets, at, side="right") - 1
    first, stop = words.offsets[texts], words.offsets[texts + 1]
    share, told, missing, other = _agreement(index, words, items, start, first, stop)
    least_of = np.where(other & (index.sizes[items] <= WORDS), max(least, _OTHER_SUBJECT), least)
    good = np.flatnonzero((share >= least_of) & (told >= _TOLD) & (missing <= _may_lack(index.sizes[items])))
    order = good[np.lexsort((start[good], items[good], -share[good], texts[good]))]
    once = order[np.flatnonzero(np.diff(texts[order], prepend=-1))]
    begin = np.maximum(start[once], first[once])
    end = np.minimum(start[once] + index.sizes[items[once]], stop[once])
    return Hits(texts[once], items[once], share[once], begin - first[once], end - first[once])


def _agreement(
    index: Index, words: Words, items: np.ndarray, start: np.ndarray, first: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of an item's words that stand where they should: (their share by weight, their weight, how many lack, other).

    `other` says that the rarest of them lacks and so does one beside it: the text may ask of another subject.
    """
    heads = (words.hashes >> _U64(48)).astype(np.uint16)
    sizes = index.sizes[items].astype(np.int64)
    places = start[:, None] + _spread(sizes)
    wanted = index.words[items]
    counted = np.arange(WORDS) < sizes[:, None]
    same = np.zeros(wanted.shape, dtype=bool)
    most = np.clip(sizes // _STRETCH, _FAR, _FARTHEST)
    for far in range(int(most.max(initial=0)) + 1):
        some = np.flatnonzero(most >= far)
        for there in (places[some] + far, places[some] - far):
            inside = (there >= first[some, None]) & (there < stop[some, None])
            same[some] |= inside & (heads[np.clip(there, 0, max(len(heads) - 1, 0))] == wanted[some])
    weight = weights()[wanted] * counted
    agreed = (weight * same).sum(1)
    lacking = np.pad(counted & ~same, ((0, 0), (1, 1)))
    each, rarest = np.arange(len(same)), np.argmax(weight, axis=1) + 1
    other = lacking[each, rarest] & (lacking[each, rarest - 1] | lacking[each, rarest + 1])
    return agreed / np.maximum(weight.sum(1), 1e-9), agreed, lacking.sum(1), other


def _may_lack(sizes: np.ndarray) -> np.ndarray:
    """How many of the words that are compared may be others, by the size of an item."""
    steps = np.array([5, 7, 17, 25])
    return np.array([0, 1, 2, 4, 5])[np.searchsorted(steps, sizes, side="right")]


# ---------------------------------------------------------------------- on disk


def save(index: Index, file: Path) -> None:
    """Write an index; `load` reads it."""
    np.savez(file, **index._asdict())


@cache
def load(file: Path) -> Index:
    """An index that `save` wrote."""
    with np.load(file, allow_pickle=False) as arrays:
        return Index(*(arrays[name] for name in Index._fields))


def shipped() -> Index:
    """The index of public benchmarks that ships with curator."""
    return load(rules_dir() / "benchmarks" / "public.npz")


# ---------------------------------------------------------------------- files of questions

_QUESTIONS = ("question", "prompt", "instruction", "problem", "query", "input", "text", "Question", "Problem")


def items_of(file: Path) -> list[Item]:
    """The questions of a file of any kind that can be linted: what a user asks in its rows.

    Rows in no known shape give the text under a key such as `question`, `prompt` or `problem`.

    Raises:
        SourceError: the file does not exist or holds no rows.
    """
    return [item for _, _, items in _read(file) for item in items]


class Unread(NamedTuple):
    """The lines of a file of questions that hold none that can be looked for."""

    lines: int
    first: int
    of: int


def unread(file: Path) -> Unread:
    """Which lines of a file of questions are passed over: no JSON, no question, or one of under four words.

    Raises:
        SourceError: as `items_of`.
    """
    lines = [(number, line, items) for number, line, items in _read(file) if line.strip()]
    words = words_of([item.text for _, _, items in lines for item in items])
    sizes = iter(np.diff(words.offsets).tolist())
    without = [number for number, _, items in lines if max([next(sizes) for _ in items], default=0) < _FEWEST]
    return Unread(len(without), without[0] if without else 0, len(lines))


def _read(file: Path) -> Iterator[tuple[int, bytes, list[Item]]]:
    """(number, bytes, questions) of each line of a file."""
    from curator.columns import parse
    from curator.formats import Reader
    from curator.sources import open_sources

    with open_sources([file]) as sources:
        for source in sources:
            reader = Reader(None)
            name = Path(source.path).stem
            with source.data.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    yield number, line, [Item(name, number, text) for text in _asked(parse(line), reader)]


def _asked(value: Any, reader: Reader) -> list[str]:
    """The questions in one row."""
    if type(value) is not dict:
        return [value] if type(value) is str else []
    texts = [value[key] for key in _QUESTIONS if type(value.get(key)) is str]
    if texts:
        return texts[:1]
    example = reader.read(value)
    return [turn.text for turn in example.all_turns() if turn.role == "user"] if example else []
