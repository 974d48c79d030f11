"""Whether two answers to one prompt contradict each other, and by which words.

The plainest evidence goes first: final answers, choices, yes and no; then short answers as a whole; then
sentences that say nearly the same. A rewording is no contradiction, nor are two answers to an open prompt
that share few words.
"""

from __future__ import annotations

import re

from curator.checks.contradictions.facts import compare_facts, on_the_point
from curator.checks.contradictions.finals import (
    AGREED,
    Clash,
    compare_choices,
    compare_finals,
    compare_verdicts,
)
from curator.checks.contradictions.guards import bounded, is_dated
from curator.checks.contradictions.lexicon import lexicon, stem
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.substitutions import (
    TWIN,
    Pair,
    Region,
    clash_of,
    classed,
    common,
    differs,
    negation_clash,
    of_other_things,
    pairs_of,
    regions,
)
from curator.checks.contradictions.text import Answer, Sentence, tokens, value_of
from curator.text.differing import shared_at

ALIKE = 0.7  # the least share of common words of two sentences that say the same thing
ALIKE_OPEN = 0.85  # ... in answers to an open prompt
RELATED = 0.6  # the least share of common words of two answers to an open prompt that can contradict
GIVEN = 2  # words with a meaning of a short answer to an open prompt that the prompt gives
LINE = 8  # words of an answer to an open prompt that says so much that it can be contradicted
SHORT = 12  # words of an answer that is judged as a whole
FEW = 2  # sentences of an answer in which a denial is meant for what is said
BARE = 2  # words with a meaning of an answer that is a number and little else
LONG = 25  # words of an answer whose only number is what it says
SAID = 60  # characters from which on nobody says the same, sign by sign, by chance
EDGE = 16  # characters in which such answers agree at one end at least
DIGITS = 6  # of a number that is no identifier

_COUNTING_OFF = re.compile(r"(?:[#№]\s?|[^\W\d]|[_/-]|(?:^|\n)[^\S\n]*)\Z")  # before a number of a list, or of a name


def judge(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Why two answers to the prompt cannot both be right, None where nothing says so."""
    if prompt.varies:
        return None
    found = settled(prompt, one, two)
    return worded(prompt, one, two, agreed=found is AGREED) if found is None or found is AGREED else found


def settled(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Whether two answers come to two things, or AGREED: final answers, choices, yes and no."""
    if one.refuses or two.refuses:
        return AGREED if one.refuses and two.refuses else None
    return compare_finals(one, two, prompt) or compare_choices(one, two, prompt) or compare_verdicts(one, two)


def worded(prompt: Prompt, one: Answer, two: Answer, *, agreed: bool, apart: bool = False) -> Clash | None:
    """Whether two answers say with nearly the same words what cannot both be right.

    Answers of some length are `apart` that have no two neighbouring words in common: no sentences of theirs are alike.
    """
    if one.refuses != two.refuses:
        return None
    agreed = agreed or one.refuses
    if found := _one_number(one, two):
        return found
    if agreed or prompt.is_open:  # what is left to find is a copy with a word changed
        shared = common(one, two)
        if prompt.is_open and min(len(one.bag), len(two.bag)) < LINE:
            return None if agreed else _only_negated(prompt, one, two)
        if shared < (TWIN if agreed else RELATED):
            return None
        copied = shared >= TWIN
        return _sentences(prompt, one, two, ALIKE if copied and not agreed else ALIKE_OPEN, names=copied)
    names = not prompt.leaves_the_name_open
    return (
        _short(prompt, one, two)
        or (None if apart else _sentences(prompt, one, two, ALIKE, names=names))
        or _denied(prompt, one, two)
        or compare_facts(prompt, one, two)
    )


def _one_number(one: Answer, two: Answer) -> Clash | None:
    """One answer is the other, sign by sign, with another number in one place: whatever is asked, one was altered."""
    here, there = one.text, two.text
    if min(len(here), len(there)) < SAID or abs(len(here) - len(there)) >= DIGITS:
        return None
    if here[:EDGE] != there[:EDGE] and here[-EDGE:] != there[-EDGE:]:
        return None
    start = shared_at(here, there, ends=False)
    rest = min(shared_at(here, there, ends=True), min(len(here), len(there)) - start)
    while start and here[start - 1].isdigit():
        start -= 1
    while rest and here[-rest].isdigit():
        rest -= 1
    places = (start, len(here) - rest), (start, len(there) - rest)
    told = [text[slice(*place)] for text, place in zip((here, there), places, strict=True)]
    brief, full = sorted(told, key=len)
    if full.endswith(brief) and full[: -len(brief)].strip("0") in ("", "19", "20"):
        return None  # "5" and "05", "in the 70s" and "in the 1970s"
    counts_off = _COUNTING_OFF.search(here[max(0, start - EDGE) : start]) is not None
    if counts_off or not all(figure.isdecimal() and len(figure) <= DIGITS for figure in told):
        return None
    in_prose = all(answer.prose[start].isdecimal() for answer in (one, two))
    return Clash("number", *places) if in_prose else None


def _short(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Answers of one sentence each to a question: their only number, or the few words they consist of."""
    if prompt.asks_for_several or len(one.sentences) != 1 or len(two.sentences) != 1:
        return None
    pair = Pair(one.sentences[0], two.sentences[0], (one, two), prompt)
    return _only_numbers(pair) or _few_words(pair)


def _only_numbers(pair: Pair) -> Clash | None:
    """Each answer gives one number that the prompt does not, and they differ."""
    if max(len(pair.one.keys), len(pair.two.keys)) > LONG or _turned(pair):
        return None
    left, right = _number_place(pair.one, pair.prompt), _number_place(pair.two, pair.prompt)
    if left is None or right is None or not differs(pair, left, right) or of_other_things(pair, left, right):
        return None
    if is_dated(pair.one.keys, left) != is_dated(pair.two.keys, right) and not pair.prompt.asks_when:
        return None  # "in 1938", "two writers"
    if pair.prompt.asks_when and not on_the_point(pair.prompt, *pair.whole):
        return None
    if not pair.prompt.asks_for_a_number and max(len(pair.one.content), len(pair.two.content)) > BARE:
        beside = frozenset(pair.one.keys) - {pair.one.keys[left]}, frozenset(pair.two.keys) - {pair.two.keys[right]}
        if 2 * len(beside[0] & beside[1]) < len(beside[0]) + len(beside[1]):
            return None
    one, two = pair.one.tokens[left], pair.two.tokens[right]
    return Clash("number", (one.start, one.end), (two.start, two.end))


def _number_place(sentence: Sentence, prompt: Prompt) -> int | None:
    """The place of the only number of a sentence, numbers of the prompt left out."""
    found = [n for n, key in enumerate(sentence.keys) if key != "one" and value_of(key) is not None]
    fresh = [n for n in found if value_of(sentence.keys[n]) not in prompt.numbers]
    places = fresh or found
    return places[0] if len({sentence.keys[n] for n in places}) == 1 else None


def _few_words(pair: Pair) -> Clash | None:
    """The answers differ in one place alone, and what stands there is a date, a unit, an antonym or a name."""
    if max(len(pair.one.keys), len(pair.two.keys)) > SHORT or _turned(pair):
        return None
    differing = regions(pair.one.keys, pair.two.keys)
    if len(differing) != 1:
        return None
    found = classed(pair, differing[0], names=pair.prompt.asks_for_a_name)
    if found is None or found.kind == "name":
        return found
    if found.kind == "antonym":
        return None if all(_beside(pair, differing[0])) else found
    says_more = not pair.prompt.asks_for_a_number and len(set(_beside(pair, differing[0]))) > 1
    return None if found.kind == "number" and says_more else found


def _beside(pair: Pair, region: Region) -> list[frozenset[str]]:
    """What either side says beside its number or the word of which the other has the opposite: "29 in February"."""
    words = lexicon()
    skip = words.stop | words.hedges | words.facts["frame"] | set(pair.prompt.keys)
    sides = pair.one.keys[slice(*region.one)], pair.two.keys[slice(*region.two)]
    return [
        frozenset(
            key
            for key in side
            if key.isalpha()
            and key not in skip
            and not words.unit(key)
            and not any(words.opposite(key, k) for k in other)
        )
        for side, other in zip(sides, reversed(sides), strict=True)
    ]


def _only_negated(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Answers of one short sentence, of which one is the other with a negation put in and nothing else.

    They say again what the prompt gives, to be put in other words: two lines that were made up may well disagree.
    """
    if len(one.sentences) != 1 or len(two.sentences) != 1 or "?" in one.text + two.text:
        return None
    pair = Pair(one.sentences[0], two.sentences[0], (one, two), prompt)
    if not _turned(pair) or _affirmed(pair.one) != _affirmed(pair.two):
        return None
    said = pair.one.content | pair.two.content
    given = {stem(token.key) for token in tokens(prompt.text)} & said
    return negation_clash(pair) if len(given) >= GIVEN and 2 * len(given) > len(said) else None


def _affirmed(sentence: Sentence) -> list[str]:
    """The words of a sentence without its negations."""
    hidden = set(sentence.negations)
    return [key for place, key in enumerate(sentence.keys) if place not in hidden]


def _turned(pair: Pair) -> bool:
    return (len(pair.one.negations) + len(pair.two.negations)) % 2 == 1


def _sentences(prompt: Prompt, one: Answer, two: Answer, least: float, *, names: bool) -> Clash | None:
    """Sentences that share most of their words, and differ in one that counts."""
    for pair, _ in pairs_of(one, two, prompt, least):
        if clash := clash_of(pair, names=names):
            return clash
    return None


def _denied(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """A sentence of one answer denies what a sentence of the other says with the same words, and more."""
    several = max(len(one.sentences), len(two.sentences)) > FEW
    for denying, saying in ((one, two), (two, one)):
        for negated in denying.denials:
            denied = negated.content if negated.content <= saying.stems else negated.denied
            if len(denied) < 2 or not denied <= saying.stems:
                continue
            for plain in saying.sentences:
                if len(plain.negations) % 2 or not denied <= plain.content or "0" in plain.keys:
                    continue
                if several and len(plain.content) > len(denied) ** 2:
                    continue  # two words stand in a long sentence of a long answer by chance
                if not bounded(negated, plain):
                    first, second = (negated, plain) if denying is one else (plain, negated)
                    return negation_clash(Pair(first, second, (one, two), prompt))
    return None
