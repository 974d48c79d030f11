"""The graph of rows alike: one for each view of a row, shared by all rules that ask for it.

    scan: words ─ 3-word shingles ─ MinHash          (curator.neighbours.shingles, kept in the scan files)
    join: bands ─ sort ─ candidate pairs ─ exact Jaccard ─ edges ─ clusters

Every edge is verified. A cluster has one kept row, and every other row of it is joined to that row by an
edge: no chain of likenesses. Texts under five words are compared letter by letter, never by shingles.
Rows enter in the order of their content, so that moving rows moves no edge.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np

from curator.model import Audit, Example
from curator.neighbours.comparing import ROWS, Comparing, Pairs, Words, numbered, ranges, unlike
from curator.neighbours.every import every_pair
from curator.neighbours.shingles import LANES, plain_words, shingles, signatures, text_of
from curator.spreading import Spread, here
from curator.text.hashed import mix, unique

SHORT = 40  # shingles: below, one edited word moves the similarity by more than a tenth
_WORDLESS = 5  # words: below, a text has too few shingles to compare
_BUCKET = 64  # rows of one bucket that are all compared with each other
_WINDOW = 16  # in a larger bucket each row is compared with the first and with the next few
_TINY_BUCKET = 2000  # short texts compared with each other within a block
_SLACK = 0.2  # how far a signature may underrate a pair: over three standard deviations
_PAIRS = 1 << 15  # pairs whose words are read at a time
_SENT = 1 << 12  # pairs verified by one task elsewhere
_SHINGLES = 1 << 22  # and shingles
_FOUND = 1 << 22  # pairs of several bands that are held before the equal among them are dropped
_PARTNERS = 12  # rows compared with one row, from which on that row's shingles are laid out for all of them
_SAMPLE = 1024  # rows, to twice as many, in which the shingles that rows share are counted
_SHARED = 0.05  # share of the sampled rows from which on a shingle counts as template
_SHARED_ROWS = 25
_TEMPLATED = 0.2  # share of template among shingles from which on signatures are made without it
_SPREAD = 50_000  # rows from which on their bands are worth a journey to other machines
_MANY = 200_000  # rows: above, the narrowest bands would put too many into one bucket
_OWN_SIGNED = 0.5  # and from which on their signatures must show it: nearly all of the former do, at half the pairs

_EVERY = 1 << 22  # words of a set in which every pair alike in wording is found for certain

_AUDITED = 400  # rows compared with all others
_AUDITED_AT_ONCE = 1000


class Edges(NamedTuple):
    """Pairs of rows alike, sorted: a < b; the similarity is exact."""

    a: np.ndarray  # int64
    b: np.ndarray  # int64
    similarity: np.ndarray  # float32


class Capped(NamedTuple):
    """Buckets too large to compare all their rows with each other, and the rows in the largest."""

    buckets: int
    largest: int


class Part(Protocol):
    """One span of the set, as a scan file gives it."""

    def array(self, name: str) -> np.ndarray: ...


class Search(NamedTuple):
    """A band to search: some lanes of all rows, or of those with few shingles."""

    few: bool
    lanes: slice


class Found(NamedTuple):
    """What the search of a band found: int64 codes of pairs whose signatures agree, and the sizes of hot buckets."""

    codes: np.ndarray
    hot: list[int]


@dataclass(frozen=True)
class Bands:
    """Searches bands, each for itself: pairs whose signatures agree in `least` lanes."""

    signed: np.ndarray
    few: np.ndarray
    least: float

    def __call__(self, search: Search) -> Found:
        """The pairs of one band."""
        hot: list[int] = []
        places = self.few if search.few else np.arange(len(self.signed))
        codes = unique(_bucketed(self.signed, places, search.lanes, hot))
        return Found(codes[_agreement(self.signed, codes >> 32, codes & 0xFFFFFFFF) >= self.least], hot)


class Neighbours:
    """The rows alike in one view."""

    def __init__(
        self,
        parts: Sequence[Part],
        view: str,
        readable: np.ndarray,
        splits: np.ndarray,
        examples: Callable[[Iterable[int]], list[Example]],
        spread: Spread | None = None,
    ) -> None:
        self._spread = spread  # what has the work done on other machines, where there are such
        self.view, self._parts, self._examples, self._splits = view, parts, examples, splits
        self.counts = np.concatenate([part.array(f"{view}.counts") for part in parts])
        self.keys = np.concatenate([part.array(f"{view}.keys") for part in parts])
        self._bounds = [0, *accumulate(len(part.array(f"{view}.counts")) for part in parts)]
        self._usable = readable & (self.counts > 0)
        self._verified: dict[int, Edges] = {}
        self._hot: dict[int, Capped] = {}
        self._certain = False
        self.asked: tuple[float, float | None] = (0.7, None)  # the thresholds of the last call of `edges`

    # ------------------------------------------------------------------ what rules ask for

    def edges(self, threshold: float, short: float | None = None) -> Edges:
        """All pairs whose similarity is at or above the threshold.

        The similarity is the Jaccard similarity of the sets of 3-word shingles, equal words give 1. Rows
        equal to an earlier row of their split are joined to that row alone. `short` is the threshold for
        pairs of which one has under SHORT shingles, where that is to be lower.
        """
        self.asked = (threshold, short)
        low = threshold if short is None else short
        joined = _concatenated([self._copies, self._tiny, self._near(_rows_a_band(threshold), low)])
        sizes = np.minimum(self.counts[joined.a], self.counts[joined.b]) - 2
        bars = np.where(sizes < SHORT, np.float32(low), np.float32(threshold))
        wanted = joined.similarity >= bars
        a, b = joined.a[wanted], joined.b[wanted]
        order = np.lexsort((b, a))
        return Edges(a[order], b[order], joined.similarity[wanted][order])

    def clusters(self, threshold: float, short: float | None = None) -> np.ndarray:
        """int64, shape (lines,): for each row the kept row that stands for it, or itself where it is kept.

        The kept row is an earlier one, and the pair is an edge.
        """
        return leaders(self.edges(threshold, short), len(self.counts))

    def audit(self, threshold: float, short: float | None = None) -> Audit:
        """How many of the pairs alike are found: rows drawn by content, compared with every row of the set."""
        low = threshold if short is None else short
        firsts, _, _ = self._firsts
        rows = firsts[self.counts[firsts] >= _WORDLESS]
        drawn = np.sort(rows[np.argsort(mix(self.keys[rows] + np.uint64(1)), kind="stable")[:_AUDITED]])
        if not len(drawn):
            return Audit(self.view, threshold, 0, 0, 0, *wilson(0, 0))
        near = self.edges(threshold, short)
        known = set(_codes(near.a, near.b).tolist())
        alike = np.array(list(self._alike(drawn, rows, low)), dtype=np.int64).reshape(-1, 2)
        a, b = alike.min(axis=1), alike.max(axis=1)
        bars = np.where(np.minimum(self.counts[a], self.counts[b]) - 2 < SHORT, low, threshold).astype(np.float32)
        pairs = set(_codes(a, b)[self._similarities(a, b) >= bars].tolist())
        hits = len(pairs & known)
        return Audit(self.view, threshold, len(drawn), len(pairs), hits, *wilson(hits, len(pairs)))

    def _alike(self, drawn: np.ndarray, rows: np.ndarray, low: float) -> Iterator[tuple[int, int]]:
        """(drawn row, other row) for all pairs whose plain similarity is at or above `low`."""
        sets = list(self._sets(drawn))
        vocabulary = unique(np.concatenate([np.fromiter(each, np.uint64, len(each)) for each in sets]))
        holds = np.zeros((len(vocabulary), len(drawn)), dtype=np.uint16)
        for column, each in enumerate(sets):
            holds[np.searchsorted(vocabulary, np.fromiter(each, np.uint64, len(each))), column] = 1
        sizes = np.array([len(each) for each in sets])
        for start in range(0, len(rows), _AUDITED_AT_ONCE):
            others = rows[start : start + _AUDITED_AT_ONCE]
            theirs = [np.fromiter(each, np.uint64, len(each)) for each in self._sets(others)]
            owner = np.repeat(np.arange(len(others)), [len(each) for each in theirs])
            values = np.concatenate(theirs)
            places = np.minimum(np.searchsorted(vocabulary, values), len(vocabulary) - 1)
            hit = vocabulary[places] == values
            shared = np.zeros((len(others), len(drawn)), dtype=np.int64)
            bounds = np.flatnonzero(np.diff(owner[hit], prepend=-1))
            if len(bounds):
                shared[owner[hit][bounds]] = np.add.reduceat(holds[places[hit]], bounds, axis=0)
            either = np.bincount(owner, minlength=len(others))[:, None] + sizes[None, :] - shared
            for other, column in np.argwhere(shared >= low * either).tolist():
                if others[other] != drawn[column]:
                    yield int(drawn[column]), int(others[other])

    def in_wording(self) -> Neighbours:
        """The graph of rows alike in wording, whether or not most rows share it.

        What it holds depends on no other rows, and where the set is not too large it lacks no pair.
        """
        plain = copy(self)
        plain._verified, plain._hot, plain._certain = {}, {}, True
        plain.__dict__["_template"] = np.empty(0, dtype=np.uint64)
        return plain

    @property
    def capped(self) -> Capped:
        """What was too crowded to be compared in full."""
        return Capped(
            sum(hot.buckets for hot in self._hot.values()), max((hot.largest for hot in self._hot.values()), default=0)
        )

    # ------------------------------------------------------------------ rows that are equal, and who stands for them

    @cached_property
    def _firsts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows that stand for all equal to them in a split, in order of content; the other rows; their firsts)."""
        rows = np.flatnonzero(self._usable)
        order = rows[np.lexsort((rows, self._splits[rows], mix(self.keys[rows])))]
        keys, splits = self.keys[order], self._splits[order]
        again = np.zeros(len(order), dtype=bool)
        again[1:] = (keys[1:] == keys[:-1]) & (splits[1:] == splits[:-1])
        owner = order[np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))]
        return order[~again], order[again], owner[again]

    @cached_property
    def _copies(self) -> Edges:
        """Rows with equal words: within a split each to the first, and the firsts of splits to each other."""
        firsts, again, owner = self._firsts
        pairs = [(owner, again)]
        for step in range(1, 4):
            same = np.flatnonzero(self.keys[firsts[step:]] == self.keys[firsts[: len(firsts) - step]])
            pairs.append((firsts[same], firsts[same + step]))
        a, b = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
        return _edges(a, b, np.ones(len(a), dtype=np.float32))

    # ------------------------------------------------------------------ longer texts: signatures, bands, verification

    def _near(self, band: int, low: float) -> Edges:
        """Verified pairs of distinct texts of at least five words."""
        key = band * 1000 + round(low * 100)
        if key not in self._verified:
            firsts, _, _ = self._firsts
            rows = firsts[self.counts[firsts] >= _WORDLESS]
            self._verified[key] = self._verify(rows, *self._candidates(rows, band, low), low)
        return self._verified[key]

    def _candidates(self, rows: np.ndarray, band: int, low: float) -> tuple[np.ndarray, np.ndarray]:
        """Places in `rows` of the pairs that some band puts into one bucket and whose signatures agree enough."""
        if self._certain and (every := self._every(rows, low)) is not None:
            return every >> 32, every & 0xFFFFFFFF
        signed = self._signed(rows)
        least = ((min(low, _OWN_SIGNED) if self._is_templated else low) - _SLACK) * LANES
        wide = min(band, self._narrow(len(rows)))
        searches = [Search(False, lanes) for lanes in _bands(wide)]
        few = np.flatnonzero(self.counts[rows] - 2 < SHORT / max(low, 0.1))
        if wide > 3 and len(few):
            searches += [Search(True, lanes) for lanes in _bands(3)]
        hot: list[int] = []
        kept: list[np.ndarray] = []
        if self._spread is not None and len(rows) >= _SPREAD:
            for codes, crowds in self._spread(Bands(signed, few, least), searches, _unsearched):
                kept.append(codes)
                hot += crowds
            searches = []
        found: list[np.ndarray] = []
        everywhere = np.arange(len(rows))
        for number, search in enumerate(searches):
            found.append(_bucketed(signed, few if search.few else everywhere, search.lanes, hot))
            if sum(map(len, found)) >= _FOUND or number + 1 == len(searches):
                fresh = unique(np.concatenate(found))
                kept.append(fresh[_agreement(signed, fresh >> 32, fresh & 0xFFFFFFFF) >= least])
                found.clear()
        codes = unique(np.concatenate(kept))
        self._hot[band] = Capped(len(hot), max(hot, default=0))
        return codes >> 32, codes & 0xFFFFFFFF

    def _every(self, rows: np.ndarray, low: float) -> np.ndarray | None:
        """Codes of all pairs of places that may be alike, None where they are too many."""
        if not 1 < len(rows) < ROWS or self.counts[rows].sum(dtype=np.int64) > _EVERY:
            return None
        numbers, sizes, _ = numbered(*self._words(rows))
        return every_pair(numbers, sizes, low)

    def _verify(self, rows: np.ndarray, a: np.ndarray, b: np.ndarray, low: float) -> Edges:
        """The pairs whose exact similarity is at or above `low`."""
        one, two = rows[a], rows[b]
        found = self._similarities(one, two)
        kept = (found >= np.float32(low)) & (self.keys[one] != self.keys[two])
        return _edges(one[kept], two[kept], found[kept])

    def _similarities(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """float32: the Jaccard similarity of each pair of rows; 0 where only the template is alike."""
        found = np.zeros(len(one), dtype=np.float32)
        laid: deque[np.ndarray] = deque()  # the pairs of each part that was handed out
        spread = self._spread or here
        for similar in spread(Comparing(self._template), self._laid_out(one, two, laid), unlike):
            found[laid.popleft()] = similar
        return found

    def _laid_out(self, one: np.ndarray, two: np.ndarray, laid: deque[np.ndarray]) -> Iterator[Pairs]:
        """The pairs in parts of bounded size with the words of their rows; `laid` gains the places of each part."""
        order = np.argsort(one, kind="stable")
        starts = np.flatnonzero(np.diff(one[order], prepend=-1))
        sizes = np.diff(np.append(starts, len(order)))
        crowd = np.repeat(sizes >= _PARTNERS, sizes)
        for block in self._blocks(order[~crowd], one, two):
            rows = unique(np.concatenate((one[block], two[block])))
            held = Words(*self._words(rows))
            for low in range(0, len(block), _SENT if self._spread else _PAIRS):
                part = block[low : low + _SENT] if self._spread else block
                laid.append(part)
                yield held.pairs(np.searchsorted(rows, one[part]), np.searchsorted(rows, two[part]), crowd=False)
        for part in self._crowds(order[crowd], one, two):
            rows = unique(np.concatenate((one[part], two[part])))
            laid.append(part)
            left, right = np.searchsorted(rows, one[part]), np.searchsorted(rows, two[part])
            yield Words(*self._words(rows)).pairs(left, right, crowd=True)

    def _blocks(self, pairs: np.ndarray, one: np.ndarray, two: np.ndarray) -> Iterator[np.ndarray]:
        """The pairs in runs of bounded size."""
        work = np.cumsum(self.counts[one[pairs]].astype(np.int64) + self.counts[two[pairs]])
        start = 0
        while start < len(pairs):
            done = work[start - 1] if start else 0
            stop = min(max(start + 1, int(np.searchsorted(work, done + _SHINGLES))), start + _PAIRS)
            yield pairs[start:stop]
            start = stop

    def _crowds(self, pairs: np.ndarray, one: np.ndarray, two: np.ndarray) -> Iterator[np.ndarray]:
        """The pairs, in order of `one`, in runs whose rows are not too many to be held together."""
        rows = unique(np.concatenate((one[pairs], two[pairs])))
        if len(pairs) > 1 and (len(rows) > ROWS or self.counts[rows].sum(dtype=np.int64) > _SHINGLES):
            half = len(pairs) // 2
            yield from self._crowds(pairs[:half], one, two)
            yield from self._crowds(pairs[half:], one, two)
        elif len(pairs):
            yield pairs

    def _sets(self, rows: np.ndarray) -> Iterator[set[int]]:
        words, firsts = self._words(rows)
        values = shingles(words, firsts).tolist()
        ends = [*firsts[1:].tolist(), len(values)]
        return (set(values[low:high]) for low, high in zip(firsts.tolist(), ends, strict=True))

    def _words(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(words of these rows as 64-bit numbers, in the order asked for; the first word of each row)."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        sizes = self.counts[rows].astype(np.int64)
        firsts = np.cumsum(sizes) - sizes
        out = np.empty(int(sizes.sum()), dtype=np.uint64)
        cuts = np.searchsorted(ordered, self._bounds)
        for part, base, low, high in zip(self._parts, self._bounds, cuts, cuts[1:], strict=False):
            if high > low:
                kept = part.array(f"{self.view}.words")
                counts = part.array(f"{self.view}.counts").astype(np.int64)
                places = (np.cumsum(counts) - counts)[ordered[low:high] - base]
                here = order[low:high]
                out[ranges(firsts[here], sizes[here])] = kept[ranges(places, sizes[here])]
        return out, firsts

    # ------------------------------------------------------------------ template: what many rows share

    @cached_property
    def _template(self) -> np.ndarray:
        """uint64, sorted: shingles that stand in many rows of a sample drawn by content.

        Which rows are drawn and how many must share a shingle changes only where the set doubles: rows that are
        added to a set leave nearly all pairs of the others as they were.
        """
        firsts, _, _ = self._firsts
        rows = firsts[self.counts[firsts] >= _WORDLESS]
        if len(rows) < _SHARED_ROWS:
            return np.empty(0, dtype=np.uint64)
        step = 1 << (len(rows).bit_length() - 1)  # the largest power of two that is not above
        sample = np.sort(rows[mix(self.keys[rows]) <= np.uint64(((1 << 64) - 1) * min(step, _SAMPLE) // step)])
        distinct = np.concatenate([np.fromiter(each, np.uint64, len(each)) for each in self._sets(sample)])
        values, times = np.unique(distinct, return_counts=True)
        shared: np.ndarray = values[times >= max(_SHARED_ROWS, _SHARED * min(step, _SAMPLE))]
        self._template_share = float(times[np.isin(values, shared)].sum() / max(1, times.sum()))
        return shared

    def _narrow(self, rows: int) -> int:
        """Lanes a band may join: without their template rows are less alike, and narrower bands find them."""
        return 4 if not self._is_templated else 2 if rows < _MANY else 3

    @property
    def _is_templated(self) -> bool:
        return bool(len(self._template)) and self._template_share >= _TEMPLATED

    def _signed(self, rows: np.ndarray) -> np.ndarray:
        """Signatures: those of the scan or, where a template makes up much of the rows, made anew without it."""
        if not self._is_templated:
            out = np.empty((len(rows), LANES), dtype=np.uint16)
            order = np.argsort(rows)
            cuts = np.searchsorted(rows[order], self._bounds)
            for part, base, low, high in zip(self._parts, self._bounds, cuts, cuts[1:], strict=False):
                if high > low:
                    here = order[low:high]
                    out[here] = part.array(f"{self.view}.signature")[rows[here] - base]
            return out
        blocks = [rows[low : low + _PAIRS] for low in range(0, len(rows), _PAIRS)]
        return np.concatenate([self._unlike_template(block) for block in blocks])

    def _unlike_template(self, rows: np.ndarray) -> np.ndarray:
        words, firsts = self._words(rows)
        shingled = shingles(words, firsts)
        own = ~np.isin(shingled, self._template)
        left = np.add.reduceat(own, firsts, dtype=np.int64)
        own |= np.repeat(left == 0, np.diff(np.append(firsts, len(words))))
        left = np.add.reduceat(own, firsts, dtype=np.int64)
        return signatures(shingled[own], np.cumsum(left) - left)

    # ------------------------------------------------------------------ texts under five words

    @cached_property
    def _tiny(self) -> Edges:
        """Pairs of short texts that one letter parts: nothing else can be told from so few words."""
        firsts, _, _ = self._firsts
        rows = firsts[self.counts[firsts] < _WORDLESS].tolist()
        if len(rows) < 2:
            return _edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        blocks: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        for row, example in zip(rows, self._examples(rows), strict=True):
            text = " ".join(plain_words(text_of(example, self.view)))
            if len(text) >= _WORDLESS and not any(map(str.isdigit, text)):
                blocks[text[0], len(text)].append((text, row))
        found: list[tuple[int, int, float]] = []
        for (letter, size), block in blocks.items():
            one = block[:_TINY_BUCKET]
            two = one + blocks.get((letter, size + 1), [])[:_TINY_BUCKET]
            if len(block) > _TINY_BUCKET:
                self._hot[0] = Capped(1, len(block))
            near = cdist([t for t, _ in one], [t for t, _ in two], scorer=Levenshtein.distance, score_cutoff=1)
            for i, j in np.argwhere(near <= 1).tolist():
                if i < j and near[i, j]:
                    found.append((one[i][1], two[j][1], 1 - near[i, j] / len(two[j][0])))
        table = np.array(found, dtype=np.float64).reshape(-1, 3)
        return _edges(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.float32))


# ---------------------------------------------------------------------- clusters


def leaders(edges: Edges, rows: int) -> np.ndarray:
    """int64, shape (rows,): the most similar kept row of each row, or the row itself where it is kept.

    Rows are judged in order: one is kept unless an edge joins it to a kept row before it.
    """
    leader = np.arange(rows)
    best: dict[int, float] = {}
    order = np.lexsort((edges.a, edges.b))
    columns = (column[order].tolist() for column in edges)
    for a, b, similarity in zip(*columns, strict=True):
        if leader[a] == a and similarity > best.get(b, -1.0):  # rows before b are settled
            best[b] = similarity
            leader[b] = a
    return leader


def wilson(found: int, of: int) -> tuple[float, float]:
    """Wilson's interval at 95 % for a share; (0, 1) where nothing was tried."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, found / of
    middle = share + z * z / (2 * of)
    spread = z * (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5
    scale = 1 + z * z / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


# ---------------------------------------------------------------------- pairs


def _rows_a_band(threshold: float) -> int:
    """How many lanes a band joins: pairs at the threshold meet in some band nearly always (98 % and more)."""
    return 4 if threshold >= 0.64 else 3 if threshold >= 0.5 else 2


def _unsearched(search: Search) -> Found:
    """What stands for a band that no worker could search."""
    return Found(np.empty(0, np.int64), [])


def _bands(lanes: int) -> list[slice]:
    return [slice(low, low + lanes) for low in range(0, LANES - lanes + 1, lanes)]


def _bucketed(signed: np.ndarray, places: np.ndarray, lanes: slice, hot: list[int]) -> np.ndarray:
    """int64 codes (a << 32 | b) of the pairs of places that agree in these lanes."""
    packed = np.zeros((len(places), 4), dtype=np.uint16)
    packed[:, : lanes.stop - lanes.start] = (signed if len(places) == len(signed) else signed[places])[:, lanes]
    bits = np.uint64(max(1, len(places).bit_length()))
    keys = mix(packed.view(np.uint64)[:, 0])
    slots = (keys >> np.uint64(62 - int(bits))).astype(np.int64)  # four slots a row: most rows are alone in theirs
    shared = np.flatnonzero((np.bincount(slots) > 1)[slots])
    ranked = np.sort((keys[shared] >> bits << bits) | shared.astype(np.uint64))
    buckets = ranked >> bits
    same = buckets[1:] == buckets[:-1]
    crowd = np.zeros(len(ranked), dtype=bool)
    crowd[1:] |= same
    crowd[:-1] |= same
    ranked, buckets = ranked[crowd], buckets[crowd]
    members = places[(ranked & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)]
    starts = np.flatnonzero(np.diff(buckets, prepend=~buckets[:1]))
    sizes = np.diff(np.append(starts, len(buckets)))
    large = np.repeat(sizes > _BUCKET, sizes)
    hot += sizes[sizes > _BUCKET].tolist()
    found = []
    for step in range(1, min(_BUCKET, int(sizes.max(initial=1)))):
        pair = buckets[step:] == buckets[:-step]
        if step > _WINDOW:
            pair &= ~large[step:]
        found.append(_codes(members[:-step][pair], members[step:][pair]))
    firsts = np.repeat(members[starts], sizes)[large] if len(starts) else members[:0]
    found.append(_codes(firsts, members[large]))
    codes: np.ndarray = np.concatenate(found)
    distinct: np.ndarray = codes[(codes >> 32) != (codes & 0xFFFFFFFF)]
    return distinct


def _codes(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low, high = np.minimum(a, b), np.maximum(a, b)
    codes: np.ndarray = (low.astype(np.int64) << 32) | high
    return codes


def _agreement(signed: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many lanes of each pair agree."""
    out = np.empty(len(a), dtype=np.int64)
    for low in range(0, len(a), _PAIRS):
        one, two = signed[a[low : low + _PAIRS]], signed[b[low : low + _PAIRS]]
        out[low : low + _PAIRS] = np.count_nonzero(one == two, axis=1)
    return out


def _edges(a: np.ndarray, b: np.ndarray, similarity: np.ndarray) -> Edges:
    return Edges(np.minimum(a, b), np.maximum(a, b), similarity)


def _concatenated(parts: Sequence[Edges]) -> Edges:
    a, b, similarity = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Edges(a, b, similarity)
