"""Two sentences that say nearly the same: the words in which they differ, classed.

A substitution of a number, a date, a unit, an antonym or a name makes a sentence say something else; one
of any other word is taken for a rewording.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from curator.checks.contradictions.amounts import (
    Unit,
    converted,
    range_of,
    rounds_to,
    same_number,
    unit_behind_stroke,
    unit_of,
)
from curator.checks.contradictions.finals import Clash, alike
from curator.checks.contradictions.guards import YEARS, bounded, is_ingredient, is_stamp
from curator.checks.contradictions.lexicon import lexicon, stem
from curator.checks.contradictions.moves import in_order_of
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.text import Answer, Sentence, Token, value_of

LONG = 6  # words with a meaning of a sentence that may change one of them beside its negation
ROUGH = 0.25  # what sentences may share less by their words as they stand than by their words as compared
TWIN = 0.85  # the least share of common words of two answers of which one is a copy of the other
NEAR = 0.15  # share by which a rounded number may differ from the number
FRAMED = 0.6  # the least share of common words of sentences that differ where all others are the same, and in order
BOTH_NEAR = 0.25  # ... and from another rounded one
COPY = 6  # words of a sentence that is a copy when one place of it differs


class Region(NamedTuple):
    """Words of one sentence that stand where others stand in its twin; one side may be empty."""

    one: tuple[int, int]
    two: tuple[int, int]


class Pair(NamedTuple):
    """What is compared: two sentences, the answers they stand in, the prompt they answer."""

    one: Sentence
    two: Sentence
    whole: tuple[Answer, Answer]
    prompt: Prompt
    copied: bool = False  # the sentences are long, and differ in one place alone


def regions(one: Sequence[str], two: Sequence[str]) -> list[Region]:
    """Where two lists of words differ, in order; differences side by side are one."""
    from rapidfuzz.distance import Indel, Levenshtein

    opcodes = Levenshtein.opcodes(one, two) if len(one) == len(two) else Indel.opcodes(one, two)
    out: list[Region] = []
    for code in opcodes:
        if code.tag == "equal":
            continue
        low, start = code.src_start, code.dest_start
        if out and out[-1].one[1] == low and out[-1].two[1] == start:
            out[-1] = Region((out[-1].one[0], code.src_end), (out[-1].two[0], code.dest_end))
        else:
            out.append(Region((low, code.src_end), (start, code.dest_end)))
    return out


def clash_of(pair: Pair, *, names: bool) -> Clash | None:
    """The substitution that makes one sentence contradict the other, None where there is none."""
    if clash := _exchanged(pair) or _turned_about(pair):
        return clash
    written, pair = pair, pair._replace(two=in_order_of(pair.one, pair.two))
    differing = regions(pair.one.keys, pair.two.keys)
    pair = pair._replace(copied=len(differing) == 1 and min(len(pair.one.keys), len(pair.two.keys)) >= COPY)
    turned = (len(pair.one.negations) + len(pair.two.negations)) % 2 == 1
    flips: list[Clash] = []
    firm: list[Clash] = []
    for region in differing:
        found = classed(pair, region, names)
        if found and found.kind == "antonym":
            if _converse(written, found):
                return None
            flips.append(found)
        elif found:
            firm.append(found)
    if turned:
        return None if flips or firm else _negation(pair, differing)
    if flips and (firm or any(_recounted(pair, region) for region in differing)):
        return None  # "began in 1939" and "ended in 1945", "a soft egg takes 6 minutes": of two things
    if len(flips) % 2:
        return flips[0]
    return firm[0] if firm and not (len(firm) > 1 and _other_times(pair, firm)) else None


def _exchanged(pair: Pair) -> Clash | None:
    """Two numbers that have changed places, each beside a word of its own: "12 for adults and 6 for children"."""
    one, two = pair.one.keys, pair.two.keys
    places = [n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    counted = all(value_of(keys[n]) is not None for keys in (one, two) for n in places)
    if len(one) != len(two) or len(places) != 2 or not counted:
        return None
    first, second = places
    if one[first] != two[second] or one[second] != two[first] or not _told_apart(one, first, second):
        return None
    return _clash("number", pair, (first, first + 1), (first, first + 1))


def _turned_about(pair: Pair) -> Clash | None:
    """Two words that have changed places round a word that tells them apart: "France is larger than Spain"."""
    one, two = pair.one.keys, pair.two.keys
    places = [n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    if len(one) != len(two) or len(places) != 2 or len(pair.one.negations) + len(pair.two.negations):
        return None
    first, second = places
    between = one[first + 1 : second]
    exchanged = (
        one[first] == two[second] and one[second] == two[first] and one[first].isalpha() and one[second].isalpha()
    )
    if not exchanged or {one[first], one[second]} & lexicon().stop or lexicon().directions.isdisjoint(between):
        return None
    return _clash("order", pair, (first, first + 1), (first, first + 1))


def _converse(pair: Pair, opposites: Clash) -> bool:
    """Whether two opposites stand between words that have changed places: "A is larger than B", "B is smaller than A"."""
    before, behind = _around(pair.one, opposites.one)
    first, last = _around(pair.two, opposites.two)
    return bool(before and behind) and before != behind and (before, behind) == (last, first)


def _around(sentence: Sentence, place: tuple[int, int]) -> tuple[set[str], set[str]]:
    """The stems of the words with a meaning before a place of the text, and behind it."""
    keys, tokens = sentence.keys, sentence.tokens
    first = sum(token.end <= place[0] for token in tokens)
    last = sum(token.start < place[1] for token in tokens)
    return _subjects(keys[:first]), _subjects(keys[last:])


def _told_apart(keys: Sequence[str], first: int, second: int) -> bool:
    """Whether each of two numbers has a word of its own before it, or behind it, that says what it is of."""
    before = _subjects(keys[:first]), _subjects(keys[first + 1 : second])
    behind = before[1], _subjects(keys[second + 1 :])
    return any(a - b and b - a for a, b in (before, behind))


def _subjects(keys: Sequence[str]) -> set[str]:
    """Stems of the words with a meaning, units and signs left out."""
    words = lexicon()
    return {stem(key) for key in keys if key.isalpha() and key not in words.stop and not words.unit(key)}


def _recounted(pair: Pair, region: Region) -> bool:
    """Whether a number stands in the place of another one."""
    one, two = ({key for key in side if _numeric(key)} for side in _keys_of(pair, region))
    return bool(one and two) and one != two


def _keys_of(pair: Pair, region: Region) -> tuple[list[str], list[str]]:
    return pair.one.keys[slice(*region.one)], pair.two.keys[slice(*region.two)]


def _other_times(pair: Pair, found: list[Clash]) -> bool:
    """Whether what differs is said of different times: "2.6 in 2020", "2.9 in 2021"."""
    kinds = [_YEAR.fullmatch(pair.one.text, *clash.one) is not None or clash.kind == "date" for clash in found]
    return any(kinds) and not all(kinds)


_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")


def _span(sentence: Sentence, low: int, high: int) -> tuple[int, int]:
    if low == high:  # nothing stands here: the word before, or the one after
        low, high = (low - 1, low) if low else (0, 1)
    first, last = sentence.tokens[low], sentence.tokens[min(high, len(sentence.tokens)) - 1]
    if last.end < first.end:  # words that were put in order may stand before it
        last = first
    return first.start, last.end


def _clash(kind: str, pair: Pair, one: tuple[int, int], two: tuple[int, int]) -> Clash:
    return Clash(kind, _span(pair.one, *one), _span(pair.two, *two))


# ---------------------------------------------------------------------- negation


def _negation(pair: Pair, differing: list[Region]) -> Clash | None:
    """A negation that one sentence has and the other lacks, unless it came with a clause of its own."""
    first = len(pair.one.negations) > len(pair.two.negations)
    negated, plain = (pair.one, pair.two) if first else (pair.two, pair.one)
    if "0" in plain.keys and "0" not in negated.keys:
        return None  # "scored 0 points" is "did not score"
    if bounded(negated, plain):
        return None
    words = lexicon()
    added: set[str] = set()
    excess = 0
    for region in differing:
        (low, high), (start, end) = (region.one, region.two) if first else (region.two, region.one)
        mine = {stem(k) for k in negated.keys[low:high] if k not in words.stop | words.cues | words.helpers}
        mine -= plain.content
        theirs = [key for key in plain.keys[start:end] if key not in words.helpers]
        denied = any(low <= place < high for place in negated.negations)
        other = len(mine) > 1 or len(theirs) != 1 or len(negated.content) < LONG
        if mine and (_replaced(pair, region, negated) or (denied and other)):
            return None
        if not _introduces(negated, high):
            added |= mine
            excess += max(0, len(mine) - (end - start))
    reworded = not excess or len(added) <= len(plain.content - negated.content)
    return negation_clash(pair, differing) if reworded else None


def _replaced(pair: Pair, region: Region, negated: Sentence) -> bool:
    """Whether a short sentence denies another thing than is said: "you may feed the goats", "not the lions"."""
    skip = lexicon().stop | lexicon().cues | lexicon().helpers
    sides = [[key for key in side if key not in skip] for side in _keys_of(pair, region)]
    return len(negated.content) < LONG and all(sides)


def _introduces(sentence: Sentence, high: int) -> bool:
    """Whether the words before place `high` are no more than an opening: "In short, ..."."""
    return 0 < high <= 4 and not set(",:").isdisjoint(sentence.text[sentence.start : sentence.tokens[high - 1].end + 1])


def negation_clash(pair: Pair, differing: list[Region] | None = None) -> Clash:
    """The clash of two sentences of which one is turned round: the differing words that hold the negation."""
    for region in regions(pair.one.keys, pair.two.keys) if differing is None else differing:
        for sentence, (low, high) in ((pair.one, region.one), (pair.two, region.two)):
            if any(low <= place < high for place in sentence.negations):
                return _clash("negation", pair, region.one, region.two)
    places = [(s.negations[0], s.negations[0] + 1) if s.negations else (0, len(s.keys)) for s in (pair.one, pair.two)]
    return _clash("negation", pair, places[0], places[1])


# ---------------------------------------------------------------------- other substitutions


def classed(pair: Pair, region: Region, names: bool) -> Clash | None:
    """The substitution in one region, None where it may be a rewording."""
    if region.one[0] == region.one[1] or region.two[0] == region.two[1]:
        return None
    ones, twos = pair.one.tokens[slice(*region.one)], pair.two.tokens[slice(*region.two)]
    for kind, test in (("number", _numbers), ("date", _dates), ("unit", _units), ("antonym", _antonyms)):
        places = test(pair, region, ones, twos)
        if places:
            low, start = places
            one = (region.one[0] + low, region.one[0] + low + 1)
            two = (region.two[0] + start, region.two[0] + start + 1)
            return _clash(kind, pair, one, two)
    if names and _names(pair, region, ones, twos):
        return _clash("name", pair, region.one, region.two)
    return None


Places = tuple[int, int] | None


def _numbers(pair: Pair, region: Region, ones: list[Token], twos: list[Token]) -> Places:
    """One number on either side, of another value, that neither is an example nor a bound nor said by both."""
    counted = [[n for n, t in enumerate(side) if _numeric(t.key)] for side in (ones, twos)]
    if len(counted[0]) != len(counted[1]) or not counted[0] or len(counted[0]) > 2 or _of_recipes(pair):
        return None
    for left, right in zip(*counted, strict=True):
        here, there = ones[left], twos[right]
        if here.key == there.key or "one" == here.key == there.key:
            continue
        if _both_say(pair, here.key, there.key) or _of_examples(pair, region) or _ranges_meet(pair, region):
            continue
        places = region.one[0] + left, region.two[0] + right
        if differs(pair, *places) and not of_other_things(pair, *places):
            return left, right
    return None


def _of_recipes(pair: Pair) -> bool:
    """Whether the sentences are lines of two recipes, of which neither is a copy of the other."""
    return is_ingredient(pair.one) and is_ingredient(pair.two) and common(*pair.whole) < TWIN


def _ranges_meet(pair: Pair, region: Region) -> bool:
    """Whether the region is part of two ranges that have something in common: 15 to 20 minutes, 10-15 minutes."""
    one, two = range_of(pair.one), range_of(pair.two)
    if one is None or two is None or (_is_twin(pair) and (one[0] == two[0] or one[1] == two[1])):
        return False  # of a copy in which one number is another, nobody says that it was estimated anew
    inside = region.one[1] > one[2] and region.two[1] > two[2]
    return inside and one[0] <= two[1] and two[0] <= one[1]


def _numeric(key: str) -> bool:
    return key[0].isdigit() or key == "one" or (key[0] in "-#" and key[1:2].isdigit())


def _day_and_year(pair: Pair, left: int, right: int, *, turned: bool = False) -> bool:
    """Whether the first (turned: the second) number is a day beside its month, and the other a year: "5 March 2021"."""
    sides = ((pair.one.keys, left), (pair.two.keys, right))
    (keys, place), (others, year) = reversed(sides) if turned else sides
    day, number = value_of(keys[place].removeprefix("#")), value_of(others[year])
    if day is None or number is None or not (1 <= day <= _DAYS and YEARS[0] <= number < YEARS[1]):
        return False
    return not lexicon().dates.keys().isdisjoint((*keys[max(0, place - 1) : place], *keys[place + 1 : place + 2]))


_DAYS = 31


def differs(pair: Pair, left: int, right: int) -> bool:
    """Whether two numbers at these places of the sentences say another amount."""
    one, two = pair.one.keys, pair.two.keys
    values = value_of(one[left]), value_of(two[right])
    if values[0] is None or values[1] is None:
        if _one_time(pair, left, right):
            return False
        ordinals = one[left][0] == "#", two[right][0] == "#"
        if ordinals[0] != ordinals[1] or (ordinals[0] and 0 in (left, right)):
            return False  # "first" opens a sentence in many an order
        return values == (None, None)
    if same_number(values[0], values[1]) or rounds_to(values[0], values[1]) or _grouped_by_points(pair, left, right):
        return False
    if is_stamp(one, left) or is_stamp(two, right):
        return False
    if _day_and_year(pair, left, right) or _day_and_year(pair, left, right, turned=True):
        return False
    words = lexicon()
    if any(
        keys[place + 1 : place + 2] and keys[place + 1] in words.fractions
        for keys, place in ((one, left), (two, right))
    ):
        return False
    units = [unit_of(side.tokens, place, side.text) for side, place in ((pair.one, left), (pair.two, right))]
    if units[0] and units[1] and units[0][1] != units[1][1] and not _time_left_out(pair.prompt, units[0], units[1]):
        return units[0][0] == units[1][0] and not converted(values[0], units[0], values[1], units[1])
    if not _one_rate(pair.prompt, _rate(one, left), _rate(two, right)) or _one_decade(pair, left, right):
        return False
    bounds = [_bounds(keys, place) for keys, place in ((one, left), (two, right))]
    if pair.copied and bounds[0] == bounds[1]:
        return True
    if bounds[0] != bounds[1] or bounds[0] & {"about", "approximately", "around", "roughly", "nearly", "almost"}:
        return abs(values[0] - values[1]) > (NEAR if bounds[0] != bounds[1] else BOTH_NEAR) * max(
            abs(values[0]), abs(values[1])
        ) and not (
            (bounds[0] ^ bounds[1])
            - {"about", "approximately", "around", "roughly", "nearly", "almost", "to", "or", "some"}
        )
    if {one[left + 1] if left + 1 < len(one) else "", two[right + 1] if right + 1 < len(two) else ""} & {"%"}:
        return not (same_number(values[0] * 100, values[1]) or same_number(values[0], values[1] * 100))
    return True


def _grouped_by_points(pair: Pair, left: int, right: int) -> bool:
    """Whether one number is the other with points between its thousands, as most of Europe writes it: 1.500, 1500."""
    sides = ((pair.one, left), (pair.two, right))
    written = [side.text[side.tokens[place].start : side.tokens[place].end] for side, place in sides]
    values = [value_of(side.keys[place]) for side, place in sides]
    return any(
        _POINTS.fullmatch(text) is not None and float(text.replace(".", "")) == other
        for text, other in zip(written, reversed(values), strict=True)
    )


_POINTS = re.compile(r"\d{1,3}(?:\.\d{3})+")


_OR_SO = frozenset({("or", "so"), ("or", "more"), ("or", "less"), ("or", "thereabouts")})


def _bounds(keys: Sequence[str], place: int) -> set[str]:
    """The words before a number that make it a bound or a guess, or behind it; "up" is one in "up to" alone."""
    if tuple(keys[place + 1 : place + 3]) in _OR_SO:
        return {"about"}
    before = {*keys[max(0, place - 2) : place]}
    return before & lexicon().hedges if "to" in before or "up" not in before else before & lexicon().hedges - {"up"}


def _rate(keys: Sequence[str], place: int) -> str:
    """The unit behind "a" or "per" after a number: "$10 a month" is month."""
    for near in range(place + 1, min(place + 4, len(keys) - 1)):
        if keys[near] in ("a", "an", "per", "each", "every") and (unit := lexicon().unit(keys[near + 1])):
            return unit[1]
    return ""


def _one_rate(prompt: Prompt, one: str, two: str) -> bool:
    """Whether two numbers are told for the same time, or one leaves out the time that the prompt names: "a monthly pass"."""
    return one == two or (
        not (one and two) and not lexicon().rates.get(one or two, frozenset()).isdisjoint(prompt.words)
    )


def _time_left_out(prompt: Prompt, one: Unit, two: Unit) -> bool:
    """Whether one unit is the other for a time that the prompt names: $45, and $54 per month for a monthly pass."""
    plain, rate = sorted((one[1], two[1]), key=len)
    return rate.startswith(plain + "/") and _one_rate(prompt, rate.rpartition("/")[2], "")


def _one_time(pair: Pair, left: int, right: int) -> bool:
    """Whether two times of the clock are one: 11:45 pm is 23:45."""
    times = [_minutes(side, place) for side, place in ((pair.one, left), (pair.two, right))]
    if times[0] is None or times[1] is None:
        return False
    halves = times[0][1], times[1][1]
    if all(halves) or not any(halves):
        return times[0][0] == times[1][0]
    return times[0][0] == times[1][0] or bool((times[0][0] - times[1][0]) % 720 == 0 and "pm" in halves)


def _minutes(sentence: Sentence, place: int) -> tuple[int, str] | None:
    """(minute of the day, "am", "pm" or "") of a time of the clock."""
    token = sentence.tokens[place]
    found = _CLOCK.match(sentence.text, token.start)
    if found is None or found.end(2) < token.end:
        return None
    half = (found[3] or "").lower() and found[3].lower() + "m"
    hour = int(found[1]) % 12 + 12 * (half == "pm") if half else int(found[1])
    return 60 * hour + int(found[2] or 0), half


_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?!\d)(?:\s?([apAP])\.?[mM]\b)?")


def _one_decade(pair: Pair, left: int, right: int) -> bool:
    """Whether one number is a decade in which the other lies, or the same one: 1987, the 1980s, the 80s."""
    sides = [(side.text, side.tokens[place]) for side, place in ((pair.one, left), (pair.two, right))]
    decades = [text[token.end : token.end + 1] == "s" and token.key.endswith("0") for text, token in sides]
    one, two = sorted((token.key[:-1] for _, token in sides), key=len)
    return any(decades) and bool(one) and (one == two or (all(decades) and len(two) == 3 and two.endswith(one)))


def of_other_things(pair: Pair, left: int, right: int) -> bool:
    """Whether two numbers count two things, or are of two opposite events: "3 bedrooms", "2 bathrooms"."""
    one, two, words = pair.one.keys, pair.two.keys, lexicon()
    here, there = (
        [key for key in keys if key not in others and key.isalpha() and key not in words.stop]
        for keys, others in ((one, pair.two.bag), (two, pair.one.bag))
    )
    if any(words.opposite(a, b) or words.contrasted(a, b) for a in here for b in there):
        return True
    counted = [keys[place + 1] if place + 1 < len(keys) else "" for keys, place in ((one, left), (two, right))]
    if counted[0] not in here or counted[1] not in there or any(map(words.unit, counted)):
        return False
    if stem(counted[0]) != stem(counted[1]) and _compound(*counted):
        return True
    return not alike(*counted) and stem(counted[0]) not in pair.two.content and stem(counted[1]) not in pair.one.content


def _compound(one: str, two: str) -> bool:
    """Whether one noun is a kind of the other: bedrooms are rooms."""
    short, long = sorted((one, two), key=len)
    return len(short) > 3 and len(long) - len(short) > 2 and long.endswith(short)


def _dates(pair: Pair, region: Region, ones: list[Token], twos: list[Token]) -> Places:
    dates = lexicon().dates
    found = [[n for n, t in enumerate(side) if t.key in dates] for side in (ones, twos)]
    if len(found[0]) != 1 or len(found[1]) != 1:
        return None
    here, there = ones[found[0][0]], twos[found[1][0]]
    kinds = dates[here.key], dates[there.key]
    if kinds[0][0] != kinds[1][0] or kinds[0] == kinds[1] or _both_say(pair, here.key, there.key):
        return None
    if kinds[0][0] == "month" and not (here.capital and there.capital):
        return None  # may, march
    if kinds[0][0] == "half" and not all(
        place and _numeric(keys[place - 1])
        for keys, place in (
            (pair.one.keys, region.one[0] + found[0][0]),
            (pair.two.keys, region.two[0] + found[1][0]),
        )
    ):
        return None
    return None if _of_examples(pair, region) else (found[0][0], found[1][0])


def _units(pair: Pair, region: Region, ones: list[Token], twos: list[Token]) -> Places:
    """Another unit of the same dimension after the same number."""
    words = lexicon()
    found = [[n for n, t in enumerate(side) if words.unit(t.key)] for side in (ones, twos)]
    if len(ones) == len(twos) == 1 and _of_two_rates(pair, ones[0], twos[0]):
        return 0, 0
    if len(found[0]) != 1 or len(found[1]) != 1 or _of_recipes(pair):
        return None
    places = region.one[0] + found[0][0], region.two[0] + found[1][0]
    units = words.unit(ones[found[0][0]].key), words.unit(twos[found[1][0]].key)
    if units[0] is None or units[1] is None or units[0][0] != units[1][0] or units[0][1] == units[1][1]:
        return None
    numbers = [_number_before(keys, place) for keys, place in zip((pair.one.keys, pair.two.keys), places, strict=True)]
    if units[0][0] == "temperature":
        same = numbers[0] == numbers[1]
    else:
        same = numbers[0] is not None and numbers[0] == numbers[1]
        if numbers[0] in ("per", "a", "an"):  # "$120 a year" may be "$10 a month"
            same = same and set(filter(_numeric, pair.one.keys)) == set(filter(_numeric, pair.two.keys))
    return (found[0][0], found[1][0]) if same else None


def _of_two_rates(pair: Pair, one: Token, two: Token) -> bool:
    """Whether two units of time stand behind strokes, and all before them is the same: 12 l/min, 12 l/h."""
    sides = ((pair.one, one), (pair.two, two))
    if any(side.text[token.start - 1 : token.start] != "/" for side, token in sides):
        return False
    units = [unit_behind_stroke(token.key) for _, token in sides]
    same = set(filter(_numeric, pair.one.keys)) == set(filter(_numeric, pair.two.keys))
    return same and units[0] is not None and units[1] is not None and units[0] != units[1]


def _number_before(keys: Sequence[str], place: int) -> str | None:
    for key in reversed(keys[max(0, place - 3) : place]):
        if _numeric(key) or key in ("per", "a", "an", "half", "several", "hundred", "thousand"):
            return key
        if key not in ("degree", "degrees", "°", "square", "cubic", "million", "of"):
            return None
    return None


def _antonyms(pair: Pair, region: Region, ones: list[Token], twos: list[Token]) -> Places:
    """An antonym where neither side is a negation, which is counted by itself."""
    words = lexicon()
    content = [
        [n for n, t in enumerate(side) if t.key not in words.cues and (t.key[0].isalpha() or t.key in words.spelt)]
        for side in (ones, twos)
    ]
    if not content[0] or not content[1] or abs(len(content[0]) - len(content[1])) > 1 or len(content[0]) > 4:
        return None
    opposed = [
        (left, right)
        for left in content[0]
        for right in content[1]
        if words.opposite(here := ones[left].key, there := twos[right].key)
        and not _halves(pair, ones[left], twos[right])
        and not _some(pair, region, left, right)
        and not _both_say(pair, here, there)
    ]
    turned = len({left for left, _ in opposed}), len({right for _, right in opposed})
    return opposed[0] if 1 in turned else None  # "toward light", "away from darkness"


def _some(pair: Pair, region: Region, left: int, right: int) -> bool:
    """Whether one of the words is "a few", which is some of many."""
    sides = ((pair.one.keys, region.one[0] + left), (pair.two.keys, region.two[0] + right))
    return any(keys[place] == "few" and place and keys[place - 1] == "a" for keys, place in sides)


def _halves(pair: Pair, here: Token, there: Token) -> bool:
    """Whether both are said of a half: what is half full is half empty."""
    sides = ((pair.one, here), (pair.two, there))
    return all(side.text[: token.start].rstrip(" -").lower().endswith("half") for side, token in sides)


def _names(pair: Pair, region: Region, ones: list[Token], twos: list[Token]) -> bool:
    """Another name in the place of a name, where the prompt asks for one and neither text says both."""
    if _of_examples(pair, region) or _listed(pair, region):
        return False
    if any("and" in {t.key for t in side} for side in (ones, twos)):
        return False  # several names: each of them may be one of those that are asked for
    spans = [[t for t in side if t.key not in _PARTICLES] for side in (ones, twos)]
    if not all(0 < len(side) <= 4 and all(t.capital and t.key.isalpha() for t in side) for side in spans):
        return False
    for side, sentence, place, answer in (
        (spans[0], pair.one, region.one[0], pair.whole[0]),
        (spans[1], pair.two, region.two[0], pair.whole[1]),
    ):
        heads = place == 0 and len(side) < len(sentence.tokens)
        if heads and not _is_subject(sentence, side) and not _name_elsewhere(side, answer, pair):
            return False
        said = place and sentence.keys[place - 1] in _DEFINED  # "the CEO of Acme is Mary Jones" is no heading
        if (_title(sentence) and not said) or any(t.key in lexicon().stop or t.key in lexicon().dates for t in side):
            return False
    texts = [" ".join(t.key for t in side) for side in spans]
    if any(stem(a.key) == stem(b.key) for a in spans[0] for b in spans[1]):
        return False
    if spans[0][-1].key in pair.whole[1].keys and spans[1][-1].key in pair.whole[0].keys:
        return False
    return not alike(*texts)


_PARTICLES = frozenset("the a an 's of da de di do du del della der den van von le la el al bin ibn".split())
_DEFINED = frozenset("is was".split())


def _name_elsewhere(side: list[Token], answer: Answer, pair: Pair) -> bool:
    """Whether words at the head of a sentence are a name: they are several, or capital within a sentence too."""
    if len(side) > 1:
        return True
    word = side[0].key
    shown = re.compile(rf"\w {re.escape(word.capitalize())}\b")
    return any(shown.search(text) for text in (answer.prose, pair.prompt.text))


def _is_subject(sentence: Sentence, side: list[Token]) -> bool:
    """Whether words at the head of a sentence are said to be the one thing of a kind: "Brazil is the largest"."""
    return sentence.keys[len(side)] in _DEFINED and sentence.keys[len(side) + 1 : len(side) + 2] == ["the"]


def _title(sentence: Sentence) -> bool:
    """Whether most words are capital: a heading, in which capitals say nothing."""
    letters = [t for t in sentence.tokens if t.key[0].isalpha()]
    return len(letters) > 4 and sum(t.capital for t in letters) > 0.6 * len(letters)


def common(one: Answer, two: Answer) -> float:
    """The share of words (Dice, of sets) that two answers have in common."""
    total = len(one.bag) + len(two.bag)
    return 2 * len(one.bag & two.bag) / total if total else 0.0


def _is_twin(pair: Pair) -> bool:
    """Whether a sentence is a copy but for one place, in an answer that is a copy as well."""
    return pair.copied and common(*pair.whole) >= TWIN


def _both_say(pair: Pair, here: str, there: str) -> bool:
    """Whether either answer says both words: then they speak of two things, not of one in two ways."""
    if pair.copied or _of_one_thing(pair):
        return False
    return there in pair.whole[0].keys and here in pair.whole[1].keys


def _of_one_thing(pair: Pair) -> bool:
    """Whether the sentences are the same but for a number, and a word of theirs is in no other: "Tea: $2", "Tea: $3"."""
    one, two = ([key for key in side.keys if not _numeric(key)] for side in (pair.one, pair.two))
    if one != two or len(pair.one.keys) != len(one) + 1 or len(pair.two.keys) != len(two) + 1:
        return False
    words = lexicon()
    own = {key for key in one if key.isalpha() and key not in words.stop and not words.unit(key)}
    for answer, mine in zip(pair.whole, (pair.one, pair.two), strict=True):
        own -= {key for sentence in answer.sentences if sentence is not mine for key in sentence.keys}
    return bool(own)


def _of_examples(pair: Pair, region: Region) -> bool:
    """Whether the words stand behind "for example", "such as" or the like, in either sentence."""
    examples = lexicon().examples
    if _is_twin(pair):
        return False
    return any(
        not examples.isdisjoint(sentence.keys[:place])
        for sentence, place in ((pair.one, region.one[0]), (pair.two, region.two[0]))
    )


def _listed(pair: Pair, region: Region) -> bool:
    """Whether the words are one of a list: a comma or "and" on both sides, or on one and the end on the other."""
    for sentence, (low, high) in ((pair.one, region.one), (pair.two, region.two)):
        items = sentence.tokens
        before = sentence.text[items[low - 1].end : items[low].start] if low else ""
        after = sentence.text[items[high - 1].end : items[high].start] if high < len(items) else ""
        joined = ("," in before or (low and items[low - 1].key in ("and", "or"))) + (
            "," in after or (high < len(items) and items[high].key in ("and", "or"))
        )
        if joined == 2 or (joined and high >= len(items) and low and items[low - 1].key in ("and", "or")):
            return True
    return False


def pairs_of(one: Answer, two: Answer, prompt: Prompt, least: float) -> Iterator[tuple[Pair, float]]:
    """Sentences of the two answers that say nearly the same, each with the one it is most alike, best first.

    `least` is the least share of common words (Dice, of bags of words).
    """
    left, right = _rest(one, two), _rest(two, one)
    scored = []
    framed = list(left) == list(right) and 0 < len(left) < len(one.folded) == len(two.folded)
    if framed and least < TWIN and not prompt.is_open:
        least = min(least, FRAMED)
    rough = least - ROUGH
    others = [(m, other := two.words_of(m), len(other)) for m in right]
    for n in left if right else ():
        bag = one.words_of(n)
        size = len(bag)
        for m, other, words in others:
            needed = rough * (size + words)
            if 2 * words < needed or 2 * size < needed or 2 * len(bag & other) < needed:
                continue
            first, second = one.sentences[n], two.sentences[m]
            total = len(first.keys) + len(second.keys)
            shared = 2 * len(first.bag & second.bag) / total if total else 0.0
            if shared >= least:
                scored.append((-shared, n, m))
    taken: tuple[set[int], set[int]] = (set(), set())
    for score, n, m in sorted(scored):
        if n not in taken[0] and m not in taken[1]:
            taken[0].add(n)
            taken[1].add(m)
            yield Pair(one.sentences[n], two.sentences[m], (one, two), prompt), -score


def _rest(one: Answer, two: Answer) -> Sequence[int]:
    """Sentences of the first answer that the second does not say word for word."""
    said = two.sayings
    if said.isdisjoint(one.sayings):
        return range(len(one.folded))
    return [n for n, folded in enumerate(one.folded) if folded not in said]
