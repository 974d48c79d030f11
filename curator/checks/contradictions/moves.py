"""Clauses that stand elsewhere in a sentence than in its twin: "At night the gate is locked", "The gate is locked at night"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from curator.checks.contradictions.text import Sentence, Token

LEAST = 2  # words that a clause has in common with the one it is held against
_PART = 0.6  # ... as a share of the shorter of the two
_MOST = 4  # clauses of a sentence that are put in the order of its twin

Span = tuple[int, int]


class Reordered(Sentence):
    """A sentence whose words are in another order; each keeps its place in the text."""

    def __init__(self, sentence: Sentence, order: Sequence[int]) -> None:
        super().__init__(sentence.text, sentence.start, sentence.end)
        self._sentence, self._order = sentence, order

    @cached_property
    def tokens(self) -> list[Token]:
        return [self._sentence.tokens[place] for place in self._order]

    @cached_property
    def keys(self) -> list[str]:
        return [self._sentence.keys[place] for place in self._order]

    @cached_property
    def negations(self) -> tuple[int, ...]:
        """Places of the words that turn the sentence round as it is written."""
        turning = set(self._sentence.negations)
        return tuple(place for place, was in enumerate(self._order) if was in turning)


def in_order_of(one: Sentence, two: Sentence) -> Sentence:
    """The second sentence with the clauses that were moved put where the first has them; itself where none was."""
    order = list(range(len(two.keys)))
    keys = list(two.keys)
    for _ in range(_MOST):
        moved = _moved(one.keys, keys)
        if moved is None:
            break
        keys, order = [keys[n] for n in moved], [order[n] for n in moved]
    return two if order == sorted(order) else Reordered(two, order)


def _moved(one: Sequence[str], two: Sequence[str]) -> list[int] | None:
    """The places of the second list in the order that brings it nearest to the first by moving one run, None where none does."""
    gone, come = _one_sided(one, two)
    best: list[int] | None = None
    least = _distance(one, two)[0] - 2 * LEAST + 1, 0
    for low, high, at in gone:
        for start, end in (part for span in come for part in (span, _within(two, span, set(one[low:high])))):
            if not _is_one_clause(one[low:high], two[start:end]):
                continue
            run, rest = list(range(start, end)), [n for n in range(len(two)) if not start <= n < end]
            place = at if at <= start else at - (end - start)
            order = rest[:place] + run + rest[place:]
            if (distance := _distance(one, [two[n] for n in order])) < least:
                best, least = order, distance
    return best


def _one_sided(one: Sequence[str], two: Sequence[str]) -> tuple[list[tuple[int, int, int]], list[Span]]:
    """Runs that the first list alone has, each with its place in the second, and runs that the second alone has."""
    from rapidfuzz.distance import Indel

    gone: list[tuple[int, int, int]] = []
    come: list[Span] = []
    for code in Indel.opcodes(one, two):
        if code.tag == "delete" and code.src_end - code.src_start >= LEAST:
            gone.append((code.src_start, code.src_end, code.dest_start))
        elif code.tag == "insert":
            come.append((code.dest_start, code.dest_end))
    return gone, come


def _within(keys: Sequence[str], span: Span, known: set[str]) -> Span:
    """The part of a run from its first known word to its last."""
    places = [place for place in range(*span) if keys[place] in known]
    return (places[0], places[-1] + 1) if places else (span[0], span[0])


def _is_one_clause(one: Sequence[str], two: Sequence[str]) -> bool:
    """Whether two runs of words have most of the words of the shorter in common."""
    shared = len(set(one) & set(two))
    return shared >= LEAST and shared >= _PART * min(len(set(one)), len(set(two)))


def _distance(one: Sequence[str], two: Sequence[str]) -> tuple[int, int]:
    """Words to take out of the one and put into the other until they are the same; where one may replace another, likewise."""
    from rapidfuzz.distance import Indel, Levenshtein

    return Indel.distance(one, two), Levenshtein.distance(one, two)
