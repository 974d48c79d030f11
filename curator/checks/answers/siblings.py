"""Whether the last line of a list, a poem or a dialogue breaks the form that the lines before it share: then it was cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_ITEMS = 4  # items that share a form, at least
_PHRASE = 4  # words of items that are phrases and no names
_PARTS = (": ", " - ", " – ", " — ", " by ", " as ")  # what stands between the two parts of an item
_VERSES = 6  # lines of a poem, at least
_EVEN = 0.4  # of the longest line: no line of an even poem is shorter
_HALF = 0.45  # of the shortest line: the last one is shorter
_MARK = re.compile(r"\s*(?:[-*+•–·▪◦]|\(?\w{1,3}[.):-])\s+")
_LABEL = re.compile(r"\W*[\w ]{1,24}:\W*$|#")  # "Chorus:"
_VERSE_BEGUN = re.compile(r"(?:The|A|An|This|These|And|But|As|Its|Their|When|While|Where)\s(?!end$)[a-z][\w' ]*$", re.I)
_REST = re.compile(  # "- Other", "4. Enjoy", "- Salt"
    r"(?:others?|none|misc\w*|more|etc|all|and so on|enjoy|serve|eat|drink|bake|cool|rest|relax|wait|sleep|done|repeat"
    r"|salt|pepper|water|ice|sugar|oil|garnish)\b",
    re.I,
)


def item_stops(line: str, siblings: Sequence[str]) -> str | None:
    """How an item without a full stop falls short of all items before it: "before 'by'", or by its length."""
    own = _body(line)
    others = [_body(part) for part in siblings]
    amounts = 2 * sum(part[:1].isdigit() for part in others) > len(others)
    if len(others) < 2 or ends_a_list(own) or ". " in own or amounts:
        return None
    if len(others) < _ITEMS:
        return (
            "after less than half of an item"
            if 4 * len(own.split()) < min(len(part.split()) for part in others)
            else None
        )
    usual = sorted(len(part.split()) for part in others)
    words = len(own.split())
    for part in _PARTS:
        if part not in own and all(part in other for other in others) and words <= usual[len(usual) // 2]:
            return f"before the {part.strip()!r} that the other items have"
    lone = words == 1 < usual[0] and usual[len(usual) // 2] >= _PHRASE
    return "after less than half of an item" if lone or 2 * words < usual[0] else None


def ends_a_list(own: str) -> bool:
    """Whether an item, without its mark, is what lists close with: "Other", "None of the above", "Enjoy"."""
    return bool(_REST.match(own)) and len(own.split()) < _PHRASE + 1


_FIRST = re.compile(r"\s*\(?(?:1[.)]|a[.)]|A\))\s")
_LISTS = re.compile(r"\b(?:list of|following \w+s|as follows|here are)\b[^.?!]{0,120}:$", re.I)
_WHICH = re.compile(r"\bwhich of\b", re.I)
_CHOICE = re.compile(r"\s*\(?([a-hA-H])[.)]\s")
_TRUE = re.compile(r"(?:true|false|yes|no)$", re.I)
_CHOICES = 3  # of a question, at least
_SAID = re.compile(r"\W*([^\W_][\w .'’-]{0,24}?)\W{0,2}:\W*\s(.*)")
_FEW = 4  # words of a speech that has hardly begun
_FAREWELL = re.compile(
    r"\b(?:bye|goodbye|goodnight|night|later|soon|ok|okay|thanks|cheers|yes|no|sure|hi|hello|x+)$", re.I
)
_SPEECHES = 3  # that close, at least
_ENDED = re.compile(r"[.!?…][\"'”’)\]*_]*$")
_EQUAL = re.compile(r"\S\s*=\s*\S")


def list_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How a list ends at its first item, or a question at fewer choices than the questions before it have."""
    before = earlier[-1] if earlier else ""
    if _FIRST.match(line) and not any(_MARK.match(part) for part in earlier):
        asked = _WHICH.search(before) and before.endswith("?") and not line.lstrip(" (")[0].isdigit()
        one = len(_body(line).split()) == 1
        return "after the first item of a list" if one and (asked or _LISTS.search(before)) else None
    groups = _choices([*earlier, line])
    if len(groups) < 2 or not _CHOICE.match(line) or _TRUE.match(_body(line)):
        return None
    usual = min(groups[:-1])
    return f"before the other choices, of {usual}" if _CHOICES <= usual > groups[-1] else None


def count_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How a numbered list ends before it has as many items as the line above it says."""
    number = _NUMBER.match(line)
    place = next((n for n in range(len(earlier) - 1, -1, -1) if not _MARK.match(earlier[n])), -1)
    said = _SAYS.match(earlier[place]) if place >= 0 else None
    if not number or not said:
        return None
    count = _NUMERALS.get(said[1].lower()) or int(said[1])
    given = len(earlier) - place
    return f"at item {given} of {count}" if given == int(number[1]) < count <= _LONGEST else None


def asked_count(asked: str, text: str) -> tuple[int, int] | None:
    """How many items a numbered list has at the end of a text, and how many were asked for, where there are fewer."""
    lines = [part for part in text.rstrip().split("\n") if part.strip()]
    number = _NUMBER.match(lines[-1]) if lines else None
    wish = _ASKS.search(asked) if number else None
    if not number or not wish or _FEWER.search(text):
        return None
    count = _NUMERALS.get(wish[1].lower()) or int(wish[1])
    given = int(number[1])
    heads = [int(hit[1]) for part in lines if (hit := _NUMBER.match(part))]
    return (given, count) if given < count <= _LONGEST and heads == list(range(1, given + 1)) else None


def stanza_stops(body: str) -> bool:
    """Whether the last stanza of a poem has fewer lines than all before it, which all close, and does not close."""
    stanzas = [part.strip().split("\n") for part in body.split("\n\n") if part.strip()]
    before = stanzas[:-1]
    if len(before) < 2 or any(len(part) < _STANZA or not _ENDED.search(part[-1].rstrip()) for part in before):
        return False
    lines = [line for part in stanzas for line in part]
    verse = max(map(len, lines)) <= _WIDE and not any(_MARK.match(line) or _SAID.match(line) for line in lines)
    return verse and len(stanzas[-1]) == 1 and not _ENDED.search(stanzas[-1][-1])


_STANZA, _WIDE = 3, 70  # lines of a stanza, at least; characters of a line, at most
_NUMBER = re.compile(r"\s*\(?(\d{1,3})[.)]\s")
_NUMERALS = {word: n + 2 for n, word in enumerate("two three four five six seven eight nine ten eleven twelve".split())}
_ASKS = re.compile(  # "Name five rivers", "Give me a list of 10 odd facts"; not "a recipe for 8 cookies", "a 5-step plan"
    r"(?:^|[.!?\n]\s*)(?:please\s|can you\s|could you\s)?"
    r"(?:list|name|give|generate|suggest|provide|identify|brainstorm|recommend|think of|come up with|what are)"
    r"\s(?:me\s|us\s)?(?:a list of\s|an? \w+ list of\s)?(?:the\s|at least\s)?(?:top\s|first\s|best\s)?"
    rf"(\d{{1,2}}|{'|'.join(_NUMERALS)})\s(?:[a-z][\w'’-]*\s){{0,2}}?"
    r"(?!(?:sentence|word|line|paragraph|character|minute|year|day|hour|week|month|page|verse|stanza|token)s)[a-z]{3,}s\b",
    re.I,
)
_FEWER = re.compile(rf"\bonly\b|\bno more\b|\b(?:has|had|have|are)\s(?:{'|'.join(_NUMERALS)})\b", re.I)
_LONGEST = 30  # items of a list that a text counts
_SAYS = re.compile(  # "The seven colours of the rainbow are:", "Here are 5 tips:"
    rf"(?:(?:here|there|these|the|are|my|our|some|top|following)\s)*(\d{{1,2}}|{'|'.join(_NUMERALS)})"
    r"\s(?:[\w'’-]+\s){0,3}?[a-z]+s\b[^.?!,;]*:$",
    re.I,
)


def _choices(lines: Sequence[str]) -> list[int]:
    """How many lettered choices stand in each group that begins with the first letter."""
    groups: list[int] = []
    for line in lines:
        mark = _CHOICE.match(line)
        if mark and mark[1] in "aA":
            groups.append(1)
        elif mark and groups:
            groups[-1] += 1
    return groups


def speech_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How what one of several speakers says last lacks the stop that all speeches before it have."""
    own = _SAID.match(line)
    if not own or _ENDED.search(line):
        return None
    said = [hit for part in earlier if (hit := _SAID.match(part))]
    names = [hit[1] for hit in said]
    words = own[2].split()
    if not 0 < len(words) <= _FEW or _FAREWELL.search(own[2]):
        return None
    if own[1] not in names or len(set(names)) < 2 or len(said) < _SPEECHES:
        return None
    long = 2 * sum(len(hit[2].split()) >= _PHRASE for hit in said) > len(said)
    closed = all(_ENDED.search(hit[0]) for hit in said)
    return f"after {words[-1]!r}, where every speech before it closes" if long and closed else None


def equation_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How the last of several lines of a calculation ends before its sign of equality."""
    before = earlier[-2:]
    if len(before) < 2 or _EQUAL.search(line) or not all(_EQUAL.search(part) for part in before):
        return None
    named = set(line.lower().split()) & set(" ".join(before).lower().split())
    begun = 0 < len(line.split()) <= min(2 * len(named), _FEW) and not re.search(r"\d|\b(?:is|are|was)\b", line)
    return "before the '=' that the lines before it have" if begun else None


def refrain_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How a line that is said again, behind the same line as before, is not said to its end."""
    for first, second in pairwise(earlier):
        if first == earlier[-1] and second.startswith(f"{line} ") and len(line.split()) >= _PHRASE:
            return f"before {second[len(line) :].split()[0]!r}, with which the line went on before"
    return None


def _body(line: str) -> str:
    mark = _MARK.match(line)
    return line[mark.end() :].strip() if mark else line.strip()


def verse_stops(line: str, earlier: Sequence[str]) -> str | None:
    """How the last line of a poem in even lines, or in lines that all end on a sign, falls short of the others."""
    verses = [part for part in earlier if not _LABEL.match(part)]
    if len(verses) < _VERSES or _LABEL.match(line) or _MARK.match(line) or not _VERSE_BEGUN.match(line):
        return None
    return "in the middle of a verse" if _is_short(line, verses, _HALF) else None


def verse_begun(line: str, earlier: Sequence[str]) -> str | None:
    """How a short line that begins a sentence ends a poem whose lines all close on a sign."""
    verses = [part for part in earlier if not _LABEL.match(part)]
    if len(verses) < 2 or not _VERSE_BEGUN.match(line) or any(part[-1:].isalnum() for part in verses):
        return None
    return "in the middle of a verse" if _is_short(line, verses, 0.5) else None


def _is_short(line: str, verses: Sequence[str], share: float) -> bool:
    """Whether a line is shorter than that share of any line of an even poem."""
    lengths = sorted(len(part) for part in verses)
    return lengths[-1] <= 80 and lengths[0] >= _EVEN * lengths[-1] and len(line) < share * lengths[0]
