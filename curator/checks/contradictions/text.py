"""Answers as sentences of comparable words: numbers by value, contractions apart, code and addresses left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property, lru_cache
from typing import NamedTuple, TypeVar

from curator.checks.contradictions.lexicon import lexicon, stem
from curator.text.hashed import fold
from curator.text.prose import masked

T = TypeVar("T")

_TOKEN = re.compile(
    r"(?P<number>(?:(?<![\w.)%])[-\u2212](?=\.?\d))?(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.:/]\d+)*|(?<!\d)\.\d+))"
    r"(?P<th>(?:st|nd|rd|th)\b)?"
    r"|(?P<sign>[$€£¥%°‰])"
    r"|(?P<cjk>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
    r"|(?P<word>[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:[+#]+(?!\w))?(?:['’][^\W\d_]+)?)"
)
_ENDINGS = {"re": "are", "ll": "will", "ve": "have", "d": "would", "m": "am"}
_BEFORE_IS = frozenset("it he she that there what who here this where how when let".split())
_NOT = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_ONCE = re.compile(r"\s+(?:a|an|per|each|every|daily|weekly|monthly|yearly|annually)\b", re.I)
_TIMES = {"twice": "2", "thrice": "3"}
_DEGREES = {"c": "celsius", "f": "fahrenheit", "k": "kelvin"}
_MONEY = frozenset("$€£¥")


MOST = 150  # sentences of an answer that are compared


class Token(NamedTuple):
    """A word as it is compared (`key`) and where it stands in the text."""

    key: str
    start: int
    end: int
    capital: bool = False


def value_of(key: str) -> float | None:
    """The number a key stands for, None for words, times and dates."""
    if key == "one":
        return 1.0
    if not key[0].isdigit() and key[0] != "-":
        return None
    top, slash, bottom = key.partition("/")
    try:
        return float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        return None


def tokens(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The words of text[start:end]; places count from the start of `text`."""
    out: list[Token] = []
    money: Token | None = None
    words = lexicon()
    special = words.special
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        low, high = match.span()
        kind = match.lastgroup
        if kind == "word":
            word = match.group()
            key = word.lower()
            if key.isascii() and key.isalpha() and key not in special and not money:
                out.append(Token(key, low, high, word[0] != key[0]))
                continue
            _add_word(out, word, text, low, high)
        elif kind == "sign" and match.group() in _MONEY and text[high : high + 1].isdigit():
            money = Token(match.group(), low, high)
            continue
        elif kind in ("sign", "cjk"):
            out.append(Token(match.group(), low, high))
        else:
            key = _number(match["number"])
            out.append(Token("#" + key if match["th"] else key, low, high))
        if len(out) > 1 and (out[-1].key in words.multipliers or (kind == "word" and value_of(out[-1].key))):
            _merge(out, text)
        if money:
            if kind not in ("number", "th"):
                money = None
            else:
                out.append(money)
                money = None
    return out


# Words, numbers and signs of ASCII text in which no word is compared but as it is written.
_PLAIN = re.compile(
    r"(?:(?<![\w.)%])-(?=\.?\d))?(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.:/]\d+)*|(?<!\d)\.\d+)(?:(?:st|nd|rd|th)\b)?"
    r"|[A-Za-z]+(?:[+#]+(?!\w))?(?:'[A-Za-z]+)?|[$%]"
)


def plain_keys(text: str, start: int, end: int) -> list[str] | None:
    """The keys of `tokens(text, start, end)`, three times as fast; None where words depend on those beside them."""
    if not text[start:end].isascii():
        return None
    words = lexicon()
    special = words.special
    out: list[str] = []
    for word in _PLAIN.findall(text, start, end):
        if word.isalpha():
            key = word.lower()
            if key not in special:
                out.append(key)
            elif key in words.ordinals and key != "second":
                out.append(words.ordinals[key])
            else:
                return None
        elif word == "%":
            out.append(word)
        elif word == "$":
            return None
        elif word[0].isalpha():
            out += _keys_of_word(word)
        else:
            out.append("#" + _number(word[:-2]) if word[-1].isalpha() else _number(word))
    return out


@lru_cache(maxsize=1 << 14)
def _keys_of_word(word: str) -> tuple[str, ...]:
    """The keys of a word with an apostrophe or a sign: don't, C++."""
    out: list[Token] = []
    _add_word(out, word, word, 0, len(word))
    return tuple(token.key for token in out)


@lru_cache(maxsize=1 << 14)
def _number(text: str) -> str:
    """One spelling of a number: 1,000 and 1000.0 are 1000."""
    text = text.replace("\u2212", "-")
    if re.fullmatch(r"-?\d+(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _add_word(out: list[Token], word: str, text: str, start: int, end: int) -> None:
    numerals, ordinals = lexicon().numerals, lexicon().ordinals
    key, capital = fold(word), word[0].isupper()
    apostrophe = key.find("'")
    if apostrophe > 0:
        base, rest = key[:apostrophe], key[apostrophe + 1 :]
        middle = start + apostrophe
        if rest == "t" and base.endswith("n") and len(base) > 1:
            base = base[:-1] if base != "can" else "ca"
            out += [Token(_NOT.get(base, base), start, middle, capital), Token("not", start, end)]
            return
        if rest == "s":
            out += [Token(base, start, middle, capital), Token("is" if base in _BEFORE_IS else "'s", middle, end)]
            return
        if rest in _ENDINGS:
            out += [Token(base, start, middle, capital), Token(_ENDINGS[rest], middle, end)]
            return
    if key in _TIMES:
        out += [Token(_TIMES[key], start, end, capital), Token("times", start, end)]
    elif key == "once" and _ONCE.match(text, end):
        out += [Token("1", start, end, capital), Token("times", start, end)]
    elif key == "cannot":
        out += [Token("can", start, start + 3, capital), Token("not", start + 3, end)]
    elif key in numerals and key != "one":
        out.append(Token(str(numerals[key]), start, end, capital))
    elif key in ordinals and not (key == "second" and out and value_of(out[-1].key) is not None):
        out.append(Token(ordinals[key], start, end, capital))
    elif key in _DEGREES and out and out[-1].key in ("°", "degree", "degrees"):
        start = out.pop().start if out[-1].key == "°" else start
        out.append(Token(_DEGREES[key], start, end))
    elif key == "percent":
        out.append(Token("%", start, end))
    else:
        out.append(Token(key, start, end, capital))


def _merge(out: list[Token], text: str) -> None:
    """Make one number of the last words: five million, twenty-one, 5k."""
    before, last = out[-2], out[-1]
    money = before.key in _MONEY and len(out) > 2
    if money:
        before = out[-3]
    value = value_of(before.key)
    if value is None or before.key[0] == "#":
        return
    scale = lexicon().scales.get(last.key)
    if last.key == "k" and last.start == before.end:
        scale = 1000
    if scale:
        merged = _number(repr(value * scale))
    elif 20 <= value < 100 and value % 10 == 0 and text[before.start].isalpha() and text[last.start].isalpha():
        unit = value_of(last.key)
        if unit is None or not 0 < unit < 10:
            return
        merged = str(int(value + unit))
    else:
        return
    del out[-3 if money else -2 :]
    out.append(Token(merged, before.start, last.end))
    if money:
        out.append(Token(text[before.start - 1], before.start - 1, before.start))


# ---------------------------------------------------------------------- sentences

_BREAK = re.compile(
    r"(?<![.!?])[.!?]++[\"'”’)\]*_]*(?=\s)|[。！？]|\n+|;(?=\s)|:(?=\s*\n)|:[*_]*(?=\s+[A-Z]\w*\s+\S+\s+\S)|\t+|(?<=\w)\s+[–—]\s+(?=[A-Z])"
)
_ENDING = re.compile(r"[.!?。！？\n;:\t]")
_ABBREVIATED = frozenset(
    "mr mrs ms dr prof st jr sr vs etc e.g i.e no fig approx inc ltd co u.s u.k a.m p.m ph.d cf vol dept gen".split()
)
# What opens a clause that gives a reason or advice, and takes nothing back.
_PARTING = frozenset(",:;-–—")
_CLOSING = frozenset(".!)")
_TAIL = frozenset("so because since whatever even please as whichever however".split())
_BULLET = re.compile(
    r"\s*(?:[>*#•–_\-]+\s+|[>*#_]+)*(?:\(?(?:\d{1,2}|[a-zA-Z])[.)](?=\s)[\s*_]*)?(?:(?i:step|day|week)\s+\d{1,2}\s*[:.)-])?"
)


class Sentence:
    """One sentence of a text: its words, as a list and as a bag in which the second "the" is not the first."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.start, self.end = text, start, end

    @cached_property
    def tokens(self) -> list[Token]:
        return tokens(self.text, self.start, self.end)

    @cached_property
    def keys(self) -> list[str]:
        plain = plain_keys(self.text, self.start, self.end)
        return [token.key for token in self.tokens] if plain is None else plain

    @cached_property
    def bag(self) -> frozenset[object]:
        seen: dict[str, int] = {}
        out: list[object] = []
        for key in self.keys:
            count = seen.get(key, 0)
            seen[key] = count + 1
            out.append((key, count) if count else key)
        return frozenset(out)

    @cached_property
    def negations(self) -> tuple[int, ...]:
        """Places of the words that turn the sentence round, those in idioms left out."""
        words = lexicon()
        keys, cues, idioms = self.keys, words.cues, words.idioms
        hidden: set[int] = set()
        for place, key in enumerate(keys):
            for idiom in idioms.get(key, ()):
                if tuple(keys[place : place + len(idiom)]) == idiom:
                    hidden.update(range(place, place + len(idiom)))
                    break
        return tuple(
            place
            for place, key in enumerate(keys)
            if (key in cues and place not in hidden and not self._no_negation(place))
            or (key == "that" and place and keys[place - 1] in words.deniers)
            or (key == "free" and self._without(place))
        )

    def _without(self, place: int) -> bool:
        """Whether "free" says that something is not in it: sugar-free, free of sugar."""
        if self.text[self.tokens[place].start - 1 : self.tokens[place].start] == "-":
            return True
        after = self.keys[place + 1 : place + 3]
        return len(after) == 2 and after[0] in ("of", "from") and after[1] not in ("charge", "cost")

    def _no_negation(self, place: int) -> bool:
        """Whether a word is part of a name ("And Then There Were None"), or "no" is short for number or an answer: "No, ..."."""
        if self.keys[place] in ("none", "nothing", "never", "nobody", "nowhere", "without"):
            around = self.tokens[max(0, place - 1) : place + 1]
            return len(around) == 2 and all(token.capital for token in around)
        if self.keys[place] != "no":
            return False
        if place + 1 < len(self.keys) and self.keys[place + 1][0].isdigit():
            return True
        before, behind = self.text[: self.tokens[place].start].rstrip(), self.text[self.tokens[place].end :].lstrip()
        hyphen = behind[:1] == "-" and place and self.text[self.tokens[place].end] == "-"  # "a no-smoking area"
        if behind[:1] in _PARTING and not hyphen:  # behind an opening as well: "Unfortunately no, ..."
            return True
        return before[-1:] in _PARTING and (not behind or behind[0] in _CLOSING)  # "..., no."

    @cached_property
    def content(self) -> frozenset[str]:
        """Stems of the words that carry meaning, negations and helpers left out."""
        words = lexicon()
        skip = words.stop | words.cues | words.helpers
        return frozenset(stem(key) for key in self.keys if key not in skip and key != "'s")

    @cached_property
    def denied(self) -> frozenset[str]:
        """The content of what stands before ", so ...", ", because ..." and the like, where the negation stands there."""
        if not self.negations or self.keys[self.negations[0]] == "without":
            return frozenset()
        words = lexicon()
        skip = words.stop | words.cues | words.helpers
        for place in range(self.negations[-1] + 1, len(self.tokens)):
            if self.keys[place] in _TAIL and "," in self.text[self.tokens[place - 1].end : self.tokens[place].start]:
                return frozenset(stem(key) for key in self.keys[:place] if key not in skip and key != "'s")
        return frozenset()


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text without list markers; line breaks part them too."""
    out: list[Sentence] = []
    low = 0
    for start, end in _breaks(text):
        if text[start] == "." and _abbreviated(text, low, start):
            continue
        _add_sentence(out, text, low, end)
        low = end
    _add_sentence(out, text, low, len(text))
    return out


def _breaks(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences end. The signs that may end one are sought first, which is quicker by half."""
    if "–" in text or "—" in text:
        yield from (match.span() for match in _BREAK.finditer(text))
        return
    done = 0
    for sign in _ENDING.finditer(text):
        if sign.start() >= done and (match := _BREAK.match(text, sign.start())):
            done = match.end()
            yield match.span()


def _abbreviated(text: str, low: int, point: int) -> bool:
    """Whether the full stop belongs to the word before it: "Mr.", "J.", "e.g.", or "2." at the head of an item."""
    head = text[max(low, point - 8) : point]
    words = head.split()
    if not words or head[-1].isspace():
        return False
    word = words[-1].lstrip("(\"'*[").lower()
    if word.isdigit():
        return len(word) < 3 and not text[low : point - len(word)].strip(" \n\t*_>-(")
    return word in _ABBREVIATED or (len(word) == 1 and word.isalpha() and word != "i")


def _add_sentence(out: list[Sentence], text: str, low: int, high: int) -> None:
    bullet = _BULLET.match(text[low:high])
    start = low + bullet.end() if bullet else low
    if text[start:high].strip(" \n\t.*_#-"):
        out.append(Sentence(text, start, high))


# ---------------------------------------------------------------------- answers

_RUN = re.compile(r"\w+")
_ASCII_RUNS = "".join(c if (c := chr(code)).isalnum() or c == "_" else " " for code in range(128))
# What code, addresses, tables and markup hold; sought one by one, which is the quickest way.
_MARKS = (
    "`",
    "|",
    "{",
    "\\",
    "</",
    "/>",
    "://",
    "www.",
    "\n    ",
    "\n\t",
    ";\n",
    "def ",
    "import ",
    "print(",
    "();",
    ".com",
)
_THOUGHT = "</think>"
_HEAD = 200  # characters at the head of an answer by which a refusal is known


def run_words(text: str) -> list[str]:
    r"""The runs of \w in a text."""
    return text.translate(_ASCII_RUNS).split() if text.isascii() else _RUN.findall(text)


@cache
def _cues() -> frozenset[str]:
    """Words that turn a sentence round, and what is left of "n't"."""
    return lexicon().cues | lexicon().deniers | {"t", "free"}


class Answer:
    """An answer to be compared: the text, what of it is prose, and its sentences."""

    def __init__(self, text: str) -> None:
        self.text = text
        cut = text.rfind(_THOUGHT)
        self._memo: dict[Callable[[Answer], object], object] = {}
        self._words: dict[int, frozenset[str]] = {}
        self.said = " " * (cut + len(_THOUGHT)) + text[cut + len(_THOUGHT) :] if cut >= 0 else text

    def memo(self, reading: Callable[[Answer], T]) -> T:
        """What another module reads from the answer, read once however often it is compared."""
        if reading not in self._memo:
            self._memo[reading] = reading(self)
        return self._memo[reading]  # type: ignore[return-value]

    def know(self, reading: Callable[[Answer], T], found: T) -> None:
        """Take what another module would read from the answer as known."""
        self._memo[reading] = found

    @cached_property
    def prose(self) -> str:
        """What is said, with code, addresses and tables as spaces: places stay as they are."""
        if not any(sign in self.said for sign in _MARKS):
            return self.said
        parts, at = [], 0
        for start, end, kind in masked(self.said):
            if kind != "math":
                parts += [self.said[at:start], " " * (end - start)]
                at = end
        return "".join([*parts, self.said[at:]])

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The first sentences: every one of them may be compared with every one of another answer."""
        return sentences(self.prose)[:MOST]

    @cached_property
    def folded(self) -> list[str]:
        """Each sentence in a form in which equal ones are quickly found."""
        text = self.prose
        if text.isascii():
            text = text.lower()
            said = [text[s.start : s.end] for s in self.sentences]
        else:
            said = [fold(text[s.start : s.end]) for s in self.sentences]
        return [" ".join(each.split()).strip(" .!?*_") for each in said]

    @cached_property
    def sayings(self) -> frozenset[str]:
        return frozenset(self.folded)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The words of all sentences."""
        return frozenset(key for sentence in self.sentences for key in sentence.keys)

    def words_of(self, place: int) -> frozenset[str]:
        """The words of a sentence, told apart by signs: near enough to see what is worth comparing."""
        if place not in self._words:
            self._words[place] = frozenset(run_words(self.folded[place]))
        return self._words[place]

    @cached_property
    def bag(self) -> frozenset[str]:
        """The words of the whole answer as they stand, code left out."""
        return frozenset(run_words(fold(self.prose)))

    @cached_property
    def content(self) -> frozenset[str]:
        """Stems of the words of all sentences that carry meaning."""
        return frozenset(word for sentence in self.sentences for word in sentence.content)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of all words, told apart by signs."""
        return frozenset(map(stem, self.bag))

    @cached_property
    def denials(self) -> list[Sentence]:
        """The sentences that are turned round by a negation."""
        cues = _cues()
        if cues.isdisjoint(self.bag):
            return []
        return [
            sentence
            for place, sentence in enumerate(self.sentences)
            if not cues.isdisjoint(self.words_of(place)) and len(sentence.negations) % 2
        ]

    @cached_property
    def refuses(self) -> bool:
        said = self.said.strip()
        head = fold(said[:_HEAD]).strip(" \n*_\"'.")
        if not head or (head in lexicon().blanks and len(said) <= _HEAD):
            return True
        refusals = lexicon().refusals
        if not head.startswith(refusals):
            return False
        return any(head.startswith(words) and not head[len(words) :][:1].isalpha() for words in refusals)
