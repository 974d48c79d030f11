"""The last line of an answer, as facts from which to tell whether it was cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from curator.checks.answers.lastwords import (
    CUT_SHORT,
    FIRST_PERSON,
    LEADS_TO_A_NOUN,
    MAY_CLOSE,
    NEVER_LAST,
    SELDOM_LAST,
)

CLOSED = re.compile(r"[.!?…:;。！？][\"'”’»)\]*_`]*$")
STOPPED = re.compile(r"[.!?…。！？][\"'”’»)\]*_`]*$")
SENTENCE = re.compile(r"[.!?…][\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_]*[A-Z0-9]|[-–—~]\s?[A-Z])")
ITEM = re.compile(
    r"\s*(?:[-*+•–·▪◦]|\(?\d{1,3}[.):-]|\(?[A-Za-z][.)]|[ivxIVX]{1,4}[.)])\s+"
    r"|\s*(?:Step|Day|Week|Tip|Chapter|Question|Q|A)\s*(?:\d{1,3}\s*)?[:.)-]\s*"
)
HEADING = re.compile(r"\s*(?:#{1,6}\s|\*\*[^*]+\*\*:?$|[A-Z][^.!?]{0,60}:$)")
_ATTRIBUTION = re.compile(r"(?:^|[\"”’']\s*)[-–—~]\s?[A-Z][\w.]*(?:\s[\w.]+){0,3}$")
_LABELLED = re.compile(r"\W*[^\W\d][\w ]{0,20}(?>\W*:(?=\s*\S))\s*\S+(?:\s\S+){0,2}$")  # "Output: yes"
_FIELD = re.compile(r"\W*[A-Z][\w /-]{0,24}\W{0,2}:\W{0,2}\s*\S[^.!?]*$")
_CLOSING = re.compile(  # "Yours sincerely, Jane", "With love from the team"
    r"(?:yours|best|kind|warm|sincerely|regards|love|cheers|thanks|thank|respectfully|faithfully|cordially|signed|xoxo|looking)\b"
    r"(?:\s+\S+){0,7}$|(?:with|from|by|your|the|p\.?s)\b(?:\s+\S+){0,7}$|[-–—~]\s?\w",
    re.I,
)
_SIGNED = re.compile(  # "With respect and hope, Your neighbour"
    r"(?i:yours|(?:with |best |kind |warm(?:est)? |many )*(?:regards|wishes|thanks|love|respect|gratitude|hope|affection"
    r"|appreciation|sincerely))\b[^.,!?]{0,24},\s+[A-Z][\w'’-]*(?:\s+\S+){0,3}$"
)
_GREETING = re.compile(
    r"(?:yours|best|kind|warm|sincerely|regards|love|cheers|thanks?|looking|from)\b"
    r"|with\b(?:\s\S+){0,4}?\s(?:regards|wishes|thanks|love|respect|gratitude|hope|affection|appreciation|sympathy)\b",
    re.I,
)
_BEGUN = re.compile(  # "The sensation", "With their wits": a sentence begun, not somebody's name or a greeting
    r"(?:The|By|With(?:\s(?:the|their|his|her|its|this|these|each|every|no))+)\s[a-z][\w'’-]*$"
)
_BEGINS = frozenset(["With", "From", "By", "The", "Your"])
_LED_IN = re.compile(  # "Therefore, Anna"
    r"(?:Therefore|Thus|Hence|However|Moreover|Furthermore|Additionally|Similarly|Next|Then|So|Now|Since then|Instead"
    r"|As a result|In addition|For example|In other words|Overall|Finally|Lastly|Meanwhile|In conclusion|In summary|In contrast|For instance|After that|In total),\s[\w'’-]+(?:\s[\w'’-]+)?$"
)
_PHRASE = re.compile(  # a phrase that begins a sentence: "Through the Imagination", "Colonizing the Red Planet"
    r"(?:Through|In|At|On|By|After|Before|Under|[A-Z][a-z]+ing)\s(?:in\s|on\s|by\s|for\s)?"
    r"(?:the|an?|his|her|their|its|this|these)(?:\s(?!is\b|was\b|are\b)[^\s,]+){1,4}$"
)
# A clause that only leads to another: "During an El Niño", "When the two".
_SUBORDINATE = re.compile(
    r"(?:If|When|During|While|Although|Because|Since|Unless|Whereas|Within|Among|Despite)(?:\s[^\s,]+){1,8}$"
)
# "for over", "In this equation, we", "Note, however, that", "in all that you", "is the most"
_WANTS_ITS_NEXT = re.compile(
    r"\b(?:for|of|by|with|from|at|than)\s(?:over|about|around|nearly|roughly|almost|under)$"
    r"|,\s(?:we|they|he|she|then|that|which|who|whose|where|when|while|because|since|as|if|but|and|or|so)$|\bthat\s(?:we|they|he|she|you)$|\b(?:evaluates|equals|leads|refers|belongs|according|due|compared|similar|corresponds)\sto$|\b(?:is|are|was|were)\s(?:one of )?the\s(?:most|least)$"
)
_GOODBYE = re.compile(r"\b(?:bye|goodbye|goodnight|xx+)$", re.I)
_ENGLISH = re.compile(r"\b(?:the|and|are|with|that|you|this|from|they|have|for|to)\b", re.I)
_FOREIGN = re.compile(
    r"\b(?:der|die|das|und|ich|wir|er|sie|nicht|ist|ein|eine|het|een|van|ik|wij|hij|niet|le|la|les|el|los|que|och|att|det|jag)\b",
    re.I,
)
# Here a word is spoken of: "The conjunction in this phrase is and"
_OF_WORDS = re.compile(
    r"\b(?:preposition|conjunction|pronoun|determiner|adverb|stop ?word)s?\b|(?:\b\w+, ){3}\w+ and \w+$", re.I
)
_CHOICE = 5  # words, with its mark, of an item that is a choice among others
_LONG = 7  # words of a sentence that is no name of who signs
_CARRIED = 12  # words of an item that ends as a sentence, where all items before it do
_LONE_AFTER = 6  # words of a line whose last is a sentence begun
_SIGNED_BY = re.compile(
    r"(?:team|end|management|staff|editors?|authors?|family|crew|board|committee|office|department)$"
)
_CAPITAL_LAST = re.compile(r"(?:^|[.!?][\"'”’)]?\s+)[A-Z][\w'’]*$")


@dataclass(frozen=True)
class LastLine:
    """The last line of an answer, its last sentence and word, and the lines before it that are not empty."""

    line: str
    segment: str
    earlier: Sequence[str]
    last: str

    # ------------------------------------------------------------------ its parts

    @cached_property
    def item(self) -> bool:
        """Whether it is an item of a list."""
        return bool(ITEM.match(self.line))

    @cached_property
    def own(self) -> str:
        """Its text, without the mark of an item."""
        mark = ITEM.match(self.line)
        return self.line[mark.end() if mark else 0 :]

    @cached_property
    def words(self) -> list[str]:
        return self.own.split()

    @cached_property
    def inner(self) -> bool:
        """Whether a sentence closes within it."""
        return len(self.segment) < len(self.line)

    @cached_property
    def length(self) -> int:
        """Words of its last sentence."""
        return len(self.segment.split())

    @cached_property
    def siblings(self) -> list[str]:
        """The items before an item that are marked as it is, by a number or by a sign."""
        if not self.item:
            return []
        numbered = self.line.lstrip(" (")[0].isdigit()
        return [part for part in self.earlier if ITEM.match(part) and part.lstrip(" (")[0].isdigit() == numbered]

    @cached_property
    def items(self) -> list[str]:
        """The items before it of its own list; in the place of one that leads to a list of its own, what that holds."""
        own = set(self.siblings)
        first = next((place for place, part in enumerate(self.earlier) if part in own), len(self.earlier))
        leading = any(part.endswith(":") for part in own)
        listed = [part for part in self.earlier[first:] if ITEM.match(part) and (part in own or leading)]
        return [part for part in listed if not part.endswith(":")]

    @cached_property
    def prose(self) -> list[str]:
        """The lines before it that are of five words and more, and no headings."""
        return [part for part in self.earlier if len(part.split()) >= 5 and not HEADING.match(part)]

    @cached_property
    def alone(self) -> bool:
        """Whether fewer than two sentences close before its last one."""
        count = sum(bool(CLOSED.search(part, max(0, len(part) - 6))) for part in self.prose[-3:])
        for part in (self.line, *self.prose):
            if count > 1:
                return False
            count += len(list(islice(SENTENCE.finditer(part), 2)))
        return count < 2

    @cached_property
    def slight(self) -> bool:
        """Whether there is too little before its end to tell a cut from a note."""
        before = " ".join((self.line[: -len(self.segment)], *self.prose)).split()
        return self.alone and (self.length < 6 or len(before) < 8)

    @cached_property
    def running(self) -> bool:
        """Whether its last sentence reads as running text."""
        return runs(self.segment.split() if self.inner else self.words)

    # ------------------------------------------------------------------ its last word

    @cached_property
    def begins(self) -> bool:
        """Whether the last word is the first one of a sentence or of an item."""
        return len(self.last) > 1 and bool(_CAPITAL_LAST.search(self.own)) and (self.inner or self.item)

    @cached_property
    def lower(self) -> bool:
        """Whether the last word is no name by its letters."""
        return self.last[0].islower() or self.begins or self.last in FIRST_PERSON

    @cached_property
    def foreign(self) -> bool:
        """Whether the text is in another language than the words that are known here."""
        text = " ".join((*self.earlier[-3:], self.line))
        return not _ENGLISH.search(text) and bool(_FOREIGN.search(text))

    @cached_property
    def never(self) -> bool:
        """Whether no sentence closes on the last word."""
        if self.foreign or _OF_WORDS.search(self.line):
            return False
        return self.lower and (self.last.lower() in NEVER_LAST or bool(_WANTS_ITS_NEXT.search(self.line)))

    @cached_property
    def seldom(self) -> bool:
        """Whether sentences seldom close on the last word, which is no choice among others ("- Always")."""
        if self.foreign or _OF_WORDS.search(self.line):
            return False
        choice = self.item and len(self.words) == 1 and all(len(part.split()) < _CHOICE for part in self.siblings)
        return self.lower and self.last.lower() in SELDOM_LAST and not choice

    # ------------------------------------------------------------------ what it is

    @cached_property
    def leads(self) -> bool:
        """Whether its last sentence is a clause that only leads to another."""
        return bool(_SUBORDINATE.match(self.segment) or (self.inner and _PHRASE.match(self.segment)))

    @cached_property
    def led_in(self) -> bool:
        """Whether its last sentence is hardly more than "Therefore, "."""
        return bool(_LED_IN.match(self.segment)) and (self.inner or closes(self.prose[-1:], 1))

    @cached_property
    def lone(self) -> bool:
        """Whether its last sentence is the one word with which it begins: "… at once. Abrupt"."""
        return self.inner and self.begins and self.length == 1 and len(self.line.split()) > _LONE_AFTER

    @property
    def spoken(self) -> bool:
        """Whether it is what somebody says in a dialogue, up to a word that wants more: "Customer: I would"."""
        return bool(self.earlier) and len(self.words) > 2 and self.last in NEVER_LAST

    def is_no_sentence(self) -> bool:
        """Whether it is a name behind a quotation, a signature, a row of cells or a short field."""
        named = _ATTRIBUTION.search(self.segment) and self.last not in NEVER_LAST and len(self.siblings) < 2
        if named or _SIGNED.match(self.segment) or (self.is_laid_out() and not (self.leads and self.inner)):
            return True
        if _GOODBYE.search(self.segment):
            return True
        if self.spoken:
            return False
        return bool((not self.item and _LABELLED.match(self.line)) or (self.inner and _LABELLED.match(self.segment)))

    def is_laid_out(self) -> bool:
        """Whether it is no running text at its end: a row of cells, parts joined by dashes, a clause of a contract, or
        a last word that is a letter, a unit or a key ("for 5s", "Ctrl+C").
        """
        if _CLAUSE.search(self.line):
            return True
        if self.last.lower() in NEVER_LAST:
            return False
        if self.running and self._carries():
            return False
        letter = len(self.last) == 1 and self.last.islower()
        token = self.line.rsplit(maxsplit=1)[-1].lstrip("<(")
        cells = _SIGNS.search(token) or _CELLS.search(self.line)
        return letter or bool(cells) or len(_JOINED.findall(self.line)) > 1

    def _carries(self) -> bool:
        """Whether it is as long as a sentence, where the items or the sentences before it close."""
        if self.item:
            return len(self.words) >= _CARRIED and closes(self.siblings, 2)
        return self.inner and self.length >= _CARRIED and not self.alone

    def is_field(self) -> bool:
        """Whether it is one of several fields that do not close: "Place: the hall at the end of the road"."""
        if self.never or self.seldom or self.item or self.inner or not _FIELD.match(self.line):
            return False
        fields = sum(bool(_FIELD.match(part)) for part in self.earlier)
        alike = fields > 1 or 0 < fields == len(self.earlier)
        return alike and not any(CLOSED.search(part) for part in self.earlier)

    def is_formula(self) -> bool:
        """Whether its last sentence may be what a letter closes with: "Yours sincerely, Jane"."""
        if not is_closing(self.segment) or self.seldom or len(self.siblings) > 1:
            return False
        greets = _GREETING.match(self.segment)
        plain = self.lower and (self.running or (self.inner and self.length > 2 and not greets))
        behind = closes(self.prose[-1:], 1) and not _SIGNED_BY.search(self.segment)
        begun = bool(_BEGUN.match(self.segment)) and (self.inner or behind)
        long = self.inner and self.running and self.length >= _LONG and not greets
        named = self.lone and self.last in _BEGINS
        return not (plain or self.led_in or begun or long or named)

    def is_surely_cut(self) -> bool:
        """Whether it ends on a word on which it cannot close, and is a sentence beyond doubt."""
        if not (self.never or (self.seldom and self.begins)):
            return False
        shown = self.inner or self.begins or self.last in CUT_SHORT or any(CLOSED.search(part) for part in self.prose)
        says = self.last in ("is", "are", "was", "were") and closes(self.siblings, 1)  # as the items before it do
        short = self.item and len(self.words) < 4 and not self.begins and self.last not in LEADS_TO_A_NOUN and not says
        if not shown or short:
            return False
        return self.spoken or says or self.last not in MAY_CLOSE


_SIGNS = re.compile(r"[\d+=|/<>\\_]")
_JOINED = re.compile(r"\s[-–—]\s+(?=[A-Z])")
_CELLS = re.compile(r"\s\|\s")
_CLAUSE = re.compile(r";\s(?:and|or)$")


def is_closing(segment: str) -> bool:
    """Whether a sentence begins as the closing of a letter does."""
    return bool(_CLOSING.match(segment))


def closes(lines: Sequence[str], least: int) -> bool:
    """Whether there are so many lines, and nine in ten of them end as sentences do."""
    return len(lines) >= least and sum(bool(CLOSED.search(line)) for line in lines) >= 0.9 * len(lines)


def runs(words: Sequence[str]) -> bool:
    """Whether the words read as running text, not as a title or a name: four and more, of which half, or eight, are
    lower-case."""
    plain = [word.strip("\"'“”‘’()[]*_,") for word in words[1:]]
    return len(words) >= 4 and sum(word[:1].islower() for word in plain) >= min(0.5 * len(plain), 8)
