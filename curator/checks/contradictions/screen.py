"""Which answers to one prompt could contradict each other at all, told from outlines of a whole block of them.

Most answers to one prompt in a large set are about different things. What `judge` needs to find a clash, other
than two final answers, is a sentence that both say nearly alike, and such sentences share runs of two words. The
outlines of all answers are made at once, so that a pair which shares none costs a microsecond and no reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from curator.checks.contradictions.copies import edits_of, harmless, pieces, unsettling
from curator.checks.contradictions.finals import AGREED, BRIEF, SINGLE, Clash
from curator.checks.contradictions.judge import settled, worded
from curator.checks.contradictions.lexicon import lexicon
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.text import Answer
from curator.columns import column, fold, fold_column, hash_words

_SHORT = 60  # words of an answer of which a sentence of four words, "It is # miles", is a good part
_BRIEF = 30  # words of an answer that is judged as a whole
_COPIED = 0.3  # share of its runs that an answer has in common with one of which it may be a copy
_SHARED = 3  # runs of two words, one of them with a meaning, that sentences said alike have in common
_FINAL = ("nswer", "NSWER", "####", "boxed", "Ans", "ANS", "Result", "RESULT", "</think>")
_LETTERED = re.compile(r"[\s*_]*(?:\(?[A-J][).:]|[A-J]\b)")
_RESULT = re.compile(r"A[ \t*_]*[:=]")
_U64 = np.uint64
_NUMBER = _U64(0x9E3779B97F4A7C15)


class Outline(NamedTuple):
    """What may clash in an answer, as far as it shows without reading it."""

    marked: bool  # it may call something its answer, pick a letter, or begin with yes or no
    worked: bool  # it may calculate
    brief: bool
    short: bool
    denies: bool  # it holds a word that turns a sentence round
    amounts: frozenset[int]  # words with a meaning beside a number: "# miles"
    runs: frozenset[int]  # neighbouring words, one of them with a meaning; no number is told from another


def may_settle(prompt: Prompt, one: Outline, two: Outline) -> bool:
    """A necessary condition for two answers to come to two things."""
    worked, picks = prompt.asks_for_a_result, bool(prompt.options)
    return all(each.marked or (worked and each.worked) or (picks and each.brief) for each in (one, two))


def may_be_alike(one: Outline, two: Outline) -> bool:
    """A necessary condition for two answers to hold sentences that say nearly the same."""
    if one.brief and two.brief:
        return True
    if one.runs.isdisjoint(two.runs):
        return False
    if one.denies or two.denies or len(one.runs & two.runs) >= _SHARED:
        return True
    return one.short and two.short and not one.amounts.isdisjoint(two.amounts)


class Candidate:
    """An answer that is compared with others: its outline, and what was read of it when that did not tell."""

    def __init__(self, text: str, outline: Outline) -> None:
        self.text, self.outline = text, outline

    @cached_property
    def answer(self) -> Answer:
        return Answer(self.text)

    @cached_property
    def pieces(self) -> list[str]:
        return pieces(self.text)


def compare(prompt: Prompt, one: Candidate, two: Candidate) -> Clash | None:
    """What `judge` says of two answers, which are read only where their outlines leave it open."""
    first, second = one.outline, two.outline
    settles, alike = may_settle(prompt, first, second), may_be_alike(first, second)
    if alike and len(first.runs & second.runs) >= _COPIED * max(len(first.runs), len(second.runs), 1):
        edits = edits_of(one.pieces, two.pieces)
        alike = not harmless(edits)
        settles = settles and (alike or unsettling(edits))
    found = settled(prompt, one.answer, two.answer) if settles else None
    if found and found is not AGREED:
        return found
    return worded(prompt, one.answer, two.answer, agreed=found is AGREED) if alike else None


def outlines(texts: Sequence[str]) -> list[Outline]:
    """The outline of each text."""
    if not texts:
        return []
    folded = fold_column(column(list(texts)))
    words = hash_words(folded)
    first = np.frombuffer(folded.data, np.uint8)[words.starts]
    digit = (first >= ord("0")) & (first <= ord("9"))
    hashes = np.where(digit, _NUMBER, words.hashes)
    small = digit | _among(hashes, _small())
    owners = np.repeat(np.arange(len(texts)), np.diff(words.offsets))
    telling = (owners[1:] == owners[:-1]) & ~(small[1:] & small[:-1])
    values = hashes[:-1] * _U64(3) + hashes[1:]
    runs = _parted(values, owners[:-1], telling, len(texts))
    amounts = _parted(values, owners[:-1], telling & (digit[1:] | digit[:-1]), len(texts))
    denying = np.zeros(len(texts), dtype=bool)
    denying[owners[_among(hashes, _denials())]] = True
    counts = np.diff(words.offsets).tolist()
    return [
        Outline(_marked(text), "=" in text, count <= _BRIEF or len(text) <= BRIEF, count <= _SHORT, *found)
        for text, count, *found in zip(texts, counts, denying.tolist(), amounts, runs, strict=True)
    ]


def _parted(values: np.ndarray, owners: np.ndarray, wanted: np.ndarray, texts: int) -> list[frozenset[int]]:
    """The wanted values of each text."""
    bounds = np.searchsorted(owners[wanted], np.arange(texts + 1)).tolist()
    kept = values[wanted].tolist()
    return [frozenset(kept[low:high]) for low, high in pairwise(bounds)]


def _marked(text: str) -> bool:
    """Whether the answer may come to a number, a letter, yes or no: more often said than true."""
    if any(mark in text for mark in _FINAL) or _LETTERED.match(text) or _RESULT.search(text):
        return True
    if len(text) <= BRIEF and SINGLE.search(text):
        return True
    head = _FIRST.match(text)
    return bool(head) and fold(head[1]) in lexicon().verdicts


_FIRST = re.compile(r"[\s*_\"'“(>#]*([^\W\d_]+)")


def _among(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """bool: the hash is one of a few known ones, which are sorted."""
    places = np.searchsorted(known, hashes)
    places[places == len(known)] = 0
    found: np.ndarray = known[places] == hashes
    return found


@cache
def _small() -> np.ndarray:
    return _hashes_of(lexicon().stop | lexicon().cues | lexicon().helpers | {"s", "t"})


@cache
def _denials() -> np.ndarray:
    return _hashes_of(lexicon().cues | lexicon().deniers | {"t"})


def _hashes_of(words: frozenset[str]) -> np.ndarray:
    return np.unique(hash_words(column([" ".join(sorted(words))])).hashes)
