"""Where and why an answer stops in the middle of a sentence, told from its text alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Literal, NamedTuple

from curator.checks.answers.source import code_stops
from curator.text.prose import Span, masked

_Proof = Literal["sure", "likely", "weak"]


class Ending(NamedTuple):
    """An answer's open end, at text[start:end]; `reason` completes "it stops …".

    `proof` says how much the text alone proves: "sure"; "likely", where two sentences and more before the
    last are closed; "weak", where there are fewer: a note, a headline and a caption look alike. `word` says
    whether it ends on a word on which sentences never, or seldom, close; `alone` that fewer than two close before it.
    """

    start: int
    end: int
    reason: str
    proof: _Proof = "sure"
    word: Literal["", "seldom", "never"] = ""
    alone: bool = False


# Words on which an English sentence does not close: articles, prepositions, conjunctions, auxiliaries, and
# verbs, adjectives and adverbs that need another word after them. Drawn up from how often each closes a
# sentence in several hundred thousand sentences of answers, then read through. On the first a line never
# ends, on the others a title or a line without full stop may ("Places to go to", "As tall as he is").
NEVER_LAST = frozenset(
    """
    a an the and or nor if than as at of from into onto upon with within without during until till while whereas
    although because unless whether between among amongst via per versus
    i'm i'll you're we're they're he's she's there's what's let's here's i've you've we've they've i'd you'd we'd they'd
    i'll you'll we'll they'll he'll she'll it'll
    whose my your his its their our every
    is are was were has had would should could may might must cannot
    include includes including contain contains containing provide provides providing ensure ensures ensuring
    allow allows allowing enable enables enabling become becomes becoming create creates creating require requires
    requiring makes making takes taking gives giving gets getting keeps keeping puts brings bringing offers offering
    causes causing leads leading involves involving depends depending based according due regarding concerning
    considering consist consists represent represents refer refers remains seems seemed appears helps helping avoid
    avoiding encourage encourages encouraging promote promotes promoting improves improving reduces reducing
    increases increasing maintain maintaining finds finding adds adding tend tends begins continues contribute
    contributes suggest suggests believes identify identifying determine determining develop developing choosing
    building shows showing uses using such various numerous several very quite rather too especially particularly
    specifically typically generally additionally furthermore moreover extremely highly increasingly relatively
    significantly approximately nearly almost merely simply fully truly so only just
    """.split()
)
_FIRST_PERSON = frozenset(["I'm", "I've", "I'd", "I'll"])
# With these a line is cut even in a text that closes no sentence.
CUT_SHORT = frozenset(
    "a an the and or nor than whose my your his its their our every because although whereas if".split()
)
# Of those, what not even an item of two words ends on ("2. Add the").
_LEADS_TO_A_NOUN = frozenset("an the than whose my your his its their our every".split())
# On these a note or a verse closes all the same ("pick up only", "that is who they are").
_MAY_CLOSE = frozenset(
    """
    is are was were has had would could should may might must cannot only so just too quite rather at from with upon within
    without includes contains provides ensures allows enables becomes creates requires makes takes gives gets keeps puts
    brings offers become create require depends consists represents refers remains seems seemed appears helps encourages
    promotes improves reduces increases finds adds begins continues suggests shows uses
    """.split()
)
# On these not even a line of a text closes that leaves out its stops.
_LEADS_ON = frozenset(
    "by for to toward towards throughout since against who which but yet each i he she we they".split()
)
_SELDOM_LAST = frozenset(
    """
    but yet by for in on to toward towards through throughout before after since though against across along around
    over under above below beneath behind beside beyond despite except about like unlike near off out up down
    be been being am have having do does did doing will shall can ought can't don't doesn't didn't won't wouldn't
    couldn't shouldn't isn't aren't wasn't weren't
    i he she we they it you who whom which that this these those what when where why how there it's that's
    her some any no each either neither both all many much few more most less other another certain countless
    different similar same even also not never always often usually commonly however therefore thus hence then
    finally lastly firstly instead perhaps maybe one two three four five six seven eight nine ten hundred
    included contained provided became created make made take took given give gave get got use used keep kept let put
    bring brought offer offers cause lead led involve depend prior following followed compared associated related
    located known called named considered represented remain seem appear help helped improve reduce increase find found
    add added consider try trying want wants need needs needed begin began start starts starting continue believe feel
    feels felt set choose build show shown own
    great new large small good best better high low long short old young big main major important common popular
    specific particular general unique essential key potential possible necessary available likely able
    first second third next last previous current recent final early natural human social personal physical mental
    still environmental economic cultural political financial medical digital global local national international public
    private modern traditional ancient healthy strong beautiful wide full real true single entire whole overall
    multiple additional regular daily proper sustainable renewable
    """.split()
)

_NEVER_CLOSES = re.compile(r"\s(?:the|and|an|than|whose|their|its|because)$")
_LAST_WORD = re.compile(r"[^\W_][\w'’-]*")  # read from the end of the line
_LETTER = re.compile(r"[^\W\d_]")
_CLOSED = re.compile(r"[.!?…:;。！？][\"'”’»)\]*_`]*$")
_STOPPED = re.compile(r"[.!?…。！？][\"'”’»)\]*_`]*$")
_SENTENCE = re.compile(r"[.!?…][\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_]*[A-Z0-9]|[-–—~]\s?[A-Z])")
_SHORTENED = re.compile(
    r"\b(?:[A-Z]|[Mm]rs?|[Mm]s|[Dd]r|St|vs|No|etc|e\.g|i\.e|Vol|Fig|Inc|Jr|Sr|Prof|Mt|approx|cf|al|pp?|ca|(?<![^\s(])\d+)$"
)
_ITEM = re.compile(
    r"\s*(?:[-*+•–·▪◦]|\(?\d{1,3}[.):-]|\(?[A-Za-z][.)]|[ivxIVX]{1,4}[.)])\s+"
    r"|\s*(?:Step|Day|Week|Tip|Chapter|Question|Q|A)\s*(?:\d{1,3}\s*)?[:.)-]\s*"
)
_BARE_ITEM = re.compile(r"(?:^|\n)[^\S\n]*\d{1,3}[.)]$")
_WANTS_MORE = frozenset(",([{“=+&|<$-")
_ONLY_IN_CODE = frozenset("{=+&|<$-")  # of those, what in prose may well be meant
_HEADING = re.compile(r"\s*(?:#{1,6}\s|\*\*[^*]+\*\*:?$|[A-Z][^.!?]{0,60}:$)")
_INTRODUCES = re.compile(r":$|^(?:\S+\s+){0,3}\S+,$")  # "The answer is:", "Yours sincerely,"
_ATTRIBUTION = re.compile(r"(?:^|[\"”’']\s*)[-–—~]\s?[A-Z][\w.]*(?:\s[\w.]+){0,3}$")
_LABELLED = re.compile(r"\W*[^\W\d][\w ]{0,20}(?>\W*:(?=\s*\S))\s*\S+(?:\s\S+){0,2}$")  # "Output: yes"
_LONG = 7  # words of a sentence that is no name of who signs
_LONE_AFTER = 6  # words of a line whose last is a sentence begun
_PROSE_LINE = 10  # words; lines of poems and lists have fewer
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
    earlier = [part.rstrip() for part in _visible(body[:start], hidden).split("\n") if part.strip()]
    return _judge(line, segment, earlier, span, last.replace("’", "'"))


def _last_word(line: str) -> str:
    """The word that a line ends in, from its first letter on; "" where the line ends in a sign."""
    run = _LAST_WORD.match(line[::-1])
    word = run.group()[::-1] if run else ""
    first = _LETTER.search(word)
    return word[first.start() :] if first else ""


_BEGUN = re.compile(r"(?:The|By)\s[a-z][\w'’-]*$")  # "The sensation": a sentence begun, not somebody's name
_BEGUN_LINE = re.compile(
    r"(?:The|To|This|These|By|In|If|We|It|So|Using|Given|After|Before|Once)(?:\s[a-z][\w'’-]*){1,4}$"
)
_LED_IN = re.compile(  # "Therefore, Anna"
    r"(?:Therefore|Thus|Hence|However|Moreover|Furthermore|Additionally|Similarly|Next|Then|So|Now|Since then|Instead"
    r"|As a result|In addition|For example|In other words|After that|In total),\s[\w'’-]+(?:\s[\w'’-]+)?$"
)

# A clause that only leads to another: "During an El Niño", "When the two".
_SUBORDINATE = re.compile(
    r"(?:If|When|During|While|Although|Because|Since|Unless|Whereas|Within|Among|Despite)(?:\s[^\s,]+){1,8}$"
)


def _judge(line: str, segment: str, earlier: Sequence[str], span: tuple[int, int], last: str) -> Ending | None:
    """The verdict on a last line that ends in a word: from its own sentences and from the lines before it."""
    proof: _Proof | None
    item = _ITEM.match(line)
    own = line[item.end() if item else 0 :]
    words, inner = own.split(), len(segment) < len(line)
    spoken = bool(earlier) and len(words) > 2 and last in NEVER_LAST  # "Customer: I would"
    leads = bool(_SUBORDINATE.match(segment))
    siblings = _siblings(line, earlier) if item else []
    listed = len(siblings) > 1
    if (
        (_ATTRIBUTION.search(segment) and last not in NEVER_LAST and not listed)
        or _SIGNED.match(segment)
        or (_is_laid_out(line, last) and not (leads and inner))
    ):
        return None
    if not spoken and ((not item and _LABELLED.match(line)) or (inner and _LABELLED.match(segment))):
        return None
    begins = len(last) > 1 and bool(re.search(r"(?:^|[.!?][\"”’)]?\s+)[A-Z][\w'’]*$", own)) and (inner or bool(item))
    lower = last[0].islower() or begins or last in _FIRST_PERSON
    seldom = last.lower() in _SELDOM_LAST and lower
    never = last.lower() in NEVER_LAST and lower
    reason = f"at the word {last!r}" if seldom or never else f"after {last!r}, without a full stop"
    prose = [part for part in earlier if len(part.split()) >= 5 and not _HEADING.match(part)]
    alone = _closed_before(line, prose) < 2
    slight = alone and (len(segment.split()) < 6 or len(" ".join((line[: -len(segment)], *prose)).split()) < 8)
    hardly_begun = inner and lower and segment[:1].isupper() and 1 < len(segment.split()) < 4  # "It rains. That is"
    evident = inner or begins or last in CUT_SHORT or any(_CLOSED.search(part) for part in prose)
    evident = (
        evident
        and not (item and len(words) < 4 and not begins and last not in _LEADS_TO_A_NOUN)
        and (spoken or hardly_begun or not (slight and last in _MAY_CLOSE))
    )
    if (never or (seldom and begins)) and evident:
        return Ending(*span, reason, "sure", "never", alone)
    if not (seldom or never or item or inner) and _is_field(line, earlier):
        return None
    word: Literal["", "seldom", "never"] = "never" if never else "seldom" if seldom else ""
    if never and alone and last in _MAY_CLOSE:
        word = "seldom"
    running = _runs(segment.split() if inner else words)
    plain = lower and (running or (inner and len(segment.split()) > 2 and not _GREETING.match(segment)))
    led_in = bool(_LED_IN.match(segment)) and (inner or _closes(prose[-1:], 1))
    plain = plain or led_in or (inner and bool(_BEGUN.match(segment)))
    plain = plain or (inner and running and len(segment.split()) >= _LONG and not _GREETING.match(segment))
    if _CLOSING.match(segment) and not (seldom or plain or listed):
        return None
    after: _Proof = "weak" if slight and not seldom else "likely"
    if siblings and not never and not _mostly_closed(siblings):
        return None
    leads = leads and (inner or _closes(prose[-1:], 1))
    lone = inner and begins and len(segment.split()) == 1 and len(line.split()) > _LONE_AFTER  # "… at once. Abrupt"
    if leads or lone or led_in or (inner and (running or (lower and len(segment.split()) > 1))):
        proof = after
    elif item:
        proof = _of_item(words, siblings, word, running, last)
    elif _HEADING.match(line) or (earlier and _INTRODUCES.search(earlier[-1]) and last not in _LEADS_ON):
        proof = None
    elif _closes(prose, 1 if running or seldom else 2) and (running or (lower and len(words) > 1)):
        proof = after
    else:
        proof = _of_line(words, earlier, prose, last if lower else "", running)
    return Ending(*span, reason, proof, word, alone) if proof else None


def _of_item(words: Sequence[str], siblings: Sequence[str], word: str, running: bool, last: str) -> _Proof | None:
    """What is proven of an item of a list by the items before it, and of the only one by a word that leads on."""
    if word == "never" and len(words) > 2:
        return "weak"
    if not siblings:
        return "weak" if last in _LEADS_ON and running and len(words) >= 8 else None
    usual = sum(len(part.split()) for part in siblings) / max(len(siblings), 1)
    if word or not last.isascii() or len(words) < 0.5 * usual:
        return "likely" if _closes(siblings, 1 if running else 2) else None
    if not running or len(words) < 5 or not _closes(siblings, 1):
        return None
    return "likely" if len(siblings) > 2 else "weak"


def _of_line(
    words: Sequence[str], earlier: Sequence[str], prose: Sequence[str], last: str, running: bool
) -> _Proof | None:
    """What is proven of a line of one sentence where the lines before it do not all close."""
    carried = len(words) >= _PROSE_LINE
    listed = sum(bool(_ITEM.match(part)) for part in earlier)  # behind a list a sentence is a sentence
    verse = 2 * listed < len(earlier) and not any(_CLOSED.search(part) for part in earlier)  # or notes
    if last.lower() in NEVER_LAST:
        return None if verse and last not in CUT_SHORT and not carried else "weak"
    if verse:
        return "likely" if carried and last in _LEADS_ON and running and not _stop_alike(earlier) else None
    if last in _LEADS_ON | _SELDOM_LAST and _pauses(earlier) and not _stop_alike(earlier):
        return "likely"  # the last line of a poem whose lines all end on a sign
    closed = sum(bool(_CLOSED.search(part)) for part in prose)
    running = running or (closed > 0 and bool(_BEGUN_LINE.match(" ".join(words))))
    return "weak" if running and not (len(prose) > closed + 1 and closed < 0.3 * len(prose)) else None


_SIGNS = re.compile(r"[\d+=|/<>\\_]")
_JOINED = re.compile(r"\s[-–—]\s+(?=[A-Z])")
_CELLS = re.compile(r"\s\|\s")


def _is_laid_out(line: str, last: str) -> bool:
    """Whether a line is no running text at its end: a row of cells, parts joined by dashes, a clause of a contract, or
    a last word that is a letter, a unit or a key ("for 5s", "Ctrl+C").
    """
    if _CLAUSE.search(line):
        return True
    if last.lower() in NEVER_LAST:
        return False
    letter = len(last) == 1 and last.islower()
    token = line.rsplit(maxsplit=1)[-1].lstrip("<(")
    return letter or bool(_SIGNS.search(token) or _CELLS.search(line)) or len(_JOINED.findall(line)) > 1


_CLAUSE = re.compile(r";\s(?:and|or)$")


def _mostly_closed(siblings: Sequence[str]) -> bool:
    """Whether half of the items before one close, the last of them too: where it does not, another list has begun."""
    return bool(_CLOSED.search(siblings[-1])) and 2 * sum(bool(_STOPPED.search(part)) for part in siblings) >= len(
        siblings
    )


def _siblings(line: str, earlier: Sequence[str]) -> list[str]:
    """The items before a line that are marked as it is, by a number or by a sign."""
    numbered = line.lstrip(" (")[0].isdigit()
    return [part for part in earlier if _ITEM.match(part) and part.lstrip(" (")[0].isdigit() == numbered]


def _closed_before(line: str, prose: Sequence[str]) -> int:
    """How many sentences close before the last one of a line; 2 stands for more."""
    count = sum(bool(_CLOSED.search(part, max(0, len(part) - 6))) for part in prose[-3:])
    for part in (line, *prose):
        if count > 1:
            return 2
        count += len(list(islice(_SENTENCE.finditer(part), 2)))
    return min(count, 2)


def _stop_alike(lines: Sequence[str]) -> bool:
    """Whether one of the lines ends on a word on which sentences seldom close: then such ends are their style."""
    return any(_last_word(line).lower() in _SELDOM_LAST for line in lines)


def _pauses(lines: Sequence[str]) -> bool:
    """Whether there are several lines, and nearly all end on a sign of some kind."""
    return len(lines) > 3 and sum(not part[-1:].isalnum() for part in lines) >= 0.9 * len(lines)


def _is_field(line: str, earlier: Sequence[str]) -> bool:
    """Whether a line is one of several fields that do not close: "Place: the hall at the end of the road"."""
    fields = sum(bool(_FIELD.match(part)) for part in earlier)
    return (
        bool(_FIELD.match(line))
        and (fields > 1 or 0 < fields == len(earlier))
        and not any(_CLOSED.search(part) for part in earlier)
    )


def _closes(lines: Sequence[str], least: int) -> bool:
    """Whether there are so many lines, and nine in ten of them end as sentences do."""
    return len(lines) >= least and sum(bool(_CLOSED.search(line)) for line in lines) >= 0.9 * len(lines)


def _after_sign(body: str, start: int) -> Ending | None:
    """An end on a comma or an opening bracket after a running sentence."""
    line = body[start:]
    place = _segment(line)
    segment = line[place:]
    if len(segment.split()) < 7 or _ITEM.match(line) or _CLOSING.match(segment) or not _runs(segment.split()):
        return None
    if re.search(r"[^\W\d_],$", segment) and segment[:1].isupper():
        return Ending(start + place, len(body), "after a comma")
    if re.search(r"\s[(\[“]$", segment):
        return Ending(start + place, len(body), "with a bracket or quotation mark still open")
    return None


def _runs(words: Sequence[str]) -> bool:
    """Whether the words read as running text, not as a title or a name: four and more, half of them lower-case."""
    plain = [word.strip("\"'“”‘’()[]*_,") for word in words[1:]]
    return len(words) >= 4 and sum(word[:1].islower() for word in plain) >= 0.5 * len(plain)


def _segment(line: str) -> int:
    """Where the last sentence of a line starts."""
    ends = [
        hit.end()
        for hit in _SENTENCE.finditer(line)
        if not _SHORTENED.search(line, max(0, hit.start() - 24), hit.start())
    ]
    return ends[-1] if ends else 0


_CODE_OPENS = re.compile(r"(?:^|[\s(])`(?=[^\s`'])[^`']*$")
_TAG_OPENS = re.compile(r"<([a-z][a-z0-9]*)(?:\s[^<>]*)?>[^<>]*$")

_LOOSE = frozenset("p br hr li dt dd img input meta link option".split())  # elements that need no end


def _inside(line: str, body: str) -> str:
    """What the last line of a text stands inside of: a table row, code within a line, an element of HTML; or ""."""
    if line.startswith("|") and line.count("|") > 1:
        return "in the middle of a table row"
    if line.count("`") % 2 and _CODE_OPENS.search(line):
        return "with code in backticks still open"
    tag = _TAG_OPENS.search(line)
    closes = tag and (f"</{tag[1]}>" in body or (body.count("</") > 2 and tag[1] not in _LOOSE))
    return f"with <{tag[1]}> still open" if tag and closes else ""


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


_PER = re.compile(r"\D?\d[\d.,]*/[^\W\d_]+")  # "$30/packet"


def _visible(text: str, hidden: Sequence[Span]) -> str:
    """The text with a mark in the place of each hidden part."""
    parts, at = [], 0
    for low, high, _ in hidden:
        parts += [text[at:low], "\0."]
        at = max(at, high)
    return "".join([*parts, text[at:]])
