"""What a prompt leaves to the answer: one right answer, a list, or anything at all."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise

from curator.checks.contradictions.lexicon import lexicon, stem
from curator.checks.contradictions.text import run_words, tokens, value_of
from curator.text.hashed import fold

_OPTION = re.compile(
    r"(?:^|[\n;,?:]\s{0,9}|\s\s|\s(?=\())(?:\(?([A-Ja-j1-9])[).:]|\(([A-Ja-j1-9])\))\s{1,9}"
    r"(\S[^\n]{0,300}?)(?=[;,]?\s{1,9}\(?[A-Ja-j1-9][).]\s|\s{0,9}(?:\n|$))"
)
_LETTERED = re.compile(r"[).:](?<=[A-Ja-j1-9].)(?<![^\W_]..)")  # what an option cannot do without, sought by its sign
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_PLAIN = 120  # characters of a prompt that asks and does not tell
_BRIEF = 300  # characters of a prompt in which its instruction is looked for, at either end


class Prompt:
    """The last thing the user says, as far as it bounds the answer."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def folded(self) -> str:
        return " ".join(fold(self.text).split())

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of all words."""
        return frozenset(map(stem, self.keys))

    @cached_property
    def keys(self) -> list[str]:
        """The words as they are compared."""
        return [token.key for token in tokens(self.text)]

    @cached_property
    def words(self) -> frozenset[str]:
        """All words, in lower case."""
        return frozenset(_WORD.findall(self.folded))

    @cached_property
    def _words(self) -> list[str]:
        return _WORD.findall(fold(self.text if len(self.text) <= 2 * _BRIEF else self.text[:_BRIEF]))

    @cached_property
    def is_open(self) -> bool:
        """Whether the prompt may be answered in many ways that differ and are right: a poem, an example, a list."""
        words, lists = self._words, lexicon().prompts
        skip = 0
        while skip < len(words) and (words[skip] in _POLITE or (words[skip] == "i" and words[skip + 1 : skip + 2])):
            skip += 1
        head = words[skip : skip + 3]
        if not head:
            return True
        if head[0] in lists["open"] or not lists["anywhere"].isdisjoint(words):
            return True
        return head[0] in lists["partly"] and not lists["articles"].isdisjoint(head[1:3])

    @cached_property
    def varies(self) -> bool:
        """Whether the answer depends on the moment, on chance, on who answers or on the side that is taken."""
        if len(self.text) > _PLAIN or "\n" in self.text.strip() or self.options:
            return False
        heads, anywhere = lexicon().varying
        said = " ".join(fold(self.text).split()).strip(" .?!")
        said = lexicon().lead.sub("", said)
        return bool(heads.match(said)) or (not _DIGIT.search(said) and bool(anywhere.search(said)))

    @cached_property
    def asks_for_several(self) -> bool:
        """Whether the answer is a list of which one answer may show another part: "which countries", "who are"."""
        words = self._words
        if _COUNTED.search(fold(self.text)):
            return False
        for place, word in enumerate(words):
            if word in _WHICH and (after := words[place + 1 : place + 5]):
                if after[0] in _ARE or "people" in after or "other" in after:
                    return True
                if word in ("which", "what") and after[0] not in _IS and self._plural(after, word == "which"):
                    return True
        return False

    def _plural(self, after: list[str], which: bool) -> bool:
        """Whether a noun behind "which" or "what" is plural; "what causes" is a verb, "what causes are" is none."""
        lists = lexicon().prompts
        known, verbs, heads = lists["plural_not"], lists["verbs"], lists["heads"]
        for place, word in enumerate(after[:3]):
            if word in verbs or (place and word.endswith("s") and after[place - 1] in heads):
                return False
            if place and word.endswith("s") and after[place + 1 : place + 2] in _OBJECTS:
                return False  # "which river flows", "which option installs a package"
            if word in _ARE or word in _IS or word in ("of", "in", "from", "for", "at", "on", "by", "with"):
                return False
            if word.endswith("s") and len(word) > 3 and word not in known:
                return which or place > 0 or after[1:2] == [] or after[1] in _ARE or after[1] in _DO
        return False

    @cached_property
    def is_question(self) -> bool:
        """Whether a single fact is asked for."""
        return not self.is_open and not self.asks_for_several and not self.varies

    @cached_property
    def asks_for_a_number(self) -> bool:
        text = fold(self.text)
        words = frozenset(run_words(text))
        if not _QUANTITIES.isdisjoint(words):
            return True
        if not _ASKING.isdisjoint(words) and _ASKED_FOR.search(text):
            return True
        return bool(_DIGIT.search(text) and _TERMS.search(text))

    @cached_property
    def asks_for_a_result(self) -> bool:
        """Whether something is to be calculated: a number is asked for, or a question gives numbers."""
        return self.asks_for_a_number or (not self.is_open and "?" in self.text and bool(_DIGIT.search(self.text)))

    @cached_property
    def asks_for_a_name(self) -> bool:
        """Whether one name answers the question: who, which, what is the ..."""
        return not self.leaves_the_name_open and bool(_NAMED.search(fold(self.text)))

    @cached_property
    def leaves_the_name_open(self) -> bool:
        """Whether several names may be right: of places, of what to do or likes, of people who were somewhere."""
        if not self.is_question or self.asks_where or self.asks_for_advice:
            return True
        text = fold(self.text)
        return bool(_PRESENT.search(text) or _ONE_OF.search(text) or _by_taste(text))

    @cached_property
    def asks_for_advice(self) -> bool:
        """Whether somebody asks what to do: one may be told this, another that."""
        return bool(_ADVICE.search(fold(self.text)))

    @cached_property
    def asks_yes_or_no(self) -> bool:
        return bool(_YES_OR_NO.match(self.folded))

    @cached_property
    def asks_for_leave(self) -> bool:
        """Whether it is asked if something is allowed or possible."""
        return bool(self.asks_yes_or_no and (_MAY.match(self.folded) or _LEAVE.search(self.folded)))

    @cached_property
    def asks_for_duty(self) -> bool:
        """Whether it is asked if something is needed."""
        return bool(self.asks_yes_or_no and _DUTY.search(self.folded))

    @cached_property
    def asks_when(self) -> bool:
        """Whether a day, a year or an hour is asked for."""
        return bool(_WHEN.search(self.folded))

    @cached_property
    def asks_where(self) -> bool:
        """Whether a place is asked for: a town, its country and its continent are all right."""
        return "where" in self._words

    @cached_property
    def options(self) -> dict[str, str]:
        """The choices the prompt offers: letter to folded text; empty where there are fewer than two."""
        if len(_LETTERED.findall(self.text)) < 2:
            return {}
        found = [(m[1] or m[2], m[3]) for m in _OPTION.finditer(self.text)]
        options = {letter.lower(): " ".join(_WORD.findall(fold(text))) for letter, text in found}
        letters = sorted(options)
        if len(letters) < 2 or letters[0] not in "a1":
            return {}
        return options

    @cached_property
    def numbers(self) -> frozenset[float]:
        return frozenset(v for t in tokens(self.text) if (v := value_of(t.key)) is not None)


# Words that ask for a number wherever they stand, those that do with what follows, and sums in digits.
_QUANTITIES = frozenset(
    "when fee fare rent salary charge port dose dosage minimum maximum deadline deposit discount capacity limit rate toll "
    "penalty version squared cubed factorial combien cuanto cuanta cuantos cuantas cuánto cuánta cuántos cuántas quanto "
    "quanti quanta quante calculate compute convert solve evaluate sum product average mean median percent percentage "
    "population height length distance price cost total area volume speed root atomic ratio probability".split()
)
_ASKING = frozenset("how what which wie number age".split())
_ASKED_FOR = re.compile(
    r"\b(?:how (?:many|much|long|far|old|tall|high|deep|fast|big|large|wide|heavy|often|hot|cold)"
    r"|(?:what|which) (?:year|age|time|date|percent\w*|number|temperature|century|decade)|(?:number|age) of"
    r"|wie (?:viele?|hoch|lang|alt|weit|groß|schwer|tief|teuer|oft))\b"
)
_TERMS = re.compile(r"\b\d+ ?(?:%|percent) of\b|\d\s*[-+*/x×^]\s*\d")
_ADVICE = re.compile(
    r"\b(?:should|shall|could|can) (?:i|we)\b|\bgo(?:es)? (?:well |best |nicely )?with\b|\b(?:suits?|match(?:es)?|pairs?)\b"
)
_YES_OR_NO = re.compile(r"(?:may|can|could|is|are|am|do|does|will|must|should)\b")
_MAY = re.compile(r"(?:may|can|could)\b")
_LEAVE = re.compile(
    r"\b(?:allow(?:ed|s)?|permit(?:ted|s)?|welcome|admit(?:ted|s)?|accept(?:ed|s|able)?|forbidden|prohibited|banned"
    r"|possible|legal|okay|ok)\b"
)
_DUTY = re.compile(
    r"\b(?:required?s?|needed|necessary|mandatory|compulsory|obligatory|optional|(?:need|have|has|needs) to"
    r"|needs? (?:an?|any|the|my|our))\b|^must\b"
)
_WHEN = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:day|date|year|month|time|weekday|deadline)\b|\b(?:deadline|due|until what time)\b"
    r"|\bwann\b|\bquand\b|\bcu[aá]ndo\b|\bquando\b|\b(?:um wie viel uhr|à quelle heure|a qué hora)\b"
)
_PRESENT = re.compile(
    r"\bwho(?:'s| is| was| are| were| will be| has been| have been)? (?:at|in|on|with|there|here|present|involved|invited"
    r"|attend\w*|came|comes?|coming|join\w*|participat\w*|took part|visit\w*|helped|lived?s?|work(?:s|ed)?|went|goes"
    r"|going|stay(?:s|ed)|knows?|knew|likes?|liked|uses?|used|needs?)\b"
    r"|\b(?:who|which \w+) (?:plays?|played|recorded|starred|voiced|covered)\b"
)
_ONE_OF = re.compile(
    r"\b(?:an?|some) (?:good|nice|great|suitable|fitting|cute|catchy|fun|cool|clever|funny)\b"
    r"|\b(?:name|title|example|kind|type) of (?:an?|any|some|one)\b"
)
_COUNTED = re.compile(r"\bhow (?:many|much)\b|\bwhat (?:percent|number|share|proportion)")
_NAMED = re.compile(
    r"\b(?:who(?:m|se)?|which|what(?:'s| is| was| city| country| language| company| planet) ?(?:the)?)\b"
    r"|\bwas ist (?:der|die|das)\b|\bwie hei(?:ss|ß)t (?:der|die|das)\b|\bquel(?:le)? est\b|\bcu[aá]l es\b|\bqual (?:é|è)\b"
    r"|\b(?:wer (?:schrieb|erfand|malte|entdeckte|gründete|ist der|ist die)|qui a (?:écrit|inventé|peint|découvert|fondé)"
    r"|quién (?:escribió|inventó|pintó|descubrió|fundó)|chi ha (?:scritto|inventato|dipinto|scoperto|fondato))\b"
)


def _by_taste(text: str) -> bool:
    """Whether what is asked is a matter of taste: the best, the most beautiful."""
    words, lists = _WORD.findall(text), lexicon().prompts
    if not lists["taste"].isdisjoint(words):
        return True
    return any(first == "most" and word in lists["taste_of"] for first, word in pairwise(words))


_WHICH = frozenset("which what who name".split())
_OBJECTS = [
    [word] for word in "a an the my your our this that these those it its not no each every all one through".split()
]
_ARE = frozenset("are were".split())
_IS = frozenset("is was s does did has".split())
_DO = frozenset("do did does have had can could should would will might of in from for to were you i we they".split())
_POLITE = frozenset(
    "please kindly can could would will you me i want need to like d hey hi hello now ok okay so".split()
)
