"""Phrases with alternatives: the literals they are sought by, and where they occur."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import combinations, product

_MOST_LITERALS = 300  # literals a phrase may be looked for by

_BRACES = re.compile(r"\{([^{}]*)\}")
_WORD_STARTS = r"(?:(?<![A-Za-z0-9])|(?![A-Za-z0-9]))"  # not inside a word of the Latin alphabet
_WORD_ENDS = r"(?:(?![A-Za-z0-9])|(?<![A-Za-z0-9]))"
LISTED = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s")
LINE = re.compile(r"[^\n]+")
_WRAPPING = " \t\r.!?:…*_#>|()[]«»<>\"'“”‘’`~=-–—•·→»›"


@lru_cache(maxsize=2048)
def finder(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all phrases, the longest first: any case of ASCII letters, whole words."""
    return re.compile("|".join(_phrase_pattern(p) for p in sorted(phrases, key=len, reverse=True)), re.I | re.A)


def occurrences(phrases: tuple[str, ...], text: str, reach: int) -> Iterator[tuple[int, int]]:
    """Spans of the phrases that begin before `reach`, in order, without overlap.

    An expression of hundreds of alternatives is slow on long texts: it is run only around the literals
    of its phrases, which one automaton finds.
    """
    body = text[: reach + _LONGEST]
    if len(body.lower()) != len(body):  # a few capitals of other scripts become two characters
        yield from (hit.span() for hit in finder(phrases).finditer(body) if hit.start() < reach)
        return
    done = 0
    for start, end, own in sorted(spotter(phrases)(body), key=lambda spot: spot[:2]):
        if end <= done:
            continue
        for hit in own.finditer(body, max(done, start - _LONGEST), end + _LONGEST):
            if hit.start() < reach and hit.start() <= start and hit.end() >= end and hit.start() >= done:
                yield hit.span()
                done = hit.end()


_LONGEST = 160  # characters of the longest phrase
_LONE = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=2048)
def spotter(phrases: tuple[str, ...]) -> Callable[[str], Iterator[tuple[int, int, re.Pattern[str]]]]:
    """Finds the literals of the phrases in a text: (start, end, the expression of the phrases that have it)."""
    import ahocorasick_rs

    owners: dict[str, list[str]] = {}
    for phrase in phrases:
        for literal in literals_of((phrase,)):
            owners.setdefault(literal.lower(), []).append(phrase)
    automaton = ahocorasick_rs.AhoCorasick(list(owners))
    own = [tuple(group) for group in owners.values()]

    def spots(text: str) -> Iterator[tuple[int, int, re.Pattern[str]]]:
        folded = _LONE.sub("\ufffd", text.lower())  # the automaton takes UTF-8 alone
        for which, start, end in automaton.find_matches_as_indexes(folded, overlapping=True):
            yield start, end, finder(own[which])  # compiled when it is first met

    return spots


def _phrase_pattern(phrase: str) -> str:
    parts = _BRACES.split(phrase)  # fixed text at even places, alternatives at odd ones
    for place, part in enumerate(parts):
        choices = sorted(part.split("|"), key=len, reverse=True) if place % 2 else [part]
        body = "|".join(re.escape(choice).replace("'", "['’ʼ]") for choice in choices)
        parts[place] = f"(?:{body})" if place % 2 else body
    return f"{_WORD_STARTS}{''.join(parts)}{_WORD_ENDS}"


def _parts_of(phrase: str) -> list[list[str]]:
    return [part.split("|") if place % 2 else [part] for place, part in enumerate(_BRACES.split(phrase))]


def literals_of(phrases: Iterable[str]) -> tuple[str, ...]:
    """Strings one of which occurs, in some case, wherever one of the phrases does."""
    return tuple(sorted({literal for phrase in phrases for literal in literals_of_one(phrase)}))


@lru_cache(maxsize=4096)
def literals_of_one(phrase: str) -> frozenset[str]:
    """The cheapest run of the phrase's parts, multiplied out: few strings, long ones, of several words."""
    parts = _parts_of(phrase)
    runs = [parts[low:high] for low, high in combinations(range(len(parts) + 1), 2)]
    sized = sorted(((math.prod(map(len, run)), place) for place, run in enumerate(runs)))
    best, least = set[str](), math.inf
    for size, place in sized:
        if size >= min(least, _MOST_LITERALS):
            break
        pieces, cost = set[str](), 0.0
        for choice in product(*runs[place]):
            piece = _longest_piece("".join(choice))
            if piece not in pieces:
                pieces.add(piece)
                cost += _cost(piece)
                if cost >= least:
                    break
        else:
            best, least = pieces, cost
    return frozenset(best)


_APOSTROPHE = re.compile("['’ʼ]")
_COMMON = frozenset(
    "a an and as at be by can do for have here i in is it my of on or our so t that the this to was we with you "
    "your".split()
)


@cache
def _cost(literal: str) -> float:
    """What it costs to look for a literal: one that is short, or made of common words, is found too often."""
    size, words = len(literal.encode()), literal.split()
    if size < 2:
        return math.inf
    rare = sum(word.lower() not in _COMMON for word in words) + 2 * (not literal.isascii())
    found = {0: 5000.0, 1: 300.0}.get(rare, 0.0) * math.pow(4, 1 - len(words))
    return 1 + 2000 * math.pow(3, -size) + found


def _longest_piece(text: str) -> str:
    """The longest part between apostrophes, which are written in several ways."""
    return max(_APOSTROPHE.split(text), key=len)


def unwrapped(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the signs that may wrap a phrase: brackets, quotation marks, list and heading marks."""
    while start < end and text[start] in _WRAPPING:
        start += 1
    while end > start and text[end - 1] in _WRAPPING:
        end -= 1
    return start, end
