"""The word lists of `rules/words/contradictions.toml`, read once and only when two answers are compared."""

from __future__ import annotations

import re
import tomllib
from functools import cache, cached_property, lru_cache
from typing import Any


class Lexicon:
    """Antonyms, units, numbers, negations and openings, in the forms in which they are asked for."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    # ------------------------------------------------------------------ small words

    @cached_property
    def stop(self) -> frozenset[str]:
        return _words(self._data["stop"]["words"])

    @cached_property
    def cues(self) -> frozenset[str]:
        return _words(self._data["negation"]["cues"])

    @cached_property
    def helpers(self) -> frozenset[str]:
        return _words(self._data["negation"]["helpers"])

    @cached_property
    def bounds(self) -> frozenset[str]:
        """Words that set a bound, beyond which the contrary is true: unless."""
        return _words(self._data["negation"]["bounds"])

    @cached_property
    def people(self) -> frozenset[str]:
        """Words for those whose opinion is told: some, critics."""
        return _words(self._data["negation"]["people"])

    @cached_property
    def holding(self) -> frozenset[str]:
        """Verbs by which an opinion is told: believe, argue."""
        return _words(self._data["negation"]["holding"])

    @cached_property
    def deniers(self) -> frozenset[str]:
        """Words that deny what follows "that": it is false that."""
        return _words(self._data["negation"]["deniers"])

    @cached_property
    def idioms(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Idioms as tuples of words, by their first word, the longest first."""
        out: dict[str, list[tuple[str, ...]]] = {}
        for idiom in sorted(self._data["negation"]["idioms"], key=len, reverse=True):
            out.setdefault(idiom.split()[0], []).append(tuple(idiom.split()))
        return {first: tuple(rest) for first, rest in out.items()}

    @cached_property
    def hedges(self) -> frozenset[str]:
        return _words(self._data["numbers"]["hedges"])

    @cached_property
    def fractions(self) -> frozenset[str]:
        return _words(self._data["numbers"]["fractions"])

    @cached_property
    def examples(self) -> frozenset[str]:
        return _words(self._data["numbers"]["examples"])

    # ------------------------------------------------------------------ opposites

    @cached_property
    def _opposites(self) -> dict[str, frozenset[str]]:
        out: dict[str, set[str]] = {}
        for line in self._data["antonyms"]["pairs"].split("\n"):
            if line:
                one, two = (side.split("/") for side in line.split())
                for left, right in ((one, two), (two, one)):
                    for word in left:
                        for form in {word, stem(word)}:
                            out.setdefault(form, set()).update(right, map(stem, right))
        return {word: frozenset(others) for word, others in out.items()}

    def opposite(self, one: str, two: str) -> bool:
        """Whether two words are antonyms: by the list, by a prefix (un-, in-, dis-) or by -ful and -less."""
        one, two = self.spelt.get(one, one), self.spelt.get(two, two)
        others = self._opposites.get(one, frozenset()) | self._opposites.get(stem(one), frozenset())
        return two in others or stem(two) in others or self._by_affix(one, two)

    @cached_property
    def _affixes(self) -> tuple[int, tuple[str, ...], frozenset[str]]:
        """(letters of the shortest word that takes a prefix, the prefixes, words that only look as if they had one)."""
        rules = self._data["negation"]["prefixes"]
        return rules["shortest"], tuple(rules["prefixes"].split()), _words(rules["except"])

    def _by_affix(self, one: str, two: str) -> bool:
        short, long = (one, two) if len(one) <= len(two) else (two, one)
        least, prefixes, excepted = self._affixes
        if len(short) < least or short == long:
            return False
        if (
            long.startswith(prefixes)
            and long not in excepted
            and any(long.startswith(prefix) and stem(long[len(prefix) :]) == stem(short) for prefix in prefixes)
        ):
            return True
        return {one[-3:], two[-3:]} == {"ful", "ess"} and one.removesuffix("less").removesuffix(
            "ful"
        ) == two.removesuffix("less").removesuffix("ful")

    # ------------------------------------------------------------------ dates, units, numbers

    @cached_property
    def dates(self) -> dict[str, tuple[str, int]]:
        """Names of dates: word to (kind, place), so that "Jan" is "January"."""
        lists = self._data["dates"]
        return {
            word: (kind, place)
            for key, kind in (
                ("months", "month"),
                ("short_months", "month"),
                ("days", "day"),
                ("seasons", "season"),
                ("halves", "half"),
            )
            for place, word in enumerate(lists[key].split())
        }

    @cached_property
    def units(self) -> dict[str, tuple[str, str, float]]:
        """Unit to (dimension, name that stands for it, factor to the first of its dimension)."""
        tables = dict(self._data["units"])
        names = {word: group.split()[0] for group in tables.pop("same") for word in group.split()}
        return {
            unit: (dimension, names.get(unit, unit), float(factor))
            for dimension, units in tables.items()
            for unit, factor in units.items()
        }

    def unit(self, word: str) -> tuple[str, str, float] | None:
        return self.units.get(word) or (self.units.get(word[:-1]) if word.endswith("s") else None)

    @cached_property
    def rates(self) -> dict[str, frozenset[str]]:
        """Unit of time to the words by which a prompt says that an amount is for that time: monthly, month."""
        return {known[1]: _words(words) for unit, words in self._data["rates"].items() if (known := self.unit(unit))}

    @cached_property
    def numerals(self) -> dict[str, int]:
        lists = self._data["numbers"]
        out = {word: value for value, word in enumerate(lists["words"].split())}
        out |= {word: 20 + 10 * place for place, word in enumerate(lists["tens"].split())}
        return out

    @cached_property
    def ordinals(self) -> dict[str, str]:
        words = self._data["numbers"]["ordinals"].split()
        return {word: f"#{place}" for place, word in enumerate(words, 1)}

    @cached_property
    def spelt(self) -> dict[str, str]:
        """Ordinals in words again, for what they are the opposite of."""
        return {key: word for word, key in self.ordinals.items()}

    @cached_property
    def scales(self) -> dict[str, int]:
        scales: dict[str, int] = self._data["numbers"]["scales"]
        return scales

    @cached_property
    def multipliers(self) -> frozenset[str]:
        return frozenset(self.scales) | {"k"}

    @cached_property
    def special(self) -> frozenset[str]:
        """Words that are not compared as they are written."""
        return frozenset(
            {
                *self.numerals,
                *self.ordinals,
                *self.multipliers,
                "cannot",
                "percent",
                "once",
                "twice",
                "thrice",
                "c",
                "f",
            }
        )

    # ------------------------------------------------------------------ answers and prompts

    @cached_property
    def verdicts(self) -> dict[str, bool]:
        """First words that say yes or no."""
        lists = self._data["answers"]
        return dict.fromkeys(lists["yes"].split(), True) | dict.fromkeys(lists["no"].split(), False)

    @cached_property
    def refusals(self) -> tuple[str, ...]:
        return tuple(self._data["answers"]["refusals"])

    @cached_property
    def blanks(self) -> frozenset[str]:
        """Whole answers that say nothing."""
        return frozenset(self._data["answers"]["blanks"])

    @cached_property
    def prompts(self) -> dict[str, frozenset[str]]:
        return {name: _words(words) for name, words in self._data["prompts"].items()}

    @cached_property
    def facts(self) -> dict[str, frozenset[str]]:
        """What answers a question without yes and no, by what it says; conditions, bounds, colours and roles beside."""
        return {name: _words(words) for name, words in self._data["facts"].items() if type(words) is str}

    @cached_property
    def directions(self) -> frozenset[str]:
        """Words between two others that say which of them is which: than, before."""
        return self.facts["directions"]

    @cached_property
    def _contrasts(self) -> dict[str, int]:
        lines = enumerate(self._data["facts"]["contrasts"])
        return {word: place for place, line in lines for word in line.split()}

    def contrasted(self, one: str, two: str) -> bool:
        """Whether two words are two kinds of one thing, of which different things are true: adults, children."""
        place = self._contrasts.get(one)
        return place is not None and place == self._contrasts.get(two) and stem(one) != stem(two)

    @cached_property
    def aliases(self) -> list[frozenset[str]]:
        """Names of one thing that share no letters."""
        return [frozenset(line.split("/")) for line in self._data["facts"]["same_names"]]

    @cached_property
    def varying(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """Of prompts whose answer depends on moment, chance or person: how they begin, what they hold."""
        heads, anywhere = ("|".join(self._data["varying"][name]) for name in ("heads", "anywhere"))
        return re.compile(rf"(?:{heads})\b"), re.compile(rf"\b(?:{anywhere})(?!\w)")

    @cached_property
    def irregular(self) -> dict[str, str]:
        return dict(pair.split("=") for pair in self._data["lemmas"]["irregular"].split())

    @cached_property
    def lead(self) -> re.Pattern[str]:
        return re.compile(rf"^(?:{self._data['openings']['lead']})\b[\s,:]*")

    @cached_property
    def openings(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(rf"^(?:{pattern})\b"), with_) for pattern, with_ in self._data["openings"]["rules"]]

    @cached_property
    def droppable(self) -> frozenset[str]:
        return _words(self._data["openings"]["drop"])


@cache
def lexicon() -> Lexicon:
    from curator.packs import rules_dir

    with (rules_dir() / "words" / "contradictions.toml").open("rb") as file:
        return Lexicon(tomllib.load(file))


@lru_cache(maxsize=64)
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The word without its ending: "studies", "studied" and "study" are one; past forms from a list."""
    word = lexicon().irregular.get(word, word)
    if len(word) < 4 or not word.isascii():
        return word
    for ending in ("ings", "ing", "ied", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= (3 if ending != "s" else 2) and not word.endswith("ss"):
            word = word[: -len(ending)]
            if ending in ("ied", "ies"):
                return word + "y"
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word.rstrip("e") if len(word) > 3 else word
