"""Answers of which one is a copy of the other but for a few words, none of which can turn what it says.

Rows that repeat an earlier row with an edit here and there are the commonest pairs with one prompt. Whether an
edit touches a number, a negation, a name or an opposite shows in the words themselves, without sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from curator.checks.contradictions.lexicon import lexicon
from curator.text.differing import differing

_PIECE = re.compile(r"\w+|[^\w\s]")
_MOVED = 4  # words that are only added or only taken away: more may be a sentence that moved
_APART = 2  # equal words between edits that count as one
_MINUS = frozenset("-−")
_WITHIN = frozenset("/.:,")  # a number
_SETTLING = frozenset("= # : { } \\ ` < > A B C D E F G H J".split())


Edit = tuple[Sequence[str], Sequence[str]]  # pieces of the one answer, and what stands there in the other


def _pieces(text: str) -> list[str]:
    """Words and signs, as they are written."""
    return _PIECE.findall(text)


def harmless(edits: Sequence[Edit]) -> bool:
    """Whether none of the edits can make one answer contradict the other by its wording."""
    for here, there in edits:
        if _signed(here) or _signed(there):
            return False
        if not (here and there) and sum(map(str.isalnum, here or there)) > _MOVED:
            return False
        # What edits that stand close together have between them stands on both sides, and differs in nothing.
        one, two = _without_common(here, there)
        if not _turning().isdisjoint([word.lower() for word in (*one, *two)]) or _substituted(one, two):
            return False
    return True


def _signed(side: Sequence[str]) -> bool:
    """Whether a sign may be part of what stands behind it, or before it: a minus of a number, 2/3, C++."""
    for place, piece in enumerate(side):
        before = side[place - 1] if place else ""
        if piece in _MINUS and not before.isalnum():
            behind = side[place + 1] if place + 1 < len(side) else "0"
            if behind[0].isdigit() or behind == ".":
                return True
        if piece == "+" and (not before or before.isalpha()):
            return True
        if piece in _WITHIN and (place == 0 or place + 1 == len(side)):
            beside = side[place - 1 : place] or side[place + 1 : place + 2]
            if beside and beside[0].isdigit():
                return True
    return False


def unsettling(edits: Sequence[Edit]) -> bool:
    """Whether an edit may change the number or the choice that an answer comes to."""
    return any(word in _SETTLING or "number" in _kinds(word) for edit in edits for side in edit for word in side)


def edits_of(told: str, also: str) -> list[Edit]:
    """In which words and signs two texts differ; edits that stand close together are one."""
    from rapidfuzz.distance import Levenshtein

    one, two = map(_pieces, differing(told, also))
    codes: list[Any] = Levenshtein.opcodes(one, two).as_list()
    places: list[tuple[int, int, int, int]] = []
    for tag, low, high, start, stop in codes:
        if tag == "equal":
            continue
        near = places.pop() if places and low - places[-1][1] <= _APART else None
        places.append((near[0], high, near[2], stop) if near else (low, high, start, stop))
    return [(one[low:high], two[start:stop]) for low, high, start, stop in places]


def _without_common(here: Sequence[str], there: Sequence[str]) -> Edit:
    """The pieces of either side that the other has not, or has not as often."""
    one, two = [], list(there)
    for piece in here:
        if piece in two:
            two.remove(piece)
        else:
            one.append(piece)
    return one, two


def _substituted(here: Sequence[str], there: Sequence[str]) -> bool:
    """Whether a word stands in the place of one of its kind, or of its opposite."""
    if not (here and there):
        return False
    kinds = {kind for word in here for kind in _kinds(word)}
    return any(kind in kinds for word in there for kind in _kinds(word)) or any(
        _opposed(a, b) for a in here for b in there
    )


@lru_cache(maxsize=1 << 14)
def _kinds(word: str) -> tuple[str, ...]:
    """What makes a substitution of the word count: number, date, unit, name."""
    words, low = lexicon(), word.lower()
    found = {
        "number": low in words.numerals
        or low in words.ordinals
        or low in words.multipliers
        or any(map(str.isdigit, low)),
        "date": low in words.dates,
        "unit": low in ("c", "f", "k", "percent", "%") or words.unit(low) is not None,
        "name": word[0].isupper(),
    }
    return tuple(kind for kind, holds in found.items() if holds)


@lru_cache(maxsize=1 << 14)
def _opposed(one: str, two: str) -> bool:
    one, two = one.lower(), two.lower()
    return one != two and one.isalpha() and two.isalpha() and lexicon().opposite(one, two)


@cache
def _turning() -> frozenset[str]:
    """Words that turn a sentence round, or an answer."""
    words = lexicon()
    return words.cues | words.deniers | frozenset(words.verdicts) | {"t", "cannot"}
