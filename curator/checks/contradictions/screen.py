"""Which answers to one prompt could contradict each other at all, told from outlines of a whole block of them.

Most answers to one prompt in a large set are about different things. What `judge` needs to find a clash, other
than two final answers, is a sentence that both say nearly alike, and such sentences share runs of two words. The
outlines of all answers are made at once and their runs counted together, so that a pair which shares none costs a
microsecond and no reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from curator.checks.contradictions.copies import edits_of, harmless, unsettling
from curator.checks.contradictions.finals import (
    AGREED,
    BRIEF,
    NAMED,
    SINGLE,
    Clash,
    calculated,
    calculates,
    letter,
    marked,
    worked,
)
from curator.checks.contradictions.judge import settled, worded
from curator.checks.contradictions.lexicon import lexicon
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.text import Answer
from curator.text.hashed import Column, Words, column, fold, fold_column, hash_words

_SHORT = 60  # words of an answer of which a sentence of four words, "It is # miles", is a good part
_BRIEF = 30  # words of an answer that is judged as a whole
_HEAD = 4  # bytes of a word that tell its meaning
_FEW = 24  # words of an answer of which each one counts
_COPIED = 0.3  # share of its runs that an answer has in common with one of which it may be a copy
_SHARED = 3  # runs of two words, one of them with a meaning, that sentences said alike have in common, beside
# a run of three; or so many, wherever they stand:
_MANY = 6
_CLOSE, _REACH = 4, 20  # of long answers: so many of them stand among so many runs of one, a sentence or a long part
_NUMBERS = re.compile(r"\d[\d.,]*")
_CALLED = re.compile(
    r"(?:A|Ans|ANS|[Aa]nswer|ANSWER|Result|RESULT)[ \t*_]*[:=]|answer\s+(?:is|would|must|should|equals)\b", re.I
)
_LETTERED = re.compile(r"[\s*_]*(?:\([A-J]\)|[A-J][).:])")
_FIRST = re.compile(r"[\s*_\"'“(>#]*([^\W\d_]+)")
_BREAKS = bytes(byte in b".,!?;:\n" for byte in range(256))
_U64 = np.uint64
_LOW = _U64(0xFFFF)
_NUMBER = _U64(0x9E3779B97F4A7C15)
_CROWD = 64  # answers of a prompt of which all pairs are counted at once
_BINS = _U64(44)  # bits of a key that do not tell its bin: a million of them for some ten thousand keys
_NONE: frozenset[int] = frozenset()

REPEATED = Clash("repeated", (0, 0), (0, 0))
FINAL, LETTER, VERDICT, WORKED = 1, 2, 4, 8  # what an answer may come to
SMALL, CUE, NUMERAL = 1, 2, 4  # what a word may be: without a meaning of its own, denying, a number in letters


class Outline(NamedTuple):
    """What may clash in an answer, as far as it shows without reading it."""

    ends: int  # bits of what the answer may come to, more often set than true
    words: int
    brief: bool
    counts: bool  # it holds a number
    runs: np.ndarray  # uint64: neighbouring words, one of them with a meaning; no number is told from another
    amounts: frozenset[int]  # those of them that are a number and a word, where the answer is short
    negates: bool  # it holds a word that may turn a sentence round
    denials: tuple[frozenset[int], ...]  # the words with a meaning of each sentence that holds a negation
    content: np.ndarray  # int64: all words with a meaning


class Candidate:
    """An answer that is compared with others: its outline, and what was read of it when that did not tell."""

    def __init__(self, text: str, outline: Outline) -> None:
        self.text, self.outline = text, outline

    @cached_property
    def sequence(self) -> list[int]:
        """The runs of two words in the order of the text."""
        runs: list[int] = self.outline.runs.tolist()
        return runs

    @cached_property
    def runs(self) -> frozenset[int]:
        """The different runs of two words."""
        return frozenset(self.sequence)

    @cached_property
    def content(self) -> frozenset[int]:
        return frozenset(self.outline.content.tolist())

    @cached_property
    def triples(self) -> frozenset[tuple[str, ...]]:
        """Runs of three words, numbers not told apart."""
        words = _NUMBERS.sub("0", self.text.lower()).split()
        return frozenset(zip(words, words[1:], words[2:], strict=False))

    @cached_property
    def answer(self) -> Answer:
        """The answer to be read; what its outline tells it does not come to is not looked for."""
        ends = self.outline.ends
        answer = Answer(self.text)
        if not ends & FINAL:
            answer.know(marked, None)
        if not ends & WORKED:
            answer.know(worked, False)
        elif answer.said is self.text:
            answer.know(calculated, True)  # the outline has read the same words
        if not ends & LETTER:
            answer.know(letter, None)
        if not self.outline.negates:
            answer.denials = []
        return answer


def compare(prompt: Prompt, one: Candidate, two: Candidate, shared: int) -> Clash | None:
    """What `judge` says of two answers, which are read only where their outlines leave it open.

    `shared` says how many different runs of two words they have in common. REPEATED where one is the other but for
    words that change nothing.
    """
    here, there = one.outline, two.outline
    apart = not shared
    if apart and not ((here.ends and there.ends) or here.denials or there.denials or (here.brief and there.brief)):
        return None
    if prompt.varies:
        return None
    settles, alike = may_settle(prompt, one.outline, two.outline), may_be_alike(one, two, shared)
    long = max(here.words, there.words) > _FEW
    if alike and long and shared and shared >= _COPIED * max(len(one.runs), len(two.runs)):
        edits = edits_of(one.text, two.text)
        alike = not harmless(edits)
        if not alike and not unsettling(edits):
            return REPEATED
    found = settled(prompt, one.answer, two.answer) if settles else None
    if found and found is not AGREED:
        return found
    return worded(prompt, one.answer, two.answer, agreed=found is AGREED, apart=apart and long) if alike else None


def may_settle(prompt: Prompt, one: Outline, two: Outline) -> bool:
    """A necessary condition for two answers to come to two things."""
    both = one.ends & two.ends
    if both & (FINAL | LETTER | VERDICT):
        return True
    final_or_worked = FINAL | WORKED
    if one.ends & final_or_worked and two.ends & final_or_worked and prompt.asks_for_a_result:
        return True
    return one.brief and two.brief and bool(prompt.options)


def may_be_alike(one: Candidate, two: Candidate, shared: int) -> bool:
    """Whether two answers, which have `shared` runs in common, may hold sentences that say nearly the same.

    Never False where they do, but for a sentence of a few words in an answer of more than `_SHORT`, where what is
    shared by chance is scattered.
    """
    here, there = one.outline, two.outline
    longest = max(here.words, there.words)
    if longest <= _FEW or (here.brief and there.brief and here.counts and there.counts):
        return True
    if shared:
        if here.brief and there.brief:
            return True
        near = shared >= _SHARED and (longest <= _SHORT or _lie_close(one, two))
        if near and (shared >= _MANY or not one.triples.isdisjoint(two.triples)):
            return True
        if longest <= _SHORT and (
            not here.amounts.isdisjoint(there.amounts) or (shared > 1 and here.counts and there.counts)
        ):
            return True  # "It is # miles", or "The answer is #"
    return _may_deny(one, two) or _may_deny(two, one)


def _lie_close(one: Candidate, two: Candidate) -> bool:
    """Whether the runs that two long answers share stand as near to each other as those of a sentence said alike."""
    places = [place for place, run in enumerate(one.sequence) if run in two.runs]
    return any(last - first < _REACH for first, last in zip(places, places[_CLOSE - 1 :], strict=False))


def _may_deny(one: Candidate, two: Candidate) -> bool:
    """Whether nearly all words of some sentence that denies stand in the other answer, endings apart."""
    denials = one.outline.denials
    return bool(denials) and any(len(denied - two.content) <= len(denied) // 4 for denied in denials)


def outlines(texts: Sequence[str]) -> list[Outline]:
    """The outline of each text."""
    if not texts:
        return []
    folded = fold_column(column(list(texts)))
    words = hash_words(folded)
    data = np.frombuffer(folded.data + b"\0\0\0", np.uint8)
    digit = (data[words.starts] >= ord("0")) & (data[words.starts] <= ord("9"))
    kinds = _kinds(words.hashes)
    hashes = np.where(digit, _NUMBER, words.hashes)
    small = digit | (kinds & SMALL != 0)
    owners = np.repeat(np.arange(len(texts)), np.diff(words.offsets))
    telling = (owners[1:] == owners[:-1]) & ~(small[1:] & small[:-1])
    values = hashes[:-1] * _U64(3) + hashes[1:]
    sizes = np.diff(words.offsets)
    short = sizes[owners[:-1]] <= _SHORT
    runs = _parted(values, owners[:-1], telling, len(texts))
    amounts = _parted(values, owners[:-1], telling & short & (digit[1:] | digit[:-1]), len(texts))
    heads = _heads(data, words)
    content = _parted(heads, owners, ~small, len(texts))
    cues = ~digit & (kinds & CUE != 0)
    denied = _denied(folded, words, owners, heads, small, cues)
    counts = _holding(owners[digit | (kinds & NUMERAL != 0)], len(texts))
    negating, many = _holding(owners[cues], len(texts)), sizes.tolist()
    return [
        Outline(
            _ends(text),
            many[n],
            many[n] <= _BRIEF or len(text) <= BRIEF,
            counts[n],
            runs[n],
            frozenset(amounts[n].tolist()) if len(amounts[n]) else _NONE,
            negating[n],
            denied.get(n, ()),
            content[n],
        )
        for n, text in enumerate(texts)
    ]


def _holding(owners: np.ndarray, texts: int) -> list[bool]:
    """Of each text whether it is among the owners."""
    out = np.zeros(texts, dtype=bool)
    out[owners] = True
    held: list[bool] = out.tolist()
    return held


def _parted(values: np.ndarray, owners: np.ndarray, wanted: np.ndarray, texts: int) -> list[np.ndarray]:
    """The wanted values of each text."""
    bounds = np.searchsorted(owners[wanted], np.arange(texts + 1)).tolist()
    kept = values[wanted]
    return [kept[low:high] for low, high in pairwise(bounds)]


class Shared:
    """How many different runs of two words the candidates of each group have in common with one another.

    Those of a crowd are counted pair by pair, when they are asked for: they have too many pairs.
    """

    def __init__(self, groups: Sequence[Sequence[Candidate]]) -> None:
        self._groups = groups
        groups = [group if len(group) <= _CROWD else () for group in groups]
        held = [one.outline.runs for group in groups for one in group]
        self._many = len(held)
        self._first = np.cumsum([0, *map(len, groups)]).tolist()
        sizes = np.fromiter(map(len, held), np.int64, len(held))
        owners = np.repeat(np.arange(len(held)), sizes)
        salts = np.repeat(np.arange(len(groups), dtype=_U64), list(map(len, groups))) * _NUMBER
        keys = np.concatenate([*held, np.empty(0, _U64)]) ^ np.repeat(salts, sizes)
        self._counts = _counted(*_repeated(keys, owners), self._many)

    def between(self, group: int, one: int, two: int) -> int:
        """Of the candidates at two places of a group, the first of them before the second."""
        if len(of := self._groups[group]) > _CROWD:
            return len(of[one].runs & of[two].runs)
        first = self._first[group]
        return self._counts.get((first + one) * self._many + first + two, 0)


def _repeated(keys: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The keys, sorted, that may have several owners, and their owners; an owner has a key once."""
    bins = (keys * _NUMBER >> _BINS).astype(np.int64)
    some = np.bincount(bins)[bins] > 1 if len(bins) else bins
    keys, owners = keys[some], owners[some]
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    new = np.ones(len(keys), dtype=bool)
    new[1:] = (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1])
    return keys[new], owners[new]


def _counted(keys: np.ndarray, owners: np.ndarray, many: int) -> dict[int, int]:
    """How many keys two owners share, by the first of them times `many` and the second."""
    pairs: list[np.ndarray] = []
    near = np.arange(len(keys))  # places of keys that have one more owner `apart` places on
    apart = 1
    while len(near := near[: np.searchsorted(near, len(keys) - apart)]):
        near = near[keys[near] == keys[near + apart]]
        pairs.append(owners[near] * many + owners[near + apart])
        apart += 1
    if not pairs:
        return {}
    codes, counts = np.unique(np.concatenate(pairs), return_counts=True)
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))


def _heads(data: np.ndarray, words: Words) -> np.ndarray:
    """int64: the first bytes of each word as a number: words that differ in their endings are one."""
    out: np.ndarray = data[words.starts].astype(np.int64)
    sizes = words.ends - words.starts
    for place in range(1, _HEAD):
        out |= np.where(sizes > place, data[words.starts + place].astype(np.int64) << (8 * place), 0)
    return out


def _denied(
    folded: Column, words: Words, owners: np.ndarray, heads: np.ndarray, small: np.ndarray, cues: np.ndarray
) -> dict[int, tuple[frozenset[int], ...]]:
    """The heads of words with a meaning in each sentence that holds a cue, by text."""
    if not cues.any():
        return {}
    breaks = np.cumsum(np.frombuffer(folded.data.translate(_BREAKS), np.uint8), dtype=np.int32)
    places = breaks[words.starts] + owners  # the number of the sentence, another one in each text
    denying = np.unique(places[cues])
    kept = ~small & _among(places, denying)
    found: dict[int, dict[int, set[int]]] = {}
    for owner, place, head in zip(owners[kept].tolist(), places[kept].tolist(), heads[kept].tolist(), strict=True):
        found.setdefault(owner, {}).setdefault(place, set()).add(head)
    return {owner: tuple(map(frozenset, sentences.values())) for owner, sentences in found.items()}


def _ends(text: str) -> int:
    """What the answer may come to, in bits."""
    ends = WORKED if calculates(text) else 0
    if "####" in text or "boxed" in text or (_may_call(text) and _CALLED.search(text)):
        ends |= FINAL
    if SINGLE.search(text) if len(text) <= BRIEF else _LETTERED.match(text) or ("nswer" in text and NAMED.search(text)):
        ends |= LETTER
    head = _FIRST.match(text)
    if head and fold(head[1]) in lexicon().verdicts:
        ends |= VERDICT
    if "</think>" in text:
        ends |= LETTER | VERDICT
    return ends


def _may_call(text: str) -> bool:
    """Whether a text holds what every form of `_CALLED` begins with; written out, since all answers are asked."""
    if "A" in text and ("A:" in text or "A " in text or "A*" in text or "A_" in text or "A=" in text):
        return True
    if "nswer" in text or "Result" in text or "Ans" in text:
        return True
    return "NSWER" in text or "RESULT" in text or "ANS" in text


def _among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """bool: the value is one of a few known ones, which are sorted."""
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    found: np.ndarray = known[places] == values
    return found


def _kinds(hashes: np.ndarray) -> np.ndarray:
    """uint8: what each word is, in bits."""
    known, kinds, low = _known()
    out = np.zeros(len(hashes), dtype=np.uint8)
    some = np.flatnonzero(low[hashes & _LOW])  # hardly more than those that are known
    places = np.searchsorted(known, hashes[some])
    places[places == len(known)] = 0
    out[some] = np.where(known[places] == hashes[some], kinds[places], np.uint8(0))
    return out


@cache
def _known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hashes of the words of a kind, sorted, their kinds, and which low bits of a hash any of them has."""
    words = lexicon()
    listed = {
        SMALL: words.stop | words.cues | words.helpers | {"s", "t"},
        CUE: words.cues | words.deniers | {"t", "free"},
        NUMERAL: frozenset(words.numerals) | frozenset(words.ordinals),
    }
    hashed = {kind: np.unique(hash_words(column([" ".join(sorted(those))])).hashes) for kind, those in listed.items()}
    known = np.unique(np.concatenate(list(hashed.values())))
    kinds = np.zeros(len(known), dtype=np.uint8)
    for kind, those in hashed.items():
        kinds[np.searchsorted(known, those)] |= kind
    low = np.zeros(int(_LOW) + 1, dtype=bool)
    low[known & _LOW] = True
    return known, kinds, low
