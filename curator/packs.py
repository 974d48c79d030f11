"""Rules that are data: the shipped `rules/*.toml` and a user's own rule files.

A file holds `[[rule]]` tables. Each names one kind of a closed set and carries the same summary, why,
options and executed examples as a rule in Python; it becomes an ordinary RowRule. There is no expression
language and no inline code: what the kinds cannot say is a rule in `curator.checks`.

phrases         one of the phrases occurs: anywhere, at the start, in the opening, or as a line of its own
pattern         a regular expression matches near one of its literals
substitute      a phrase stands where another should, which is offered as the fix
limit           a turn has too few or too many characters, words or lines
ratio           a class of characters has too large or too small a share of a turn
starts_or_ends  a turn must, or must not, start or end with one of the strings
one_of          the whole turn must, or must not, be one of the values

A phrase is matched word by word, in any case; `{a|b}` in it stands for either, `{a|}` for a or nothing.
Examples are written `{ user = "…", assistant = "…" }` or `{ row = { … } }`; a bad one may also carry `at`
(default: the last turn of the rule's roles), `fixed` (a row, or "dropped") and `options`.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec

from curator.errors import ConfigError
from curator.model import Example, Fix, Flag, Severity, Turn
from curator.rule import DROPPED, RULES, Bad, Row, RowRule, Rule, chat, option

if TYPE_CHECKING:
    from curator.columns import Batch

OPENING = 240  # characters in which an opening phrase must begin
REACH = 200  # characters a pattern may reach before and after its literal
_MOST_LITERALS = 300  # literals a phrase may be looked for by

Strings = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


def rules_dir() -> Path:
    """The folder of the shipped rules, targets, templates and profiles: in a wheel or in a checkout."""
    shipped = Path(__file__).parent / "_rules"
    return shipped if shipped.is_dir() else Path(__file__).parent.parent / "rules"


# ---------------------------------------------------------------------- what a rule file says


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every `[[rule]]` says, whatever its kind.

    `unless_prompt` are phrases that make the rule silent when the user says one of them beforehand;
    `unless_tools` makes it silent on rows that declare tools. `{found}` in the message is the hit.
    """

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2,6}\d{3}$")]
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    severity: Severity
    summary: Annotated[str, msgspec.Meta(min_length=1)]
    why: Annotated[str, msgspec.Meta(min_length=1)]
    message: Annotated[str, msgspec.Meta(min_length=1)]
    good: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(min_length=1)]
    bad: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(min_length=1)]
    preview: bool = False
    since: str = "0.1.0"
    roles: tuple[Literal["system", "user", "assistant", "tool"], ...] = ("assistant",)
    unless_prompt: tuple[str, ...] = ()
    unless_tools: bool = False


Masks = tuple[Literal["code", "url", "table", "math", "html"], ...]


class Text(Entry, frozen=True, kw_only=True):
    """A kind that looks into the text; hits in the parts named by `skip` do not count."""

    skip: Masks = ("code", "url", "table", "math", "html")


class Phrases(Text, frozen=True, kw_only=True, tag="phrases"):
    """`phrases` count where `where` says, `lines` as lines of their own (no list items); `fix` may cut hits out."""

    phrases: Strings
    lines: tuple[str, ...] = ()
    where: Literal["anywhere", "start", "opening"] = "anywhere"
    fix: Literal["none", "remove"] = "none"


class Pattern(Text, frozen=True, kw_only=True, tag="pattern"):
    """Every match must hold one of `literals` and reach no more than REACH characters from it."""

    pattern: str
    literals: Strings


class Substitute(Text, frozen=True, kw_only=True, tag="substitute"):
    swap: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    safety: Literal["safe", "unsafe"] = "unsafe"


class Limit(Entry, frozen=True, kw_only=True, tag="limit"):
    measure: Literal["characters", "words", "lines"]
    at_least: Annotated[int, msgspec.Meta(ge=0)] | None = None
    at_most: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Ratio(Entry, frozen=True, kw_only=True, tag="ratio"):
    of: Literal["upper-case", "digits", "punctuation", "space", "non-ascii"]
    at_least: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    at_most: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    min_characters: Annotated[int, msgspec.Meta(ge=1)] = 20


class StartsOrEnds(Entry, frozen=True, kw_only=True, tag="starts_or_ends"):
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    must: bool = True


class OneOf(Entry, frozen=True, kw_only=True, tag="one_of"):
    """Case does not count, and where the values are forbidden neither do signs around them.

    `unless_said` makes the rule silent where the user names the value beforehand ("else answer None").
    """

    values: Strings
    must: bool = True
    unless_said: bool = False


# ---------------------------------------------------------------------- the kinds as rules


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
        for before, turn in _turns(example, entry.roles):
            asked = "\n".join(t.text for t in before if t.role == "user")
            found = list(self.judge(turn, asked))
            if found and not (entry.unless_prompt and finder(entry.unless_prompt).search(asked)):
                yield from found

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
        """The faults of one turn; `asked` is all the user said before it."""
        raise NotImplementedError

    def say(self, found: str) -> str:
        return self.entry.message.replace("{found}", _short(found))


class PhraseRule(PackRule, frozen=True):
    entry: ClassVar[Phrases]

    allow: Annotated[tuple[str, ...], option("Phrases that are no finding.")] = ()

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
        spans = [span for span in sorted(self._spans(turn.text)) if not self._allowed(turn.text[slice(*span)])]
        if spans:
            fix = _removal(turn, spans) if self.entry.fix == "remove" else None
            yield turn.flag(self.say(turn.text[slice(*spans[0])]), spans[0], fix=fix)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        entry = self.entry
        start = len(text) - len(text.lstrip()) + 1
        reach = {"anywhere": len(text), "opening": OPENING, "start": start}[entry.where]
        for start, end in occurrences(entry.phrases, text, reach):
            if _counts(entry, text, start, end):
                yield start, end
        for line in _LINE.finditer(text) if entry.lines else ():
            span = _core(text, *line.span())
            if (
                not _LISTED.match(line.group())
                and finder(entry.lines).fullmatch(text, *span)
                and _counts(entry, text, *span)
            ):
                yield span

    def _allowed(self, found: str) -> bool:
        return bool(self.allow) and finder(self.allow).fullmatch(found) is not None


class PatternRule(PackRule, frozen=True):
    entry: ClassVar[Pattern]

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
        text, pattern = turn.text, compiled(self.entry.pattern)
        for low, high in _windows(text, self.entry.literals):
            for hit in pattern.finditer(text, low, high):
                if _counts(self.entry, text, *hit.span()):
                    yield turn.flag(self.say(hit.group()), hit.span())
                    return


class SubstituteRule(PackRule, frozen=True):
    entry: ClassVar[Substitute]

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
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

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
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

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
        if len(turn.text) < self.min_characters:
            return
        share = len(_CLASSES[self.entry.of].findall(turn.text)) / len(turn.text)
        if _outside(share, self.at_least, self.at_most):
            yield turn.flag(self.say(f"{share:.0%} {self.entry.of}"))


class StartsOrEndsRule(PackRule, frozen=True):
    entry: ClassVar[StartsOrEnds]

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
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

        from curator.columns import column, distinct, fold, hash_words

        values = hash_words(column([fold(value) for value in self.entry.values]))
        counts = np.diff(batch.words.offsets)
        return distinct(batch.turn_lines[counts <= np.diff(values.offsets).max()])

    def judge(self, turn: Turn, asked: str) -> Iterator[Flag]:
        entry, body = self.entry, turn.text.strip()
        known = _folded(entry.values)
        if entry.must:
            if body and body.lower() not in known:
                yield turn.flag(self.say(body))
            return
        core = body[slice(*_core(body, 0, len(body)))]
        if body.lower() not in known and core.lower() not in known:
            return
        if not (entry.unless_said and core and finder((core,)).search(asked)):
            yield turn.flag(self.say(body))


_KINDS: dict[str, tuple[type[Entry], type[PackRule], tuple[str, ...]]] = {  # the fields last are options
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
            yield example.turns[:place], turn


def _counts(entry: Text, text: str, start: int, end: int) -> bool:
    """Whether text[start:end] touches none of the parts the entry skips."""
    from curator.prose import masked

    return not any(low < end and high > start for low, high, kind in masked(text) if kind in entry.skip)


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


# ---------------------------------------------------------------------- phrases

_BRACES = re.compile(r"\{([^{}]*)\}")
_WORD_STARTS = r"(?:(?<![A-Za-z0-9])|(?![A-Za-z0-9]))"  # not inside a word of the Latin alphabet
_WORD_ENDS = r"(?:(?![A-Za-z0-9])|(?<![A-Za-z0-9]))"
_LISTED = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s")
_LINE = re.compile(r"[^\n]+")
_WRAPPING = " \t\r.!?:…*_#>|()[]«»<>\"'“”‘’`~=-–—•·→»›"


@lru_cache(maxsize=2048)
def finder(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all phrases, the longest first: any case of ASCII letters, whole words."""
    return re.compile("|".join(_phrase_pattern(p) for p in sorted(phrases, key=len, reverse=True)), re.I | re.A)


def occurrences(phrases: tuple[str, ...], text: str, reach: int) -> Iterator[tuple[int, int]]:
    """Spans of the phrases that begin before `reach`, in order, without overlap.

    An expression of hundreds of alternatives is slow on long texts: it is run only around the literals
    of its phrases, which one automaton finds.
    """
    body = text[: reach + _LONGEST]
    if len(body.lower()) != len(body):  # a few capitals of other scripts become two characters
        yield from (hit.span() for hit in finder(phrases).finditer(body) if hit.start() < reach)
        return
    done = 0
    for start, end, own in sorted(spotter(phrases)(body), key=lambda spot: spot[:2]):
        if end <= done:
            continue
        for hit in own.finditer(body, max(done, start - _LONGEST), end + _LONGEST):
            if hit.start() < reach and hit.start() <= start and hit.end() >= end and hit.start() >= done:
                yield hit.span()
                done = hit.end()


_LONGEST = 160  # characters of the longest phrase
_LONE = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=2048)
def spotter(phrases: tuple[str, ...]) -> Callable[[str], Iterator[tuple[int, int, re.Pattern[str]]]]:
    """Finds the literals of the phrases in a text: (start, end, the expression of the phrases that have it)."""
    import ahocorasick_rs

    owners: dict[str, list[str]] = {}
    for phrase in phrases:
        for literal in literals_of((phrase,)):
            owners.setdefault(literal.lower(), []).append(phrase)
    automaton = ahocorasick_rs.AhoCorasick(list(owners))
    own = [finder(tuple(group)) for group in owners.values()]

    def spots(text: str) -> Iterator[tuple[int, int, re.Pattern[str]]]:
        folded = _LONE.sub("\ufffd", text.lower())  # the automaton takes UTF-8 alone
        for which, start, end in automaton.find_matches_as_indexes(folded, overlapping=True):
            yield start, end, own[which]

    return spots


def _phrase_pattern(phrase: str) -> str:
    parts = _BRACES.split(phrase)  # fixed text at even places, alternatives at odd ones
    for place, part in enumerate(parts):
        choices = sorted(part.split("|"), key=len, reverse=True) if place % 2 else [part]
        body = "|".join(re.escape(choice).replace("'", "['’ʼ]") for choice in choices)
        parts[place] = f"(?:{body})" if place % 2 else body
    return f"{_WORD_STARTS}{''.join(parts)}{_WORD_ENDS}"


def _parts_of(phrase: str) -> list[list[str]]:
    return [part.split("|") if place % 2 else [part] for place, part in enumerate(_BRACES.split(phrase))]


def literals_of(phrases: Iterable[str]) -> tuple[str, ...]:
    """Strings one of which occurs, in some case, wherever one of the phrases does."""
    return tuple(sorted({literal for phrase in phrases for literal in _literals_of(phrase)}))


@lru_cache(maxsize=4096)
def _literals_of(phrase: str) -> frozenset[str]:
    """The cheapest run of the phrase's parts, multiplied out: few strings, long ones, of several words."""
    parts = _parts_of(phrase)
    runs = [parts[low:high] for low, high in combinations(range(len(parts) + 1), 2)]
    sized = sorted(((math.prod(map(len, run)), place) for place, run in enumerate(runs)))
    best, least = set[str](), math.inf
    for size, place in sized:
        if size >= min(least, _MOST_LITERALS):
            break
        pieces, cost = set[str](), 0.0
        for choice in product(*runs[place]):
            piece = _longest_piece("".join(choice))
            if piece not in pieces:
                pieces.add(piece)
                cost += _cost(piece)
                if cost >= least:
                    break
        else:
            best, least = pieces, cost
    return frozenset(best)


_APOSTROPHE = re.compile("['’ʼ]")
_COMMON = frozenset(
    "a an and as at be by can do for have here i in is it my of on or our so t that the this to was we with you "
    "your".split()
)


@cache
def _cost(literal: str) -> float:
    """What it costs to look for a literal: one that is short, or made of common words, is found too often."""
    size, words = len(literal.encode()), literal.split()
    if size < 2:
        return math.inf
    rare = sum(word.lower() not in _COMMON for word in words) + 2 * (not literal.isascii())
    found = {0: 5000.0, 1: 300.0}.get(rare, 0.0) * math.pow(4, 1 - len(words))
    return 1 + 2000 * math.pow(3, -size) + found


def _longest_piece(text: str) -> str:
    """The longest part between apostrophes, which are written in several ways."""
    return max(_APOSTROPHE.split(text), key=len)


def _core(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the signs that may wrap a phrase: brackets, quotation marks, list and heading marks."""
    while start < end and text[start] in _WRAPPING:
        start += 1
    while end > start and text[end - 1] in _WRAPPING:
        end -= 1
    return start, end


def _plain(text: str) -> str:
    return re.sub("[’ʼ]", "'", text).lower()


def _in_case_of(found: str, right: str) -> str:
    if found.isupper() and len(found) > 1:
        return right.upper()
    return right[:1].upper() + right[1:] if found[:1].isupper() else right


@cache
def _folded(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.strip().lower() for value in values)


_FOLLOWS = re.compile(r"\s*(?:[,!:;.]+|—|–)\s*(?=\S)|(?<=[,!:;.])\s*(?=\S)|\s+(?=I\b)|\s*$")


def _removal(turn: Turn, spans: Sequence[tuple[int, int]]) -> Fix | None:
    """A fix that cuts the phrases out with the signs that follow; None where the sentence would break."""
    text, edits, left = turn.text, [], len(turn.text)
    for start, end in spans:
        after = _FOLLOWS.match(text, end)
        if after is None:
            return None
        head = text[:start].rstrip()
        opens = not head or head[-1] in '.!?:…\n"“' or "\n" in text[len(head) : start]
        stop = after.end()
        first = text[stop : stop + 1]
        swap = first.upper() if opens else first
        edits.append(turn.edit(start, stop + len(first), swap))
        left -= stop - start
    title = "cut the phrase out"
    return Fix(title, tuple(edits)) if left > 0 and text[: spans[0][0]].strip() + text[stop:].strip() else None


# ---------------------------------------------------------------------- patterns


@lru_cache(maxsize=2048)
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I | re.A | re.M)


def _windows(text: str, literals: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Spans of the text that reach REACH characters around the literals, merged where they overlap."""
    anchors = re.compile("|".join(re.escape(literal) for literal in literals), re.I | re.A)
    low = high = -1
    for hit in anchors.finditer(text):
        start, end = max(0, hit.start() - REACH), min(len(text), hit.end() + REACH)
        if start > high >= 0:
            yield low, high
            low = start
        elif low < 0:
            low = start
        high = end
    if high >= 0:
        yield low, high


def unsafe_part(pattern: str) -> str | None:
    """Why a pattern could take exponential time, or None: repeats inside repeats, references back."""
    from re import _parser  # type: ignore[attr-defined]  # the standard library's own reading of the pattern

    return _unsafe(_parser.parse(pattern), inside=False)


def _unsafe(parsed: Any, inside: bool) -> str | None:
    for operation, argument in parsed:
        name = str(operation)
        if name.startswith("GROUPREF"):
            return "it refers back to a group"
        repeats = name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
        if repeats and inside and argument[1] > 1:
            return "a repeat stands inside another"
        nested = inside or (repeats and argument[1] > 1)
        for part in _parts(argument):
            if reason := _unsafe(part, nested):
                return reason
    return None


def _parts(argument: Any) -> Iterator[Any]:
    """The subpatterns in the argument of a parsed operation."""
    if hasattr(argument, "data") and hasattr(argument, "state"):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from _parts(item)


# ---------------------------------------------------------------------- loading


@cache
def load() -> None:
    """Register the shipped rules; the second call does nothing."""
    for path in sorted(rules_dir().glob("*.toml")):
        _register(_read(path))


def load_file(path: Path) -> dict[str, type[Rule]]:
    """Register the rules of a user's own file and return them by code. Their examples are run first.

    Raises:
        ConfigError: the file cannot be read, says something no kind knows, takes a code or name that is
            taken, or holds an example that does not behave as it says.
    """
    from curator import checks

    checks.load()
    load()
    rules = _read(path)
    for rule in rules:
        _refuse_unsound(rule)
        _refuse_taken(rule)
        _run_examples(rule)
    _register(rules)
    return {rule.entry.code: RULES[rule.entry.code] for rule in rules}


class _Made(NamedTuple):
    """A rule on the way in, and the file it comes from."""

    entry: Entry
    path: Path

    @property
    def where(self) -> str:
        return f"{self.path}: rule {self.entry.code}"


def _read(path: Path) -> list[_Made]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"the rule file cannot be read: {fault}", where=str(path)) from fault
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"the rule file is not TOML: {fault}", where=str(path)) from fault
    entries = tables.pop("rule", None)
    if tables or not isinstance(entries, list):
        odd = f"unknown key {next(iter(tables))!r}" if tables else "no [[rule]] in it"
        raise ConfigError(f"a rule file holds [[rule]] tables: {odd}", where=str(path))
    made = [_Made(_entry(table, path, number), path) for number, table in enumerate(entries, 1)]
    for one in made:
        if sum(other.entry.code == one.entry.code for other in made) > 1:
            raise ConfigError("the code is given twice", where=one.where)
    return made


def _entry(table: dict[str, Any], path: Path, number: int) -> Entry:
    where = f"{path}: rule {table.get('code', number)}"
    kind = table.get("kind")
    if kind not in _KINDS:
        what = "it has no `kind`" if kind is None else f"unknown kind {kind!r}"
        raise ConfigError(what, where=where, hint=f"the kinds are {', '.join(_KINDS)}")
    known = {"kind", *_KINDS[kind][0].__struct_fields__}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ConfigError(
                f"unknown key {key!r} for kind {kind}",
                where=where,
                hint=f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}",
            )
    try:
        return msgspec.convert(table, _KINDS[kind][0])
    except msgspec.ValidationError as fault:
        raise ConfigError(str(fault).replace("Object missing", "missing"), where=where) from fault


def _refuse_unsound(made: _Made) -> None:
    """What the types cannot say."""
    entry, reason = made.entry, None
    match entry:
        case Phrases() if not all(_literals_of(phrase) for phrase in (*entry.phrases, *entry.lines)):
            reason = "a phrase has no part of two characters to look for"
        case Substitute(swap=swap) if any("{" in wrong or not wrong.strip() for wrong in swap):
            reason = "`swap` names plain phrases, without braces"
        case Pattern():
            reason = _bad_pattern(entry)
        case Limit(at_least=None, at_most=None) | Ratio(at_least=None, at_most=None):
            reason = "it needs `at_least`, `at_most` or both"
        case StartsOrEnds(starts=(), ends=()):
            reason = "it needs `starts`, `ends` or both"
        case _:
            pass
    if reason:
        raise ConfigError(reason, where=made.where)


def _bad_pattern(entry: Pattern) -> str | None:
    try:
        compiled(entry.pattern)
    except re.error as fault:
        return f"`pattern` is no regular expression: {fault}"
    if reason := unsafe_part(entry.pattern):
        return f"`pattern` could run for ever: {reason}"
    return "`literals` must have two characters or more" if any(len(s) < 2 for s in entry.literals) else None


def _literals(entry: Entry) -> tuple[str, ...]:
    match entry:
        case Phrases(phrases=phrases, lines=lines):
            return literals_of((*phrases, *lines))
        case Pattern(literals=literals):
            return literals
        case Substitute(swap=swap):
            return literals_of(swap)
        case StartsOrEnds(must=False, starts=starts, ends=ends):
            return (*starts, *ends)
        case _:
            return ()


def _register(rules: Iterable[_Made]) -> None:
    for made in rules:
        _rule_class(made, made.entry.code)


def _rule_class(made: _Made, code: str) -> type[PackRule]:
    """The rule as a class; it is registered unless `code` is empty."""
    entry = made.entry
    _, base, options = _KINDS[type(entry).__struct_config__.tag]  # type: ignore[index]
    fields = [(name, base.__annotations__[name], getattr(entry, name)) for name in options]
    namespace = {
        "__doc__": f"{entry.summary}\n\n{entry.why.strip()}",
        "code": code,
        "entry": entry,
        "severity": entry.severity,
        "preview": entry.preview,
        "since": entry.since,
        "literals": _literals(entry),
        "GOOD": [_row(made, good, ()) for good in entry.good],
        "BAD": [_bad(made, bad) for bad in entry.bad],
    }
    name = "".join(part.capitalize() for part in entry.name.split("-"))
    return msgspec.defstruct(  # type: ignore[return-value]
        name,
        fields,
        bases=(base,),
        namespace=namespace,
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


# ---------------------------------------------------------------------- examples

_TURN = re.compile(r"(system|user|assistant|tool)\d*")


def _row(made: _Made, table: Mapping[str, Any], extra: Sequence[str]) -> Row:
    """A row in the compact notation: turns by role, or `row` for one of any shape."""
    turns = {key: value for key, value in table.items() if key not in extra}
    if set(turns) == {"row"} and isinstance(turns["row"], dict):
        return turns["row"]
    for key, value in turns.items():
        if not _TURN.fullmatch(key) or not isinstance(value, str):
            hint = "write the turns by role (user = …, assistant = …), or row = { … }"
            raise ConfigError(f"an example has the key {key!r}", where=made.where, hint=hint)
    return chat(**turns)


def _bad(made: _Made, table: Mapping[str, Any]) -> Bad:
    row = _row(made, table, ("at", "fixed", "options"))
    fixed = table.get("fixed")
    if isinstance(fixed, dict):
        fixed = _row(made, fixed, ())
    elif fixed is not None:
        fixed = DROPPED
    at = table.get("at")
    return Bad(
        row,
        _default_place(made, row) if at is None else at if isinstance(at, str) else tuple(at),
        fixed,
        table.get("options", {}),
    )


def _default_place(made: _Made, row: Row) -> str:
    messages = row.get("messages", [])
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].get("role") in made.entry.roles:
            return f"messages[{place}].content"
    raise ConfigError("a bad example does not say `at`", where=made.where)


def _refuse_taken(made: _Made) -> None:
    for code, rule in RULES.items():
        same = issubclass(rule, PackRule) and _sources.get(code) == made.path
        if same or (code != made.entry.code and rule.slug() != made.entry.name):
            continue
        taken = f"the code is that of {rule.slug()}" if code == made.entry.code else f"the name is that of {code}"
        raise ConfigError(f"{taken}, another rule", where=made.where, hint="choose another, such as MY001")
    _sources[made.entry.code] = made.path


_sources: dict[str, Path] = {}  # the user's file that a code comes from


def _run_examples(made: _Made) -> None:
    from curator.harness import flags_of, flags_of_bad, place_of

    rule = _rule_class(made, "")
    for number, good in enumerate(rule.GOOD, 1):
        if flags_of(rule(), good):
            raise ConfigError(f"good example {number} is flagged", where=made.where, hint=_short(str(good), 200))
    for number, bad in enumerate(rule.BAD, 1):
        try:
            places = tuple(place_of(rule(), index, flag) for index, flag in flags_of_bad(rule, bad))
        except msgspec.ValidationError as fault:
            raise ConfigError(f"options of bad example {number}: {fault}", where=made.where) from fault
        if places != bad.places:
            found = ", ".join(places) or "nowhere"
            what = f"bad example {number} is flagged at {found}, not at {', '.join(bad.places)}"
            raise ConfigError(what, where=made.where, hint=_short(str(bad.row), 200))
