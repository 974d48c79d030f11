"""Whether a word that no dictionary has is meant: what stands about it tells a term or a foreign word from a slip."""

from __future__ import annotations

import re
from functools import cache

from curator.text import dictionaries, languages
from curator.text.patterns import compiled_later

_WORD = re.compile(r"[^\W\d_]+")
_BEFORE = re.compile(r"([^\W\d_]+)[ \t]+\Z")
_AFTER = re.compile(r"[ \t]+([^\W\d_]+)")
_REACH = 160  # characters of a sentence on either side that are looked at
_PHRASE = 60  # characters of a phrase that is set apart as a term is

# A few words in quotation marks, asterisks or underscores: a term, a title, a quotation.
_SET_APART = compiled_later(
    rf"[\"“«„]([^\"”»“\n]{{3,{_PHRASE}}})[\"”»“]|(?<![\w*])\*(?![\s*])([^*\n]{{3,{_PHRASE}}})(?<!\s)\*(?![\w*])"
    rf"|(?<!\w)_(?!\s)([^_\n]{{3,{_PHRASE}}})(?<!\s)_(?!\w)|<(?:i|em)>([^<\n]{{3,{_PHRASE}}})</(?:i|em)>"
)
_MOST_WORDS = 4
_SPOKEN = compiled_later(r"[.,;:!?]")  # a phrase with a stop is what somebody says
# What a name or a term is announced by.
_ANNOUNCED = compiled_later(
    r"\b(?:(?:call(?:s|ed|ing)?|named|termed|dubbed|nicknamed|known as|referred to as|so-called"
    r"|the (?:words?|terms?|names?|phrase))(?: (?:the|an?|as))?|(?:literally|meaning|whence|hence))[ \t:]+\Z",
    re.I,
)
# What explains the word before it.
_EXPLAINED = compiled_later(
    r"(?:[ \t]*\((?!s\)|es\))|,[ \t]*(?:or|i\.e\.|that is|meaning|literally|which means|an?|the)\b"
    r"|[ \t]+(?:means?|refers? to)\b)",
    re.I,
)
_LANGUAGES = compiled_later(
    r"\b(?:Latin|Greek|Hebrew|Aramaic|Arabic|Persian|Turkish|Sanskrit|Hindi|Urdu|Punjabi|Bengali|Tamil|Pali|Chinese|Mandarin"
    r"|Cantonese|Japanese|Korean|Tibetan|Thai|Vietnamese|Malay|Tagalog|Maori|Hawaiian|Swahili|Yoruba|Igbo|Zulu|Quechua|Nahuatl"
    r"|Welsh|Irish|Gaelic|Scots|Cornish|Breton|Basque|Yiddish|German|Dutch|French|Italian|Spanish|Portuguese|Catalan|Danish"
    r"|Swedish|Norwegian|Icelandic|Norse|Finnish|Estonian|Hungarian|Polish|Czech|Russian|Ukrainian"
    r"|(?:Old|Middle) English)\b"
)
_STOPS = compiled_later(r"[.!?]['\"”)]*\s|\n")
_LATIN_END = compiled_later(r"(?:[aeio]|ae|um|us|is|es|os|as|em|am|ens|ans|ii|or|ix|ax)$")
# Words of Latin that stand before others in terms of the law and of science; English has no words that are spelt so.
_LATIN_WORDS = frozenset(
    "ad ex de et cum sub ab non in loco inter intra contra mens actus res jus juris amicus".split()
)
_ENGLISH_TOO = frozenset("in de non".split())


def is_meant(text: str, start: int, end: int, strange: frozenset[str]) -> bool:
    """Whether what stands about text[start:end] says that the word is meant as it is.

    `strange` holds words of the set (in small letters) that no dictionary has and that are near no common word: they
    are terms or foreign, and so is what stands among them.
    """
    if _set_apart(text, start, end) or _ANNOUNCED.search(text, max(0, start - 40), start):
        return True
    before, after = _BEFORE.search(text, max(0, start - 40), start), _AFTER.match(text, end)
    if before and (_is_foreign(before[1], strange) or _begins_term(before[1], text[start:end])):
        return True
    if after and _is_foreign(after[1], strange):
        return True
    return len(_company(text, start, end, strange)) > 1


def may_be_meant(text: str, start: int, end: int, strange: frozenset[str]) -> bool:
    """Whether something about text[start:end] hints that the word is meant: nobody should write another for it."""
    if _EXPLAINED.match(text, end) or _company(text, start, end, strange):
        return True
    return any(_LANGUAGES.search(part) for part in _sentence(text, start, end))


def _set_apart(text: str, start: int, end: int) -> bool:
    low, high = max(0, start - _PHRASE), end + _PHRASE
    for phrase in _SET_APART.finditer(text, low, high):
        if phrase.start() < start and end < phrase.end():
            words = phrase[phrase.lastindex or 0]
            return len(words.split()) <= _MOST_WORDS and not _SPOKEN.search(words)
    return False


def _is_foreign(neighbour: str, strange: frozenset[str]) -> bool:
    """Whether the word beside it is of another language or one that nobody knows; a name with a capital is neither."""
    if not neighbour.islower() or len(neighbour) < 3:
        return False
    return neighbour in strange or bool(dictionaries.met_elsewhere([neighbour])) or neighbour in _foreign_words()


@cache
def _foreign_words() -> frozenset[str]:
    """Function words of other languages that no list of English words has."""
    return frozenset().union(*map(languages.words_of, ("de", "fr", "es", "it", "pt", "nl"))) - dictionaries.english()


def _begins_term(before: str, word: str) -> bool:
    """Whether the word before it makes this one Latin: "ad valorem", "Amorphophallus titanum"."""
    if not _LATIN_END.search(word):
        return False
    if before.istitle():
        return len(before) > 3 and bool(_LATIN_END.search(before)) and before.lower() not in dictionaries.english()
    return before in _LATIN_WORDS - _ENGLISH_TOO


def _company(text: str, start: int, end: int, strange: frozenset[str]) -> set[str]:
    """The strange words in the sentence of text[start:end]."""
    words = {word for part in _sentence(text, start, end) for word in _WORD.findall(part)}
    return words & strange


def _sentence(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and behind text[start:end] in its sentence."""
    head = _STOPS.split(text[max(0, start - _REACH) : start])[-1]
    return head, _STOPS.split(text[end : end + _REACH], 1)[0]
