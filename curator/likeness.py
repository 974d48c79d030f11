"""Whether two rows alike in wording are the same example, and in which words they differ.

Likeness of wording is not enough: rows made from one template ("Convert 5 miles", "Convert 8 miles") share
most of their words and ask for different things. Two rows are one example when prompt and answer are both
alike and no difference is of a kind that changes what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from curator.model import Example
from curator.shingles import jaccard, plain_words, text_of

_FEW = 5  # words: below, one letter of one word may differ
_ALIKE = 0.5  # share of the words of a prompt, or of an answer, that must stand in both
_BRIEF = 12  # words: a prompt this short turns on every word
_TELLING = 20  # words: an answer this long tells what was asked
_SAME_ANSWER = 0.75  # the answers to two short prompts must be this much alike
_NUMBER = re.compile(r"\d")
_NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty forty fifty "
    "hundred thousand million billion first second third fourth fifth".split()
)
_NEGATIONS = frozenset("not no never none cannot without except nor neither t".split())  # "don't" is "don", "t"
# Words that carry no subject of their own.
_COMMON = frozenset(
    "a an the this that these those it its he she they we i you my your his her their our and or but if so as of in on "
    "at by for from to with about into over than then there here is are was were be been being am do does did has have "
    "had can could will would should may might must what which who whom whose when where why how all any some each "
    "please also just very more most less only such too s t re ve ll d m".split()
)


class Part(NamedTuple):
    """Prompt or answer of two rows: their words in lower case, and the runs of words that differ."""

    one: list[str]
    two: list[str]
    changes: list[tuple[Sequence[str], Sequence[str]]]

    @property
    def alike(self) -> float:
        """Share of the words that stand in both."""
        words = len(self.one) + len(self.two)
        return 1 - sum(len(a) + len(b) for a, b in self.changes) / words if words else 1.0


class Likeness(NamedTuple):
    """What two rows that say nearly the same differ in."""

    similarity: float  # exact Jaccard similarity of the 3-word shingles of all text
    changes: list[tuple[str, str]]  # words of the one row, words of the other
    disputed: bool  # the answers differ in a number or a negation: which is right must be seen


def likeness(one: Example, two: Example, measured: float | None = None) -> Likeness | None:
    """In what the rows differ, or None where they are different examples. `measured` is their similarity."""
    prompt = _part(text_of(one, "prompt"), text_of(two, "prompt"))
    answer = _part(text_of(one, "answer"), text_of(two, "answer"))
    if _asks_otherwise(prompt, answer):
        return None
    if not prompt.changes and not answer.changes:
        prompt = _part(_all_text(one), _all_text(two))
    similarity = similarity_of(one, two, measured)
    changes = [(" ".join(a), " ".join(b)) for part in (prompt, answer) for a, b in part.changes]
    return Likeness(similarity, changes, any(_counts_or_negates(a, b) for a, b in answer.changes))


def similarity_of(one: Example, two: Example, measured: float | None = None) -> float:
    """Exact Jaccard similarity of all text; `measured`, from hashes of words, stands where both count words alike."""
    if measured is not None and _plain(one) and _plain(two):
        return measured
    return jaccard(plain_words(_all_text(one)), plain_words(_all_text(two)))


def _all_text(example: Example) -> str:
    return " ".join(turn.text for turn in example.all_turns() if turn.text)


def _plain(example: Example) -> bool:
    """The words of the text are the same to every reader, and all of it was compared."""
    return all(
        turn.role != "system" and not turn.calls and turn.text.isascii() and "_" not in turn.text
        for turn in example.all_turns()
    )


def _part(one: str, two: str) -> Part:
    if one == two:
        return Part([], [], [])
    from rapidfuzz.distance import Levenshtein

    a, b = plain_words(one), plain_words(two)
    changes = [
        (a[code.src_start : code.src_end], b[code.dest_start : code.dest_end])
        for code in Levenshtein.opcodes(a, b)
        if code.tag != "equal"
    ]
    return Part(a, b, changes)


def _asks_otherwise(prompt: Part, answer: Part) -> bool:
    """The rows are different examples, however much wording they share."""
    settled = len(answer.one) >= _TELLING and answer.alike >= _SAME_ANSWER
    if not _near(answer) or not (_near(prompt) or (settled and prompt.alike >= _ALIKE)):
        return True
    if _slots(prompt, answer) or any(_other_value(a, b) for a, b in prompt.changes):
        return True
    asked = bool(prompt.changes) and min(len(prompt.one), len(prompt.two)) <= _BRIEF
    return asked and answer.alike < _SAME_ANSWER and any(_other_word(a, b) for a, b in prompt.changes)


def _near(part: Part) -> bool:
    """The part is the same but for a smaller part; with few words, none may stand in the place of another."""
    if part.alike < _ALIKE:
        return False
    if not part.changes or min(len(part.one), len(part.two)) >= _FEW:
        return True
    if not any(a and b for a, b in part.changes):
        return not any(_counts_or_negates(a, b) or any(map(_is_number, (*a, *b))) for a, b in part.changes)
    return all(_misspelt(a, b) for a, b in part.changes)


def _misspelt(a: Sequence[str], b: Sequence[str]) -> bool:
    """One letter parts two words: they are spellings of one."""
    from rapidfuzz.distance import Levenshtein

    one, two = "".join(a), "".join(b)
    return len(one) >= _FEW and not _NUMBER.search(one + two) and Levenshtein.distance(one, two, score_cutoff=1) <= 1


def _slots(prompt: Part, answer: Part) -> bool:
    """A word of either row stands in its prompt and in its answer, and nowhere in the other row: the subject."""
    if not prompt.changes or not answer.changes:
        return False
    one, two = {*prompt.one, *answer.one}, {*prompt.two, *answer.two}
    mine = (set(prompt.one) & set(answer.one)) - two
    yours = (set(prompt.two) & set(answer.two)) - one
    return bool(mine - _COMMON) and bool(yours - _COMMON)


def _other_value(a: Sequence[str], b: Sequence[str]) -> bool:
    """A number in place of another number."""
    one, two = ([word for word in words if _is_number(word)] for words in (a, b))
    return bool(one and two) and one != two


def _counts_or_negates(a: Sequence[str], b: Sequence[str]) -> bool:
    negated = [sum(word in _NEGATIONS for word in words) % 2 for words in (a, b)]
    return _other_value(a, b) or negated[0] != negated[1]


def _is_number(word: str) -> bool:
    return word in _NUMBER_WORDS or bool(_NUMBER.search(word))


def _other_word(a: Sequence[str], b: Sequence[str]) -> bool:
    """A word of weight in place of another."""
    return bool(set(a) - _COMMON) and bool(set(b) - _COMMON)
