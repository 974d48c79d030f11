"""SPL: misspellings. Each distinct word of the set is judged once; rows are read again where one is wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Annotated, NamedTuple

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Edit, Example, Fix, Flag, Turn
from curator.rule import Bad, DatasetRule, RowRule, chat, option
from curator.text import company, dictionaries, languages
from curator.text.content import written
from curator.text.hashed import distinct
from curator.text.patterns import compiled_later
from curator.text.prose import in_prose
from curator.text.vocabulary import Vocabulary, hash_of

# ---------------------------------------------------------------------- words that are wrong


class Wrong(NamedTuple):
    """What a word should be, and whether it is only wrong in lower case (with a capital it may be a name).

    `elsewhere` says that another language has it as a common word; `language` is that of the right word; `sure`, that
    the right word is offered: it is not where another is as near; `certain`, that it may be written as well.
    """

    right: str
    lower_only: bool
    elsewhere: bool = False
    language: str = "en"
    sure: bool = True
    certain: bool = True


# Words that were run together; the list of misspellings leaves them out.
_JOINED = {
    first + second: f"{first} {second}"
    for first, second in (pair.split() for pair in
        "in the|to the|of the|and the|for the|on the|at the|with the|from the|that the|is the|in fact|as well|at least"
        "|each other|all right|a lot|a bit|in order|of course|in between|no one|third party|leap year|short while"
        "|every time|even though|as if|such as|so that|to be|it is|can not".split("|"))
    if first + second not in ("cannot", "alright")
}  # fmt: skip

# Listed as misspelt, and found in good dictionaries all the same, the plural of a term ("still lifes"), a term.
_ACCEPTED = frozenset(
    "earnt lifes layed vermillion leve stati thei learnt loth algin transferrin seisin forbad discernable cohabitating"
    " selectin specialis extraversion extravert extraverts extraverted".split()
)


def _plain(words: Sequence[str], shortest: int) -> list[str]:
    return [word for word in words if len(word) >= shortest and word.isascii() and word.isalpha()]


def _misspelt(vocabulary: Vocabulary, rows: int, words: int) -> dict[str, Wrong]:
    """Listed misspellings, without words that a dictionary has, that are frequent, or that the set is used to."""
    common, known = dictionaries.frequencies("en"), dictionaries.english()
    often = max(8, rows // 1000)
    found: dict[str, Wrong] = {}
    listed = dictionaries.listed(_plain(vocabulary.words, 3))
    rights = {word: max(said, key=lambda each: (common.get(each, 0), each in known)) for word, said in listed.items()}
    counts = vocabulary.count([*listed, *_JOINED])
    for word, right in rights.items():
        if word in known or word in _ACCEPTED or common.get(word, 0) >= (3 if len(word) > 3 else 3.5):
            continue
        if len(word) == 3 and common.get(right, 0) < 6.5:
            continue
        if counts[word] > often and counts[word] * 20 > words * 10 ** (common.get(right, 0) - 9):
            continue  # a word of this set: the right one is not that much commoner
        found[word] = Wrong(right, lower_only=False, certain=_one_is_meant(right, listed[word], common))
    for word in dictionaries.met_elsewhere(found):
        found[word] = found[word]._replace(elsewhere=True)
    for word in _doubtful(found):
        found[word] = found[word]._replace(sure=False)
    return found | {word: Wrong(right, lower_only=True) for word, right in _JOINED.items() if counts[word]}


def _one_is_meant(right: str, said: Sequence[str], common: Mapping[str, float]) -> bool:
    """Whether one of the corrections that a list gives is by far the likeliest: "thatn" is "than" or "that"."""
    others = [common.get(other, 0) for other in said if other != right]
    return common.get(right, 0) >= max(others, default=0) + _FAR_COMMONER if others else True


_FAR_COMMONER = 1.5  # on the Zipf scale


def _doubtful(found: Mapping[str, Wrong]) -> list[str]:
    """Words whose listed correction is two edits or more away, where a common word is one edit away ("constast")."""
    if not found:
        return []
    from rapidfuzz.distance import OSA

    known = dictionaries.english()
    common = {word: zipf for word, zipf in dictionaries.frequencies("en").items() if len(word) > 3 and word in known}
    near = dictionaries.suggest(sorted(found), common, 1)
    return [word for word in near if OSA.distance(word, found[word].right) > 1]


# ---------------------------------------------------------------------- and where they stand

_WORD = re.compile(r"[^\W\d_]+")
_TOUCHES = frozenset("_@#$\\/<>{}=^~|0123456789")
_HYPHENS = frozenset("-‐‑")
_QUOTES = frozenset("\"'`“”‘’«»*")
_ABOUT_SPELLING = compiled_later(
    r"\b(?:mis-?spel\w*|spell(?:ed|ing|s|t|check\w*)?|typos?|typographical|grammar|grammatical\w*|proof-?read\w*"
    r"|errors? in (?:the|this)|correct (?:the|this|any|my|all))\b",
    re.I,
)
_NEAR = 80  # characters on either side that tell whether a word stands among English ones


_IN_CALL = re.compile(r"\w\((['\"])(?:(?!\1)[^\n])*\Z")  # what a call is given as text: "shell('compgen -c')"


# What a value that is chosen freely is announced by: "username: johndoe", "log in as user=johndoe".
_LABELLED = re.compile(
    r"(?:\buser[ _-]?(?:names?|ids?)[\"'`*]*(?:\s*[:=]|\s+(?:is|was|as|of))?"
    r"|\b(?:log-?in|nick(?:name)?|handle|alias|screen[ _-]?name|pass(?:word|phrase|code))[\"'`*]*(?:\s*[:=]|\s+(?:is|was))"
    r"|\b(?:user|account|host|(?:host|domain)[ _-]?name|domain|e-?mail|id|slug|key|tag|bucket|branch)[\"'`*]*\s*[:=])"
    r"[\s\"'`*(]*\Z",
    re.I,
)
# An address before or after a word, at most a label or a conjunction between them.
_ADDRESS = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_ADDRESS_BEFORE = re.compile(rf"{_ADDRESS}[>)\]]?[^\S\n]*[,;:|/(<-]?[^\S\n]*(?:(?:and|or|as)[^\S\n]+)?\Z", re.I)
_ADDRESS_AFTER = re.compile(
    r"[^\S\n]*+(?:[,;:|/-][^\S\n]*+)?(?:(?:and|or|with|at)[^\S\n]++)?(?:e-?mail(?:[^\S\n]address)?[^\S\n]*+(?:(?:[:=]|is)[^\S\n]*+)?)?[(<\[]?[\w.+-]{1,64}@[\w-]+\.[\w-]",
    re.I,
)


class Hit(NamedTuple):
    """A wrong word in a row: its first place, how often the row has it, and every place where it would be mended."""

    turn: Turn
    start: int
    end: int
    word: str  # as it is written
    times: int
    places: tuple[Place, ...]


Place = tuple[Turn, int, int]


class _Standing:
    """Where words stand in a row: its texts are gone through once, however many words are sought."""

    def __init__(self, example: Example, words: Sequence[str]) -> None:
        self.turns, self.words = example.all_turns(), frozenset(words)
        self.places: dict[str, list[Place]] = {}
        for turn in self.turns:
            for word, start, end in _runs_of(self.words, turn.text):
                self.places.setdefault(word, []).append((turn, start, end))

    def of(self, word: str) -> Iterator[Place]:
        """Where a word stands by itself."""
        return (place for place in self.places.get(word, ()) if not _DROPPED.match(place[0].text, place[2]))

    def in_order(self, words: Sequence[str]) -> Iterator[tuple[str, Place]]:
        """(word, place) of all, turn by turn and in a turn word by word."""
        for turn in self.turns:
            yield from ((word, place) for word in words for place in self.of(word) if place[0] is turn)

    @cached_property
    def names(self) -> frozenset[str]:
        """The words with a capital that the row has in the midst of a sentence too."""
        return frozenset(
            written
            for places in self.places.values()
            for turn, start, end in places
            if not (written := turn.text[start:end]).islower()
            and not _IN_WORD.match(turn.text, end)
            and not _IN_WORD.match(turn.text[start - 1 : start])
            and not _begins_sentence(turn.text, start)
        )

    @cached_property
    def whole(self) -> frozenset[str]:
        """The words that are a whole turn."""
        return self.words.intersection(turn.text.strip().lower() for turn in self.turns)

    @cached_property
    def called(self) -> frozenset[str]:
        """The words in what is given to calls."""
        calls = (call for turn in self.turns for call in turn.calls)
        said = (written(call.arguments) if call.raw is None else call.raw for call in calls)
        return frozenset(word for text in said for word, _, _ in _runs_of(self.words, text))


_DROPPED = re.compile(r"(?<=[nN])['’](?!s\b)", re.I)  # a letter: "searchin'" is a way of speaking
_IN_WORD = re.compile(r"\w")


def _runs_of(words: frozenset[str], text: str) -> Iterator[tuple[str, int, int]]:
    """(word, start, end) of every run of letters that is one of the words, in any case."""
    for run in _WORD.finditer(text):
        word = run.group().lower()
        if word in words or ("ſ" in word and (word := word.replace("ſ", "s")) in words):
            yield word, run.start(), run.end()


def _hits(
    example: Example, words: Sequence[str], wrong: Mapping[str, Wrong], strange: frozenset[str] = frozenset()
) -> Iterator[Hit]:
    """The wrong words of a row in their first place; none that is doubtful where its company shows it to be meant.

    `strange` holds words of the set that are near no common one.
    """
    standing = _Standing(example, words)
    about = _is_about_spelling(example)
    for word in words:
        counted = tuple(place for place in standing.of(word) if _counts(place[0].text, *place[1:], wrong[word]))
        doubtful = wrong[word].lower_only and not wrong[word].certain
        if doubtful and any(company.is_meant(turn.text, start, end, strange) for turn, start, end in counted):
            continue
        hits = [
            (turn, start, end, written)
            for turn, start, end in counted
            if not about or turn.role == "assistant"
            if (written := turn.text[start:end]).islower() or written not in standing.names
        ]
        if hits and not (wrong[word].lower_only and _is_value(standing, word)):
            yield Hit(*hits[0], len(hits), counted)


def _counts(text: str, start: int, end: int, wrong: Wrong) -> bool:
    """Whether a word at this place is a word of English prose and not a name, an identifier or a quotation."""
    word = text[start:end]
    before, after = text[start - 1 : start], text[end : end + 1]
    if not word.islower() and (wrong.lower_only or not word.istitle() or not _begins_sentence(text, start)):
        return False
    beyond = text[end + 1 : end + 2]
    if before == "]" or (before and before in _TOUCHES) or (after and after in _TOUCHES) or after == "(":
        return False
    if after and after in "'’" and (wrong.lower_only or (beyond.isalpha() and beyond != "s")):
        return False
    if (after == "." and beyond.isalnum()) or (before == "." and text[start - 2 : start - 1].isalnum()):
        return False
    if before and after and before in _QUOTES and after in _QUOTES:
        return False
    if wrong.lower_only and ((before and before in "-‐‑–\n") or after in _HYPHENS or before + after == "()"):
        return False  # a part of a compound, of a word that was broken, or a foreign word in brackets
    if wrong.lower_only and _IN_CALL.search(text, max(0, start - _NEAR), start):
        return False
    if after in _HYPHENS and (beyond.isspace() or not beyond):
        return False  # a word that was broken at the end of a line
    if not in_prose(text, start, end):
        return False
    return _among_words(text, start, end, wrong.language) and not (wrong.elsewhere and _is_foreign(text, start, end))


def _is_value(standing: _Standing, word: str) -> bool:
    """Whether the row has the word as a value, or a whole turn is it: the name of an account is chosen freely."""
    if word in standing.whole or word in standing.called:
        return True
    return any(_stands_as_value(turn.text, start, end) for turn, start, end in standing.of(word))


def _stands_as_value(text: str, start: int, end: int) -> bool:
    """Whether a word stands in quotation marks, after "username:" or "login =", or beside an e-mail address."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if before and after and before in _QUOTES and after in _QUOTES:
        return True
    if _LABELLED.search(text, max(0, start - 40), start):
        return True
    line = text.rfind("\n", 0, start) + 1
    return bool(_ADDRESS_BEFORE.search(text, max(line, start - _NEAR), start) or _ADDRESS_AFTER.match(text, end))


def _begins_sentence(text: str, start: int) -> bool:
    head = text[max(0, start - 7) : start].rstrip(" \t\"'“‘(*-")
    if re.search(r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Sgt|Lt|Col|Gen|Capt|Rev|Sr|Jr)\.$", head):
        return False  # a name after an initial or a title: "M. Durin", "Mr. Cleary"
    return not head or head[-1] in ".!?:\n"


def _among_words(text: str, start: int, end: int, language: str) -> bool:
    """Whether most of the words around are words of the language."""
    around = text[max(0, start - _NEAR) : start].partition(" ")[2] if start > _NEAR else text[:start]
    around += " " + text[end : end + _NEAR].rpartition(" ")[0] if end + _NEAR < len(text) else " " + text[end:]
    words = [word.lower() for word in _WORD.findall(around) if len(word) > 2]
    known = dictionaries.english() if language == "en" else dictionaries.frequencies(language).keys()
    return sum(word in known for word in words) >= 0.6 * len(words)


_FUNCTION_WORDS = frozenset(
    "the and of to in is that it for was with are this be by from have not they which you we has were their its will who".split()
)
_QUOTED = compiled_later(r"[\"“«„]([^\"”»“\n]{3,200})[\"”»“]")


def _is_foreign(text: str, start: int, end: int) -> bool:
    """Whether a word that another language has stands in a quotation, a name or a sentence of that language.

    English around it shows in its function words: in the quotation, or within a few words.
    """
    low, high = max(0, start - 40), end + 40
    for quoted in _QUOTED.finditer(text, max(0, start - 200), end + 200):
        if quoted.start() < start and quoted.end() > end:
            low, high = quoted.span(1)
    words = {word.lower() for word in _WORD.findall(text[low:start] + " " + text[end:high])}
    if words & _FUNCTION_WORDS:
        return False
    longer = {word for word in words if len(word) > 1}
    return bool(longer & _foreign_function_words() or dictionaries.met_elsewhere(longer))


@cache
def _foreign_function_words() -> frozenset[str]:
    """Function words of other languages that no list of English words has."""
    return frozenset().union(*map(languages.words_of, ("de", "fr", "es", "it", "pt", "nl"))) - dictionaries.english()


def _cased(right: str, written: str) -> str:
    """The right word in the letter case of the written one."""
    if written.isupper() and len(written) > 1:
        return right.upper()
    return right[0].upper() + right[1:] if written[:1].isupper() else right


def word_flags(
    rows: Rows,
    wrong: Mapping[str, Wrong],
    says: str,
    unsure: str = "no dictionary has {word!r}",
    *,
    strange: frozenset[str] | None = None,
) -> Iterator[tuple[int, Flag]]:
    """One flag for each wrong word of a row; by `unsure`, and without a fix, where no word is offered for it.

    `strange`, the words of the set that are near no common one, is given where the wrong words are slips. A slip is made
    once: a word that the row has again, or that has another near the same common one beside it, is meant so; one that
    the row has again, and for which no word is sure, is none. Nor is one that its company shows to be meant.
    """
    once = strange is not None
    for line, words in rows.vocabulary.lines(wrong):
        if not rows.readable[line]:
            continue
        example = rows.example(line)
        alike = Counter(wrong[word].right for word in words if wrong[word].lower_only)
        for hit in _hits(example, words, wrong, strange or frozenset()):
            again = f" ({hit.times} times in this row)" if hit.times > 1 else ""
            said = wrong[hit.word.lower()]
            meant = once and (hit.times > 1 or alike[said.right] > 1)
            if once and hit.times > 1 and not said.sure:
                continue
            if meant or not said.sure:
                message = unsure.format(word=hit.word) + again
                yield (
                    line,
                    hit.turn.flag(message, (hit.start, hit.end), evidence={"word": hit.word, "times": hit.times}),
                )
                continue
            right = _cased(said.right, hit.word)
            certain = said.certain and not (once and _may_be_meant(hit, strange or frozenset()))
            fix = Fix(f"write {right!r}", _edits(hit, said)) if certain else None
            evidence = {"word": hit.word, "suggestion": right, "times": hit.times}
            message = says.format(word=hit.word, right=right) + again
            yield line, hit.turn.flag(message, (hit.start, hit.end), fix=fix, evidence=evidence)


def _may_be_meant(hit: Hit, strange: frozenset[str]) -> bool:
    asked = (company.is_meant, company.may_be_meant)
    return any(ask(turn.text, start, end, strange) for turn, start, end in hit.places for ask in asked)


def _edits(hit: Hit, wrong: Wrong) -> tuple[Edit, ...]:
    """Every place in the row that has the word, mended."""
    return tuple(turn.edit(start, end, _cased(wrong.right, turn.text[start:end])) for turn, start, end in hit.places)


class KnownMisspelling(DatasetRule, frozen=True):
    """A word is spelt in a way that lists of misspellings name.

    The model spells as its answers do: a slip in the data comes back in what it writes, and splits into
    rarer tokens, on which less is learnt.
    """

    code = "SPL001"
    costly = True
    vocabulary = True
    extra = "words"
    GOOD = [
        [chat(user="How tall is Ben Nevis?", assistant="It is 1,345 metres tall; the colour of its rock is grey.")],
        [chat(user="Fix the spelling: I recieve mail.", assistant="I receive mail.")],
        [chat(user="How do I read?", assistant="Call `recieve(n)`, then `teh_end`.")],
    ]
    BAD = [
        Bad(
            [chat(user="When is it open?", assistant="You will recieve the hours by mail.")],
            at="0:messages[1].content",
            fixed=[chat(user="When is it open?", assistant="You will receive the hours by mail.")],
        ),
        Bad(
            [chat(user="And then?", assistant="Untill then we wait. We wait untill noon.")],
            at="0:messages[1].content",
            fixed=[chat(user="And then?", assistant="Until then we wait. We wait until noon.")],
        ),
    ]

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wrong = _misspelt(rows.vocabulary, int(rows.readable.sum()), int(rows.tokens.sum()))
        yield from word_flags(rows, wrong, "{word!r} is a misspelling of {right!r}", "{word!r} is a misspelling")


class UnknownWord(DatasetRule, frozen=True):
    """A word that no dictionary has is one or two letters away from a common one.

    Slips of the keyboard teach the model to make them. A word that the set itself uses often, a name, a
    term or a part of code is none.
    """

    code = "SPL002"
    costly = True
    severity = "info"
    vocabulary = True
    extra = "words"
    GOOD = [[chat(user="How tall is Ben Nevis?", assistant="It is 1,345 metres tall.")]]
    BAD = [
        Bad(
            [chat(user="When is it open?", assistant="The offqice opens at nine on working days.")],
            at="0:messages[1].content",
            fixed=[chat(user="When is it open?", assistant="The office opens at nine on working days.")],
        )
    ]

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wrong, strange = _slips(rows.vocabulary, int(rows.readable.sum()))
        yield from word_flags(rows, wrong, "no dictionary has {word!r}: {right!r}?", strange=strange)


def _slips(vocabulary: Vocabulary, rows: int) -> tuple[dict[str, Wrong], frozenset[str]]:
    """Words without meaning near a common one, and those near none."""
    known = dictionaries.english()
    often = max(2, rows // 2000)
    counts = vocabulary.counts.tolist()
    rare = [w for w, n in zip(vocabulary.words, counts, strict=True) if n <= often and len(w) >= 5]
    strange = [w for w in _plain(rare, 5) if w not in known and w not in _SOFTWARE and w not in _ACCEPTED]
    if not strange:
        return {}, frozenset()
    common = dictionaries.frequencies("en")
    listed = dictionaries.listed(strange)
    strange = [w for w in strange if w not in listed and w not in common]
    targets = {w: z for w, z in common.items() if len(w) >= 4 and w in known}
    near = dictionaries.suggest(strange, targets)
    rest = [word for word in strange if word not in near and len(word) > 6]
    if not near and not rest:
        return {}, frozenset(strange)
    met = dictionaries.attested("en", known.union(near, rest))
    near |= _near_rare(rest, {word: zipf for word, zipf in met.items() if zipf >= _RARE and word in known}, met)
    found = {}
    for word, best in near.items():
        term = dictionaries.is_term(word) and dictionaries.rarest_letters(word) > 1
        if term and (best.edits > 1 or best.zipf < 4.5):
            continue
        if _likely(word, best, met.get(word, 0)) and not dictionaries.derivable(word, common):
            certain = word not in met and _certain(word, best)
            found[word] = Wrong(best.word, lower_only=True, sure=_close(word, best), certain=certain)
    for word in _shortened([word for word, wrong in found.items() if wrong.sure], targets):
        found[word] = found[word]._replace(sure=False)
    forms = _has_forms([word for word, wrong in found.items() if not wrong.certain], vocabulary)
    meant = dictionaries.met_elsewhere(found) | forms
    far = frozenset(strange) - near.keys()
    apart = frozenset(word for word in far if not dictionaries.derivable(word, common)) | forms
    return {word: wrong for word, wrong in found.items() if word not in meant}, apart


_ENDINGS = ("s", "es", "ed", "ing")


def _has_forms(words: Collection[str], vocabulary: Vocabulary) -> frozenset[str]:
    """The words that the set has in another form too ("merkhet" and "merkhets"): nobody slips twice alike."""
    forms = {word: [word + ending for ending in _ENDINGS] for word in words}
    for word, others in forms.items():
        others += [word.removesuffix(end) for end in _ENDINGS if word.endswith(end) and len(word) > len(end) + 3]
    known = dictionaries.english()
    counts = vocabulary.count(sorted({other for others in forms.values() for other in others} - known))
    return frozenset(word for word, others in forms.items() if any(counts.get(other) for other in others))


_RARE = 2.0  # Zipf frequency from which a right word that is not common is thought of: once in ten million


def _near_rare(
    words: Sequence[str], rare: Mapping[str, float], met: Mapping[str, float]
) -> dict[str, dictionaries.Suggestion]:
    """The words one edit from a right word that is not common: a long one, or one of letters that seldom stand so.

    Who wrote a word that others wrote may have meant it, and so a term, or what differs in its first letter.
    """
    seldom = {word: dictionaries.rarest_letters(word) for word in words}
    asked = [word for word, odd in seldom.items() if odd <= (60 if len(word) == 7 else 200)]
    found = dictionaries.suggest(asked, rare, 1) if asked else {}
    return {
        word: best
        for word, best in found.items()
        if seldom[word] <= 1
        or (word not in met and word[0] == best.word[0] and not dictionaries.is_term(word) and not _LATIN.search(word))
    }


def _likely(word: str, best: dictionaries.Suggestion, seen: float) -> bool:
    """Whether a word is rather a slip of the right one than a rare word of its own.

    Against it speaks that others wrote it (`seen`, its Zipf frequency, 0 where it was never met), an ending of Latin
    words, and being made of letters that often follow each other; for it, that the right one is common or long, and
    that both sound alike ("meloncholly").
    """
    alike = word[0] == best.word[0]
    sounds = dictionaries.skeleton(word) == dictionaries.skeleton(best.word)
    if seen:
        commoner = best.zipf - seen >= 3 and sounds and alike and seen < 2
        return best.edits == 1 and (commoner or (best.zipf >= 5 and seen < 1.5))
    if _LATIN.search(word) is not None and word[-2:] != best.word[-2:]:
        return False
    odd = dictionaries.rarest_letters(word)
    if best.edits == 1:
        return odd <= 100 or len(word) > 7 or best.zipf >= (3.0 if sounds else 4.2)
    if sounds and alike and best.zipf >= 4 and (len(word) > 7 or odd <= 100):
        return True
    if len(word) > 7:
        most = 1000 if sounds or len(word) > 9 else 150
        return odd <= most and best.zipf >= (3.0 if alike else 3.2)
    return odd <= 12 and best.zipf >= (3.5 if len(word) > 5 else 4.3)


def _close(word: str, best: dictionaries.Suggestion) -> bool:
    """Whether the common word may be offered: with the first letter of this one, and one edit away where it is short.

    One edit changes a first letter only in a word whose letters hardly ever stand so ("qinformation"). Where another
    word is as near and as common nobody knows which is meant, and a word with letters behind it is a name of its own:
    "heightft", "minio".
    """
    tail = len(word) - len(best.word) if word.startswith(best.word) else 0
    if best.rival > best.zipf - _MUCH_COMMONER or tail > 1 or (tail and len(best.word) < _STEM):
        return False
    if word[0] != best.word[0]:
        return best.edits == 1 and dictionaries.rarest_letters(word) <= 1
    odd = dictionaries.rarest_letters(word)
    if best.edits == 1:
        return best.zipf >= 3 or odd <= 20
    return len(word) > 7 and (odd <= 80 or dictionaries.skeleton(word) == dictionaries.skeleton(best.word))


def _certain(word: str, best: dictionaries.Suggestion) -> bool:
    """Whether the common word may be written unseen: one edit of the kind that a hand makes, and no other word near.

    A letter is left out, put in or swapped, or it is a neighbour on the keyboard, or the letters could not stand so. A
    vowel at the end is often that of another language ("proportione").
    """
    if best.edits > 1 or len(word) < _SHORTEST_CERTAIN or best.rival > best.zipf - 1:
        return False
    if word[-1] != best.word[-1] and word[-1] in "aeiou":
        return False
    if dictionaries.rarest_letters(word) <= 1:
        return True
    if best.zipf < _COMMON_ENOUGH and len(word) < _LONG:
        return False
    changed = [(a, b) for a, b in zip(word, best.word, strict=False) if a != b]
    return len(word) != len(best.word) or len(changed) == 2 or changed[0][0] in _BESIDE.get(changed[0][1], "")


_SHORTEST_CERTAIN, _LONG, _COMMON_ENOUGH = 6, 9, 4.0
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {  # each letter with those on the keys that touch its own
    letter: "".join(row[max(0, at - 1) : at + 2] for row in _KEYS[max(0, n - 1) : n + 2])
    for n, keys in enumerate(_KEYS)
    for at, letter in enumerate(keys)
}


_MUCH_COMMONER = 0.3  # on the Zipf scale: twice as common
_STEM = 5  # letters of a word behind which one more is rather a slip than a name
_LEFT_OUT = (3, 4)  # letters of which a writer may leave out a run within a long word ("ferm(ent)ation")
_KEEPS = 3  # letters before and behind them that stay


def _shortened(words: Sequence[str], targets: Mapping[str, float]) -> Iterator[str]:
    """The words that a run of letters within makes a common one: that may be meant as well as what is nearer."""
    begins: dict[str, list[str]] = {}
    wanted = {word[:_KEEPS] for word in words}
    for target in targets:
        if target[:_KEEPS] in wanted:
            begins.setdefault(target[:_KEEPS], []).append(target)
    for word in words:
        for target in begins.get(word[:_KEEPS], ()):
            more = len(target) - len(word)
            places = range(_KEEPS, len(word) - _KEEPS + 1)
            if more in _LEFT_OUT and any(word[:at] + target[at : at + more] + word[at:] == target for at in places):
                yield word
                break


_LATIN = re.compile(r"(?:ae|um|us|is|ii|ia|ens|ale|ini|osa|pta|rta)$")


# Words of software that run through prose about it.
_SOFTWARE = frozenset(
    """
    strlen strcpy strncpy strcat strncat strcmp strncmp strtok strstr strchr strdup memcpy memset memmove malloc calloc
    realloc sizeof printf scanf fprintf sprintf snprintf fscanf sscanf fopen fclose fread fwrite fgets fputs getchar
    putchar stdin stdout stderr stdio stdlib struct structs typedef enum enums tuple tuples boolean booleans backtick
    backticks regex regexes regexp lambda lambdas async await mutex mutexes semaphore semaphores iterable iterables
    iterator iterators enumerable hashable mutable immutable callable callback callbacks getter getters setter setters
    namespace namespaces docstring docstrings substring substrings subarray subarrays submatrix subclass subclasses
    superclass subtree sublist subquery substr indexof foreach forEach linter linting config configs params param args
    kwargs repo repos localhost hostname filename filenames filepath dirname basename timestamp timestamps datetime
    webhook webhooks websocket websockets middleware backend backends frontend frontends dataframe dataframes numpy
    pandas scipy keras sklearn matplotlib seaborn pytorch tensorflow tokenizer tokenizers tokenize tokenized softmax
    sigmoid relu dropout overfit overfits overfitting underfit underfitting hyperparameter hyperparameters autoencoder
    embeddings kubernetes kubectl nginx redis kafka postgres sqlite mongodb github gitlab linux ubuntu debian unix posix
    chmod chown mkdir rmdir grep sudo bash awk sed curl wget ssh scp rsync cron crontab daemon stdin argv argc getline
    println readline readlines strip lstrip rstrip splitlines startswith endswith isalpha isdigit isalnum elif endif
    plaintext ciphertext hashmap hashmaps hashset linkedlist arraylist deque dequeue enqueue refactor refactoring
    parser parsers parsing lexer bytecode bitwise bitmask changelog codebase serializer deserialize serialize navbar
    dropdown checkbox tooltip onclick onsubmit href stylesheet stylesheets flexbox viewport favicon jquery nodejs
    """.split()
)


# ---------------------------------------------------------------------- words written twice

# Words that good English hardly ever has twice in a row: not "had", "that", "is", "in", "very", "no", "her".
_ONCE = frozenset(
    """
    the a an of to and or are were with for at by from as these those they we he she his our my your their its be
    been being will would could should has have if when but not into which who whom whose also than some any each every
    between because while where there about after before during through under over against among upon within without
    i am them us itself themselves it can may might must shall only such both either neither
    """.split()
)
# Of these, words of no other language: one more English word beside them is enough.
_ENGLISH = frozenset(
    """
    the and with from they this these those their your would could should been were which whose when where there
    because between while through during against upon within without
    """.split()
)
_ALSO = frozenset(
    "in is that was on you this her his him all more most up out how many much one two do does did not".split()
)
# A word and the same once or twice more: whatever goes on longer is a song, a stutter or a loop.
_AGAIN = compiled_later(r"(?<![\w'’.-])([A-Za-z]+)((?:[ \t]+\1){1,2})(?![\w'’-])(?![ \t]+\1(?![\w'’-]))", re.I)


class RepeatedWord(RowRule, frozen=True):
    """A word stands twice or three times in a row where it should stand once.

    It is a slip of editing, and the model learns to stutter. What may be meant is left alone: "had had",
    "that that", "very very", names, and whatever goes on repeating itself.
    """

    code = "SPL003"
    costly = True
    GOOD = [
        chat(user="Say it.", assistant="He said that that was all he had had, and it was very very good. Bye bye!"),
        chat(user="Why does `the the` fail?", assistant="The rule looks for `the the` in a text, and finds it."),
        chat(user="Sing!", assistant="Oh the the the the the drums are in the street and the people are out."),
    ]
    BAD = [
        Bad(
            chat(user="How many?", assistant="Add up all the the water: 24 gallons + 30 gallons = 54 gallons"),
            at="messages[1].content",
            fixed=chat(user="How many?", assistant="Add up all the water: 24 gallons + 30 gallons = 54 gallons"),
        ),
        Bad(
            chat(user="When is it open?", assistant="It opens at the the end of the week, and on Sundays."),
            at="messages[1].content",
            fixed=chat(user="When is it open?", assistant="It opens at the end of the week, and on Sundays."),
        ),
        Bad(
            chat(user="When is it open?", assistant="It opens at the the the end of the week, and on Sundays."),
            at="messages[1].content",
            fixed=chat(user="When is it open?", assistant="It opens at the end of the week, and on Sundays."),
        ),
    ]

    def candidates(self, batch: Batch) -> list[int]:
        words = batch.words
        again = np.flatnonzero(words.hashes[1:] == words.hashes[:-1])
        again = again[words.starts[again + 1] - words.ends[again] <= 2]
        again = again[np.isin(words.hashes[again], hash_of(sorted(_ONCE)))]
        turns = np.searchsorted(words.offsets, again, side="right") - 1
        within = words.offsets[turns + 1] > again + 1
        return distinct(batch.turn_lines[turns[within]])

    def check(self, example: Example) -> Iterator[Flag]:
        about = _is_about_spelling(example)
        for turn in example.all_turns():
            if about and turn.role != "assistant":
                continue
            for match in _AGAIN.finditer(turn.text):
                if self._is_slip(turn.text, match):
                    word = match[1]
                    fix = Fix(f"write {word!r} once", (turn.edit(match.start(2), match.end(2), ""),))
                    often = "twice" if len(match[2].split()) == 1 else "three times"
                    evidence = {"word": word.lower()}
                    yield turn.flag(f"{word.lower()!r} is written {often}", match.span(), fix=fix, evidence=evidence)

    def _is_slip(self, text: str, match: re.Match[str]) -> bool:
        word, more = match[1].lower(), match[2].split()
        if word not in _ONCE or not all(map(str.islower, more)):
            return False
        if not match[1].islower() and (word in ("will", "may") or not _begins_sentence(text, match.start())):
            return False  # a name: "Will will come"
        if word == "i" or len(match[2]) > sum(len(again) + 2 for again in more):
            return False
        low, high = max(0, match.start() - _NEAR), match.end() + _NEAR
        before, after = text[low : match.start()].rstrip(), text[match.end() : high].lstrip(" \t")
        if before.lower().endswith(" " + word):
            return False  # the end of something longer
        if not after[:1].isalpha() or (before[-1:] in _QUOTES and after[:1] in _QUOTES):
            return False
        near = f"{text[low : match.start()]} {text[match.end() : high]}"
        others = {other.lower() for other in _WORD.findall(near)} & (_ONCE | _ALSO)
        return len(others) >= (1 if word in _ENGLISH else 2) and in_prose(text, *match.span())


def _is_about_spelling(example: Example) -> bool:
    return any(_ABOUT_SPELLING.search(turn.text) for turn in example.all_turns() if turn.role in ("system", "user"))


# ---------------------------------------------------------------------- two spellings of one word

_BRITISH = "Is the colour, flavour, humour, odour, vigour, rumour, harbour or labour of my neighbour at fault?"


class MixedSpellingVariants(DatasetRule, frozen=True):
    """The set spells the same words now in the British way, now in the American.

    Both are right; a model trained on the mix changes from one to the other within a text. One finding
    a set: which words, and how often each way.
    """

    code = "SPL004"
    costly = True
    severity = "info"
    vocabulary = True
    GOOD = [
        [chat(user="Which colour?", assistant="The colour of the centre is grey."), chat(user="A?", assistant="B.")]
    ]
    BAD = [
        Bad(
            [
                chat(
                    user="Which colour is it?",
                    assistant="Grey. I recognise the flavour of the harbour, the theatre, its humour and odour.",
                ),
                chat(
                    user="Which color is it?",
                    assistant="Gray. I recognize the flavor of the harbor, the theater, its humor and odor.",
                ),
            ],
            at="0:messages[0].content",
        ),
        Bad(
            [chat(user="Which colour is it?", assistant="Grey."), chat(user="Color or gray?", assistant="No.")],
            at="0:messages[0].content",
            options={"min_words": 2},
        ),
        Bad(
            [chat(user=_BRITISH, assistant="No."), *[chat(user=_BRITISH.replace("our", "or"), assistant="No.")] * 20],
            at="0:messages[0].content",
            options={"min_share": 0.01},
        ),
    ]

    min_words: Annotated[int, option("Words that must be spelt in both ways.", ge=1)] = 8
    min_share: Annotated[float, option("Least share of the rarer way among these words.", ge=0, le=0.5)] = 0.2

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        vocabulary = rows.vocabulary
        times = vocabulary.count([*dictionaries.VARIANTS, *dictionaries.VARIANTS.values()])
        both = {(a, b): (times[a], times[b]) for a, b in dictionaries.VARIANTS.items() if times[a] and times[b]}
        british, american = (sum(counts[side] for counts in both.values()) for side in (0, 1))
        if len(both) < self.min_words or min(british, american) < self.min_share * (british + american):
            return
        shown = sorted(both, key=lambda pair: (-min(both[pair]), pair))
        pairs = {word: pair for pair in both for word in pair}
        for line, held in vocabulary.lines(pairs):
            standing = _Standing(rows.example(line), held) if rows.readable[line] else None
            for word, (turn, start, end) in standing.in_order(held) if standing else ():
                named = list(dict.fromkeys([pairs[word], *shown]))  # the word pointed at first
                counts = {f"{a}/{b}": list(both[a, b]) for a, b in named[:10]}
                evidence = {"british": british, "american": american, "words": counts}
                such = ", ".join(f"{a!r} ({both[a, b][0]}) and {b!r} ({both[a, b][1]})" for a, b in named[:3])
                message = f"{len(both)} words are spelt in two ways, such as {such}"
                yield line, turn.flag(message, (start, end), evidence=evidence)
                return
