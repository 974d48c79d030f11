"""Whether two rows alike in wording are the same example, and in which words they differ.

Likeness of wording is not enough: rows made from one template ("Convert 5 miles", "Convert 8 miles") share
most of their words and ask for different things. Two rows are one example when prompt and answer are both
alike and no difference is of a kind that changes what is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from curator.model import Example
from curator.neighbours.shingles import jaccard, similarity, splitter, text_of
from curator.neighbours.wordings import reworded
from curator.provenance import judged_of
from curator.text.differing import differing

_FEW = 5  # words: below, one letter of one word may differ
_ALIKE = 0.5  # share of the words of a prompt, or of an answer, that must stand in both
_BRIEF = 12  # words: a prompt this short turns on every word
_TELLING = 20  # words: an answer this long tells what was asked
_TOLD = 40  # words: whatever was asked, an answer this long that is repeated ...
_TOLD_ALIKE = 0.9  # ... to this degree makes a repeat of the row
_REPEATED = 0.95  # share of its words in which a prompt is repeated but for words added or left out
_LONG = 100  # words: in a longer row a word that stands twice need not be its subject
_SAME_ANSWER = 0.75  # the answers to two short prompts must be this much alike
_NUMBER = re.compile(r"\d")
_NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty forty fifty "
    "hundred thousand million billion first second third fourth fifth".split()
)
_DIGITS = {word: str(n) for n, word in enumerate("zero one two three four five six seven eight nine ten".split())}
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w-]+|\b[A-Z]{2,}\b")
_NEGATIONS = frozenset(  # "don't" is "don", "t"
    "not no never none cannot without except nor neither t "
    "nicht kein keine keinen keiner keinem nie niemals pas jamais aucun aucune nunca jamás ningún ninguna não nunca "
    "non mai nessun nessuna niet geen nooit ikke inte aldrig aldri nie не нет никогда".split()
)
# Words that carry no subject of their own.
COMMON_WORDS = frozenset(
    "a an the this that these those it its he she they we i you my your his her their our and or but if so as of in on "
    "at by for from to with about into over than then there here is are was were be been being am do does did has have "
    "had can could will would should may might must what which who whom whose when where why how all any some each "
    "please also just very more most less only such too s t re ve ll d m".split()
)
_ASKING = frozenset("what which who whom whose when where why how".split())


# Words that turn a task into another one, each pair either way round.
_OPPOSITES = (
    "on off, in out, up down, before after, above below, over under, left right, first last, open close, open "
    "closed, opened closed, enable disable, enabled disabled, start stop, begin end, start end, add remove, "
    "add subtract, plus minus, increase decrease, increasing decreasing, rise fall, ascending descending, asc "
    "desc, max min, maximum minimum, most least, more less, more fewer, greater less, greater smaller, larger "
    "smaller, largest smallest, biggest smallest, higher lower, highest lowest, longer shorter, longest "
    "shortest, faster slower, fastest slowest, hot cold, warm cold, positive negative, affirmative negative, "
    "true false, yes no, for against, pros cons, advantages disadvantages, benefits drawbacks, benefits "
    "risks, import export, encode decode, encrypt decrypt, compress decompress, buy sell, win lose, push "
    "pull, accept reject, accept decline, allow deny, allow forbid, include exclude, with without, even odd, "
    "old new, oldest newest, earliest latest, cheap expensive, cheapest dearest, cheapest expensive, good "
    "bad, best worst, better worse, male female, north south, east west, lock unlock, connect disconnect, "
    "install uninstall, active inactive, passive active, active passive, lend borrow"
)
_NONE: frozenset[str] = frozenset()
_OPPOSITE: dict[str, frozenset[str]] = {}
for _pair in _OPPOSITES.split(", "):
    for _word, _other in (_pair.split(), _pair.split()[::-1]):
        _OPPOSITE[_word] = _OPPOSITE.get(_word, _NONE) | {_other}

Change = tuple[list[str], list[str]]  # consecutive words of the one text, and what stands there in the other


class Part(NamedTuple):
    """Prompt or answer of two rows: their words in lower case, and the runs of words that differ."""

    one: list[str]
    two: list[str]
    changes: list[Change]
    alike: float  # share of the words that stand in both


class Likeness(NamedTuple):
    """What two rows that say nearly the same differ in."""

    similarity: float  # exact Jaccard similarity of the 3-word shingles of all text
    words: int  # of the shorter row
    changes: list[tuple[str, str]]  # words of the one row, words of the other; those in dispute first
    # What must be seen before one of them goes: "answers" differ in what may matter, or "prompts" do; of two
    # conversations that begin alike one "ends" where the other goes on.
    disputed: str
    beside: int = 0  # how many of the changes, the last ones, are not where the dispute is


def percent(share: float) -> str:
    """A likeness (0 to 1) of two that differ, as whole percent; never "100%", which says that they are the same."""
    return f"{share:.0%}" if share < _WHOLE else f"{min(int(share * 1000), 999) / 10:.1f}%"


_WHOLE = 0.995  # what is rounded to 100 %


def likeness(
    one: Example, two: Example, measured: float | None = None, *, whatever_tools: bool = False
) -> Likeness | None:
    """In what the rows differ, or None where they are different examples.

    `measured` is their similarity as hashes of words give it; it is taken where every reader would count
    the words alike, and computed from the texts elsewhere. Rows that are offered other tools are different examples,
    but for one who asks what is said `whatever_tools` there are.
    """
    if rest := _goes_on(one, two):
        shares, words = similarity(_all_text(one), _all_text(two))
        return Likeness(shares, words, [("", rest) if len(one.turns) < len(two.turns) else (rest, "")], "ends")
    simple = _one_exchange(one) and _one_exchange(two)
    same_tools = whatever_tools or one.tools == two.tools
    if not same_tools or not (simple or _calls(one) == _calls(two)):
        return None
    if judged_of(one.value) != judged_of(two.value):
        return None
    prompts, answers = zip(said(one), said(two), strict=True)
    words_of = splitter((*prompts, *answers))
    prompt, answer = _part(*prompts, words_of), _part(*answers, words_of)
    if _asks_otherwise(prompt, answer):
        return None
    spoken = (prompt.one + answer.one, prompt.two + answer.two)
    words = min(map(len, spoken))
    if measured is None or not simple or not all(map(_plain, (*prompts, *answers))):
        measured, words = (jaccard(*spoken), words) if simple else similarity(_all_text(one), _all_text(two))
    changes = [*prompt.changes, *answer.changes] or _part(_all_text(one), _all_text(two), words_of).changes
    disputed = _disputed(prompt, answer)
    if not disputed and (_asks_of_another(prompt, *prompts) or _questions_differ(one, two, words_of)):
        disputed = "prompts"
    if not disputed and (
        _other_marks(answer, *answers)
        or _other_signs(*answers)
        or (_new_words(answer, answers) and _named_anew(*answers))
    ):
        disputed = "answers"
    if disputed == "answers" and _CLOCK.search(" ".join(answers)):
        told, also = map(_by_the_clock, answers)
        disputed = _disputed(prompt, _part(told, also, words_of))
    rewritten = [*prompt.changes, *answer.changes]  # none where signs alone differ: those may say something else
    if disputed and rewritten and _near(answer) and not any(map(_in_words, rewritten)):
        written = any(map(_FORMULA.search, (*prompts, *answers)))
        if written and _same_numbers(*prompts) and _same_numbers(*answers):
            return None  # formulas in another writing: whether they say the same is not for words to tell
    if disputed == "answers":
        changes = [*answer.changes, *prompt.changes]
    beside = len({"answers": prompt, "prompts": answer}[disputed].changes) if disputed else 0
    return Likeness(measured, words, [(" ".join(a), " ".join(b)) for a, b in changes], disputed, beside)


_WRITTEN = frozenset("frac dfrac tfrac sqrt cdot times div left right text mathrm mathbf boxed quad pi over".split())


def _in_words(change: Change) -> bool:
    """Whether a word is part of a change, and not signs of a formula alone: letters, numbers, names of LaTeX."""
    words = {word for side in change for word in side}
    return any(len(word) > 2 and word.isalpha() for word in words - _WRITTEN)


_CLOCK = re.compile(r"(?<![\w.:])(\d{1,2})(?:[:.](\d\d))?\s?([ap])\.?m\b\.?", re.I)


def _by_the_clock(text: str) -> str:
    """The text with hours as a day counts them: 6 pm is 18:00, 12 am is 0:00."""
    return _CLOCK.sub(lambda hit: f"{int(hit[1]) % 12 + 12 * (hit[3] in 'pP')}:{hit[2] or '00'}", text)


def _goes_on(one: Example, two: Example) -> str:
    """What the one conversation says more, where the other is its beginning; "" elsewhere."""
    short, long = sorted((one, two), key=lambda example: len(example.turns))
    if one.tools != two.tools or one.chosen or two.chosen or len(short.turns) == len(long.turns) or not short.turns:
        return ""
    if any(
        (a.role, a.text, a.calls) != (b.role, b.text, b.calls) for a, b in zip(short.turns, long.turns, strict=False)
    ):
        return ""
    return " ".join(turn.text for turn in long.turns[len(short.turns) :] if turn.text)


# What shows that a text holds a formula, or a number that may be written in two ways.
_FORMULA = re.compile(r"\\[a-z]|\^|\$|\d\s?/\s?\d|[a-z]/\d|(?<!\d)\.\d|\d\.\d|[²³½¼¾√×÷]")
_FRACTION = re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_NUMERAL = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+")
_QUOTIENT = re.compile(r"(?<![\w./])(\d{1,9}(?:\.\d+)?)\s?/\s?(\d{1,9})(?![\w/])")
_WRITING = re.compile(
    r"\\(?:left|right|text|mathrm|mathbf|displaystyle|cdot|times)(?![a-z])|\\[,;:!() ]|[$*·×{}]|(?<=[a-z])\\"
)
_SIGNS = str.maketrans({"²": "^2", "³": "^3", "½": "1/2", "¼": "1/4", "¾": "3/4", "÷": "/", "−": "-", "√": "\\sqrt"})


_MARK = re.compile(r"[<>=+*/%]|&&|\|\||\s-\s|-\.?\d")  # what no text without an operator or a sign holds
_OPERATOR = re.compile(  # between two words or numbers, or before a number; no dash, no range, no mark of a list
    r"(?<![\w)\]\"'])([\w)\]\"']++)(?:\s?([<>]=?|[!=]=|\+|(?<=\s)-(?=\s)|\*|/|%|&&|\|\|)\s?(?=[\w(\[\"'])|\s([-+]?)(?=\.?\d))"
)


def _other_signs(one: str, two: str) -> bool:
    """Whether between the same words, or before the same number, stands another operator or sign."""
    if not _MARK.search(one) and not _MARK.search(two):
        return False
    parts = differing(one, two)
    if not any(map(_MARK.search, parts)):
        return False
    told, also = map(_signs, parts)
    both = [(signs, also[words]) for words, signs in told.items() if words in also]
    return any(here != there and len(here) == len(there) for here, there in both)


# Signs that say something: no blank, no punctuation of sentences, no mark of a list or of emphasis; but a point or
# comma within a number, a minus before a number or a word, "not" of code.
_MARKS = re.compile(
    r"[^\w\s.,;:!?'\"…“”„‘’‚«»‹›()\[\]{}*_`#~|—–•·\ufe0f\u200b-\u200d-]|(?<=\d)[.,](?=\d)|(?<![^\s(=,:])-(?=[\w.(])|!(?=[\w=(])"
)


def _other_marks(answer: Part, one: str, two: str) -> bool:
    """Whether answers of the same words differ in signs that say something: faces, stars, C++, -5, 3.14 and 3,14."""
    return not answer.changes and one != two and _MARKS.findall(one) != _MARKS.findall(two)


def _signs(text: str) -> dict[tuple[str, str], list[str]]:
    """The operators and signs of a text, by the words before and behind them."""
    found: dict[tuple[str, str], list[str]] = {}
    for hit in _OPERATOR.finditer(text):
        behind = _NEXT.match(text, hit.end())
        found.setdefault((hit[1], behind[1] if behind else ""), []).append(hit[2] or hit[3] or "")
    return found


_NEXT = re.compile(r"[-+(\[\"']*(\.?\w+)")


def _same_numbers(one: str, two: str) -> bool:
    r"""Whether two texts hold the same numbers, whichever way they are written: x/2 and \frac{x}{2}, .5 and 1/2."""
    return one == two or sorted(_numerals(one)) == sorted(_numerals(two))


def _numerals(text: str) -> list[float]:
    said = text.lower().translate(_SIGNS)
    for _ in range(3):  # fractions within fractions
        said = _FRACTION.sub(r" \1/\2 ", said)
    said = _QUOTIENT.sub(_value, _WRITING.sub(" ", said))
    return [float(number.replace(",", "")) for number in _NUMERAL.findall(said)]


def _value(quotient: re.Match[str]) -> str:
    """A quotient of two numbers as a decimal."""
    return repr(round(float(quotient[1]) / int(quotient[2]), 9)) if int(quotient[2]) else quotient[0]


def _disputed(prompt: Part, answer: Part) -> str:
    if not _near(answer) or any(_other_value(a, b) or _other_sense(a, b) for a, b in answer.changes):
        return "answers"
    if any((b, a) in answer.changes and _weighty(a, b) for a, b in answer.changes if a and b):
        return "answers"  # two words have changed places
    if min(len(answer.one), len(answer.two)) <= _BRIEF and any(
        _other_word(a, b) and not _misspelt(a, b) for a, b in answer.changes if a and b
    ):
        return "answers"  # an answer this short turns on every word
    asked = _near(prompt) or prompt.alike >= _ALIKE
    if not asked or any(_other_value(a, b) or _number_more(a, b) for a, b in prompt.changes):
        return "prompts"
    return "answers" if any(_number_more(a, b) for a, b in answer.changes) else ""


def _asks_of_another(prompt: Part, one: str, two: str) -> bool:
    """Whether prompts name another each: a name in place of a name, or, in a short one, a word of weight of another.

    The answer, though it is the same, may be right for one of them alone.
    """
    if _named_anew(one, two):
        return True
    brief = min(len(prompt.one), len(prompt.two)) <= _BRIEF
    return brief and any(_other_word(a, b) and not _misspelt(a, b) for a, b in prompt.changes)


def _questions_differ(one: Example, two: Example, words_of: Callable[[str], list[str]]) -> bool:
    """Whether a user turn of the one row asks something else than that of the other, the rest being equal.

    Half of its words are others, or another word asks: who, what.
    """
    told, also = ([turn.text for turn in example.turns if turn.role == "user"] for example in (one, two))
    if len(told) != len(also):
        return False
    return any(_asked_anew(_part(a, b, words_of)) for a, b in zip(told, also, strict=True) if a != b)


def _asked_anew(turn: Part) -> bool:
    if turn.alike < _ALIKE:
        return True
    brief = min(len(turn.one), len(turn.two)) <= _BRIEF
    return brief and any(_ASKING.intersection(a) and _ASKING.intersection(b) for a, b in turn.changes)


def other_task(one: Example, two: Example) -> bool:
    """Rows in other words ask, or tell, of something else: a number, a name, a negation or an opposite differs."""
    if one.tools != two.tools or _calls(one) != _calls(two):
        return True
    for a, b in zip(said(one), said(two), strict=True):
        words = splitter((a, b))
        told, also = words(a), words(b)
        if _numbers(told) != _numbers(also) or _negated(told) != _negated(also) or _names(a, b) or _names(b, a):
            return True
        new, gone = set(also) - set(told), set(told) - set(also)
        if _opposed(sorted(gone), sorted(new)):
            return True
    return False


def _numbers(words: Sequence[str]) -> set[str]:
    return {_DIGITS.get(word, word) for word in words if _is_number(word)}


def _negated(words: Sequence[str]) -> bool:
    return sum(word in _NEGATIONS for word in words) % 2 == 1


def _new_words(part: Part, texts: Sequence[str]) -> bool:
    """Whether each text has words that the other has not, or one joins words by signs: else no name differs."""
    if any("-" in text or "_" in text for text in texts):
        return True
    one, two = set(part.one), set(part.two)
    return not (one <= two or two <= one)


def _named_anew(one: str, two: str) -> bool:
    """Whether each text holds a name that the other does not."""
    told, also = differing(one, two)
    return bool(_new_names(told, two) and _new_names(also, one))


def _names(text: str, other: str) -> set[str]:
    """Names within the sentences of a text that the other does not hold."""
    return _new_names(differing(text, other)[0], other)


def _new_names(text: str, other: str) -> set[str]:
    known = other.lower()
    return {name for name in _NAME.findall(text) if name.lower() not in known}


def _one_exchange(example: Example) -> bool:
    """A question and its answer, and nothing else."""
    turns = example.turns
    if len(turns) != 2 or example.chosen or example.rejected:
        return False
    return turns[0].role == "user" and turns[1].role == "assistant" and not (turns[0].calls or turns[1].calls)


def said(example: Example) -> tuple[str, str]:
    """Prompt and answer."""
    if _one_exchange(example):
        return example.turns[0].text, example.turns[1].text
    return text_of(example, "prompt"), text_of(example, "answer")


def _calls(example: Example) -> list[tuple[str | None, Any]]:
    """What a row calls, with which arguments: another argument is another task."""
    return [(call.name, call.arguments) for turn in example.all_turns() for call in turn.calls]


def _all_text(example: Example) -> str:
    return " ".join([turn.text for turn in example.all_turns() if turn.text])


def _plain(text: str) -> bool:
    """The words of the text are the same to every reader."""
    return "_" not in text and text.isascii()


def _part(one: str, two: str, words_of: Callable[[str], list[str]]) -> Part:
    a = words_of(one)
    if one == two:
        return Part(a, a, [], 1.0)
    from rapidfuzz.distance import Levenshtein

    b = words_of(two)
    changes: list[Change] = []
    differ = 0
    codes: list[Any] = Levenshtein.opcodes(a, b).as_list()  # plain tuples: half the cost of walking opcodes
    for tag, start, end, at, to in codes:
        if tag != "equal":
            changes.append((a[start:end], b[at:to]))
            differ += end - start + to - at
    return Part(a, b, changes, 1 - differ / max(1, len(a) + len(b)))


def _asks_otherwise(prompt: Part, answer: Part) -> bool:
    """The rows are different examples, however much wording they share."""
    settled = len(answer.one) >= _TELLING and answer.alike >= _SAME_ANSWER
    if not _near(answer) and not _answered_otherwise(prompt, answer):
        return True
    told = len(answer.one) >= _TOLD and answer.alike >= _TOLD_ALIKE
    if not (_near(prompt) or told or (settled and prompt.alike >= _ALIKE)):
        return True
    if prompt.changes and not told and any(_other_value(a, b) for a, b in prompt.changes):
        return True
    if any(_opposed(a, b) for a, b in (*prompt.changes, *answer.changes)):
        return True
    if _changed_alike(prompt, answer) or _subject_differs(prompt, answer):
        return True
    if not prompt.one and not prompt.two:  # plain text: what is asked stands anywhere in it
        return len(answer.one) < _LONG and any(_other_word(a, b) or _other_value(a, b) for a, b in answer.changes)
    asked = bool(prompt.changes) and min(len(prompt.one), len(prompt.two)) <= _BRIEF
    return asked and answer.alike < _SAME_ANSWER and any(_other_word(a, b) for a, b in prompt.changes)


def _answered_otherwise(prompt: Part, answer: Part) -> bool:
    """A prompt that says much is repeated, and its few words of answer are others: one of them errs.

    It is repeated to the word, or but for words added or left out of which none is a number or a negation.
    """
    if len(prompt.one) <= _BRIEF or max(len(answer.one), len(answer.two)) > _FEW:
        return False
    if not prompt.changes:
        return True
    added = prompt.alike >= _REPEATED and not any(a and b for a, b in prompt.changes)
    return added and not any(_other_sense(a, b) or any(map(_is_number, (*a, *b))) for a, b in prompt.changes)


def _near(part: Part) -> bool:
    """The part is the same but for a smaller part; with few words, none may stand in the place of another."""
    if part.alike < _ALIKE:
        return False
    if not part.changes or min(len(part.one), len(part.two)) >= _FEW:
        return True
    if not any(a and b for a, b in part.changes):
        return not any(_other_sense(a, b) or any(map(_is_number, (*a, *b))) for a, b in part.changes)
    return all(_misspelt(a, b) for a, b in part.changes)


def _misspelt(a: Sequence[str], b: Sequence[str]) -> bool:
    """One letter parts two words: they are spellings of one."""
    from rapidfuzz.distance import Levenshtein

    one, two = "".join(a), "".join(b)
    return len(one) >= _FEW and not _NUMBER.search(one + two) and Levenshtein.distance(one, two, score_cutoff=1) <= 1


def _subject_differs(prompt: Part, answer: Part) -> bool:
    """A word of weight is new to the row in its prompt and its answer, or twice in a short prompt or plain text."""
    plain = not prompt.one and not prompt.two
    for side in (0, 1):
        asked, told = (
            [set(change[side]) - COMMON_WORDS for change in part.changes if not reworded(*change)]
            for part in (answer if plain else prompt, answer)
        )
        both = set().union(*told) if not plain else set()
        other = ((prompt.two, answer.two), (prompt.one, answer.one))[side]
        short = len(other[0]) + len(other[1]) < _LONG
        for word, places in Counter(word for words in asked for word in words).items():
            again = word in both or (short and places > 1)
            if again and word not in other[0] and word not in other[1]:
                return True
    return False


def _changed_alike(prompt: Part, answer: Part) -> bool:
    """The same words are changed in prompt and answer, or twice in plain text."""
    if prompt.changes and answer.changes:
        return any(change in answer.changes and _weighty(*change) for change in prompt.changes)
    if prompt.one or prompt.two:
        return False
    return any(answer.changes.count(change) > 1 and _weighty(*change) for change in answer.changes)


def _weighty(a: Sequence[str], b: Sequence[str]) -> bool:
    """The change touches a word of weight, or letters as they name variants: group A, group D."""
    if reworded(a, b):
        return False
    return any(word not in COMMON_WORDS for word in (*a, *b)) or (bool(a and b) and all(len(w) == 1 for w in (*a, *b)))


def _other_value(a: Sequence[str], b: Sequence[str]) -> bool:
    """A number, or a single letter, in place of another."""
    if not (a and b):
        return False
    if all(len(word) == 1 and word.isalpha() and word.isascii() for word in (*a, *b)):
        return True
    one = [word for word in a if _is_number(word)]
    return bool(one) and bool(two := [word for word in b if _is_number(word)]) and one != two


def _number_more(a: Sequence[str], b: Sequence[str]) -> bool:
    """A number with digits where the other text has none."""
    here, there = (any(map(_is_number, words)) for words in (a, b))
    return here != there and any(_NUMBER.search(word) for word in (*a, *b))


def _other_sense(a: Sequence[str], b: Sequence[str]) -> bool:
    """A negation more or less."""
    return (len(_NEGATIONS.intersection(a)) + len(_NEGATIONS.intersection(b))) % 2 == 1


def _opposed(a: Sequence[str], b: Sequence[str]) -> bool:
    """A word in place of its opposite."""
    return any(_OPPOSITE.get(word, _NONE).intersection(b) for word in a)


def _is_number(word: str) -> bool:
    return word in _NUMBER_WORDS or not (word.isalpha() or not _NUMBER.search(word))


def _other_word(a: Sequence[str], b: Sequence[str]) -> bool:
    """A word of weight in place of another, which tells something else."""
    return not reworded(a, b) and not COMMON_WORDS.issuperset(a) and not COMMON_WORDS.issuperset(b)
