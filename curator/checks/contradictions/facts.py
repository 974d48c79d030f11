"""What a short answer says, read as that which the question asks for: leave, a duty, a moment, a range, a name, an option.

Two short answers may say opposite things and share hardly a word: "Dogs are welcome", "Pets are not allowed". They are
compared by what they say of what is asked, and only where one of them speaks of nothing else than the question does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from curator.checks.contradictions.amounts import converted, range_of, unit_of
from curator.checks.contradictions.finals import Clash, alike
from curator.checks.contradictions.lexicon import lexicon, stem
from curator.checks.contradictions.moments import Moment, Span, moment
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.text import Answer, Sentence, Token, value_of
from curator.text.patterns import compiled_later

LONGEST = 16  # words of a sentence that is read so
_SENTENCES = 2  # sentences of such an answer
_BEGINNING = 5  # letters that two forms of one word share: photography and photographs, abroad
_STRAYS = 1  # words of one answer that neither the question nor the other answer holds


def compare_facts(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Why two short answers to a question cannot both be right, by what they say of what is asked."""
    if not prompt.is_question:
        return None
    if not (_short(one) and _short(two)):
        return _options(prompt, one, two)
    readings = (_stances, _moments, _ranges, _units, _free, _colours, _names, _options)
    return next(filter(None, (reading(prompt, one, two) for reading in readings)), None)


def _short(answer: Answer) -> bool:
    said = answer.sentences
    return 0 < len(said) <= _SENTENCES and all(len(each.keys) <= LONGEST for each in said) and "?" not in answer.said


def _near(word: str, words: frozenset[str]) -> bool:
    """Whether one of the stems is that of the word, or begins as it does."""
    if word in words:
        return True
    if len(word) >= _BEGINNING and any(word[:_BEGINNING] == other[:_BEGINNING] for other in words):
        return True
    return any(len(other) > 2 and word.startswith(other) for other in words)


def _strays(prompt: Prompt, one: Answer, two: Answer, said: frozenset[str]) -> int:
    """Words with a meaning of the first answer that neither the prompt nor the other holds, those in `said` left out."""
    known = prompt.stems | two.content | said
    return sum(word.isalpha() and not lexicon().unit(word) and not _near(word, known) for word in one.content)


def on_the_point(prompt: Prompt, one: Answer, two: Answer, said: frozenset[str] = frozenset()) -> bool:
    """Whether one of the answers speaks of nothing else than the question does, and the other of little else."""
    sides = ((one, two), (two, one))
    strays = sorted(_strays(prompt, *each, said) for each in sides if each[0].sentences[0].keys[:1] not in _PRONOUNS)
    strays = [0] * (2 - len(strays)) + strays  # "it" is what the question is about
    return strays[0] == 0 and strays[1] <= _STRAYS


_PRONOUNS = [["it"], ["they"], ["he"], ["she"]]

# ---------------------------------------------------------------------- leave and duty


class _Stance(NamedTuple):
    says_yes: bool
    place: int


def _stances(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """What one answer affirms of what is asked and the other denies: leave, a duty, or that a thing is so."""
    if not prompt.asks_yes_or_no or len(one.sentences) != 1 or len(two.sentences) != 1:
        return None
    sides = one.sentences[0], two.sentences[0]
    lists = lexicon().facts
    if not all(lists["conditions"].isdisjoint(side.keys) for side in sides):
        return None
    families = [("may", prompt.asks_for_leave), ("must", prompt.asks_for_duty)]
    for family in (family for family, asked in families if asked):
        yes, no = lists[family], lists[f"{family}_not"]
        stances = [_stance(side, yes, no) for side in sides]
        if clash := _opposed(prompt, one, two, stances, frozenset(map(stem, yes | no))):
            return clash
    for word in _predicates(prompt):
        stances = [_said_of(side, word) for side in sides]
        if clash := _opposed(prompt, one, two, stances, frozenset()):
            return clash
    return None


def _opposed(
    prompt: Prompt, one: Answer, two: Answer, stances: list[_Stance | None], said: frozenset[str]
) -> Clash | None:
    """A clash of an answer that says yes and one that says no to all that is asked."""
    first, second = stances
    if first is None or second is None or first.says_yes == second.says_yes:
        return None
    refusing, other = (two, one) if first.says_yes else (one, two)
    denying = second if first.says_yes else first
    sentence = refusing.sentences[0]
    known = (*prompt.keys, *other.sentences[0].keys)
    if not (lexicon().facts["restrictions"] & set(sentence.keys)).issubset(known):
        return None
    affirmed = other.content - said - lexicon().facts["generic"]
    if affirmed and not any(_near(word, prompt.stems) for word in affirmed):
        return None  # "you may eat in the kitchen": of something else
    opposite = frozenset({stem(sentence.keys[denying.place])})
    if _strays(prompt, refusing, other, said | opposite | lexicon().facts["generic"]):
        return None
    places = (one.sentences[0], first.place), (two.sentences[0], second.place)
    return Clash("yes/no", *(_span(side, place) for side, place in places))


def _stance(sentence: Sentence, yes: frozenset[str], no: frozenset[str]) -> _Stance | None:
    """What a sentence says of what is asked, None where it says both."""
    keys, found = sentence.keys, []
    for place, key in enumerate(keys):
        said = key in yes or ("must" in yes and key == "have" and keys[place + 1 : place + 2] == ["to"])
        if said or key in no:
            behind = 2 if key in lexicon().facts["modal"] else 0
            reach = range(max(0, place - 4), place + behind)
            turned = sum(near in reach for near in sentence.negations) % 2 == 1
            found.append(_Stance(said != turned, place))
    return found[0] if len({stance.says_yes for stance in found}) == 1 else None


def _predicates(prompt: Prompt) -> list[str]:
    """Words of a question, one of which may be what it asks of its subject: "is the shop open on Sundays"."""
    skip = lexicon().stop | lexicon().cues | lexicon().helpers
    return [key for key in dict.fromkeys(prompt.keys) if key.isalpha() and len(key) > 2 and key not in skip]


def _said_of(sentence: Sentence, word: str) -> _Stance | None:
    """Whether a sentence says that something is the word, or its opposite: "is open", "is not open", "is closed"."""
    keys, found = sentence.keys, []
    passed = lexicon().stop | lexicon().cues | lexicon().facts["generic"]
    for place, key in enumerate(keys):
        opposite = key != word and lexicon().opposite(key, word)
        if key != word and not opposite:
            continue
        between = [near for near in range(max(0, place - 3), place) if keys[near] in _IS]
        if not between or not passed.issuperset(map(stem, keys[between[-1] + 1 : place])):
            return None  # it is half full
        end = place + 2 * (keys[place + 1 : place + 2] == ["free"])  # sugar-free
        turned = sum(between[-1] < near < end for near in sentence.negations) % 2 == 1
        found.append(_Stance(opposite == turned, place))
    return found[0] if len(found) == 1 else None


_IS = frozenset("is are was were be been remains stays".split())


def _span(sentence: Sentence, place: int, end: int | None = None) -> Span:
    last = sentence.tokens[place if end is None else end]
    return sentence.tokens[place].start, last.end


# ---------------------------------------------------------------------- moments


def _moments(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Another day, year or hour in answers to when something is, whatever form it is written in."""
    if not prompt.asks_when or _bounded(one) != _bounded(two):
        return None
    first, second = one.memo(moment), two.memo(moment)
    if first is None or second is None:
        return None
    apart = {name for name in first.parts.keys() & second.parts.keys() if not first.parts[name] & second.parts[name]}
    if apart == {"minute"} and _days(prompt, first, one) != _days(prompt, second, two):
        return None  # at 8 on weekdays, at 6 on Saturdays
    if not apart or not on_the_point(prompt, one, two, frozenset(map(stem, lexicon().dates))):
        return None
    return Clash("date", first[1:], second[1:])


def _days(prompt: Prompt, said: Moment, answer: Answer) -> frozenset[object]:
    """The days on which an hour holds, those left out that the prompt names."""
    named = (answer.bag & lexicon().facts["days"]) - prompt.words
    return frozenset({*said.parts.get("weekday", ()), *said.parts.get("day", ()), *named})


def _bounded(answer: Answer) -> frozenset[str]:
    """Words that make a moment a bound or a guess."""
    return answer.bag & lexicon().facts["bounds"]


# ---------------------------------------------------------------------- ranges, and what is free


def _ranges(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Two ranges of one unit that have nothing in common, or a number beside a range: 6 to 8 hours, 2 to 3 hours."""
    if len(one.sentences) != 1 or len(two.sentences) != 1 or _bounded(one) != _bounded(two):
        return None
    sides = one.sentences[0], two.sentences[0]
    ranges = range_of(sides[0]), range_of(sides[1])
    first, second = ranges[0] or _one_number(sides[0]), ranges[1] or _one_number(sides[1])
    if ranges == (None, None) or first is None or second is None:
        return None
    units = [{unit[1] for key in side.keys if (unit := lexicon().unit(key))} for side in sides]
    if units[0] != units[1] or not (units[0] or prompt.asks_for_a_number) or not on_the_point(prompt, one, two):
        return None
    if not (first[1] < second[0] or second[1] < first[0]):
        return None
    return Clash("number", _span(sides[0], first[2]), _span(sides[1], second[2]))


def _one_number(sentence: Sentence) -> tuple[float, float, int] | None:
    """(the number, the number, place) of a sentence that holds one alone."""
    values = [(value, place) for place, key in enumerate(sentence.keys) if (value := value_of(key)) is not None]
    return (values[0][0], values[0][0], values[0][1]) if len(values) == 1 else None


def _units(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """The same number of another unit, whatever else the answers say: 2 metres deep, 2 feet."""
    if len(one.sentences) != 1 or len(two.sentences) != 1:
        return None
    sides = one.sentences[0], two.sentences[0]
    first, second = _one_number(sides[0]), _one_number(sides[1])
    if first is None or second is None or first[0] != second[0]:
        return None
    here, there = (
        unit_of(side.tokens, found[2], side.text) for side, found in zip(sides, (first, second), strict=True)
    )
    if here is None or there is None or here[0] != there[0] or here[1] == there[1] or not (here[2] and there[2]):
        return None
    if converted(first[0], here, second[0], there) or not on_the_point(prompt, one, two):
        return None
    return Clash("unit", _span(sides[0], first[2], first[2] + 1), _span(sides[1], second[2], second[2] + 1))


_PRICE = compiled_later(r"\b(?:how much|price|cost|costs|fee|charge[sd]?|fare|pay)\b")
_PAID = compiled_later(r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|(?:euros?|dollars?|pounds?|cents?|yen|francs?)\b)", re.I)
_FREE = compiled_later(
    r"\b(?:free(?: of charge)?|(?:no|without) (?:charge|fee|cost)|for nothing)\b(?! (?:if|when|from|up|until))", re.I
)


def _free(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """What costs nothing by one answer, and something by the other."""
    if not _PRICE.search(prompt.folded):
        return None
    frees, paid = [_FREE.search(side.said) for side in (one, two)], [_PAID.search(side.said) for side in (one, two)]
    spans = [found.span() for found in (frees[0] or paid[0], frees[1] or paid[1]) if found]
    if len(spans) != 2 or bool(frees[0]) == bool(frees[1]) or any(a and b for a, b in zip(frees, paid, strict=True)):
        return None
    said = frozenset(map(stem, "free charge fee cost pay price get".split()))
    return Clash("number", *spans) if on_the_point(prompt, one, two, said) else None


# ---------------------------------------------------------------------- names and colours

_ASKS_COLOUR = compiled_later(r"\b(?:what|which) (?:is the )?colou?r\b")


def _colours(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Another colour, where the colour of something is asked."""
    if not _ASKS_COLOUR.search(prompt.folded) or prompt.leaves_the_name_open:
        return None
    found = [
        [token for each in side.sentences for token in each.tokens if token.key in lexicon().facts["colours"]]
        for side in (one, two)
    ]
    if any(len(each) != 1 for each in found) or found[0][0].key == found[1][0].key:
        return None
    if {found[0][0].key, found[1][0].key} == {"grey", "gray"} or not on_the_point(
        prompt, one, two, lexicon().facts["colours"]
    ):
        return None
    return Clash("name", *((each[0].start, each[0].end) for each in found))


def _names(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Another name, where one is asked for: what is left of either answer without the words of the question."""
    if not prompt.asks_for_a_name or prompt.asks_when or len(one.sentences) != 1 or len(two.sentences) != 1:
        return None
    left, right = _named(prompt, one.sentences[0]), _named(prompt, two.sentences[0])
    if not left or not right or {stem(t.key) for t in left} & {stem(t.key) for t in right}:
        return None
    if left[-1].key in two.bag or right[-1].key in one.bag:
        return None
    texts = [" ".join(token.key for token in side) for side in (left, right)]
    if alike(*texts):
        return None
    return Clash("name", (left[0].start, left[-1].end), (right[0].start, right[-1].end))


def _named(prompt: Prompt, sentence: Sentence) -> list[Token]:
    """The name that a sentence adds to the words of the question; empty where it adds other words, or several names."""
    words = lexicon()
    if sentence.negations or "," in sentence.text[sentence.start : sentence.end] or {"and", "or"} & set(sentence.keys):
        return []
    places = [
        place
        for place, token in enumerate(sentence.tokens)
        if token.key not in words.stop and token.key not in _SMALL and not _near(stem(token.key), prompt.stems)
    ]
    if not places or places[-1] - places[0] >= len(places) or len(places) > 3:
        return []  # nothing, two names apart, or more than a name
    named = [sentence.tokens[place] for place in places]
    whole = all(token.capital and token.key.isalpha() and token.key not in words.dates for token in named)
    return named if whole and words.facts["roles"].isdisjoint(token.key for token in named) else []


_SMALL = frozenset("'s please de da di von van called named known".split())

# ---------------------------------------------------------------------- options of a command

_ASKS_OPTION = compiled_later(r"\b(?:which|what) (?:\S+ ){0,3}?(?:flag|option|switch|argument|parameter)\b")
_BRIEF = 120  # characters of an answer that names an option, code included
_OPTION = compiled_later(r"(?<![\w-])(?:--[A-Za-z][\w-]+|-[A-Za-z]+)(?![\w-])")


def _options(prompt: Prompt, one: Answer, two: Answer) -> Clash | None:
    """Another option, where that of a command is asked: both are letters, or both are words; -r may be -R."""
    if max(len(one.said), len(two.said)) > _BRIEF or not _ASKS_OPTION.search(prompt.folded):
        return None
    found = [list(_OPTION.finditer(side.said)) for side in (one, two)]
    if any(len({match.group() for match in each}) != 1 for each in found):
        return None
    first, second = found[0][0], found[1][0]
    names = [match.group().lower() for match in (first, second)]
    if names[0].startswith("--") != names[1].startswith("--") or sorted(names[0]) == sorted(names[1]):
        return None
    return Clash("final answer", first.span(), second.span())
