"""What two sentences that differ in a negation or a number may still both be true by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from curator.checks.contradictions.lexicon import lexicon
from curator.checks.contradictions.text import Sentence, value_of

YEARS = (1000, 2200)
_STAMP = 9  # words from "as of" to the year
_MEASURE = re.compile(r"[\s*•>-]*(?:\d+[\d./ ]*|[½¼¾⅓⅔⅛])[\s-]*(?:\([^)]*\)\s*)?([^\W\d_]+)")


def bounded(negated: Sentence, plain: Sentence) -> bool:
    """Whether both what is denied and what is said may be: of other cases, by other people, or in another degree."""
    words = lexicon()
    apart = words.bounds & (set(negated.keys) ^ set(plain.keys))
    if apart and not ("never" in negated.keys and apart.isdisjoint(negated.keys)):
        return True  # "not unless", "all except"; but "never" denies what is said "until" some day
    idle = [sum(key in words.cues for key in side.keys) - len(side.negations) for side in (negated, plain)]
    if idle[1] > idle[0]:
        return True  # "related, but not the same"
    return _reported(negated) != _reported(plain) or _in_degree(negated, plain)


def _reported(sentence: Sentence) -> bool:
    """Whether a sentence tells what some people hold."""
    words = lexicon()
    return any(one in words.people for one in sentence.keys) and any(one in words.holding for one in sentence.keys)


def _in_degree(negated: Sentence, plain: Sentence) -> bool:
    """Whether a negation is of a degree of which the other sentence does not speak: "not as rustic as"."""
    said = set(pairwise(plain.keys))
    keys = negated.keys
    return any(
        cue in lexicon().cues and degree in _DEGREE and (before, degree) not in said
        for before, cue, degree in zip(keys, keys[1:], keys[2:], strict=False)
    )


_DEGREE = frozenset(("as", "so"))


def is_stamp(keys: Sequence[str], place: int) -> bool:
    """Whether a year tells what an answer knows, and not what it says: "As of my last update in September 2021"."""
    before = keys[max(0, place - _STAMP) : place]
    pairs = list(pairwise(before))
    if not is_year(keys[place]) or ("as", "of") not in pairs:
        return False
    return lexicon().helpers.isdisjoint(before[pairs.index(("as", "of")) + 2 :])


def is_year(key: str) -> bool:
    value = value_of(key)
    return value is not None and YEARS[0] <= value < YEARS[1]


def is_dated(keys: Sequence[str], place: int) -> bool:
    """Whether a number is a year by the word before it: "in 1938"."""
    return is_year(keys[place]) and place > 0 and keys[place - 1] in ("in", "since", "until", "circa")


def is_ingredient(sentence: Sentence) -> bool:
    """Whether a line gives the measure of an ingredient: "1/2 cup cocoa powder"."""
    found = _MEASURE.match(sentence.text, sentence.start, sentence.end)
    unit = found and lexicon().unit(found[1].lower())
    return bool(unit and unit[0] in ("volume", "mass"))
