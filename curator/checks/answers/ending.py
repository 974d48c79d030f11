"""Where and why an answer stops in the middle of a sentence, told from its text alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from curator.checks.answers.lastline import CLOSED, HEADING, ITEM, SENTENCE, STOPPED, LastLine, closes, is_closing, runs
from curator.checks.answers.lastwords import CUT_SHORT, LEADS_ON, MAY_CLOSE, NEVER_LAST, SELDOM_LAST
from curator.checks.answers.siblings import (
    count_stops,
    ends_a_list,
    equation_stops,
    item_stops,
    list_stops,
    refrain_stops,
    speech_stops,
    stanza_stops,
    verse_begun,
    verse_stops,
)
from curator.checks.answers.source import code_stops, open_brackets, open_tag
from curator.text.prose import Span, masked

_Proof = Literal["sure", "likely", "weak"]
_Word = Literal["", "seldom", "never"]


class Ending(NamedTuple):
    """An answer's open end, at text[start:end]; `reason` completes "it stops …".

    `proof` says how much the text alone proves: "sure"; "likely", where two sentences and more before the
    last are closed; "weak", where there are fewer: a note, a headline and a caption look alike. `word` says
    whether it ends on a word on which sentences never, or seldom, close; `alone` that fewer than two close before it;
    `odd` that the lines before it share a form which it breaks.
    """

    start: int
    end: int
    reason: str
    proof: _Proof = "sure"
    word: _Word = ""
    alone: bool = False
    odd: bool = False


_NEVER_CLOSES = re.compile(r"\s(?:the|and|an|than|whose|their|its|because)$")
_LAST_WORD = re.compile(r"[^\W_][\w'’-]*")  # read from the end of the line
_LETTER = re.compile(r"[^\W\d_]")
_SHORTENED = re.compile(
    r"\b(?:[A-Z]|[Mm]rs?|[Mm]s|[Dd]r|St|vs|No|etc|e\.g|i\.e|Vol|Fig|Inc|Jr|Sr|Prof|Mt|approx|cf|al|pp?|ca|(?<![^\s(])\d+)$"
)
_BARE_ITEM = re.compile(r"(?:^|\n)[^\S\n]*\d{1,3}[.)]$")
_WANTS_MORE = frozenset(",([{“=+&|<$-")
_ONLY_IN_CODE = frozenset("{=+&|<$-")  # of those, what in prose may well be meant
_INTRODUCES = re.compile(r":$|^(?:\S+\s+){0,3}\S+,$")  # "The answer is:", "Yours sincerely,"
_BEGUN_LINE = re.compile(
    r"(?:The|To|This|These|By|In|If|We|It|So|Using|Given|After|Before|Once|According|Based|With|For|As)(?:\s[a-z][\w'’-]*){1,4}$"
)
_NO_ITEM = LEADS_ON | {"like", "with"}  # what an item ends on where it was cut, if none before it does
_HABIT = 5  # items that close, after which the next one does
_LONG_ITEM = 18  # words of an item that is a sentence, though not all items before it close
_PROSE_LINE = 10  # words; lines of poems and lists have fewer


_SHORT = 80  # characters
_A_FEW_WORDS = re.compile(r"[^\W\d_]+(?:[ ,'-]+[^\W\d_]+){0,3}")  # a label, a name: nothing else need be asked


def open_ending(text: str) -> Ending | None:
    """The open end of an answer that stops in the middle of a sentence, or None.

    Prose of under eight words, and answers that end in a formula or an address, are not judged.
    """
    return _known_ending(text) if len(text) < _KEPT else _open_ending(text)


_KEPT = 4000  # characters: longer texts are not kept in memory to be known again


@lru_cache(maxsize=8192)
def _known_ending(text: str) -> Ending | None:
    return _open_ending(text)


def _open_ending(text: str) -> Ending | None:
    end = len(text.rstrip())
    if not may_be_open(text[:end]) or (end < _SHORT and _A_FEW_WORDS.fullmatch(text, 0, end)):
        return None
    spans = masked(text)
    if spans and spans[-1][1] >= end:
        start, _, kind = spans[-1]
        if kind == "code":
            return _in_code(text, start, end)
        return _in_table(text, start, end) if kind == "table" else None
    body = text[:end]
    if body[-1] in _ONLY_IN_CODE:
        return None
    if how := _code_within(body, spans):
        return Ending(body.rfind("\n") + 1, end, how)
    least = 5 if _NEVER_CLOSES.search(body, max(0, end - 9)) else 8
    if len(body.split(None, least)) < least:
        return None
    return _in_prose(body, [span for span in spans if span[2] in ("code", "table", "html")])


def may_be_open(body: str) -> bool:
    """Whether a text without white space behind it ends in a letter or a sign that wants more."""
    return body[-1:].isalpha() or body[-1:] in _WANTS_MORE or bool(_BARE_ITEM.search(body[-8:]))


def _in_code(text: str, start: int, end: int) -> Ending | None:
    reason = code_stops(text[start:end])
    line = text.rfind("\n", start, end) + 1
    return Ending(max(start, line), end, reason) if reason else None


def _code_within(body: str, spans: Sequence[Span]) -> str | None:
    """Which bracket is open of code that runs on, without a fence, to the indented last line of a text."""
    if not body[body.rfind("\n") + 1 :][:1].isspace():
        return None
    start = next((low for low, _, kind in spans if kind == "code" and body[low : low + 3] not in _FENCES), -1)
    opener = _BRACE.search(body)
    start = start if start >= 0 else body.rfind("\n", 0, opener.start()) + 1 if opener else -1
    opened = open_brackets(body[start:]) if start >= 0 else ""
    return f"with {opened!r} still open" if opened else None


_FENCES = ("```", "~~~")
_BRACE = re.compile(r"\)\s*\{$", re.M)


def _in_table(text: str, start: int, end: int) -> Ending | None:
    lines = [line.strip() for line in text[start:end].split("\n")]
    framed = lines[-1][:1] == "|" and lines[-1][-1:] != "|" and all(line[-1:] == "|" for line in lines[:-1])
    return Ending(end - len(lines[-1]), end, "in the middle of a table row") if framed and len(lines) > 1 else None


def _in_prose(body: str, hidden: Sequence[Span]) -> Ending | None:
    start = body.rfind("\n") + 1
    line = body[start:]
    if start and _BARE_ITEM.match(line):
        return Ending(start, len(body), "after a list number")
    last = _last_word(line)
    if _NO_END.search(line[-_TAIL:]):
        return Ending(start + _segment(line), len(body), f"at {line.rsplit(maxsplit=1)[-1]!r}")
    if not last:
        return _after_sign(body, start)
    place = _segment(line)
    segment, span = line[place:], (start + place, len(body))
    if _opened(segment):
        return Ending(*span, "with a bracket or quotation mark still open")
    if where := _inside(line, body):
        return Ending(start, len(body), where)
    if _is_tag(line):
        return None
    if _PRODUCT.search(line) or (_FACTOR.search(line) and _TIMES.search(body)):
        return Ending(*span, f"at the sign {last!r}")
    earlier = [part.rstrip() for part in _visible(body[:start], hidden).split("\n") if part.strip()]
    return _judge(LastLine(line, segment, earlier, last.replace("’", "'")), span, body)


def _last_word(line: str) -> str:
    """The word that a line ends in, from its first letter on; "" where the line ends in a sign."""
    run = _LAST_WORD.match(line[::-1])
    word = run.group()[::-1] if run else ""
    first = _LETTER.search(word)
    return word[first.start() :] if first else ""


def _judge(at: LastLine, span: tuple[int, int], body: str) -> Ending | None:
    """The verdict on a last line that ends in a word: from its own sentences and from the lines before it."""
    for stops in (list_stops, count_stops, speech_stops, equation_stops, refrain_stops, verse_begun):
        if how := stops(at.line, at.earlier):
            return Ending(*span, how, "likely", odd=True)
    if stanza_stops(body):
        return Ending(*span, "in the middle of a stanza", "likely", odd=True)
    if at.is_no_sentence():
        return None
    leads_on = at.seldom or at.never
    reason = f"at the word {at.last!r}" if leads_on else f"after {at.last!r}, without a full stop"
    if at.is_surely_cut():
        return Ending(*span, reason, "sure", "never", at.alone)
    if at.is_field() or at.is_formula():
        return None
    word: _Word = "never" if at.never else "seldom" if at.seldom else ""
    if at.never and at.last in MAY_CLOSE:
        word = "seldom"
    if how := item_stops(at.line, at.siblings) if at.item else verse_stops(at.line, at.earlier):
        return Ending(*span, how, "likely", word, at.alone, odd=True)
    proof = _proof(at, word)
    return Ending(*span, reason, proof, word, at.alone) if proof else None


def _proof(at: LastLine, word: _Word) -> _Proof | None:
    """How far it is proven that a last line was cut."""
    if at.siblings and at.last in ("and", "or") and not _stop_alike(at.siblings):
        return "likely"
    if at.siblings and not at.never and not (at.inner and at.seldom) and not _mostly_closed(at.siblings):
        more = at.last in _NO_ITEM and (len(at.words) > 2 or sum(f" {at.last} " in part for part in at.siblings) > 1)
        more |= at.last in SELDOM_LAST and at.running and len(at.words) > 3
        more |= at.running and len(at.words) >= _LONG_ITEM and any(STOPPED.search(part) for part in at.siblings)
        return "weak" if more and not _stop_alike(at.siblings) else None
    after: _Proof = "weak" if at.slight and not at.seldom else "likely"
    leads = at.leads and (at.inner or closes(at.prose[-1:], 1))
    if leads or at.lone or at.led_in or (at.inner and (at.running or (at.lower and at.length > 1))):
        return after
    if at.item:
        return _of_item(at, word)
    carried = at.running and len(at.words) >= _PROSE_LINE and closes(at.prose, 2)
    introduced = at.earlier and _INTRODUCES.search(at.earlier[-1]) and at.last not in LEADS_ON
    if HEADING.match(at.line) or (introduced and not carried):
        return None
    begun = bool(_BEGUN_LINE.match(at.line))
    least = 1 if at.running or at.seldom or begun else 2
    if closes(at.prose, least) and (at.running or (at.lower and len(at.words) > 1)):
        return after
    return _of_line(at)


def _of_item(at: LastLine, word: _Word) -> _Proof | None:
    """What is proven of an item of a list by the items before it, and of the only one by a word that leads on."""
    if ends_a_list(at.own):
        return None
    if word == "never" and len(at.words) > 2:
        return "weak"
    if not at.siblings:
        return "weak" if at.last in LEADS_ON and at.running and len(at.words) >= 8 else None
    usual = sum(len(part.split()) for part in at.siblings) / len(at.siblings)
    if word or not at.last.isascii() or len(at.words) < 0.5 * usual:
        least = 1 if at.running or 3 * len(at.words) < usual else 2
        return "likely" if closes(at.siblings, least) and closes(at.items, least) else None
    if closes(at.siblings, _HABIT):
        return "likely"
    if not at.running or len(at.words) < 5 or not closes(at.siblings, 1) or not closes(at.items, 1):
        return None
    return "likely" if len(at.siblings) > 2 else "weak"


def _of_line(at: LastLine) -> _Proof | None:
    """What is proven of a line of one sentence where the lines before it do not all close."""
    last = at.last if at.lower else ""
    carried = len(at.words) >= _PROSE_LINE
    listed = sum(bool(ITEM.match(part)) for part in at.earlier)  # behind a list a sentence is a sentence
    verse = 2 * listed < len(at.earlier) and not any(CLOSED.search(part) for part in at.earlier)  # or notes
    if last.lower() in NEVER_LAST:
        return None if verse and last not in CUT_SHORT and not carried else "weak"
    if verse:
        return "likely" if carried and last in LEADS_ON and at.running and not _stop_alike(at.earlier) else None
    if last in LEADS_ON | SELDOM_LAST and _pauses(at.earlier) and not _stop_alike(at.earlier):
        return "likely"  # the last line of a poem whose lines all end on a sign
    closed = sum(bool(CLOSED.search(part)) for part in at.prose)
    running = at.running or (closed > 0 and bool(_BEGUN_LINE.match(" ".join(at.words))))
    if carried and at.running and STOPPED.search(at.earlier[-1] if at.earlier else ""):
        return "weak"
    return "weak" if running and not (len(at.prose) > closed + 1 and closed < 0.3 * len(at.prose)) else None


def _mostly_closed(siblings: Sequence[str]) -> bool:
    """Whether half of the items before one close, the last of them too: where it does not, another list has begun."""
    closed = sum(bool(STOPPED.search(part)) for part in siblings)
    return bool(CLOSED.search(siblings[-1])) and 2 * closed >= len(siblings)


def _stop_alike(lines: Sequence[str]) -> bool:
    """Whether one of the lines ends on a word on which sentences seldom close: then such ends are their style."""
    return any(_last_word(line).lower() in SELDOM_LAST | _NO_ITEM for line in lines)


def _pauses(lines: Sequence[str]) -> bool:
    """Whether there are several lines, and nearly all end on a sign of some kind."""
    return len(lines) > 3 and sum(not part[-1:].isalnum() for part in lines) >= 0.9 * len(lines)


def _after_sign(body: str, start: int) -> Ending | None:
    """An end on a comma or an opening bracket after a running sentence."""
    line = body[start:]
    place = _segment(line)
    segment = line[place:]
    if len(segment.split()) < 7 or ITEM.match(line) or is_closing(segment) or not runs(segment.split()):
        return None
    if re.search(r"[^\W\d_],$", segment) and segment[:1].isupper():
        return Ending(start + place, len(body), "after a comma")
    if re.search(r"\s[(\[“]$", segment):
        return Ending(start + place, len(body), "with a bracket or quotation mark still open")
    return None


def _segment(line: str) -> int:
    """Where the last sentence of a line starts."""
    ends = [
        hit.end()
        for hit in SENTENCE.finditer(line)
        if not _SHORTENED.search(line, max(0, hit.start() - 24), hit.start())
    ]
    return ends[-1] if ends else 0


_CODE_OPENS = re.compile(r"(?:^|[\s(])`(?=[^\s`'])[^`']*$")


def _inside(line: str, body: str) -> str:
    """What the last line of a text stands inside of: a table row, code within a line, an element of HTML; or ""."""
    if line.startswith("|") and line.count("|") > 1:
        return "in the middle of a table row"
    if line.count("`") % 2 and _CODE_OPENS.search(line):
        return "with code in backticks still open"
    tag = open_tag(body)
    return f"with <{tag}> still open" if tag else ""


_SMILEY = re.compile(r"[:;=]-?[()\[\]]")
_QUOTE_OPENS = re.compile(r"(?:^|(?<=[\s(\[—-]))\"(?=\w)")


def _opened(segment: str) -> bool:
    """Whether a bracket or a quotation mark of the last sentence is still open."""
    tail = _SMILEY.sub("", segment)
    if tail.count("(") > tail.count(")") or tail.count("[") > tail.count("]") or tail.count("“") > tail.count("”"):
        return True
    marks = [place for place, sign in enumerate(tail) if sign == '"']
    if not len(marks) % 2:
        return False
    opens = [bool(_QUOTE_OPENS.match(tail, place)) for place in marks]
    return opens[-1] and all(first and not second for first, second in zip(opens[:-1:2], opens[1::2], strict=True))


def _is_tag(line: str) -> bool:
    """Whether a line ends in a hashtag, a handle or an address."""
    last = line.rsplit(maxsplit=1)[-1]
    return last[:1] in "#@" or "_" in last or ("/" in last and not _PER.fullmatch(last))


_PRODUCT = re.compile(r"(?:\d\s?[xX×]\s?|\bis\s|=\s?)\d[\d.,]*\s[xX×]$")  # "4 x 4 x", "is 4 x"
# "in the 19th", "Side 1 + Side 2 + Side"
_TAIL = 200  # characters
_NO_END = re.compile(r"\s(?:and/or|in the \d+(?:st|nd|rd|th))$|\b(\w+) \d+\s?[-+*×x/]\s?(?:\1 \d+\s?[-+*×x/]\s?)*\1$")
_FACTOR = re.compile(r"\s\d[\d.,]*\s[xX×]$")
_TIMES = re.compile(r"\d\s[xX×]\s\d")  # "1. 2 x 3 = ?\n2. 5 x"
_PER = re.compile(r"\D?\d[\d.,]*/[^\W\d_]+")  # "$30/packet"


def _visible(text: str, hidden: Sequence[Span]) -> str:
    """The text with a mark in the place of each hidden part."""
    parts, at = [], 0
    for low, high, _ in hidden:
        parts += [text[at:low], "\0."]
        at = max(at, high)
    return "".join([*parts, text[at:]])
