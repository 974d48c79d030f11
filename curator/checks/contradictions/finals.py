"""Final answers: what an answer comes to, by its marker, as a result, as a choice or as yes or no."""

from __future__ import annotations

import re
from typing import NamedTuple

from curator.checks.contradictions.amounts import PLAIN, number_in, same_amount
from curator.checks.contradictions.lexicon import lexicon, stem
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.text import Answer, run_words, tokens, value_of
from curator.text.hashed import fold


class Said(NamedTuple):
    """What an answer comes to, and where it says so."""

    value: str
    start: int
    end: int


class Clash(NamedTuple):
    """Why two answers cannot both be right: the words of either, as places in their texts."""

    kind: str
    one: tuple[int, int]
    two: tuple[int, int]


_FEW = 4  # words with a meaning of a final answer that is a name
_NAME = 60  # characters of a text that may have more
AGREED = Clash("agreed", (0, 0), (0, 0))  # both come to the same, however they get there

# ---------------------------------------------------------------------- marked answers

_MARKERS = (
    re.compile(r"####[ \t]*(\S[^\n]*)"),
    re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(
        r"^[ \t>*_#]*(?:(?:Final|FINAL|Correct|final|correct)[ \t]+)?"
        r"(?:(?:A|Ans|ANS|[Aa]nswer|ANSWER|Result|RESULT)[ \t*_]*:|(?:Answer|ANSWER|Ans)[ \t]*=)[ \t*_]*(\S[^\n]*)",
        re.M,
    ),
    re.compile(
        r"\b(?:the|my|our)\s+(?:final\s+|correct\s+|right\s+)?answer\s+(?:is|would be|must be|should be|equals)[\s:*_]*(?:therefore\s+|thus\s+)?(\S[^\n]{0,300}?)(?=[.!]?[*_]*(?:\s{0,20}\n|\s{0,20}$|[.!;]\s)|,\s)",
        re.I,
    ),
)
# What one of them begins with: most answers have none, and are looked through once.
_MARK = re.compile(r"####|\\boxed|[Aa]nswer|ANSWER|^[ \t>*_#]*(?:A|Ans|ANS|Result|RESULT)[ \t*_]*[:=]", re.M)
_ASKED = re.compile(r"^[ \t]*(?:q|question)[ \t]*\d*[:.]", re.I | re.M)


def marked(answer: Answer) -> Said | None:
    """What stands behind the last marker of a final answer: ####, a LaTeX box, "A:", "the answer is"."""
    if not _MARK.search(answer.said):
        return None
    for marker in _MARKERS:
        found = list(marker.finditer(answer.said if marker in _MARKERS[:2] else answer.prose))
        if not found:
            continue
        if marker is _MARKERS[2] and (len({match[1] for match in found}) > 1 or _ASKED.search(answer.said)):
            continue  # questions and answers, one after the other
        return Said(found[-1][1], *found[-1].span(1))
    return None


# ---------------------------------------------------------------------- worked results

_STEP = re.compile(r"<<[^<>\n]*>>")
_EQUALS = re.compile(r"=\s*+(?:[$€£]\s*+)?[-\u2212]?\.?\d")
_TERMS = re.compile(r"\d[\d\s.,)%a-zA-Z$€£\"/*x×+\-]*\Z")  # what stands before it
_REACH = 41  # characters before an equals sign in which its terms stand
_RESULT = re.compile(r"[-\u2212]?(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?|\.\d+)")


def worked(answer: Answer) -> bool:
    """Whether the answer calculates: an equation of numbers, or a step in << >>, that is no code."""
    return answer.memo(calculated) and (answer.prose is answer.said or calculates(answer.prose))


def calculated(answer: Answer) -> bool:
    """Whether it does, its code read as well."""
    return calculates(answer.said)


def calculates(text: str) -> bool:
    if "=" not in text:
        return False
    if "<<" in text and _STEP.search(text):
        return True
    return any(_TERMS.search(text, max(0, sign.start() - _REACH), sign.start()) for sign in _EQUALS.finditer(text))


def result(answer: Answer) -> Said | None:
    """The result of the last line that holds a number: what stands behind its last "=", else its last number."""
    text = _STEP.sub(lambda match: " " * len(match.group()), answer.prose)
    end = len(text)
    while end > 0:
        start = text.rfind("\n", 0, end) + 1
        if (number := _last_number(text, start, end)) is not None:
            return number
        end = start - 1
    return None


def _both_calculated(one: Answer, two: Answer, first: Said, second: Said) -> bool:
    """Whether the answers hold the same numbers, both results among them: their lines stand in another order."""
    if first.value == second.value or first.value not in two.said or second.value not in one.said:
        return False
    return one.memo(_numbers) == two.memo(_numbers) and {first.value, second.value} <= one.memo(_numbers)


def _numbers(answer: Answer) -> frozenset[str]:
    return frozenset(_RESULT.findall(answer.said))


def _last_number(text: str, start: int, end: int) -> Said | None:
    sign = text.rfind("=", start, end)
    numbers = list(_RESULT.finditer(text, sign + 1 if sign >= 0 else start, end))
    if sign >= 0 and not numbers:
        numbers = list(_RESULT.finditer(text, start, sign))
    if not numbers:
        return None
    match = numbers[0] if sign >= 0 else numbers[-1]
    return Said(match.group(), *match.span()) if number_in(match.group()) is not None else None


def compare_finals(one: Answer, two: Answer, prompt: Prompt) -> Clash | None:
    """A clash or AGREED where both answers come to something that can be compared, else None.

    The result of a calculation is what the answer comes to only where the prompt asks for one.
    """
    first, second = one.memo(marked), two.memo(marked)
    if (first is None or second is None) and not prompt.asks_for_a_result:
        return None
    if first is None and second is None:
        if not (one.memo(worked) and two.memo(worked)):
            return None
        first, second = one.memo(result), two.memo(result)
        if first and second and _both_calculated(one, two, first, second):
            return None
    elif first is None or second is None:
        other = one if first is None else two
        known = first or second
        if known is None or number_in(known.value) is None or not other.memo(worked):
            return None
        first, second = first or one.memo(result), second or two.memo(result)
    if first is None or second is None:
        return None
    return _compare(first, second, prompt)


def _compare(first: Said, second: Said, prompt: Prompt) -> Clash | None:
    spans = (first.start, first.end), (second.start, second.end)
    same = same_amount(first.value, second.value)
    if same is not None:
        return AGREED if same else Clash("number", _number_span(first), _number_span(second))
    texts = [said.value for said in (first, second)]
    letters = [_LETTER.match(text.strip(" *_.")) for text in texts]
    if letters[0] and letters[1]:
        same = letters[0][1].lower() == letters[1][1].lower()
        return AGREED if same else Clash("choice", *spans)
    verdicts = [verdict_of(text) for text in texts]
    if verdicts[0] is not None and verdicts[1] is not None:
        return None if verdicts[0][0] == verdicts[1][0] else Clash("yes/no", *spans)
    if not prompt.is_question:
        return None
    if any(_says_much(text) for text in texts):
        return None
    sets = [frozenset(stem(t.key) for t in tokens(text) if t.key not in lexicon().stop) for text in texts]
    if (
        not all(0 < len(words) <= _FEW for words in sets)
        or sets[0] <= sets[1]
        or sets[1] <= sets[0]
        or alike(texts[0], texts[1])
    ):
        return None
    return Clash("final answer", *spans) if sets[0].isdisjoint(sets[1]) else None


def _says_much(text: str) -> bool:
    """Whether a final answer has so many words with a meaning that it is none: told without comparing them."""
    return len(text) > _NAME and len(set(run_words(fold(text))) - lexicon().stop) > 2 * _FEW


def _number_span(said: Said) -> tuple[int, int]:
    """Where the number of a final answer stands."""
    text = said.value
    if PLAIN.fullmatch(text):
        return said.start, said.end
    found = next((t for t in tokens(text) if value_of(t.key) is not None), None)
    return (said.start + found.start, said.start + found.end) if found else (said.start, said.end)


def alike(one: str, two: str) -> bool:
    """Whether two names are one: spelt nearly alike, one within the other, or one the initials of the other."""
    from rapidfuzz.fuzz import ratio

    words = [re.findall(r"[^\W_]+", fold(text)) for text in (one, two)]
    joined = ["".join(w) for w in words]
    if not joined[0] or not joined[1] or joined[0] in joined[1] or joined[1] in joined[0]:
        return True
    if any({" ".join(words[0]), " ".join(words[1])} <= names for names in lexicon().aliases):
        return True
    for short, long in ((0, 1), (1, 0)):
        initials = "".join(word[0] for word in words[long])
        if (
            len(joined[short]) > 1
            and len(words[long]) > 1
            and joined[short] in (initials, initials.replace("o", "").replace("t", ""))
        ):
            return True
    stems = [w[:4] for w in words[0] for v in words[1] if len(w) > 3 and w[:4] == v[:4]]
    return bool(stems) or ratio(joined[0], joined[1]) >= 80


# ---------------------------------------------------------------------- letters

_LETTER = re.compile(r"\(?([A-Ja-j])\)?[).:]?(?:$|(?<=[).:])\s)")
_CHOICES = (
    re.compile(r"^[\s*_]*\(?([A-J])\)?[).:]?[\s*_.]*$"),
    re.compile(r"^[\s*_]*\(([A-J])\)[\s*_:,.-]"),
    re.compile(r"^[\s*_]*([A-J])[).:][*_]*\s"),
    re.compile(
        r"\b(?:answer|option|choice|alternative)(?:\s+is|\s+would\s+be)?[\s:*_]*\(?([A-J])\b\)?(?=[\s).,:*_!]|$)(?!\s+[a-z])",
        re.I,
    ),
    re.compile(r"\b(?:is|are|choose|select|pick)[\s:*_]+(?:option\s+)?\(?([A-J])\)?[\s.*_!]*$"),
    re.compile(r"\(([A-J])\)[\s.*_]*$"),
    re.compile(r"^[\s*_]*([A-J])\s*(?:[-–—]|is\s+(?:the\s+)?(?:correct|right)|because\b)"),
)
BRIEF = 200  # characters of an answer that picks a letter without calling it the answer
NAMED = re.compile(r"\b[Aa]nswer(?:\s+is|\s+would\s+be)?[\s:*_]*\(?([A-J])\b\)?(?=[\s).,:*_!]|$)(?!\s+[a-z])")
_NAMED = (NAMED, *_CHOICES[:3])
SINGLE = re.compile(r"(?<![\w'’])(?:[B-HJ](?![\w'’])|[AI](?:[).:,*_–—-]|\s*$|\s+(?:is|because)\b|\s+[–—-]))")
_MARKED = re.compile(r"[\s*_]*\(?([A-Ja-j1-9])[).:]")
_LISTED = re.compile(r"^(?:[^\S\n]|[*_])*+\(?[A-J][).:]", re.M)


def letter(answer: Answer) -> Said | None:
    """The letter an answer picks; an answer that lists several picks none."""
    text = answer.said
    if not SINGLE.search(text) or len(_LISTED.findall(text)) > 1:
        return None
    for pattern in _CHOICES if len(text) <= BRIEF else _NAMED:
        letters = {match[1]: match.span(1) for match in pattern.finditer(text)}
        if len(letters) == 1:
            ((name, span),) = letters.items()
            if name.isupper() and name != "I":
                return Said(name.lower(), *span)
    return None


def choice(answer: Answer, prompt: Prompt) -> Said | None:
    """The letter an answer picks; with options in the prompt also by the text of one of them."""
    found = answer.memo(letter)
    if found or not prompt.options:
        return found
    text = answer.said
    bare = text.strip(" \n*_.()")
    if bare.lower() in prompt.options:
        start = text.find(bare)
        return Said(bare.lower(), start, start + len(bare))
    words = " ".join(re.findall(r"[^\W_]+", fold(text)))
    lettered = _MARKED.match(text)
    if lettered and words == f"{lettered[1].lower()} {prompt.options.get(lettered[1].lower(), '')}".strip():
        return Said(lettered[1].lower(), *lettered.span(1))
    letters = [name for name, option in prompt.options.items() if option and words == option]
    return Said(letters[0], 0, len(text)) if len(letters) == 1 else None


def compare_choices(one: Answer, two: Answer, prompt: Prompt) -> Clash | None:
    first, second = choice(one, prompt), choice(two, prompt)
    if first is None or second is None:
        return None
    if first.value == second.value:
        return AGREED
    return Clash("choice", (first.start, first.end), (second.start, second.end))


# ---------------------------------------------------------------------- yes and no

_FIRST = re.compile(r"[\s*_\"'“(>#]*(?:(?:answer|a)\s*:\s*[*_]*)?([^\W\d_]+)([\s*_\"'”)]*)(.?)\s*(\w*)", re.S | re.I)
_PRONOUNS = frozenset("it they there he she you we this that i these those because not".split())


def verdict_of(text: str) -> tuple[bool, int, int] | None:
    """(says yes, start, end) where the first word of a text says yes or no."""
    match = _FIRST.match(text)
    if not match:
        return None
    word = fold(match[1])
    said = lexicon().verdicts.get(word)
    if said is None:
        return None
    ends = not match[3] or match[3] in ".,;:!-–—\n。，" or "\n" in match[2]
    bare = fold(match[3] + match[4]) in _PRONOUNS
    if not ends and not bare and word not in ("yes", "yeah", "yep", "yup", "nope"):
        return None
    return said, match.start(1), match.end(1)


def compare_verdicts(one: Answer, two: Answer) -> Clash | None:
    """A clash where one answer begins with yes or true and the other with no or false."""
    first, second = one.memo(verdict), two.memo(verdict)
    if first is None or second is None or first[0] == second[0]:
        return None
    return Clash("yes/no", first[1:], second[1:])


def verdict(answer: Answer) -> tuple[bool, int, int] | None:
    """(says yes, start, end) where an answer begins with yes or no."""
    found = verdict_of(answer.said.lstrip())
    shift = len(answer.said) - len(answer.said.lstrip())
    return (found[0], found[1] + shift, found[2] + shift) if found else None
