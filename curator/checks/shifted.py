"""CON006: blocks of rows whose answers belong to neighbouring rows.

The fit of a prompt and an answer is a log-likelihood ratio: for each word of the prompt, how much likelier it
is to be in the answer (or not) for rows as they stand than for rows a few places apart. The likelihoods come
from the set itself, by rarity of the word and length of the answer, so that a set in which prompts and
answers share nothing has no evidence to give, and one whose neighbours are all about one thing needs more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Example, Flag, Turn
from curator.neighbours.keys import is_last_answer
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.text.hashed import column, fold, hash_words, mix

_KEPT = 16  # words of a prompt that a sketch keeps, those of the lowest hash
_REACH = 16  # rows up and down among which the answer of a row is looked for
_ALL = 2048  # a set of so many rows is read again as a whole, a larger one in stretches
_STRETCH = 64
_STRETCHES = 16
_CANDIDATES = 24
_LONGEST = 256  # rows of a candidate that are read again
_RARITIES = 16
_LENGTHS = 12
_LEAST, _MOST = -6.0, 8.0  # nats: no single row may say more
_SLACK = 0.3  # nats a row that a shift must gain
_CHOICE = 2.0  # nats a row that the free choice of a neighbour costs
_SURE = 5.5  # nats by which another order must be likelier than the one that is, beside the places it could be at
_NOISE = 4.0  # nats by which answers to one prompt differ in their fit
_AGAIN = 0.35  # what a gain counts that repeats that of the row before
_ALIKE = 7  # answers that may fit a prompt alike: its own and those to the prompts that repeat it
_SAME = 0.8  # share of words in common from which on two prompts, or two answers, are the same but for a few
_SIBLING = 0.6  # what a word counts that only the answers to the same prompt share

_U64, _U32 = np.uint64, np.uint32
_WORD = 31  # bits of a word in a sketch
_MASK = (1 << _WORD) - 1


def _asked(n: int) -> Row:
    """Rows on things of their own: no two share a noun."""
    thing, where, colour = _NOUNS[n % 24], _NOUNS[24 + n % 24], _NOUNS[48 + n % 24]
    return chat(user=f"Why was the {thing} left in the {where}?", assistant=f"The {thing} was too {colour} for it.")


_NOUNS = (
    "anchor basket candle drum engine feather guitar hammer iron jacket kettle ladder mirror needle oven piano "
    "quilt rope saddle teapot umbrella violin wagon zither attic barn cellar dock estate forest garage harbour "
    "inn junction kitchen loft meadow nursery office pantry quarry roof shed tower vault wharf yard zoo "
    "amber bulky crimson dusty empty faded golden heavy ivory jagged khaki large muddy narrow old pale quaint "
    "rusty salty tiny uneven violet wet yellow"
).split()
_RIGHT = [_asked(n) for n in range(24)]


def _moved(rows: list[Row], first: int, stop: int, by: int) -> list[Row]:
    """The rows with the answers of [first, stop) moved on in a ring."""
    block = [rows[n]["messages"][1] for n in range(first, stop)]
    block = block[-by:] + block[:-by]
    middle = [{"messages": [row["messages"][0], answer]} for row, answer in zip(rows[first:stop], block, strict=True)]
    return rows[:first] + middle + rows[stop:]


class ShiftedAnswers(DatasetRule, frozen=True):
    """The answers of a block of rows fit the prompts of neighbouring rows, not their own.

    A column was sorted alone, a join failed, a row was lost on one side. Every row of the block looks
    healthy by itself and teaches the model to answer another question than the one it was asked.
    """

    code = "CON006"
    costly = True
    severity = "error"
    GOOD = [
        _RIGHT,
        [chat(user=f"Which noun follows {one}?", assistant=f"It is {two}.") for one, two in pairwise(_NOUNS[:30])],
        [chat(user=f"Is {n} prime?", assistant="Yes" if n in (2, 3, 5, 7) else "No") for n in range(24)],
    ]
    BAD = [
        Bad(_moved(_RIGHT, 8, 17, 1), at="8:messages[1].content"),
        Bad(_moved(_RIGHT[:14], 6, 13, 2), at="6:messages[1].content", options={"min_rows": 12}),
    ]

    min_rows: Annotated[int, option("In a set with fewer rows of prompt and answer none is judged.", ge=8)] = 20

    def sketch(self, batch: Batch) -> np.ndarray:
        """Words of each row's last prompt, and which of them its answer holds; shape (lines, 1 + 16), uint32.

        The first column is the length class of the answer, from 1; 0 where the row is not judged. A word is
        31 bits of its hash and a bit that is set where the answer holds it; 0 stands for none.
        """
        out = np.zeros((len(batch.lines), 1 + _KEPT), dtype=np.uint32)
        asked, answered = batch.memo(_exchange)
        if not len(asked):
            return out
        keys, place = _lowest(*_words_of(batch, asked))
        row = keys >> _WORD
        lines = batch.turn_lines[answered]
        word = (keys.astype(np.uint32) & _U32(_MASK)) << _U32(1)
        out[lines[row], 1 + place] = word | _held(keys, *_words_of(batch, answered), len(asked))
        sizes = np.diff(batch.words.offsets)[answered]
        judged = (sizes > 0) & (np.bincount(row, minlength=len(asked)) > 0)
        out[lines, 0] = np.where(judged, _length_class(sizes), 0)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(sketches[:, 0])
        if len(judged) < self.min_rows:
            return
        regions = [_read(rows, judged, low, high) for low, high in _stretches(len(judged))]
        model = _Model(regions)
        fit = model.own_fit(sketches[judged])
        if len(judged) > _ALL:
            regions += [_read(rows, judged, low, high) for low, high in _misfits(fit)]
        bar = float(np.log(len(judged)))
        blocks = [block for region in regions for block in _blocks(model, region, bar)]
        for block in _joined(_apart(blocks), fit):
            if not _is_chain([_last_exchange(rows.example(line))[0] for line in judged[block.first : block.stop]]):
                yield self._flag(block, rows, judged)

    def _flag(self, block: _Block, rows: Rows, judged: np.ndarray) -> tuple[int, Flag]:
        members = judged[block.first : block.stop].tolist()
        count, way = abs(block.offset), "above" if block.offset < 0 else "below"
        near = f"each fit the prompt {count} rows {way}" if block.offset else "fit the prompts of other rows near by"
        if count == 1:
            near = f"each fit the prompt of the {'row before' if way == 'above' else 'next row'}"
        message = f"the answers of {len(members):,} rows {near}, not their own"
        evidence = {
            "rows": len(members),
            "offset": block.offset or "mixed",
            "own_overlap": round(block.own, 3),
            "shifted_overlap": round(block.other, 3),
        }
        turn = _last_exchange(rows.example(members[0]))[1]
        return members[0], Flag(turn.path, message, related=tuple(members[1:]), evidence=evidence)


_SUCCESSOR = re.compile(r"\b(?:after|before|next|follow\w*|preced\w*|succe\w*|previous)\b", re.I)
_BRIEF = 16  # words of a prompt that asks for no more than what comes next


def _is_chain(prompts: Sequence[Turn]) -> bool:
    """Whether half of the prompts ask what comes after a thing: the next one then names the answer, and rightly."""
    asking = sum(bool(_SUCCESSOR.search(turn.text)) and len(turn.text.split()) <= _BRIEF for turn in prompts)
    return 2 * asking >= len(prompts)


# ---------------------------------------------------------------------- sketches


def _exchange(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Turns, int64, shape (rows,): the last prompt of a row and its last answer, for rows that have both."""
    answers = np.flatnonzero(batch.memo(is_last_answer))
    users = np.flatnonzero(batch.roles == 1)
    if not len(answers) or not len(users):
        return answers[:0], answers[:0]
    at = np.searchsorted(users, answers) - 1
    asked = users[np.maximum(at, 0)]
    good = (at >= 0) & (batch.turn_lines[asked] == batch.turn_lines[answers])
    return asked[good], answers[good]


def _words_of(batch: Batch, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(number of the turn among `turns`, 31 bits of the word) for every word of these turns, both int64."""
    hashes, offsets = batch.words.hashes, batch.words.offsets
    counts = np.diff(offsets)
    number = np.full(len(counts), -1)
    number[turns] = np.arange(len(turns))
    owner = np.repeat(number, counts)
    wanted = np.flatnonzero(owner >= 0)
    return owner[wanted], (hashes[wanted] >> _U64(33)).astype(np.int64)


def _lowest(owner: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct words of the lowest hash of each owner, `_KEPT` at most: (owner and word in one, rank)."""
    keys = owner << _WORD | words
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) > 0]
    firsts = np.flatnonzero(np.diff(keys >> _WORD, prepend=-1))
    rank = np.arange(len(keys)) - np.repeat(firsts, np.diff(np.append(firsts, len(keys))))
    kept = np.flatnonzero(rank < _KEPT)
    return keys[kept], rank[kept]


def _held(keys: np.ndarray, owner: np.ndarray, words: np.ndarray, count: int) -> np.ndarray:
    """bool: the answer of the row holds the word. `keys` are sorted; `owner` and `words` are those of answers."""
    marks = np.zeros(count << 8, dtype=bool)
    marks[keys >> _WORD << 8 | keys & 255] = True
    likely = np.flatnonzero(marks[owner << 8 | words & 255])  # few of an answer's words come through
    found = owner[likely] << _WORD | words[likely]
    at = np.minimum(np.searchsorted(keys, found), len(keys) - 1)
    held = np.zeros(len(keys), dtype=bool)
    held[at[keys[at] == found]] = True
    return held


def _length_class(words: np.ndarray) -> np.ndarray:
    """1 to 11 by powers of two of the number of words."""
    classes: np.ndarray = np.minimum(1 + np.log2(np.maximum(words, 1)).astype(np.int64), _LENGTHS - 1)
    return classes


# ---------------------------------------------------------------------- rows read again


class _Region(NamedTuple):
    """Rows [low, low + size) of those judged: the distinct words of their prompts and answers."""

    low: int
    size: int
    row: np.ndarray  # int64, shape (prompt words,): rows from 0, sorted
    word: np.ndarray  # uint64, shape (prompt words,)
    answers: np.ndarray  # uint64, sorted: 48 bits of an answer's word, 16 of its row
    marks: np.ndarray  # bool: where no mark is, an answer does not hold the word
    lengths: np.ndarray  # int64, shape (size,): length class of each answer
    prompts: np.ndarray  # uint64, shape (size,): equal for prompts of the same words

    def holds(self, offset: int | np.ndarray, row: np.ndarray, word: np.ndarray) -> np.ndarray:
        """bool: the answer `offset` rows on holds the word; False beyond the region."""
        there = row + offset
        maybe = np.flatnonzero((there >= 0) & (there < self.size))
        maybe = maybe[self.marks[_mark(word[maybe], there[maybe])]]
        keys = _packed(word[maybe], there[maybe])
        at = np.minimum(np.searchsorted(self.answers, keys), len(self.answers) - 1)
        held = np.zeros(len(row), dtype=bool)
        held[maybe[self.answers[at] == keys]] = True
        return held

    def answered(self) -> tuple[np.ndarray, np.ndarray]:
        """(row, word) of the words of the answers."""
        return (self.answers & _U64(0xFFFF)).astype(np.int64), self.answers >> _U64(16)

    def meetings(self, row: np.ndarray, word: np.ndarray) -> list[np.ndarray]:
        """For every offset from -_REACH to _REACH the places of the words that the answer so many rows on holds.

        The answers are sorted by word and row, so that those near a row are found for all offsets at once.
        """
        first = np.searchsorted(self.answers, _packed(word, np.maximum(row - _REACH, 0)))
        last = np.searchsorted(self.answers, _packed(word, np.minimum(row + _REACH, self.size - 1)), side="right")
        counts = last - first
        places = np.repeat(np.arange(len(row)), counts)
        at = np.arange(len(places)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        offsets = (self.answers[at] & _U64(0xFFFF)).astype(np.int64) - row[places]
        order = np.argsort(offsets, kind="stable")
        return np.split(places[order], np.searchsorted(offsets[order], np.arange(1 - _REACH, _REACH + 1)))


def _mark(word: np.ndarray, row: np.ndarray) -> np.ndarray:
    mark: np.ndarray = row << 10 | (word >> _U64(54)).astype(np.int64)
    return mark


def _packed(word: np.ndarray, row: np.ndarray) -> np.ndarray:
    packed: np.ndarray = (word >> _U64(16) << _U64(16)) | row.astype(_U64)
    return packed


def _stretches(count: int) -> list[tuple[int, int]]:
    """All rows of a small set, else stretches spread evenly over it."""
    if count <= _ALL:
        return [(0, count)]
    starts = np.linspace(0, count - _STRETCH, _STRETCHES).astype(int).tolist()
    return [(start, start + _STRETCH) for start in starts]


def _read(rows: Rows, judged: np.ndarray, low: int, high: int) -> _Region:
    pairs = [_last_exchange(rows.example(index)) for index in judged[low:high].tolist()]
    size = len(pairs)
    words = hash_words(column([fold(turn.text) for pair in zip(*pairs, strict=True) for turn in pair]))
    owner = np.repeat(np.arange(2 * size), np.diff(words.offsets))
    keys = _packed(words.hashes, owner)
    keys.sort()
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    owner, found = (keys & _U64(0xFFFF)).astype(np.int64), keys >> _U64(16) << _U64(16)
    asked = owner < size
    answers = _packed(found[~asked], owner[~asked] - size)
    marks = np.zeros(size << 10, dtype=bool)
    marks[_mark(found[~asked], owner[~asked] - size)] = True
    order = np.argsort(owner[asked], kind="stable")
    row, word = owner[asked][order], found[asked][order]
    prompts = np.zeros(size, dtype=_U64)
    np.add.at(prompts, row, mix(word))
    lengths = _length_class(np.diff(words.offsets)[size:])
    return _Region(low, size, row, word, answers, marks, lengths, prompts)


def _last_exchange(example: Example) -> tuple[Turn, Turn]:
    """The last prompt and the last answer (the chosen one of a pair), as the sketch takes them."""
    turns = example.turns + example.chosen
    last = max(n for n, turn in enumerate(turns) if turn.role == "assistant")
    return next(turn for turn in reversed(turns[:last]) if turn.role == "user"), turns[last]


# ---------------------------------------------------------------------- the model of a fit


_TABLE = 18  # bits


def _table(word: np.ndarray) -> np.ndarray:
    return (word >> _U64(64 - _TABLE)).astype(np.int64)


def _row_counts(regions: Sequence[_Region]) -> np.ndarray:
    """int64 by the first 18 bits of a word: in how many rows it stands, in prompt or answer."""
    counts = np.zeros(1 << _TABLE, dtype=np.int64)
    for region in regions:
        keys = np.sort(np.concatenate((_packed(region.word, region.row), region.answers)))
        counts += np.bincount(_table(keys[np.concatenate(([True], keys[1:] != keys[:-1]))]), minlength=len(counts))
    return counts


# Classes of words by the number of other rows they stand in: 0, 1, 2, 3 to 4, 5 to 8 and so on.
_RARITY = np.minimum(np.ceil(np.log2(np.maximum(np.arange(1 << 14), 0.5))) + 1, _RARITIES - 1).astype(np.uint8)


class _Speaking(NamedTuple):
    """Words that speak for an answer, and where they stand in the answers near by."""

    row: np.ndarray  # int64, shape (words,)
    others: np.ndarray  # int64, shape (words,): other rows that hold the word
    kind: np.ndarray  # int64, shape (words,): 0 for a word of the prompt, _RARITIES for one of its siblings
    meetings: list[np.ndarray]  # by offset + _REACH: the words that the answer so many rows on holds


class _Model:
    """How much the words of a prompt say about an answer, as the regions show it."""

    def __init__(self, regions: Sequence[_Region]) -> None:
        self._sampled = {region.low for region in regions}
        self._read: tuple[_Region, _Speaking] | None = None
        self._counts = _row_counts(regions)
        span = range(-_REACH // 2, _REACH // 2 + 1)
        seen = np.zeros((len(span), 2 * _RARITIES, _LENGTHS, 2))
        for region in regions:
            words = self._words(region)
            row = words.row
            for place, offset in enumerate(span):
                there = np.clip(row + offset, 0, region.size - 1)
                told = row + offset == there
                if offset:
                    told &= region.prompts[row] != region.prompts[there]
                kind, held = self._kinds(region, words, offset)
                flat = (kind * _LENGTHS + region.lengths[there]) * 2 + held
                seen[place] += np.bincount(flat[told], minlength=seen[place].size).reshape(seen[place].shape)
        own = len(span) // 2
        mate = _mate(seen[:, :_RARITIES].sum(2), own)
        counts = np.stack((seen[mate], seen.sum(0) - seen[own] - (seen[mate] if mate != own else 0)))
        pooled = counts.sum(2, keepdims=True) + 0.5
        prior = pooled / pooled.sum(3, keepdims=True)
        counts += 4 * prior
        likelihood = counts / counts.sum(3, keepdims=True)
        self._ratio = np.log(likelihood[0] / likelihood[1])
        self._ratio[_RARITIES:] *= _SIBLING

    def _words(self, region: _Region) -> _Speaking:
        """The words that speak for an answer; a set of one region is asked for twice."""
        if self._read and self._read[0] is region:
            return self._read[1]
        row, word = _siblings(region)
        rows, words = np.concatenate((region.row, row)), np.concatenate((region.word, word))
        own = np.concatenate((np.ones(len(region.row), dtype=bool), region.holds(0, row, word)))
        others = self._counts[_table(words)] - (own & self._counted(region))
        kind = np.repeat((0, _RARITIES), (len(region.row), len(row)))
        speaking = _Speaking(rows, others, kind, region.meetings(rows, words))
        self._read = region, speaking
        return speaking

    def _counted(self, region: _Region) -> bool:
        return region.low in self._sampled

    def _kinds(self, region: _Region, words: _Speaking, offset: int) -> tuple[np.ndarray, np.ndarray]:
        """(kind, held) of the words for the answers so many rows on: the rarity is that in all rows but the two."""
        held = np.zeros(len(words.row), dtype=np.int64)
        held[words.meetings[offset + _REACH]] = 1
        rest = words.others - held if offset and self._counted(region) else words.others
        return words.kind + _RARITY[np.clip(rest, 0, len(_RARITY) - 1)], held

    def fits(self, region: _Region) -> np.ndarray:
        """float, shape (size, 2 * _REACH + 1): nats for each row and the answer so many rows on; -inf beyond."""
        words = self._words(region)
        row = words.row
        out = np.full((region.size, 2 * _REACH + 1), -np.inf)
        index = np.arange(region.size)
        for offset in range(-_REACH, _REACH + 1):
            there = np.clip(row + offset, 0, region.size - 1)
            kind, held = self._kinds(region, words, offset)
            said = self._ratio[kind, region.lengths[there], held]
            fit = np.clip(np.bincount(row, said, region.size), _LEAST, _MOST)
            inside = (index + offset >= 0) & (index + offset < region.size)
            out[inside, offset + _REACH] = fit[inside]
        return out

    def own_fit(self, sketches: np.ndarray) -> np.ndarray:
        """float, shape (rows,): nats for each row and its own answer, by the words its sketch keeps."""
        fit = np.zeros(len(sketches))
        lengths = sketches[:, 0].astype(np.int64)
        for place in range(1, sketches.shape[1]):
            word = sketches[:, place]
            count = self._counts[word >> np.uint32(32 - _TABLE)]
            said = self._ratio[_RARITY[np.minimum(count, len(_RARITY) - 1)], lengths, word & 1]
            fit += np.where(word > 1, said, 0.0)
        return np.clip(fit, _LEAST, _MOST)

    def overlap(self, region: _Region, rows: slice, offsets: np.ndarray) -> float:
        """The share of the prompts' words, weighted by rarity, that the answers so many rows on hold."""
        inside = (region.row >= rows.start) & (region.row < rows.stop)
        row, word = region.row[inside], region.word[inside]
        weight = 1.0 / np.maximum(self._counts[_table(word)], 1)
        return float((weight * region.holds(offsets[row], row, word)).sum() / max(weight.sum(), 1.0))


def _mate(seen: np.ndarray, own: int) -> int:
    """The offset at which prompts and answers belong together: 0, but where the whole set has slipped.

    `seen` counts words by offset, rarity and whether the answer holds them.
    """
    worth = 1.0 / (1.0 + np.arange(_RARITIES)) ** 2
    share = (seen[:, :, 1] * worth).sum(1) / np.maximum((seen.sum(2) * worth).sum(1), 1.0)
    best = int(np.argmax(share))
    return best if share[best] > 1.5 * share[own] else own


def _siblings(region: _Region) -> tuple[np.ndarray, np.ndarray]:
    """(row, word): the words that half of the other answers to the same prompt share, and that it lacks."""
    _, group, sizes = np.unique(region.prompts, return_inverse=True, return_counts=True)
    many = sizes[group] >= 3
    if not many.any():
        return np.empty(0, np.int64), np.empty(0, _U64)
    owner = (region.answers & _U64(0xFFFF)).astype(np.int64)
    of_many = many[owner]
    answers = region.answers[of_many]
    owner = group[owner[of_many]]
    words = answers >> _U64(16) << _U64(16)
    order = np.lexsort((words, owner))
    owner, words = owner[order], words[order]
    first = np.flatnonzero(np.concatenate(([True], (owner[1:] != owner[:-1]) | (words[1:] != words[:-1]))))
    times = np.diff(np.append(first, len(owner)))
    owner, words = owner[first], words[first]
    shared = times >= np.maximum(2, (sizes[owner] - 1) / 2)
    owner, words, times = owner[shared], words[shared], times[shared]
    # Every row of the group, with each word that is shared without its own answer.
    starts, ends = np.searchsorted(owner, group), np.searchsorted(owner, group, side="right")
    counts = np.where(many, ends - starts, 0)
    row = np.repeat(np.arange(region.size), counts)
    at = np.arange(len(row)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    word = words[at]
    without = times[at] - region.holds(0, row, word)
    asked = np.isin(_packed(word, row), _packed(region.word, region.row))
    good = (without >= np.maximum(2, (sizes[group[row]] - 1) / 2)) & ~asked
    return row[good], word[good]


# ---------------------------------------------------------------------- blocks


class _Block(NamedTuple):
    """Judged rows [first, stop) whose answers fit better `offset` rows on (0: in no one order)."""

    first: int
    stop: int
    offset: int
    gain: float
    own: float
    other: float


def _misfits(fit: np.ndarray) -> list[tuple[int, int]]:
    """The runs of rows whose own answers fit worst, with their surroundings."""
    runs = _runs(np.clip(-fit - _SLACK, -3.0, 3.0))
    worst = sorted(runs, key=lambda run: (-run[0], run[1]))[:_CANDIDATES]
    regions = []
    for gain, first, stop in worst:
        if gain >= 4 and stop - first >= 3:
            regions.append((max(0, first - _REACH), min(len(fit), first + _LONGEST, stop + _REACH)))
    return regions


def _runs(gains: np.ndarray) -> list[tuple[float, int, int]]:
    """(sum, first, stop) of the stretches of largest sum, one in each excursion above zero."""
    sums = np.concatenate(([0.0], np.cumsum(gains)))
    lowest = np.minimum.accumulate(sums)
    bounds = np.flatnonzero(np.concatenate(([True], sums[1:] <= lowest[:-1])))
    tops = np.maximum.reduceat(sums, bounds) - sums[bounds]
    found = []
    for k in np.flatnonzero(tops > 0).tolist():
        first = int(bounds[k])
        end = int(bounds[k + 1]) if k + 1 < len(bounds) else len(sums)
        found.append((float(tops[k]), first, first + int(np.argmax(sums[first:end]))))
    return found


def _blocks(model: _Model, region: _Region, bar: float) -> Iterator[_Block]:
    """The blocks of a region that gain enough by a shift, or by any choice among the neighbours."""
    if region.size < 3:
        return
    fits = model.fits(region)
    own = fits[:, _REACH]
    index = np.arange(region.size)
    gains = np.full((region.size, 2 * _REACH + 1), -np.inf)
    for offset in range(-_REACH, _REACH + 1):
        there = np.clip(index + offset, 0, region.size - 1)
        fit = fits[:, offset + _REACH]
        alike = region.prompts == region.prompts[there]
        gains[:, offset + _REACH] = np.where(alike, _beyond(fit - own, _NOISE), fit - np.maximum(own, own[there]))
    for offset in range(-_REACH, _REACH + 1):
        if offset:
            gain = np.maximum(gains[:, offset + _REACH] - _SLACK, -99.0)
            there = np.clip(index + offset, 0, region.size - 1)
            yield from _found(
                model, region, _once(gain, region.prompts, region.prompts[there]), index * 0 + offset, bar + _SURE
            )
    best = np.argmax(gains, axis=1)
    rest = np.sort(fits, axis=1)[:, :-_ALIKE]  # where many neighbours fit as well, the best says little
    gain = np.minimum(gains[index, best], fits[index, best] - np.log(np.exp(rest).sum(1))) - _CHOICE
    there = np.clip(index + best - _REACH, 0, region.size - 1)
    yield from _found(model, region, _once(gain, region.prompts, region.prompts), there - index, bar + _SURE)


def _beyond(values: np.ndarray, noise: float) -> np.ndarray:
    """The values drawn towards zero by the noise."""
    return np.where(np.isfinite(values), np.sign(values) * np.maximum(np.abs(values) - noise, 0.0), -np.inf)


def _once(gain: np.ndarray, prompts: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The gains, where a row that repeats the prompt before it and its target gains nothing."""
    again = np.concatenate(([False], (prompts[1:] == prompts[:-1]) & (targets[1:] == targets[:-1]) & (gain[:-1] > 0)))
    return np.where(again, np.minimum(gain, _AGAIN * np.maximum(gain, 0.0)), gain)


def _found(model: _Model, region: _Region, gain: np.ndarray, offsets: np.ndarray, bar: float) -> Iterator[_Block]:
    likely = [(first, stop) for total, first, stop in _runs(gain) if total >= bar]
    for first, stop in [run for likely_ones in likely for run in _unlike(region, gain, offsets, *likely_ones, bar)]:
        better = int((gain[first:stop] > 1).sum())
        if better < 2:
            continue
        rows = slice(first, stop)
        own, other = model.overlap(region, rows, offsets * 0), model.overlap(region, rows, offsets)
        one = offsets[first] if (offsets[first:stop] == offsets[first]).all() else 0
        yield _Block(region.low + first, region.low + stop, int(one), float(gain[first:stop].sum()), own, other)


def _unlike(
    region: _Region, gain: np.ndarray, offsets: np.ndarray, first: int, stop: int, bar: float
) -> Iterator[tuple[int, int]]:
    """What is left of a run, (first, stop), without the gains of rows whose neighbour is the same example again.

    Where prompts or answers are the same but for a few words, either answer fits either prompt. Prompts that
    are wholly the same have counted for little already.
    """
    rows = np.arange(first, stop)
    there = np.clip(rows + offsets[first:stop], 0, region.size - 1)
    prompts, answers = _sets(region.row, region.word, rows, there), _sets(*region.answered(), rows, there)
    again = [
        _in_common(answers, a, b) >= _SAME or (prompts[a] != prompts[b] and _in_common(prompts, a, b) >= _SAME)
        for a, b in zip(rows.tolist(), there.tolist(), strict=True)
    ]
    gain[first:stop] = np.where(again, np.minimum(gain[first:stop], 0.0), gain[first:stop])
    yield from ((first + low, first + high) for total, low, high in _runs(gain[first:stop]) if total >= bar)


def _sets(row: np.ndarray, word: np.ndarray, *wanted: np.ndarray) -> dict[int, set[int]]:
    """The words of each of the wanted rows."""
    found: dict[int, set[int]] = {index: set() for index in np.concatenate(wanted).tolist()}
    inside = np.isin(row, np.fromiter(found, np.int64))
    for index, each in zip(row[inside].tolist(), word[inside].tolist(), strict=True):
        found[index].add(each)
    return found


def _in_common(words: dict[int, set[int]], a: int, b: int) -> float:
    """The share of the words of both rows that each of them has."""
    return len(words[a] & words[b]) / max(len(words[a] | words[b]), 1)


def _apart(blocks: list[_Block]) -> list[_Block]:
    """The blocks of the largest gain, none of which touches another, in order of rows."""
    chosen: list[_Block] = []
    for block in sorted(blocks, key=lambda block: (-block.gain, block.first, block.offset)):
        if all(block.stop + _REACH <= other.first or other.stop + _REACH <= block.first for other in chosen):
            chosen.append(block)
    return sorted(chosen)


def _joined(blocks: list[_Block], fit: np.ndarray) -> Iterator[_Block]:
    """Blocks of one offset as one, where the rows between them, of which not all were read, fit badly too."""
    last: _Block | None = None
    for block in blocks:
        if last and block.offset == last.offset != 0 and fit[last.stop : block.first].mean() < 0:
            last = last._replace(stop=block.stop, gain=last.gain + block.gain)
            continue
        if last:
            yield last
        last = block
    if last:
        yield last
