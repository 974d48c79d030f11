"""The kinds of rules that are data, as rules."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from curator.model import Example, Fix, Flag, Turn, turns_before
from curator.packs.entries import OPENING, Entry, Limit, OneOf, Pattern, Phrases, Ratio, StartsOrEnds, Substitute, Text
from curator.packs.patterns import compiled, windows
from curator.packs.phrases import LINE, LISTED, finder, occurrences, unwrapped
from curator.packs.rendering import renders
from curator.rule import RowRule, option

if TYPE_CHECKING:
    from curator.columns import Batch
    from curator.text.prose import Cover


class PackRule(RowRule, frozen=True):
    """A rule whose class is made from an entry."""

    entry: ClassVar[Entry]

    @classmethod
    def slug(cls) -> str:
        return cls.entry.name

    def check(self, example: Example) -> Iterator[Flag]:
        entry = self.entry
        if entry.unless_tools and example.tools:
            return
        said: list[str] = []
        read = 0  # turns, of which the user's are in `said`
        for before, turn in _turns(example, entry.roles):
            if len(before) < read:
                said, read = [], 0
            said += [t.text for t in before[read:] if t.role == "user"]
            read = len(before)
            found = list(self.judge(turn, said))
            if found and not self.excused(said, turn.text):
                yield from found

    def excused(self, said: Sequence[str], answer: str) -> bool:
        """Whether what the user said before a turn, message by message, makes its faults none."""
        phrases = self.entry.unless_prompt
        return bool(phrases) and finder(phrases).search("\n".join(said)) is not None

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        """The faults of one turn; `said` are the messages of the user before it."""
        raise NotImplementedError

    def say(self, found: str) -> str:
        return self.entry.message.replace("{found}", shortened(found))


class PhraseRule(PackRule, frozen=True):
    entry: ClassVar[Phrases]

    allow: Annotated[tuple[str, ...], option("Phrases that are no finding.")] = ()

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        spans = [span for span in sorted(self._spans(turn.text)) if not self._allowed(turn.text, *span)]
        if self.entry.unless_quoted:
            spans = [span for span in spans if not _is_quoted(turn.text, *span)]
        if spans:
            fix = _removal(turn, spans) if self.entry.fix == "remove" else None
            shown = self._shown(turn.text, *spans[0])
            yield turn.flag(self.say(turn.text[slice(*shown)]), shown, fix=fix)

    def excused(self, said: Sequence[str], answer: str) -> bool:
        rendered = self.entry.unless_rendered and bool(said) and renders(said[-1], answer)
        return rendered or super().excused(said, answer)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        entry = self.entry
        start = len(text) - len(text.lstrip()) + 1
        reach = {"anywhere": len(text), "opening": OPENING, "start": start}[entry.where]
        for start, end in occurrences(entry.phrases, text, reach):
            if _counts(entry, text, start, end) and not (entry.where == "opening" and _is_spoken(text, start)):
                yield start, end
        for line in LINE.finditer(text) if entry.lines else ():
            span = unwrapped(text, *line.span())
            if (
                not LISTED.match(line.group())
                and finder(entry.lines).fullmatch(text, *span)
                and _counts(entry, text, *span)
            ):
                yield span

    def _shown(self, text: str, start: int, end: int) -> tuple[int, int]:
        """The phrase without the words by which the sentence goes on, and the signs before them."""
        ahead = _beyond(self.entry.beyond).search(text, start + 1, end) if self.entry.beyond else None
        return start, ahead.start() if ahead else end

    def _allowed(self, text: str, start: int, end: int) -> bool:
        ends = {end, self._shown(text, start, end)[1]}
        return bool(self.allow) and any(finder(self.allow).fullmatch(text, start, end) for end in ends)


class PatternRule(PackRule, frozen=True):
    entry: ClassVar[Pattern]

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        text, pattern = turn.text, compiled(self.entry.pattern)
        for low, high in windows(text, self.entry.literals):
            for hit in pattern.finditer(text, low, high):
                if _counts(self.entry, text, *hit.span()):
                    yield turn.flag(self.say(hit.group()), hit.span())
                    return


class SubstituteRule(PackRule, frozen=True):
    entry: ClassVar[Substitute]

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        swap = {_plain(wrong): right for wrong, right in self.entry.swap.items()}
        for hit in finder(tuple(self.entry.swap)).finditer(turn.text):
            if not _counts(self.entry, turn.text, *hit.span()):
                continue
            right = _in_case_of(hit.group(), swap[_plain(hit.group())])
            fix = Fix(f"write {right!r}", (turn.edit(*hit.span(), right),), safety=self.entry.safety)
            yield turn.flag(self.say(hit.group()), hit.span(), fix=fix)


Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class LimitRule(PackRule, frozen=True):
    entry: ClassVar[Limit]

    at_least: Annotated[Count | None, option("The fewest a turn may have.")] = None
    at_most: Annotated[Count | None, option("The most a turn may have.")] = None

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        count = _MEASURES[self.entry.measure](turn.text)
        if _outside(count, self.at_least, self.at_most):
            yield turn.flag(self.say(f"{count:,} {self.entry.measure}"))


class RatioRule(PackRule, frozen=True):
    entry: ClassVar[Ratio]

    at_least: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)] | None, option("The smallest share, from 0 to 1.")
    ] = None
    at_most: Annotated[Share | None, option("The largest share, from 0 to 1.")] = None
    min_characters: Annotated[int, option("Shorter turns are not judged.", ge=1)] = 20

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        if len(turn.text) < self.min_characters:
            return
        share = len(_CLASSES[self.entry.of].findall(turn.text)) / len(turn.text)
        if _outside(share, self.at_least, self.at_most):
            yield turn.flag(self.say(f"{share:.0%} {self.entry.of}"))


class StartsOrEndsRule(PackRule, frozen=True):
    entry: ClassVar[StartsOrEnds]

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        entry, text = self.entry, turn.text
        start = next((s for s in entry.starts if text.startswith(s)), None)
        end = next((s for s in entry.ends if text.endswith(s)), None)
        if entry.must:
            if (entry.starts and start is None) or (entry.ends and end is None):
                yield turn.flag(self.say(text))
        elif start is not None:
            yield turn.flag(self.say(start), (0, len(start)))
        elif end is not None:
            yield turn.flag(self.say(end), (len(text) - len(end), len(text)))


class OneOfRule(PackRule, frozen=True):
    entry: ClassVar[OneOf]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Where a value is forbidden: rows with a turn of no more words than the longest value."""
        if self.entry.must:
            return batch.readable
        import numpy as np

        from curator.text.hashed import column, distinct, fold, hash_words

        values = hash_words(column([fold(value) for value in self.entry.values]))
        counts = np.diff(batch.words.offsets)
        return distinct(batch.turn_lines[counts <= np.diff(values.offsets).max()])

    def judge(self, turn: Turn, said: Sequence[str]) -> Iterator[Flag]:
        entry, body = self.entry, turn.text.strip()
        known = _folded(entry.values)
        if entry.must:
            if body and body.lower() not in known:
                yield turn.flag(self.say(body))
            return
        core = body[slice(*unwrapped(body, 0, len(body)))]
        if body.lower() not in known and core.lower() not in known:
            return
        if not (entry.unless_said and core and finder((core,)).search("\n".join(said))):
            yield turn.flag(self.say(body))


KINDS: dict[str, tuple[type[Entry], type[PackRule], tuple[str, ...]]] = {  # the fields last are options
    "phrases": (Phrases, PhraseRule, ()),
    "pattern": (Pattern, PatternRule, ()),
    "substitute": (Substitute, SubstituteRule, ()),
    "limit": (Limit, LimitRule, ("at_least", "at_most")),
    "ratio": (Ratio, RatioRule, ("at_least", "at_most", "min_characters")),
    "starts_or_ends": (StartsOrEnds, StartsOrEndsRule, ()),
    "one_of": (OneOf, OneOfRule, ()),
}

_MEASURES: dict[str, Callable[[str], int]] = {
    "characters": len,
    "words": lambda text: len(text.split()),
    "lines": lambda text: text.count("\n") + 1,
}
_CLASSES = {
    "upper-case": re.compile(r"[^\W\d_a-zß-öø-ÿ]"),
    "digits": re.compile(r"\d"),
    "punctuation": re.compile(r"[^\w\s]"),
    "space": re.compile(r"\s"),
    "non-ascii": re.compile(r"[^\x00-\x7f]"),
}


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _turns(example: Example, roles: Sequence[str]) -> Iterator[tuple[tuple[Turn, ...], Turn]]:
    """(turns before, turn) for the turns of the roles; of the assistant's, those it is to learn."""
    if "assistant" in roles:
        yield from example.taught()
    for place, turn in enumerate(example.turns):
        if turn.role != "assistant" and turn.role in roles:
            yield turns_before(example.turns, place), turn


_SPEAKER = re.compile(
    r"^[ \t>*_]*(?!(?:assistant|ai|bot|chatbot|model|human|user|answer|response)\b)[^\W\d_][\w .'-]{0,24}[*_]*:",
    re.I | re.M,
)


def _is_spoken(text: str, start: int) -> bool:
    """Whether text[start:] is the line of a character, in a scene of several speakers that the answer sets out."""
    line = text.rfind("\n", 0, start) + 1
    return bool(_SPEAKER.match(text, line)) and len({part.casefold() for part in _SPEAKER.findall(text)}) > 1


_QUOTED = re.compile(
    r"(?<![\w\"])\"(?=\S)[^\"\n]*\"(?!\w)|“[^“”\n]*”|„[^„“”\n]*[“”]|«[^«»\n]*»|»[^«»\n]*«|「[^「」\n]*」"
)
_REPORTS = re.compile(
    r"(?<!\bI )(?<!\bwe )\b(?:said|says|replied|replies|answered|answers|responded|responds):[ ]*(?![\s\"“„«])", re.I
)
_LEAST_AROUND = 2  # words
_AROUND = 2000  # characters on either side of a quotation in which they are looked for
_WORD = 12  # characters of the longest word of _REPORTS with its colon


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is what somebody says whom the text tells of.

    It stands in quotation marks with words around them on the line (an answer that is one quotation is the
    assistant's own), or follows "she said:" on its line.
    """
    quotations, reports = _quotations(text), _reports(text)
    before = bisect_left(quotations, (start, -1)) - 1  # the last that begins before it
    if before >= 0 and end <= quotations[before][1]:
        return _stands_in_a_sentence(text, *quotations[before])
    low = text.rfind("\n", 0, start) + 1
    told = bisect_left(reports, (low, -1))  # the first on the line
    return (told < len(reports) and reports[told][1] <= start) or bool(
        _REPORTS.search(text, max(low, _content_end(text, start) - _WORD), start)
    )


def _stands_in_a_sentence(text: str, start: int, end: int) -> bool:
    """Whether words stand around a quotation on its line, outside of others."""
    low, high = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    before = text[max(low, start - _AROUND) : start]
    after = text[end : min(len(text) if high < 0 else high, end + _AROUND)]
    words = re.finditer(r"[^\W\d_]+", _QUOTED.sub(" ", f"{before} {after}"))
    return sum(1 for _ in islice(words, _LEAST_AROUND)) >= _LEAST_AROUND


@lru_cache(maxsize=16)  # a text may hold thousands of phrases
def _quotations(text: str) -> list[tuple[int, int]]:
    return [quoted.span() for quoted in _QUOTED.finditer(text)]


@lru_cache(maxsize=16)
def _reports(text: str) -> list[tuple[int, int]]:
    return [report.span() for report in _REPORTS.finditer(text)]


def _counts(entry: Text, text: str, start: int, end: int) -> bool:
    """Whether text[start:end] touches none of the parts the entry skips."""
    return not (entry.skip and _skipped(text, tuple(entry.skip)).touches(start, end))


@lru_cache(maxsize=16)
def _skipped(text: str, kinds: tuple[str, ...]) -> Cover:
    from curator.text.prose import Cover, masked

    return Cover((start, end) for start, end, kind in masked(text) if kind in kinds)


def shortened(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _plain(text: str) -> str:
    return re.sub("[’ʼ]", "'", text).lower()


def _in_case_of(found: str, right: str) -> str:
    if found.isupper() and len(found) > 1:
        return right.upper()
    return right[:1].upper() + right[1:] if found[:1].isupper() else right


@cache
def _beyond(words: tuple[str, ...]) -> re.Pattern[str]:
    """Signs and at most one of the words at the very end."""
    said = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?:[\s,;.，]*(?<![^\W_])(?:{said})|[\s,;.，]+)\Z", re.I)


@cache
def _folded(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.strip().lower() for value in values)


_FOLLOWS = re.compile(r"\s*(?:[,!:;.]+|—|–)\s*(?=\S)|(?<=[,!:;.])\s*(?=\S)|\s+(?=I\b)|\s*$")


_SUBJECT = re.compile(r"(?<=\w)[,\s]+(?:I|my|we)$", re.I)  # the sentence goes on with it: "As an AI, I …"
# A clause of its own ("I am an AI model and …"): what follows can stand without it only if it is one too.
_CLAUSE = re.compile(r"(?:I|my)\b", re.I)
_NEXT_CLAUSE = re.compile(r"\s*(?:[,;]\s*)?(?:(?:and|so|but)\s+)?(?=I\b)")
_NEXT_SENTENCE = re.compile(r"(?:(?<=[.;!])|\s*[.;!]+)\s*(?=\S|$)")


def _content_end(text: str, end: int) -> int:
    """The end of text[:end] without white space."""
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _removal(turn: Turn, spans: Sequence[tuple[int, int]]) -> Fix | None:
    """A fix that cuts the phrases out with the signs that follow; None where the sentence would break."""
    text, edits, left = turn.text, [], len(turn.text)
    for start, stops in spans:
        begun = _SUBJECT.search(text, start, stops)
        end = begun.start() if begun else stops
        head = _content_end(text, start)
        opens = not head or text[head - 1] in '.!?:…\n"“' or "\n" in text[head:start]
        after = _FOLLOWS.match(text, end)
        if _CLAUSE.match(text, start, end):
            after = _NEXT_CLAUSE.match(text, end) or (_NEXT_SENTENCE.match(text, end) if opens else None)
        if after is None:
            return None
        stop = after.end()
        first = text[stop : stop + 1]
        swap = first.upper() if opens else first
        edits.append(turn.edit(head if opens and not first else start, stop + len(first), swap))
        left -= stop - start
    title = "cut the phrase out"
    return Fix(title, tuple(edits)) if left > 0 and text[: spans[0][0]].strip() + text[stop:].strip() else None
