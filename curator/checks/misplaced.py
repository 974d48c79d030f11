"""Answers of another row: they stand, word for word or but for a few, under two prompts, and fit one of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Example, Flag
from curator.neighbours.keys import is_last_answer
from curator.neighbours.likeness import COMMON_WORDS
from curator.neighbours.shingles import plain_words, text_of
from curator.text.hashed import mix, unique
from curator.text.languages import script_of, votes_of

_MANY = 5  # prompts from which on an answer belongs to none of them
TELLING = 12  # words of an answer that belongs to one prompt
_SHARED = 0.2  # answers that several prompts have, of all: above, each is given to several wordings, or is a label
_EDGE = 8  # words at either end by which answers are looked for that are the same but for a few
_EDITED = 1.4  # times as many words one of two such answers may have
_SAME = 0.7  # share of the words that such answers have in common
_FEW, _SHARE = 200, 0.005  # pairs of answers that open or end alike; where more do, they follow a template
_SAMPLE = 500  # answers by which the rarity of words is told
FITS = 6.0  # nats by which an answer fits another prompt better: the words of it that it holds, each by its rarity
_LESS = 3  # times less than to the other prompt an answer fits the one that it is misplaced under
_SAYS = 3  # words of weight, one less in a question, from which on not anything answers a prompt: "A joke, please"
_CHANCE = 4.0  # nats of words that two answers may share by chance
_APART = 0.25  # share of their words, by rarity, that two prompts, or two answers, have in common at most

Rarity = Callable[[frozenset[str]], float]


class Keys(NamedTuple):
    """What tells of each row, without reading it, which others share its answer: arrays of shape (lines,), uint64."""

    answers: np.ndarray
    prompts: np.ndarray
    words: np.ndarray  # of the answer
    opening: np.ndarray  # 0 where the answer is too short to be told by its ends
    ending: np.ndarray


class Read(NamedTuple):
    """What a row says: the words of weight of its prompt and of its answer, and the texts themselves."""

    asked: frozenset[str]
    told: frozenset[str]
    prompt: str
    answer: str

    @classmethod
    def of(cls, example: Example) -> Read:
        prompt, answer = text_of(example, "prompt"), text_of(example, "answer")
        return cls(weighty(prompt), weighty(answer), prompt, answer)

    @property
    def tongue(self) -> str:
        """The language or the script of the prompt; "" where its words do not tell."""
        script, beyond, latin = script_of(self.prompt)
        english, other, most = votes_of(self.prompt)
        if beyond > latin:
            return script
        return other if most >= 2 and most > 2 * english else "en" if english else ""


class Misplaced(NamedTuple):
    """A row with the answer of another one, how well it fits here and there (nats), and whether it was edited."""

    row: int
    other: int
    fit: float
    fit_there: float
    edited: bool
    rarity: Rarity

    def akin(self, one: frozenset[str], two: frozenset[str]) -> bool:
        """Whether two answers have more in common than a word or two that they share by chance."""
        return self.rarity(one & two) >= _CHANCE and _related(one, two, self.rarity)

    def flag(self, at: str, message: str, *related: int) -> Flag:
        """A finding at a path of the row; `related` are rows to look at beside the one where the answer fits."""
        evidence = {"fit": round(self.fit, 1), "fit_there": round(self.fit_there, 1)}
        return Flag(at, message, related=(self.other, *related), evidence=evidence)

    @property
    def how(self) -> str:
        """In what the two answers agree, for a message."""
        return "but for a few words" if self.edited else "word for word"


def ends(batch: Batch) -> np.ndarray:
    """Keys of the first and of the last words of each row's last answer; shape (lines, 2), uint64.

    0 where there is no answer, or a short one.
    """
    out = np.zeros((len(batch.lines), 2), dtype=np.uint64)
    hashes, offsets = batch.words.hashes, batch.words.offsets
    turns = np.flatnonzero(batch.memo(is_last_answer))
    turns = turns[np.diff(offsets)[turns] >= TELLING]
    steps = np.arange(_EDGE)
    weights = mix(steps.astype(np.uint64) + np.uint64(1)) | np.uint64(1)
    for column, first in ((0, offsets[turns]), (1, offsets[turns + 1] - _EDGE)):
        out[batch.turn_lines[turns], column] = (hashes[first[:, None] + steps] * weights).sum(axis=1, dtype=np.uint64)
    return out


def misplaced(
    judged: np.ndarray,
    keys: Keys,
    rows: Rows,
    many: int = _MANY,
    *,
    doubted: np.ndarray | None = None,
    least: float = FITS,
) -> Iterator[Misplaced]:
    """The judged rows whose answer is that of another one and fits the prompt there, by `least` nats, not the one here.

    What `many` prompts have is nobody's answer. `doubted`, bool by line, are the rows that are looked at, all where it
    is None.
    """
    same = list(groups_of(judged, keys.answers, keys.prompts, 2))
    if len(same) > _SHARED * len(unique(keys.answers[judged])):
        return
    groups = [(group, False) for group in same if len(group) < many]
    groups += [(pair, True) for pair in _edited(judged, keys, many)]
    if doubted is not None:
        groups = [(group, edited) for group, edited in groups if doubted[group].any()]
    if not groups:
        return
    rarity = rarity_of(rows, judged[np.argsort(mix(keys.prompts[judged]), kind="stable")][:_SAMPLE])
    seen: set[int] = set()
    for group, edited in groups:
        read = [Read.of(example) for example in rows.examples(group.tolist())]
        fits = [rarity(each.asked & each.told) for each in read]
        best = max(range(len(group)), key=lambda n: (fits[n], -group[n]))
        for n, row in enumerate(group.tolist()):
            if row in seen or (doubted is not None and not doubted[row]):
                continue
            clear = fits[best] - fits[n] >= least and fits[best] >= _LESS * fits[n]
            if clear and _apart(read[n], read[best], rarity) and (not edited or _repeats(read[n], read[best])):
                seen.add(row)
                yield Misplaced(row, int(group[best]), fits[n], fits[best], edited, rarity)


def _apart(here: Read, there: Read, rarity: Rarity) -> bool:
    """Whether one prompt asks for something, the other one for something else, and in the same language."""
    if len(here.asked) < _SAYS - ("?" in here.prompt) or _related(here.asked, there.asked, rarity):
        return False
    one, two = here.tongue, there.tongue
    return not one or not two or one == two


def _repeats(one: Read, two: Read) -> bool:
    """Whether the answers are the same but for a few words."""
    here, there = set(plain_words(one.answer)), set(plain_words(two.answer))
    return len(here & there) >= _SAME * len(here | there)


def _edited(judged: np.ndarray, keys: Keys, many: int) -> list[np.ndarray]:
    """Pairs of rows whose answers open or end alike; none where so many do that they follow a template."""
    long = judged[keys.opening[judged] != 0]
    most = max(_FEW, _SHARE * len(long))
    pairs: set[tuple[int, int]] = set()
    for edge in (keys.opening, keys.ending):
        if _crowded(long, edge, keys, many, most):
            return []
        for group in groups_of(long, edge, keys.answers, 2):
            if len(group) < many:
                pairs.update(pair for pair in combinations(sorted(group.tolist()), 2) if _may(*pair, keys))
            if len(pairs) > most:
                return []
    return [np.array(pair) for pair in sorted(pairs)]


def _crowded(long: np.ndarray, edge: np.ndarray, keys: Keys, many: int, most: float) -> bool:
    """Whether an eighth of the keys shows that twice as many answers open or end alike as are compared."""
    some = long[edge[long] < np.uint64(1 << 61)]
    some = some[np.argsort(edge[some])]
    starts = np.flatnonzero(np.diff(edge[some], prepend=np.uint64(0)) != 0)
    sizes = np.diff(np.append(starts, len(some)))
    ones = starts[(sizes > 1) & (sizes < many)]
    one, two = some[ones], some[ones + 1]
    apart = (keys.answers[one] != keys.answers[two]) & (keys.prompts[one] != keys.prompts[two])
    return bool(8 * apart.sum() > 2 * most)


def _may(one: int, two: int, keys: Keys) -> bool:
    fewer, more = sorted((int(keys.words[one]), int(keys.words[two])))
    return bool(keys.prompts[one] != keys.prompts[two]) and more <= _EDITED * fewer


def groups_of(judged: np.ndarray, keys: np.ndarray, others: np.ndarray, least: int) -> Iterator[np.ndarray]:
    """Rows of one key, one row a value of `others` (the first), where at least so many values have it."""
    judged = _repeated(judged, keys)
    if not len(judged):
        return
    order = judged[np.lexsort((judged, others[judged], keys[judged]))]
    same = np.zeros(len(order), dtype=bool)
    same[1:] = keys[order][1:] == keys[order][:-1]
    again = same.copy()
    again[1:] &= others[order][1:] == others[order][:-1]
    order, same = order[~again], same[~again]
    starts = np.flatnonzero(~same)
    sizes = np.diff(np.append(starts, len(order)))
    for start, size in zip(starts[sizes >= least].tolist(), sizes[sizes >= least].tolist(), strict=True):
        yield order[start : start + size]


def _repeated(judged: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The rows that share their key with another one: in most sets they are few."""
    order = judged[np.argsort(keys[judged])]
    same = keys[order[1:]] == keys[order[:-1]]
    shared = np.zeros(len(order), dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    return order[shared]


def _related(one: frozenset[str], two: frozenset[str], rarity: Rarity) -> bool:
    """Whether two texts share so many words that they may be about one thing."""
    return rarity(one & two) > _APART * min(rarity(one), rarity(two))


def rarity_of(rows: Rows, sample: np.ndarray) -> Rarity:
    """How rare words are together, in nats: of each the logarithm of the share of answers that do not hold it."""
    held = Counter(word for row in rows.examples(sample.tolist()) for word in weighty(text_of(row, "answer")))
    return lambda words: sum(math.log((len(sample) + 1) / (held[word] + 1)) for word in words)


def weighty(text: str) -> frozenset[str]:
    """How the words of weight begin, plurals as singulars; a number is none, for it seldom makes another question."""
    return frozenset(_beginning(w) for w in plain_words(text) if w not in COMMON_WORDS and not w.isdigit())


def _beginning(word: str) -> str:
    return word[:3] if len(word) == 4 and word[3] == "s" and word[2] != "s" else word[:4]


def path_of_answer(example: Example) -> str:
    """The path of the last answer."""
    return next(turn.path for turn in reversed(example.all_turns()) if turn.role == "assistant")
