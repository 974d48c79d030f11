"""Amounts: numbers, how they are rounded, and what they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from curator.checks.contradictions.lexicon import lexicon
from curator.checks.contradictions.text import Sentence, Token, tokens, value_of

Unit = tuple[str, str, float]


def unit_of(words: Sequence[Token], place: int, text: str) -> Unit | None:
    """The unit behind the number at a place, with what it is said of: "m/s" and "km per hour" are speeds."""
    found = _unit_place(words, place)
    if found is None:
        return None
    unit = lexicon().unit(words[found].key)
    of = _of_time(words, found, text)
    if unit is None or of is None:
        return unit
    dimension = "speed" if unit[0] == "length" else f"{unit[0]} in time"
    return dimension, f"{unit[1]}/{of[0]}", unit[2] / of[1]


def _unit_place(words: Sequence[Token], place: int) -> int | None:
    for near in range(place + 1, min(place + 3, len(words))):
        if lexicon().unit(words[near].key):
            return near
        if words[near].key not in ("degree", "degrees", "°", "square", "cubic", "us"):
            return None
    return None


def _of_time(words: Sequence[Token], place: int, text: str) -> tuple[str, float] | None:
    """The unit of time, and its seconds, that follows a unit as in "/s", "per hour" or "a day"."""
    after = words[place + 1 : place + 3]
    if not after:
        return None
    if text[words[place].end : after[0].start] == "/":
        key = after[0].key
    elif len(after) > 1 and after[0].key in ("per", "a", "an", "each", "every"):
        key = after[1].key
    else:
        return None
    return unit_behind_stroke(key)


def unit_behind_stroke(key: str) -> tuple[str, float] | None:
    """The unit of time, and its seconds, that a word means behind a stroke."""
    unit = lexicon().unit(_SHORT.get(key, key))
    return (unit[1], unit[2]) if unit and unit[0] == "time" else None


_SHORT = {"s": "second", "h": "hour", "d": "day"}  # units behind a stroke alone


def converted(one: float, first: Unit, two: float, second: Unit) -> bool:
    """Whether two amounts are one in two units; temperatures are converted, money is never known to differ."""
    if first[0] == "temperature":
        named = {first[1]: one, second[1]: two}
        if "celsius" in named and "fahrenheit" in named:
            return abs(named["celsius"] * 1.8 + 32 - named["fahrenheit"]) <= 3
        return True
    if not first[2] or not second[2]:
        return True
    amounts = one * first[2], two * second[2]
    return abs(amounts[0] - amounts[1]) <= 0.06 * max(map(abs, amounts))


_LINE = 40  # characters of a text that may hold more than its result
_SEVERAL = 3  # different numbers of such a text: 2,000 and 2000 are one, and so are 0.5, .50 and 1/2
_DIGITS = re.compile(r"[\d.,:/]*\d", re.ASCII)
PLAIN = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)


@lru_cache(maxsize=1 << 12)
def number_in(text: str) -> float | None:
    """The only number of a text, None where there is none or several."""
    if PLAIN.fullmatch(text):
        return float(text.replace(",", ""))
    if _holds_several(text):
        return None
    values = {v for t in tokens(text.replace("\\$", "$")) if (v := value_of(t.key)) is not None}
    return values.pop() if len(values) == 1 else None


def _holds_several(text: str) -> bool:
    """Whether a line holds so many numbers in digits that they are not one and the same, scaled or not."""
    return len(text) > _LINE and len({number.strip(".,") for number in _DIGITS.findall(text)}) > _SEVERAL


def same_number(one: float, two: float) -> bool:
    """Whether two numbers are equal, or one is the other rounded to the places it is written with."""
    if one == two or abs(one - two) <= 1e-9 * max(abs(one), abs(two)):
        return True
    places = sorted((_places(one), _places(two)))
    if 0 < places[0] < places[1]:
        return abs(one - two) <= 0.5001 * 10.0 ** -places[0]
    return False


_ROUND = 100_000  # in text a number that ends so, as 3.7 million does, stands for those that round to it


def rounds_to(one: float, two: float) -> bool:
    """Whether one of two large numbers is the other rounded, to no less than two digits: 3.7 million and 3,748,148.

    So in what is told; of results, 90,000 is not 92,000.
    """
    ends = _zeros(one), _zeros(two)
    coarse, to = (one, ends[0]) if ends[0] > ends[1] else (two, ends[1])
    return ends[0] != ends[1] and to >= _ROUND and abs(coarse) >= 10 * to and abs(one - two) <= 0.5001 * to


def _zeros(value: float) -> float:
    """The largest power of ten that a whole number is a multiple of; 0 of any other number, and of zero."""
    if not value or not value.is_integer():
        return 0.0
    digits = str(int(abs(value)))
    return float(10 ** (len(digits) - len(digits.rstrip("0"))))


def _places(value: float) -> int:
    """Digits behind the point."""
    return 0 if value.is_integer() else len(repr(value).partition(".")[2])


def same_amount(one: str, two: str) -> bool | None:
    """Whether two texts of one number each say the same amount; None where one holds no number, or several.

    Units are converted, and 0.5 is 50 %.
    """
    values = number_in(one), None if number_in(one) is None else number_in(two)
    if values[0] is None or values[1] is None:
        return None
    if same_number(values[0], values[1]):
        return True
    if PLAIN.fullmatch(one) and PLAIN.fullmatch(two):
        return False
    words = [tokens(text) for text in (one, two)]
    keys = [[token.key for token in side] for side in words]
    if ("%" in keys[0]) != ("%" in keys[1]):
        shares = [
            value if "%" in side else 100 * value for value, side in zip(values, keys, strict=True) if value is not None
        ]
        return same_number(shares[0], shares[1])
    units = [_first_unit(side, text) for side, text in zip(words, (one, two), strict=True)]
    if units[0] and units[1] and units[0][0] == units[1][0] and units[0][1] != units[1][1]:
        return converted(values[0], units[0], values[1], units[1])
    return False


def _first_unit(words: Sequence[Token], text: str) -> Unit | None:
    """The unit of the number of a text, or else the first that it names."""
    numbers = (n for n, token in enumerate(words) if value_of(token.key) is not None)
    found = (unit_of(words, place, text) for place in numbers)
    named = (lexicon().unit(token.key) for token in words)
    return next(filter(None, (*found, *named)), None)


def range_of(sentence: Sentence) -> tuple[float, float, int] | None:
    """(least, most, place) where a sentence names two numbers, from one to the other, and no more."""
    places = [place for place, key in enumerate(sentence.keys) if key != "one" and value_of(key) is not None]
    if len(places) != 2 or places[1] - places[0] > 2:
        return None
    between = sentence.keys[places[0] + 1 : places[1]]
    values = value_of(sentence.keys[places[0]]), value_of(sentence.keys[places[1]])
    joined = sentence.text[sentence.tokens[places[0]].end : sentence.tokens[places[1]].start].strip()
    if values[0] is None or values[1] is None or values[0] >= values[1]:
        return None
    return (values[0], values[1], places[0]) if between in (["to"], ["and"]) or joined in ("-", "–", "to") else None
